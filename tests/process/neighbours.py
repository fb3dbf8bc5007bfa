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

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "configuration.md"
UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
QUIET_PHONE = "79005550301"


def amount(text):
    """Of "1,536 MiB", and of "4GiB" as a setting has it."""
    number, unit = re.match(r"([\d,]+) ?(\w+)", text).groups()
    return int(number.replace(",", "")) * UNITS[unit]


def setting(stack, name):
    """What the stack was started with, or what docs/configuration.md says that it is then."""
    default = re.search(rf"^\| `{name}` \| `([^`]+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)[1]
    value = stack.extra.get("AMO_" + name.replace("/", "_").upper(), default)
    return int(value) if value.isdigit() else amount(value)


def table():
    """The second table of docs/configuration.md, "What a flood can make grow": {what: (bytes, for each row, times the bodies)}."""
    text = PAGE.read_text(encoding="utf-8").split("## What a flood can make grow")[1]
    return {what: (amount(most), amount(row), int(bodies)) for what, most, row, bodies in
            re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| (\d+) \|", text, re.MULTILINE)}


def bounds(stack, absences=0):
    """How large each thing may be, {what: bytes}, as the page says: with the shares and settings of this stack, after so many
    times without core."""
    limits = [s for name in ("svc", "other") for s in shares(stack, name).values()]
    spool = setting(stack, "ingress/spool_max_bytes")
    rows = (2 * sum(s["limit"] for s in limits if s["share"] != "bytes") +
            absences * setting(stack, "ingress/spool_max_events") // 2)
    bodies = sum(s["limit"] for s in limits if s["share"] == "bytes") + absences * spool // 4
    of = {what: most + rows * row + bodies * times for what, (most, row, times) in table().items()}
    page = PAGE.read_text(encoding="utf-8")
    fixed = {what: amount(most) for what, most in re.findall(r"^\| ((?:in|e)gress: [\w ]+) \| (\d+ MiB) \|", page, re.MULTILINE)}
    place, places = re.search(r"^\| egress: memory .* ([\d.]+) MiB for each of `egress/concurrency` \((\d+)\)", page, re.MULTILINE).groups()
    fewer = int(places) - setting(stack, "egress/concurrency")
    return {**of, "ingress": fixed["ingress: memory"], "egress": fixed["egress: memory"] - int(fewer * float(place) * (1 << 20)),
            "spool": spool + min(spool // 32, 16 << 20) + fixed["ingress: index of repeats"]}


def often(name):
    """A bound of log_often()."""
    return int(re.search(rf"^#define LOG_OFTEN_{name}\s+(\d+)", (ROOT / "base" / "log.h").read_text(encoding="utf-8"), re.MULTILINE)[1])


class Said:
    """What the processes log meanwhile: of what somebody outside can cause, a few lines a second and no more."""

    def __init__(self, stack):
        self.stack, self.began = stack, time.monotonic()
        self.processes = [stack[name] for name in ("core", "ingress", "egress-0")]
        self.before = {p: (len(p.lines), p.lives) for p in self.processes}

    def bounds(self, taken):
        """{(process, how grave): (lines, at most)}. @taken: how many messages and calls were; the life of each is told in
        the lines that are no warnings."""
        found, seconds = {}, time.monotonic() - self.began
        for p, (n, lives) in self.before.items():
            lines = p.lines[n:]
            grave = sum("level=warn" in line or "level=error" in line for line in lines)
            most = (1 + p.lives - lives) * often("ALL_BURST") + int(seconds) * often("ALL")
            found[p.name, "warnings"] = grave, most
            found[p.name, "others"] = len(lines) - grave, 2 * taken + (1 + p.lives - lives) * often("ALL_BURST")
        return found


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
    def statuses(n):
        """Of a hundred messages that nobody knows, each with an id as long as it may be."""
        return json.dumps({"statuses": [{"id": f"never-{n}-{i}".ljust(128, "x"), "status": "read"} for i in range(100)]}).encode()

    edit, large = json.dumps({"text": "mended"}).encode(), "x" * 250_000
    # the large ones before the small ones, which fill the share of the queue
    return {"statuses": ("POST", "statuses", statuses),
            "edits": ("PATCH", "messages/never", lambda n: edit),
            "large": ("POST", "messages", lambda n: json.dumps(message(10 ** 9 + n, large)).encode()),
            "messages": ("POST", "messages", lambda n: json.dumps(message(n, "hello")).encode())}


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
    """Private memory; None while it does not run."""
    try:
        with open(f"/proc/{process.pid}/status", encoding="ascii") as lines:
            return next((int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon:")), None)
    except (FileNotFoundError, ProcessLookupError):
        return None


def size(folder, pattern):
    def blocks(file):
        try:
            return file.stat().st_blocks * 512
        except FileNotFoundError:  # it went while it was looked at
            return 0

    return sum(blocks(f) for f in pathlib.Path(folder).glob(pattern))


class Sizes(threading.Thread):
    """The largest that each bounded thing was."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.stack, self.stopping, self.most = stack, threading.Event(), {}
        self.start()

    def look(self):
        data = self.stack.dir / "data"
        seen = {"core": resident(self.stack["core"]), "ingress": resident(self.stack["ingress"]),
                "egress": resident(self.stack["egress-0"]), "store": size(data / "core", "core.db*"),
                "log": size(data / "core", "core.db-wal"), "spool": size(data / "ingress" / "spool.db", "*")}
        for what, n in seen.items():
            self.most[what] = max(self.most.get(what, 0), n or 0)

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


def over_now(stack):
    return {name for name, s in shares(stack).items() if s["over_since"]}


def flooding(stack, kind, connections=4):
    return Flood(stack, stack.svc["token"], *kinds()[kind], connections=connections)


class Found:
    """What the loud one heard, {kind: flood}; its shares that were over; how often the neighbour wrote; what was too large
    or too often."""

    def __init__(self, floods, over, rounds, too_large):
        self.floods, self.over, self.rounds, self.too_large = floods, over, rounds, too_large

    def refused(self, status):
        return sum(flood.answers.get(status, 0) for flood in self.floods.values())


def judged(stack, floods, over, neighbour, watched, absences, tell):
    (sizes, said), written = watched, neighbour.end()
    nothing_is_missing(stack, written)
    most, too_large = sizes.end(), {}
    for what, bound in bounds(stack, absences).items():
        tell(f"{what:8} {most[what] / (1 << 20):7.1f} MiB of {bound >> 20} MiB")
        if most[what] > bound:
            too_large[what] = (most[what], bound)
    # the neighbour's round is a message each way, and edits and statuses
    calls = sum(flood.answers.get(202, 0) for flood in floods.values()) + 5 * len(written)
    for (process, grave), (lines, bound) in said.bounds(calls).items():
        tell(f"{process:8} {lines:5} lines that are {grave}, of {bound}")
        if lines > bound:
            too_large[f"{grave} of {process}"] = (lines, bound)
    return Found(floods, over, len(written), too_large)


def present(stack, seconds, every, until_refused=False, tell=print):
    """Each kind of flood for its part of @seconds, with the neighbour beside it."""
    neighbour, watched, floods, over = Neighbour(stack, every), (Sizes(stack), Said(stack)), {}, set()
    neighbour.start()
    for name in kinds():
        floods[name] = flood = flooding(stack, name)
        end = time.monotonic() + seconds / 4
        while time.monotonic() < end:
            over |= over_now(stack)  # again and again: there may be room for a moment when it ends
            time.sleep(0.1)
        if until_refused:
            wait_for(lambda f=flood: f.answers.get(429), f"{name} to be refused")
        flood.end()
        over |= over_now(stack)
        now = shares(stack)
        tell(name, flood.answers, {k: s["used"] for k, s in now.items()})
    return judged(stack, floods, over, neighbour, watched, 0, tell)


def away(stack, seconds, every, until_refused=False, tell=print):
    """All of them together while core is away, with the neighbour beside them; what was accepted comes when core is back."""
    neighbour, watched = Neighbour(stack, every), (Sizes(stack), Said(stack))
    neighbour.start()
    stack["core"].kill()
    floods = {name: flooding(stack, name, 1) for name in kinds()}
    time.sleep(seconds)
    for name, flood in floods.items():
        if until_refused:
            wait_for(lambda f=flood: f.answers.get(503), f"{name} to be refused")
    for name, flood in floods.items():
        tell(f"away: {name}", flood.end())
    began = time.monotonic()
    stack.start("core")
    wait_for(lambda: stack.figure("ingress", "amo_spool_events") == 0, "the spool to be taken", timeout=600, every=0.5)
    now = shares(stack)
    tell("taken in", f"{time.monotonic() - began:.0f} s", {k: s["used"] for k, s in now.items()})
    return judged(stack, floods, over_now(stack), neighbour, watched, 1, tell)
