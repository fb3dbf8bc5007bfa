"""Delivered means that amo's id of the message is in hand: from the answer, or from the history. Pages, statuses
that are none and answers of another kind prove nothing."""
import pytest

from stack import QUICK, Stack, wait_for

PAGE = "<html><body>We will be back soon</body></html>"
SOON = {**QUICK, "AMO_CORE_LOOKS_MS": "800"}


@pytest.fixture(scope="module")
def stack():
    with Stack(env=SOON) as s:
        s.up()
        yield s


@pytest.fixture(autouse=True)
def _clear(request):
    if "stack" in request.fixturenames:
        stack = request.getfixturevalue("stack")
        stack.clear_faults()
        stack.sandbox("settings", {"repeat": 200}, method="PATCH")


def message(stack, ident):
    return stack.control("trace", id=ident)["message"]


def delivered_once(stack, sent, text, timeout=40):
    """amo has it, once, and the bridge says so with amo's own id."""
    got = stack.wait("amojo.message", text=text, timeout=timeout)["item"]
    wait_for(lambda: message(stack, sent["id"])["state"] == "delivered_to_amo", "it to be settled")
    assert got["effects"] == 1 and message(stack, sent["id"])["amo_id"] == got["id"]


@pytest.mark.parametrize("known", [True, False], ids=["known-chat", "first-of-its-chat"])
@pytest.mark.parametrize("answer", [{"status": 200, "body": PAGE}, {"status": 200, "body": ""},
                                    {"status": 200, "body": {"status": "error"}},
                                    {"status": 202, "body": {"new_message": {}}}],
                         ids=["page", "nothing", "other-json", "no-id"])
def test_a_page_with_200_in_place_of_an_answer_is_no_delivery(stack, answer, known):
    text = f"after-{answer['status']}-{len(str(answer['body']))}-{known}"
    thread = "79005550101" if known else f"790055510{len(text):02}"
    if known:
        stack.meet(text=f"before-{known}", conversation=thread)
    stack.fault(on="amojo.new_message", match=text, times=1, **answer)
    sent = stack.client_writes(text, conversation=thread)
    delivered_once(stack, sent, text)
    assert stack.control("dead.list") == []


@pytest.mark.parametrize("status", [999, 600, 302, 308])
def test_a_status_that_is_no_answer_is_no_delivery(stack, status):
    text = f"behind-{status}"
    stack.fault(on="amojo.new_message", match=text, times=1, status=status, body=PAGE)
    sent = stack.client_writes(text, conversation="79005550102")
    delivered_once(stack, sent, text)
    attempts = [a for a in stack.control("trace", id=sent["id"])["journey"] if a["what"] == "amo.message"]
    assert (attempts[0]["outcome"], attempts[0]["cause"]) == \
        ("unknown", "redirect" if status < 400 else "not_http"), attempts
    assert stack.control("dead.list") == []


@pytest.mark.parametrize("more", [{}, {"direction": "out"}], ids=["clients", "colleagues"])
def test_an_answer_that_names_another_messages_id_is_no_delivery(stack, more):
    """As a cache in between would give it: without ref_id only the id itself shows it."""
    text = f"out-of-a-cache-{len(more)}"
    other = stack.meet(text=f"in-the-cache-{len(more)}", conversation="79005550107")
    said = {"new_message": {"msgid": other["id"], "conversation_id": other["chat"]}}
    stack.fault(on="amojo.new_message", match=text, times=1, status=200, body=said)
    sent = stack.client_writes(text, conversation="79005550108", **more)
    delivered_once(stack, sent, text)
    assert stack.wait("amojo.message", text=text)["item"]["chat"] != other["chat"]


def test_an_unproven_message_that_amo_has_after_all_is_found_and_not_doubled(stack):
    """It had its effect; only the answer was replaced on the way."""
    stack.sandbox("settings", {"repeat": 400}, method="PATCH")
    stack.fault(on="amojo.new_message", match="taken-behind-a-page", times=1, status=200, process=True, body=PAGE)
    sent = stack.client_writes("taken-behind-a-page", conversation="79005550103")
    delivered_once(stack, sent, "taken-behind-a-page")
    assert stack.wait("amojo.message", text="taken-behind-a-page")["item"]["calls"] == 1


def test_a_colleagues_message_behind_a_page_is_no_delivery(stack):
    stack.fault(on="amojo.new_message", match="by-the-bot", times=1, status=200, body=PAGE)
    sent = stack.client_writes("by-the-bot", conversation="79005550104", direction="out")
    delivered_once(stack, sent, "by-the-bot")


def test_a_message_that_is_answered_with_pages_alone_dies_as_unclear_and_its_service_is_told():
    with Stack(env={**SOON, "AMO_CORE_LOOKS_MS": "400", "AMO_RETRY_ATTEMPTS": "2"}) as stack:
        stack.up()
        stack.meet()
        stack.fault(on="amojo.new_message", match="pages-only", status=200, body=PAGE)
        sent = stack.client_writes("pages-only")
        stack.client_writes("comes-behind")
        told = stack.wait("service.event", type="delivery.failed", timeout=40)["item"]["data"]
        assert (told["id"], told["code"]) == (sent["id"], "unclear")
        assert [d["reason"] for d in stack.control("dead.list")] == ["unclear"]
        assert message(stack, sent["id"])["state"] == "failed"
        stack.wait("amojo.message", text="comes-behind")  # the lane goes on
        calls = [b for b in stack.bodies(side="amojo", kind="new_message")
                 if b["payload"]["message"]["text"] == "pages-only"]
        assert len(calls) == 2 and len({b["payload"]["msgid"] for b in calls}) == 1


@pytest.mark.parametrize("body, emoji", [(PAGE, "👍"), ("We will be back soon", "🔥"), ('{"new_message":{"msgid":"1b9d6', "🎉"),
                                         ({"status": "error"}, "👏")], ids=["page", "words", "half", "error"])
@pytest.mark.parametrize("kind", ["edit_message", "delivery_status", "react"])
def test_a_page_in_place_of_an_answer_to_an_edit_status_or_reaction_is_no_answer(stack, kind, body, emoji):
    met = stack.meet(text=f"hello-{kind}-{len(body)}", conversation="79005550105")
    stack.fault(on=f"amojo.{kind}", times=2, status=200, body=body)
    if kind == "edit_message":
        stack.sandbox("client/edits", {"connector": "svc", "id": met["msgid"], "text": f"edited-now-{len(body)}"})
        stack.wait("amojo.edit", text=f"edited-now-{len(body)}")
    elif kind == "react":
        stack.sandbox("client/reacts", {"connector": "svc", "id": met["msgid"], "emoji": emoji})
        stack.wait("amojo.reaction", text=emoji)
    else:
        words = stack.manager_writes("to-be-read", met["chat"])
        stack.wait("status", id=words["id"], status=2)  # "delivered" may be dropped behind it


def test_a_page_in_place_of_a_services_answer_is_no_taking_over(stack):
    met = stack.meet(text="hello-page", conversation="79005550106")
    stack.fault(on="service.message.created", match="not-for-a-page", times=1, status=200, body="\n " + PAGE)
    words = stack.manager_writes("not-for-a-page", met["chat"])
    stack.wait("status", id=words["id"], status=2)
    assert [m["webhook_ids"] for m in stack.list("service/messages") if m["text"] == "not-for-a-page"] == [1]
