/* From a program's table of paths and the configuration to the rules of confine.h. */

#include "base/process_confine.h"

#include <errno.h>
#include <nss.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/net.h"
#include "base/num.h"

#define PATHS_MAX 32
#define PORTS_MAX 4

/* Every program: libraries that are loaded late, OpenSSL's settings, which users there are, and chance for SQLite. */
static const struct confine_path of_every[] = {
    {"/usr",               CONFINE_READ},
    {"/lib",               CONFINE_READ},
    {"/lib64",             CONFINE_READ},
    {"/etc/ssl",           CONFINE_READ},
    {"/etc/passwd",        CONFINE_READ},
    {"/etc/group",         CONFINE_READ},
    {"/etc/nsswitch.conf", CONFINE_READ},
    {"/dev/urandom",       CONFINE_READ},
    {"/dev/null",          CONFINE_READ},
};

/* The rules under way; @text holds the paths that are made here, one after the other. */
struct rules {
    struct confine_path paths[PATHS_MAX];
    size_t n_paths;
    uint16_t ports[PORTS_MAX];
    size_t n_ports;
    struct buf text;
    size_t at[PATHS_MAX]; /* where paths[i] begins in it */
};

static bool is_off(const struct process *p)
{
#ifdef AMO_UNCONFINED
    (void)p;
    return true;
#else
    return !p->program->paths || strcmp(config_text(p->config, "confine"), "no") == 0;
#endif
}

/* @path is copied. */
static int add_path(struct rules *r, struct view path, enum confine_access access)
{
    size_t at = r->text.len;
    int rc = 0;

    if (path.len == 0)
        path = VIEW_LIT(".");
    if (r->n_paths == PATHS_MAX)
        return -ENOSPC;
    rc = buf_add(&r->text, path.ptr, path.len);
    rc = rc ? rc : buf_add(&r->text, "", 1);
    if (rc)
        return rc;
    r->paths[r->n_paths] = (struct confine_path){.access = access};
    r->at[r->n_paths++] = at;
    return 0;
}

/* A folder that is to be written to and is not there is made; whether that works, whoever needs it finds out. */
static int add_folder(struct rules *r, struct view path, enum confine_access access)
{
    int rc = add_path(r, path, access);

    if (rc == 0 && access != CONFINE_READ)
        (void)!process_make_dir(r->text.ptr + r->at[r->n_paths - 1]);
    return rc;
}

/* "ipc:///run/amo/events" and "sqlite:/var/lib/core.db" are in these folders; "file" is in ".". */
static struct view parent_of(const char *value)
{
    const char *scheme = strstr(value, "://");
    const char *path = scheme ? scheme + 3 : value;
    const char *slash = NULL;

    if (!scheme && strncmp(value, "sqlite:", 7) == 0)
        path = value + 7;
    slash = strrchr(path, '/');
    if (slash == path)
        return VIEW_LIT("/");
    return slash ? view_make(path, (size_t)(slash - path)) : VIEW_LIT(".");
}

/* A file that is there is only read; to make one takes its folder. */
static int add_made(struct rules *r, const char *value)
{
    struct stat st;

    if (stat(value, &st) == 0 && st.st_size > 0)
        return add_path(r, view_of(value), CONFINE_READ);
    return add_folder(r, parent_of(value), CONFINE_WRITE);
}

static int add_one(struct rules *r, const struct process *p, const struct process_path *path)
{
    const char *value = NULL;

    switch (path->kind) {
    case PROCESS_PATH_FIXED:
        return add_path(r, view_of(path->what), path->access);
    case PROCESS_PATH_OPTION:
        value = *p->program->options[0].value;
        return value ? add_path(r, view_of(value), path->access) : 0;
    case PROCESS_PATH_CONFIG:
        return p->config_path ? add_path(r, parent_of(p->config_path), path->access) : 0;
    case PROCESS_PATH_KEY:
        return add_folder(r, view_of(config_text(p->config, path->what)), path->access);
    case PROCESS_PATH_PARENT:
        return add_folder(r, parent_of(config_text(p->config, path->what)), path->access);
    case PROCESS_PATH_MADE:
        return add_made(r, config_text(p->config, path->what));
    }
    return 0;
}

static int add_paths(struct rules *r, const struct process *p)
{
    struct buf own;
    int rc = 0;

    for (size_t i = 0; i < AMO_COUNT(of_every) && rc == 0; i++)
        rc = add_path(r, view_of(of_every[i].path), of_every[i].access);
    buf_init(&own, 4096);
    (void)buf_add_f(&own, "%s/%s", config_text(p->config, "data_dir"), p->program->kind);
    rc = rc ? rc : buf_error(&own);
    rc = rc ? rc : add_folder(r, buf_view(&own), CONFINE_WRITE);
    buf_fini(&own);
    rc = rc ? rc : add_folder(r, parent_of(config_text(p->config, "bus/tap")), CONFINE_SOCKETS);
    for (size_t i = 0; i < p->program->n_paths && rc == 0; i++)
        rc = add_one(r, p, &p->program->paths[i]);
    /* now that the text does not move any more */
    for (size_t i = 0; i < r->n_paths; i++)
        r->paths[i].path = r->text.ptr + r->at[i];
    return rc;
}

/* An address that is switched off has no port; one of port 0 may come back at any. */
static void add_ports(struct rules *r, const struct process *p)
{
    for (size_t i = 0; i < p->program->n_listens && r->n_ports < PORTS_MAX; i++) {
        const char *colon = strrchr(config_text(p->config, p->program->listens[i]), ':');
        uint64_t port = 0;

        if (colon && num_parse_range(view_of(colon + 1), 0, UINT16_MAX, &port) == 0)
            r->ports[r->n_ports++] = (uint16_t)port;
    }
}

int process_confine_files(struct process *p)
{
    struct rules r = {.n_paths = 0};
    int rc = 0;

    if (is_off(p))
        return 0;
    rc = confine_self();
    if (rc)
        return process_start_failed(p, "cannot confine", "this process", rc);
    buf_init(&r.text, (size_t)PATHS_MAX * 4096);
    rc = add_paths(&r, p);
    add_ports(&r, p);
    rc = rc ? rc
            : confine_files(r.paths, r.n_paths, r.ports, r.n_ports, p->program->powers,
                            &p->confined);
    buf_fini(&r.text);
    return rc < 0 ? process_start_failed(p, "cannot confine", "the files of this process", rc)
                  : 0;
}

/* Of the one process that this is. */
static const char *lacks = "";

const char *process_lacks(void)
{
    return lacks;
}

static const char *missing(const struct process *p)
{
    const unsigned powers = p->program->powers;

    if (!p->confined.calls)
        return "calls";
    if (p->confined.landlock == 0)
        return "files";
    /* others open no internet socket, or may connect to all */
    return !p->confined.ports && powers & CONFINE_LISTENS && !(powers & CONFINE_DIALS) ? "ports"
                                                                                       : "";
}

int process_confine(struct process *p)
{
    int rc = 0;

    if (is_off(p)) {
#ifndef AMO_UNCONFINED
        lacks = "everything";
#endif
        log_line(LOG_LEVEL_WARN, "confine.off", NULL);
        return 0;
    }
    /* else glibc asks nscd first, at a Unix socket, whenever libzmq wants to know who is at the other end */
    if (!(p->program->powers & CONFINE_CONNECTS) &&
        (__nss_configure_lookup("passwd", "files") || __nss_configure_lookup("group", "files")))
        return process_start_failed(p, "cannot confine", "look-ups of users", -ENOMEM) - 1;
    rc = confine_calls(p->program->powers, &p->confined);
    if (rc < 0)
        return process_start_failed(p, "cannot confine", "the calls of this process", rc) - 1;
    lacks = missing(p);
    /* what this kernel cannot refuse, an operator has to know once */
    log_line(*lacks ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "confined",
             "calls=%s landlock=%d ports=%s", p->confined.calls ? "yes" : "no",
             p->confined.landlock, p->confined.ports ? "yes" : "no");
    return 0;
}
