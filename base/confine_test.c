#include "base/confine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/testing.h"

/* Each case runs in a child, as there is no way back. What it says is how many of its checks did not hold, with
 * their lines on stdout. */
static int n_wrong;
#define HOLDS(condition)                                                                       \
    do {                                                                                       \
        if (!(condition))                                                                      \
            n_wrong += printf("%d: %s\n", __LINE__, #condition) > 0;                           \
    } while (0)

static char dir[] = "/tmp/amo-confine-test-XXXXXX";
static char mine[64];
static char foreign[64];
static struct sockaddr_in listening = {.sin_family = AF_INET};

static int set_up(void **state)
{
    socklen_t len = sizeof(listening);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    listening.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!mkdtemp(dir) || fd < 0 ||
        bind(fd, (const struct sockaddr *)&listening, sizeof(listening)) || listen(fd, 16) ||
        getsockname(fd, (struct sockaddr *)&listening, &len))
        return -1;
    (void)snprintf(mine, sizeof(mine), "%s/mine", dir);
    (void)snprintf(foreign, sizeof(foreign), "%s/foreign", dir);
    return mkdir(mine, 0700) || mkdir(foreign, 0700);
}

static int tear_down(void **state)
{
    (void)state;
    testing_remove_folder(dir);
    return 0;
}

static void in_a_child(void (*body)(void))
{
    int status = 0;
    pid_t child = -1;

    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        body();
        (void)fflush(stdout);
        _exit(n_wrong > 0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* 0 or the errno of opening @name in @folder. */
static int opening(const char *folder, const char *name, int flags)
{
    char path[128];
    int fd = -1;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, flags | O_CLOEXEC, 0600);
    return fd < 0 ? errno : close(fd);
}

static int dialling(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = fd < 0 ? errno : 0;

    if (fd >= 0 && connect(fd, (const struct sockaddr *)&listening, sizeof(listening)))
        rc = errno;
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

static int socket_of(int family, int type, int protocol)
{
    int fd = socket(family, type, protocol);

    return fd < 0 ? errno : close(fd);
}

static int binding(const char *folder)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int rc = 0;

    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", folder);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) || unlink(at.sun_path))
        rc = errno;
    (void)close(fd);
    return rc;
}

static int landlock_of(const struct confine_path *paths, size_t n, const uint16_t *ports,
                       size_t n_ports, unsigned powers, struct confine_done *done)
{
    int rc = confine_self();

    HOLDS(rc == 0);
    rc = confine_files(paths, n, ports, n_ports, powers, done);
    HOLDS(rc == 0 || rc == CONFINE_E_NONE);
    return rc;
}

/* --- files ------------------------------------------------------------------------------- */

static void only_the_named(void)
{
    const struct confine_path paths[] = {
        {mine, CONFINE_WRITE}
    };
    struct confine_done done = {0};

    HOLDS(opening(foreign, "secret", O_RDWR | O_CREAT) == 0);
    if (landlock_of(paths, 1, NULL, 0, 0, &done))
        return;
    HOLDS(opening(mine, "file", O_RDWR | O_CREAT) == 0);
    HOLDS(opening(mine, "file", O_RDONLY) == 0);
    HOLDS(opening(foreign, "secret", O_RDONLY) == EACCES);
    HOLDS(opening(foreign, "new", O_RDWR | O_CREAT) == EACCES);
    HOLDS(opening("/proc/self", "mem", O_RDONLY) == EACCES);
    HOLDS(binding(mine) == 0);
}

static void files_that_nobody_named_are_closed(void **state)
{
    (void)state;
    in_a_child(only_the_named);
}

static void to_read_and_to_bind(void)
{
    char file[96];
    struct confine_path paths[] = {
        {mine,    CONFINE_SOCKETS},
        {file,    CONFINE_READ   },
        {"/no/x", CONFINE_WRITE  },
    };
    struct confine_done done = {0};

    (void)snprintf(file, sizeof(file), "%s/one", foreign);
    HOLDS(opening(foreign, "one", O_RDWR | O_CREAT) == 0);
    HOLDS(opening(foreign, "two", O_RDWR | O_CREAT) == 0);
    if (landlock_of(paths, 3, NULL, 0, 0, &done))
        return;
    HOLDS(binding(mine) == 0);
    HOLDS(binding(foreign) == EACCES);
    HOLDS(opening(mine, "file", O_RDWR | O_CREAT) == EACCES);
    HOLDS(opening(foreign, "one", O_RDONLY) == 0);
    HOLDS(opening(foreign, "one", O_WRONLY) == EACCES);
    HOLDS(opening(foreign, "two", O_RDONLY) == EACCES);
}

static void a_file_is_read_and_a_folder_of_sockets_holds_no_files(void **state)
{
    (void)state;
    in_a_child(to_read_and_to_bind);
}

static void *thread_opens(void *arg)
{
    *(int *)arg = opening(foreign, "secret", O_RDONLY);
    return NULL;
}

static void in_a_thread(void)
{
    struct confine_done done = {0};
    pthread_t thread;
    int got = 0;

    HOLDS(opening(foreign, "secret", O_RDWR | O_CREAT) == 0);
    if (landlock_of(NULL, 0, NULL, 0, 0, &done))
        return;
    HOLDS(confine_calls(0, &done) == 0);
    HOLDS(pthread_create(&thread, NULL, thread_opens, &got) == 0);
    HOLDS(pthread_join(thread, NULL) == 0);
    HOLDS(got == EACCES);
}

static void later_threads_are_bound_as_well(void **state)
{
    (void)state;
    in_a_child(in_a_thread);
}

/* --- calls ------------------------------------------------------------------------------- */

static void nothing_of_the_internet(void)
{
    struct confine_done done = {0};

    HOLDS(confine_self() == 0);
    if (confine_calls(0, &done))
        return;
    HOLDS(done.calls);
    HOLDS(socket_of(AF_UNIX, SOCK_STREAM, 0) == 0);
    HOLDS(socket_of(AF_INET, SOCK_STREAM, 0) == EPERM);
    HOLDS(socket_of(AF_INET6, SOCK_STREAM, 0) == EPERM);
    HOLDS(socket_of(AF_INET, SOCK_DGRAM, 0) == EPERM);
    HOLDS(socket_of(AF_NETLINK, SOCK_RAW, 0) == EAFNOSUPPORT);
    HOLDS(connect(0, NULL, 0) < 0 && errno == EPERM);
}

static void a_process_without_powers_has_no_internet_and_connects_nowhere(void **state)
{
    (void)state;
    in_a_child(nothing_of_the_internet);
}

static void it_listens_only(void)
{
    const uint16_t ports[] = {0};
    struct confine_done done = {0};
    const struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = -1;

    (void)landlock_of(NULL, 0, ports, 1, CONFINE_LISTENS | CONFINE_CONNECTS, &done);
    if (confine_calls(CONFINE_LISTENS | CONFINE_CONNECTS, &done))
        return;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    HOLDS(fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0);
    HOLDS(listen(fd, 1) == 0);
    HOLDS(!done.ports || dialling() == EACCES);
    HOLDS(sendto(fd, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)&listening,
                 sizeof(listening)) < 0 &&
          errno == EPERM);
    HOLDS(socket_of(AF_INET, SOCK_DGRAM, 0) == EPERM);
    HOLDS(socket_of(AF_INET, SOCK_RAW, 0) == EPERM);
    /* it would be no TCP to landlock */
    HOLDS(socket_of(AF_INET, SOCK_STREAM, IPPROTO_MPTCP) == EPERM);
}

static void who_listens_reaches_nobody(void **state)
{
    (void)state;
    in_a_child(it_listens_only);
}

static void it_dials_only(void)
{
    const uint16_t ports[] = {1};
    struct confine_done done = {0};
    const struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = -1;

    (void)landlock_of(NULL, 0, ports, 1, CONFINE_DIALS, &done);
    if (confine_calls(CONFINE_DIALS, &done))
        return;
    HOLDS(dialling() == 0);
    HOLDS(socket_of(AF_INET, SOCK_DGRAM, IPPROTO_UDP) == 0);
    HOLDS(socket_of(AF_NETLINK, SOCK_RAW, 0) == EAFNOSUPPORT);
    HOLDS(socket_of(AF_INET, SOCK_RAW, IPPROTO_ICMP) == EPERM);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    HOLDS(!done.ports ||
          (bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 && errno == EACCES));
}

static void who_dials_listens_nowhere(void **state)
{
    (void)state;
    in_a_child(it_dials_only);
}

static void calls_of_an_attacker(void)
{
    char *const words[] = {NULL};
    struct confine_done done = {0};
    struct rlimit more = {1, 1};
    void *page = NULL;

    HOLDS(confine_self() == 0);
    HOLDS(getrlimit(RLIMIT_CORE, &more) == 0 && more.rlim_max == 0);
    if (confine_calls(CONFINE_DIALS | CONFINE_LISTENS | CONFINE_CONNECTS, &done))
        return;
    HOLDS(execve("/bin/true", words, words) < 0 && errno == EPERM);
    HOLDS(fork() < 0 && errno == EPERM);
    HOLDS(kill(getppid(), 0) < 0 && errno == EPERM);
    HOLDS(kill(getpid(), 0) == 0);
    HOLDS(syscall(SYS_ptrace, 0, 0, 0, 0) < 0 && errno == EPERM);
    HOLDS(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) < 0 && errno == EPERM);
    HOLDS(syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS);
    HOLDS(setrlimit(RLIMIT_CORE, &more) < 0 && errno == EPERM);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0);
    HOLDS(page == MAP_FAILED && errno == EPERM);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    HOLDS(page != MAP_FAILED);
    HOLDS(mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0 && errno == EPERM);
}

static void what_only_an_attacker_calls_is_refused_and_ends_nothing(void **state)
{
    (void)state;
    in_a_child(calls_of_an_attacker);
}

/* A unit's filter that refuses what libzmq aborts without. */
static bool refuse_scheduling(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setscheduler, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = AMO_COUNT(code), .filter = code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void under_a_unit(void)
{
    const struct sched_param none = {0};
    struct confine_done done = {0};

    if (!refuse_scheduling())
        return;
    HOLDS(sched_setscheduler(0, SCHED_OTHER, &none) < 0 && errno == EPERM);
    HOLDS(confine_self() == 0);
    HOLDS(sched_setscheduler(0, SCHED_OTHER, &none) == 0);
    HOLDS(confine_calls(0, &done) == 0 && sched_setscheduler(0, SCHED_OTHER, &none) == 0);
}

static void where_a_unit_refuses_scheduling_libzmq_does_not_hear_of_it(void **state)
{
    (void)state;
    in_a_child(under_a_unit);
}

static void it_aborts(void)
{
    struct confine_done done = {0};

    if (confine_self() || confine_calls(0, &done))
        _exit(1);
    (void)signal(SIGABRT, SIG_DFL);
    abort();
}

static void an_assert_still_ends_the_process(void **state)
{
    int status = 0;
    pid_t child = fork();

    (void)state;
    if (child == 0)
        it_aborts();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_false(WCOREDUMP(status));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(files_that_nobody_named_are_closed),
    cmocka_unit_test(a_file_is_read_and_a_folder_of_sockets_holds_no_files),
    cmocka_unit_test(later_threads_are_bound_as_well),
    cmocka_unit_test(a_process_without_powers_has_no_internet_and_connects_nowhere),
    cmocka_unit_test(who_listens_reaches_nobody),
    cmocka_unit_test(who_dials_listens_nowhere),
    cmocka_unit_test(what_only_an_attacker_calls_is_refused_and_ends_nothing),
    cmocka_unit_test(where_a_unit_refuses_scheduling_libzmq_does_not_hear_of_it),
    cmocka_unit_test(an_assert_still_ends_the_process),
};

int main(void)
{
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
