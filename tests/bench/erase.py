"""How long core stands still while a person is erased; ./dev bench erase [MESSAGES], a tenth of them his.

The store is filled beside core: ten conversations with as many messages each, one attempt a message, every twentieth with
evidence. While amoctl erases, status is asked for again and again: its slowest answer is how long core was away. The
same is asked for as long without an erasure, for comparison."""
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("AMO_BIN_DIR", str(ROOT / "build-release" / "bin"))
sys.path[:0] = [str(ROOT / "tests" / "process"), str(ROOT / "tests" / "lib")]
from stack import Stack, wait_for  # noqa: E402

PHONE = "79005550101"


def fill(path, messages):
    db = sqlite3.connect(path)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<?)"
    with db:
        db.execute(f"{numbers} INSERT INTO conversations(connector,source,service_id,scope,client_id,chat_id,phone,name)"
                   " SELECT 'svc','wa1','thread'||i,'no-such_scope','client'||i,'chat'||i,CAST(? + i AS TEXT),"
                   "'Ann' FROM n", (10, int(PHONE) - 1))
        first = db.execute("SELECT min(id) FROM conversations").fetchone()[0]
        db.execute(f"{numbers} INSERT INTO messages(direction,conversation,scope,connector,amo_id,service_id,state,told,"
                   "taken_ms,settled_ms,trace) SELECT 1,? + i % 10,'no-such_scope','svc','amo'||i,'m'||i,"
                   "'delivered_to_amo',0,?,?,randomblob(16) FROM n", (messages, first, *[int(time.time() * 1000)] * 2))
        db.execute("INSERT INTO attempts(command,message,kind,number,began_ms,took_ms,outcome,cause,status,evidence,worker)"
                   " SELECT 1000000000 + id,id,1,1,taken_ms,5,1,0,200,CASE WHEN id / 10 % 20 = 0 THEN hex(randomblob(150)) END,"
                   "'egress' FROM messages")
    db.close()


class Asker(threading.Thread):
    """Asks core for its status until told to stop; the slowest answer, seconds."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.stack, self.stop, self.slowest = stack, threading.Event(), 0
        self.start()

    def run(self):
        while not self.stop.is_set():
            began = time.monotonic()
            self.stack.control("status")
            self.slowest = max(self.slowest, time.monotonic() - began)

    def end(self):
        self.stop.set()
        self.join()
        return self.slowest


def main():
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with Stack() as stack:
        stack.up(register=False)
        stack["core"].stop()
        fill(stack.dir / "data" / "core" / "core.db", messages)
        stack.start("core")
        wait_for(lambda: (stack.peer("ingress") or {}).get("alive"), "the ingress to be back")
        asker = Asker(stack)
        began = time.monotonic()
        done = subprocess.run([stack.bin / "amoctl", "erase", "--phone", PHONE], capture_output=True, text=True,
                              env={"PATH": os.environ["PATH"], "AMO_RUN_DIR": str(stack.dir / "run")}, check=False)
        took, slowest = time.monotonic() - began, asker.end()
        if done.returncode or f"messages            {messages // 10}" not in done.stdout:
            sys.exit(f"erase ended with {done.returncode}: {done.stdout}{done.stderr}")
        asker = Asker(stack)
        time.sleep(took)
        usual = asker.end()
    print(f"{messages // 10} messages of one person among {messages}: {took:.1f} s in all")
    print(f"core's slowest answer meanwhile {slowest:.2f} s, {slowest / took:.2f} of the time; {usual:.3f} s without")


main()
