"""The whole bridge on real executables, with the sandbox around it, in a scratch directory.

Every process is started on port 0, killed by pid, and waited for by what it says, never by time.
"""
import json
import os
import pathlib
import sys
import urllib.parse
import uuid

import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))  # for storm and the benches, which run without pytest
import bus  # noqa: E402
from kit import BIN, DEADLINE, NotYet, Process, discard, figures, http, in_folder, run, scratch, wait_for  # noqa: E402


# Waiting made short: for tests that look at what happens, not at how long it takes.
QUICK = {"AMO_SCOPE_RATE": "0", "AMO_RETRY_BASE_MS": "100", "AMO_RETRY_CAP_MS": "1000"}


class ControlError(Exception):
    def __init__(self, code, error):
        super().__init__(f"{code}: {error}")
        self.code = code


class NotKnownYet(ControlError, NotYet):
    """A message that core has not read: it may still come."""


class Stack:
    """Sandbox, core, ingress and any number of workers."""

    def __init__(self, workers=1, env=None, bin_dir=None, sandbox_args=()):
        self.dir = scratch()
        self.bin = pathlib.Path(bin_dir or BIN)
        self.extra = env or {}
        self.processes = {}
        self.port = None
        self.scope = self.channel = None
        self.sandbox_url = None
        self.add("sandbox", ["amo-sandbox", "--listen", "127.0.0.1:0", *sandbox_args], {})
        self.add("core", ["amo-core"], {"AMO_CORE_ADMIN_LISTEN": "127.0.0.1:0"})
        self.add("ingress", ["amo-ingress"], {"AMO_INGRESS_LISTEN": "127.0.0.1:0",
                                              "AMO_INGRESS_ADMIN_LISTEN": "127.0.0.1:0"})
        for i in range(workers):
            self.add(f"egress-{i}", ["amo-egress"], {"AMO_NAME": f"egress-{i}",
                                                     "AMO_EGRESS_ADMIN_LISTEN": "127.0.0.1:0"})
        self.workers = [f"egress-{i}" for i in range(workers)]

    def add(self, name, args, env):
        base = in_folder(self.dir, **{"AMO_LOG_LEVEL": "info", **env, **self.extra})
        if name == "core" and os.environ.get("AMO_CORE_BIN"):
            args = [os.environ["AMO_CORE_BIN"], *args[1:]]  # an absolute path replaces the folder
        self.processes[name] = Process(name, [str(self.bin / args[0]), *args[1:]], base, self.dir)

    def __getitem__(self, name):
        return self.processes[name]

    def start(self, name):
        p = self.processes[name]
        p.start()
        if name == "sandbox":
            self.sandbox_url = p.wait_line(r"listening on (http\S+)").group(1)
        else:
            p.wait_line(r"what=ready")
        if name == "ingress":
            self.port = int(p.wait_line(r"what=ready .*listen=\S+:(\d+)").group(1))
            # the sandbox knows this address: later lives listen on the same one
            p.env["AMO_INGRESS_LISTEN"] = f"127.0.0.1:{self.port}"
        return p

    def start_over(self, name):
        """Killed, and its next life."""
        self[name].kill()
        return self.start(name)

    def admin(self, name):
        return int(self[name].wait_line(r"what=ready .*admin=\S*?:(\d+)").group(1))

    def metrics(self, name):
        return figures(http("GET", f"http://127.0.0.1:{self.admin(name)}/metrics").body.decode())

    def figure(self, name, metric):
        """The sum of a metric over its labels."""
        return sum(v for k, v in self.metrics(name).items() if k.split("{")[0] == metric)

    def up(self, register=True):
        for name in ("sandbox", "core", "ingress", *self.workers):
            self.start(name)
        if register:
            self.register()
        return self

    def down(self, keep=False):
        for p in reversed(list(self.processes.values())):
            p.close()
        if not keep:
            discard(self.dir)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            print(self.last_words())
        if kind is None and os.environ.get("AMO_SANITIZED"):
            for p in reversed(list(self.processes.values())):
                if p.alive:
                    p.stop()  # so that leaks are looked for, too
        for p in self.processes.values():
            p.kill()
        said = [line for p in self.processes.values() for line in p.sanitizer_words()]
        damaged = kind is not None and any("database disk image is malformed" in line for line in self["core"].lines)
        if damaged:  # what a damaged store looks like cannot be had again
            print(f"kept: {self.dir}")
        self.down(keep=damaged)
        if kind is None:
            assert not said, said

    def last_words(self, lines=25):
        """The end of every log."""
        return "\n".join(p.last_words(lines) for p in self.processes.values())

    # --- the sandbox -----------------------------------------------------------------------------

    def sandbox(self, path, body=None, method=None, ok=True):
        method = method or ("GET" if body is None else "POST")
        status, answer, _ = http(method, f"{self.sandbox_url}/_sandbox/{path}", body, timeout=120)
        if ok and status >= 300:
            raise RuntimeError(f"sandbox {path}: {status} {answer}")
        return answer

    def wait(self, what, timeout=DEADLINE, **more):
        query = urllib.parse.urlencode({"what": what, "timeout_ms": int(timeout * 1000), **more})
        answer = self.sandbox(f"wait?{query}")
        if not answer["done"]:
            raise TimeoutError(f"the sandbox waited for {what} {more}: {answer}")
        return answer

    def list(self, path):
        """All items of a sandbox list."""
        items, since = [], 0
        while True:
            glue = "&" if "?" in path else "?"
            page = self.sandbox(f"{path}{glue}since={since}&limit=10000")
            items += page["items"]
            if not page["next"]:
                return items
            since = page["next"]

    def fault(self, **rule):
        return self.sandbox("faults", rule)["items"][0]["fault"]

    def clear_faults(self):
        self.sandbox("faults", method="DELETE")

    # --- control ---------------------------------------------------------------------------------

    def control(self, verb, timeout=40.0, **args):
        """One verb of the control protocol, spoken without amoctl; all parts of a list."""
        said, page = None, {}
        while page is not None:
            answer = self.control_answer(verb, {**args, **page}, timeout)
            if answer.get("code", 0):
                early = "no message is known" in str(answer.get("error"))
                raise (NotKnownYet if early else ControlError)(answer["code"], answer.get("error"))
            part = json.loads(answer["json"]) if answer.get("json") else None
            said = said + part if page else part
            page = {"page": answer["next"]} if answer.get("next") else None
        if verb == "trace" and said["message"] is None:  # it waits, or is kept for a person
            raise NotKnownYet(1, f"no message is known by this id yet: {said['why']}")
        return said

    def control_answer(self, verb, args, timeout):
        socket = zmq.Context.instance().socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(f"ipc://{self.dir}/run/control")
        boot = uuid.uuid4().bytes
        try:
            socket.send_multipart([bus.envelope("CONTROL_CALL", boot),
                                   bus.pack({"verb": verb, "args": json.dumps(args)})])
            if not socket.poll(int(timeout * 1000)):
                raise TimeoutError(f"core did not answer {verb}")
            head, body = socket.recv_multipart()
        finally:
            socket.close(0)
        assert bus.unpack(head)[2] == boot
        return bus.unpack(body)

    def amoctl(self, *words, code=0, **more):
        """amoctl with --json: its document. With a @code that is not 0 what it said on stderr."""
        done = self.operator(*words, "--json", **more)
        if done.returncode and not code:
            raise ControlError(done.returncode, f"amoctl {' '.join(words)}: {done.stderr}")
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout) if code == 0 else done.stderr

    def operator(self, *words, columns=80, **more):
        """amoctl as an operator types it, on a screen of so many columns: its exit code, stdout and stderr."""
        return run(self.bin / "amoctl", *words, env=in_folder(self.dir, COLUMNS=columns), **more)

    def register(self, connector="svc", report="read", account=None, **settings):
        """A channel, a connector and a connected account; the scope id."""
        account = account or str(uuid.uuid4())
        bridge = f"http://127.0.0.1:{self.port}"
        channel = self.sandbox("channels", {"webhook_url": bridge + "/messages/:scope_id"})
        self.channel = channel["id"]
        reply = json.dumps(self.sandbox(f"channels/{self.channel}/registration"))
        self.control("channel.add", reply=reply, url=self.sandbox_url)
        svc = self.sandbox("connectors", {"name": connector, "bridge_url": bridge, "report": report, **settings})
        self.control("connector.add", name=connector, kind="http", url=f"{self.sandbox_url}/mobilon/{connector}",
                     allow_private=True, secret=svc["secret"], token=svc["token"])
        self.svc = svc
        self.secret = channel["secret"]
        self.scope = self.control("account.connect", channel=self.channel, account=account,
                                  connector=connector, title="Test")["scope_id"]
        return self.scope

    # --- people ----------------------------------------------------------------------------------

    def client_writes(self, text, conversation="79005550101", source="wa1", connector="svc", **more):
        return self.sandbox("client/writes", {"connector": connector, "source": source, "text": text,
                                              "conversation": conversation, **more})["items"][0]

    def manager_writes(self, text, chat, **more):
        return self.sandbox("manager/writes", {"scope_id": self.scope, "chat": chat, "text": text, **more})["items"][0]

    def meet(self, text="hello", conversation="79005550101", **more):
        """A client's first message; the message amo made of it, which knows its chat."""
        self.client_writes(text, conversation=conversation, **more)
        return self.wait("amojo.message", text=text)["item"]

    # --- looking ---------------------------------------------------------------------------------

    def journal(self, **filters):
        query = "&".join(f"{k}={v}" for k, v in filters.items())
        return self.list(f"journal?{query}")

    def bodies(self, **filters):
        """The parsed bodies of the calls that arrived, in order."""
        return [j["body"] if isinstance(j["body"], dict) else json.loads(j["body"]) for j in self.journal(**filters)]

    def statuses(self, message):
        """The delivery statuses amo was told of a message, in order: (status, error code)."""
        return [(s["status"], s["error_code"]) for s in self.list(f"amojo/statuses?id={message}")]

    def account(self, scope=None):
        return next(a for a in self.control("account.list") if a["scope_id"] == (scope or self.scope))

    def peer(self, name):
        """What core knows of a process, None when it does not know it."""
        return next((p for p in self.control("status")["peers"] if p["name"] == name), None)

    def settle(self, timeout=DEADLINE):
        """Until nothing is under way: neither in the sandbox nor in the spool nor in the queue nor beside it."""
        def quiet():
            core = self.control("status")
            return self.figure("ingress", "amo_spool_events") == 0 and core["commands"] == core["set_aside"] == 0

        self.wait("idle", timeout=timeout)
        wait_for(quiet, "an empty spool and an empty queue", timeout)
        self.wait("idle", timeout=timeout)  # what the last messages brought about
        wait_for(quiet, "the last statuses", timeout)

    # --- strangers and machines ------------------------------------------------------------------

    def service_call(self, path, body, **more):
        """One POST to the connector's API without the sandbox: (status, parsed answer, headers)."""
        return self.call("POST", path, body, **more)

    def call(self, method, path, body=None, connector="svc", headers=None, token=None):
        """Any call of the connector's API."""
        head = {"Authorization": f"Bearer {token or self.svc['token']}", "Content-Type": "application/json"}
        return http(method, f"http://127.0.0.1:{self.port}/v1/connectors/{connector}/{path}", body,
                    {**head, **(headers or {})})

    def webhook(self, body, timeout=DEADLINE, **more):
        """amojo sends exactly this, signed unless told otherwise; the log entry with its answer."""
        item = {"scope_id": self.scope, "body": body if isinstance(body, str) else json.dumps(body), **more}
        number = self.sandbox("webhooks", item)["items"][0]["webhook"]
        return self.wait("webhook", webhook=number, timeout=timeout)["item"]
