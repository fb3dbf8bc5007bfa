/* Makes a core in a scratch directory, hands it frames and ends its turns one by one. */

#include "core/testing/rig.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/json.h"
#include "base/log.h"
#include "core/deliver/calls.h"
#include "core/deliver/dispatch.h"
#include "core/deliver/resolve.h"
#include "core/deliver/settle.h"
#include "core/intake/intake.h"
#include "core/model/key.h"
#include "core/peers/peers.h"
#include "core/peers/spools.h"
#include "core/store/db.h"
#include "core/store/private.h"
#include "core/store/schema.h"
#include "proto/bus/socket.h"
#include "proto/limits.h"
#include "proto/pack.h"
#include "proto/session.h"

/* No rate limit and short back-offs: tests of those own their clock (queue_test.c). */
static const char config_form[] = "data_dir = \"%s\"\n"
                                  "run_dir = \"%s\"\n"
                                  "core\n"
                                  "    admin_listen = \"127.0.0.1:0\"\n"
                                  "scope\n"
                                  "    rate = 0\n"
                                  "%s";

static struct config *rig_config(const char *dir, const char *more)
{
    struct config *config = NULL;
    char text[900];
    struct buf why;

    buf_init(&why, 1024);
    (void)snprintf(text, sizeof(text), config_form, dir, dir, more ? more : "");
    if (config_load_text(view_of(text), "test", &why, &config))
        print_message("%s\n", buf_str(&why));
    buf_fini(&why);
    assert_non_null(config);
    return config;
}

static struct peer *rig_peer(struct rig *r, enum role role, const char *name,
                             unsigned char boot)
{
    struct peer *p = mem_zalloc(sizeof(*p));

    assert_non_null(p);
    p->role = role;
    p->socket = role == ROLE_INGRESS ? r->core.peers->events : r->core.peers->commands;
    p->route_len =
        (size_t)snprintf((char *)p->route, sizeof(p->route), "none-%s-%d", name, boot);
    (void)snprintf(p->name, sizeof(p->name), "%s", name);
    memset(p->boot.bytes, boot, sizeof(p->boot.bytes));
    p->heard_mono_ms = clock_mono_ms();
    p->credit = role == ROLE_EGRESS ? 64 : 0;
    p->places = p->credit;
    p->credit_bytes = LIMIT_CREDIT_BYTES;
    buf_init(&p->acks, LIMIT_FRAME_BYTES);
    buf_init(&p->batch, LIMIT_FRAME_BYTES - 4096);
    list_init(&p->link);
    list_add_tail(&r->core.peers->list, &p->link);
    r->core.peers->n++;
    return p;
}

struct peer *rig_worker(struct rig *r, const char *name, unsigned char boot)
{
    return rig_peer(r, ROLE_EGRESS, name, boot);
}

/* Nobody is connected unasked, unless a test is about that. */
static void rig_connected_once(struct rig *r)
{
    for (size_t i = 0; i < r->core.turn->registry->n_scopes; i++) {
        struct dest *d = queue_dest(r->core.queue, DEST_SCOPE,
                                    view_of(r->core.turn->registry->scopes[i].id));

        assert_non_null(d);
        d->connected_once = true;
    }
}

static void rig_open(struct rig *r)
{
    r->config = rig_config(r->dir, r->more_config);
    assert_int_equal(core_open(&r->core, r->config), 0);
    r->ingress = rig_peer(r, ROLE_INGRESS, "ingress", 1);
    r->ingress->spool = spools_load(&r->core, &r->spool); /* as frames.c does at HELLO */
    assert_non_null(r->ingress->spool);
    r->worker = rig_worker(r, "egress", 2);
    while (!list_is_empty(&r->core.peers->known_workers)) { /* nobody is waited for */
        struct known_worker *k =
            LIST_ENTRY(r->core.peers->known_workers.next, struct known_worker, link);

        known_worker_free(k);
    }
    rig_connected_once(r);
}

static void rig_close(struct rig *r)
{
    core_close(&r->core);
    config_free(r->config);
}

static void rig_forget_deaths(const struct rig *r)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/core/core.db.deaths", r->dir);
    (void)unlink(path);
}

void rig_dies(struct rig *r, enum deed_kind kind, rig_life_fn *live, void *arg)
{
    int status = 0;
    pid_t child = 0;

    r->counts_deaths = true;
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        deaths_die_at(kind);
        live(r, arg);
        _exit(0); /* it did not come to that */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    rig_restart(r);
}

void rig_restart(struct rig *r)
{
    if (r->core.turn->exit_code == 0)
        r->core.turn->exit_code = 75; /* so that closing commits nothing */
    rig_close(r);
    if (!r->counts_deaths)
        rig_forget_deaths(r);
    rig_open(r);
    r->restarts++;
}

int rig_setup(void **state)
{
    struct rig *r = mem_zalloc(sizeof(*r));

    assert_non_null(r);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment */
    log_setup("core", getenv("AMO_TEST_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, false);
    bus_init();
    (void)snprintf(r->dir, sizeof(r->dir), "/tmp/amo-core-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    memset(r->spool.bytes, 9, sizeof(r->spool.bytes));
    r->next_number = 1;
    rig_open(r);
    rig_register(r);
    *state = r;
    return 0;
}

void rig_assert_shares(struct rig *r)
{
    struct db_rows *rows = NULL;
    int rc = 0;

    if (!r->core.store || store_damage(r->core.store))
        return;
    rc = db_query(
        r->core.store->db, &rows,
        "/* test */ WITH counted AS (" SCHEMA_SHARES_COUNTED " UNION ALL " SCHEMA_PARTS_COUNTED
        "), kept AS (SELECT"
        " who,room,n,bytes FROM shares WHERE n<>0 OR bytes<>0) SELECT who,room,n,bytes"
        " FROM (SELECT * FROM counted EXCEPT SELECT * FROM kept) UNION ALL SELECT * FROM"
        " (SELECT * FROM kept EXCEPT SELECT * FROM counted)",
        "");
    if (rc == 0 && db_next(rows) == 1)
        fail_msg("%.*s in room %d has %d rows and %d bytes, or is said to have",
                 (int)db_view(rows, 0).len, db_view(rows, 0).ptr, (int)db_int(rows, 1),
                 (int)db_int(rows, 2), (int)db_int(rows, 3));
}

/* Two levels are enough for what core makes. */
/* NOLINTNEXTLINE(misc-no-recursion): its depth is an argument */
static void remove_dir(const char *dir, int depth)
{
    DIR *d = opendir(dir);
    struct dirent *e = NULL;
    char path[400];

    while (d && (e = readdir(d))) { /* NOLINT(concurrency-mt-unsafe): tests have one thread */
        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (unlink(path) && depth > 0)
            remove_dir(path, depth - 1);
    }
    if (d)
        (void)closedir(d);
    (void)rmdir(dir);
}

int rig_teardown(void **state)
{
    struct rig *r = *state;

    mem_fail_at(0);
    db_fail_at(0);
    rig_assert_shares(r);
    rig_close(r);
    remove_dir(r->dir, 2);
    mem_free(r);
    bus_fini();
    return 0;
}

void rig_register(struct rig *r)
{
    struct store *s = r->core.store;
    struct registry *reg = NULL;
    struct reg_channel *ch = NULL;
    struct reg_connector *con = NULL;
    struct reg_scope *scope = NULL;

    assert_int_equal(registry_new(&reg), 0);
    assert_int_equal(core_turn(&r->core), 0);
    ch = registry_add_channel(reg);
    ch->id = mem_strdup("ch");
    ch->code = mem_strdup("code");
    ch->name = mem_strdup("Channel");
    ch->url = mem_strdup("https://amojo.example");
    ch->bot_id = mem_strdup("bot");
    assert_int_equal(secret_init(&ch->secrets[0], VIEW_LIT("channel secret")), 0);
    assert_int_equal(store_channel_put(s, &r->core.turn->keys, ch, VIEW_LIT("{}")), 0);
    con = registry_add_connector(reg);
    con->name = mem_strdup("svc");
    con->url = mem_strdup("https://svc.example");
    assert_int_equal(secret_init(&con->secrets[0], VIEW_LIT("connector secret of 24 by")), 0);
    assert_int_equal(store_connector_put(s, &r->core.turn->keys, con), 0);
    scope = registry_add_scope(reg);
    scope->id = mem_strdup("ch_acc");
    scope->channel = mem_strdup("ch");
    scope->account = mem_strdup("acc");
    scope->connector = mem_strdup("svc");
    scope->title = mem_strdup("Title");
    assert_int_equal(store_scope_put(s, scope), 0);
    assert_int_equal(core_registry_changed(&r->core), 0);
    registry_free(reg);
    rig_connected_once(r);
    rig_commit(r);
    assert_int_equal(r->core.turn->exit_code, 0);
}

/* What was put into the store becomes the registry. */
static void registry_stored(struct rig *r, struct registry *reg)
{
    assert_int_equal(core_registry_changed(&r->core), 0);
    registry_free(reg);
    rig_connected_once(r);
    rig_commit(r);
    assert_int_equal(r->core.turn->exit_code, 0);
}

void rig_register_second(struct rig *r)
{
    struct store *s = r->core.store;
    struct registry *reg = NULL;
    struct reg_connector *con = NULL;
    struct reg_scope *scope = NULL;

    assert_int_equal(registry_new(&reg), 0);
    assert_int_equal(core_turn(&r->core), 0);
    con = registry_add_connector(reg);
    con->name = mem_strdup("two");
    con->url = mem_strdup("https://two.example");
    assert_int_equal(secret_init(&con->secrets[0], VIEW_LIT("another secret of 24 byt")), 0);
    assert_int_equal(store_connector_put(s, &r->core.turn->keys, con), 0);
    scope = registry_add_scope(reg);
    scope->id = mem_strdup("ch_two");
    scope->channel = mem_strdup("ch");
    scope->account = mem_strdup("two");
    scope->connector = mem_strdup("two");
    scope->title = mem_strdup("Second");
    assert_int_equal(store_scope_put(s, scope), 0);
    registry_stored(r, reg);
}

void rig_register_account(struct rig *r, const char *scope_id)
{
    struct view account = registry_scope_account(view_of(scope_id));
    struct registry *reg = NULL;
    struct reg_scope *scope = NULL;

    assert_int_equal(registry_new(&reg), 0);
    assert_int_equal(core_turn(&r->core), 0);
    scope = registry_add_scope(reg);
    scope->id = mem_strdup(scope_id);
    scope->channel = mem_strdup("ch");
    scope->account = mem_strndup(account.ptr, account.len);
    scope->connector = mem_strdup("svc");
    scope->title = mem_strdup("Another");
    assert_int_equal(store_scope_put(r->core.store, scope), 0);
    registry_stored(r, reg);
}

void rig_register_source(struct rig *r, const char *source, const char *scope)
{
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(
        store_source_put(r->core.store, VIEW_LIT("svc"), view_of(source), view_of(scope)), 0);
    registry_stored(r, NULL);
}

/* --- turns ---------------------------------------------------------------------------------- */

void rig_turn(struct rig *r)
{
    for (int i = 0; i < 10; i++) {
        loop_cancel(&r->core.turn->end);
        r->core.turn->end.fn(r->core.turn->end.arg);
        if (!r->core.turn->dirty || r->core.turn->exit_code)
            return;
    }
    fail_msg("the turn does not end");
}

void rig_commit(struct rig *r)
{
    int64_t heard = r->worker->heard_mono_ms;

    r->worker->heard_mono_ms -= 1000000; /* not alive for now: nothing is dispatched */
    rig_turn(r);
    r->worker->heard_mono_ms = heard;
}

/* --- events --------------------------------------------------------------------------------- */

void rig_push_bytes(struct rig *r, uint64_t number, struct view bytes, bool suspect)
{
    struct buf body;

    buf_init(&body, LIMIT_FRAME_BYTES);
    assert_int_equal(event_push_begin(&body, &r->spool, 1, 1), 0);
    assert_int_equal(event_push_add(&body, number, bytes, suspect), 0);
    mem_fail_at(r->fail_memory_at);
    intake_push(&r->core, r->ingress, buf_view(&body));
    mem_fail_at(0);
    buf_fini(&body);
}

uint64_t rig_push(struct rig *r, const struct event *e)
{
    uint64_t number = r->next_number++;
    struct buf bytes;

    buf_init(&bytes, LIMIT_FRAME_BYTES);
    assert_int_equal(event_encode(e, &bytes), 0);
    rig_push_bytes(r, number, buf_view(&bytes), false);
    buf_fini(&bytes);
    return number;
}

/* --- commands and results ------------------------------------------------------------------- */

struct core_command *rig_command(struct rig *r, enum command_kind kind)
{
    struct core_command *found = NULL;
    struct core_command *c = NULL;
    size_t iter = 0;

    while ((c = table_next(r->core.queue->commands, &iter))) {
        if (c->kind != kind)
            continue;
        assert_null(found);
        found = c;
    }
    return found;
}

size_t rig_count(struct rig *r, enum command_kind kind)
{
    struct core_command *c = NULL;
    size_t iter = 0;
    size_t n = 0;

    while ((c = table_next(r->core.queue->commands, &iter)))
        n += c->kind == kind;
    return n;
}

void rig_resolve(struct rig *r, enum command_kind kind, struct resolved *ret)
{
    struct core_command *c = rig_command(r, kind);

    assert_non_null(c);
    assert_int_equal(resolve_command(&r->core, c, ret), 0);
}

int rig_resolve_code(struct rig *r, enum command_kind kind)
{
    struct core_command *c = rig_command(r, kind);
    struct resolved body;
    int rc = 0;

    assert_non_null(c);
    rc = resolve_command(&r->core, c, &body);
    resolved_fini(&body);
    return rc;
}

/* NOLINTNEXTLINE(misc-no-recursion): a status needs its message first, one level */
struct core_command *rig_in_flight(struct rig *r, enum command_kind kind, const char *id)
{
    struct event e =
        kind == COMMAND_SERVICE_MESSAGE ? rig_manager_text(id) : rig_client_text(id);
    struct core_command *c = NULL;

    if (kind == COMMAND_AMO_STATUS) { /* of a message that was handed over before */
        struct core_command *out = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, id);
        struct event status;

        rig_result(
            r, r->worker, out,
            (struct result){.outcome = OUTCOME_DONE, .service_message_id = VIEW_LIT("svc-id")});
        rig_turn(r);
        status = rig_status("svc-id", "delivered");
        (void)rig_push(r, &status);
    } else {
        (void)rig_push(r, &e);
    }
    rig_turn(r);
    c = rig_command(r, kind);
    assert_non_null(c);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_ptr_equal(c->worker, r->worker);
    return c;
}

void rig_result_raw(struct rig *r, struct peer *p, const struct result *result)
{
    struct buf body;
    msgpack_packer pk;

    buf_init(&body, 1 << 20);
    pack_init(&pk, &body);
    (void)msgpack_pack_map(&pk, 1); /* asked below */
    pack_key(&pk, "results");
    (void)msgpack_pack_array(&pk, 1);
    assert_int_equal(result_encode(result, &body), 0);
    settle_push(&r->core, p, buf_view(&body));
    buf_fini(&body);
}

void rig_result(struct rig *r, struct peer *p, const struct core_command *cmd,
                struct result result)
{
    result.id = (uint64_t)cmd->id;
    result.attempt = cmd->attempt;
    result.kind = cmd->kind;
    result.trace = cmd->trace;
    result.began_ms = clock_unix_ms();
    rig_result_raw(r, p, &result);
}

size_t rig_calls(struct rig *r, int64_t now_ms, struct command *ret, size_t cap)
{
    static struct buf frame;
    struct pack_doc d;
    msgpack_packer pk;
    size_t n = 0;

    if (r->core.turn->dirty)
        rig_commit(r); /* nothing leaves before */
    r->worker->heard_mono_ms = now_ms;
    call_dispatch(&r->core, false, now_ms);
    call_dispatch(&r->core, true, now_ms);
    n = r->worker->n_batch;
    assert_true(n <= cap);
    buf_fini(&frame);
    buf_init(&frame, 1 << 20);
    pack_init(&pk, &frame);
    (void)msgpack_pack_array(&pk, n); /* asked below */
    assert_int_equal(buf_add_view(&frame, buf_view(&r->worker->batch)), 0);
    assert_int_equal(pack_doc_open(&d, buf_view(&frame)), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(command_decode_object(&pack_doc_root(&d)->via.array.ptr[i], &ret[i]),
                         0);
    pack_doc_close(&d);
    dispatch_flush(&r->core);
    r->worker->heard_mono_ms = clock_mono_ms();
    if (n == 0)
        buf_fini(&frame);
    return n;
}

/* --- looking -------------------------------------------------------------------------------- */

void rig_assert_accounts(struct rig *r)
{
    for (struct list *i = r->core.peers->list.next; i != &r->core.peers->list; i = i->next) {
        const struct peer *p = LIST_ENTRY(i, struct peer, link);
        struct core_command *c = NULL;
        size_t bytes = 0;
        size_t iter = 0;
        size_t n = 0;

        while ((c = table_next(r->core.queue->commands, &iter))) {
            if (c->worker != p)
                continue;
            assert_int_equal(c->state, COMMAND_IN_FLIGHT);
            bytes += c->body_len;
            n++;
        }
        assert_int_equal(p->n_in_flight, n);
        assert_int_equal(p->bytes_in_flight, bytes);
    }
}

/* "m<mid>", "a<amo's id>" of the rig's account, "s<connector>/<id>" that a service gave in either
 * direction. */
static int find_message(struct rig *r, const char *word, struct message *ret)
{
    struct view id = view_of(word + 1);
    const char *slash = strchr(word, '/');
    struct key key;
    int rc = STORE_E_NONE;

    if (word[0] == 'm')
        assert_int_equal(key_mid(id, &key), 0);
    else if (word[0] == 'a')
        assert_int_equal(key_amo(VIEW_LIT("ch_acc"), id, &key), 0);
    else
        assert_int_equal(
            key_sent(view_make(id.ptr, (size_t)(slash - id.ptr)), view_of(slash + 1), &key), 0);
    rc = store_message_by_key(r->core.store, &key, ret);
    if (rc == STORE_E_NONE && word[0] == 's') {
        key.text[0] = 't';
        rc = store_message_by_key(r->core.store, &key, ret);
    }
    return rc;
}

struct message rig_message(struct rig *r, const char *word)
{
    struct message m = {0};

    if (find_message(r, word, &m))
        fail_msg("no message is known as %s", word);
    return m;
}

bool rig_has_message(struct rig *r, const char *word)
{
    struct message m = {0};
    int rc = find_message(r, word, &m);

    message_fini(&m);
    assert_true(rc == 0 || rc == STORE_E_NONE);
    return rc == 0;
}

void rig_assert_counts(struct rig *r, int64_t dead, int64_t quarantine, int64_t waiting)
{
    int64_t n_dead = 0;
    int64_t n_quarantine = 0;
    int64_t n_waiting = 0;

    assert_int_equal(store_counts(r->core.store, &n_dead, &n_quarantine, &n_waiting), 0);
    assert_int_equal(n_dead, dead);
    assert_int_equal(n_quarantine, quarantine);
    assert_int_equal(n_waiting, waiting);
}

static int count_one(void *arg, const struct command_row *row)
{
    (void)row;
    ++*(int64_t *)arg;
    return 0;
}

int64_t rig_stored_commands(struct rig *r)
{
    int64_t n = 0;

    assert_int_equal(store_commands_walk(r->core.store, count_one, &n), 0);
    return n;
}

typedef int rig_list_fn(struct store *s, int64_t id, struct json_writer *w);

static void assert_newest(struct rig *r, rig_list_fn *list, const char *reason)
{
    struct json *doc = NULL;
    struct json_writer w;
    struct view got = VIEW_NONE;
    struct buf out;

    buf_init(&out, 1 << 20);
    json_writer_init(&w, &out);
    json_open_array(&w, NULL);
    assert_int_equal(list(r->core.store, 0, &w), 0);
    json_close_array(&w);
    assert_int_equal(json_parse(buf_view(&out), &doc), 0);
    assert_int_equal(json_text(doc, json_get(json_array_at(json_root(doc), 0), "reason"), &got),
                     0);
    if (!view_is(got, reason))
        print_message("the reason is %.*s\n", (int)got.len, got.ptr ? got.ptr : "");
    assert_true(view_is(got, reason));
    json_free(doc);
    buf_fini(&out);
}

void rig_assert_dead(struct rig *r, const char *reason)
{
    assert_newest(r, store_dead_json, reason);
}

void rig_assert_quarantined(struct rig *r, const char *reason)
{
    assert_newest(r, store_quarantine_json, reason);
}
