/* Landlock, by bare system calls: Debian 12 has no library for it, and its header knows only the first versions. */

#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of linux/landlock.h of newer kernels: what a version adds. */
#define FS_REFER       ((uint64_t)1 << 13) /* 2 */
#define FS_TRUNCATE    ((uint64_t)1 << 14) /* 3 */
#define FS_IOCTL_DEV   ((uint64_t)1 << 15) /* 5 */
#define NET_BIND       ((uint64_t)1 << 0)  /* 4 */
#define NET_CONNECT    ((uint64_t)1 << 1)
#define SCOPE_ABSTRACT ((uint64_t)1 << 0) /* 6 */
#define SCOPE_SIGNAL   ((uint64_t)1 << 1)
#define RULE_NET_PORT  2

#define FS_READ ((uint64_t)(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR))
#define FS_WRITE                                                                               \
    ((uint64_t)(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                \
                LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                 \
                LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK) |                  \
     FS_REFER | FS_TRUNCATE)
#define FS_SOCKETS ((uint64_t)(LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_SOCK))
/* what a rule on a single file may name */
#define FS_OF_FILE                                                                             \
    ((uint64_t)(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE) | FS_TRUNCATE)
#define FS_VERSION_1 (((uint64_t)1 << 13) - 1)

struct ruleset_attr {
    uint64_t handled_fs;
    uint64_t handled_net; /* 4 */
    uint64_t scoped;      /* 6 */
};

struct port_attr {
    uint64_t allowed;
    uint64_t port;
};

static int version(void)
{
    long v = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return v < 0 ? 0 : (int)v;
}

/* One that opened its listener at port 0 opens it again at the port that it got. */
static bool may_bind_any(const uint16_t *ports, size_t n, unsigned powers)
{
    for (size_t i = 0; i < n && powers & CONFINE_LISTENS; i++) {
        if (ports[i] == 0)
            return true;
    }
    return false;
}

/* All that this kernel can refuse is refused, except what a rule allows. */
static void all_of(int v, unsigned powers, bool any_port, struct ruleset_attr *ret,
                   size_t *ret_size)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread is started */
    const char *notify = getenv("NOTIFY_SOCKET");

    *ret = (struct ruleset_attr){.handled_fs = FS_VERSION_1};
    *ret_size = sizeof(ret->handled_fs);
    if (v >= 2)
        ret->handled_fs |= FS_REFER;
    if (v >= 3)
        ret->handled_fs |= FS_TRUNCATE;
    if (v >= 4) {
        ret->handled_net =
            (any_port ? 0U : NET_BIND) | (powers & CONFINE_DIALS ? 0U : NET_CONNECT);
        *ret_size = 2 * sizeof(uint64_t);
    }
    if (v >= 5)
        ret->handled_fs |= FS_IOCTL_DEV;
    if (v >= 6) {
        /* the service manager may wait for us at an abstract address */
        ret->scoped = SCOPE_SIGNAL | (notify && notify[0] == '@' ? 0U : SCOPE_ABSTRACT);
        *ret_size = sizeof(*ret);
    }
}

static uint64_t rights_of(enum confine_access access)
{
    switch (access) {
    case CONFINE_READ:
        return FS_READ;
    case CONFINE_WRITE:
        return FS_READ | FS_WRITE;
    case CONFINE_SOCKETS:
        return FS_SOCKETS;
    }
    return 0;
}

static int allow_path(int rules, uint64_t handled, const struct confine_path *p)
{
    /* one that cannot be opened is no rule: whoever opens it later says what is wrong with it */
    int fd = open(p->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct landlock_path_beneath_attr rule = {.allowed_access = rights_of(p->access) & handled,
                                              .parent_fd = fd};
    struct stat st;
    int rc = 0;

    if (fd < 0)
        return 0;
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        rule.allowed_access &= FS_OF_FILE;
    if (rule.allowed_access &&
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
        rc = -errno;
    (void)close(fd); /* nothing was read */
    return rc;
}

static int allow_port(int rules, uint16_t port)
{
    const struct port_attr rule = {.allowed = NET_BIND, .port = port};

    return syscall(SYS_landlock_add_rule, rules, RULE_NET_PORT, &rule, 0) ? -errno : 0;
}

int confine_files(const struct confine_path *paths, size_t n_paths, const uint16_t *ports,
                  size_t n_ports, unsigned powers, struct confine_done *done)
{
    struct ruleset_attr attr;
    size_t size = 0;
    int v = version();
    int rules = -1;
    int rc = 0;

    if (v == 0)
        return CONFINE_E_NONE;
    all_of(v, powers, may_bind_any(ports, n_ports, powers), &attr, &size);
    rules = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (rules < 0)
        return -errno;
    for (size_t i = 0; i < n_paths && rc == 0; i++)
        rc = allow_path(rules, attr.handled_fs, &paths[i]);
    for (size_t i = 0; i < n_ports && rc == 0 && attr.handled_net & NET_BIND; i++)
        rc = allow_port(rules, ports[i]);
    if (rc == 0 && syscall(SYS_landlock_restrict_self, rules, 0))
        rc = -errno;
    (void)close(rules);
    if (rc == 0) {
        done->landlock = v;
        done->ports = attr.handled_net != 0;
    }
    return rc;
}
