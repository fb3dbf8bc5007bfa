"""A healthy account and its neighbours: how late its messages are, both ways, while others are slow, hang or refuse.

Two bridges run side by side, each with a healthy account that lives the same life: in one of them nothing else happens, in
the other its neighbours do their worst. Whatever else the machine does meanwhile, it does to both. What is judged is the
99th of a hundred, of all messages of all rounds, so what is wrong in one round of three, or for a twentieth of the time, is seen.
Shared by test_shares_workers.py, which is short, and by tests/bench/shares.py.
"""
import http.server
import json
import math
import sqlite3
import threading
import time
import uuid

from stack import Stack, wait_for

CHATS = 3
EVERY = 0.05  # a message each way
# what is looked at is neither the rate of an account nor how many connections one sandbox for everybody may open
UNLIMITED = {"AMO_SCOPE_RATE": "0", "AMO_INGRESS_MAX_CONNECTIONS_PER_ADDRESS": "1000"}
# fewer places than the neighbours have chats: with no shares they would take all of them
CROWDED = {**UNLIMITED, "AMO_EGRESS_CONCURRENCY": "64"}
PATIENCE = 40  # seconds for what is late


def now_ms():
    return time.time() * 1000


def p99(values):
    values = sorted(values)
    return values[math.ceil(0.99 * len(values)) - 1]


class Flow:
    """The healthy account: a service `good` of its own, and a client and a manager who write to each other."""

    def __init__(self, stack):
        self.stack, self.number, self.before = stack, 0, None
        self.scope = stack.register("good")
        self.chats = [stack.meet(f"hello {n}", f"7900111{n:04}", connector="good")["chat"] for n in range(CHATS)]

    def _client(self, n):
        self.stack.client_writes(f"in-{n}", conversation=f"7900111{n % CHATS:04}", connector="good")

    def _manager(self, n):
        self.stack.sandbox("manager/writes", {"scope_id": self.scope, "chat": self.chats[n % CHATS], "text": f"out-{n}"})

    def _write(self, what, act, numbers, sent):
        at = time.monotonic()
        for n in numbers:
            time.sleep(max(0.0, at - time.monotonic()))
            at += EVERY
            sent[f"{what}-{n}"] = now_ms()
            act(n)

    def begin(self, seconds):
        """What it is like before its neighbours begin."""
        self.before = self.run(max(1, seconds / 4))

    def run(self, seconds):
        """Both write for so long; {"in": [ms], "out": [ms]} of every message, in order, also of those that come much later."""
        numbers = range(self.number, self.number + int(seconds / EVERY))
        self.number = numbers.stop
        sent = {}
        writers = [threading.Thread(target=self._write, args=a)
                   for a in (("in", self._client, numbers, sent), ("out", self._manager, numbers, sent))]
        for w in writers:
            w.start()
        for w in writers:
            w.join()
        came = {}

        def all_came():
            items = (self.stack.list(f"amojo/messages?scope={self.scope}") +
                     self.stack.list("service/messages?connector=good"))
            came.update((m["text"], m["at_ms"]) for m in items if m["text"] in sent)
            return len(came) == len(sent)

        end = time.monotonic() + PATIENCE
        while not all_came() and time.monotonic() < end:
            time.sleep(0.3)
        late = now_ms()
        return {way: [came.get(t, late) - at for t, at in sent.items() if t.startswith(way)] for way in ("in", "out")}


class Beside:
    """The healthy account of a bridge where nothing happens."""

    def __enter__(self):
        self.stack = Stack(env=UNLIMITED)
        self.stack.__enter__()
        self.flow = Flow(self.stack.up(register=False))
        return self

    def __exit__(self, *what):
        return self.stack.__exit__(*what)

    def run(self, loaded, seconds):
        """Both accounts for so long, half a tick apart: (this one's, the other's, the other's before)."""
        found = []
        other = threading.Thread(target=lambda: found.append(loaded.run(seconds)))
        other.start()
        time.sleep(EVERY / 2)
        calm = self.flow.run(seconds)
        other.join()
        return calm, found[0], loaded.before


class Figure:
    """What a case found in all its rounds: both ways of the calm bridge, of the loaded one, and of this one before."""

    def __init__(self):
        self.of = {bridge: {"in": [], "out": []} for bridge in ("calm", "loaded", "before")}

    def add(self, *found):
        for all_rounds, one in zip(self.of.values(), found):
            for way, values in one.items():
                all_rounds[way] += values
        return self

    def within(self, calm="calm"):
        """Is the 99th of a hundred within the bar?"""
        return all(p99(values) <= 3 * p99(self.of[calm][way]) + 20 for way, values in self.of["loaded"].items())

    def __str__(self):
        def words(way):
            return f"{way} " + ", ".join(f"{bridge} {p99(found[way]):.0f}" for bridge, found in self.of.items())

        latest = {way: [round(v) for v in sorted(values)[-6:]] for way, values in self.of["loaded"].items()}
        return f"p99 ms {words('in')}; {words('out')}; the latest {latest}"


def pooled(case, rounds):
    """{what: Figure} of so many rounds of @case, each on a bridge of its own."""
    found = {}
    for _ in range(rounds):
        for what, measured in case().items():
            found.setdefault(what, Figure()).add(*measured)
    return found


class Neighbours:
    """@names: services with an account each, whose managers write in so many chats."""

    def __init__(self, stack, names, chats):
        self.stack, self.accounts = stack, {}
        for name in names:
            self.accounts[name] = stack.register(name)
            stack.sandbox("client/writes", {"count": chats, "spread": chats, "connector": name, "source": "wa1",
                                            "conversation": "7911{c}", "text": f"{name} says {{n}}"})
        stack.settle()

    def write(self, count):
        """So many messages to each service, a chat after the other."""
        for name, scope in self.accounts.items():
            self.stack.sandbox("manager/writes", {"scope_id": scope, "all_chats": True, "count": count,
                                                  "text": f"to {name} {{n}}"})


def slow_services(beside, seconds, each=((2, 90), (20, 8)), after_ms=14000):
    """Services that answer 200 after 14 s; @each: so many, with so many chats each, and then others."""
    found = {}
    with Stack(env=CROWDED) as stack:
        stack.up(register=False)
        flow = Flow(stack)
        others = [Neighbours(stack, [f"slow{chats}-{n}" for n in range(count)], chats) for count, chats in each]
        flow.begin(seconds)
        for (count, chats), some in zip(each, others):
            stack.fault(on="service.message.created", match="\"to slow", delay_ms=after_ms)
            some.write(3 * chats)
            found[f"{count} services answer after {after_ms / 1000:g} s"] = beside.run(flow, seconds)
            stack.clear_faults()
    return found


class Crowd:
    """Accounts of one channel with one service."""

    def __init__(self, stack, n):
        self.stack, self.n = stack, n
        first = stack.register("crowd")
        self.channel, self.svc = stack.channel, stack.svc
        scopes = [first] + [stack.control("account.connect", channel=self.channel, account=str(uuid.uuid4()),
                                          connector="crowd", title="T")["scope_id"] for _ in range(n - 1)]
        for i, scope in enumerate(scopes):
            stack.control("source.add", connector="crowd", source=f"s{i}", scope_id=scope)

    def write(self, each, what):
        """So many clients write to each account, one message."""
        for i in range(self.n):
            self.stack.sandbox("client/writes", {"count": each, "spread": each, "connector": "crowd", "source": f"s{i}",
                                                 "conversation": f"79{i:03}{{c}}", "text": f"{what} {{n}}"})


def hanging_amojo(beside, seconds, accounts=100):
    """amojo takes the calls of so many accounts and never answers."""
    with Stack(env=UNLIMITED) as stack:
        stack.up(register=False)
        flow, crowd = Flow(stack), Crowd(stack, accounts)
        crowd.write(1, "calm")
        stack.settle()
        flow.begin(seconds)
        stack.fault(on="amojo.new_message", match=crowd.channel, delay_before_ms=600000)
        crowd.write(3, "hangs")
        return {f"amojo hangs for {accounts} accounts": beside.run(flow, seconds)}


def hanging_history(beside, seconds, messages=200):
    """One account's messages must be looked for, and its history does not answer."""
    with Stack(env={**CROWDED, "AMO_EGRESS_CONCURRENCY": "32"}) as stack:
        stack.up(register=False)
        flow, crowd = Flow(stack), Crowd(stack, 1)
        flow.begin(seconds)
        stack.fault(on="amojo.new_message", match=crowd.channel, status=200, body="<p>soon</p>")
        stack.fault(on="amojo.history", match=crowd.channel, delay_before_ms=600000)
        stack.fault(on="amojo.chats", match=crowd.channel, delay_before_ms=600000)
        crowd.write(messages, "unclear")
        return {"one account's history hangs": beside.run(flow, seconds)}


def restarted(beside, seconds, services=20, chats=8, kill=("core", "egress-0")):
    """Services answer after 14 s; core is killed and started, and then one of two workers (@kill). What is judged comes after
    each of them, when nothing is known of anybody any more."""
    found = {}
    with Stack(workers=2, env={**CROWDED, "AMO_EGRESS_CONCURRENCY": "32"}) as stack:
        stack.up(register=False)
        flow = Flow(stack)
        others = Neighbours(stack, [f"slow{n}" for n in range(services)], chats)
        flow.begin(seconds)
        stack.fault(on="service.message.created", match="\"to slow", delay_ms=14000)
        for process in kill:
            others.write(3 * chats)
            flow.run(1)
            stack.start_over(process)
            flow.run(2)  # it comes back
            found[f"{process} killed beside {services} slow services"] = beside.run(flow, seconds)
    return found


class Limited:
    """A service that takes so many calls a second and answers 429 to the rest."""

    def __init__(self, rate):
        self.taken, self.refused, self.second, self.in_second = [], 0, 0, 0
        lock, outer = threading.Lock(), self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                data = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["data"]
                with lock:
                    second = int(time.monotonic())
                    outer.in_second = outer.in_second + 1 if second == outer.second else 1
                    outer.second = second
                    good = outer.in_second <= rate
                    if good:
                        outer.taken.append(data.get("text"))
                    else:
                        outer.refused += 1
                self.send_response(200 if good else 429)
                if not good:
                    self.send_header("Retry-After", "1")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Strangers:
    """The clients of a service that the sandbox does not play, each with a chat of his own."""

    def __init__(self, stack, name, url, chats):
        token = "t" * 40
        stack.control("connector.add", name=name, kind="http", url=url, allow_private=True, token=token)
        account = stack.sandbox("scopes", {"channel_id": stack.channel, "account_id": str(uuid.uuid4())})
        self.scope = stack.control("account.connect", channel=stack.channel, connector=name, title="T",
                                   account=account["scope_id"].partition("_")[2])["scope_id"]
        self.stack = stack
        for n in range(chats):
            client = {"id": f"c{n}", "source": "wa1", "conversation": {"id": f"c{n}"}, "sender": {"id": f"c{n}"},
                      "type": "text", "text": f"hello {n}"}
            assert stack.service_call("messages", client, connector=name, token=token)[0] == 202
        stack.settle()

    def write(self, count):
        self.stack.sandbox("manager/writes", {"scope_id": self.scope, "all_chats": True, "count": count,
                                              "text": "limited {n}"})


def throttled(beside, seconds, lanes=200, rate=5):
    """A service that answers 429 to all but five calls a second: (figures, deliveries, refused calls, seconds)."""
    limited = Limited(rate)
    try:
        with Stack(env=UNLIMITED) as stack:
            stack.up(register=False)
            flow = Flow(stack)
            others = Strangers(stack, "limited", limited.url, lanes)
            flow.begin(seconds)
            began = time.monotonic()
            others.write(lanes)
            figures = beside.run(flow, seconds)
            wait_for(lambda: len(limited.taken) >= lanes, "the deliveries", 60 + 3 * lanes / rate)
            return {f"a service takes {rate} calls a second": figures}, len(limited.taken), \
                limited.refused, round(time.monotonic() - began)
    finally:
        limited.close()


def long_queue(beside, seconds, commands=200000, scopes=500):
    """So many commands wait, and an operator looks at the queue each second."""
    with Stack(env=UNLIMITED) as stack:
        stack.up(register=False)
        flow = Flow(stack)

        def lost():
            return sum("what=core.lost" in line for p in stack.processes.values() for line in p.lines)

        stack["core"].stop()
        store = sqlite3.connect(next((stack.dir / "data").rglob("core.db")))
        later = int(now_ms()) + 50 * 60000
        store.executemany("INSERT INTO commands(lane,kind,message,scope,body,taken_ms,attempts,next_ms,lost,paused_ms)"
                          " VALUES(0,1,0,?,x'80',?,0,?,0,0)",
                          ((f"{uuid.uuid5(uuid.NAMESPACE_DNS, str(n % scopes))}_a", int(now_ms()) - n % 1000, later)
                           for n in range(commands)))
        store.commit()
        store.close()
        stack.start("core")
        wait_for(lambda: stack.control("status")["commands"] >= commands, "the commands", 60)
        flow.begin(seconds)
        before = lost()  # core itself was stopped
        done, asked = threading.Event(), []

        def look():
            while not done.wait(1):
                began = time.monotonic()
                rows = stack.control("queue")
                asked.append(time.monotonic() - began)
                assert len(rows) >= scopes

        looker = threading.Thread(target=look)
        looker.start()
        figures = beside.run(flow, seconds)
        done.set()
        looker.join()
        assert len(asked) >= seconds / 2
        assert lost() == before, "core stood still for so long that others took it for dead"
        return {f"{commands} commands wait, amoctl queue each second": figures}, max(asked)
