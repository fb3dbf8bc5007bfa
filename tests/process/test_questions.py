"""A service asks where its message is, hears of one that died, and an operator tests it."""
import uuid

import pytest

from stack import QUICK, ControlError, Stack, wait_for


@pytest.fixture(scope="module")
def stack():
    with Stack(env=QUICK) as s:
        s.up(register=False)
        s.register(report="none")
        yield s


def ask(stack, ident):
    return stack.call("GET", f"messages/{ident}")


def until(stack, ident, status):
    return wait_for(lambda: (a := ask(stack, ident)[1]).get("status") == status and a, f"{ident} to be {status}")


def test_an_inbound_message_is_followed_to_amo(stack):
    sent = stack.client_writes("where-am-I")
    item = stack.wait("amojo.message", text="where-am-I")["item"]
    answer = until(stack, sent["id"], "delivered_to_amo")
    assert (answer["direction"], answer["mid"], answer["amo_id"], answer["service_id"]) == (
        "in", f"svc-{sent['id']}", item["id"], sent["id"])
    assert answer["accepted_at"].endswith("Z") and answer["settled_at"] >= answer["accepted_at"]
    assert "error" not in answer
    assert until(stack, answer["mid"], "delivered_to_amo")["service_id"] == sent["id"]  # by either name


def test_a_message_that_waits_is_accepted(stack):
    stack.control("account.pause", scope_id=stack.scope)
    sent = stack.client_writes("in-the-queue")
    assert until(stack, sent["id"], "accepted")["settled_at"] is None
    stack.control("account.resume", scope_id=stack.scope)
    until(stack, sent["id"], "delivered_to_amo")


def test_a_message_amo_refuses_is_failed_and_the_service_is_told(stack):
    stack.fault(on="amojo.new_message", match="refuse-me", status=400, times=1,
                body={"error_description": "payload.message.text: cannot be blank"})
    sent = stack.client_writes("refuse-me")
    answer = until(stack, sent["id"], "failed")
    assert answer["error"]["code"] == "refused" and answer["settled_at"]
    event = wait_for(lambda: stack.list("service/events?type=delivery.failed"), "the service to be told")[0]
    data = event["data"]
    assert (data["id"], data["mid"], data["code"]) == (sent["id"], f"svc-{sent['id']}", "refused")
    dead = stack.control("dead.list")
    assert [d["service_id"] for d in dead] == [sent["id"]]
    stack.control("dead.retry", ids=[dead[0]["id"]])
    until(stack, sent["id"], "delivered_to_amo")


def test_a_managers_message_is_followed_by_its_mid(stack):
    chat = stack.meet("hello-again")
    written = stack.manager_writes("to-you", chat["chat"])
    got = stack.wait("service.message", text="to-you")["item"]
    answer = until(stack, got["id"], "delivered_to_service")
    assert (answer["direction"], answer["amo_id"], answer["service_id"]) == ("out", written["id"], got["service_id"])
    assert until(stack, got["service_id"], "delivered_to_service")["mid"] == got["id"]


def test_what_is_not_known_is_404_and_anothers_message_is_not_shown(stack):
    assert ask(stack, "never-seen")[0] == 404
    assert ask(stack, "never-seen")[1]["error"]["code"] == "unknown_message"
    sent = stack.client_writes("private")
    until(stack, sent["id"], "delivered_to_amo")
    bridge = f"http://127.0.0.1:{stack.port}"
    other = stack.sandbox("connectors", {"name": "other", "bridge_url": bridge})
    stack.control("connector.add", name="other", kind="http", url=f"{stack.sandbox_url}/mobilon/other",
                  allow_private=True, secret=other["secret"], token=other["token"])
    for ident in (sent["id"], f"svc-{sent['id']}"):
        status, answer, _ = stack.call("GET", f"messages/{ident}", connector="other", token=other["token"])
        assert (status, answer["error"]["code"]) == (404, "unknown_message")


def test_without_core_the_question_is_answered_503_and_statements_are_still_taken(stack):
    stack["core"].kill()
    status, answer, head = ask(stack, "whatever")
    assert (status, answer["error"]["code"]) == (503, "core_away") and int(head["Retry-After"]) > 0
    ident = str(uuid.uuid4())
    assert stack.service_call("messages", {"id": ident, "source": "wa1", "conversation": {"id": "1"},
                                           "sender": {"id": "1"}, "type": "text", "text": "taken-anyway"})[0] == 202
    stack.start("core")
    until(stack, ident, "delivered_to_amo")


def test_a_connector_is_tested_and_the_answer_is_said(stack):
    answer = stack.control("connector.test", name="svc")
    assert (answer["outcome"], answer["status"]) == ("done", 200)
    assert [e["data"]["nonce"] for e in stack.list("service/events?type=connector.test")]
    stack.fault(on="service.connector.test", status=403, times=1, body={"error": {"message": "who are you"}})
    with pytest.raises(ControlError, match="403.*who are you"):
        stack.control("connector.test", name="svc")
    with pytest.raises(ControlError, match="no such connector"):
        stack.control("connector.test", name="nobody")


def test_trace_finds_a_message_by_any_id_of_either_side(stack):
    """Of a client's, a manager's and an imported message: our id, theirs, amo's, and the trace id."""
    sent = stack.client_writes("to-be-traced", conversation="79005550707")
    item = stack.wait("amojo.message", text="to-be-traced")["item"]
    written = stack.manager_writes("traced-back", item["chat"])
    got = stack.wait("service.message", text="traced-back")["item"]
    own = stack.client_writes("traced-own", conversation="79005550707", direction="out")
    imported = stack.wait("amojo.message", text="traced-own")["item"]
    stack.service_call("reactions", {"message_id": sent["id"], "emoji": "👍"})
    stack.call("PATCH", f"messages/{sent['id']}", {"text": "to-be-traced, mended"})
    stack.settle()
    for ids in ((sent["id"], item["msgid"], item["id"]), (written["id"], got["id"], got["service_id"]),
                (own["id"], imported["msgid"], imported["id"])):
        found = [stack.control("trace", id=i)["message"] for i in ids]
        found.append(stack.control("trace", id=found[0]["trace"])["message"])
        assert len({m["mid"] for m in found}) == 1 and {found[0]["amo_id"], found[0]["mid"],
                                                        found[0]["service_id"]} == set(ids)
    steps = [s["what"] for s in stack.control("trace", id=sent["id"])["journey"]]
    assert {"amo.message", "amo.reaction", "amo.edit"} <= set(steps)
