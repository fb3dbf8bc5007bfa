"""One account whose managers' messages nobody takes has at most half of core's queue: the rest is set aside in the store, everybody
else goes on, and all of it arrives in the end, once and in order."""
import json
import time
import uuid

import pytest

from accounts import Quiet, another_account
from stack import Stack, wait_for

MAX = 60  # commands in core
SMALL = {"AMO_CORE_COMMANDS_MAX": str(MAX), "AMO_SCOPE_RATE": "0"}
CLIENTS = ["79005550101", "79005550102", "79005550103"]


@pytest.fixture
def stack():
    with Stack(env=SMALL) as s:
        s.up()
        s.control("source.add", connector="svc", source="wa1", scope_id=s.scope)
        s.second = another_account(s, "wa2")
        yield s


def set_aside(stack):
    return stack.control("account.show", scope_id=stack.scope)["set_aside"]


def write(stack, chats, first, last):
    for n in range(first, last):
        number = stack.manager_writes(f"loud-{n:04}", chats[n % len(chats)])["webhook"]
        assert stack.wait("webhook", webhook=number)["item"]["status"] == 200


def second_manager(stack, chat, text):
    stack.sandbox("manager/writes", {"scope_id": stack.second, "chat": chat, "text": text})
    stack.wait("service.message", text=text)


def test_an_account_that_is_paused_stops_nobody_elses_messages(stack):
    quiet = Quiet(stack, stack.second, "wa2")
    quiet.write(2)
    chat = stack.list(f"amojo/messages?scope={stack.second}")[0]["chat"]
    chats = [stack.meet(f"hello {c}", conversation=c)["chat"] for c in CLIENTS]
    stack.settle()
    stack.control("account.pause", scope_id=stack.scope)
    write(stack, chats, 0, MAX + 30)
    wait_for(lambda: set_aside(stack) >= MAX + 30 - MAX // 2, "what is over half of the queue to be set aside")
    assert stack.control("status")["commands"] <= MAX // 2 + 1
    # the other account, in both directions
    quiet.write(5)
    second_manager(stack, chat, "second 1")
    assert stack.figure("core", "amo_set_aside_events") == set_aside(stack) and stack.figure("core", "amo_queue_full") == 0
    stack.start_over("core")
    write(stack, chats, MAX + 30, MAX + 60)
    wait_for(lambda: set_aside(stack) >= MAX + 60 - MAX // 2, "the next life to set aside what comes behind")
    quiet.write(5)
    second_manager(stack, chat, "second 2")
    assert not [m for m in stack.list("service/messages") if m["text"].startswith("loud-")]
    stack.control("account.resume", scope_id=stack.scope)
    stack.wait("service.message", text="loud-0010")
    stack.start_over("core")  # half of it is out
    write(stack, chats, MAX + 60, MAX + 70)
    wait_for(lambda: set_aside(stack) == 0, "everything to be out")
    stack.settle()
    came = [m for m in stack.list("service/messages") if m["text"].startswith("loud-")]
    for n in range(len(chats)):
        assert [m["text"] for m in came if int(m["text"][-4:]) % len(chats) == n] == \
            [f"loud-{i:04}" for i in range(n, MAX + 70, len(chats))]
    assert {(m["webhook_ids"], m["body_changed"]) for m in came} == {(1, 0)}
    assert not stack.control("dead.list") and not stack.control("quarantine.list")


def test_one_captured_webhook_of_a_paused_account_stops_nobody():
    """It is signed without a time, so whoever has it may send it over and over."""
    with Stack(env={**SMALL, "AMO_CORE_COMMANDS_MAX": "8"}) as stack:
        stack.up()
        stack.control("source.add", connector="svc", source="wa1", scope_id=stack.scope)
        another_account(stack, "wa2")
        chat = stack.meet("hello", conversation=CLIENTS[0])["chat"]
        stack.settle()
        now = time.time()
        body = json.dumps({"account_id": stack.scope.split("_")[1], "time": int(now), "message": {
            "conversation": {"id": chat}, "sender": {"id": str(uuid.uuid4())}, "receiver": {"id": str(uuid.uuid4())},
            "timestamp": int(now), "msec_timestamp": int(now * 1000),
            "message": {"id": str(uuid.uuid4()), "type": "text", "text": "captured"}}})
        stack.sandbox("webhooks", {"scope_id": stack.scope, "body": body})
        stack.wait("service.message", text="captured")
        stack.settle()
        stack.control("account.pause", scope_id=stack.scope)
        for n in range(5):
            stack.manager_writes(f"words-{n}", chat)
        wait_for(lambda: set_aside(stack) == 1, "the last to be set aside")
        for _ in range(40):
            stack.sandbox("webhooks", {"scope_id": stack.scope, "body": body})
        stack.client_writes("of another account", conversation=CLIENTS[1], source="wa2")
        stack.wait("amojo.message", text="of another account")
        assert set_aside(stack) == 1
