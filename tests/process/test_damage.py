"""Single damaged pages deep inside a store of some thousand rows: leaves of tables and of indexes."""
import contextlib
import random
import sqlite3
import time
import uuid

import pytest

import bus
from stack import QUICK, ControlError, Stack, wait_for

SEED = 20261130
ROWS = 3000
NUMBERS = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<{ROWS})"
# So many people of before, each with a message that was given up, and edits of messages that never came.
FILL = f"""
{NUMBERS} INSERT INTO conversations(connector,source,service_id,scope,client_id,user_id,name,linked)
  SELECT connector,source,'old-'||i,scope,'old-'||i,printf('00000000-0000-4000-8000-%012d',i),'Old',0
  FROM n,(SELECT * FROM conversations LIMIT 1);
INSERT INTO messages(direction,conversation,mid,scope,connector,amo_id,service_id,state,told,taken_ms,settled_ms,
  trace,type)
  SELECT m.direction,c.id,m.connector||'-'||c.service_id,m.scope,m.connector,'amo-'||c.service_id,c.service_id,state,told,
  taken_ms,settled_ms,randomblob(16),type FROM conversations c,(SELECT * FROM messages LIMIT 1) m
  WHERE c.service_id GLOB 'old-*' ORDER BY c.id;
INSERT INTO message_ids SELECT 'm'||mid,id FROM messages WHERE service_id GLOB 'old-*'
  UNION ALL SELECT 's'||connector||'/'||service_id,id FROM messages WHERE service_id GLOB 'old-*'
  UNION ALL SELECT 'a'||scope||'/'||amo_id,id FROM messages WHERE service_id GLOB 'old-*';
INSERT INTO attempts(command,message,kind,number,began_ms,took_ms,outcome,cause,status,evidence,worker,scope,chat)
  SELECT m.id,m.id,a.kind,1,a.began_ms,1,a.outcome,a.cause,a.status,a.evidence,a.worker,a.scope,a.chat
  FROM messages m,(SELECT * FROM attempts LIMIT 1) a WHERE service_id GLOB 'old-*' ORDER BY m.id;
INSERT INTO dead(lane,kind,message,scope,connector,body,taken_ms,attempts,reason,died_ms)
  SELECT conversation*2+1,1,id,scope,connector,x'80',taken_ms,10,'attempts',taken_ms FROM messages
  WHERE service_id GLOB 'old-*' ORDER BY id;
"""
# what stands in a leaf, by a name that a test can use
ROW_NAMES = {"messages": "service_id", "conversations": "service_id", "dead": "id", "attempts": "message",
             "waiting": "key", "commands": "id", "message_ids": "id"}


class Damage:
    """What lies in the file of a core that does not run, or runs on, all the same."""

    def __init__(self, stack):
        self.stack, self.core = stack, stack["core"]
        self.file = stack.dir / "data" / "core" / "core.db"
        self.healthy = {}  # what stood there, by page
        self.rng = random.Random(SEED)
        print("seed", SEED)

    def rows(self, sql, *args):
        db = sqlite3.connect(self.file)
        try:
            with db:
                return db.execute(sql, args).fetchall()
        finally:
            db.close()

    def fill(self):
        """While core does not run."""
        db = sqlite3.connect(self.file)
        with db:
            db.executescript(FILL)
            event, until_ms = db.execute("SELECT event,until_ms FROM waiting").fetchone()
            edits = [(f"ssvc/nobody-{i}", bus.pack({**bus.unpack(event), "message_id": f"nobody-{i}"}), until_ms + i)
                     for i in range(ROWS)]
            db.executemany("INSERT INTO waiting(key,event,until_ms) VALUES(?,?,?)", edits)
        db.close()

    def spoil(self, name, part=0.5):
        """Random bytes over a leaf, not the first and not the last; the names of the rows that stood in it."""
        db = sqlite3.connect(self.file)
        with db:
            size, = db.execute("PRAGMA page_size").fetchone()
            sql, = db.execute("SELECT ifnull(sql,'') FROM sqlite_schema WHERE name=?", (name,)).fetchone()
            leaves = db.execute("SELECT pageno,ncell FROM dbstat WHERE name=? AND pagetype='leaf' ORDER BY path",
                                (name,)).fetchall()
            assert len(leaves) > 4, f"{name} has {len(leaves)} leaves"
            chosen = int(len(leaves) * part)
            page, cells = leaves[chosen]
            between = 0 if name in ROW_NAMES and "WITHOUT ROWID" not in sql else 1  # in the page above
            first = sum(n + between for _, n in leaves[:chosen])
            names = [n for n, in db.execute(f"SELECT {ROW_NAMES[name]} FROM {name} NOT INDEXED ORDER BY 1 LIMIT ? OFFSET ?"
                                            if between else f"SELECT {ROW_NAMES[name]} FROM {name} ORDER BY id LIMIT ? OFFSET ?",
                                            (cells, first))] if name in ROW_NAMES else []
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        with open(self.file, "r+b") as f:
            f.seek((page - 1) * size)
            self.healthy[(page - 1) * size] = f.read(size)
            f.seek((page - 1) * size)
            f.write(self.rng.randbytes(size))
        return names

    def hollow(self, index):
        """The index is sound and has no entries, as if its pages were of an older state than those of its table."""
        db = sqlite3.connect(self.file)
        with db:
            db.executescript("CREATE TABLE hollow(a); CREATE INDEX hollow_a ON hollow(a); PRAGMA writable_schema=ON;")
            root, = db.execute("SELECT rootpage FROM sqlite_schema WHERE name='hollow_a'").fetchone()
            db.execute("DELETE FROM sqlite_schema WHERE tbl_name='hollow'")
            db.execute("UPDATE sqlite_schema SET rootpage=? WHERE name=?", (root, index))
        db.close()

    def heal(self):
        """As if a person had repaired it."""
        with open(self.file, "r+b") as f:
            for at, content in self.healthy.items():
                f.seek(at)
                f.write(content)
        self.file.with_suffix(".db.damaged").unlink(missing_ok=True)

    def said(self):
        return "\n".join(self.core.lines)


class Supervised:
    """Starts core again as a supervisor does, and counts."""

    def __init__(self, stack):
        self.stack, self.core = stack, stack["core"]
        self.lives = self.core.lives

    def until(self, done, what, most):
        """Until done(), within so many lives more."""
        def turn():
            if not self.core.alive:
                assert self.core.wait_end(30) == 75, f"{what}: {self.core.last_words(6)}"
                assert self.core.lives - self.lives < most, f"{what}: it is started again for ever"
                self.core.start()
            try:
                return done()
            except (TimeoutError, OSError, ControlError):
                return None  # core ended while it was asked
        found = wait_for(turn, what)
        self.lives = self.core.lives
        return found

    def nothing_more(self):
        """Core is alive, and what came before was no end."""
        self.stack.control("clock.show")
        assert self.core.alive and self.core.lives == self.lives, self.core.last_words(8)


def everybody(stack):
    """A stack that has delivered a little, with a full store; core does not run."""
    stack.up()
    stack.meet("hello")
    assert stack.call("PATCH", "messages/not-yet", {"text": "x"})[0] == 202  # waits for its message
    wait_for(lambda: stack.control("status")["waiting_events"], "the edit to wait")
    stack.settle()
    damage = Damage(stack)
    stack["core"].stop()
    damage.fill()
    return damage


def red(stack):
    return [c["words"] for c in stack.control("doctor", timeout=2)["checks"] if c["check"] == "store" and c["state"] == "red"]


def texts(stack):
    return [m["text"] for m in stack.list("amojo/messages")]


def kept(stack):
    return [k["reason"] for k in stack.control("quarantine.list", timeout=2)]


def refused(stack, verb, **args):
    with pytest.raises(ControlError, match="damaged part of the store"):
        stack.control(verb, timeout=2, **args)


def test_what_is_written_beside_a_damaged_leaf_stands_in_every_index():
    """Mending takes all indexes away for a moment, and gives up at the first table that it cannot read."""
    with Stack(env=QUICK) as stack:
        damage = everybody(stack)
        person = damage.spoil("conversations")[0]
        stack.start("core")
        watch = Supervised(stack)
        stack.client_writes("to-a-damaged-one", conversation=person)
        watch.until(lambda: kept(stack) == ["store_damaged"], "the quarantine", 2)
        stack.client_writes("new", conversation="79005550202")
        stack.wait("amojo.message", text="new")
        stack.settle()
        watch.nothing_more()
        damage.core.stop()
        damage.heal()
        assert damage.rows("PRAGMA integrity_check") == [("ok",)]


def test_damaged_leaves_of_indexes_are_made_anew_and_nobody_misses_anything():
    with Stack(env=QUICK) as stack:
        damage = everybody(stack)
        for index in ("messages_trace", "conversations_service", "conversations_client", "waiting_statuses_key",
                      "waiting_until", "attempts_message", "dead_lane", "dead_died", "dead_message"):
            damage.spoil(index)
        damage.core.start()  # it counts what is dead by one of them, and may end over it
        watch = Supervised(stack)
        for text, people in (("of-before", "old-1600"), ("of-before-too", "old-1400"), ("new", "79005550202")):
            stack.client_writes(text, conversation=people)
        watch.until(lambda: len(texts(stack)) == 4, "the messages", 1)
        assert sorted(texts(stack)) == ["hello", "new", "of-before", "of-before-too"]
        watch.until(lambda: stack.control("status", timeout=2)["waiting_events"] == ROWS + 1, "the figures", 0)
        assert "what=store.damaged" in damage.said() and "mended=yes" in damage.said()
        assert red(stack) == [] and kept(stack) == [] and len(stack.control("conversation.list")) > 0
        watch.nothing_more()
        damage.core.stop()
        assert damage.rows("PRAGMA integrity_check") == [("ok",)]


def test_rows_that_an_index_does_not_know_are_found_and_the_index_is_made_anew():
    """Every page can be read then; only what stands in them does not go together."""
    with Stack(env=QUICK) as stack:
        damage = everybody(stack)
        stack["egress-0"].stop()
        stack.start("core")
        stack.client_writes("queued")
        wait_for(lambda: stack.control("status")["commands"], "the command")
        damage.core.stop()
        for index in ("commands_lane", "attempts_message", "messages_trace"):
            damage.hollow(index)
        assert damage.rows("PRAGMA integrity_check") != [("ok",)]
        stack.start("core")
        stack.start("egress-0")
        watch = Supervised(stack)
        watch.until(lambda: texts(stack) == ["hello", "queued"], "the message", 2)
        watch.until(lambda: stack.control("status", timeout=2)["commands"] == 0, "its end", 1)
        assert "malformed (sqlite 779" in damage.said() and "mended=yes" in damage.said()
        assert red(stack) == [] and kept(stack) == []
        watch.nothing_more()
        damage.core.stop()
        assert damage.rows("PRAGMA integrity_check") == [("ok",)]
        assert not damage.file.with_suffix(".db.damaged").exists()


def test_questions_that_need_damaged_rows_are_answered_and_cost_one_life_in_all():
    """The one in which the damage is found. What asks is an operator, a service, or somebody who types."""
    with Stack(env=QUICK) as stack:
        damage = everybody(stack)
        numbers = dict(damage.rows("SELECT service_id,id FROM conversations"))
        gone = {table: damage.spoil(table) for table in ("messages", "conversations", "dead")}
        stack.start("core")
        watch = Supervised(stack)
        message, person, letter = (gone[t][len(gone[t]) // 2] for t in ("messages", "conversations", "dead"))
        stack.client_writes("new", conversation="79005550202")
        stack.wait("amojo.message", text="new")
        watch.until(lambda: refused(stack, "trace", id=message) is None, "the answer", 1)
        said = damage.said()
        assert "what=store.failed error=117 words=\"Structure needs cleaning\" in=control file=" in said
        assert "database disk image is malformed (sqlite 11" in said and "mended=no" in said
        refused(stack, "trace", id=message)
        refused(stack, "dead.show", id=letter)
        refused(stack, "dead.retry", ids=[letter])
        refused(stack, "conversation.show", id=str(numbers[person]))
        assert stack.operator("trace", message).returncode == 1
        assert stack.call("GET", f"messages/{message}")[0] == 503
        assert stack.call("POST", "typing", {"conversation": {"id": person}, "source": "wa1"})[0] in (200, 202, 204)
        assert len(red(stack)) == 1 and stack.control("dead.list") and stack.control("status")["dead_letters"] == ROWS
        assert stack.control("trace", id="old-1")["message"]["state"] == "delivered_to_amo"
        stack.client_writes("new-too", conversation="79005550202")
        stack.wait("amojo.message", text="new-too")
        watch.nothing_more()
        # what is no question is kept aside, each with one life
        stack.client_writes("to-a-damaged-one", conversation=person)
        watch.until(lambda: kept(stack) == ["store_damaged"], "the quarantine", 1)
        assert stack.call("PATCH", f"messages/{message}", {"text": "x"})[0] == 202
        watch.until(lambda: kept(stack) == ["store_damaged"] * 2, "the quarantine of the edit", 1)
        stack.client_writes("last", conversation="79005550202")
        stack.wait("amojo.message", text="last")
        watch.nothing_more()
        assert texts(stack) == ["hello", "new", "new-too", "last"]
        assert "what=row.failed" in damage.said()
        damage.core.stop()
        damage.heal()  # what was written meanwhile stands in every index
        assert damage.rows("PRAGMA integrity_check") == [("ok",)]


def test_what_waits_as_an_echo_in_a_damaged_conversation_is_kept_aside_and_core_goes_on():
    with Stack(env=QUICK) as stack:
        damage = everybody(stack)
        numbers = dict(damage.rows("SELECT service_id,id FROM conversations"))
        person = damage.spoil("conversations")[0]
        said = {"kind": 1, "trace": uuid.uuid4().bytes, "taken_ms": int(time.time() * 1000), "scope": stack.scope,
                "source": "wa1", "chat_id": "a-chat", "chat_client_id": person, "sender_id": str(uuid.uuid4()),
                "receiver_id": str(uuid.uuid4()), "message_id": "from-a-manager", "type": "text", "text": "to-nobody"}
        damage.rows("INSERT INTO waiting(key,event) VALUES(?,?)", f"e{numbers[person]}", bus.pack(said))
        stack.start("core")
        watch = Supervised(stack)
        watch.until(lambda: kept(stack) == ["store_damaged"], "the quarantine", 2)
        stack.client_writes("new", conversation="79005550202")
        stack.wait("amojo.message", text="new")
        stack.settle()
        watch.nothing_more()


def test_what_waits_in_a_damaged_leaf_ends_no_life_and_goes_on_when_it_is_repaired():
    with Stack(env=QUICK) as stack:
        damage = everybody(stack)
        gone = [key.split("/")[1] for key in damage.spoil("waiting")]
        stack.start("core")
        watch = Supervised(stack)
        first, second = gone[len(gone) // 2], gone[0]
        stack.client_writes("waited-for", id=first)
        watch.until(lambda: "waited-for" in texts(stack), "the message whose edit waits", 1)
        watch.until(lambda: len(red(stack)) == 1, "core", 1)
        lives = stack["core"].lives
        stack.client_writes("waited-for-too", id=second)
        stack.wait("amojo.message", text="waited-for-too")
        assert stack.call("PATCH", "messages/not-yet-either", {"text": "x"})[0] == 202
        wait_for(lambda: kept(stack) == ["store_damaged"], "an edit that would wait")
        stack.settle()
        assert stack["core"].alive and stack["core"].lives == lives
        damage.core.stop()
        damage.heal()
        damage.rows("UPDATE waiting SET until_ms=1 WHERE key=? OR key=?", f"ssvc/{first}", f"ssvc/{second}")
        stack.start("core")
        wait_for(lambda: texts(stack)[1:] == ["x", "x"], "their edits")
        assert sorted(kept(stack)) == ["store_damaged"] and red(stack) == []


def test_what_is_set_aside_for_an_account_waits_until_a_damaged_store_is_repaired():
    with Stack(env={**QUICK, "AMO_CORE_COMMANDS_MAX": "20"}) as stack:
        stack.up()
        damage, chat = Damage(stack), stack.meet()["chat"]
        assert stack.call("PATCH", "messages/not-yet", {"text": "x"})[0] == 202
        wait_for(lambda: stack.control("status")["waiting_events"], "the edit to wait")
        stack.settle()
        stack.control("account.pause", scope_id=stack.scope)
        for n in range(15):
            stack.wait("webhook", webhook=stack.manager_writes(f"aside-{n:02}", chat)["webhook"])
        wait_for(lambda: stack.control("account.show", scope_id=stack.scope)["set_aside"] == 5, "five of them")
        stack["core"].stop()
        damage.fill()
        gone = [key.split("/")[1] for key in damage.spoil("waiting")]
        stack.start("core")
        watch = Supervised(stack)
        stack.client_writes("waited-for", id=gone[len(gone) // 2])  # so that the leaf is read
        watch.until(lambda: len(red(stack)) == 1, "core", 1)
        stack.manager_writes("behind", chat)
        wait_for(lambda: kept(stack) == ["store_damaged"], "what would stand behind them")
        stack.control("account.resume", scope_id=stack.scope)
        wait_for(lambda: stack.control("status")["commands"] == 0, "the queue to be empty")
        before = [f"aside-{n:02}" for n in range(10)]
        assert [m["text"] for m in stack.list("service/messages")] == before
        watch.nothing_more()
        damage.core.stop()
        damage.heal()
        stack.start("core")
        stack.wait("service.message", text="aside-14")
        assert [m["text"] for m in stack.list("service/messages")] == before + [f"aside-{n}" for n in range(10, 15)]


def test_a_damaged_leaf_of_the_queue_ends_core_for_good_and_loses_nothing():
    """Nobody can say for whom the rest is; what was sent before is not sent again after the repair."""
    with Stack(env=QUICK) as stack:
        stack.up()
        stack.meet("hello")
        stack.settle()
        damage, core = Damage(stack), stack["core"]
        stack.control("account.pause", scope_id=stack.scope)
        wanted = [f"waits-{n} " + "long " * 120 for n in range(200)]
        for n, text in enumerate(wanted):
            stack.client_writes(text, conversation=f"7900555{n % 20:04d}")
        wait_for(lambda: stack.control("status")["commands"] == 200, "the queue")
        stack.start_over("core")  # with nothing of it in its cache
        assert len(damage.spoil("commands")) > 1
        with contextlib.suppress(TimeoutError):  # it may be the first to need what is damaged
            stack.control("account.resume", timeout=2, scope_id=stack.scope)
        codes = []

        def over():
            if not core.alive:
                codes.append(core.wait_end(30))
                if codes[-1] == 75:
                    core.start()
            return codes[-1:] == [2]

        wait_for(over, "the end for good")
        assert codes in ([75, 2], [2]), codes
        assert "what=store.damaged" in damage.said() and f"file={damage.file}" in damage.said()
        assert "database disk image is malformed (sqlite 11" in damage.said()
        damage.heal()
        stack.start("core")
        stack.control("account.resume", scope_id=stack.scope)
        wait_for(lambda: len(texts(stack)) >= 201, "all of it")
        stack.settle()
        assert sorted(texts(stack)) == sorted(["hello", *wanted])
        assert all(m["effects"] == 1 for m in stack.list("amojo/messages"))


def test_a_damaged_store_does_not_stamp_anew_what_it_cannot_read():
    """The clock is in doubt, amojo's Date agrees: what was being settled then is not to blame."""
    with Stack(env=QUICK) as stack:
        damage = everybody(stack)
        damage.rows("DELETE FROM meta WHERE key='clock'")
        damage.rows("UPDATE dead SET died_ms=died_ms+86400000")  # as a clock that was ahead stamped them
        letter = damage.spoil("dead")[0]
        stack.start("core")
        watch = Supervised(stack)
        watch.until(lambda: refused(stack, "dead.show", id=letter) is None, "the damage to be found", 1)
        for n in range(5):
            stack.client_writes(f"new-{n}")
        stack.wait("amojo.message", text="new-4")
        stack.settle()
        watch.nothing_more()
        assert texts(stack) == ["hello", *(f"new-{n}" for n in range(5))]
        assert stack.control("status")["dead_letters"] == ROWS and stack.control("clock.show")["in_doubt"]
        with pytest.raises(ControlError, match="damaged"):
            stack.control("clock.agree")
        damage.core.stop()
        damage.heal()
        stack.start("core")
        stack.client_writes("repaired")
        wait_for(lambda: not stack.control("clock.show")["in_doubt"], "the end of the doubt")
