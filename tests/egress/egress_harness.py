"""A worker under test: the real amo-egress, a core played by tests/lib/bus.py, remote sides played here."""
import json
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import bus
import kit
import signing
from kit import BIN, ROOT, Process  # noqa: F401

CHANNEL = "0b024cf5-011a-41f4-b10c-62b7e5052de5"
ACCOUNT = "831f0943-4783-43d0-835e-d2d8d2553844"
SCOPE = f"{CHANNEL}_{ACCOUNT}"
SECRET = "63e499d7595e7c8b55945cd77957bba45cd50f23"
NEW_KEY, OLD_KEY = bytes(range(32)), bytes(range(100, 132))

(AMO_MESSAGE, AMO_STATUS, AMO_CONNECT, AMO_CREATE_CHAT, AMO_HISTORY, SERVICE_MESSAGE, AMO_OUTGOING, AMO_EDIT,
 AMO_REACTION, AMO_TYPING, AMO_DISCONNECT, SERVICE_REACTION, SERVICE_TYPING, SERVICE_FAILED,
 SERVICE_TEST) = range(1, 16)
DONE, RETRY, HOLD, UNKNOWN, DEAD, UNSTARTED = range(1, 7)
CAUSES = ["none", "connect", "timeout", "cut", "throttled", "forbidden", "not_found", "gone", "refused", "server",
          "redirect", "unreadable", "private", "unregistered", "not_http", "proxy"]


def wait_for(true, what, timeout=10.0):
    """What a worker does, it does within seconds."""
    return kit.wait_for(true, what, timeout)


# --- remote sides ------------------------------------------------------------------------------

class Request:
    def __init__(self, method, target, headers, body, connection):
        self.method, self.target, self.headers, self.body, self.connection = method, target, headers, body, connection
        self.at = time.time()

    @property
    def path(self):
        return self.target.split("?")[0]

    def json(self):
        return json.loads(self.body)

    def amojo_signature(self, secret=SECRET):
        """What X-Signature must be, from what was received."""
        return signing.amojo_call(secret, self.method, self.path,
                                  *(self.headers[name] for name in ("content-md5", "content-type", "date")))

    def webhook_signature(self, key):
        return signing.standard(key, self.headers["webhook-id"], self.headers["webhook-timestamp"], self.body)


def answer(status=200, body=b"", headers=()):
    """Bytes of a whole answer; body may be bytes, text or something for JSON."""
    if not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    head = [f"HTTP/1.1 {status} Status{status}"] + [f"{k}: {v}" for k, v in headers]
    if status not in (204, 304):
        head.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(head) + "\r\n\r\n").encode() + body


def accepted(request):
    """What amojo says to a new message, and a service to anything."""
    if not request.path.startswith("/v2/"):
        return answer(200, {})
    if request.path.endswith("/delivery_status"):
        return answer(200)
    payload = request.json()["payload"]
    return answer(200, {"new_message": {"msgid": f"amo-{payload['msgid']}", "ref_id": payload["msgid"]}})


class Remote:
    """An HTTP/1.1 server whose every move the test decides.

    behave(request) returns the bytes to answer with, None to close without a word, or a list of steps:
    bytes to send, numbers to sleep (cut short by close()), None to close."""

    def __init__(self, behave=accepted, tls=None):
        self.behave, self.tls = behave, tls
        self.requests, self.connections, self.handshakes, self.failed_handshakes = [], 0, 0, 0
        self.lock, self.stop = threading.Lock(), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.stop.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)    # wakes accept(), which close() does not
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            for conn in list(self.open):
                try:
                    conn.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def wait_requests(self, n, timeout=10.0):
        wait_for(lambda: len(self.requests) >= n, lambda: f"{n} requests, have {len(self.requests)}", timeout)

    def _accept(self):
        while not self.stop.is_set():
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections += 1
                number = self.connections
                self.open.add(conn)
            threading.Thread(target=self._serve, args=(conn, number), daemon=True).start()

    def _serve(self, raw, number):
        conn = raw
        try:
            if self.tls:
                try:
                    conn = self.tls.wrap_socket(raw, server_side=True)
                except (ssl.SSLError, OSError):
                    with self.lock:
                        self.failed_handshakes += 1
                    return
                with self.lock:
                    self.handshakes += 1
                    self.open.add(conn)
            stream = conn.makefile("rb")
            while self._one(conn, stream, number):
                pass
        except OSError:
            pass
        finally:
            with self.lock:
                self.open.discard(conn)
                self.open.discard(raw)
            try:
                conn.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            conn.close()

    def _one(self, conn, stream, number):
        line = stream.readline()
        if not line:
            return False
        method, target, _ = line.decode().split(" ", 2)
        headers = {}
        while (line := stream.readline()) not in (b"\r\n", b""):
            name, value = line.decode().split(":", 1)
            headers[name.strip().lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        request = Request(method, target, headers, body, number)
        with self.lock:
            self.requests.append(request)
        steps = self.behave(request)
        for step in steps if isinstance(steps, list) else [steps]:
            if step is None:
                return False
            if isinstance(step, (int, float)):
                self.stop.wait(step)
            else:
                conn.sendall(step)
        return not self.stop.is_set()


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, directory):
        self.dir = Path(directory)
        self.ca = self.dir / "ca.pem"
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                  "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem")

    def _run(self, *args):
        subprocess.run(["openssl", *args], cwd=self.dir, check=True, capture_output=True)

    def server(self, name="127.0.0.1"):
        """An ssl context for a server with that name or address."""
        kind = "IP" if re.fullmatch(r"[\d.]+", name) else "DNS"
        stem = "server-" + name
        self._run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                  "-keyout", f"{stem}.key", "-out", f"{stem}.csr")
        (self.dir / f"{stem}.ext").write_text(f"subjectAltName={kind}:{name}\n")
        self._run("x509", "-req", "-in", f"{stem}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                  "-days", "2", "-extfile", f"{stem}.ext", "-out", f"{stem}.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.dir / f"{stem}.pem", self.dir / f"{stem}.key")
        return context


# --- core and worker ---------------------------------------------------------------------------

def registry(amojo_url, connectors=(), version=1, secrets=(SECRET,)):
    return bus.pack({
        "version": version,
        "channels": [{"id": CHANNEL, "code": "ru.mobilon.test", "name": "Test", "url": amojo_url, "bot_id": "",
                      "secrets": [s.encode() for s in secrets]}],
        "connectors": [{"name": name, "url": url, "allow_private": allow, "off": False,
                        "secrets": [NEW_KEY, OLD_KEY], "tokens": []} for name, url, allow in connectors],
        "scopes": [{"id": SCOPE, "channel": CHANNEL, "account": ACCOUNT, "connector": "demo", "title": "Test",
                    "paused": False}],
        "sources": [],
    })


def message(number, attempt=1, **more):
    return {"kind": AMO_MESSAGE, "id": number, "attempt": attempt, "trace": bytes(15) + b"\x01",
            "start_within_ms": 5000, "finish_within_ms": 20000, "key": f"demo-{number}", "scope": SCOPE,
            "conversation_id": f"demo-chat-{number}", "sender_id": f"demo-user-{number}", "sender_name": "Client",
            "type": "text", "text": f"text {number}", "sent_ms": 1767225660250} | more


def to_service(number, attempt=1, connector="demo", **more):
    return {"kind": SERVICE_MESSAGE, "id": number, "attempt": attempt, "start_within_ms": 5000,
            "finish_within_ms": 20000, "key": f"mid-{number}", "scope": SCOPE, "connector": connector, "source": "wa1",
            "conversation": "79005550101", "receiver_id": "79005550101", "receiver_phone": "79005550101",
            "author": "5b1f6c1e-0000-4000-8000-000000000017", "type": "text", "text": f"text {number}",
            "sent_ms": 1767225720000} | more


class Core(bus.FakeCore):
    """FakeCore with a registry and short words for commands and results."""

    def __init__(self, directory, registry_bytes, lease_ms=20000):
        self.registry_bytes, self.lease_ms = registry_bytes, lease_ms
        self.credits, self.peer, self.early = [], None, []
        super().__init__(bus.scratch_endpoint(directory, "commands"), welcome=self._welcome)

    def _welcome(self, hello):
        self.peer = hello.peer
        return {"registry": self.registry_bytes, "lease_ms": self.lease_ms}

    def push(self, *commands):
        self.send(self.peer, "COMMAND_PUSH", {"commands": list(commands)})

    def taken(self, *results):
        self.send(self.peer, "RESULT_TAKEN", {"pairs": bus.pairs((r["id"], r["attempt"]) for r in results)})

    def wait_hello(self, timeout=10.0):
        """Until somebody has introduced himself; what comes with it is kept for results()."""
        seen = len(self.hellos)
        wait_for(lambda: self._pump() or len(self.hellos) > seen, "HELLO", timeout)
        return self.hellos[-1]

    def results(self, n, timeout=10.0, take=True):
        """The next n results, in the order they came."""
        got, deadline = [], time.monotonic() + timeout
        while len(got) < n:
            frame = self.early.pop(0) if self.early else self.next(max(0.01, deadline - time.monotonic()))
            if frame.kind == "CREDIT":
                self.credits.append(frame.body)
            if frame.kind != "RESULT_PUSH":
                continue
            got += frame.body["results"]
            if take:
                self.taken(*frame.body["results"])
        return got

    def result(self, timeout=10.0):
        return self.results(1, timeout)[0]

    def quiet(self, seconds):
        """Serve the session for a while; no result may come meanwhile."""
        try:
            results = self.results(1, seconds, take=False)
        except TimeoutError:
            return
        raise AssertionError(f"unexpected {results}")

    def settle(self):
        """Let what was sent arrive: a heartbeat answered after it proves it."""
        seen = len(self.heartbeats)
        wait_for(lambda: self._pump() or len(self.heartbeats) > seen + 1, "a heartbeat")

    def _pump(self):
        try:
            self.early.append(self.next(0.05))
        except TimeoutError:
            pass


def outcome(result):
    return result["outcome"], CAUSES[result.get("cause", 0)]


class Worker(Process):
    """A running amo-egress."""

    def __init__(self, directory, name="egress", prefix=(), env=None, **config):
        keys = {"run_dir": directory, "data_dir": Path(directory) / "data", "name": name,
                "egress/admin_listen": "127.0.0.1:0", "log/level": "debug"} | config
        super().__init__(name, [*prefix, BIN / "amo-egress"], kit.environment(**kit.settings(keys), **(env or {})), directory)
        self.start()
        self.admin_port = int(self.wait_line(r"what=ready.* admin=127\.0\.0\.1:(\d+)", 10)[1])

    def admin(self, path):
        answer = kit.http("GET", f"http://127.0.0.1:{self.admin_port}{path}", timeout=5)
        return answer.status, answer.body.decode()

    def metric(self, name, labels=""):
        """The figure as it is now; None when it is not shown."""
        found = re.search(rf"^{name}(?:{{{re.escape(labels)}}})? (\S+)$", self.admin("/metrics")[1], re.M)
        return float(found[1]) if found else None

    def private_kib(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", status)[1])

    def terminate(self):
        self.signal(signal.SIGTERM)

    def stop(self, timeout=25):
        """SIGTERM and the exit code."""
        return super().stop(timeout)


class Bench:
    """One scratch directory with a core, remotes and workers in it; closes them all."""

    def __init__(self):
        self.dir = str(kit.scratch("amo-egress-"))
        self.remotes, self.workers, self.core = [], [], None

    def remote(self, *args, **kwargs):
        self.remotes.append(Remote(*args, **kwargs))
        return self.remotes[-1]

    def start_core(self, registry_bytes, **kwargs):
        self.core = Core(self.dir, registry_bytes, **kwargs)
        return self.core

    def worker(self, **kwargs):
        self.workers.append(Worker(self.dir, **kwargs))
        return self.workers[-1]

    def up(self, behave=accepted, connectors=(), tls=None, worker=None, **core):
        """A remote, a core that names it, a worker with a session: (remote, core, worker)."""
        remote = self.remote(behave, tls)
        self.start_core(registry(remote.url, [(n, u or remote.url + "/hook", a) for n, u, a in connectors]), **core)
        w = self.worker(**(worker or {}))
        self.core.wait_hello()
        return remote, self.core, w

    def close(self):
        for remote in self.remotes:
            remote.close()
        for worker in self.workers:
            worker.close()
        said = [line for worker in self.workers for line in worker.sanitizer_words()]
        if self.core:
            self.core.close()
        kit.discard(self.dir)
        assert not said, said
