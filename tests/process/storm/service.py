"""A messenger service, in Python and under the test's control: it keeps what it really did, whatever it answered.

It plays what a real one may do: answer late or not at all, answer with an error although the message went out, report
a message before it answers, name a conversation it has had all along, count its ids from 1 on both sides.
"""
import base64
import http.client
import http.server
import json
import queue
import re
import select
import socket
import threading
import time

import kit
from signing import standard


def international(phone):
    """The number as somebody in Russia dials it who reads it: digits with the country in front; None if it is none."""
    digits = re.sub(r"\D", "", phone or "")
    if (phone or "").strip().startswith("+"):
        return digits
    if digits.startswith("00"):
        return digits[2:]
    return "7" + digits[1:] if len(digits) == 11 and digits[0] == "8" else digits or None


class Quiet(http.server.ThreadingHTTPServer):
    """Callers that are killed in the middle of a call are what this is for."""
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class Service:
    """One connector's other side. `journal` is the test's: seq() and lock of the whole run."""

    def __init__(self, name, journal, rng, manners):
        self.name, self.journal, self.rng, self.manners = name, journal, rng, manners
        self.secret = "whsec_" + base64.b64encode(rng.randbytes(24)).decode()
        self.token = f"{rng.getrandbits(200):050x}"
        self.threads = {}       # id of a thread -> (party, source)
        self.private = {}       # (phone, source) -> id of a thread, of people who have one
        self.people = {}        # phone -> party
        self.taken = {}         # webhook-id -> the answer it got
        self.reached, self.events, self.failures = [], [], []
        self.calls = []         # of messages: {service, token, webhook_id, at, status (None: cut off)}
        self.down = False       # a page with 503 is all that anybody gets
        self.faults = []        # of the next calls: {"on", "status", "cut", "delay"}
        self.lanes = {}
        self.counter = 0        # of ids it gives our messages
        self.bridges = []       # (host, port)
        self.closing = False
        self.unsettled = set()  # sources that are changing hands: ingress may say that they are nobody's
        self.busy = 0
        self.calling = set()    # of the calls under way, whose answer is not written down yet
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.called(self, body)

            def log_message(self, *words):
                pass

        self.server = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/{name}"

    def close(self):
        self.closing = True
        for lane in self.lanes.values():
            lane.put(None)
        self.server.shutdown()
        self.server.server_close()

    # --- called by the bridge ----------------------------------------------------------------------

    def verified(self, headers, body):
        ident, at, given = (headers.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature"))
        good = standard(self.secret, ident, at, body)
        return ident and abs(self.journal.clock() - int(at or 0)) <= 300 and good in given.split(" ")

    def fault(self, kind, ident):
        with self.journal.lock:
            for f in self.faults:
                # who has a message does not refuse it when it comes again
                if kind.startswith(f["on"]) and not (f.get("final") and ident in self.taken):
                    self.faults.remove(f)
                    return f
        return {}

    def called(self, handler, body):
        if not self.verified(handler.headers, body):
            return self.answer(handler, 401, {"error": {"code": "unauthorized", "message": "not verified"}})
        ident, event = handler.headers["webhook-id"], json.loads(body)
        fault = {"status": 503, "body": "<html>down</html>"} if self.down else self.fault(event["type"], ident)
        if event["type"] == "message.created":
            self.calls.append({"service": self.name, "token": self.journal.token_of(event["data"]["text"]),
                               "webhook_id": ident, "at": self.journal.now(),
                               "status": None if fault.get("cut") else fault.get("status", 200),
                               "final": fault.get("final", False)})
        if fault.get("status") and not fault.get("after"):
            return self.answer(handler, fault["status"], fault.get("body", {"error": {"message": "later"}}))
        if fault.get("cut") == "before":
            return self.cut(handler)
        effect = None
        with self.journal.lock:
            known = self.taken.get(ident)
            if known is None:
                known, effect = self.take(event, ident)
                self.taken[ident] = known
            else:
                effect = known.get("effect")
        if effect is not None and self.manners["echo"] and not known.get("echoed"):
            known["echoed"] = True
            self.echo(event["data"], known)
        # a service takes its time
        time.sleep(fault.get("delay", 0) or self.rng.choice([0, 0, 0, self.manners["slow"]]))
        if fault.get("cut"):
            return self.cut(handler)
        if fault.get("status"):
            return self.answer(handler, fault["status"], fault.get("body", {"error": {"message": "later"}}))
        if effect is not None and self.listens(handler):
            effect["told"] = True
            effect["answered"].append(self.journal.now())
        self.answer(handler, 200, known["answer"])
        if effect is not None and not known.get("reported"):
            known["reported"] = True
            self.report(event["data"], known, effect)
        return None

    def listens(self, handler):
        """Whoever has lost patience reads no answer."""
        ready, _, _ = select.select([handler.connection], [], [], 0)
        try:
            return not ready or handler.connection.recv(1, socket.MSG_PEEK) != b""
        except OSError:
            return False

    def cut(self, handler):
        handler.close_connection = True
        try:
            handler.connection.shutdown(2)
        except OSError:
            pass

    def answer(self, handler, status, body):
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        try:
            handler.send_response(status)
            handler.send_header("Content-Type", "text/html" if isinstance(body, str) else "application/json")
            handler.send_header("Content-Length", str(len(raw)))
            handler.end_headers()
            handler.wfile.write(raw)
        except OSError:
            pass

    def take(self, event, ident):
        """A call that is new to us: what it does, and the answer to it and its repeats."""
        data = event["data"]
        if event["type"] == "delivery.failed":
            self.failures.append({"mid": data["mid"], "code": data["code"], "id": data["id"],
                                  "at": self.journal.now()})
        if event["type"] != "message.created":
            self.events.append({"type": event["type"], "data": data})
            return {"answer": {}}, None
        thread, party, source = self.whom(data)
        number = international(data["receiver"].get("phone"))
        known = thread in self.private.values() and self.people.get(number, f"nobody's number {number}")
        self.counter += 1
        own = {"none": None, "count": str(self.counter), "long": f"true_{self.counter}@c.us_{ident[-8:]}==",
               "plain": f"true_{self.counter}:c.us_{ident[-8:]}", "svc": f"svc-{self.counter}"}[self.manners["ids"]]
        answer = {}
        if own:
            answer["id"] = own
        if thread and (not data["write_first"] or self.manners["teaches"]):
            answer["conversation"] = {"id": thread}
        effect = {"token": self.journal.token_of(data["text"]), "text": data["text"], "service": self.name,
                  "source": source, "party": party, "thread": thread, "webhook_id": ident, "seq": self.journal.seq(),
                  "told": False, "at": self.journal.now(), "answered": [], "write_first": data["write_first"],
                  "phone": data["receiver"].get("phone"), "known": known if number and known else None}
        self.reached.append(effect)
        return {"answer": answer, "effect": effect, "own": own}, effect

    def whom(self, data):
        """(thread, party, source) that a message goes to: by its conversation, else by the number."""
        ident = data["conversation"]["id"]
        if ident:
            party, source = self.threads.get(ident, (f"nobody's thread {ident}", data["source"]))
            return ident, party, data["source"] if data["source"] else source
        number = international(data["receiver"].get("phone"))
        party = self.people.get(number, f"nobody's number {data['receiver'].get('phone')}")
        source = data["source"] or self.manners["source"]
        thread = self.private.get((number, source))
        if not thread and number:
            thread = self.new_thread(number)
            self.private[number, source] = thread
            self.threads[thread] = (party, source)
        return thread, party, source

    def new_thread(self, number):
        return number if self.manners["threads"] == "number" else f"{self.name}-{500600 + len(self.threads)}"

    # --- calls of its own ------------------------------------------------------------------------------

    def echo(self, data, known):
        """A messenger's library says "message created" before its "send" returns."""
        effect = known["effect"]
        body = {"id": known["own"] or data["id"], "source": effect["source"], "direction": "out",
                "conversation": {"id": effect["thread"]}, "sender": {"id": "operator"},
                "receiver": {"id": effect["thread"]}, "author": None, "type": "text", "text": data["text"]}
        self.post(effect["thread"] + " echo", "POST", "messages", body, {"of": effect["token"]})

    def report(self, data, known, effect, reports=None):
        ident = known["own"] if known["own"] and self.manners["report_by"] == "own" else data["id"]
        reports = self.manners["reports"] if reports is None else reports
        if "read" in reports and self.counter % 3 == 0:
            reports = [*reports, "delivered"]  # of another device of his, later
        for status in reports:
            body = {"statuses": [{"id": ident, "status": status, "conversation": {"id": effect["thread"]}}]}
            self.post(effect["thread"] + " report", "POST", "statuses", body,
                      {"kind": "report", "of": effect["token"], "status": status})

    def post(self, lane, method, path, body, act=None, headers=None):
        """Behind the others of @lane, and again until there is an answer that is one."""
        if lane not in self.lanes:
            self.lanes[lane] = queue.Queue()
            bridge = self.rng.choice(self.bridges)  # between two of them there is no order: a lane stays with its own
            threading.Thread(target=self.run, args=(self.lanes[lane], bridge), daemon=True).start()
        act = {"kind": "call", "accepted": False, "n": None, "refusal": None, "hour": self.journal.passed,
               "at": self.journal.now(), **(act or {})}
        with self.journal.lock:
            self.busy += 1
            self.journal.acts.append(act)
        self.lanes[lane].put((method, path, body, act, headers or {}))
        return act

    def run(self, lane, bridge):
        while (job := lane.get()) is not None:
            self.do(bridge, *job)
            with self.journal.lock:
                self.busy -= 1

    def do(self, bridge, method, path, body, act, headers):
        wait = 0.05
        raw = json.dumps(body, ensure_ascii=False).encode()
        while not self.closing:
            if act.get("target", {}).get("refusal"):
                return  # nobody edits what was never taken
            call = object()
            self.calling.add(call)
            try:
                if self.note(act, self.journal.count, self.once(bridge, method, path, raw, headers), body):
                    return
            finally:
                self.calling.discard(call)
            time.sleep(wait)  # as services do, longer each time
            wait = min(1.0, wait * 2)

    def note(self, act, since, said, body):
        """Writes an answer down; False when it is none and the call is made again."""
        status, answer = said
        if status and status < 300:
            item = (answer.get("results") or [{}])[0]
            with self.journal.lock:
                act["accepted"] = item.get("status", "accepted") in ("accepted", "duplicate")
                act["refusal"] = None if act["accepted"] else str(item)
                act["mid"], act["n"], act["since"] = answer.get("mid"), self.journal.accepted(), since
                act["done_at"] = self.journal.now()
            return True
        if status and status not in (408, 429) and status < 500:
            act["refusal"] = f"{status} {answer}"
            act["may_refuse"] = status == 422 and body.get("source") in self.unsettled
            return True
        return False

    def once(self, bridge, method, path, raw, headers):
        host, port = bridge
        try:
            answer = kit.http(method, f"http://{host}:{port}/v1/connectors/{self.name}/{path}", raw,
                              {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers}, 10)
            return answer.status, answer.json if answer.body.startswith(b"{") else {}
        except (OSError, http.client.HTTPException, ValueError):
            return 0, {}

    def ask(self, ident):
        """GET messages/{id}: (status, answer)."""
        return self.once(self.bridges[0], "GET", f"messages/{ident}", None, {})
