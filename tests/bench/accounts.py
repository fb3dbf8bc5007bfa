"""How late one account's messages are while the others of its service take nothing; ./dev bench accounts [SECONDS].

Fifty accounts of one service. Forty-nine are paused, and four connections that hardly wait bring messages for them, of
which the service may have 10,000 in the queue: first all at once, then one account after the other. It ends with 1 when a message for the
fiftieth was refused, or when their 99th of a hundred is not within three times what it was before and 20 ms."""
import json
import os
import sys
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("AMO_BIN_DIR", str(ROOT / "build-release" / "bin"))
sys.path[:0] = [str(ROOT / "tests" / "process"), str(ROOT / "tests" / "lib")]
from accounts import Quiet, another_account, message, over  # noqa: E402
from beside import p99  # noqa: E402
from stack import Stack  # noqa: E402

OTHERS = 49


class Flood:
    """Messages for the sources that @choose names, by the number of the call and the part of the time that is over."""

    def __init__(self, stack, seconds, choose):
        self.stack, self.seconds, self.choose, self.answers = stack, seconds, choose, {}
        self.began, self.stop = time.monotonic(), threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(k,), daemon=True) for k in range(4)]
        for t in self.threads:
            t.start()

    def run(self, k):
        connection, n = HTTPConnection("127.0.0.1", self.stack.port, timeout=30), k
        head = {"Authorization": f"Bearer {self.stack.svc['token']}", "Content-Type": "application/json"}
        while not self.stop.is_set():
            n += 4
            part = min((time.monotonic() - self.began) / self.seconds, 0.999)
            ident = f"loud-{self.began:.3f}-{n}"
            body = message(f"line{int(self.choose(n, part)) % OTHERS}", ident, "hello", f"7900{n % 900:04}")
            connection.request("POST", "/v1/connectors/svc/messages", json.dumps(body), head)
            answer = connection.getresponse()
            answer.read()
            self.answers[answer.status] = self.answers.get(answer.status, 0) + 1
            if answer.status == 429:
                time.sleep(0.002)

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join(30)
        return self.answers


def siege(seconds, what, choose):
    with Stack(env={"AMO_SCOPE_RATE": "0", "AMO_SHARE_PERCENT": "1"}) as stack:
        stack.up()
        stack.control("source.add", connector="svc", source="wa1", scope_id=stack.scope)
        others = [another_account(stack, f"line{n}") for n in range(OTHERS)]
        quiet = Quiet(stack, stack.scope, "wa1")
        quiet.write(5)
        count = int(seconds / 2 / 0.05)
        calm = p99(quiet.write(count))
        for scope in others:
            stack.control("account.pause", scope_id=scope)
        flood = Flood(stack, seconds, choose)
        late = p99(quiet.write(count * 2))
        answers = flood.end()
        queue = stack.control("connector.show", name="svc")["shares"][0]
        within = late <= 3 * calm + 20
        print(f"{what}: p99 {calm:.0f} then {late:.0f} ms, {'within the bar' if within else 'NOT within the bar'}; the others "
              f"heard {answers}, {len(over(stack))} of them over; the service has {queue['used']} of {queue['limit']} in the queue")
        return within


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    fine = siege(seconds / 2, "49 accounts at once", lambda n, part: n)
    fine &= siege(seconds / 2, "49 accounts one after the other", lambda n, part: part * OTHERS)
    sys.exit(not fine)


main()
