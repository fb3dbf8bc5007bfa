"""A connector that does its worst, and a neighbour who must not notice it.

`svc` is the loud one: four connections that never wait, whatever they are answered. `other` lives quietly beside it: its
managers write, its edits and statuses come a moment before what they are about. Shared by the test and the bench."""
import http.client
import http.server
import json
import pathlib
import re
import threading
import time
import uuid

from kit import DEADLINE
from stack import Stack, wait_for

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
QUIET_PHONE = "79005550301"


def amount(text):
    number, unit = re.match(r"([\d,]+) (\w+)", text).groups()
    return int(number.replace(",", "")) * UNITS[unit]


def bounds():
    """The table of docs/configuration.md: {what: (at most, and for each row)}, bytes."""
    text = PAGE.read_text(encoding="utf-8").split("## What a flood can make grow")[1]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|", text, re.MULTILINE)
    return {what: (amount(most), amount(row)) for what, most, row in rows}


class Flood:
    """Calls of one kind over and over, on some connections at once."""

    def __init__(self, stack, token, method, path, bodies, connections=4):
        self.stack, self.token, self.method, self.path, self.bodies = stack, token, method, path, bodies
        self.answers, self.retry_after, self.wrong = {}, set(), []
        self.stop, self.lock, self.n = threading.Event(), threading.Lock(), 0
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(connections)]
        for t in self.threads:
            t.start()

    def next_body(self):
        with self.lock:
            self.n += 1
            return self.bodies(self.n)

    def run(self):
        connection = None
        while not self.stop.is_set():
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=30)
                connection.request(self.method, f"/v1/connectors/svc/{self.path}", self.next_body(),
                                   {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                self.note(answer.status, answer.headers.get("Retry-After"))
            except OSError as e:
                # it is refused before its body was read, perhaps
                connection = connection and connection.close()
                self.note(type(e).__name__, None)
            except http.client.HTTPException as e:
                connection = connection and connection.close()
                self.note(type(e).__name__, None)

    def note(self, status, retry_after):
        with self.lock:
            self.answers[status] = self.answers.get(status, 0) + 1
            if retry_after:
                self.retry_after.add(int(retry_after))

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join(DEADLINE)
        return self.answers


def message(n, text):
    client = {"id": f"7900{n % 90:04d}"}
    return {"id": f"loud-{n}", "source": "wa1", "conversation": client, "sender": client, "type": "text", "text": text}


def kinds():
    """What the loud one sends: its name, method, path and bodies."""
    statuses = json.dumps({"statuses": [{"id": f"never-{i}", "status": "read"} for i in range(100)]}).encode()
    edit, large = json.dumps({"text": "mended"}).encode(), "x" * 250_000
    return {"statuses": ("POST", "statuses", lambda n: statuses),
            "edits": ("PATCH", "messages/never", lambda n: edit),
            "messages": ("POST", "messages", lambda n: json.dumps(message(n, "hello")).encode()),
            "large": ("POST", "messages", lambda n: json.dumps(message(10 ** 9 + n, large)).encode())}


class Service:
    """That of `other`: it says "read" of each message before it answers, with the id that its answer will bring."""

    def __init__(self):
        self.got, self.read = [], lambda ident: None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if body["type"] == "message.created":
                    ident = f"theirs-{self.headers['webhook-id']}"
                    outer.read(ident)
                    outer.got.append(body["data"]["text"])
                    answer = json.dumps({"id": ident}).encode()
                else:
                    answer = b"{}"
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


class Neighbour(threading.Thread):
    """What `other` does meanwhile, once in @every seconds."""

    def __init__(self, stack, every):
        super().__init__(daemon=True)
        self.stack, self.every, self.stopping, self.trouble = stack, every, threading.Event(), None
        self.talk = {"source": "wa1", "conversation": {"id": QUIET_PHONE}, "sender": {"id": QUIET_PHONE}, "type": "text"}
        self.written = []  # what managers wrote, as the sandbox calls it
        stack.service.read = lambda ident: self.call("POST", "statuses", {"statuses": [{"id": ident, "status": "read"}]})
        self.call("POST", "messages", {**self.talk, "id": "quiet", "text": "hello-quiet"})
        self.chat = stack.wait("amojo.message", text="hello-quiet")["item"]["chat"]

    def call(self, method, path, body):
        status, answer, _ = self.stack.call(method, path, body, connector="other", token=self.stack.quiet_token)
        assert status == 202, (path, status, answer)

    def round(self, n):
        self.written.append(self.stack.manager_writes(f"quiet-out-{n}", self.chat, scope_id=self.stack.quiet)["id"])
        self.call("PATCH", f"messages/quiet-{n}", {"text": f"quiet-mended-{n}"})
        time.sleep(self.every / 2)
        self.call("POST", "messages", {**self.talk, "id": f"quiet-{n}", "text": f"quiet-in-{n}"})

    def run(self):
        try:
            while not self.stopping.is_set():
                self.round(len(self.written))
                time.sleep(self.every / 2)
        except Exception as e:  # told by end()
            self.trouble = e

    def end(self):
        self.stopping.set()
        self.join(DEADLINE)
        if self.trouble:
            raise self.trouble
        return self.written


def nothing_is_missing(stack, written):
    """All of `other` came, once, and none of it lies anywhere."""
    texts = [f"quiet-mended-{n}" for n in range(len(written))]

    def at_amo():
        return [m["text"] for m in stack.list(f"amojo/messages?scope={stack.quiet}") if m["text"] != "hello-quiet"]

    # asked for again and again: an edit is no message that the sandbox could wait for
    wait_for(lambda: sorted(at_amo()) == sorted(texts), lambda: f"{set(texts) - set(at_amo())}", every=0.2)
    wait_for(lambda: len(stack.service.got) >= len(written), "the managers' messages")
    assert sorted(stack.service.got) == sorted(f"quiet-out-{n}" for n in range(len(written)))
    for ident in written:
        wait_for(lambda i=ident: 2 in [code for code, _ in stack.statuses(i)], f"{ident} to be shown as read")
    assert not [q for q in stack.control("quarantine.list") if q["connector"] != "svc"]
    counters = stack.sandbox("counters")
    assert not counters.get("webhooks.failed") and not counters.get("webhooks.refused"), counters


def resident(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon:"))


def size(folder, pattern):
    return sum(f.stat().st_blocks * 512 for f in pathlib.Path(folder).glob(pattern) if f.exists())


class Sizes(threading.Thread):
    """The largest that each bounded thing was."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.stack, self.stopping, self.most = stack, threading.Event(), {}
        self.start()

    def look(self):
        data = self.stack.dir / "data"
        seen = {"core": resident(self.stack["core"]), "ingress": resident(self.stack["ingress"]),
                "store": size(data / "core", "core.db*"),
                "log": size(data / "core", "core.db-wal"), "spool": size(data / "ingress" / "spool.db", "*")}
        for what, n in seen.items():
            self.most[what] = max(self.most.get(what, 0), n)

    def run(self):
        while not self.stopping.wait(0.2):
            self.look()

    def end(self):
        self.stopping.set()
        self.join(DEADLINE)
        self.look()
        return self.most


def shares(stack, connector="svc"):
    return {s["share"]: s for s in stack.control("connector.show", name=connector)["shares"]}


def rows(stack):
    """How many rows of core the shares of all connectors allow, each counted twice, as the page says."""
    limits = [s for name in ("svc", "other") for s in shares(stack, name).values() if s["share"] != "bytes"]
    return sum(s["limit"] for s in limits) * 2


def place(**env):
    """A stack with the two, `other` first."""
    stack = Stack(env=env)
    stack.up(register=False)
    stack.service, stack.quiet_token = Service(), "q" * 40
    stack.register("svc")
    account = stack.sandbox("scopes", {"channel_id": stack.channel, "account_id": str(uuid.uuid4())})
    stack.control("connector.add", name="other", kind="http", url=stack.service.url, allow_private=True, token=stack.quiet_token)
    stack.quiet = stack.control("account.connect", channel=stack.channel, connector="other", title="Quiet",
                                account=account["scope_id"].partition("_")[2])["scope_id"]
    return stack


def away(stack, seconds, tell):
    """Core is gone for @seconds, and the loud one goes on; what was accepted comes when it is back."""
    stack["core"].kill()
    floods = [Flood(stack, stack.svc["token"], *kinds()[name], connections=2) for name in ("messages", "statuses")]
    time.sleep(seconds)
    for flood in floods:
        tell("away", flood.end())
    began = time.monotonic()
    stack.start("core")
    wait_for(lambda: stack.figure("ingress", "amo_spool_events") == 0, "the spool to be taken", timeout=600, every=0.5)
    tell("taken in", f"{time.monotonic() - began:.0f} s", {k: s["used"] for k, s in shares(stack).items()})


def run(stack, seconds, every, away_s=0, until_refused=False, tell=lambda *words: None):
    """Each kind of flood for its part of @seconds, then one without core, with the neighbour beside it; all is judged at the end."""
    neighbour, sizes, answers = Neighbour(stack, every), Sizes(stack), {}
    over = set()
    neighbour.start()
    for name, (method, path, bodies) in kinds().items():
        flood = Flood(stack, stack.svc["token"], method, path, bodies)
        time.sleep(seconds / 4)
        if until_refused:
            wait_for(lambda f=flood: f.answers.get(429), f"{name} to be refused")
        flood.end()
        answers[name] = flood
        now = shares(stack)
        over |= {k for k, s in now.items() if s["over_since"]}
        tell(name, flood.answers, {k: s["used"] for k, s in now.items()})
    most = sizes.end()
    if away_s:
        away(stack, away_s, tell)
    written = neighbour.end()
    nothing_is_missing(stack, written)
    return answers, over, len(written), most
