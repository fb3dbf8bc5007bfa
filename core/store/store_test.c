/* The contract of the store. Every test of the contract runs against whatever `backend` opens, so
 * that a second backend has to pass the same suite; what is true of the files of SQLite alone
 * stands at the end. */

#include "core/model/key.h"
#include "core/store/store.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/secret.h"
#include "base/testing.h"
#include "core/store/db.h"
#include "core/store/erase.h"
#include "core/store/keys.h"
#include "proto/command.h"
#include "proto/limits.h"
#include "proto/session.h"

#define NOW 1700000000000LL
#define DAY 86400000LL

/* One backend: opens the store of a scratch directory. */
struct backend {
    const char *name;
    int (*open)(const char *dir, struct buf *why, struct store **ret);
};

static int sqlite_open(const char *dir, struct buf *why, struct store **ret)
{
    char url[300];

    (void)snprintf(url, sizeof(url), "sqlite:%s/core.db", dir);
    return store_open(url, why, ret);
}

static const struct backend sqlite = {"sqlite", sqlite_open};
static const struct backend *backend = &sqlite;

struct rig {
    char dir[64];
    struct store *store;
};

static int rig_reopen(struct rig *r)
{
    struct buf why;
    int rc = 0;

    store_close(r->store);
    r->store = NULL;
    buf_init(&why, 1024);
    rc = backend->open(r->dir, &why, &r->store);
    if (rc)
        print_message("%s\n", buf_str(&why));
    buf_fini(&why);
    return rc;
}

static int setup(void **state)
{
    struct rig *r = mem_zalloc(sizeof(*r));

    assert_non_null(r);
    (void)snprintf(r->dir, sizeof(r->dir), "/tmp/amo-store-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    assert_int_equal(rig_reopen(r), 0);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    db_fail_at(0);
    store_close(r->store);
    testing_remove_folder(r->dir);
    mem_free(r);
    return 0;
}

static struct id id_of(unsigned char n)
{
    struct id id;

    memset(id.bytes, n, sizeof(id.bytes));
    return id;
}

static int64_t add_conversation(struct store *s, const char *service_id, const char *client_id)
{
    char connector[] = "svc";
    char source[] = "line1";
    char scope[] = "ch_acc";
    char user[] = "svc-user";
    char phone[] = "79991234567";
    char name[] = "Ann";
    char client[64];
    char service[64];
    struct conversation c = {.connector = connector,
                             .source = source,
                             .scope = scope,
                             .user_id = user,
                             .phone = phone,
                             .name = name};

    (void)snprintf(client, sizeof(client), "%s", client_id);
    (void)snprintf(service, sizeof(service), "%s", service_id ? service_id : "");
    c.client_id = client;
    c.service_id = service_id ? service : NULL;
    assert_int_equal(store_conversation_add(s, &c), 0);
    assert_true(c.id > 0);
    return c.id;
}

/* NOLINTNEXTLINE(readability-function-size): the arguments are the fields of one row */
static int add_message_rc(struct store *s, const char *mid, const char *amo_id,
                          const char *service_id, int64_t conversation, int64_t taken_ms,
                          int64_t *ret)
{
    char mid_text[64];
    char amo[64];
    char service[64];
    char scope[] = "ch_acc";
    char connector[] = "svc";
    struct message m = {.direction = amo_id ? MESSAGE_OUTBOUND : MESSAGE_INBOUND,
                        .conversation = conversation,
                        .mid = mid_text,
                        .scope = scope,
                        .connector = connector,
                        .state = MESSAGE_ACCEPTED,
                        .taken_ms = taken_ms,
                        .trace = id_of(7)};

    (void)snprintf(mid_text, sizeof(mid_text), "%s", mid);
    (void)snprintf(amo, sizeof(amo), "%s", amo_id ? amo_id : "");
    (void)snprintf(service, sizeof(service), "%s", service_id ? service_id : "");
    m.amo_id = amo_id ? amo : NULL;
    m.service_id = service_id ? service : NULL;
    return store_message_add(s, &m, ret);
}

static int64_t add_message(struct store *s, const char *mid, const char *amo_id,
                           const char *service_id, int64_t conversation)
{
    int64_t id = 0;

    assert_int_equal(add_message_rc(s, mid, amo_id, service_id, conversation, NOW, &id), 0);
    return id;
}

/* "m<mid>", "a<amo's id>", "s…" and "t<connector>/<id>". */
static int by_word(struct store *s, const char *word, struct message *ret)
{
    struct view id = view_of(word + 1);
    const char *slash = strchr(word, '/');
    struct key key;

    if (word[0] == 'm')
        assert_int_equal(key_mid(id, &key), 0);
    else if (word[0] == 'a')
        assert_int_equal(key_amo(VIEW_LIT("ch_acc"), id, &key), 0);
    else
        assert_int_equal(
            (word[0] == 's' ? key_sent : key_answered)(
                view_make(id.ptr, (size_t)(slash - id.ptr)), view_of(slash + 1), &key),
            0);
    return store_message_by_key(s, &key, ret);
}

static void learn(struct store *s, int64_t id, const char *amo_id, const char *answer)
{
    struct message m;

    assert_int_equal(store_message(s, id, &m), 0);
    if (amo_id)
        assert_int_equal(store_message_learn_amo(s, &m, view_of(amo_id)), 0);
    if (answer)
        assert_int_equal(store_message_learn_answer(s, &m, view_of(answer)), 0);
    message_fini(&m);
}

static int add_command_rc(struct store *s, int64_t lane, int64_t message, int64_t *ret)
{
    char scope[] = "ch_acc";
    char connector[] = "svc";
    char body[] = "body\0with a NUL";
    struct command_row c = {.lane = lane,
                            .kind = COMMAND_AMO_MESSAGE,
                            .message = message,
                            .scope = scope,
                            .connector = connector,
                            .body = body,
                            .body_len = sizeof(body) - 1,
                            .taken_ms = NOW};

    return store_command_add(s, &c, ret);
}

static int64_t add_command(struct store *s, int64_t lane, int64_t message)
{
    int64_t id = 0;

    assert_int_equal(add_command_rc(s, lane, message, &id), 0);
    return id;
}

/* --- opening, transactions ------------------------------------------------------------------ */

static void an_empty_store_is_made_ready_and_opens_again(void **state)
{
    struct rig *r = *state;
    struct buf value;

    buf_init(&value, 100);
    assert_true(store_schema_version() >= 1);
    assert_int_equal(store_meta_get(r->store, "k", &value), STORE_E_NONE);
    assert_int_equal(store_meta_put(r->store, "k", VIEW_LIT("v")), 0);
    assert_int_equal(rig_reopen(r), 0);
    assert_int_equal(store_meta_get(r->store, "k", &value), 0);
    assert_string_equal(buf_str(&value), "v");
    buf_fini(&value);
}

static void a_transaction_that_was_not_committed_leaves_nothing(void **state)
{
    struct rig *r = *state;
    struct conversation c;

    assert_int_equal(store_begin(r->store), 0);
    assert_int_equal(store_begin(r->store), 0); /* cheap to call again */
    assert_true(store_in_transaction(r->store));
    add_conversation(r->store, "t", "c");
    assert_int_equal(rig_reopen(r), 0);
    assert_int_equal(store_conversation_by_service(r->store, VIEW_LIT("svc"), VIEW_LIT("line1"),
                                                   VIEW_LIT("t"), &c),
                     STORE_E_NONE);
}

static void a_commit_stands_after_reopening(void **state)
{
    struct rig *r = *state;
    struct conversation c;
    int64_t id = 0;

    assert_int_equal(store_begin(r->store), 0);
    id = add_conversation(r->store, "t", "c");
    assert_int_equal(store_commit(r->store), 0);
    assert_false(store_in_transaction(r->store));
    assert_int_equal(store_commit(r->store), 0); /* nothing to commit is fine */
    assert_int_equal(rig_reopen(r), 0);
    assert_int_equal(store_conversation(r->store, id, &c), 0);
    conversation_fini(&c);
}

static void a_savepoint_undoes_its_event_alone(void **state)
{
    struct rig *r = *state;
    struct conversation c;

    assert_int_equal(store_begin(r->store), 0);
    assert_int_equal(store_savepoint(r->store), 0);
    add_conversation(r->store, "one", "c1");
    assert_int_equal(store_release(r->store), 0);
    assert_int_equal(store_savepoint(r->store), 0);
    add_conversation(r->store, "two", "c2");
    assert_int_equal(store_rollback_to(r->store), 0);
    assert_int_equal(store_savepoint(r->store), 0); /* the transaction goes on */
    add_conversation(r->store, "three", "c3");
    assert_int_equal(store_release(r->store), 0);
    assert_true(store_in_transaction(r->store));
    assert_int_equal(store_commit(r->store), 0);
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"one", "two", "three"};
        int rc = store_conversation_by_service(r->store, VIEW_LIT("svc"), VIEW_LIT("line1"),
                                               view_of(names[i]), &c);

        assert_int_equal(rc, i == 1 ? STORE_E_NONE : 0);
        if (rc == 0)
            conversation_fini(&c);
    }
}

static void savepoints_nest(void **state)
{
    struct rig *r = *state;
    struct buf value;

    assert_int_equal(store_begin(r->store), 0);
    assert_int_equal(store_savepoint(r->store), 0);
    assert_int_equal(store_meta_put(r->store, "outer", VIEW_LIT("1")), 0);
    assert_int_equal(store_savepoint(r->store), 0);
    assert_int_equal(store_meta_put(r->store, "inner", VIEW_LIT("1")), 0);
    assert_int_equal(store_rollback_to(r->store), 0);
    assert_int_equal(store_release(r->store), 0);
    assert_int_equal(store_commit(r->store), 0);
    buf_init(&value, 10);
    assert_int_equal(store_meta_get(r->store, "outer", &value), 0);
    assert_int_equal(store_meta_get(r->store, "inner", &value), STORE_E_NONE);
    buf_fini(&value);
}

/* --- spools, workers ------------------------------------------------------------------------ */

static void what_was_taken_of_a_spool_is_known_again(void **state)
{
    struct rig *r = *state;
    struct id spool = id_of(1);
    struct id other = id_of(2);
    struct buf ranges;
    uint64_t mark = 0;
    uint64_t low = 0;

    buf_init(&ranges, 1000);
    assert_int_equal(store_spool_get(r->store, &spool, &mark, &low, &ranges), STORE_E_NONE);
    assert_int_equal(pairs_add(&ranges, 5, 9), 0);
    assert_int_equal(store_spool_put(r->store, &spool, 9, 4, buf_view(&ranges)), 0);
    assert_int_equal(rig_reopen(r), 0);
    buf_reset(&ranges);
    assert_int_equal(store_spool_get(r->store, &spool, &mark, &low, &ranges), 0);
    assert_int_equal(mark, 9);
    assert_int_equal(low, 4);
    assert_int_equal(pairs_count(buf_view(&ranges)), 1);
    assert_int_equal(store_spool_get(r->store, &other, &mark, &low, &ranges), STORE_E_NONE);
    buf_reset(&ranges);
    assert_int_equal(store_spool_put(r->store, &spool, 12, 13, buf_view(&ranges)), 0);
    assert_int_equal(store_spool_get(r->store, &spool, &mark, &low, &ranges), 0);
    assert_int_equal(mark, 12);
    assert_int_equal(ranges.len, 0);
    buf_fini(&ranges);
}

static void count_worker(void *arg, struct view name, const struct id *boot)
{
    int *n = arg;

    assert_true(view_is(name, "egress") || view_is(name, "egress-2"));
    assert_false(id_is_zero(boot));
    (*n)++;
}

static void workers_are_remembered_until_forgotten(void **state)
{
    struct rig *r = *state;
    struct id boot = id_of(3);
    int n = 0;

    assert_int_equal(store_worker_seen(r->store, VIEW_LIT("egress"), &boot, NOW), 0);
    assert_int_equal(store_worker_seen(r->store, VIEW_LIT("egress"), &boot, NOW + 1), 0);
    assert_int_equal(store_worker_seen(r->store, VIEW_LIT("egress-2"), &boot, NOW), 0);
    assert_int_equal(store_workers_walk(r->store, count_worker, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(store_worker_forget(r->store, VIEW_LIT("egress")), 0);
    n = 0;
    assert_int_equal(store_workers_walk(r->store, count_worker, &n), 0);
    assert_int_equal(n, 1);
}

static void count_name(void *arg, struct view name, const struct id *boot)
{
    int *n = arg;

    (void)name;
    (void)boot;
    (*n)++;
}

static void count_ingress(void *arg, struct view name, int64_t seen_ms)
{
    (void)seen_ms;
    count_name(arg, name, NULL);
}

static void ever_new_names_of_edges_leave_so_many_rows(void **state)
{
    struct rig *r = *state;
    struct id boot = id_of(3);
    char name[16];
    int n = 0;

    for (unsigned i = 0; i < LIMIT_PEERS + 50; i++) {
        (void)snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(store_worker_seen(r->store, view_of(name), &boot, NOW + i), 0);
        assert_int_equal(store_ingress_seen(r->store, view_of(name), &boot, NOW + i), 0);
    }
    assert_int_equal(store_workers_walk(r->store, count_name, &n), 0);
    assert_int_equal(n, LIMIT_PEERS);
    n = 0;
    assert_int_equal(store_ingresses_walk(r->store, count_ingress, &n), 0);
    assert_int_equal(n, LIMIT_PEERS);
}

/* --- conversations -------------------------------------------------------------------------- */

static void a_conversation_is_found_by_each_of_its_ids(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    int64_t id = add_conversation(s, "thread", "svc-thread");
    struct conversation c;

    assert_int_equal(store_chat_put(s, VIEW_LIT("ch_acc"), VIEW_LIT("chat-1"), id), 0);
    assert_int_equal(store_chat_put(s, VIEW_LIT("ch_acc"), VIEW_LIT("chat-2"), id), 0);
    assert_int_equal(store_conversation_by_service(s, VIEW_LIT("svc"), VIEW_LIT("line1"),
                                                   VIEW_LIT("thread"), &c),
                     0);
    assert_int_equal(c.id, id);
    assert_string_equal(c.client_id, "svc-thread");
    assert_string_equal(c.phone, "79991234567");
    assert_null(c.chat_id);
    assert_null(c.contact);
    assert_false(c.linked);
    conversation_fini(&c);
    for (int i = 0; i < 2; i++) { /* one conversation may hold several chats */
        assert_int_equal(store_conversation_by_chat(s, VIEW_LIT("ch_acc"),
                                                    i ? VIEW_LIT("chat-2") : VIEW_LIT("chat-1"),
                                                    &c),
                         0);
        assert_int_equal(c.id, id);
        conversation_fini(&c);
    }
    assert_int_equal(
        store_conversation_by_client(s, VIEW_LIT("ch_acc"), VIEW_LIT("svc-thread"), &c), 0);
    conversation_fini(&c);
    assert_int_equal(store_conversation_by_phone(s, VIEW_LIT("svc"), VIEW_LIT("line1"),
                                                 VIEW_LIT("79991234567"), &c),
                     0);
    conversation_fini(&c);
}

static void ids_of_others_find_nothing(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    int64_t id = add_conversation(s, "thread", "svc-thread");
    struct conversation c;

    assert_int_equal(store_chat_put(s, VIEW_LIT("ch_acc"), VIEW_LIT("chat-1"), id), 0);
    assert_int_equal(store_conversation(s, id + 1, &c), STORE_E_NONE);
    assert_int_equal(store_conversation_by_service(s, VIEW_LIT("svc"), VIEW_LIT("line2"),
                                                   VIEW_LIT("thread"), &c),
                     STORE_E_NONE);
    assert_int_equal(store_conversation_by_service(s, VIEW_LIT("else"), VIEW_LIT("line1"),
                                                   VIEW_LIT("thread"), &c),
                     STORE_E_NONE);
    assert_int_equal(
        store_conversation_by_chat(s, VIEW_LIT("ch_other"), VIEW_LIT("chat-1"), &c),
        STORE_E_NONE);
    assert_int_equal(
        store_conversation_by_client(s, VIEW_LIT("ch_other"), VIEW_LIT("svc-thread"), &c),
        STORE_E_NONE);
    assert_int_equal(store_conversation_by_phone(s, VIEW_LIT("else"), VIEW_LIT("line1"),
                                                 VIEW_LIT("79991234567"), &c),
                     STORE_E_NONE);
}

static void by_phone_the_one_without_a_thread_comes_first_then_the_newest(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    int64_t began = add_conversation(s, NULL, "a");
    int64_t newest = 0;
    struct conversation c;

    add_conversation(s, "t1", "b");
    newest = add_conversation(s, "t2", "c");
    assert_int_equal(store_conversation_by_phone(s, VIEW_LIT("svc"), VIEW_LIT("line1"),
                                                 VIEW_LIT("79991234567"), &c),
                     0);
    assert_int_equal(c.id, began);
    mem_free(c.service_id);
    c.service_id = mem_strdup("t0");
    assert_int_equal(store_conversation_update(s, &c), 0);
    conversation_fini(&c);
    assert_int_equal(store_conversation_by_phone(s, VIEW_LIT("svc"), VIEW_LIT("line1"),
                                                 VIEW_LIT("79991234567"), &c),
                     0);
    assert_int_equal(c.id, newest);
    conversation_fini(&c);
}

static void by_phone_no_source_stands_for_any(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    int64_t id = add_conversation(s, "t1", "a");
    struct conversation c;

    assert_int_equal(store_conversation_by_phone(s, VIEW_LIT("svc"), VIEW_LIT(""),
                                                 VIEW_LIT("79991234567"), &c),
                     0);
    assert_int_equal(c.id, id);
    conversation_fini(&c);
    assert_int_equal(store_conversation_by_phone(s, VIEW_LIT("svc"), VIEW_LIT("line2"),
                                                 VIEW_LIT("79991234567"), &c),
                     STORE_E_NONE);
}

static void a_thread_belongs_to_one_conversation(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    int64_t id = add_conversation(s, NULL, "a");
    struct conversation c;

    add_conversation(s, NULL, "b"); /* without a thread there may be many */
    add_conversation(s, "t", "c");
    assert_int_equal(store_conversation(s, id, &c), 0);
    c.service_id = mem_strdup("t");
    assert_int_equal(store_conversation_update(s, &c), -EEXIST);
    conversation_fini(&c);
}

static void an_update_changes_every_field(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    int64_t id = add_conversation(s, NULL, "a");
    struct conversation c;

    assert_int_equal(store_conversation(s, id, &c), 0);
    c.service_id = mem_strdup("t");
    c.chat_id = mem_strdup("chat");
    c.user_ref = mem_strdup("ref");
    c.contact = mem_strdup("contact");
    c.linked = true;
    assert_int_equal(store_conversation_update(s, &c), 0);
    conversation_fini(&c);
    assert_int_equal(store_conversation(s, id, &c), 0);
    assert_string_equal(c.service_id, "t");
    assert_string_equal(c.chat_id, "chat");
    assert_string_equal(c.user_ref, "ref");
    assert_string_equal(c.contact, "contact");
    assert_true(c.linked);
    conversation_fini(&c);
}

/* The numbers that a walk met, in its order. */
struct met {
    int64_t ids[8];
    size_t n;
};

static int meet(void *arg, const struct conversation *c)
{
    struct met *met = arg;

    met->ids[met->n++] = c->id;
    return met->n == 2 ? STORE_E_KNOWN : 0;
}

static void conversations_of_an_account_are_walked_from_the_newest_on(void **state)
{
    struct rig *r = *state;
    struct met met = {.n = 0};
    int64_t ids[3];

    for (int i = 0; i < 3; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "c%d", i);
        ids[i] = add_conversation(r->store, name, name);
    }
    assert_int_equal(
        store_conversations_newest(r->store, VIEW_LIT("ch_acc"), INT64_MAX, 9, meet, &met),
        STORE_E_KNOWN);
    assert_int_equal(met.n, 2);
    assert_int_equal(met.ids[0], ids[2]);
    assert_int_equal(met.ids[1], ids[1]);
    met.n = 0;
    assert_int_equal(store_conversations_newest(r->store, VIEW_NONE, ids[1], 9, meet, &met), 0);
    assert_int_equal(met.n, 1);
    assert_int_equal(met.ids[0], ids[0]);
    assert_int_equal(
        store_conversations_newest(r->store, VIEW_LIT("ch_none"), INT64_MAX, 9, meet, &met), 0);
    assert_int_equal(met.n, 1);
}

/* --- messages ------------------------------------------------------------------------------- */

static size_t newest(struct store *s, struct messages_range range, struct message_at *ret,
                     size_t max)
{
    size_t n = 0;

    if (!range.before.taken_ms)
        range.before = (struct message_at){.taken_ms = INT64_MAX, .id = INT64_MAX};
    assert_int_equal(store_messages_newest(s, &range, ret, max, &n), 0);
    return n;
}

/* Every second message is of another conversation, which is merged into the first; two each were taken at the
 * same time. */
static void the_newest_messages_come_by_time_then_by_number_of_merged_ones_too(void **state)
{
    struct rig *r = *state;
    int64_t one = add_conversation(r->store, "t1", "a");
    int64_t two = add_conversation(r->store, "t2", "b");
    struct messages_range range = {.of = MESSAGES_OF_CONVERSATION, .conversation = one};
    struct message_at at[16];
    int64_t ids[6];

    for (int i = 0; i < 6; i++) {
        char mid[16];

        (void)snprintf(mid, sizeof(mid), "m%d", i);
        assert_int_equal(
            add_message_rc(r->store, mid, NULL, NULL, i % 2 ? two : one, NOW + i / 2, &ids[i]),
            0);
    }
    assert_int_equal(newest(r->store, range, at, 16), 3);
    assert_int_equal(store_conversation_merge(r->store, two, one), 0);
    assert_int_equal(newest(r->store, range, at, 16), 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(at[i].id, ids[5 - i]);
    for (size_t page = 0; page < 3; page++) { /* each once */
        assert_int_equal(newest(r->store, range, at, 2), 2);
        assert_int_equal(at[0].id, ids[5 - 2 * page]);
        range.before = at[1];
    }
    assert_int_equal(newest(r->store, range, at, 2), 0);
    range = (struct messages_range){.of = MESSAGES_ALL, .since_ms = NOW + 1};
    assert_int_equal(newest(r->store, range, at, 16), 4);
    range.before = (struct message_at){.taken_ms = NOW + 2, .id = 0};
    assert_int_equal(newest(r->store, range, at, 16), 2);
}

static void messages_that_have_not_arrived_are_found_among_others(void **state)
{
    struct rig *r = *state;
    int64_t waits = add_message(r->store, "waits", NULL, "s1", 1);
    int64_t failed = add_message(r->store, "failed", NULL, "s2", 1);
    int64_t there = add_message(r->store, "there", NULL, "s3", 1);
    const struct message_filter refused = {.reason = VIEW_LIT("refused"),
                                           .scope = VIEW_LIT("ch_acc")};
    const struct message_filter elsewhere = {.source = VIEW_LIT("line9")};
    struct messages_range range = {.of = MESSAGES_ACCEPTED};
    struct message_at at[4];
    bool fits = false;

    assert_int_equal(store_message_state(r->store, there, MESSAGE_DELIVERED_TO_AMO, NOW), 0);
    assert_int_equal(store_message_failed(r->store, failed, "refused", VIEW_LIT("no"), NOW), 0);
    assert_int_equal(newest(r->store, range, at, 4), 1);
    assert_int_equal(at[0].id, waits);
    range.of = MESSAGES_FAILED;
    assert_int_equal(newest(r->store, range, at, 4), 1);
    assert_int_equal(at[0].id, failed);
    assert_int_equal(store_message_fits(r->store, failed, &refused, &fits), 0);
    assert_true(fits);
    assert_int_equal(store_message_fits(r->store, failed, &elsewhere, &fits), 0);
    assert_false(fits);
}

static void assert_message(int rc, struct message *m, int64_t id)
{
    assert_int_equal(rc, 0);
    assert_int_equal(m->id, id);
    message_fini(m);
}

static void a_message_is_found_by_every_id_it_has_or_learns(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    int64_t in = add_message(s, "svc-m1", NULL, "m1", 1);
    int64_t out = add_message(s, "amo-h1", "amo1", NULL, 1);
    struct message m;

    assert_message(by_word(s, "msvc-m1", &m), &m, in);
    assert_message(by_word(s, "ssvc/m1", &m), &m, in);
    assert_message(by_word(s, "aamo1", &m), &m, out);
    assert_int_equal(by_word(s, "aamo2", &m), STORE_E_NONE);
    learn(s, in, "amo2", NULL);
    assert_message(by_word(s, "aamo2", &m), &m, in);
    learn(s, out, NULL, "s2");
    assert_message(by_word(s, "tsvc/s2", &m), &m, out);
    assert_int_equal(by_word(s, "ssvc/s2", &m), STORE_E_NONE);
    assert_int_equal(by_word(s, "telse/s2", &m), STORE_E_NONE);
    assert_int_equal(store_message(s, in, &m), 0);
    assert_string_equal(m.amo_id, "amo2");
    assert_int_equal(m.direction, MESSAGE_INBOUND);
    assert_int_equal(m.taken_ms, NOW);
    message_fini(&m);
}

static void an_id_that_is_taken_stays_with_its_first_message(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    int64_t one = add_message(s, "m1", "amo1", NULL, 1);
    int64_t two = add_message(s, "m2", NULL, "x", 1);
    struct message m;

    learn(s, two, "amo1", NULL);
    assert_message(by_word(s, "aamo1", &m), &m, one);
}

static void what_a_service_sent_and_what_it_answered_are_counted_apart(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    int64_t in = add_message(s, "svc-7", NULL, "7", 1);
    int64_t old = add_message(s, "amo-h1", "amo1", NULL, 1);
    int64_t fresh = add_message(s, "amo-h2", "amo2", NULL, 1);
    struct message m;

    learn(s, old, NULL, "7");
    assert_message(by_word(s, "ssvc/7", &m), &m, in);
    assert_message(by_word(s, "tsvc/7", &m), &m, old);
    learn(s, fresh, NULL, "7"); /* it counts anew */
    assert_message(by_word(s, "tsvc/7", &m), &m, fresh);
    learn(s, old, NULL, "8");
    assert_message(by_word(s, "ssvc/7", &m), &m, in);
}

static bool is_ambiguous(struct store *s, const char *key)
{
    bool ret = false;

    assert_int_equal(store_id_is_ambiguous(s, key, &ret), 0);
    return ret;
}

static void an_id_is_ambiguous_of_a_service_that_counts_both_sides_alike(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    int64_t told = add_message(s, "amo-h1", "amo1", NULL, 1);

    learn(s, told, NULL, "700");
    learn(s, told, NULL, "701");
    assert_false(is_ambiguous(s, "tsvc/701")); /* it has sent none that is so called */
    (void)add_message(s, "svc-702", NULL, "702", 1);
    assert_false(is_ambiguous(s, "tsvc/701"));
    (void)add_message(s, "svc-700", NULL, "700", 1);
    assert_true(is_ambiguous(s, "tsvc/701"));
    assert_true(is_ambiguous(s, "ssvc/701"));
    assert_false(is_ambiguous(s, "tsvc/702")); /* no answer told that one */
    assert_false(is_ambiguous(s, "tother/701"));
    learn(s, told, NULL, "wamid.HBgL"); /* nor is one ambiguous that looks otherwise */
    assert_false(is_ambiguous(s, "tsvc/wamid.HBgL"));
    for (int i = 0; i < 150; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "%d", 800 + i);
        learn(s, told, NULL, id);
    }
    assert_true(is_ambiguous(s, "tsvc/949")); /* by the first ones */
}

/* The old message had the id once; pruning it takes nothing from the newer one. */
static void pruning_leaves_an_id_that_a_newer_message_has_now(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    struct message m;
    int64_t old = 0;
    int64_t fresh = 0;

    assert_int_equal(add_message_rc(s, "amo-h1", "amo1", NULL, 1, NOW - 200 * DAY, &old), 0);
    learn(s, old, NULL, "7");
    fresh = add_message(s, "amo-h2", "amo2", NULL, 1);
    learn(s, fresh, NULL, "7");
    assert_int_equal(store_prune(s, NOW - 180 * DAY, NOW - 30 * DAY, 500), 0);
    assert_int_equal(by_word(s, "aamo1", &m), STORE_E_NONE);
    assert_message(by_word(s, "tsvc/7", &m), &m, fresh);
}

static int count_place(void *arg, struct view scope, struct view chat)
{
    (void)scope;
    (void)chat;
    ++*(int *)arg;
    return 0;
}

static void whatever_leads_to_a_merged_conversation_leads_to_the_other(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    int64_t from = add_conversation(s, NULL, "c-from");
    int64_t to = add_conversation(s, "thread", "c-to");
    int64_t id = add_message(s, "amo-h1", "amo1", NULL, from);
    struct conversation c;
    struct message m;
    int places = 0;

    assert_int_equal(store_chat_put(s, VIEW_LIT("ch_acc"), VIEW_LIT("p-1"), from), 0);
    assert_int_equal(store_chat_put(s, VIEW_LIT("ch_acc"), VIEW_LIT("p-2"), to), 0);
    assert_int_equal(store_conversation_merge(s, from, to), 0);
    assert_int_equal(store_conversation(s, from, &c), 0);
    assert_int_equal(c.id, to);
    conversation_fini(&c);
    assert_int_equal(store_conversation_by_chat(s, VIEW_LIT("ch_acc"), VIEW_LIT("p-1"), &c), 0);
    assert_int_equal(c.id, to);
    conversation_fini(&c);
    assert_int_equal(
        store_conversation_by_client(s, VIEW_LIT("ch_acc"), VIEW_LIT("c-from"), &c), 0);
    assert_int_equal(c.id, to);
    conversation_fini(&c);
    assert_int_equal(store_message(s, id, &m), 0);
    assert_int_equal(m.conversation, to);
    assert_int_equal(store_message_places(s, &m, count_place, &places), 0);
    assert_int_equal(places, 2); /* the history is asked in both chats */
    message_fini(&m);
}

/* … and what waits, and what was given up, of both directions; of nobody else. */
static void the_lanes_of_a_merged_conversation_become_those_of_the_other(void **state)
{
    static const int64_t before[] = {13, 14, 15, 16, 0};
    static const int64_t after[] = {13, 22, 23, 16, 0};
    struct rig *r = *state;
    int64_t waits[AMO_COUNT(before)];
    int64_t dead[AMO_COUNT(before)];
    struct command_row row;

    for (size_t i = 0; i < AMO_COUNT(before); i++) {
        waits[i] = add_command(r->store, before[i], 1);
        dead[i] = add_command(r->store, before[i], 1);
        assert_int_equal(store_dead_add(r->store, dead[i], "refused", NOW), 0);
    }
    assert_int_equal(store_conversation_merge(r->store, 7, 11), 0);
    for (size_t i = 0; i < AMO_COUNT(before); i++) {
        assert_int_equal(store_command(r->store, waits[i], &row), 0);
        assert_int_equal(row.lane, after[i]);
        command_row_fini(&row);
        assert_int_equal(store_dead_retry(r->store, dead[i], NOW, &row), 0);
        assert_int_equal(row.lane, after[i]);
        command_row_fini(&row);
    }
}

static void assert_any(struct store *s, struct view id, int64_t first, int64_t second)
{
    int64_t ids[3] = {0};
    size_t n = 0;

    assert_int_equal(store_messages_by_any(s, id, ids, AMO_COUNT(ids), &n), 0);
    assert_int_equal(n, (first > 0) + (second > 0));
    assert_int_equal(ids[0], first);
    assert_int_equal(ids[1], second);
}

static void trace_finds_a_message_by_any_id(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    struct keys keys = {{1}};
    char name[] = "svc";
    char url[] = "https://svc.example";
    struct reg_connector con = {.name = name, .url = url};
    int64_t in = add_message(s, "svc-m1", NULL, "m1", 1);
    struct id trace = id_of(7);
    char text[ID_TEXT_LEN + 1];
    char scope[] = "ch_two";
    struct message m;
    int64_t other = 0;

    assert_int_equal(store_connector_put(s, &keys, &con), 0);
    (void)add_conversation(s, NULL, "c"); /* of its account */
    learn(s, in, "amo1", NULL);
    id_format(&trace, text);
    assert_any(s, VIEW_LIT("svc-m1"), in, 0);
    assert_any(s, VIEW_LIT("amo1"), in, 0);
    assert_any(s, VIEW_LIT("m1"), in, 0);
    assert_any(s, view_of(text), in, 0);
    assert_any(s, VIEW_LIT("nothing"), 0, 0);
    other = add_message(s, "m2", NULL, NULL, 2);
    m = (struct message){.id = other, .scope = scope};
    assert_int_equal(store_message_learn_amo(s, &m, VIEW_LIT("amo1")), 0);
    assert_any(s, VIEW_LIT("amo1"), other, in); /* of two accounts */
    other = add_message(s, "m1", NULL, NULL, 2);
    assert_any(s, VIEW_LIT("m1"), other, 0); /* a mid is nobody's else */
}

static void state_and_told_change_alone(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    int64_t id = add_message(s, "m", "a", NULL, 1);
    const struct message_report failed = {.status = -1,
                                          .code = 904,
                                          .why = VIEW_LIT("blocked"),
                                          .words = VIEW_LIT("no"),
                                          .at_ms = NOW + 6};
    const struct message_report read = {.status = 2, .why = VIEW_LIT(""), .at_ms = NOW + 7};
    struct message m;

    assert_int_equal(store_message_state(s, id, MESSAGE_DELIVERED_TO_SERVICE, NOW + 5), 0);
    assert_int_equal(store_message_reported(s, id, &failed), 0);
    assert_int_equal(store_message(s, id, &m), 0);
    assert_int_equal(m.state, MESSAGE_DELIVERED_TO_SERVICE);
    assert_int_equal(m.settled_ms, NOW + 5);
    assert_int_equal(m.reported_status, -1);
    assert_int_equal(m.reported_code, 904);
    assert_string_equal(m.reported_why, "blocked");
    assert_string_equal(m.reported_words, "no");
    assert_int_equal(m.reported_ms, NOW + 6);
    assert_int_equal(m.taken_ms, NOW);
    message_fini(&m);
    assert_int_equal(store_message_reported(s, id, &read), 0);
    assert_int_equal(store_message(s, id, &m), 0);
    assert_int_equal(m.reported_status, 2);
    assert_int_equal(m.reported_code, 0);
    assert_string_equal(m.reported_why, "");
    assert_null(m.reported_words);
    message_fini(&m);
}

/* --- commands ------------------------------------------------------------------------------- */

struct walk {
    int64_t ids[16];
    size_t n;
    size_t stop_at;
};

static int walk_one(void *arg, const struct command_row *row)
{
    struct walk *w = arg;

    assert_null(row->body); /* stays in the store */
    assert_string_equal(row->scope, "ch_acc");
    w->ids[w->n++] = row->id;
    return w->stop_at && w->n == w->stop_at ? -ENOMEM : 0;
}

static void commands_walk_in_intake_order_and_come_back_whole(void **state)
{
    struct rig *r = *state;
    struct command_row c;
    struct walk w = {0};
    int64_t ids[5];

    for (int i = 0; i < 5; i++)
        ids[i] = add_command(r->store, 10 - i, i + 1);
    assert_int_equal(store_command_settle(r->store, ids[2]), 0);
    assert_int_equal(rig_reopen(r), 0);
    assert_int_equal(store_commands_walk(r->store, walk_one, &w), 0);
    assert_int_equal(w.n, 4);
    for (size_t i = 1; i < w.n; i++)
        assert_true(w.ids[i - 1] < w.ids[i]);
    assert_int_equal(store_command(r->store, ids[0], &c), 0);
    assert_int_equal(c.lane, 10);
    assert_int_equal(c.message, 1);
    assert_int_equal(c.kind, COMMAND_AMO_MESSAGE);
    assert_int_equal(c.taken_ms, NOW);
    assert_int_equal(c.body_len, 15);
    assert_memory_equal(c.body, "body\0with a NUL", 15);
    command_row_fini(&c);
    assert_int_equal(store_command(r->store, ids[2], &c), STORE_E_NONE);
}

static void a_walk_ends_with_the_error_of_its_caller(void **state)
{
    struct rig *r = *state;
    struct walk w = {.stop_at = 2};

    for (int i = 0; i < 5; i++)
        add_command(r->store, 1, 1);
    assert_int_equal(store_commands_walk(r->store, walk_one, &w), -ENOMEM);
    assert_int_equal(w.n, 2);
    w = (struct walk){0};
    assert_int_equal(store_commands_walk(r->store, walk_one, &w), 0); /* and can begin anew */
    assert_int_equal(w.n, 5);
}

static void progress_is_remembered(void **state)
{
    struct rig *r = *state;
    int64_t id = add_command(r->store, 1, 1);
    struct command_row c;

    assert_int_equal(store_command_progress(r->store, id, 3, NOW + 700, 2), 0);
    assert_int_equal(rig_reopen(r), 0);
    assert_int_equal(store_command(r->store, id, &c), 0);
    assert_int_equal(c.attempts, 3);
    assert_int_equal(c.next_ms, NOW + 700);
    assert_int_equal(c.lost, 2);
    command_row_fini(&c);
}

static void ids_of_commands_are_never_used_again(void **state)
{
    struct rig *r = *state;
    int64_t first = add_command(r->store, 1, 1);

    assert_int_equal(store_command_settle(r->store, first), 0);
    assert_int_equal(rig_reopen(r), 0);
    assert_true(add_command(r->store, 1, 1) > first); /* a late result must not meet another */
}

/* --- dead letters and evidence -------------------------------------------------------------- */

static void add_attempt(struct store *s, int64_t command, int64_t message, int64_t began_ms)
{
    struct attempt_row a = {.command = command,
                            .message = message,
                            .kind = COMMAND_AMO_MESSAGE,
                            .number = 1,
                            .began_ms = began_ms,
                            .took_ms = 12,
                            .outcome = OUTCOME_DEAD,
                            .cause = CAUSE_REFUSED,
                            .status = 400,
                            .evidence = VIEW_LIT("bad \"request\""),
                            .worker = VIEW_LIT("egress")};

    assert_int_equal(store_attempt_add(s, &a), 0);
}

static struct json *json_of(struct store *s, int64_t dead, int64_t quarantine)
{
    struct json *doc = NULL;
    struct json_writer w;
    struct buf out;

    buf_init(&out, 1 << 20);
    json_writer_init(&w, &out);
    json_open_object(&w, NULL);
    if (dead)
        assert_int_equal(store_dead_json(s, dead, &w), 0);
    else
        assert_int_equal(store_quarantine_json(s, quarantine, &w), 0);
    json_close_object(&w);
    assert_int_equal(json_parse(buf_view(&out), &doc), 0);
    buf_fini(&out);
    return doc;
}

static void assert_text(struct json *doc, const char *path, const char *want)
{
    struct view v;

    assert_int_equal(json_text(doc, json_path(json_root(doc), path), &v), 0);
    if (!view_is(v, want))
        print_message("%s is %.*s\n", path, (int)v.len, v.ptr ? v.ptr : "");
    assert_true(view_is(v, want));
}

static void a_dead_letter_keeps_its_evidence_and_leaves_the_queue(void **state)
{
    struct rig *r = *state;
    int64_t message = add_message(r->store, "mid-1", "amo1", NULL, 1);
    int64_t id = add_command(r->store, 4, message);
    struct command_row c;
    struct json *doc = NULL;

    add_attempt(r->store, id, message, NOW);
    add_attempt(r->store, id + 1, message, NOW); /* of another command */
    assert_int_equal(store_dead_add(r->store, id, "refused", NOW + 9), 0);
    assert_int_equal(store_command(r->store, id, &c), STORE_E_NONE);
    doc = json_of(r->store, id, 0);
    assert_text(doc, "reason", "refused");
    assert_text(doc, "mid", "mid-1");
    assert_text(doc, "amo_id", "amo1");
    assert_text(doc, "kind", command_kind_name(COMMAND_AMO_MESSAGE));
    assert_int_equal(json_array_len(json_path(json_root(doc), "tries")), 1);
    json_free(doc);
}

static void a_dead_status_says_what_the_card_would_have_said(void **state)
{
    struct rig *r = *state;
    struct command body = {.kind = COMMAND_AMO_STATUS, .status_code = 2};
    char scope[] = "scope";
    struct command_row c = {
        .lane = 4, .kind = COMMAND_AMO_STATUS, .scope = scope, .taken_ms = NOW};
    struct json *doc = NULL;
    struct buf packed;
    int64_t code = 0;
    int64_t id = 0;

    buf_init(&packed, LIMIT_FRAME_BYTES);
    assert_int_equal(command_encode(&body, &packed), 0);
    c.body = packed.ptr;
    c.body_len = packed.len;
    c.message = add_message(r->store, "mid-1", "amo1", NULL, 1);
    assert_int_equal(store_command_add(r->store, &c, &id), 0);
    assert_int_equal(store_dead_add(r->store, id, "account_left", NOW), 0);
    doc = json_of(r->store, id, 0);
    assert_int_equal(json_int(json_path(json_root(doc), "status"), &code), true);
    assert_int_equal(code, 2);
    json_free(doc);
    buf_fini(&packed);
}

/* A manager's message that was given up; its id. */
static int64_t give_up(struct store *s, int64_t lane, const char *reason,
                       const char *service_id)
{
    static int n;
    char mid[32];
    char connector[] = "svc";
    char body[] = "body";
    struct command_row c = {.lane = lane,
                            .kind = COMMAND_SERVICE_MESSAGE,
                            .connector = connector,
                            .body = body,
                            .body_len = sizeof(body) - 1,
                            .taken_ms = NOW};
    int64_t id = 0;

    (void)snprintf(mid, sizeof(mid), "given-up-%d", n++); /* fits */
    c.message = add_message(s, mid, mid, service_id, 1);
    assert_int_equal(store_command_add(s, &c, &id), 0);
    assert_int_equal(store_dead_add(s, id, reason, NOW), 0);
    return c.message;
}

struct shown {
    size_t n;
    int64_t first;
    int64_t last;
};

static int show_unclear(void *arg, int64_t message, struct view body)
{
    struct shown *shown = arg;

    assert_true(view_is(body, "body"));
    if (shown->n++ == 0)
        shown->first = message;
    shown->last = message;
    return 0;
}

static void unclear_letters_of_a_lane_are_shown_the_newest_thousand_oldest_first(void **state)
{
    const struct unclear_since unclear = {0, INT64_MAX, INT64_MAX};
    const struct unclear_since later = {NOW + 1, NOW, INT64_MAX};
    struct rig *r = *state;
    struct shown shown = {0};
    int64_t oldest = 0;
    int64_t second = 0;
    int64_t aged = 0;
    int64_t newest = 0;

    assert_int_equal(store_begin(r->store), 0);
    oldest = give_up(r->store, 5, "unclear", NULL);
    second = give_up(r->store, 5, "unclear", NULL);
    (void)give_up(r->store, 7, "unclear", NULL); /* in another conversation */
    (void)give_up(r->store, 5, "refused", NULL);
    (void)give_up(r->store, 5, "unclear", "known"); /* reported since */
    aged = give_up(r->store, 5, "life_time", NULL);
    newest = give_up(r->store, 5, "unclear", NULL);
    assert_int_equal(store_dead_unclear_walk(r->store, 5, COMMAND_SERVICE_MESSAGE, &unclear,
                                             show_unclear, &shown),
                     0);
    assert_int_equal(shown.n, 3);
    assert_int_equal(shown.first, oldest);
    assert_int_equal(shown.last, newest);
    shown = (struct shown){0};
    assert_int_equal(store_dead_unclear_walk(r->store, 5, COMMAND_SERVICE_MESSAGE, &later,
                                             show_unclear, &shown),
                     0);
    assert_int_equal(shown.n, 1);
    assert_int_equal(shown.first, aged);
    for (unsigned i = 4; i < LIMIT_LIST_ROWS + 1; i++)
        newest = give_up(r->store, 5, "unclear", NULL);
    shown = (struct shown){0};
    assert_int_equal(store_dead_unclear_walk(r->store, 5, COMMAND_SERVICE_MESSAGE, &unclear,
                                             show_unclear, &shown),
                     0);
    assert_int_equal(shown.n, LIMIT_LIST_ROWS - 1); /* that one is counted all the same */
    assert_int_equal(shown.first, second);
    assert_int_equal(shown.last, newest);
    assert_int_equal(store_commit(r->store), 0);
}

static void a_retried_dead_letter_goes_to_the_tail_with_a_new_life(void **state)
{
    struct rig *r = *state;
    int64_t first = add_command(r->store, 4, 7);
    int64_t behind = add_command(r->store, 4, 8);
    struct command_row row;
    struct command_row stored;
    struct walk w = {0};

    assert_int_equal(store_command_progress(r->store, first, 10, NOW, 1), 0);
    assert_int_equal(store_dead_add(r->store, first, "attempts", NOW + 9), 0);
    assert_int_equal(store_dead_retry(r->store, first, NOW + 100, &row), 0);
    assert_true(row.id > behind);
    assert_int_equal(row.lane, 4);
    assert_int_equal(row.message, 7);
    assert_int_equal(row.attempts, 0);
    assert_int_equal(row.taken_ms, NOW + 100);
    assert_int_equal(store_command(r->store, row.id, &stored), 0);
    assert_int_equal(stored.body_len, 15);
    assert_int_equal(stored.attempts, 0);
    assert_int_equal(stored.lost, 0);
    command_row_fini(&stored);
    command_row_fini(&row);
    assert_int_equal(store_commands_walk(r->store, walk_one, &w), 0);
    assert_int_equal(w.n, 2);
    assert_int_equal(w.ids[0], behind);
    assert_int_equal(store_dead_retry(r->store, first, NOW, &row), STORE_E_NONE);
}

static void dropped_is_dropped(void **state)
{
    struct rig *r = *state;
    int64_t id = add_command(r->store, 4, 7);
    int64_t dead = 0;
    int64_t quarantine = 0;
    int64_t waiting = 0;

    assert_int_equal(store_dead_add(r->store, id, "x", NOW), 0);
    assert_int_equal(store_counts(r->store, &dead, &quarantine, &waiting), 0);
    assert_int_equal(dead, 1);
    assert_int_equal(store_dead_drop(r->store, id), 0);
    assert_int_equal(store_dead_drop(r->store, id), STORE_E_NONE);
    assert_int_equal(store_counts(r->store, &dead, &quarantine, &waiting), 0);
    assert_int_equal(dead, 0);
}

static void asking_for_what_is_not_there_is_an_answer(void **state)
{
    struct rig *r = *state;
    struct json_writer w;
    struct buf out;

    buf_init(&out, 1000);
    json_writer_init(&w, &out);
    assert_int_equal(store_dead_json(r->store, 77, &w), STORE_E_NONE);
    assert_int_equal(store_quarantine_json(r->store, 77, &w), STORE_E_NONE);
    assert_int_equal(store_channel_answer(r->store, VIEW_LIT("none"), &out), STORE_E_NONE);
    buf_fini(&out);
}

/* --- quarantine, waiting statuses ----------------------------------------------------------- */

static void quarantine_keeps_bytes_that_nobody_understands(void **state)
{
    struct rig *r = *state;
    struct id trace = id_of(9);
    struct json *doc = NULL;
    struct json_writer w;
    struct buf out;

    assert_int_equal(store_quarantine_add(r->store, "failed", VIEW_LIT("\xff\x00junk"),
                                          VIEW_LIT("ch_acc"), VIEW_NONE, 0, &trace, VIEW_NONE,
                                          VIEW_NONE, NOW),
                     0);
    doc = json_of(r->store, 0, 1);
    assert_text(doc, "reason", "failed");
    assert_text(doc, "scope_id", "ch_acc");
    assert_text(doc, "bytes", "6");
    json_free(doc);
    buf_init(&out, 1 << 16);
    json_writer_init(&w, &out);
    json_open_array(&w, NULL);
    assert_int_equal(store_quarantine_json(r->store, 0, &w), 0);
    json_close_array(&w);
    assert_non_null(strstr(buf_str(&out), "\"failed\""));
    buf_fini(&out);
}

static int is_e7(void *arg, const char *key, struct view event, int64_t place,
                 const struct echo_came *came)
{
    assert_string_equal(key, "e7");
    assert_true(view_is(event, "echo"));
    assert_int_equal(place, *(const int64_t *)arg);
    assert_int_equal(came->spool.bytes[0], 7);
    assert_int_equal(came->at_ms, NOW);
    return 0;
}

static void what_waits_comes_out_once_in_order_of_its_key(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    const struct echo_came came = {.spool = {{7}}, .at_ms = NOW};
    int64_t place = 0;
    int64_t id = 0;
    struct buf event;

    buf_init(&event, 1000);
    assert_int_equal(store_deferred_add(s, "ssvc/1", VIEW_LIT("first"), "csvc", NOW + 10), 0);
    assert_int_equal(store_deferred_add(s, "ssvc/2", VIEW_LIT("other"), "csvc", NOW + 20), 0);
    assert_int_equal(store_deferred_add(s, "ssvc/1", VIEW_LIT("second"), "csvc", NOW + 30), 0);
    assert_int_equal(store_deferred_take(s, "ssvc/1", &event), 0);
    assert_string_equal(buf_str(&event), "first");
    buf_reset(&event);
    assert_int_equal(store_deferred_take(s, "ssvc/1", &event), 0);
    assert_string_equal(buf_str(&event), "second");
    assert_int_equal(store_deferred_take(s, "ssvc/1", &event), STORE_E_NONE);
    buf_reset(&event);
    assert_int_equal(store_deferred_overdue(s, NOW + 20, &id, &event), STORE_E_NONE);
    assert_int_equal(store_deferred_overdue(s, NOW + 21, &id, &event), 0);
    assert_string_equal(buf_str(&event), "other");
    assert_int_equal(store_deferred_put_off(s, id, NOW + 25), 0);
    assert_int_equal(store_deferred_overdue(s, NOW + 25, &id, &event), STORE_E_NONE);
    buf_reset(&event);
    assert_int_equal(store_deferred_overdue(s, NOW + 26, &id, &event), 0);
    assert_string_equal(buf_str(&event), "other");
    assert_int_equal(store_deferred_remove(s, id), 0);
    assert_int_equal(store_deferred_overdue(s, NOW + 26, &id, &event), STORE_E_NONE);
    /* how long an echo waits is not for the store to say */
    assert_int_equal(store_echo_put(s, &place, "e7", VIEW_LIT("echo"), "csvc", NULL, &came), 0);
    assert_int_equal(store_deferred_overdue(s, INT64_MAX, &id, &event), STORE_E_NONE);
    assert_int_equal(store_echoes_walk(s, is_e7, &place), 0);
    buf_fini(&event);
}

static void what_is_known_of_an_echo_goes_with_it(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    const struct echo_came came = {.spool = {{7}}, .at_ms = NOW, .forgotten = true};
    const struct echo_came new = {.at_ms = NOW + 1};
    struct echo_row row = {0};
    int64_t first = 0;
    int64_t second = 0;
    struct buf event;

    buf_init(&event, 1000);
    assert_int_equal(
        store_echo_put(s, &first, "o7", VIEW_LIT("first"), "csvc", "ch_acc", &came), 0);
    assert_int_equal(store_echo_put(s, &second, "o7", VIEW_LIT("second"), "csvc", NULL, &new),
                     0);
    assert_true(first < second);
    assert_int_equal(store_echo_take(s, first, "o8", &event, &row), STORE_E_NONE);
    assert_int_equal(store_echo_take(s, first, "o7", &event, &row), 0);
    assert_string_equal(buf_str(&event), "first");
    assert_string_equal(row.scope, "ch_acc");
    assert_true(row.came.forgotten);
    assert_true(id_equal(&row.came.spool, &came.spool));
    assert_int_equal(row.came.at_ms, NOW);
    assert_int_equal(row.place, first);
    assert_int_equal(store_echo_take(s, first, "o7", &event, &row), STORE_E_NONE);
    /* it goes back before what came later */
    assert_int_equal(
        store_echo_put(s, &row.place, "o7", buf_view(&event), "csvc", row.scope, &row.came), 0);
    assert_int_equal(row.place, first);
    echo_row_fini(&row);
    buf_reset(&event);
    assert_int_equal(store_echo_take(s, second, "o7", &event, &row), 0);
    assert_string_equal(buf_str(&event), "second");
    assert_null(row.scope);
    assert_false(row.came.forgotten);
    assert_true(id_is_zero(&row.came.spool));
    assert_int_equal(row.came.at_ms, NOW + 1);
    echo_row_fini(&row);
    buf_fini(&event);
}

/* --- pruning -------------------------------------------------------------------------------- */

static size_t attempts_of(struct store *s, int64_t command)
{
    struct json *doc = NULL;
    struct json_writer w;
    struct buf out;
    size_t n = 0;

    buf_init(&out, 1 << 20);
    json_writer_init(&w, &out);
    json_open_array(&w, NULL);
    assert_int_equal(store_attempts_json(s, command, &w), 0);
    json_close_array(&w);
    assert_int_equal(json_parse(buf_view(&out), &doc), 0);
    n = json_array_len(json_root(doc));
    json_free(doc);
    buf_fini(&out);
    return n;
}

static void pruning_takes_what_is_old_with_all_that_hangs_on_it(void **state)
{
    struct rig *r = *state;
    struct store *s = r->store;
    struct message m;
    int64_t old = 0;
    int64_t fresh = 0;
    struct id trace = id_of(1);

    assert_int_equal(add_message_rc(s, "old", "amo-old", NULL, 1, NOW - 200 * DAY, &old), 0);
    assert_int_equal(add_message_rc(s, "new", "amo-new", NULL, 1, NOW - DAY, &fresh), 0);
    add_attempt(s, 100, old, NOW - 200 * DAY);
    add_attempt(s, 101, fresh, NOW - DAY);
    add_attempt(s, 102, 0, NOW - 200 * DAY); /* of a refusal: no message */
    add_attempt(s, 103, 0, NOW - DAY);
    assert_int_equal(store_quarantine_add(s, "x", VIEW_LIT("e"), VIEW_NONE, VIEW_NONE, 0,
                                          &trace, VIEW_NONE, VIEW_NONE, NOW - 31 * DAY),
                     0);
    assert_int_equal(store_dead_add(s, add_command(s, 1, fresh), "x", NOW - 31 * DAY), 0);
    assert_int_equal(store_dead_add(s, add_command(s, 1, fresh), "x", NOW - DAY), 0);
    assert_int_equal(store_prune(s, NOW - 180 * DAY, NOW - 30 * DAY, 500), 0);
    assert_int_equal(store_message(s, old, &m), STORE_E_NONE);
    assert_int_equal(by_word(s, "aamo-old", &m), STORE_E_NONE);
    assert_message(by_word(s, "aamo-new", &m), &m, fresh);
    assert_int_equal(attempts_of(s, 100), 0);
    assert_int_equal(attempts_of(s, 101), 1);
    assert_int_equal(attempts_of(s, 102), 0);
    assert_int_equal(attempts_of(s, 103), 1);
    int64_t dead = 0;
    int64_t quarantine = 0;
    int64_t waiting = 0;

    assert_int_equal(store_counts(s, &dead, &quarantine, &waiting), 0);
    assert_int_equal(dead, 1);
    assert_int_equal(quarantine, 0);
}

static void pruning_goes_in_steps(void **state)
{
    struct rig *r = *state;
    struct message m;
    int64_t ids[5];

    for (int i = 0; i < 5; i++) {
        char mid[16];

        (void)snprintf(mid, sizeof(mid), "m%d", i);
        assert_int_equal(add_message_rc(r->store, mid, NULL, NULL, 1, NOW, &ids[i]), 0);
    }
    assert_int_equal(store_prune(r->store, NOW + 1, 0, 2), 0);
    assert_int_equal(store_message(r->store, ids[1], &m), STORE_E_NONE);
    assert_message(store_message(r->store, ids[2], &m), &m, ids[2]);
    assert_int_equal(store_prune(r->store, NOW + 1, 0, 2), 0);
    assert_int_equal(store_message(r->store, ids[3], &m), STORE_E_NONE);
}

/* --- registry ------------------------------------------------------------------------------- */

static const char secret_text[] = "SECRET-OF-THE-CHANNEL-0123456789";
static const char token_text[] = "TOKEN-OF-THE-CONNECTOR-0123456789";

static void fill_registry(struct store *s, const struct keys *keys)
{
    struct registry *reg = NULL;
    struct reg_channel *ch = NULL;
    struct reg_connector *con = NULL;
    struct reg_scope *scope = NULL;

    assert_int_equal(registry_new(&reg), 0);
    ch = registry_add_channel(reg);
    ch->id = mem_strdup("ch");
    ch->code = mem_strdup("code");
    ch->name = mem_strdup("Name");
    ch->url = mem_strdup("https://amojo.example");
    ch->bot_id = mem_strdup("bot");
    assert_int_equal(secret_init(&ch->secrets[0], view_of(secret_text)), 0);
    assert_int_equal(store_channel_put(s, keys, ch, VIEW_LIT("{\"a\":1}")), 0);
    con = registry_add_connector(reg);
    con->name = mem_strdup("svc");
    con->url = mem_strdup("https://svc.example");
    con->allow_private = true;
    assert_int_equal(secret_init(&con->secrets[0], VIEW_LIT("\x00\x01\xff"
                                                            "bytes")),
                     0);
    assert_int_equal(secret_init(&con->tokens[0], view_of(token_text)), 0);
    assert_int_equal(secret_init(&con->tokens[1], VIEW_LIT("old token of the connector")), 0);
    assert_int_equal(store_connector_put(s, keys, con), 0);
    scope = registry_add_scope(reg);
    scope->id = mem_strdup("ch_acc");
    scope->channel = mem_strdup("ch");
    scope->account = mem_strdup("acc");
    scope->connector = mem_strdup("svc");
    scope->title = mem_strdup("Title");
    assert_int_equal(store_scope_put(s, scope), 0);
    assert_int_equal(
        store_source_put(s, VIEW_LIT("svc"), VIEW_LIT("line1"), VIEW_LIT("ch_acc")), 0);
    assert_int_equal(store_registry_bump(s), 0);
    registry_free(reg);
}

static void the_registry_comes_back_with_its_secrets(void **state)
{
    struct rig *r = *state;
    struct keys keys = {{42}};
    struct registry *reg = NULL;
    struct buf answer;

    fill_registry(r->store, &keys);
    assert_int_equal(rig_reopen(r), 0);
    assert_int_equal(store_registry_load(r->store, &keys, &reg), 0);
    assert_int_equal(reg->version, 1);
    assert_int_equal(reg->n_channels, 1);
    assert_true(view_is(secret_view(&reg->channels[0].secrets[0]), secret_text));
    assert_null(reg->channels[0].secrets[1].bytes);
    assert_string_equal(reg->channels[0].bot_id, "bot");
    assert_int_equal(reg->n_connectors, 1);
    assert_true(reg->connectors[0].allow_private);
    assert_int_equal(reg->connectors[0].secrets[0].len, 8);
    assert_true(view_is(secret_view(&reg->connectors[0].tokens[0]), token_text));
    assert_int_equal(reg->connectors[0].tokens[1].len, 26);
    assert_int_equal(reg->n_scopes, 1);
    assert_string_equal(reg->scopes[0].title, "Title");
    assert_false(reg->scopes[0].paused);
    assert_int_equal(reg->n_sources, 1);
    registry_free(reg);
    buf_init(&answer, 100);
    assert_int_equal(store_channel_answer(r->store, VIEW_LIT("ch"), &answer), 0);
    assert_string_equal(buf_str(&answer), "{\"a\":1}");
    buf_fini(&answer);
}

static void every_change_gives_a_higher_version(void **state)
{
    struct rig *r = *state;
    struct keys keys = {{42}};
    struct registry *reg = NULL;

    assert_int_equal(store_registry_load(r->store, &keys, &reg), 0);
    assert_int_equal(reg->version, 0);
    registry_free(reg);
    for (uint64_t i = 1; i <= 12; i++) { /* "9" is not above "10" */
        assert_int_equal(store_registry_bump(r->store), 0);
        assert_int_equal(store_registry_load(r->store, &keys, &reg), 0);
        assert_int_equal(reg->version, i);
        registry_free(reg);
    }
}

static int64_t paused_ms(struct store *s, int64_t id)
{
    struct command_row c;
    int64_t ms = 0;

    assert_int_equal(store_command(s, id, &c), 0);
    ms = c.paused_ms;
    command_row_fini(&c);
    return ms;
}

static void commands_are_credited_with_the_pause_they_waited_through(void **state)
{
    struct rig *r = *state;
    struct keys keys = {{42}};
    int64_t id = 0;

    fill_registry(r->store, &keys);
    id = add_command(r->store, 1, 1); /* taken at NOW */
    assert_int_equal(store_scope_pause(r->store, VIEW_LIT("ch_acc"), VIEW_NONE, NOW + 1000), 0);
    assert_int_equal(store_scope_resume(r->store, VIEW_LIT("ch_acc"), NOW + 5000), 0);
    assert_int_equal(paused_ms(r->store, id), 4000);
    assert_int_equal(store_scope_resume(r->store, VIEW_LIT("ch_acc"), NOW + 9000), 0);
    assert_int_equal(paused_ms(r->store, id), 4000);
    assert_int_equal(store_scope_pause(r->store, VIEW_LIT("ch_acc"), VIEW_NONE, NOW - 1000), 0);
    assert_int_equal(store_scope_resume(r->store, VIEW_LIT("ch_acc"), NOW + 100), 0);
    assert_int_equal(paused_ms(r->store, id), 4100); /* not for the time before it came */
}

static void pause_and_off_are_remembered(void **state)
{
    struct rig *r = *state;
    int64_t since = 0;
    struct keys keys = {{42}};
    struct registry *reg = NULL;

    fill_registry(r->store, &keys);
    assert_int_equal(store_scope_paused_since(r->store, VIEW_LIT("ch_acc"), &since),
                     STORE_E_NONE);
    assert_int_equal(store_scope_pause(r->store, VIEW_LIT("ch_acc"), VIEW_NONE, NOW), 0);
    assert_int_equal(store_scope_pause(r->store, VIEW_LIT("ch_acc"), VIEW_NONE, NOW + 5), 0);
    assert_int_equal(store_scope_paused_since(r->store, VIEW_LIT("ch_acc"), &since), 0);
    assert_int_equal(since, NOW); /* twice is once */
    assert_int_equal(store_connector_off(r->store, VIEW_LIT("svc"), true), 0);
    assert_int_equal(store_registry_load(r->store, &keys, &reg), 0);
    assert_true(reg->scopes[0].paused);
    assert_true(reg->connectors[0].off);
    registry_free(reg);
    fill_registry(r->store, &keys); /* connected again: still paused */
    assert_int_equal(store_scope_paused_since(r->store, VIEW_LIT("ch_acc"), &since), 0);
    assert_int_equal(store_scope_resume(r->store, VIEW_LIT("ch_acc"), NOW + 9), 0);
    assert_int_equal(store_registry_load(r->store, &keys, &reg), 0);
    assert_false(reg->scopes[0].paused);
    registry_free(reg);
}

static void a_registry_sealed_with_another_key_does_not_load(void **state)
{
    struct rig *r = *state;
    struct keys right = {{42}};
    struct keys wrong = {{43}};
    struct registry *reg = NULL;

    fill_registry(r->store, &right);
    assert_int_equal(store_registry_load(r->store, &wrong, &reg), -EBADMSG);
    assert_null(reg);
}

static int load_registry(void *arg)
{
    struct keys keys = {{42}};
    struct registry *reg = NULL;
    int rc = store_registry_load(arg, &keys, &reg);

    if (rc == 0)
        registry_free(reg);
    return rc;
}

static void loading_the_registry_without_memory_leaks_nothing(void **state)
{
    struct rig *r = *state;
    struct keys keys = {{42}};

    fill_registry(r->store, &keys);
    testing_fail_each_allocation(load_registry, r->store);
    assert_int_equal(store_begin(r->store), 0); /* no statement was left in the middle */
    assert_int_equal(store_commit(r->store), 0);
}

/* --- the master key ------------------------------------------------------------------------- */

static void key_path(const struct rig *r, char ret[128])
{
    (void)snprintf(ret, 128, "%s/master.key", r->dir);
}

static void the_first_start_makes_a_private_key(void **state)
{
    struct rig *r = *state;
    struct keys first;
    struct keys second;
    struct stat st;
    char path[128];

    key_path(r, path);
    assert_int_equal(keys_open(&first, path, r->store), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(rig_reopen(r), 0);
    assert_int_equal(keys_open(&second, path, r->store), 0);
    assert_memory_equal(&first, &second, sizeof(first));
    keys_fini(&first);
    keys_fini(&second);
}

static void a_missing_key_is_never_made_anew(void **state)
{
    struct rig *r = *state;
    struct keys keys;
    char path[128];

    key_path(r, path);
    assert_int_equal(keys_open(&keys, path, r->store), 0);
    fill_registry(r->store, &keys);
    keys_fini(&keys);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(keys_open(&keys, path, r->store), KEYS_E_MISSING);
    assert_int_equal(access(path, F_OK), -1);
}

static void another_key_is_refused(void **state)
{
    struct rig *r = *state;
    struct keys keys;
    char path[128];
    FILE *f = NULL;

    key_path(r, path);
    assert_int_equal(keys_open(&keys, path, r->store), 0);
    keys_fini(&keys);
    f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 64; i++)
        (void)fputc('a', f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(keys_open(&keys, path, r->store), KEYS_E_WRONG);
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs("too short", f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(keys_open(&keys, path, r->store), KEYS_E_FORM);
}

static void a_given_key_of_raw_bytes_is_taken(void **state)
{
    struct rig *r = *state;
    struct keys keys;
    char path[128];
    FILE *f = NULL;

    key_path(r, path);
    f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 32; i++)
        (void)fputc(200 + i, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(keys_open(&keys, path, r->store), 0);
    assert_int_equal(keys.master[31], 231);
    keys_fini(&keys);
}

/* --- every call failing in turn ------------------------------------------------------------- */

/* What one event does. */
static int one_event(struct store *s)
{
    char text[] = "x";
    char service[] = "thread";
    struct conversation c = {.connector = text,
                             .source = text,
                             .service_id = service,
                             .scope = text,
                             .client_id = text,
                             .user_id = text};
    const struct message_report delivered = {.status = 1, .at_ms = NOW};
    int64_t message = 0;
    int64_t command = 0;
    int rc = store_conversation_add(s, &c);

    rc = rc ? rc : store_chat_put(s, VIEW_LIT("x"), VIEW_LIT("chat"), c.id);
    rc = rc ? rc : add_message_rc(s, "mid", "amo", "svc-id", c.id, NOW, &message);
    rc = rc ? rc : add_command_rc(s, 2, message, &command);
    return rc ? rc : store_message_reported(s, message, &delivered);
}

/* One turn as core does it. Positive: nothing can be known until the store is opened again. */
static int one_turn(struct store *s)
{
    int rc = store_begin(s);

    rc = rc ? rc : store_savepoint(s);
    if (rc)
        return 1;
    rc = one_event(s);
    if (rc == 0)
        return store_release(s) || store_commit(s);
    if (store_rollback_to(s))
        return 1;
    return store_commit(s) ? 1 : rc;
}

/* All of the event is there, or nothing. */
static bool event_is_there(struct store *s)
{
    struct conversation c = {0};
    struct message m = {0};
    struct walk w = {0};
    bool there = store_conversation_by_chat(s, VIEW_LIT("x"), VIEW_LIT("chat"), &c) == 0;

    conversation_fini(&c);
    assert_int_equal(
        store_conversation_by_service(s, VIEW_LIT("x"), VIEW_LIT("x"), VIEW_LIT("thread"), &c),
        there ? 0 : STORE_E_NONE);
    if (there)
        conversation_fini(&c);
    for (int i = 0; i < 3; i++) {
        static const char *const keys[] = {"mmid", "aamo", "tsvc/svc-id"};

        assert_int_equal(by_word(s, keys[i], &m), there ? 0 : STORE_E_NONE);
        if (there) {
            assert_int_equal(m.reported_status, 1);
            message_fini(&m);
        }
    }
    assert_int_equal(store_commands_walk(s, walk_one, &w), 0);
    assert_int_equal(w.n, there ? 1 : 0);
    return there;
}

static void whichever_call_fails_the_event_is_whole_or_absent(void **state)
{
    struct rig *r = *state;
    uint64_t n = 0;
    int rc = 0;

    do {
        db_fail_at(++n);
        rc = one_turn(r->store);
        db_fail_at(0);
        if (rc > 0)
            assert_int_equal(rig_reopen(r), 0); /* as core does: exit 75, start again */
        else
            assert_false(store_in_transaction(r->store));
        assert_true(n < 100);
        assert_int_equal(event_is_there(r->store), rc == 0);
    } while (rc);
    assert_true(n > 8); /* it did fail at each of them */
}

/* --- SQLite's own --------------------------------------------------------------------------- */

static void a_store_of_a_newer_program_is_refused_in_words(void **state)
{
    struct rig *r = *state;
    char path[128];
    struct db *db = NULL;
    struct buf why;

    store_close(r->store);
    r->store = NULL;
    buf_init(&why, 1024);
    (void)snprintf(path, sizeof(path), "%s/core.db", r->dir);
    assert_int_equal(db_open(path, &why, &db), 0);
    assert_int_equal(db_exec(db, "PRAGMA user_version=9999"), 0);
    db_close(db);
    assert_int_equal(backend->open(r->dir, &why, &r->store), -EPROTO);
    assert_null(r->store);
    assert_non_null(strstr(buf_str(&why), "newer"));
    buf_fini(&why);
}

static void other_urls_are_refused(void **state)
{
    struct store *s = NULL;
    struct buf why;

    (void)state;
    buf_init(&why, 1024);
    assert_int_equal(store_open("postgres://x", &why, &s), -EPROTONOSUPPORT);
    assert_int_equal(store_open("sqlite:", &why, &s), -EPROTONOSUPPORT);
    assert_true(why.len > 0);
    buf_fini(&why);
}

static void a_second_core_does_not_get_the_store(void **state)
{
    struct rig *r = *state;
    struct store *second = NULL;
    struct buf why;

    buf_init(&why, 1024);
    assert_int_equal(backend->open(r->dir, &why, &second), -EBUSY);
    assert_true(why.len > 0);
    assert_null(second);
    buf_fini(&why);
    assert_int_equal(rig_reopen(r), 0); /* closing gives it back */
}

static void the_database_is_private(void **state)
{
    struct rig *r = *state;
    char path[128];
    struct stat st;

    (void)snprintf(path, sizeof(path), "%s/core.db", r->dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0077, 0);
}

/* Whoever holds the file at a start holds up nobody: what was to be written anew waits. */
static void a_file_in_use_is_written_anew_later(void **state)
{
    struct rig *r = *state;
    static const char *const holds[] = {"BEGIN IMMEDIATE", "BEGIN; SELECT count(*) FROM meta"};

    for (size_t i = 0; i < AMO_COUNT(holds); i++) {
        struct db *other = NULL;
        struct buf why;
        bool wished = false;

        assert_int_equal(store_wish_rebuild(r->store), 0);
        buf_init(&why, 1024);
        assert_int_equal(db_open(store_path(r->store), &why, &other), 0);
        assert_int_equal(db_exec(other, holds[i]), 0);
        assert_int_equal(rig_reopen(r), 0);
        assert_int_equal(store_rebuild_is_wished(r->store, &wished), 0);
        assert_true(wished);
        db_close(other);
        buf_fini(&why);
        assert_int_equal(rig_reopen(r), 0);
        assert_int_equal(store_rebuild_is_wished(r->store, &wished), 0);
        assert_false(wished);
    }
}

static void no_secret_stands_in_the_files(void **state)
{
    static const char *const files[] = {"core.db", "core.db-wal"};
    struct rig *r = *state;
    struct keys keys = {{42}};
    bool looked = false;

    fill_registry(r->store, &keys);
    for (int round = 0; round < 2; round++) { /* in the log, and after it was written back */
        for (size_t i = 0; i < 2; i++) {
            char path[128];

            (void)snprintf(path, sizeof(path), "%s/%s", r->dir, files[i]);
            assert_false(testing_file_has(path, secret_text));
            assert_false(testing_file_has(path, token_text));
            looked = looked || testing_file_has(
                                   path, "amojo.example"); /* we do look at the right place */
        }
        assert_int_equal(rig_reopen(r), 0);
    }
    assert_true(looked);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest contract[] = {
    CASE(an_empty_store_is_made_ready_and_opens_again),
    CASE(a_transaction_that_was_not_committed_leaves_nothing),
    CASE(a_commit_stands_after_reopening),
    CASE(a_savepoint_undoes_its_event_alone),
    CASE(savepoints_nest),
    CASE(what_was_taken_of_a_spool_is_known_again),
    CASE(workers_are_remembered_until_forgotten),
    CASE(ever_new_names_of_edges_leave_so_many_rows),
    CASE(a_conversation_is_found_by_each_of_its_ids),
    CASE(ids_of_others_find_nothing),
    CASE(by_phone_the_one_without_a_thread_comes_first_then_the_newest),
    CASE(by_phone_no_source_stands_for_any),
    CASE(a_thread_belongs_to_one_conversation),
    CASE(an_update_changes_every_field),
    CASE(conversations_of_an_account_are_walked_from_the_newest_on),
    CASE(the_newest_messages_come_by_time_then_by_number_of_merged_ones_too),
    CASE(messages_that_have_not_arrived_are_found_among_others),
    CASE(a_message_is_found_by_every_id_it_has_or_learns),
    CASE(an_id_that_is_taken_stays_with_its_first_message),
    CASE(what_a_service_sent_and_what_it_answered_are_counted_apart),
    CASE(an_id_is_ambiguous_of_a_service_that_counts_both_sides_alike),
    CASE(pruning_leaves_an_id_that_a_newer_message_has_now),
    CASE(whatever_leads_to_a_merged_conversation_leads_to_the_other),
    CASE(the_lanes_of_a_merged_conversation_become_those_of_the_other),
    CASE(trace_finds_a_message_by_any_id),
    CASE(state_and_told_change_alone),
    CASE(commands_walk_in_intake_order_and_come_back_whole),
    CASE(a_walk_ends_with_the_error_of_its_caller),
    CASE(progress_is_remembered),
    CASE(ids_of_commands_are_never_used_again),
    CASE(a_dead_letter_keeps_its_evidence_and_leaves_the_queue),
    CASE(a_dead_status_says_what_the_card_would_have_said),
    CASE(unclear_letters_of_a_lane_are_shown_the_newest_thousand_oldest_first),
    CASE(a_retried_dead_letter_goes_to_the_tail_with_a_new_life),
    CASE(dropped_is_dropped),
    CASE(asking_for_what_is_not_there_is_an_answer),
    CASE(quarantine_keeps_bytes_that_nobody_understands),
    CASE(what_waits_comes_out_once_in_order_of_its_key),
    CASE(what_is_known_of_an_echo_goes_with_it),
    CASE(pruning_takes_what_is_old_with_all_that_hangs_on_it),
    CASE(pruning_goes_in_steps),
    CASE(the_registry_comes_back_with_its_secrets),
    CASE(every_change_gives_a_higher_version),
    CASE(commands_are_credited_with_the_pause_they_waited_through),
    CASE(pause_and_off_are_remembered),
    CASE(a_registry_sealed_with_another_key_does_not_load),
    CASE(loading_the_registry_without_memory_leaks_nothing),
    CASE(the_first_start_makes_a_private_key),
    CASE(a_missing_key_is_never_made_anew),
    CASE(another_key_is_refused),
    CASE(a_given_key_of_raw_bytes_is_taken),
    CASE(whichever_call_fails_the_event_is_whole_or_absent),
    CASE(a_second_core_does_not_get_the_store),
};

static const struct CMUnitTest of_sqlite[] = {
    CASE(a_store_of_a_newer_program_is_refused_in_words),
    CASE(other_urls_are_refused),
    CASE(the_database_is_private),
    CASE(a_file_in_use_is_written_anew_later),
    CASE(no_secret_stands_in_the_files),
};

int main(void)
{
    int failed = cmocka_run_group_tests_name("contract", contract, NULL, NULL);

    return failed + cmocka_run_group_tests_name("sqlite", of_sqlite, NULL, NULL);
}
