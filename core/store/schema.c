/* The SQL of the migrations, in order; and the sums that its triggers keep. */

#include "core/store/schema.h"

#include <string.h>

#include "base/compiler.h"
#include "core/store/private.h"
#include "core/store/shares.h"
#include "core/store/store.h"

/* --- who has how much of the store -------------------------------------------------------------
 *
 * One row for whoever caused rows ('c' and a connector's name, 's' and a scope's id; 'p', a connector's name, '/'
 * and a scope's id for what a connector caused for one of its accounts) and each room (enum store_room), kept by
 * triggers: whatever changes these tables, the sums are right after it, and a savepoint that is undone undoes
 * them, too. */

/* Without ON CONFLICT: a trigger's own is not heeded below INSERT OR IGNORE. */
#define MORE(who, room, bytes)                                                                 \
    "INSERT INTO shares SELECT " who "," room ",0,0 WHERE NOT EXISTS(SELECT 1 FROM shares"     \
    " WHERE who=" who " AND room=" room ");"                                                   \
    "UPDATE shares SET n=n+1,bytes=bytes+" bytes " WHERE who=" who " AND room=" room ";"
#define LESS(who, room, bytes)                                                                 \
    "UPDATE shares SET n=n-1,bytes=bytes-" bytes " WHERE who=" who " AND room=" room ";"
#define NEW_MORE(who, room, column) MORE(who("NEW."), room("NEW."), BYTES_OF("NEW.", column))
#define OLD_LESS(who, room, column) LESS(who("OLD."), room("OLD."), BYTES_OF("OLD.", column))
#define TRIGGER(name, when, what)   "CREATE TRIGGER " name " AFTER " when " BEGIN " what "END;"
#define SHARE_TRIGGERS(table, columns, who, room, column)                                      \
    TRIGGER(table "_share_more", "INSERT ON " table, NEW_MORE(who, room, column))              \
    TRIGGER(table "_share_less", "DELETE ON " table, OLD_LESS(who, room, column))              \
    TRIGGER(table "_share_moved", "UPDATE OF " columns " ON " table,                           \
            OLD_LESS(who, room, column) NEW_MORE(who, room, column))

#define SHARES_TABLE                                                                           \
    "CREATE TABLE shares(who TEXT, room INTEGER, n INTEGER NOT NULL, bytes INTEGER NOT NULL,"  \
    " PRIMARY KEY(who, room)) WITHOUT ROWID;"

/* The same for the account that what a connector causes is about, where that is known. */
#define PART_MORE(who, room, bytes)                                                            \
    "INSERT INTO shares SELECT " who "," room ",0,0 WHERE " who " IS NOT NULL AND NOT EXISTS(" \
    "SELECT 1 FROM shares WHERE who=" who " AND room=" room ");"                               \
    "UPDATE shares SET n=n+1,bytes=bytes+" bytes " WHERE who=" who " AND room=" room ";"
#define NEW_PART(who, room, column)                                                            \
    PART_MORE(who("NEW."), room("NEW."), BYTES_OF("NEW.", column))
#define PART_TRIGGERS(table, columns, who, room, column)                                       \
    TRIGGER(table "_part_more", "INSERT ON " table, NEW_PART(who, room, column))               \
    TRIGGER(table "_part_less", "DELETE ON " table, OLD_LESS(who, room, column))               \
    TRIGGER(table "_part_moved", "UPDATE OF " columns " ON " table,                            \
            OLD_LESS(who, room, column) NEW_PART(who, room, column))

/* "a<scope>/<id>" as "a<id>/<scope>". */
#define SWAPPED(key)                                                                           \
    "'a'||substr(" key ",instr(" key ",'/')+1)||'/'||substr(" key ",2,instr(" key ",'/')-2)"

/* Numbered and never changed once released: a new need is a new migration at the end. */
static const char *const migrations[] = {
    /* 1: the road */
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
    "CREATE TABLE channels(id TEXT PRIMARY KEY, code TEXT, name TEXT, url TEXT, bot_id TEXT,"
    "  secret BLOB, old_secret BLOB, answer TEXT) WITHOUT ROWID;"
    "CREATE TABLE scopes(id TEXT PRIMARY KEY, channel TEXT, account TEXT, connector TEXT,"
    "  title TEXT, paused INTEGER) WITHOUT ROWID;"
    "CREATE TABLE connectors(name TEXT PRIMARY KEY, url TEXT, allow_private INTEGER,"
    "  off INTEGER, secret BLOB, old_secret BLOB, token BLOB, old_token BLOB) WITHOUT ROWID;"
    "CREATE TABLE sources(connector TEXT, source TEXT, scope TEXT,"
    "  PRIMARY KEY(connector, source)) WITHOUT ROWID;"
    "CREATE TABLE spools(id BLOB PRIMARY KEY, mark INTEGER, low INTEGER, ranges BLOB)"
    "  WITHOUT ROWID;"
    "CREATE TABLE workers(name TEXT PRIMARY KEY, boot BLOB, seen_ms INTEGER) WITHOUT ROWID;"
    "CREATE TABLE conversations(id INTEGER PRIMARY KEY, connector TEXT, source TEXT,"
    "  service_id TEXT, scope TEXT, client_id TEXT, chat_id TEXT, user_id TEXT, user_ref TEXT,"
    "  phone TEXT, name TEXT, contact TEXT, linked INTEGER);"
    "CREATE UNIQUE INDEX conversations_service ON conversations(connector, source, service_id)"
    "  WHERE service_id IS NOT NULL;"
    "CREATE INDEX conversations_client ON conversations(scope, client_id);"
    "CREATE INDEX conversations_phone ON conversations(connector, phone, source)"
    "  WHERE phone IS NOT NULL;"
    "CREATE TABLE chats(scope TEXT, chat_id TEXT, conversation INTEGER,"
    "  PRIMARY KEY(scope, chat_id)) WITHOUT ROWID;"
    "CREATE TABLE messages(id INTEGER PRIMARY KEY, direction INTEGER, conversation INTEGER,"
    "  mid TEXT, scope TEXT, connector TEXT, amo_id TEXT, service_id TEXT, state TEXT,"
    "  told INTEGER, taken_ms INTEGER, settled_ms INTEGER, trace BLOB);"
    /* time-ordered, so it grows at its end */
    "CREATE INDEX messages_trace ON messages(trace);"
    /* the one index with random keys: every id a message is known by */
    "CREATE TABLE message_ids(id TEXT PRIMARY KEY, message INTEGER) WITHOUT ROWID;"
    "CREATE TABLE commands(id INTEGER PRIMARY KEY AUTOINCREMENT, lane INTEGER, kind INTEGER,"
    "  message INTEGER, scope TEXT, connector TEXT, body BLOB, taken_ms INTEGER,"
    "  attempts INTEGER, next_ms INTEGER, lost INTEGER, paused_ms INTEGER);"
    "CREATE TABLE attempts(id INTEGER PRIMARY KEY, command INTEGER, message INTEGER,"
    "  kind INTEGER, number INTEGER, began_ms INTEGER, took_ms INTEGER, outcome INTEGER,"
    "  cause INTEGER, status INTEGER, evidence TEXT, worker TEXT);"
    "CREATE INDEX attempts_command ON attempts(command);"
    "CREATE INDEX attempts_message ON attempts(message);"
    "CREATE TABLE dead(id INTEGER PRIMARY KEY, lane INTEGER, kind INTEGER, message INTEGER,"
    "  scope TEXT, connector TEXT, body BLOB, taken_ms INTEGER, attempts INTEGER,"
    "  reason TEXT, died_ms INTEGER);"
    "CREATE TABLE quarantine(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER, reason TEXT,"
    "  scope TEXT, connector TEXT, event BLOB, trace BLOB, at_ms INTEGER);"
    "CREATE TABLE waiting_statuses(id INTEGER PRIMARY KEY, key TEXT, event BLOB,"
    "  until_ms INTEGER);"
    "CREATE INDEX waiting_statuses_key ON waiting_statuses(key);",
    /* 2: every kind of message. What waits is not only statuses; a conversation knows whether
       amo's chat was born there; a message its type, its chat and the managers' reactions; what is
       kept for a person is kept once */
    "ALTER TABLE waiting_statuses RENAME TO waiting;"
    "CREATE INDEX waiting_until ON waiting(until_ms);"
    "ALTER TABLE conversations ADD COLUMN amo_born INTEGER NOT NULL DEFAULT 0;"
    "UPDATE conversations SET amo_born=(user_ref IS NOT NULL);"
    "ALTER TABLE messages ADD COLUMN type TEXT;"
    "ALTER TABLE messages ADD COLUMN chat_id TEXT;"
    "CREATE TABLE reactions(message INTEGER, person TEXT, emoji TEXT,"
    "  PRIMARY KEY(message, person)) WITHOUT ROWID;"
    "ALTER TABLE quarantine ADD COLUMN same BLOB;"
    "CREATE UNIQUE INDEX quarantine_same ON quarantine(same) WHERE same IS NOT NULL;"
    "ALTER TABLE messages ADD COLUMN reason TEXT;"
    "ALTER TABLE messages ADD COLUMN words TEXT;"
    "CREATE INDEX quarantine_at ON quarantine(at_ms);"
    "CREATE INDEX dead_died ON dead(died_ms);"
    "CREATE TABLE message_once(message INTEGER, key TEXT, PRIMARY KEY(message, key))"
    "  WITHOUT ROWID;",
    /* 3: a channel's and a connector's life: secrets that are being rotated out, accounts that
       leave and come back, when amo was last asked to connect, the number managers write from */
    "ALTER TABLE channels ADD COLUMN old_until_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE connectors ADD COLUMN old_until_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE scopes ADD COLUMN disconnected INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE scopes ADD COLUMN connected_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE scopes ADD COLUMN reconnected_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE scopes ADD COLUMN window_off INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE scopes ADD COLUMN default_source TEXT;",
    /* 4: erasing. What was erased; the ingresses that may hold something; commands whose attempts
       leave no evidence. What was deleted before still lies in unused parts of pages: the file is
       rewritten once */
    "CREATE TABLE erasures(id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER, report TEXT);"
    "CREATE TABLE ingresses(name TEXT PRIMARY KEY, spool BLOB, seen_ms INTEGER) WITHOUT ROWID;"
    "ALTER TABLE commands ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;"
    "INSERT OR REPLACE INTO meta VALUES('rebuild', x'31');",
    /* ids in spaces of their own (core/model/key.h): amo's within their account, what a service answered
       beside what it sent. Rebuilt from the messages, sorted, so that it is one pass; of a
       service's answers the newest has the id. What waits is put under its new keys by core, which
       can read it (core/intake/deferred.c) */
    "CREATE TABLE spaced_ids(id TEXT PRIMARY KEY, message INTEGER) WITHOUT ROWID;"
    "INSERT INTO spaced_ids SELECT key, CASE WHEN key<'t' THEN min(message) ELSE max(message) "
    "END"
    "  FROM (SELECT 'm'||mid AS key, id AS message FROM messages"
    "  UNION ALL SELECT 'a'||scope||'/'||amo_id, id FROM messages WHERE amo_id IS NOT NULL"
    "  UNION ALL SELECT CASE direction WHEN 2 THEN 't' ELSE 's' "
    "END||connector||'/'||service_id,"
    "  id FROM messages WHERE service_id IS NOT NULL) WHERE key IS NOT NULL GROUP BY key;"
    "DROP TABLE message_ids;"
    "ALTER TABLE spaced_ids RENAME TO message_ids;"
    "INSERT OR REPLACE INTO meta VALUES('waiting_keys', x'31');",
    /* who is reached: the chats of conversations that moved to another account stay with the one
       before, and are found again when the conversation comes back */
    "CREATE TABLE left_chats(conversation INTEGER, scope TEXT, chat_id TEXT, user_ref TEXT,"
    "  linked INTEGER, amo_born INTEGER, PRIMARY KEY(conversation, scope)) WITHOUT ROWID;",
    /* a phone as it came, beside the key it is found by; conversations in which several people have
       spoken. Who has spoken before this is not known any more: the next words of a second person
       tell */
    "ALTER TABLE conversations ADD COLUMN number TEXT;"
    "ALTER TABLE conversations ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;",
    /* spools: the boot id of the process from which events were taken last, to tell a copy of its
       folder from the folder */
    "ALTER TABLE spools ADD COLUMN taker BLOB;",
    /* what may be an echo waits by a clock of core's own; and a report of first words is held
       against the conversations whose name at the service nobody has told yet, which are few */
    "UPDATE waiting SET until_ms=NULL WHERE key GLOB 'e*';"
    "CREATE INDEX conversations_unnamed ON conversations(connector) WHERE service_id IS NULL;",
    /* a conversation that turned out to be another one: everything of it is found there */
    "ALTER TABLE conversations ADD COLUMN merged INTEGER;"
    "CREATE INDEX conversations_merged ON conversations(merged) WHERE merged IS NOT NULL;",
    /* people met under an id of ours who have no conversation: authors of a service, and further
       speakers; and who has one, by that id */
    "CREATE TABLE people(user_id TEXT PRIMARY KEY, author INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX conversations_user ON conversations(user_id);",
    /* where an attempt went whose outcome may have to be looked up; and a conversation's chats are
       found by it */
    "ALTER TABLE attempts ADD COLUMN scope TEXT;"
    "ALTER TABLE attempts ADD COLUMN chat TEXT;"
    "CREATE INDEX chats_conversation ON chats(conversation);",
    /* chats that came to their conversation by a phone: they go when it turns out to be shared */
    "ALTER TABLE chats ADD COLUMN by_phone INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX chats_by_phone ON chats(conversation) WHERE by_phone<>0;",
    /* commands that may have been done, though none of their attempts in the store says so */
    "ALTER TABLE commands ADD COLUMN unsure INTEGER NOT NULL DEFAULT 0;",
    /* a command's trace id, for the log, without reading its body */
    "ALTER TABLE commands ADD COLUMN trace BLOB;"
    "UPDATE commands SET trace=(SELECT trace FROM messages WHERE "
    "messages.id=commands.message);",
    /* what a service reports may be what was given up without anybody knowing whether it has it */
    "CREATE INDEX dead_lane ON dead(lane);",
    /* of what may be an echo: who had its number when it came, and whether a core whose store was put
       back may have done it */
    "ALTER TABLE waiting ADD COLUMN scope TEXT;"
    "ALTER TABLE waiting ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;",
    /* of a lane's dead letters none but these are looked for, and others may be many */
    "DROP INDEX dead_lane;"
    "CREATE INDEX dead_unclear ON dead(lane) WHERE reason='unclear';",
    /* of a conversation that turns out to be another one, what waits and what was given up is found
       by its lanes, however much waits of others */
    "CREATE INDEX commands_lane ON commands(lane);"
    "CREATE INDEX dead_lane ON dead(lane);",
    /* which status an attempt told amo: its command is deleted when it is done */
    "ALTER TABLE attempts ADD COLUMN tells INTEGER;"
    "ALTER TABLE attempts ADD COLUMN tells_code INTEGER;",
    /* an outbound message's last state has the name that its counterpart suggests */
    "UPDATE messages SET state='delivered_to_service' WHERE state='taken_over';",
    /* a spool belongs to the ingress that brought it; those that nobody has used for long are forgotten */
    "ALTER TABLE spools ADD COLUMN name TEXT;"
    "ALTER TABLE spools ADD COLUMN used_ms INTEGER NOT NULL DEFAULT 0;",
    /* of what may be an echo: by which spool it came, and its time among all that waits */
    "ALTER TABLE waiting ADD COLUMN spool BLOB;"
    "ALTER TABLE waiting ADD COLUMN at_ms INTEGER;",
    /* a service's message that is kept for a person is known by its id there: what is about it is not
       about another one that has the same */
    "ALTER TABLE quarantine ADD COLUMN key_hash BLOB;"
    "CREATE INDEX quarantine_key_hash ON quarantine(key_hash) WHERE key_hash IS NOT NULL;",
    /* who has how much of the store. Who caused what waits is in its key, unless it may be an echo: that
       is gone within a minute or so */
    "ALTER TABLE waiting ADD COLUMN who TEXT;"
    "UPDATE waiting SET who=CASE substr(key,1,1) WHEN 'a' THEN 's' ELSE 'c' END"
    "||substr(key,2,instr(key,'/')-2) WHERE until_ms IS NOT NULL AND instr(key,'/')>2;",
    SHARES_TABLE SCHEMA_SHARES_FILL,
    SHARE_TRIGGERS("commands", "scope,connector,kind,body", WHO_OF_COMMAND, ROOM_QUEUE, "body"),
    SHARE_TRIGGERS("dead", "scope,connector,kind,body", WHO_OF_COMMAND, ROOM_DEAD, "body"),
    SHARE_TRIGGERS("quarantine", "scope,connector,kind,event", WHO_OF_EVENT, ROOM_OF_EVENT,
                   "event"),
    SHARE_TRIGGERS("waiting", "who,event", WHO_WAITS, ROOM_WAITING, "event"),
    /* statuses of messages that nobody knows go before anything else does */
    "CREATE INDEX quarantine_statuses ON quarantine(at_ms) WHERE kind=5;",
    /* what a connector has for each of its accounts. For whom a service's events in quarantine were is not known
       of those that are there */
    SCHEMA_PARTS_FILL PART_TRIGGERS("commands", "scope,connector,kind,body", PART_OF_COMMAND,
                                    ROOM_QUEUE, "body"),
    PART_TRIGGERS("dead", "scope,connector,kind,body", PART_OF_COMMAND, ROOM_DEAD, "body"),
    PART_TRIGGERS("quarantine", "scope,connector,kind,event", PART_OF_EVENT, ROOM_OF_EVENT,
                  "event"),
    /* statuses that are kept for a person are not looked at every few seconds */
    "DROP INDEX quarantine_statuses;"
    "CREATE INDEX quarantine_statuses ON quarantine(at_ms) WHERE kind=5"
    " AND reason IN('unknown_message','too_many_waiting');",
    /* is the event that comes again one that stands there? */
    "CREATE INDEX quarantine_trace ON quarantine(trace) WHERE trace IS NOT NULL;",
    /* an operator looks for messages, newest first: of a conversation, of a time, and those that have not
       arrived; for the text of one while it is kept; and for conversations by what a person is called */
    "CREATE INDEX messages_conversation ON messages(conversation,taken_ms);"
    "CREATE INDEX messages_taken ON messages(taken_ms);"
    "CREATE INDEX messages_accepted ON messages(taken_ms) WHERE state='accepted';"
    "CREATE INDEX messages_failed ON messages(taken_ms) WHERE state='failed';"
    "CREATE INDEX commands_message ON commands(message);"
    "CREATE INDEX dead_message ON dead(message);"
    "CREATE INDEX conversations_scope ON conversations(scope);"
    "CREATE INDEX conversations_contact ON conversations(connector,contact)"
    "  WHERE contact IS NOT NULL;"
    "CREATE INDEX conversations_ref ON conversations(user_ref) WHERE user_ref IS NOT NULL;"
    "CREATE INDEX conversations_ours ON conversations(client_id);"
    "CREATE INDEX chats_chat ON chats(chat_id);",
    /* how much has come from which channel and connector, by hours (core/peers/heard.h) */
    "CREATE TABLE heard(who TEXT PRIMARY KEY, since_ms INTEGER, last_ms INTEGER, hour INTEGER,"
    "  counts BLOB) WITHOUT ROWID;",
    /* why something is not there: who paused an account; calls that only tried whether a hold must go on; what
       amo was told of a message, when, and whose words these are */
    "ALTER TABLE scopes ADD COLUMN paused_by TEXT;"
    "ALTER TABLE attempts ADD COLUMN probe INTEGER;"
    "ALTER TABLE messages ADD COLUMN told_code INTEGER;"
    "ALTER TABLE messages ADD COLUMN told_why TEXT;"
    "ALTER TABLE messages ADD COLUMN told_words TEXT;"
    "ALTER TABLE messages ADD COLUMN told_ms INTEGER;",
    /* what waits and what is in quarantine is found by its sender's id of the message, or by its trace. Core can read
       what is there already (store_kept_name) */
    "ALTER TABLE quarantine ADD COLUMN message_id TEXT;"
    "CREATE INDEX quarantine_message ON quarantine(message_id) WHERE message_id IS NOT NULL;"
    "ALTER TABLE waiting ADD COLUMN message_id TEXT;"
    "ALTER TABLE waiting ADD COLUMN trace BLOB;"
    "CREATE INDEX waiting_message ON waiting(message_id) WHERE message_id IS NOT NULL;"
    "CREATE INDEX waiting_trace ON waiting(trace) WHERE trace IS NOT NULL;"
    "INSERT OR REPLACE INTO meta VALUES('" SCHEMA_KEPT_UNNAMED "', x'31');",
    /* what is set aside for its account is there once, however often it comes */
    "ALTER TABLE waiting ADD COLUMN same BLOB;"
    "CREATE UNIQUE INDEX waiting_same ON waiting(same) WHERE same IS NOT NULL;",
    /* the last move of each number, so that it can be undone */
    "CREATE TABLE source_moves(connector TEXT, source TEXT, was TEXT, now TEXT,"
    "  was_default INTEGER NOT NULL, at_ms INTEGER NOT NULL, message INTEGER NOT NULL,"
    "  PRIMARY KEY(connector, source)) WITHOUT ROWID;",
    /* since when a secret or token is the one in force, and who set it */
    "ALTER TABLE channels ADD COLUMN secret_set_ms INTEGER;"
    "ALTER TABLE channels ADD COLUMN secret_set_by TEXT;"
    "ALTER TABLE connectors ADD COLUMN secret_set_ms INTEGER;"
    "ALTER TABLE connectors ADD COLUMN secret_set_by TEXT;"
    "ALTER TABLE connectors ADD COLUMN token_set_ms INTEGER;"
    "ALTER TABLE connectors ADD COLUMN token_set_by TEXT;",
    /* what waits and what is in quarantine is listed by its time, and found by whom it is about */
    "ALTER TABLE quarantine ADD COLUMN chat TEXT;"
    "ALTER TABLE quarantine ADD COLUMN phone TEXT;"
    "CREATE INDEX quarantine_chat ON quarantine(chat,at_ms) WHERE chat IS NOT NULL;"
    "CREATE INDEX quarantine_phone ON quarantine(phone,at_ms) WHERE phone IS NOT NULL;"
    "ALTER TABLE waiting ADD COLUMN taken_ms INTEGER;"
    "ALTER TABLE waiting ADD COLUMN chat TEXT;"
    "ALTER TABLE waiting ADD COLUMN phone TEXT;"
    "CREATE INDEX waiting_taken ON waiting(taken_ms);"
    "CREATE INDEX waiting_chat ON waiting(chat,taken_ms) WHERE chat IS NOT NULL;"
    "CREATE INDEX waiting_phone ON waiting(phone,taken_ms) WHERE phone IS NOT NULL;"
    "INSERT OR REPLACE INTO meta VALUES('" SCHEMA_KEPT_UNNAMED "', x'31');",
    /* amo's id of a message stands before its account in the key, so that it is found whichever account it is of.
       Sorted, so that it is one pass */
    "CREATE TABLE sorted_ids(id TEXT PRIMARY KEY, message INTEGER) WITHOUT ROWID;"
    "INSERT INTO sorted_ids SELECT CASE WHEN id>='a' AND id<'b' THEN " SWAPPED(
        "id") " ELSE id"
              "  END AS key, message FROM message_ids ORDER BY key;"
              "DROP TABLE message_ids;"
              "ALTER TABLE sorted_ids RENAME TO message_ids;"
              "UPDATE waiting SET key=" SWAPPED(
                  "key") " WHERE key>='a' AND key<'b' AND instr(key,'/')>0;",
    /* a conversation is found by its service's id of it, of whichever number it is */
    "CREATE INDEX conversations_thread ON conversations(service_id,connector)"
    "  WHERE service_id IS NOT NULL;",
    /* with many accounts: the numbers of one; and whom all conversations reach, in groups along an index */
    "CREATE INDEX sources_scope ON sources(scope);"
    "CREATE INDEX scopes_account ON scopes(account);"
    "CREATE INDEX conversations_reach ON conversations(connector,source,scope)"
    "  WHERE merged IS NULL;",
    /* what operators ordered lately: so many of those that changed something, and of the others; each kind is counted
       by n, so that the oldest can go */
    "CREATE TABLE orders(id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, user TEXT NOT NULL,"
    "  verb TEXT NOT NULL, args TEXT NOT NULL, outcome TEXT NOT NULL, words TEXT,"
    "  changes INTEGER NOT NULL, n INTEGER NOT NULL, UNIQUE(changes,n));"
    /* who had a number last, and to whom it was given when and by whom; also once it is listed no more */
    "CREATE TABLE source_owners(connector TEXT, source TEXT, scope TEXT NOT NULL, was TEXT,"
    "  at_ms INTEGER NOT NULL, user TEXT, PRIMARY KEY(connector,source)) WITHOUT ROWID;",
    /* which operator dropped it */
    "ALTER TABLE dead ADD COLUMN dropped_by TEXT;",
    /* what failed, whether we gave it up or its service reported it */
    "DROP INDEX messages_failed;"
    "CREATE INDEX messages_failed ON messages(taken_ms) WHERE state='failed' OR told=-1;",
};

int schema_count(void)
{
    return (int)AMO_COUNT(migrations);
}

const char *schema_migration(int number)
{
    return migrations[number - 1];
}

/* --- shares ----------------------------------------------------------------------------------- */

int store_shares_of(struct store *s, const char *who, struct store_share ret[STORE_ROOMS])
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT room,n,bytes FROM shares WHERE who=?", "s", who);

    memset(ret, 0, STORE_ROOMS * sizeof(*ret));
    while (rc == 0 && (rc = db_next(r)) == 1) {
        int64_t room = db_int(r, 0);

        rc = 0;
        if (room > 0 && room < STORE_ROOMS)
            ret[room] = (struct store_share){.n = db_int(r, 1), .bytes = db_int(r, 2)};
    }
    return rc;
}

int store_shares_parts(struct store *s, const char *connector, store_part_fn *fn, void *arg)
{
    size_t head = strlen(connector) + 2; /* "p<connector>/" */
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT who,room,n,bytes FROM shares"
                      " WHERE who>'p'||?1||'/' AND who<'p'||?1||'0' ORDER BY who,room",
                      "s", connector);

    while (rc == 0 && (rc = db_next(r)) == 1) {
        struct store_share share = {.n = db_int(r, 2), .bytes = db_int(r, 3)};
        struct view who = db_view(r, 0);
        int64_t room = db_int(r, 1);

        rc = 0;
        if (room > 0 && room < STORE_ROOMS && who.len > head)
            rc = fn(arg, view_make(who.ptr + head, who.len - head), (enum store_room)room,
                    &share);
        if (rc)
            db_end(r);
    }
    return rc;
}

int store_shares_sweep(struct store *s)
{
    return db_run(s->db, "DELETE FROM shares WHERE n=0", "");
}
