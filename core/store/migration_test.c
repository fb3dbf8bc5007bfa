/* A database of before keeps its rows, and what is new about them is filled in. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/testing.h"
#include "core/intake/deferred.h"
#include "core/model/key.h"
#include "core/store/db.h"
#include "core/store/schema.h"
#include "core/store/shares.h"
#include "core/store/store.h"
#include "core/turn/turn.h"
#include "proto/event.h"

#define NOW 1700000000000LL
#define DAY 86400000LL

struct rig {
    char dir[64];
    char path[128];
    struct store *store;
};

static void reopen(struct rig *r)
{
    char url[160];
    struct buf why;

    store_close(r->store);
    r->store = NULL;
    buf_init(&why, 1024);
    (void)snprintf(url, sizeof(url), "sqlite:%s", r->path);
    if (store_open(url, &why, &r->store))
        fail_msg("%s", buf_str(&why));
    buf_fini(&why);
}

static int setup(void **state)
{
    struct rig *r = mem_zalloc(sizeof(*r));

    assert_non_null(r);
    (void)snprintf(r->dir, sizeof(r->dir), "/tmp/amo-migrate-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    (void)snprintf(r->path, sizeof(r->path), "%s/core.db", r->dir);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock", ".deaths"};
    struct rig *r = *state;
    char path[160];

    store_close(r->store);
    for (size_t i = 0; i < AMO_COUNT(suffixes); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", r->path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(r->dir), 0);
    mem_free(r);
    return 0;
}

/* As the first release made it, with what a working day leaves in it. */
static void make_first(struct rig *r, const char *rows)
{
    struct db *db = NULL;
    struct buf why;
    int rc = 0;

    buf_init(&why, 1024);
    assert_int_equal(db_open(r->path, &why, &db), 0);
    assert_int_equal(db_exec(db, schema_migration(1)), 0);
    assert_int_equal(db_exec(db, "PRAGMA user_version=1"), 0);
    rc = db_exec(db, rows);
    if (rc)
        fail_msg("%s", db_error(db, rc));
    db_close(db);
    buf_fini(&why);
}

static const char rows_of_before[] =
    /* a client wrote; a manager wrote first; a manager wrote into a chat of ours */
    "INSERT INTO conversations VALUES"
    "(1,'svc','line1','thread','ch_acc','svc-line1-thread',NULL,'svc-client',NULL,'7999','Ann',"
    " 'client',0),"
    "(2,'svc','line1',NULL,'ch_acc','svc-line1-7998','chat-2','svc-7998','ref-2','7998',NULL,"
    " NULL,0),"
    "(3,'svc','line1','thread-3','ch_acc','svc-line1-thread-3','chat-3','svc-c3','ref-3',NULL,"
    " NULL,'c3',1);"
    "INSERT INTO chats VALUES('ch_acc','chat-2',2),('ch_acc','chat-3',3);"
    "INSERT INTO messages VALUES"
    "(1,1,1,'svc-m1','ch_acc','svc','amo-1','m1','delivered_to_amo',0,1700000000000,"
    " 1700000000100,x'05050505050505050505050505050505'),"
    "(2,2,2,'amo-h2','ch_acc','svc','amo-2',NULL,'accepted',0,1700000000000,0,"
    " x'06060606060606060606060606060606');"
    "INSERT INTO message_ids VALUES('msvc-m1',1),('aamo-1',1),('ssvc/m1',1),('mamo-h2',2),"
    "('aamo-2',2);"
    "INSERT INTO commands VALUES(7,5,6,2,'ch_acc','svc',x'80',1700000000000,3,0,0,0);"
    "INSERT INTO waiting_statuses VALUES(1,'ssvc/s-1',x'8101',1700000001000),"
    "(2,'ssvc/s-2',x'8102',1700009999000);"
    "INSERT INTO quarantine VALUES(4,4,'failed','ch_acc',NULL,x'80',NULL,1700000000000);"
    "INSERT INTO dead VALUES(5,4,1,1,'ch_acc','svc',x'80',1,2,'refused',1700000000000);";

static struct conversation conversation(struct rig *r, int64_t id)
{
    struct conversation c;

    assert_int_equal(store_conversation(r->store, id, &c), 0);
    return c;
}

static void the_chats_that_amo_began_are_recognised(void **state)
{
    struct rig *r = *state;
    const bool born[] = {false, true, true};

    make_first(r, rows_of_before);
    reopen(r);
    for (int64_t i = 0; i < 3; i++) {
        struct conversation c = conversation(r, i + 1);

        assert_int_equal(c.amo_born, born[i]);
        assert_int_equal(c.amo_born, c.user_ref != NULL);
        conversation_fini(&c);
    }
}

static void every_row_of_before_is_there(void **state)
{
    struct rig *r = *state;
    struct conversation c;
    struct command_row row;
    struct key key;
    struct message m;
    struct buf buf;
    int64_t dead = 0;
    int64_t quarantine = 0;
    int64_t waiting = 0;

    buf_init(&buf, 100);
    make_first(r, rows_of_before);
    reopen(r);
    c = conversation(r, 1);
    assert_string_equal(c.service_id, "thread");
    assert_string_equal(c.contact, "client");
    assert_false(c.linked);
    conversation_fini(&c);
    assert_int_equal(key_amo(VIEW_LIT("ch_acc"), VIEW_LIT("amo-1"), &key), 0);
    assert_int_equal(store_message_by_key(r->store, &key, &m), 0);
    assert_string_equal(m.mid, "svc-m1");
    assert_int_equal(m.state, MESSAGE_DELIVERED_TO_AMO);
    assert_int_equal(m.settled_ms, NOW + 100);
    assert_null(m.type); /* nobody wrote it down */
    assert_null(m.chat_id);
    assert_null(m.reason);
    assert_null(m.words);
    message_fini(&m);
    assert_int_equal(store_command(r->store, 7, &row), 0);
    assert_int_equal(row.attempts, 3);
    assert_int_equal(row.trace.bytes[0], 6); /* its message's */
    command_row_fini(&row);
    assert_int_equal(store_counts(r->store, &dead, &quarantine, &waiting), 0);
    assert_int_equal(dead, 1);
    assert_int_equal(quarantine, 1);
    assert_int_equal(waiting, 2);
    assert_int_equal(store_quarantine_event(r->store, 4, &buf), 0);
    buf_fini(&buf);
}

static void who_has_how_much_is_counted_of_what_was_there(void **state)
{
    struct rig *r = *state;
    struct store_share service[STORE_ROOMS];
    struct store_share account[STORE_ROOMS];
    struct store_share part[STORE_ROOMS];

    make_first(r, rows_of_before);
    reopen(r);
    assert_int_equal(store_shares_of(r->store, "csvc", service), 0);
    assert_int_equal(store_shares_of(r->store, "sch_acc", account), 0);
    assert_int_equal(service[STORE_ROOM_WAITING].n, 2);
    assert_int_equal(service[STORE_ROOM_WAITING].bytes, 4);
    assert_int_equal(service[STORE_ROOM_DEAD].n, 1);
    assert_int_equal(service[STORE_ROOM_QUEUE].n, 0);
    assert_int_equal(store_shares_of(r->store, "psvc/ch_acc", part), 0);
    assert_int_equal(part[STORE_ROOM_DEAD].n, 1);
    assert_int_equal(part[STORE_ROOM_QUEUE].n, 0); /* a manager's words */
    assert_int_equal(part[STORE_ROOM_WAITING].n, 0);
    assert_int_equal(account[STORE_ROOM_QUEUE].n, 1);
    assert_int_equal(account[STORE_ROOM_QUARANTINE].n, 1);
    assert_int_equal(account[STORE_ROOM_QUARANTINE].bytes, 1);
    assert_int_equal(store_quarantine_drop(r->store, 4), 0);
    assert_int_equal(store_shares_sweep(r->store), 0);
    assert_int_equal(store_shares_of(r->store, "sch_acc", account), 0);
    assert_int_equal(account[STORE_ROOM_QUARANTINE].n, 0);
}

static int64_t held_by(struct rig *r, int spelt, const struct key *key)
{
    struct message m = {0};
    int64_t id = 0;
    int rc = 0;

    assert_int_equal(spelt, 0);
    rc = store_message_by_key(r->store, key, &m);
    assert_true(rc == 0 || rc == STORE_E_NONE);
    id = m.id;
    message_fini(&m);
    return id;
}

static int state_of(struct rig *r, int64_t id)
{
    struct message m = {0};
    int state = 0;

    assert_int_equal(store_message(r->store, id, &m), 0);
    state = (int)m.state;
    message_fini(&m);
    return state;
}

/* A service had answered with a client's id, and later with the same once more; another account's
 * message had the amo id of the first one. */
static void ids_of_before_come_into_spaces_of_their_own(void **state)
{
    static const char more[] =
        "INSERT INTO messages VALUES"
        "(3,2,2,'amo-h3','ch_acc','svc','amo-3','m1','taken_over',0,1700000000000,0,"
        " x'07070707070707070707070707070707'),"
        "(4,2,2,'amo-h4','ch_acc','svc','amo-4','m1','taken_over',0,1700000000000,0,"
        " x'08080808080808080808080808080808'),"
        "(5,2,2,'amo-h5','ch_two','svc','amo-1','m5','taken_over',0,1700000000000,0,"
        " x'09090909090909090909090909090909'),"
        "(6,3,1,'svc-o6','ch_acc','svc',NULL,'o6','accepted',0,1700000000000,0,"
        " x'0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a');"
        "INSERT INTO message_ids VALUES('mamo-h3',3),('aamo-3',3),('mamo-h4',4),('aamo-4',4),"
        "('mamo-h5',5),('ssvc/m5',5),('msvc-o6',6),('ssvc/o6',6)";
    struct rig *r = *state;
    char rows[sizeof(rows_of_before) + sizeof(more)];
    struct key k;

    (void)snprintf(rows, sizeof(rows), "%s%s", rows_of_before, more);
    make_first(r, rows);
    reopen(r);
    assert_int_equal(held_by(r, key_sent(VIEW_LIT("svc"), VIEW_LIT("m1"), &k), &k), 1);
    assert_int_equal(held_by(r, key_answered(VIEW_LIT("svc"), VIEW_LIT("m1"), &k), &k), 4);
    assert_int_equal(held_by(r, key_answered(VIEW_LIT("svc"), VIEW_LIT("m5"), &k), &k), 5);
    assert_int_equal(held_by(r, key_sent(VIEW_LIT("svc"), VIEW_LIT("m5"), &k), &k), 0);
    assert_int_equal(held_by(r, key_sent(VIEW_LIT("svc"), VIEW_LIT("o6"), &k), &k), 6);
    assert_int_equal(held_by(r, key_amo(VIEW_LIT("ch_acc"), VIEW_LIT("amo-1"), &k), &k), 1);
    assert_int_equal(held_by(r, key_amo(VIEW_LIT("ch_two"), VIEW_LIT("amo-1"), &k), &k), 5);
    assert_int_equal(held_by(r, key_amo(VIEW_LIT("ch_two"), VIEW_LIT("amo-2"), &k), &k), 0);
    assert_int_equal(held_by(r, key_mid(VIEW_LIT("amo-h3"), &k), &k), 3);
    assert_int_equal(state_of(r, 3), MESSAGE_DELIVERED_TO_SERVICE); /* once "taken_over" */
    assert_int_equal(held_by(r, key_mid(VIEW_LIT("svc-m1"), &k), &k), 1);
}

static void wait_as_before(struct rig *r, const char *key, const struct event *e)
{
    struct buf bytes;

    buf_init(&bytes, 1 << 16);
    assert_int_equal(event_encode(e, &bytes), 0);
    assert_int_equal(store_deferred_add(r->store, key, buf_view(&bytes), "csvc", NOW), 0);
    buf_fini(&bytes);
}

/* Core does it, once, because only it can read what waits. */
static void what_waited_before_is_found_under_the_keys_of_now(void **state)
{
    const struct event status = {.kind = EVENT_SERVICE_STATUS,
                                 .connector = VIEW_LIT("svc"),
                                 .message_id = VIEW_LIT("7"),
                                 .status = VIEW_LIT("read")};
    const struct event edit = {
        .kind = EVENT_SERVICE_EDIT, .connector = VIEW_LIT("svc"), .message_id = VIEW_LIT("7")};
    const struct event reaction = {.kind = EVENT_AMO_REACTION,
                                   .scope = VIEW_LIT("ch_acc"),
                                   .message_id = VIEW_LIT("amo-7")};
    const struct event echo = {.kind = EVENT_AMO_MESSAGE,
                               .scope = VIEW_LIT("ch_acc"),
                               .message_id = VIEW_LIT("amo-8")};
    static const char *const keys[] = {"tsvc/7", "ssvc/7", "aamo-7/ch_acc", "e12", "ssvc/9"};
    struct rig *r = *state;
    struct turn turn = {0}; /* deaths are not counted */
    struct core core = {.turn = &turn};
    struct buf event;

    buf_init(&event, 1 << 16);
    make_first(r, "");
    reopen(r);
    core.store = r->store;
    wait_as_before(r, "ssvc/7", &status);
    wait_as_before(r, "ssvc/7", &edit);
    wait_as_before(r, "aamo-7", &reaction);
    wait_as_before(r, "e12", &echo);
    assert_int_equal(
        store_deferred_add(r->store, "ssvc/9", VIEW_LIT("\x93nothing"), "csvc", NOW), 0);
    assert_int_equal(deferred_rekey(&core), 0);
    wait_as_before(r, "ssvc/8", &status);
    assert_int_equal(deferred_rekey(&core), 0); /* never again */
    for (size_t i = 0; i < AMO_COUNT(keys); i++) {
        assert_int_equal(store_deferred_take(r->store, keys[i], &event), 0);
        assert_int_equal(store_deferred_take(r->store, keys[i], &event), STORE_E_NONE);
        buf_reset(&event);
    }
    assert_int_equal(store_deferred_take(r->store, "ssvc/8", &event), 0);
    buf_fini(&event);
}

static int count_found(void *arg, const struct waiting_row *row)
{
    size_t *n = arg;

    *n += row->key.len > 0;
    return 0;
}

static void assert_found(struct store *s, const char *id, size_t n_waiting, int64_t entry)
{
    struct json_writer w;
    struct buf out;
    struct buf reason;
    int64_t found = 0;
    size_t n = 0;

    buf_init(&out, 4096);
    buf_init(&reason, 256);
    json_writer_init(&w, &out);
    assert_int_equal(store_waiting_find(s, view_of(id), count_found, &n), 0);
    assert_int_equal(n, n_waiting);
    assert_int_equal(store_quarantine_find(s, view_of(id), &w, &found, &reason), 0);
    assert_int_equal(found, entry);
    buf_fini(&out);
    buf_fini(&reason);
}

/* How many of both places are about @word. */
static void assert_about(struct store *s, const char *word, size_t n_kept)
{
    struct kept_who who = {.n = 0};
    struct message_at at[8];
    size_t n = 0;
    size_t more = 0;
    struct kept_range range = {
        .who = &who, .before = {.taken_ms = INT64_MAX, .id = INT64_MAX}
    };

    assert_int_equal(kept_who_word(view_of(word), &who), 0);
    range.place = KEPT_QUARANTINE;
    assert_int_equal(store_kept_newest(s, &range, at, AMO_COUNT(at), &n), 0);
    range.place = KEPT_WAITING;
    assert_int_equal(store_kept_newest(s, &range, at, AMO_COUNT(at), &more), 0);
    assert_int_equal(n + more, n_kept);
    kept_who_fini(&who);
}

/* Core does it, once, because only it can read an event. */
static void what_was_kept_before_is_found_by_its_ids(void **state)
{
    const struct event e = {.kind = EVENT_AMO_MESSAGE,
                            .trace = {.bytes = {7, 7}},
                            .taken_ms = 1700000000000,
                            .scope = VIEW_LIT("ch_acc"),
                            .chat_id = VIEW_LIT("chat-8"),
                            .receiver_phone = VIEW_LIT("8 999 123-45-67"),
                            .message_id = VIEW_LIT("amo-8")};
    struct rig *r = *state;
    struct buf packed;
    struct buf sql;

    buf_init(&packed, 1 << 16);
    buf_init(&sql, 1 << 16);
    assert_int_equal(event_encode(&e, &packed), 0);
    (void)buf_add_str(&sql, "INSERT INTO waiting_statuses VALUES(1,'e12',x'");
    for (size_t i = 0; i < packed.len; i++)
        (void)buf_add_f(&sql, "%02x", (unsigned char)packed.ptr[i]);
    (void)buf_add_str(&sql, "',NULL);INSERT INTO quarantine SELECT 4,1,'failed','ch_acc',NULL,"
                            "event,NULL,1700000000000 FROM waiting_statuses;");
    make_first(r, buf_str(&sql));
    reopen(r);
    assert_found(r->store, "amo-8", 0, 0);
    assert_int_equal(store_kept_name(r->store), 0);
    assert_found(r->store, "amo-8", 1, 4);
    assert_about(r->store, "chat-8", 2);
    assert_about(r->store, "+79991234567", 2);
    assert_about(r->store, "chat-9", 0);
    assert_found(r->store, "07070000-0000-0000-0000-000000000000", 1, 0);
    assert_found(r->store, "amo-9", 0, 0);
    reopen(r);
    assert_int_equal(store_kept_name(r->store), 0); /* never again */
    assert_found(r->store, "amo-8", 1, 4);
    buf_fini(&packed);
    buf_fini(&sql);
}

static void what_waited_before_waits_on(void **state)
{
    struct rig *r = *state;
    struct buf event;
    int64_t id = 0;

    buf_init(&event, 100);
    make_first(r, rows_of_before);
    reopen(r);
    assert_int_equal(store_deferred_overdue(r->store, NOW + 2000, &id, &event), 0);
    assert_int_equal(store_deferred_remove(r->store, id), 0);
    assert_int_equal(buf_view(&event).len, 2);
    buf_reset(&event);
    assert_int_equal(store_deferred_take(r->store, "ssvc/s-2", &event), 0);
    assert_int_equal(event.ptr[1], 2);
    assert_int_equal(store_deferred_take(r->store, "ssvc/s-2", &event), STORE_E_NONE);
    buf_fini(&event);
}

static void rows_of_before_take_what_is_new(void **state)
{
    struct rig *r = *state;
    struct message m;

    make_first(r, rows_of_before);
    reopen(r);
    assert_int_equal(store_message_chat(r->store, 1, VIEW_LIT("x")), 0);
    assert_int_equal(store_message_failed(r->store, 1, "refused", VIEW_LIT("words"), NOW), 0);
    assert_int_equal(store_message_once(r->store, 1, VIEW_LIT("r:1")), 0);
    reopen(r); /* opening twice migrates once */
    assert_int_equal(store_message_once(r->store, 1, VIEW_LIT("r:1")), STORE_E_KNOWN);
    assert_int_equal(store_message(r->store, 1, &m), 0);
    assert_string_equal(m.chat_id, "x");
    assert_string_equal(m.reason, "refused");
    assert_string_equal(m.words, "words");
    assert_int_equal(m.state, MESSAGE_FAILED);
    message_fini(&m);
}

static void an_empty_database_of_before_opens(void **state)
{
    struct rig *r = *state;

    make_first(r, "");
    reopen(r);
    assert_int_equal(store_schema_version(), schema_count());
    assert_true(schema_count() >= 3);
}

/* Migrations go by indexes, too. Tables that came later are not there to be looked at. */
static void what_an_index_of_before_does_not_know_is_found_before_it_is_migrated(void **state)
{
    struct rig *r = *state;
    struct db_rows *rows = NULL;
    struct db *db = NULL;
    struct buf why;

    buf_init(&why, 1024);
    make_first(r, rows_of_before);
    assert_int_equal(db_open(r->path, &why, &db), 0);
    assert_int_equal(db_exec(db, "CREATE TABLE hollow(a); CREATE INDEX hollow_a ON hollow(a);"
                                 "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage="
                                 "(SELECT rootpage FROM sqlite_schema WHERE name='hollow_a')"
                                 " WHERE name IN ('conversations_client');"
                                 "DELETE FROM sqlite_schema WHERE tbl_name='hollow'"),
                     0);
    db_close(db);
    reopen(r);
    assert_true(store_is_looked_at(r->store));
    assert_null(store_damage(r->store));
    reopen(r);
    assert_false(store_is_looked_at(r->store));
    store_close(r->store);
    r->store = NULL;
    assert_int_equal(db_open(r->path, &why, &db), 0);
    assert_int_equal(db_query(db, &rows, "PRAGMA integrity_check(1)", ""), 0);
    assert_int_equal(db_next(rows), 1);
    assert_true(view_is(db_view(rows, 0), "ok"));
    db_end(rows);
    db_close(db);
    buf_fini(&why);
}

/* The page that the table @name begins on is not what was written there. */
static void spoil(const char *path, const char *name)
{
    char query[100];
    char noise[512];
    struct db_rows *rows = NULL;
    struct db *db = NULL;
    struct buf why;
    off_t at = 0;
    int fd = -1;

    buf_init(&why, 1024);
    memset(noise, 0x5a, sizeof(noise));
    (void)snprintf(query, sizeof(query),
                   "SELECT (rootpage-1)*page_size FROM sqlite_schema,pragma_page_size"
                   " WHERE name='%s'",
                   name); /* fits */
    assert_int_equal(db_open(path, &why, &db), 0);
    assert_int_equal(db_query(db, &rows, query, ""), 0);
    assert_int_equal(db_next(rows), 1);
    at = (off_t)db_int(rows, 0);
    db_end(rows);
    db_close(db);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, noise, sizeof(noise), at), sizeof(noise));
    assert_int_equal(close(fd), 0);
    buf_fini(&why);
}

/* The number of the migration that says @words first. */
static int number_of(const char *words)
{
    int n = 1;

    while (!strstr(schema_migration(n), words))
        n++;
    return n;
}

/* As the release made it that had @version. */
static void make_version(struct rig *r, int version, const char *and)
{
    struct db *db = NULL;
    struct buf why;

    buf_init(&why, 1024);
    (void)unlink(r->path); /* of the version before, or none */
    make_first(r, rows_of_before);
    assert_int_equal(db_open(r->path, &why, &db), 0);
    for (int n = 2; n <= version; n++)
        assert_int_equal(db_exec(db, schema_migration(n)), 0);
    (void)buf_add_f(&why, "PRAGMA user_version=%d;%s", version, and);
    assert_int_equal(db_exec(db, buf_str(&why)), 0);
    db_close(db);
    buf_fini(&why);
}

static void assert_counted(struct rig *r, const char *who, enum store_room room, int n)
{
    struct store_share rooms[STORE_ROOMS];

    assert_int_equal(store_shares_of(r->store, who, rooms), 0);
    assert_int_equal(rooms[room].n, n);
}

/* Whether they cannot be read, or a page of before stands for the one that was written: they are counted anew,
 * and what a later migration counts is counted once. */
static void sums_of_before_are_counted_anew_when_they_are_wrong(void **state)
{
    struct rig *r = *state;

    for (int n = number_of("_part_more") - 1; n < schema_count(); n++) {
        for (int spoilt = 0; spoilt < 2; spoilt++) {
            make_version(r, n, spoilt ? "" : "UPDATE shares SET n=n+7,bytes=bytes+70");
            if (spoilt)
                spoil(r->path, "shares");
            reopen(r);
            assert_null(store_damage(r->store));
            assert_counted(r, "csvc", STORE_ROOM_DEAD, 1);
            assert_counted(r, "psvc/ch_acc", STORE_ROOM_DEAD, 1);
            assert_counted(r, "sch_acc", STORE_ROOM_QUEUE, 1);
            store_close(r->store);
            r->store = NULL;
        }
    }
}

/* Else a store that was made over months would ask for more memory than there is, at every start. */
static void a_migration_does_not_sort_a_large_store_in_memory(void **state)
{
    static const char many[] =
        "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i+1 FROM n WHERE i<200000)"
        " INSERT INTO messages SELECT i,1,1,printf('svc-%040d',i*7919%200003),'ch_acc','svc',"
        "'amo-'||i,'m'||i,'delivered_to_amo',0,1700000000000,1700000000100,zeroblob(16) FROM n";
    struct rig *r = *state;
    struct db *db = NULL;
    struct buf why;

    buf_init(&why, 1024);
    make_first(r, rows_of_before);
    assert_int_equal(db_open(r->path, &why, &db), 0);
    if (db_exec(db, many))
        fail_msg("%s", db_error(db, -EIO));
    db_close(db);
    (void)sqlite3_memory_highwater(1);
    reopen(r);
    assert_true(sqlite3_memory_highwater(0) < 10 << 20); /* 75 bytes a key would be 15 MB */
    buf_fini(&why);
}

/* What was deleted before pages were overwritten stays in the file until it is rewritten. */
static void what_was_deleted_before_is_nowhere_in_the_file(void **state)
{
    struct rig *r = *state;
    struct db *db = NULL;
    struct buf why;

    buf_init(&why, 1024);
    make_first(r, rows_of_before);
    assert_int_equal(db_open(r->path, &why, &db), 0);
    assert_int_equal(db_exec(db, "PRAGMA secure_delete=OFF;"
                                 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n"
                                 " WHERE i<20) INSERT INTO meta SELECT 'x'||i,"
                                 " 'words-of-somebody'||hex(zeroblob(3000)) FROM n;"
                                 "DELETE FROM meta WHERE key LIKE 'x%'"),
                     0);
    db_close(db);
    assert_true(testing_file_has(r->path, "words-of-somebody"));
    reopen(r);
    store_close(r->store);
    r->store = NULL;
    assert_false(testing_file_has(r->path, "words-of-somebody"));
    assert_true(testing_file_has(r->path, "svc-line1-thread"));
    buf_fini(&why);
}

/* A migration that fails halfway has not happened. */
static void a_migration_that_cannot_be_made_changes_nothing(void **state)
{
    struct rig *r = *state;
    struct store *s = NULL;
    struct db *db = NULL;
    char url[160];
    struct buf why;

    buf_init(&why, 1024);
    make_first(r, rows_of_before);
    assert_int_equal(db_open(r->path, &why, &db), 0);
    /* its last statement finds the name taken */
    assert_int_equal(db_exec(db, "CREATE TABLE message_once(x)"), 0);
    db_close(db);
    (void)snprintf(url, sizeof(url), "sqlite:%s", r->path);
    assert_int_not_equal(store_open(url, &why, &s), 0);
    assert_null(s);
    assert_true(buf_view(&why).len > 0);
    assert_int_equal(db_open(r->path, &why, &db), 0);
    assert_int_equal(db_exec(db, "SELECT count(*) FROM waiting_statuses"), 0);
    assert_int_equal(db_exec(db, "DROP TABLE message_once"), 0);
    db_close(db);
    reopen(r);
    assert_int_equal(store_message_once(r->store, 1, VIEW_LIT("k")), 0);
    buf_fini(&why);
}

/* --- what is done once ---------------------------------------------------------------------- */

static int64_t add_message(struct rig *r, const char *mid, int64_t taken_ms)
{
    char scope[] = "ch_acc";
    char connector[] = "svc";
    struct message m = {.direction = MESSAGE_INBOUND,
                        .conversation = 1,
                        .scope = scope,
                        .connector = connector,
                        .state = MESSAGE_ACCEPTED,
                        .taken_ms = taken_ms};
    int64_t id = 0;

    m.mid = mem_strdup(mid);
    assert_int_equal(store_message_add(r->store, &m, &id), 0);
    mem_free(m.mid);
    return id;
}

static void what_was_done_once_is_forgotten_with_its_message(void **state)
{
    struct rig *r = *state;
    int64_t old = 0;
    int64_t young = 0;

    reopen(r);
    old = add_message(r, "old", NOW - 200 * DAY);
    young = add_message(r, "young", NOW);
    assert_int_equal(store_message_once(r->store, old, VIEW_LIT("k")), 0);
    assert_int_equal(store_message_once(r->store, old, VIEW_LIT("l")), 0);
    assert_int_equal(store_message_once(r->store, young, VIEW_LIT("k")), 0);
    assert_int_equal(store_message_once(r->store, young, VIEW_LIT("k")), STORE_E_KNOWN);
    assert_int_equal(store_message_once(r->store, old, VIEW_LIT("k")), STORE_E_KNOWN);
    assert_int_equal(store_prune(r->store, NOW - 100 * DAY, NOW - 100 * DAY, 100), 0);
    /* its number is not given to another one with the old one's memory */
    assert_int_equal(store_message_once(r->store, old, VIEW_LIT("k")), 0);
    assert_int_equal(store_message_once(r->store, old, VIEW_LIT("l")), 0);
    assert_int_equal(store_message_once(r->store, young, VIEW_LIT("k")), STORE_E_KNOWN);
}

static void the_last_message_may_be_pruned_without_a_trace(void **state)
{
    struct rig *r = *state;
    int64_t old = 0;
    int64_t next = 0;

    reopen(r);
    old = add_message(r, "old", NOW - 200 * DAY);
    assert_int_equal(store_message_once(r->store, old, VIEW_LIT("k")), 0);
    assert_int_equal(store_prune(r->store, NOW - 100 * DAY, NOW - 100 * DAY, 100), 0);
    next = add_message(r, "next", NOW); /* perhaps under the same number */
    assert_int_equal(store_message_once(r->store, next, VIEW_LIT("k")), 0);
}

/* Databases have gone through these. If one is changed later, even in a name that nothing uses any more, a
 * database of before is another one than the tests know, or does not open. New ones come behind them; this
 * count and the sum may then be raised. */
static void what_databases_have_gone_through_is_never_changed(void **state)
{
    const int gone_through = 21;
    char text[2 * CRYPTO_SHA256_LEN + 1];
    unsigned char sum[CRYPTO_SHA256_LEN];
    struct buf all;

    (void)state;
    assert_true(schema_count() >= gone_through);
    buf_init(&all, 1 << 16);
    for (int i = 1; i <= gone_through; i++)
        assert_int_equal(buf_add_view(&all, view_of(schema_migration(i))), 0);
    assert_int_equal(crypto_sha256(buf_view(&all), sum), 0);
    buf_fini(&all);
    crypto_hex(sum, sizeof(sum), text);
    assert_string_equal(text,
                        "a4729d5bb1dd207f31095be6c9695352930ef8d42129f54316466123a0818a9a");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_chats_that_amo_began_are_recognised),
        CASE(every_row_of_before_is_there),
        CASE(who_has_how_much_is_counted_of_what_was_there),
        CASE(ids_of_before_come_into_spaces_of_their_own),
        CASE(what_waited_before_is_found_under_the_keys_of_now),
        CASE(what_was_kept_before_is_found_by_its_ids),
        CASE(what_waited_before_waits_on),
        CASE(rows_of_before_take_what_is_new),
        CASE(an_empty_database_of_before_opens),
        CASE(what_an_index_of_before_does_not_know_is_found_before_it_is_migrated),
        CASE(sums_of_before_are_counted_anew_when_they_are_wrong),
        CASE(a_migration_does_not_sort_a_large_store_in_memory),
        CASE(what_was_deleted_before_is_nowhere_in_the_file),
        CASE(a_migration_that_cannot_be_made_changes_nothing),
        CASE(what_was_done_once_is_forgotten_with_its_message),
        CASE(the_last_message_may_be_pruned_without_a_trace),
        CASE(what_databases_have_gone_through_is_never_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
