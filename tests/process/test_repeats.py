"""The same thing sent twice has one effect, whoever repeats it and whatever dies between."""
import threading
import uuid

import pytest

from stack import QUICK, Stack, wait_for


@pytest.fixture
def stack():
    with Stack(env=QUICK) as s:
        s.up()
        yield s


def body(ident, text="once-only", **more):
    return {"id": ident, "source": "wa1", "conversation": {"id": "79005550101"},
            "sender": {"id": "79005550101", "name": "Client"}, "type": "text", "text": text, **more}


def test_a_service_that_repeats_is_told_so(stack):
    status, first, _ = stack.service_call("messages", body("a-1"))
    assert (status, first["status"]) == (202, "accepted")
    for again in ("at once", "after a restart of ingress", "after a restart of core"):
        if "ingress" in again:
            stack.start_over("ingress")
        if "core" in again:
            stack.start_over("core")
        status, answer, _ = stack.service_call("messages", body("a-1"))
        assert (status, answer) == (200, {"mid": first["mid"], "status": "duplicate"}), again
        status, answer, _ = stack.service_call("messages", body("a-1", "something else"))
        assert (status, answer["error"]["code"]) == (409, "conflict"), again
    assert stack.service_call("messages", body("a-2", "the-last"))[0] == 202
    stack.wait("amojo.message", text="the-last")
    stack.settle()
    assert [(m["text"], m["effects"], m["calls"]) for m in stack.list("amojo/messages")] == \
        [("once-only", 1, 1), ("the-last", 1, 1)]


def test_repeats_at_the_same_moment_are_one_message(stack):
    answers = []
    callers = [threading.Thread(target=lambda: answers.append(stack.service_call("messages", body("b-1"))))
               for _ in range(12)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(status for status, _, _ in answers) == [200] * 11 + [202]
    assert len({answer["mid"] for _, answer, _ in answers}) == 1
    stack.wait("amojo.message", text="once-only")
    stack.settle()
    assert len(stack.list("amojo/messages")) == 1


def test_core_recognises_what_ingress_has_forgotten(stack):
    """A key of its own for each request, or a new spool: the id of the message still counts."""
    assert stack.service_call("messages", body("c-1"), headers={"Idempotency-Key": "k-1"})[0] == 202
    assert stack.service_call("messages", body("c-1"), headers={"Idempotency-Key": "k-2"})[0] == 202
    wait_for(lambda: stack.figure("core", "amo_events_total") == 2, "core to take them")
    stack["ingress"].kill()
    for part in (stack.dir / "data" / "ingress" / "spool.db").iterdir():
        part.unlink()
    stack.start("ingress")
    assert stack.service_call("messages", body("c-1"))[0] == 202
    wait_for(lambda: stack.figure("core", "amo_events_total") == 3, "core to take it, too")
    stack.settle()
    assert [(m["text"], m["effects"], m["calls"]) for m in stack.list("amojo/messages")] == [("once-only", 1, 1)]


@pytest.mark.parametrize("between", ["nothing", "ingress", "core", "egress-0"])
def test_the_same_webhook_twice_is_one_message(stack, between):
    met = stack.meet()
    item = stack.manager_writes("said-once", met["chat"])
    sent = stack.wait("webhook", webhook=item["webhook"])["item"]
    stack.wait("status", id=item["id"], status=2)
    if between != "nothing":
        stack.start_over(between)
    for _ in range(2):
        assert stack.webhook(sent["body"], learn=False)["status"] == 200
    stack.manager_writes("and-this", met["chat"])
    stack.wait("service.message", text="and-this")
    stack.settle()
    got = stack.list("service/messages")
    assert [(m["text"], m["webhook_ids"], m["calls"]) for m in got] == [("said-once", 1, 1), ("and-this", 1, 1)]


def test_the_same_webhook_twice_while_core_is_away(stack):
    met = stack.meet()
    stack["core"].kill()
    item = stack.manager_writes("said-to-nobody", met["chat"])
    sent = stack.wait("webhook", webhook=item["webhook"])["item"]
    assert stack.webhook(sent["body"], learn=False)["status"] == 200
    stack.start("core")
    stack.wait("status", id=item["id"], status=2)
    stack.settle()
    assert [(m["webhook_ids"], m["calls"]) for m in stack.list("service/messages")] == [(1, 1)]


def test_our_own_message_that_comes_back_is_not_sent_to_the_client(stack):
    stack.sandbox("settings", {"echo": True}, method="PATCH")
    met = stack.meet()
    echo = {"account_id": stack.scope.partition("_")[2], "time": 1, "message": {
        "conversation": {"id": met["chat"], "client_id": met["conversation_id"]}, "sender": {"id": str(uuid.uuid4())},
        "receiver": {"id": str(uuid.uuid4())}, "message": {"id": met["id"], "type": "text", "text": met["text"]}}}
    assert stack.webhook(echo, learn=False)["status"] == 200
    stack.manager_writes("a-real-one", met["chat"])
    stack.wait("service.message", text="a-real-one")
    stack.settle()
    assert [m["text"] for m in stack.list("service/messages")] == ["a-real-one"]
