"""What stands before a service or before amojo says things for a while that its owner never said."""
import json

import pytest

from remotes import amoctl_json
from stack import QUICK, Stack, wait_for

PAGE = "<html><head><title>nginx</title></head><body>not now</body></html>"
FORM = {"error": {"code": "unauthorized", "message": "who are you?"}}


@pytest.fixture(scope="module")
def shared():
    with Stack(env={**QUICK, "AMO_RETRY_ATTEMPTS": "3", "AMO_RETRY_WINDOW_MS": "1000", "AMO_CORE_DELAYED_MS": "300"}) as s:
        s.up()
        s.chat = s.meet()["chat"]
        yield s


@pytest.fixture
def stack(shared):
    yield shared
    shared.clear_faults()
    shared.control("account.resume", scope_id=shared.scope)
    shared.settle(20)


def statuses(stack, side, kind, text):
    return [j["status"] for j in stack.journal(side=side, kind=kind) if text in json.dumps(j["body"])]


@pytest.mark.parametrize("status, body", [(200, PAGE), (302, ""), (400, "no"), (404, PAGE), (404, {"detail": "Not Found"}), (405, ""),
                                          (500, PAGE), (502, PAGE), (503, "no healthy upstream")])
def test_what_a_services_proxy_says_for_a_while_kills_no_message(stack, status, body):
    text = f"deploy-{status}-{len(body)}"
    stack.fault(on="service.message.created", match=text, status=status, body=body)
    stack.manager_writes(text, stack.chat)
    # more calls than attempts
    wait_for(lambda: len(statuses(stack, "service", "message.created", text)) >= 5, "five calls", 20)
    assert stack.control("dead.list") == []
    stack.clear_faults()
    stack.wait("service.message", text=text, timeout=10)


@pytest.mark.parametrize("status, body", [(401, PAGE), (401, FORM), (403, PAGE), (403, "")])
def test_a_service_that_refuses_our_signature_is_held_and_the_doctor_names_it(stack, status, body):
    text = f"signed-{status}-{len(body)}"
    stack.fault(on="service.message.created", match=text, status=status, body=body)
    stack.manager_writes(text, stack.chat)
    wait_for(lambda: any(q["destination"] == "connector:svc" and q["held"] == "forbidden"
                         for q in stack.control("queue")), "the hold")
    assert statuses(stack, "service", "message.created", text) == [status] * 2  # signed anew, and once more
    _, said = amoctl_json(stack, "doctor")
    red = [c for c in said["checks"] if c["check"] == "connector" and c["state"] == "red"]
    assert len(red) == 1 and "compare the secret" in red[0]["words"] and red[0]["todo"], said
    assert stack.control("dead.list") == []
    stack.clear_faults()
    stack.control("account.resume", scope_id=stack.scope)
    stack.wait("service.message", text=text, timeout=10)


def test_a_rotated_secret_ends_a_hold_for_the_signature(stack):
    stack.fault(on="service.message.created", match="rotated", status=401)
    stack.manager_writes("rotated", stack.chat)
    wait_for(lambda: any(q["held"] == "forbidden" for q in stack.control("queue")), "the hold")
    stack.clear_faults()
    stack.control("connector.rotate", name="svc")
    stack.wait("service.message", text="rotated", timeout=10)


@pytest.mark.parametrize("status", [400, 409, 451])
def test_a_services_refusal_in_the_documented_form_is_final(stack, status):
    text = f"own-word-{status}"
    stack.fault(on="service.message.created", match=text, status=status, body={"error": {"code": "blocked", "message": "no"}})
    refused = stack.manager_writes(text, stack.chat)
    stack.wait("status", id=refused["id"], status=-1)
    assert stack.statuses(refused["id"]) == [(-1, 905)]
    assert statuses(stack, "service", "message.created", text) == [status]
    stack.control("dead.drop", ids=[d["id"] for d in stack.control("dead.list")])


@pytest.mark.parametrize("status, body", [(400, PAGE), (405, PAGE), (500, PAGE), (502, PAGE)])
def test_a_page_before_amojo_kills_no_message(stack, status, body):
    text = f"before-amo-{status}"
    stack.fault(on="amojo.new_message", match=text, status=status, body=body)
    stack.client_writes(text)
    wait_for(lambda: len(statuses(stack, "amojo", "new_message", text)) >= 5, "five calls", 20)
    assert stack.control("dead.list") == []
    stack.clear_faults()
    stack.wait("amojo.message", text=text, timeout=10)


def test_what_waits_so_is_told_in_the_log_and_on_the_card(stack):
    stack.fault(on="service.message.created", match="told-of", status=404, body=PAGE)
    told = stack.manager_writes("told-of", stack.chat)
    stack.wait("status", id=told["id"], status=-1, timeout=20)
    assert stack.statuses(told["id"]) == [(-1, 903)]
    stack["core"].wait_line(r"what=command.delayed .*destination=connector:svc held=not_found", since=0)
    stack.clear_faults()
    stack.wait("status", id=told["id"], status=2)
