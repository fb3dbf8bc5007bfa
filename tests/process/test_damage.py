"""Single damaged pages deep inside a store of some thousand rows: leaves of tables and of indexes."""
import random
import sqlite3

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


def kept(stack):
    return [k["reason"] for k in stack.control("quarantine.list", timeout=2)]


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
