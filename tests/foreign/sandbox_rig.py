"""A started amo-sandbox, a bridge made of Python to talk to it, and signers of our own.

Written from docs/sandbox.md and the vendors' documentation, not from the sandbox's code.
"""
import http.server
import json
import threading
import time
import urllib.parse

import kit
from kit import BIN, Process  # noqa: F401
from signing import amojo_headers, standard_headers


class Sandbox(Process):
    """The executable on a free port; a context manager that also checks how it ends."""

    def __init__(self, *arguments, ca=None):
        self.ca, self.dir = ca, kit.scratch("amo-sandbox-")
        super().__init__("sandbox", [BIN / "amo-sandbox", "--listen", "127.0.0.1:0", *arguments], None, self.dir)

    def __enter__(self):
        self.start()
        self.url = self.wait_line(r"^amo-sandbox listening on (\S+)$", 20)[1]
        self.port = urllib.parse.urlsplit(self.url).port
        return self

    def __exit__(self, *exc):
        try:
            code = self.stop(20)
        finally:
            said = self.sanitizer_words()
            self.close()
            kit.discard(self.dir)
        if exc[0] is None:
            assert code == 0, f"the sandbox ended with {code}"
            assert not said, said

    def call(self, method, path, body=None, headers=None):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False).encode()
        connection = kit.connect(self.url, 60, self.ca)
        try:
            return kit.ask(connection, method, path, body, headers)
        finally:
            connection.close()

    def get(self, path, **query):
        query = "?" + urllib.parse.urlencode(query) if query else ""
        answer = self.call("GET", f"/_sandbox/{path}{query}")
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json

    def post(self, path, body=None, method="POST", status=200):
        answer = self.call(method, f"/_sandbox/{path}", {} if body is None else body)
        assert answer.status == status, (path, answer.status, answer.body)
        return answer.json

    def settings(self, **changes):
        return self.post("settings", changes, method="PATCH")

    def wait(self, what, **query):
        answer = self.get("wait", what=what, timeout_ms=query.pop("timeout_ms", 20000), **query)
        assert answer["done"], (what, query, answer, self.get("counters"))
        return answer

    def counters(self):
        return self.get("counters")

    def messages(self, **query):
        return self.get("amojo/messages", **query)["items"]


class Amo:
    """A caller of the amojo side, for one channel and account."""

    def __init__(self, sandbox, account="831f0943-4783-43d0-835e-d2d8d2553844", **channel):
        self.sandbox, self.account = sandbox, account
        self.channel = sandbox.post("channels", channel)
        self.secret = self.channel["secret"]
        self.scope = f"{self.channel['id']}_{account}"

    def call(self, method, tail, body=None, **changes):
        path = f"/v2/origin/custom/{tail}"
        data = b"" if body is None else body if isinstance(body, bytes) else \
            json.dumps(body, ensure_ascii=False).encode()
        headers = amojo_headers(changes.pop("secret", self.secret), method, path, data,
                              date=changes.pop("date", None),
                              content_type=changes.pop("content_type", "application/json"))
        headers.update(changes.pop("headers", {}))
        assert not changes
        return self.sandbox.call(method, path, data or None, headers)

    def connect(self):
        answer = self.call("POST", f"{self.channel['id']}/connect",
                           {"account_id": self.account, "hook_api_version": "v2", "title": "T"})
        assert answer.status == 200, answer.body
        return self

    def message(self, msgid, text="hello", conversation="c-1", payload=None, **changes):
        now_ms = int(time.time() * 1000)
        body = {"event_type": "new_message", "payload": {
            "timestamp": now_ms // 1000, "msec_timestamp": now_ms, "msgid": msgid,
            "conversation_id": conversation, "silent": False,
            "sender": {"id": f"u-{conversation}", "name": "Client", "profile": {"phone": "79005550101"}},
            "message": {"type": "text", "text": text}}}
        body["payload"].update(payload or {})
        return self.call("POST", self.scope, body, **changes)

    def status(self, message, code, **extra):
        return self.call("POST", f"{self.scope}/{message}/delivery_status",
                         {"msgid": message, "delivery_status": code, "status_code": code, **extra})

    def history(self, chat, query="?limit=50&offset=0"):
        return self.call("GET", f"{self.scope}/chats/{chat}/history{query}")


def webhook_headers(secret, identity, body, timestamp=None):
    return {"Content-Type": "application/json", **standard_headers(secret, identity, body, timestamp)}


class Service:
    """A caller of the service side: what the bridge would send to one connector."""

    def __init__(self, sandbox, name="demo", **connector):
        self.sandbox, self.name = sandbox, name
        self.connector = sandbox.post("connectors", {"name": name, **connector})

    def body(self, mid, text="hello", conversation="79005550101", **data):
        whole = {"id": mid, "source": "wa1", "direction": "out", "write_first": False,
                 "conversation": {"id": conversation} if conversation else None,
                 "receiver": {"id": "79005550101", "phone": "+7 900 555-01-01"},
                 "type": "text", "text": text, "buttons": [], "template": None}
        whole.update(data)
        return {"type": "message.created", "timestamp": "2026-01-01T00:02:00.000Z", "data": whole}

    def call(self, identity, body, secret=None, timestamp=None, headers=None):
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        signed = webhook_headers(secret or self.connector["secret"], identity, data, timestamp)
        signed.update(headers or {})
        return self.sandbox.call("POST", f"/mobilon/{self.name}", data, signed)

    def message(self, mid, identity=None, **data):
        return self.call(identity or mid, self.body(mid, **data))


class Seen:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Bridge:
    """Whatever the sandbox calls: notes each request and answers from `answers`, then 202.

    An answer is (status, body, headers), None (close without one) or a function of the request.
    """

    def __init__(self):
        self.seen, self.answers, self.changed = [], [], threading.Condition()
        self.otherwise = (202, {"status": "accepted"}, {})

    def __enter__(self):
        bridge = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                seen = Seen(self.command, self.path, self.headers, body)
                with bridge.changed:
                    bridge.seen.append(seen)
                    answer = bridge.answers.pop(0) if bridge.answers else bridge.otherwise
                    bridge.changed.notify_all()
                answer = answer(seen) if callable(answer) else answer
                if answer is None:
                    self.close_connection = True
                    return
                status, value, headers = answer
                data = json.dumps(value).encode()
                self.send_response(status)
                for name, text in headers.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_PATCH = do_GET = do_POST

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 1024

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def wait(self, n, seconds=20):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.seen) >= n, seconds), len(self.seen)
            return list(self.seen)
