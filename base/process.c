/* Start and end of a process: command line, configuration, log, signals, folders and their
 * locks, confinement, and telling systemd that the process is ready. */

#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/config_env.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process_confine.h"

static int usage_error(const char *kind, const char *words, const char *what)
{
    (void)fprintf(stderr, "amo-%s: %s%s (try amo-%s --help)\n", kind, words, what, kind);
    return START_EXIT(EXIT_USAGE);
}

/* What getopt_long returns for an option of the program: its index above this. */
#define OWN_OPTION  1000
#define MAX_OPTIONS 8

static void all_options(const struct process_program *program, struct option all[MAX_OPTIONS])
{
    size_t n = 0;

    all[n++] = (struct option){"config", required_argument, NULL, 'c'};
    all[n++] = (struct option){"version", no_argument, NULL, 'v'};
    all[n++] = (struct option){"help", no_argument, NULL, 'h'};
    for (size_t i = 0; i < program->n_options && n < MAX_OPTIONS - 1; i++)
        all[n++] = (struct option){program->options[i].name, required_argument, NULL,
                                   OWN_OPTION + (int)i};
    all[n] = (struct option){0};
}

static int unknown_option(const char *kind, const struct option *all, const char *given)
{
    (void)fprintf(stderr, "amo-%s: unknown argument %s; there are", kind, given);
    for (const struct option *o = all; o->name; o++)
        (void)fprintf(stderr, " --%s", o->name);
    (void)fprintf(stderr, " (try amo-%s --help)\n", kind);
    return START_EXIT(EXIT_USAGE);
}

/* 0 to go on. */
static int parse_arguments(struct process *p, const struct process_program *program, int argc,
                           char **argv)
{
    struct option all[MAX_OPTIONS];
    int got = 0;

    all_options(program, all);
    optind = 0; /* from the beginning, as often as this is called */
    opterr = 0;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread is started */
    while ((got = getopt_long(argc, argv, "+:h", all, NULL)) != -1) {
        switch (got) {
        case 'h':
            (void)printf("%s", program->usage);
            return START_EXIT(fflush(stdout) ? EXIT_FAILED : EXIT_FINE);
        case 'v':
            (void)printf("amo-%s %s\n", program->kind, AMO_VERSION);
            return START_EXIT(fflush(stdout) ? EXIT_FAILED : EXIT_FINE);
        case 'c':
            p->config_path = optarg;
            break;
        case ':':
            return usage_error(program->kind, "a value is missing after ", argv[optind - 1]);
        case '?':
            return unknown_option(program->kind, all, argv[optind - 1]);
        default:
            *program->options[got - OWN_OPTION].value = optarg;
            if (program->options[got - OWN_OPTION].kind)
                p->kind = program->options[got - OWN_OPTION].kind;
        }
    }
    return optind < argc ? usage_error(program->kind, "unknown argument ", argv[optind]) : 0;
}

static int load_config(struct process *p, const char *path)
{
    struct buf why;
    int rc = 0;

    buf_init(&why, 4096);
    rc = config_load(path, &why, &p->config);
    if (rc)
        (void)fprintf(stderr, "amo-%s: %s\n", p->kind, buf_str(&why));
    buf_fini(&why);
    if (rc)
        return START_EXIT(rc == -ENOMEM ? EXIT_TEMPORARY : EXIT_USAGE);
    /* config_load has seen to it that a name fits */
    (void)snprintf(p->name, sizeof(p->name), "%s",
                   *config_text(p->config, "name") ? config_text(p->config, "name") : p->kind);
    return 0;
}

static void set_log_up(const struct process *p)
{
    enum log_level level = LOG_LEVEL_INFO;

    /* config_load has checked both values */
    if (log_level_parse(view_of(config_text(p->config, "log/level")), &level))
        level = LOG_LEVEL_INFO;
    log_setup(p->name, level, strcmp(config_text(p->config, "log/format"), "json") == 0);
}

/* What is told of them beside the log: names alone, one of what is set there may be a secret. */
static char strangers[PROCESS_STRANGERS_MAX];

const char *process_strangers(void)
{
    return strangers;
}

static void on_stranger(void *arg, const char *name, bool mistake, const char *like)
{
    char space[LOG_VALUE_MAX];
    size_t used = strlen(strangers);
    size_t need = strlen(name) + (like ? strlen(like) + 1 : 0) + 1;

    (void)arg;
    if (!mistake)
        return;
    log_line(LOG_LEVEL_WARN, "setting.unknown", "name=%s like=%s",
             log_value(view_of(name), space), like ? like : "-");
    if (used + need < sizeof(strangers)) /* the log has them all */
        (void)snprintf(strangers + used, sizeof(strangers) - used, "%s%s%s\n", name,
                       like ? " " : "", like ? like : "");
}

/* The signals that arrive through process_signal_fd. */
static sigset_t signals_we_read(void)
{
    sigset_t set;

    (void)sigemptyset(&set); /* these fail only for signals that do not exist */
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    return set;
}

static int set_signals_up(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set = signals_we_read();

    /* pthread_: the same as sigprocmask while there is one thread, and right with more */
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) || sigaction(SIGPIPE, &ignore, NULL))
        return -EINVAL;
    return 0;
}

/* -EWOULDBLOCK when somebody else holds it. */
static int lock_take(const char *path, int *ret_fd)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    int rc = 0;

    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        rc = -errno;
        (void)close(fd); /* nothing was written to it */
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

int process_start_failed(const struct process *p, const char *what, const char *path, int rc)
{
    if (rc == -EWOULDBLOCK)
        (void)fprintf(stderr, "amo-%s: another process named %s is running (it holds %s)\n",
                      p->kind, p->name, path);
    else /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread is started */
        (void)fprintf(stderr, "amo-%s: %s %s: %s\n", p->kind, what, path, strerror(-rc));
    return START_EXIT(process_exit_code(rc));
}

int process_exit_code(int rc)
{
    switch (-rc) {
    case EIO:
    case ENOSPC:
    case EDQUOT:
    case EROFS: /* what a file system becomes that met an error */
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EINTR:
    case ENOBUFS:
        return EXIT_TEMPORARY;
    default:
        return EXIT_FAILED;
    }
}

/* Makes the directory "@dir" or "@dir/@sub" and takes the lock "<name>.lock" in it. */
static int claim_dir(const struct process *p, const char *dir, const char *sub, int *ret_fd)
{
    struct buf path;
    int rc = 0;

    buf_init(&path, 4096);
    (void)buf_add_f(&path, "%s%s%s", dir, *sub ? "/" : "", sub);
    rc = buf_error(&path);
    if (!rc)
        rc = process_make_dir(buf_str(&path));
    if (rc) {
        rc = process_start_failed(p, "cannot make", buf_str(&path), rc);
        goto out;
    }
    (void)buf_add_f(&path, "/%s.lock", p->name);
    rc = buf_error(&path);
    if (!rc)
        rc = lock_take(buf_str(&path), ret_fd);
    if (rc)
        rc = process_start_failed(p, "cannot lock", buf_str(&path), rc);
out:
    buf_fini(&path);
    return rc;
}

int process_start(struct process *p, const struct process_program *program, int argc,
                  char **argv)
{
    int rc = 0;

    *p = (struct process){
        .kind = program->kind, .program = program, .lock_fd = -1, .data_lock_fd = -1};
    rc = parse_arguments(p, program, argc, argv);
    if (!rc)
        rc = load_config(p, p->config_path);
    if (rc)
        goto out;
    set_log_up(p);
    config_strangers(on_stranger, NULL);
    (void)umask(0007); /* what we make is for our group, not for others */
    rc = claim_dir(p, config_text(p->config, "run_dir"), "", &p->lock_fd);
    if (!rc)
        rc = claim_dir(p, config_text(p->config, "data_dir"), p->kind, &p->data_lock_fd);
    if (!rc && set_signals_up())
        rc = process_start_failed(p, "cannot set up", "signals", -EINVAL);
    rc = rc ? rc : process_confine_files(p);
out:
    if (rc)
        process_fini(p);
    return rc;
}

void process_fini(struct process *p)
{
    /* closing lets the locks go; nothing was written to them */
    if (p->data_lock_fd >= 0)
        (void)close(p->data_lock_fd);
    if (p->lock_fd >= 0)
        (void)close(p->lock_fd);
    config_free(p->config);
    *p = (struct process){.kind = p->kind, .lock_fd = -1, .data_lock_fd = -1};
}

int process_end(struct process *p, int code)
{
    log_often_flush(0);
    log_line(LOG_LEVEL_INFO, "stopped", "exit=%d", code);
    process_fini(p);
    return code;
}

int process_signal_fd(int *ret_fd)
{
    sigset_t set = signals_we_read();
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);

    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

int process_signal_next(int fd)
{
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return 0;
    return (int)info.ssi_signo;
}

/* One datagram to the socket systemd named; a leading '@' means the abstract name space. */
static void notify_systemd(const char *text)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nothing of ours writes the environment */
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    int fd = -1;

    if (len < 2 || len >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    /* readiness that cannot be told is systemd's time-out to handle */
    (void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    (void)close(fd);
}

void process_ready(const struct process *p, const char *details)
{
    log_line(LOG_LEVEL_INFO, "ready", "version=%s pid=%d kind=%s%s%s", AMO_VERSION,
             (int)getpid(), p->kind, details && *details ? " " : "", details ? details : "");
    notify_systemd("READY=1");
}

/* A new folder that a power cut takes back takes along what was promised in it. */
static int flush_parent(const char *path)
{
    int rc = file_flush_parent(path);

    return rc == -EINVAL ? 0 : rc; /* a file system that knows no such thing, as of /proc */
}

static int make_one_dir(const char *path)
{
    struct stat st;

    if (mkdir(path, 0750) == 0)
        return flush_parent(path);
    if (errno != EEXIST)
        return -errno;
    if (stat(path, &st))
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int process_make_dir(const char *path)
{
    char part[4096];
    size_t len = strlen(path);
    int rc = 0;

    if (len == 0)
        return -ENOENT;
    if (len >= sizeof(part))
        return -ENAMETOOLONG;
    for (size_t i = 1; i <= len && !rc; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        rc = make_one_dir(part);
    }
    return rc;
}

int process_make_parent(const char *file)
{
    const char *slash = strrchr(file, '/');
    char dir[4096];

    if (!slash || slash == file)
        return 0;
    if (view_copy(view_make(file, (size_t)(slash - file)), dir, sizeof(dir)))
        return -ENAMETOOLONG;
    return process_make_dir(dir);
}
