/* Two lists of numbers, users and groups, and who is on them. */

#include "proto/bus/callers.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include <zmq.h>

#include "base/config.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"

#define CALLERS_MAX  256U              /* members of groups included */
#define LOOKUP_BYTES ((size_t)1 << 16) /* of one entry of the system's lists */

struct callers {
    uid_t uids[CALLERS_MAX];
    size_t n_uids;
    gid_t gids[CALLERS_MAX];
    size_t n_gids;
};

static int add_uid(struct callers *c, uid_t uid)
{
    if (c->n_uids == CALLERS_MAX)
        return -E2BIG;
    c->uids[c->n_uids++] = uid;
    return 0;
}

static bool number_of(const char *name, uint32_t *ret)
{
    uint64_t n = 0;

    if (num_parse_u64(view_of(name), &n) || n > UINT32_MAX - 1)
        return false;
    *ret = (uint32_t)n;
    return true;
}

/* 0, -ENOENT there is none, -errno. */
static int uid_of(const char *name, char *space, uid_t *ret)
{
    struct passwd entry;
    struct passwd *found = NULL;
    uint32_t number = 0;
    int rc = 0;

    if (number_of(name, &number)) {
        *ret = number;
        return 0;
    }
    rc = getpwnam_r(name, &entry, space, LOOKUP_BYTES, &found);
    if (!found)
        return rc == ENOMEM || rc == ERANGE ? -rc : -ENOENT;
    *ret = found->pw_uid;
    return 0;
}

/* Members that are no users (any more) are nobody. */
static int add_members(struct callers *c, char *const *members, char *space)
{
    int rc = 0;

    for (; *members && rc == 0; members++) {
        uid_t uid = 0;

        rc = uid_of(*members, space, &uid);
        if (rc == 0)
            rc = add_uid(c, uid);
        else if (rc == -ENOENT)
            rc = 0;
    }
    return rc;
}

static int add_group(struct callers *c, const char *name, char *space)
{
    struct group entry;
    struct group *found = NULL;
    uint32_t number = 0;
    char *more = NULL;
    int rc = 0;

    if (c->n_gids == CALLERS_MAX)
        return -E2BIG;
    if (number_of(name, &number))
        rc = getgrgid_r(number, &entry, space, LOOKUP_BYTES, &found);
    else
        rc = getgrnam_r(name, &entry, space, LOOKUP_BYTES, &found);
    if (!found && number_of(name, &number)) {
        c->gids[c->n_gids++] = number; /* without a name, and so without members */
        return 0;
    }
    if (!found)
        return rc == ENOMEM || rc == ERANGE ? -rc : -ENOENT;
    c->gids[c->n_gids++] = found->gr_gid;
    more = mem_alloc(LOOKUP_BYTES);
    rc = more ? add_members(c, found->gr_mem, more) : -ENOMEM;
    mem_free(more);
    return rc;
}

static int add_word(struct callers *c, char *word, char *space, struct buf *why)
{
    bool group = word[0] == '%';
    uid_t uid = 0;
    int rc = 0;

    if (group) {
        rc = add_group(c, word + 1, space);
    } else {
        rc = uid_of(word, space, &uid);
        rc = rc ? rc : add_uid(c, uid);
    }
    if (rc == -ENOENT)
        (void)buf_add_f(why, "no such %s: %s", group ? "group" : "user", word + group);
    else if (rc == -E2BIG)
        (void)buf_add_f(why, "more than %u users", CALLERS_MAX);
    return rc == -ENOENT || rc == -E2BIG || rc == -ERANGE ? -EINVAL : rc;
}

int callers_new(const char *words, struct buf *why, struct callers **ret_callers)
{
    struct callers *c = mem_zalloc(sizeof(*c));
    char *space = mem_alloc(LOOKUP_BYTES);
    char *copy = mem_strdup(words);
    char *rest = copy;
    int rc = c && space && copy ? 0 : -ENOMEM;

    while (rc == 0 && rest) {
        char *word = strsep(&rest, ",");

        word += strspn(word, " ");
        word[strcspn(word, " ")] = '\0';
        if (*word)
            rc = add_word(c, word, space, why);
    }
    if (rc == 0 && c->n_uids == 0 && c->n_gids == 0)
        rc = add_uid(c, geteuid());
    if (rc == 0) {
        *ret_callers = c;
        c = NULL;
    }
    mem_free(copy);
    mem_free(space);
    callers_free(c);
    return rc;
}

int callers_of_setting(const struct config *config, const char *key,
                       struct callers **ret_callers)
{
    struct buf why;
    int rc = 0;

    buf_init(&why, 1024);
    rc = callers_new(config_text(config, key), &why, ret_callers);
    if (rc)
        log_failed(LOG_LEVEL_ERROR, "setting.refused", rc, "setting=%s reason=\"%s\"", key,
                   buf_str(&why));
    buf_fini(&why);
    return rc;
}

void callers_free(struct callers *c)
{
    mem_free(c);
}

int edge_callers_open(const struct config *config, struct edge_callers *ret)
{
    int rc = callers_of_setting(config, "bus/core_users", &ret->core);

    rc = rc ? rc : callers_of_setting(config, "bus/operators", &ret->operators);
    if (rc == 0)
        return 0;
    return rc == -EINVAL ? EXIT_USAGE : process_exit_code(rc);
}

void edge_callers_fini(struct edge_callers *e)
{
    callers_free(e->core);
    callers_free(e->operators);
    *e = (struct edge_callers){NULL, NULL};
}

bool callers_have(const struct callers *c, const struct caller *who)
{
    if (!who->known)
        return false;
    if (who->uid == 0)
        return true;
    for (size_t i = 0; i < c->n_uids; i++) {
        if (c->uids[i] == who->uid)
            return true;
    }
    for (size_t i = 0; i < c->n_gids; i++) {
        if (c->gids[i] == who->gid)
            return true;
    }
    return false;
}

/* The number behind the last colon of @v, which is cut off there. */
static bool last_number(struct view *v, uint64_t *ret)
{
    size_t at = v->len;

    while (at > 0 && v->ptr[at - 1] != ':')
        at--;
    if (at == 0 || num_parse_u64(view_make(v->ptr + at, v->len - at), ret) || *ret > UINT32_MAX)
        return false;
    v->len = at - 1;
    return true;
}

struct caller caller_parse(const char *address)
{
    struct view v = view_of(address);
    uint64_t uid = 0;
    uint64_t gid = 0;
    uint64_t pid = 0;

    if (!address || !last_number(&v, &pid) || !last_number(&v, &gid) ||
        !last_number(&v, &uid) || pid > INT32_MAX)
        return (struct caller){0};
    return (struct caller){
        .known = true, .uid = (uid_t)uid, .gid = (gid_t)gid, .pid = (pid_t)pid};
}

int callers_filter(const struct callers *c, void *handle)
{
    const uid_t root = 0;
    int rc = zmq_setsockopt(handle, ZMQ_IPC_FILTER_UID, &root, sizeof(root));

    for (size_t i = 0; i < c->n_uids && rc == 0; i++)
        rc = zmq_setsockopt(handle, ZMQ_IPC_FILTER_UID, &c->uids[i], sizeof(uid_t));
    for (size_t i = 0; i < c->n_gids && rc == 0; i++)
        rc = zmq_setsockopt(handle, ZMQ_IPC_FILTER_GID, &c->gids[i], sizeof(gid_t));
    return rc ? -errno : 0;
}
