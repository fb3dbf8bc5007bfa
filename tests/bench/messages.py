"""How long core's turn is while somebody looks for messages: ./dev bench messages [MESSAGES [WAITING]].

A store of a million messages in a tenth as many conversations, with 100,000 commands that wait for a paused account in as
many conversations, is filled beside core. Each question is asked many times over the control socket; its time less that
of an empty question (clock.show) is what the turn took. A question that is answered page by page shows the slowest page,
and the sum of all."""
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
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<?)"


def fill(path, scope, messages, waiting):
    """@messages in a tenth as many conversations, an hour in all; the newest @waiting of them wait."""
    db = sqlite3.connect(path)
    conversations = max(messages // 10, 1)
    with db:
        now = int(time.time() * 1000)
        first = db.execute("SELECT max(id)+1 FROM conversations").fetchone()[0]
        db.execute(f"{NUMBERS} INSERT INTO conversations(id,connector,source,service_id,scope,client_id,chat_id,user_id,phone,"
                   "name,linked) SELECT ?+i-1,'svc','wa1','thread'||i,?,'client'||i,'chat'||i,'user'||i,CAST(79100000000+i AS"
                   " TEXT),'Иван Петров '||i,1 FROM n", (conversations, first, scope))
        base = db.execute("SELECT max(id) FROM messages").fetchone()[0]
        db.execute(f"{NUMBERS} INSERT INTO messages(id,direction,conversation,mid,scope,connector,amo_id,service_id,state,told,"
                   "taken_ms,settled_ms,trace,type) SELECT ?+i,2,?+i%?,'svc-x'||i,?,'svc',hex(randomblob(16)),'m'||i,"
                   "CASE WHEN i>?-? THEN 'accepted' WHEN i%10000=0 THEN 'failed' ELSE 'delivered_to_service' END,0,"
                   "?+i*3600000/?,0,randomblob(16),'text' FROM n",
                   (messages, base, first, conversations, scope, messages, waiting, now - 3600000, messages))
        db.execute("INSERT INTO chats(scope,chat_id,conversation) SELECT scope,chat_id,id FROM conversations WHERE id>=?", (first,))
        db.execute("INSERT INTO message_ids SELECT 'm'||mid,id FROM messages WHERE id>?", (base,))
        db.execute(f"{NUMBERS} INSERT INTO commands(lane,kind,message,scope,connector,body,taken_ms,attempts,next_ms,lost,"
                   "paused_ms,trace) SELECT 2*(SELECT conversation FROM messages WHERE id=?+?-?+i)+1,kind,?+?-?+i,scope,connector,"
                   "body,?,0,0,0,0,randomblob(16) FROM n,(SELECT * FROM commands WHERE kind=6 LIMIT 1)",
                   (waiting, base, messages, waiting, base, messages, waiting, now))
    db.close()
    return first


def asked(stack, verb, **args):
    """(milliseconds, the answer) of one question."""
    began = time.monotonic()
    answer = stack.control_answer(verb, args, 60)
    took = (time.monotonic() - began) * 1000
    if answer.get("code", 0) == 2:
        raise RuntimeError(f"{verb} {args}: {answer.get('error')}")
    return took, json.loads(answer["json"]) if answer.get("json") else None


def pages(stack, verb, args):
    """The time of each page until there is no more, or PAGES of them."""
    took, page = [], {}
    while len(took) < PAGES:
        ms, answer = asked(stack, verb, **args, **page)
        took.append(ms)
        if not isinstance(answer, dict) or "next" not in answer:
            break
        page = {"page": answer["next"]}
    return took


def questions(scope):
    who = {"who": "79100000777"}
    yield "by phone", "message.list", who, False
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


def main():
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    waiting = int(sys.argv[2]) if len(sys.argv) > 2 else messages // 10
    with Stack() as stack:
        stack.up()
        chat = stack.meet("first")["chat"]
        stack.settle()
        stack.control("account.pause", scope_id=stack.scope)
        stack.manager_writes("waits", chat)
        wait_for(lambda: stack.control("status")["commands"], "a command that waits")
        stack["core"].stop()
        began = time.monotonic()
        fill(next((stack.dir / "data").rglob("core.db")), stack.scope, messages, waiting)
        print(f"filled in {time.monotonic() - began:.0f} s")
        stack.start("core")
        empty = statistics.median(asked(stack, "clock.show")[0] for _ in range(10 * ASKED))
        print(f"an empty question: {empty:.2f} ms; times are less that")
        print(f"{'':45} {'median':>8} {'slowest':>8} {'sum':>8} ms")
        for name, verb, args, whole in questions(stack.scope):
            took = pages(stack, verb, args) if whole else [asked(stack, verb, **args)[0] for _ in range(ASKED)]
            took = [max(ms - empty, 0) for ms in took]
            total = f"{sum(took):8.1f}" if whole else f"{'':8}"
            print(f"{name:45} {statistics.median(took):8.2f} {max(took):8.2f} {total}" + (f" {len(took)} pages" if whole else ""))


if __name__ == "__main__":
    main()
