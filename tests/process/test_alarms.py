"""What a process knows of itself reaches doctor: it is not green while messages are lost."""
import time
import uuid

import pytest

from stack import QUICK, Stack, wait_for


@pytest.fixture(scope="module")
def stack():
    with Stack(env=QUICK | {"AMO_INGRESS_SPOOL_MAX_BYTES": "512KiB"}) as s:
        s.up(register=False)
        s.register(report="none")
        yield s


def lines(stack, check, state):
    return [c["words"] + " -> " + c["todo"] for c in stack.control("doctor")["checks"] if c["check"] == check and c["state"] == state]


def written(stack, chat, text):
    """A manager's words, as amojo sends them."""
    now = time.time()
    return {"account_id": stack.scope.split("_")[1], "time": int(now), "message": {
        "conversation": {"id": chat}, "sender": {"id": str(uuid.uuid4())}, "receiver": {"id": str(uuid.uuid4())},
        "timestamp": int(now), "msec_timestamp": int(now * 1000), "message": {"id": str(uuid.uuid4()), "type": "text", "text": text}}}


def test_an_ingress_that_took_nothing_while_core_was_away_is_said(stack):
    chat = stack.meet("hello")["chat"]
    stack["core"].kill()
    for n in range(100):
        last = stack.webhook(written(stack, chat, "x" * 20000), learn=False)["status"]
        if last != 200:
            break
    assert last == 503
    time.sleep(0.5)  # some looks at the closed door
    stack.start("core")
    wait_for(lambda: "(spool full)" in str(lines(stack, "ingress", "yellow")), "when nothing was taken")
    assert "what amo sent then is lost" in str(lines(stack, "ingress", "yellow"))
    wait_for(lambda: "refused with 503" in str(lines(stack, "webhooks", "yellow")), "the webhook that was refused")
    assert "level=warn" in [line for line in stack["ingress"].lines if "what=webhook.refused" in line][-1]


def test_a_service_that_reports_what_it_takes_as_failed_is_said(stack):
    chat = stack.meet("hello again")["chat"]
    for n in range(5):
        stack.manager_writes(f"out-{n}", chat)
        got = stack.wait("service.message", text=f"out-{n}")["item"]
        stack.sandbox("client/statuses", {"connector": "svc", "id": got["id"], "status": "failed", "error": {"code": "other", "text": "logged out"}})
    wait_for(lambda: "as failed: 5, the last at" in str(lines(stack, "reported", "yellow")), "what it reports")
