/* The seccomp filter: a list of the calls that a process of ours makes, and for some of them which arguments. A call
 * that is not listed fails with EPERM, and the kernel writes it into its log; one that the C library tries first and
 * does without fails with ENOSYS, which is what it understands, in a second filter that logs nothing. */

#include "base/confine.h"

#include <errno.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define TYPE_OF_SOCKET 0xfU /* the rest of the argument are flags */

/* clang-format off */
static const char *const allowed[] = {
    /* files */
    "access", "close", "creat", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fallocate",
    "fchmod", "fchmodat", "chmod", "fcntl", "fdatasync", "flock", "fstat", "fstatfs", "fsync", "ftruncate",
    "getcwd", "getdents64", "link", "linkat", "lseek", "lstat", "mkdir", "mkdirat", "newfstatat", "open", "openat",
    "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readlink", "readlinkat", "readv",
    "rename", "renameat", "renameat2", "rmdir", "stat", "statfs", "statx", "sync_file_range", "truncate", "umask",
    "unlink", "unlinkat", "write", "writev",
    /* sockets: which ones is decided by socket(), where by landlock */
    "accept", "accept4", "bind", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom", "recvmmsg",
    "recvmsg", "setsockopt", "shutdown", "socketpair",
    /* waiting */
    "clock_getres", "clock_gettime", "clock_nanosleep", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait",
    "epoll_wait", "eventfd", "eventfd2", "gettimeofday", "nanosleep", "pipe", "pipe2", "poll", "ppoll", "pselect6",
    "select", "signalfd4", "time", "timerfd_create", "timerfd_gettime", "timerfd_settime",
    /* memory */
    "brk", "madvise", "membarrier", "mlock", "mremap", "msync", "munlock", "munmap",
    /* threads and signals */
    "exit", "exit_group", "futex", "get_robust_list", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending",
    "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sched_getaffinity", "sched_getparam", "sched_getscheduler",
    "sched_yield", "set_robust_list", "set_tid_address", "sigaltstack", "arch_prctl",
    /* about itself */
    "getegid", "geteuid", "getgid", "getgroups", "getpid", "getppid", "getrandom", "getrlimit", "getrusage",
    "getresgid", "getresuid", "gettid", "getuid", "sysinfo", "times", "uname",
};

/* clang-format on */

/* Not made, and without a line in the kernel's log: they are tried again and again, and nobody is to be told. */
static const struct {
    const char *call;
    uint16_t error;
} quiet[] = {
  /* glibc falls back to an older call, or does without */
    {"clone3",             ENOSYS},
    {"close_range",        ENOSYS},
    {"epoll_pwait2",       ENOSYS},
    {"futex_waitv",        ENOSYS},
    {"openat2",            ENOSYS},
    {"fchown",             EPERM }, /* SQLite, when it is root: nothing hangs on it */
  /* Done, as it were. libzmq gives its threads the policy that they have, and aborts if it may not, as
     * where a unit refuses it; of two refusals the later filter's counts. */
    {"sched_setscheduler", 0     },
};

/* A call with conditions on its arguments; all must hold, and one such rule is enough. */
struct rule {
    const char *call;
    unsigned powers; /* any of them; 0: of every process */
    unsigned n;
    struct scmp_arg_cmp args[3];
};

#define IS(number, value)                                                                      \
    {                                                                                          \
        .arg = (number), .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)(value)                   \
    }
#define BITS(number, mask, value)                                                              \
    {                                                                                          \
        .arg = (number), .op = SCMP_CMP_MASKED_EQ, .datum_a = (scmp_datum_t)(mask),            \
        .datum_b = (scmp_datum_t)(value)                                                       \
    }

#define RULE(name, any_of, count, ...)                                                         \
    {                                                                                          \
        .call = (name), .powers = (any_of), .n = (count), .args = { __VA_ARGS__ }              \
    }

/* Only by the protocol that landlock knows: to it, MPTCP is no TCP. */
#define SOCKET(family, type, protocol, powers)                                                 \
    RULE("socket", powers, 3, IS(0, family), BITS(1, TYPE_OF_SOCKET, type), IS(2, protocol))

static const struct rule rules[] = {
    RULE("mmap", 0, 1, BITS(2, PROT_EXEC, 0)),
    /* a library that is loaded late is mapped to be run, but not to be written */
    RULE("mmap", 0, 1, BITS(2, PROT_WRITE | PROT_EXEC, PROT_EXEC)),
    RULE("mprotect", 0, 1, BITS(2, PROT_EXEC, 0)),
    RULE("clone", 0, 1, BITS(0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM)),
    RULE("ioctl", 0, 1, IS(1, TCGETS)), /* is it a terminal? */
    RULE("ioctl", 0, 1, IS(1, FIONBIO)),
    RULE("ioctl", 0, 1, IS(1, FIONREAD)),
    RULE("ioctl", CONFINE_DIALS, 1, IS(1, SIOCGIFINDEX)), /* the zone of a link-local address */
    RULE("ioctl", CONFINE_DIALS, 1, IS(1, SIOCGIFNAME)),
    RULE("prctl", 0, 1, IS(0, PR_SET_NAME)),
    RULE("prctl", 0, 1, IS(0, PR_GET_NAME)),
    RULE("prctl", 0, 1, IS(0, PR_GET_DUMPABLE)),
    RULE("prctl", 0, 1, IS(0, PR_GET_NO_NEW_PRIVS)),
    RULE("prlimit64", 0, 2, IS(0, 0), IS(2, 0)), /* to read it, of itself */
    RULE("socket", 0, 1, IS(0, AF_UNIX)),
    RULE("connect", CONFINE_CONNECTS | CONFINE_DIALS, 0, {0}),
    /* data with the first packet would be a connection that nobody was asked for */
    RULE("sendto", 0, 1, BITS(3, MSG_FASTOPEN, 0)),
    RULE("sendmsg", 0, 1, BITS(2, MSG_FASTOPEN, 0)),
    RULE("sendmmsg", 0, 1, BITS(3, MSG_FASTOPEN, 0)),
    SOCKET(AF_INET, SOCK_STREAM, 0, CONFINE_LISTENS | CONFINE_DIALS),
    SOCKET(AF_INET6, SOCK_STREAM, 0, CONFINE_LISTENS | CONFINE_DIALS),
    SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP, CONFINE_LISTENS | CONFINE_DIALS),
    SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP, CONFINE_LISTENS | CONFINE_DIALS),
    SOCKET(AF_INET, SOCK_DGRAM, 0, CONFINE_DIALS),
    SOCKET(AF_INET6, SOCK_DGRAM, 0, CONFINE_DIALS),
    SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP, CONFINE_DIALS),
    SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP, CONFINE_DIALS),
    /* the quiet filter's */
    RULE("socket", 0, 1, IS(0, AF_NETLINK)),
};

/* 0 too for a call that this library or machine does not have. */
static int add(scmp_filter_ctx ctx, uint32_t action, const char *call, unsigned n,
               const struct scmp_arg_cmp *args)
{
    int number = seccomp_syscall_resolve_name(call);

    return number < 0 ? 0 : seccomp_rule_add_array(ctx, action, number, n, args);
}

/* abort() is a signal to itself; to others none. */
static int add_signals(scmp_filter_ctx ctx)
{
    const struct scmp_arg_cmp self[] = {IS(0, getpid())};
    int rc = add(ctx, SCMP_ACT_ALLOW, "tgkill", 1, self);

    return rc ? rc : add(ctx, SCMP_ACT_ALLOW, "kill", 1, self);
}

static int fill_loud(scmp_filter_ctx ctx, unsigned powers)
{
    int rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);

    /* the kernel's log names the call and the program; without this it would say nothing */
    rc = rc ? rc : seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1);
    rc = rc ? rc : seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a row */
    for (size_t i = 0; i < AMO_COUNT(allowed) && rc == 0; i++)
        rc = add(ctx, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
    for (size_t i = 0; i < AMO_COUNT(quiet) && rc == 0; i++) /* the other filter's */
        rc = add(ctx, SCMP_ACT_ALLOW, quiet[i].call, 0, NULL);
    for (size_t i = 0; i < AMO_COUNT(rules) && rc == 0; i++) {
        if (rules[i].powers == 0 || (rules[i].powers & powers))
            rc = add(ctx, SCMP_ACT_ALLOW, rules[i].call, rules[i].n, rules[i].args);
    }
    return rc ? rc : add_signals(ctx);
}

static int fill_quiet(scmp_filter_ctx ctx, unsigned powers)
{
    /* getaddrinfo asks which addresses this host has, and does without */
    const struct scmp_arg_cmp netlink[] = {IS(0, AF_NETLINK)};
    int rc = add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", 1, netlink);

    (void)powers; /* of nobody */
    for (size_t i = 0; i < AMO_COUNT(quiet) && rc == 0; i++)
        rc = add(ctx, SCMP_ACT_ERRNO(quiet[i].error), quiet[i].call, 0, NULL);
    return rc;
}

static int load(uint32_t otherwise, int (*fill_it)(scmp_filter_ctx, unsigned), unsigned powers)
{
    scmp_filter_ctx ctx = NULL;
    int rc = -ENOMEM;

    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
        return CONFINE_E_NONE;
    ctx = seccomp_init(otherwise);
    rc = ctx ? fill_it(ctx, powers) : -ENOMEM;
    rc = rc ? rc : seccomp_load(ctx);
    seccomp_release(ctx);
    return rc;
}

int confine_self(void)
{
    const struct rlimit none = {0, 0};
    int rc = 0;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || setrlimit(RLIMIT_CORE, &none) ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return -errno;
    rc = load(SCMP_ACT_ALLOW, fill_quiet, 0);
    return rc > 0 ? 0 : rc; /* confine_calls says that there are no filters */
}

/* Of two filters the stricter word counts, and each says of its own refusals whether they are logged. */
int confine_calls(unsigned powers, struct confine_done *done)
{
    int rc = load(SCMP_ACT_ERRNO(EPERM), fill_loud, powers);

    done->calls = rc == 0;
    return rc;
}
