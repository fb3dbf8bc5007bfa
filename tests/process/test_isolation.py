"""What is down holds up only itself, and catches up in order when it is back."""
import http.server
import json
import socket
import threading
import time

import pytest

from stack import QUICK, Stack, wait_for


@pytest.fixture
def stack():
    """Two accounts of two channels with a service each: `svc` and `other`."""
    with Stack(env=QUICK) as s:
        s.up(register=False)
        s.register("other")
        s.other, s.other_channel = s.scope, s.channel
        s.register("svc")
        yield s


def texts(items, **where):
    return [m["text"] for m in items if all(m[k] == v for k, v in where.items())]


@pytest.mark.parametrize("fault", [{"status": 503}, {"cut": "before"}, {"cut": "after"}, {"status": 500}])
def test_an_amojo_that_fails_for_one_account_holds_up_no_other(stack, fault):
    stack.fault(on="amojo.new_message", match=stack.channel, **fault)
    written = [f"bad-{n}" for n in range(6)]
    for n, text in enumerate(written):  # several conversations: one that fails alone says nothing of the others
        stack.client_writes(text, conversation=f"7900555018{n % 3}")
    wait_for(lambda: stack.account()["held"] == "breaker", "the breaker")
    assert stack.figure("core", "amo_held_scopes") == 1
    for n in range(10):
        stack.client_writes(f"good-{n}", conversation="79005550177", connector="other")
    for n in range(10):
        stack.wait("amojo.message", text=f"good-{n}")
    assert not stack.account(stack.other)["held"]
    stack.clear_faults()
    for text in written:
        stack.wait("amojo.message", text=text)
    arrived = stack.list(f"amojo/messages?scope={stack.scope}")
    assert sorted(texts(arrived)) == written
    for n in range(3):  # each conversation in its order
        assert [t for t in texts(arrived) if t in written[n::3]] == written[n::3]
    assert {m["effects"] for m in arrived} == {1}
    wait_for(lambda: not stack.account()["held"], "the hold to end")
    assert stack.control("dead.list") == []


class Service(threading.Thread):
    """A service of our own, that can be born on a port later than the bridge dials it."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.got = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.got.append((self.headers["webhook-id"], body["data"]["text"]))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.start()

    def run(self):
        self.server.serve_forever(0.05)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_a_service_whose_port_is_closed_holds_up_only_itself(stack):
    port = free_port()
    stack.control("connector.add", name="closed", kind="http", url=f"http://127.0.0.1:{port}/hook",
                  allow_private=True, token="t" * 40)
    account = stack.sandbox("scopes", {"channel_id": stack.channel, "account_id":
                                       "11111111-2222-4333-8444-555555555555"})
    scope = stack.control("account.connect", channel=stack.channel, connector="closed", title="T",
                          account=account["scope_id"].partition("_")[2])["scope_id"]
    client = {"id": "c1", "source": "wa1", "conversation": {"id": "c1"}, "sender": {"id": "c1", "name": "C"},
              "type": "text", "text": "from-closed"}
    assert stack.service_call("messages", client, connector="closed", token="t" * 40)[0] == 202
    chat = stack.wait("amojo.message", text="from-closed")["item"]["chat"]
    written = [f"to-closed-{n}" for n in range(8)]
    ids = [stack.manager_writes(text, chat, scope_id=scope)["id"] for text in written]

    def queue(name):
        return next((q for q in stack.control("queue") if q["destination"] == name), {"waiting": 0, "held": ""})

    wait_for(lambda: queue("connector:closed")["held"] == "connect", "the hold")
    met = stack.meet()
    for n in range(10):
        stack.manager_writes(f"to-svc-{n}", met["chat"])
    for n in range(10):
        stack.wait("service.message", text=f"to-svc-{n}")
    # its inbound side flows on
    client.update(id="c2", text="closed-again")
    assert stack.service_call("messages", client, connector="closed", token="t" * 40)[0] == 202
    stack.wait("amojo.message", text="closed-again")
    assert queue("connector:closed")["waiting"] == len(written)
    service = Service(port)
    try:
        wait_for(lambda: len(service.got) >= len(written), "the service to catch up")
        stack.settle()
        assert [text for _, text in service.got] == written
        assert len({key for key, _ in service.got}) == len(written)
        assert not queue("connector:closed")["held"]
        assert stack.control("dead.list") == []
        mids = {i: stack.control("trace", id=i)["message"]["mid"] for i in ids}
        assert [key for key, _ in service.got] == [mids[i] for i in ids]
    finally:
        service.close()


def test_a_lane_that_waits_holds_up_no_other_lane_of_its_destination(stack):
    stuck, free = stack.meet("hello-1", "79005550101"), stack.meet("hello-2", "79005550102")
    stack.fault(on="service.message.created", match="stuck", delay_ms=60000, times=1)
    stack.manager_writes("stuck-1", stuck["chat"])
    stack.manager_writes("behind-stuck", stuck["chat"])
    for n in range(20):
        stack.manager_writes(f"free-{n}", free["chat"])
    stack.wait("service.message", text="free-19")
    got = stack.list("service/messages?connector=svc")
    assert texts(got, conversation="79005550102") == [f"free-{n}" for n in range(20)]
    assert "behind-stuck" not in texts(got)
    stack.start_over("egress-0")
    stack.wait("service.message", text="behind-stuck")
    assert [m["text"] for m in stack.list("service/messages?connector=svc&conversation=79005550101")] == \
        ["stuck-1", "behind-stuck"]
    stack.settle()
    assert all(m["webhook_ids"] == 1 for m in stack.list("service/messages"))


def test_several_accounts_of_one_connector_are_told_apart_by_source(stack):
    second = stack.control("account.connect", channel=stack.channel, connector="svc", title="Second",
                           account="99999999-2222-4333-8444-555555555555")["scope_id"]
    stack.control("source.add", connector="svc", source="wa1", scope_id=stack.scope)
    stack.control("source.add", connector="svc", source="wa2", scope_id=second)
    one = stack.meet("for-one", "79005550101", source="wa1")
    two = stack.meet("for-two", "79005550101", source="wa2")
    assert (one["scope_id"], two["scope_id"]) == (stack.scope, second)
    assert one["chat"] != two["chat"] and one["conversation_id"] != two["conversation_id"]
    stack.manager_writes("answer-two", two["chat"], scope_id=second)
    assert stack.wait("service.message", text="answer-two")["item"]["data"]["source"] == "wa2"
    body = {"id": "x1", "source": "wa9", "conversation": {"id": "1"}, "sender": {"id": "1"}, "type": "text",
            "text": "t"}
    status, answer, _ = stack.service_call("messages", body)
    assert (status, answer["error"]["code"]) == (422, "unknown_source")


def test_suspects_of_a_service_that_hangs_hold_up_no_suspects_of_another():
    """Whatever was in hand when two workers were killed goes one at a time from then on, but to each destination."""
    lanes = 4  # so many go to a destination at once, whatever is known of it
    with Stack(env=QUICK) as stack:
        stack.up(register=False)
        scopes = {name: stack.register(name) for name in ("hanging", "healthy")}
        for name in scopes:
            stack.sandbox("client/writes", {"count": lanes, "spread": lanes, "connector": name, "source": "wa1",
                                            "conversation": "7911{c}", "text": f"from {name} {{n}}"})
        stack.settle()
        lost = []

        def came(what):
            return [m["text"] for m in stack.list("service/messages") if m["text"].startswith(what)]

        def restart(between):
            lost.append(f"what=worker.lost name=egress-0 in_flight={lanes * len(names)}")
            stack["egress-0"].kill()
            between()
            stack.start("egress-0")
            wait_for(lambda: sum(lost[-1] in line for line in stack["core"].lines) == lost.count(lost[-1]), lost[-1])

        def twice_lost(what):
            """How long it takes until the healthy one has what was in hand, once the second worker's successor is there."""
            hangs = [stack.fault(on="service.message.created", match=f"{what} {name}", delay_before_ms=600_000) for name in names]
            for name in names:
                stack.sandbox("manager/writes", {"scope_id": scopes[name], "all_chats": True, "count": lanes,
                                                 "text": f"{what} {name} {{n}}"})
            for between in (lambda: None, lambda: stack.sandbox(f"faults/{hangs[-1]}", method="DELETE")):
                wait_for(lambda: (stack.peer("egress-0") or {}).get("in_flight") == lanes * len(names), "all to be in hand")
                restart(between)
            began = time.monotonic()
            wait_for(lambda: len(came(f"{what} healthy")) == lanes, lambda: came(what))
            return time.monotonic() - began

        names = ["healthy"]
        alone = twice_lost("alone")
        names = ["hanging", "healthy"]
        beside = twice_lost("beside")
        print(f"alone {alone:.1f} s, beside one that hangs {beside:.1f} s")
        assert not came("beside hanging")
        assert beside <= 2 * alone + 1
        assert stack.control("dead.list") == []
