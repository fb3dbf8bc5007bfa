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


def test_an_ingress_that_died_with_what_it_had_accepted_is_said(stack):
    folder = stack.dir / "spool-2"
    folder.mkdir(mode=0o750)
    stack.add("ingress-2", ["amo-ingress"], {"AMO_NAME": "ingress-2", "AMO_INGRESS_LISTEN": "127.0.0.1:0",
                                             "AMO_INGRESS_ADMIN_LISTEN": "127.0.0.1:0", "AMO_INGRESS_SPOOL": str(folder / "s")})
    second = stack["ingress-2"].start()
    port = int(second.wait_line(r"what=ready .*listen=\S+:(\d+)").group(1))
    wait_for(lambda: stack.peer("ingress-2"), "the second one")
    second.wait_line(r"what=registry.new version=[1-9]")
    stack["core"].kill()
    first, stack.port = stack.port, port
    ident = str(uuid.uuid4())
    said = stack.service_call("messages", {"id": ident, "source": "wa1", "conversation": {"id": "1"}, "sender": {"id": "1"}, "type": "text", "text": "hi"})
    stack.port = first
    assert said[0] == 202
    second.kill()
    stack.start("core")
    wait_for(lambda: stack.peer("ingress"), "the first one")
    wait_for(lambda: "lies in its spool" in str(lines(stack, "ingress", "yellow")), "who is away")
    assert "ingress that is away: ingress-2" in stack.operator("trace", ident).stderr
    second.start()
    stack.wait("amojo.message", text="hi")
    assert "lies in its spool" not in str(lines(stack, "ingress", "yellow"))
