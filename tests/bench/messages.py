"""How long core's turn is while somebody asks or orders something: ./dev bench messages [MESSAGES [WAITING [ACCOUNTS]]].

A store of a million messages in a tenth as many conversations, with 100,000 commands that wait, as many entries in
quarantine and events that wait, and 20,000 accounts, is filled beside core; there is no worker, so that nothing moves. Half of what waits is of one account that is paused, the
rest waits for all the others. Each question is asked many times over the control socket. What is printed is the time of
core's thread on a processor, less that of an empty question (clock.show), so that other work of the machine does not
count. A question that is answered page by page shows the slowest page, and the sum of all. Orders that change something
are given at the end, once or a few times, and as dry runs before."""
import json
import os
import sqlite3
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("AMO_BIN_DIR", str(ROOT / "build-release" / "bin"))
sys.path[:0] = [str(ROOT / "tests" / "process"), str(ROOT / "tests" / "lib")]
from stack import Stack, wait_for  # noqa: E402

ASKED = 30
PAGES = 400
DEAD = 10_000  # dead letters
OF_ONE = 5_000  # entries in quarantine, and events that wait, of one conversation
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<?)"


def fill(path, scope, messages, waiting, accounts):
    """@messages in a tenth as many conversations, an hour in all; the newest @waiting of them wait."""
    db = sqlite3.connect(path)
    conversations = max(messages // 10, 1)
    channel = scope.split("_")[0]
    with db:
        now = int(time.time() * 1000)
        db.execute("CREATE TEMP TABLE whose(n INTEGER PRIMARY KEY, scope TEXT)")
        db.execute(f"{NUMBERS} INSERT INTO whose SELECT i-1,?||'_'||printf('%08x-0000-4000-8000-%012x',i*2654435761%4294967296,i)"
                   " FROM n", (accounts, channel))
        db.execute("INSERT INTO scopes(id,channel,account,connector,title,paused) SELECT scope,?,substr(scope,38),'svc',"
                   "'Company '||n,0 FROM whose", (channel,))
        db.execute("INSERT INTO sources(connector,source,scope) SELECT 'svc','line'||n,scope FROM whose")
        db.execute("INSERT OR IGNORE INTO sources(connector,source,scope) VALUES('svc','wa1',?)", (scope,))
        first = db.execute("SELECT max(id)+1 FROM conversations").fetchone()[0]
        # every other one is of the account that is paused
        db.execute(f"{NUMBERS} INSERT INTO conversations(id,connector,source,service_id,scope,client_id,chat_id,user_id,phone,"
                   "name,linked) SELECT ?+i-1,'svc',CASE i%2 WHEN 0 THEN 'line'||(i/2%?) ELSE 'wa1' END,'thread'||i,"
                   "CASE i%2 WHEN 0 THEN (SELECT scope FROM whose WHERE n=i/2%?) ELSE ? END,'client'||i,'chat'||i,'user'||i,"
                   "CAST(79100000000+i AS TEXT),'Иван Петров '||i,1 FROM n", (conversations, first, accounts, accounts, scope))
        base = db.execute("SELECT max(id) FROM messages").fetchone()[0]
        db.execute(f"{NUMBERS} INSERT INTO messages(id,direction,conversation,mid,scope,connector,amo_id,service_id,state,told,"
                   "taken_ms,settled_ms,trace,type) SELECT ?+i,2,?+i%?,'svc-x'||i,(SELECT scope FROM conversations WHERE"
                   " id=?+i%?),'svc',hex(randomblob(16)),'m'||i,"
                   "CASE WHEN i>?-? THEN 'accepted' WHEN i%10000=0 THEN 'failed' ELSE 'delivered_to_service' END,0,"
                   "?+i*3600000/?,0,randomblob(16),'text' FROM n",
                   (messages, base, first, conversations, first, conversations, messages, waiting, now - 3600000, messages))
        db.execute("INSERT INTO chats(scope,chat_id,conversation) SELECT scope,chat_id,id FROM conversations WHERE id>=?", (first,))
        db.execute("INSERT INTO message_ids SELECT 'm'||mid,id FROM messages WHERE id>?", (base,))
        copy = ("SELECT 2*m.conversation+1-(m.conversation-?)%2,k.kind,m.id,m.scope,m.connector,k.body,?,0,{last} FROM"
                " messages m JOIN (SELECT * FROM commands WHERE kind IN(1,6) GROUP BY kind) k ON k.kind=CASE"
                " (m.conversation-?)%2 WHEN 0 THEN 6 ELSE 1 END WHERE m.id>? ORDER BY m.id LIMIT ?")
        db.execute("INSERT INTO commands(lane,kind,message,scope,connector,body,taken_ms,attempts,next_ms,lost,paused_ms,trace) "
                   + copy.format(last="0,0,0,m.trace"), (first, now, first, base + messages - waiting, waiting))
        db.execute("INSERT INTO dead(lane,kind,message,scope,connector,body,taken_ms,attempts,reason,died_ms) "
                   + copy.format(last="'refused',m.taken_ms"), (first, now, first, base + messages // 2, DEAD))
        many(db, "waiting", waiting, now)
        db.execute(f"{NUMBERS} INSERT INTO quarantine(kind,reason,connector,event,trace,at_ms,message_id,chat,phone) SELECT 5,"
                   "'unknown_message','svc',event,randomblob(16),?+i*3600000/?,'kept-'||i,CASE WHEN i%20=0 AND i<=20*? THEN"
                   " 'thread777' ELSE 'nobodys'||i END,CAST(79200000000+i AS TEXT) FROM n,(SELECT event FROM waiting LIMIT 1)",
                   (waiting, now - 3600000, waiting, OF_ONE))
    db.close()
    return first, base


def many(db, table, n, now):
    """So many rows as the one that is there, over an hour; some of them are of one conversation."""
    columns = [c[1] for c in db.execute(f"PRAGMA table_info({table})")]
    other = {"same": "NULL", "id": "NULL", "trace": "randomblob(16)", "key": "key||i", "message_id": "'late-'||i",
             "taken_ms": f"{now - 3600000}+i*3600000/{n}", "phone": "CAST(79300000000+i AS TEXT)",
             "chat": f"CASE WHEN i%20=0 AND i<=20*{OF_ONE} THEN 'thread777' ELSE 'alone'||i END"}
    db.execute(f"{NUMBERS} INSERT INTO {table}({','.join(columns)}) SELECT {','.join(other.get(c, c) for c in columns)} FROM n,"
               f"(SELECT * FROM {table} LIMIT 1)", (n,))


class Core:
    """Asks core, and says for how long it had a processor."""

    def __init__(self, stack):
        self.stack = stack
        pid = stack["core"].pid
        self.clock = open(f"/proc/{pid}/task/{pid}/schedstat", encoding="ascii")

    def busy_ms(self):
        self.clock.seek(0)
        return int(self.clock.read().split()[0]) / 1e6

    def asked(self, verb, args):
        """(milliseconds, the answer) of one question."""
        began = self.busy_ms()
        answer = self.stack.control_answer(verb, args, 60)
        took = self.busy_ms() - began
        if answer.get("code", 0) == 2:
            raise RuntimeError(f"{verb} {args}: {answer.get('error')}")
        document = json.loads(answer["json"]) if answer.get("json") else None
        return took, document, answer.get("next") or next_page(document)

    def pages(self, verb, args):
        """The time of each page until there is no more, or PAGES of them."""
        took, page = [], {}
        while len(took) < PAGES:
            ms, _, following = self.asked(verb, {**args, **page})
            took.append(ms)
            if not following:
                break
            page = following if isinstance(following, dict) else {"page": following}
        return took


def next_page(answer):
    """How to ask for what comes behind this, of answers that say it themselves; None: nothing does."""
    if not isinstance(answer, dict) or "next" not in answer:
        return None
    return {"after": str(answer["next"])} if "waiting" in answer else {"page": answer["next"]}


def questions(scope, other, first, base):
    """(what, verb, arguments, all pages?)"""
    who = {"who": "79100000777"}
    yield "status", "status", {}, False
    yield "what waits, by destination", "queue", {}, True
    yield "accounts", "account.list", {}, True
    yield "one account", "account.show", {"scope_id": scope}, False
    yield "connectors", "connector.list", {}, True
    yield "one connector", "connector.show", {"name": "svc"}, False
    yield "channels", "channel.list", {}, True
    yield "one channel", "channel.show", {"id": scope.split("_")[0]}, False
    yield "sources", "source.list", {}, True
    yield "dead letters", "dead.list", {}, True
    yield "one dead letter", "dead.show", {"id": 77}, False
    yield "quarantine", "quarantine.list", {}, True
    yield "one entry", "quarantine.show", {"id": 77}, False
    yield "the waiting room", "waiting.list", {}, True
    yield "the waiting room, of an account", "waiting.list", {"scope_id": other}, True
    yield "refused", "refused", {}, False
    yield "doctor", "doctor", {}, False
    yield "whom nobody reaches, all turns", "doctor.check", {"what": "reach", "subject": ""}, False
    yield "trace of a message", "trace", {"id": "svc-x777"}, False
    yield "trace of one that waits", "trace", {"id": str(base)}, False
    yield "trace of nothing", "trace", {"id": "zzzz-not-there"}, False
    yield "trace of a number nobody has", "trace", {"id": "987654321987"}, False
    yield "trace of a conversation's id", "trace", {"id": "thread777"}, False
    yield "trace of an id's beginning", "trace", {"id": "kept-777"}, False
    yield "trace of a beginning that many have", "trace", {"id": "svc-x777"[:7] + "1"}, False
    yield "trace of what waits, by its beginning", "trace", {"id": "late-7777"}, False
    yield "by phone", "message.list", who, False
    yield "of whom is nothing but quarantine", "message.list", {"who": "79200000777"}, False
    yield "of whom is only what waits", "message.list", {"who": "alone777", "limit": "200"}, False
    yield "of one with much in quarantine", "message.list", {"who": "thread777", "limit": "200"}, False
    yield "the same, all pages", "message.list", {"who": "thread777", "limit": "200"}, True
    yield "in quarantine", "message.list", {"state": "quarantined", "limit": "200"}, False
    yield "waiting", "message.list", {"state": "waiting", "limit": "200"}, False
    yield "set aside, of which is none, all pages", "message.list", {"state": "set_aside"}, True
    yield "in quarantine of an account, all pages", "message.list", {"state": "quarantined", "scope_id": other}, True
    yield "for a reason that nothing has, all pages", "message.list", {"reason": "too_old"}, True
    yield "one with much in quarantine", "conversation.show", {"id": "thread777"}, False
    yield "by an id of amo's chat", "message.list", {"who": "chat777"}, False
    yield "by name", "message.list", {"who": "иван петров 999"}, False
    yield "by a name nobody has", "message.list", {"who": "zzzz"}, False
    yield "the newest 200 of all", "message.list", {"limit": "200"}, False
    yield "that wait", "message.list", {"state": "accepted", "limit": "200"}, False
    yield "that failed", "message.list", {"state": "failed", "limit": "200"}, False
    yield "five minutes of an account", "message.list", {"scope_id": scope, "since": "35m", "until": "30m"}, False
    yield "what cannot be, all pages", "message.list", {"state": "delivered_to_amo", "reason": "refused"}, True
    yield "one conversation", "conversation.show", {"id": "79100000777"}, False
    yield "conversations", "conversation.list", {}, False
    yield "conversations of an account", "conversation.list", {"scope_id": scope}, False
    yield "conversations that wait", "conversation.list", {"waiting": True}, False
    yield "conversations by name", "conversation.list", {"client": "петров 99"}, False


def orders(scope, other, message):
    """Whatever takes --dry-run."""
    yield "queue.drop", {"connector": "svc"}
    yield "queue.drop", {"scope_id": scope}
    yield "queue.drop", {"conversation": "777"}
    yield "queue.drop", {"id": message}
    yield "queue.move", {"scope_id": other, "to": "another"}
    yield "queue.move", {"connector": "svc", "to": "another"}
    yield "message.retry", {"id": message}
    yield "message.retry", {"id": "svc-x777"}
    yield "dead.retry", {"ids": [70, 71, 72]}
    yield "dead.drop", {"ids": list(range(100, 300))}
    yield "quarantine.drop", {"ids": list(range(100, 300))}
    yield "waiting.drop", {"ids": list(range(100, 300))}
    yield "source.add", {"connector": "svc", "source": "new", "scope_id": other}
    yield "source.move", {"connector": "svc", "source": "line777", "to": scope}
    yield "source.remove", {"connector": "svc", "source": "line778"}
    yield "account.disconnect", {"scope_id": other}
    yield "channel.remove", {"id": scope.split("_")[0]}
    yield "connector.remove", {"name": "another"}
    yield "connector.rotate", {"name": "svc"}
    yield "connector.resume", {"name": "svc"}
    yield "erase", {"phone": "79100000777"}


def show(name, took, empty, whole=False):
    took = [max(ms - empty, 0) for ms in took]
    total = f"{sum(took):8.1f} {len(took)} pages" if whole else ""
    print(f"{name:45} {statistics.median(took):8.2f} {max(took):8.2f} {total}", flush=True)


def setting(stack):
    """One row of everything that is then made many, and no worker."""
    chat = stack.meet("first")["chat"]
    stack.settle()
    stack.control("account.pause", scope_id=stack.scope)
    stack["egress-0"].stop()
    stack.manager_writes("waits", chat)
    stack.client_writes("waits too")
    stack.call("POST", "statuses", {"statuses": [{"id": "nobody-knows-it", "status": "read"}]})
    wait_for(lambda: stack.control("status")["commands"] == 2 and stack.control("status")["waiting_events"] == 1, "what waits")
    stack.control("connector.add", name="another", kind="http", url=f"{stack.sandbox_url}/mobilon/another",
                  allow_private=True)


def main():
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    waiting = int(sys.argv[2]) if len(sys.argv) > 2 else messages // 10
    accounts = int(sys.argv[3]) if len(sys.argv) > 3 else 20_000
    with Stack(env={"AMO_CORE_COMMANDS_MAX": str(2 * waiting + 1000)}) as stack:
        stack.up()
        setting(stack)
        stack["core"].stop()
        began = time.monotonic()
        first, base = fill(next((stack.dir / "data").rglob("core.db")), stack.scope, messages, waiting, accounts)
        print(f"filled in {time.monotonic() - began:.0f} s")
        stack.start("core")
        core = Core(stack)
        other = stack.scope.split("_")[0] + f"_{777 * 2654435761 % 4294967296:08x}-0000-4000-8000-{777:012x}"
        empty = statistics.median(core.asked("clock.show", {})[0] for _ in range(10 * ASKED))
        print(f"an empty question: {empty:.2f} ms; times are less that")
        print(f"{'':45} {'median':>8} {'slowest':>8} {'sum':>8} ms")
        for name, verb, args, whole in questions(stack.scope, other, first, base):
            took = core.pages(verb, args) if whole else [core.asked(verb, args)[0] for _ in range(ASKED)]
            show(f"{verb}, {name}", took, empty, whole)
        print("as dry runs")
        for verb, args in orders(stack.scope, other, f"svc-x{messages}"):
            took = [core.asked(verb, {**args, "dry_run": True})[0] for _ in range(5)]
            show(f"{verb} {json.dumps(args)[:30]}", took, empty)


if __name__ == "__main__":
    main()
