#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/testing.h"

static char dir[] = "/tmp/amo-process-test-XXXXXX";

static int set_up(void **state)
{
    char path[64];

    (void)state;
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/data", dir);
    testing_set_env("AMO_DATA_DIR", path);
    (void)snprintf(path, sizeof(path), "%s/run", dir);
    testing_set_env("AMO_RUN_DIR", path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    testing_remove_folder(dir);
    return 0;
}

static const char *spool;
static const struct process_option options[] = {
    {"drain", &spool, "core-drain"}
};
static const struct process_path paths[] = {
    {"/etc",            PROCESS_PATH_FIXED,  CONFINE_READ   },
    {"",                PROCESS_PATH_CONFIG, CONFINE_READ   },
    {"core/store",      PROCESS_PATH_PARENT, CONFINE_WRITE  },
    {"master_key_file", PROCESS_PATH_MADE,   CONFINE_READ   },
    {"bus/events",      PROCESS_PATH_PARENT, CONFINE_SOCKETS},
    {"drain",           PROCESS_PATH_OPTION, CONFINE_WRITE  },
};
static const char *const listens[] = {"core/admin_listen"};
/* not confined: the tests go on in the same process */
static const struct process_program amo_core = {
    .kind = "core",
    .usage = "usage: amo-core\n",
    .options = options,
    .n_options = AMO_COUNT(options),
};
static struct process_program confined_core; /* amo_core with what it may do */

/* What process_start says to these arguments; the last one is NULL. */
static int start(struct process *p, const char *first, const char *second)
{
    char program[] = "amo-core";
    char one[200];
    char two[200];
    char *argv[] = {program, one, two, NULL};
    int argc = 1 + (first != NULL) + (second != NULL);

    (void)snprintf(one, sizeof(one), "%s", first ? first : "");
    (void)snprintf(two, sizeof(two), "%s", second ? second : "");
    argv[argc] = NULL;
    return process_start(p, &amo_core, argc, argv);
}

static mode_t mode_of(const char *name)
{
    struct stat st = {.st_mode = 0};
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void a_process_starts_with_directories_and_locks_of_its_own(void **state)
{
    struct process p;

    (void)state;
    assert_int_equal(start(&p, NULL, NULL), 0);
    assert_string_equal(p.name, "core");
    assert_string_equal(p.kind, "core");
    assert_true(p.lock_fd >= 0);
    assert_int_equal(mode_of("run"), 0750);
    assert_int_equal(mode_of("data"), 0750);
    assert_int_equal(mode_of("data/core"), 0750);
    process_fini(&p);
    process_fini(&p);
}

static void a_second_process_of_the_same_name_refuses_to_start(void **state)
{
    struct process first;
    struct process second;

    (void)state;
    assert_int_equal(start(&first, NULL, NULL), 0);
    assert_int_equal(start(&second, NULL, NULL) - 1, EXIT_FAILED);
    process_fini(&first);
    assert_int_equal(start(&second, NULL, NULL), 0);
    process_fini(&second);
}

static void processes_of_different_names_share_the_directories(void **state)
{
    struct process first;
    struct process second;

    (void)state;
    testing_set_env("AMO_NAME", "one");
    assert_int_equal(start(&first, NULL, NULL), 0);
    testing_set_env("AMO_NAME", "two");
    assert_int_equal(start(&second, NULL, NULL), 0);
    assert_string_equal(second.name, "two");
    process_fini(&first);
    process_fini(&second);
    testing_set_env("AMO_NAME", NULL);
}

static void help_and_version_end_well(void **state)
{
    struct process p;

    (void)state;
    assert_int_equal(start(&p, "--help", NULL) - 1, EXIT_FINE);
    assert_int_equal(start(&p, "--version", NULL) - 1, EXIT_FINE);
}

static void bad_arguments_and_bad_config_are_usage_errors(void **state)
{
    struct process p;

    (void)state;
    assert_int_equal(start(&p, "--what", NULL) - 1, EXIT_USAGE);
    assert_int_equal(start(&p, "what", NULL) - 1, EXIT_USAGE);
    assert_int_equal(start(&p, "--config", NULL) - 1, EXIT_USAGE);
    assert_int_equal(start(&p, "--drain", NULL) - 1, EXIT_USAGE);
    assert_int_equal(start(&p, "--", "what") - 1, EXIT_USAGE);
    assert_int_equal(start(&p, "--config", "/nonexistent/amo.conf") - 1, EXIT_USAGE);
    assert_int_equal(start(&p, "--config=/nonexistent/amo.conf", NULL) - 1, EXIT_USAGE);
    testing_set_env("AMO_DRAIN_MS", "x");
    assert_int_equal(start(&p, NULL, NULL) - 1, EXIT_USAGE);
    testing_set_env("AMO_DRAIN_MS", NULL);
}

static void a_program_has_options_of_its_own(void **state)
{
    struct process p;

    (void)state;
    assert_int_equal(start(&p, "--drain", "/a/spool"), 0);
    assert_string_equal(spool, "/a/spool");
    assert_string_equal(p.name, "core-drain");
    process_fini(&p);
    assert_int_equal(start(&p, "--drain=/another", NULL), 0);
    assert_string_equal(spool, "/another");
    assert_null(p.config_path);
    process_fini(&p);
}

#ifdef AMO_UNCONFINED
#define IS_CONFINED false
#else
#define IS_CONFINED true
#endif

static bool may_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);

    return fd >= 0 && close(fd) == 0;
}

/* In the child. 0, or the number of what is not as it should be. */
static int begin_confined(bool wanted)
{
    struct process p;
    char program[] = "amo-core";
    char *argv[] = {program, NULL};
    char path[128];

    log_setup("core", LOG_LEVEL_ERROR, false);
    if (process_start(&p, &confined_core, 1, argv) || process_confine(&p))
        return 1;
    if ((prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) != wanted ||
        (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0) != wanted)
        return 2;
    (void)snprintf(path, sizeof(path), "%s/data/core/kept", dir);
    if (!may_open(path, O_RDWR | O_CREAT) || unlink(path))
        return 3;
    (void)snprintf(path, sizeof(path), "%s/other", dir); /* nobody named it */
    if (p.confined.landlock && may_open(path, O_RDWR | O_CREAT) == wanted)
        return 4;
    if ((socket(AF_INET, SOCK_STREAM, 0) < 0) != wanted)
        return 5;
    return 0;
}

/* What becomes of one call from now on. */
static bool answer_call(unsigned call, unsigned with)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, with),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = AMO_COUNT(code), .filter = code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int begin_without_landlock(void)
{
    struct process p;
    char program[] = "amo-core";
    char *argv[] = {program, NULL};

    /* as a kernel before 5.13, or a container that does not let it through */
    if (!answer_call(SYS_landlock_create_ruleset, SECCOMP_RET_ERRNO | ENOSYS))
        return 1;
    if (process_start(&p, &confined_core, 1, argv) || process_confine(&p))
        return 2;
    return p.confined.landlock == 0 && !p.confined.ports && p.confined.calls == IS_CONFINED ? 0
                                                                                            : 3;
}

/* Of users that nobody knows. */
static int begin_and_look_up_users(void)
{
    struct process p;
    char program[] = "amo-core";
    char *argv[] = {program, NULL};

    log_setup("core", LOG_LEVEL_ERROR, false);
    if (!answer_call(SYS_connect, SECCOMP_RET_KILL_PROCESS) ||
        process_start(&p, &confined_core, 1, argv) || process_confine(&p))
        return 1;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): this process has one thread */
    return getpwuid(4242) || getgrgid(4242) ? 2 : 0;
}

static int exit_of(pid_t child)
{
    int status = 0;

    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In processes of their own: there is no way back. */
static void a_confined_process_may_do_what_its_program_says(void **state)
{
    pid_t child = -1;

    (void)state;
    confined_core = amo_core;
    confined_core.paths = paths;
    confined_core.n_paths = AMO_COUNT(paths);
    confined_core.listens = listens;
    confined_core.n_listens = AMO_COUNT(listens);
    child = fork();
    if (child == 0)
        _exit(begin_confined(IS_CONFINED));
    assert_int_equal(exit_of(child), 0);
    testing_set_env("AMO_CONFINE", "no");
    child = fork();
    if (child == 0)
        _exit(begin_confined(false));
    assert_int_equal(exit_of(child), 0);
    testing_set_env("AMO_CONFINE", NULL);
}

static void a_kernel_without_landlock_is_said_and_no_obstacle(void **state)
{
    char said[512] = "";
    int ends[2] = {-1, -1};
    pid_t child = -1;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        _exit(begin_without_landlock());
    }
    assert_int_equal(exit_of(child), 0);
    assert_true(read(ends[0], said, sizeof(said) - 1) > 0);
    assert_non_null(strstr(said, IS_CONFINED
                                     ? "level=warn process=core what=confined calls=yes "
                                       "landlock=0 ports=no"
                                     : "what=confine.off"));
    assert_int_equal(close(ends[0]) + close(ends[1]), 0);
}

/* Neither a daemon nor the kernel's log hears of it. */
static void users_are_looked_up_in_files_alone(void **state)
{
    pid_t child = -1;

    (void)state;
    if (!IS_CONFINED)
        skip();
    child = fork();
    if (child == 0)
        _exit(begin_and_look_up_users());
    assert_int_equal(exit_of(child), 0);
}

static void a_directory_that_cannot_be_made_stops_the_start(void **state)
{
    struct process p;
    char path[64];
    FILE *f = NULL;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/file", dir);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    testing_set_env("AMO_RUN_DIR", path);
    assert_int_equal(start(&p, NULL, NULL) - 1, EXIT_FAILED);
    (void)snprintf(path, sizeof(path), "%s/run", dir);
    testing_set_env("AMO_RUN_DIR", path);
}

static void signals_arrive_through_the_descriptor(void **state)
{
    struct process p;
    struct pollfd wait = {.events = POLLIN};
    int fd = -1;

    (void)state;
    assert_int_equal(start(&p, NULL, NULL), 0);
    assert_int_equal(process_signal_fd(&fd), 0);
    assert_int_equal(process_signal_next(fd), 0);
    assert_int_equal(kill(getpid(), SIGHUP), 0);
    wait.fd = fd;
    assert_int_equal(poll(&wait, 1, 5000), 1);
    assert_int_equal(process_signal_next(fd), SIGHUP);
    assert_int_equal(process_signal_next(fd), 0);
    assert_int_equal(close(fd), 0);
    process_fini(&p);
}

static void readiness_is_told_to_the_service_manager(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct process p;
    char text[64] = "";
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    (void)state;
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", dir);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    testing_set_env("NOTIFY_SOCKET", at.sun_path);
    assert_int_equal(start(&p, NULL, NULL), 0);
    log_setup("core", LOG_LEVEL_ERROR, false);
    process_ready(&p, "port=1");
    assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
    assert_string_equal(text, "READY=1");
    testing_set_env("NOTIFY_SOCKET", NULL);
    process_ready(&p, NULL);
    assert_int_equal(close(fd), 0);
    process_fini(&p);
}

static void directories_are_made_with_their_parents(void **state)
{
    char path[128];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s//a/b/c/", dir);
    assert_int_equal(process_make_dir(path), 0);
    assert_int_equal(process_make_dir(path), 0);
    assert_int_equal(mode_of("a/b/c"), 0750);
    (void)snprintf(path, sizeof(path), "%s/a/b/file.db", dir);
    assert_int_equal(process_make_parent(path), 0);
    assert_int_equal(process_make_parent("file.db"), 0);
    assert_int_equal(process_make_parent("/file.db"), 0);
    assert_int_equal(process_make_dir(""), -ENOENT);
    assert_int_equal(process_make_dir("/dev/null/x"), -ENOTDIR);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_process_starts_with_directories_and_locks_of_its_own),
    cmocka_unit_test(a_second_process_of_the_same_name_refuses_to_start),
    cmocka_unit_test(processes_of_different_names_share_the_directories),
    cmocka_unit_test(help_and_version_end_well),
    cmocka_unit_test(bad_arguments_and_bad_config_are_usage_errors),
    cmocka_unit_test(a_program_has_options_of_its_own),
    cmocka_unit_test(a_confined_process_may_do_what_its_program_says),
    cmocka_unit_test(a_kernel_without_landlock_is_said_and_no_obstacle),
    cmocka_unit_test(users_are_looked_up_in_files_alone),
    cmocka_unit_test(a_directory_that_cannot_be_made_stops_the_start),
    cmocka_unit_test(signals_arrive_through_the_descriptor),
    cmocka_unit_test(readiness_is_told_to_the_service_manager),
    cmocka_unit_test(directories_are_made_with_their_parents),
};

int main(void)
{
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
