"""Is a message whose outcome is unclear in amo's history? Looked for page by page, in the chat its call went to and in
every chat of its conversation; what cannot be looked up has an end."""
import pytest

from stack import QUICK, Stack, wait_for

CLIENT = "79005550101"
REPEATED = {"error_code": 400, "error_type": "BAD_REQUEST", "error_description": "this msgid already exists"}


@pytest.fixture
def stack():
    with Stack(env={**QUICK, "AMO_CORE_LOOKS_MS": "800"}) as s:
        s.up()
        s.sandbox("settings", {"repeat": 400}, method="PATCH")
        yield s


def lose_answer(stack, text, meanwhile, seconds=2):
    """amo takes the message and its answer is lost; the repeat comes only after meanwhile()."""
    stack.fault(on="amojo.new_message", match=text, cut="after", times=1)
    stack.fault(on="amojo.new_message", match=text, status=503, retry_after=seconds, times=1)
    sent = stack.client_writes(text)
    stack.wait("amojo.message", text=text)
    meanwhile()
    return sent


def settled(stack, sent):
    return wait_for(lambda: (m := stack.control("trace", id=sent["id"])["message"])["state"] != "accepted" and m,
                    "it to be settled")


def histories(stack):
    return [j["path"] for j in stack.journal(side="amojo", kind="history")]


def delivered_once(stack, sent, text):
    message = settled(stack, sent)
    got = stack.wait("amojo.message", text=text)["item"]
    assert (message["state"], message["amo_id"], got["effects"]) == ("delivered_to_amo", got["id"], 1)
    assert stack.control("dead.list") == []


def test_a_message_behind_many_newer_ones_is_found_on_a_later_page(stack):
    chat = stack.meet()["chat"]

    def many():
        stack.sandbox("manager/writes", {"scope_id": stack.scope, "chat": chat, "text": "newer-{n}", "count": 110})
        stack.wait("service.message", text="newer-110")

    sent = lose_answer(stack, "buried", many, seconds=3)
    delivered_once(stack, sent, "buried")
    asked = histories(stack)
    assert [p.partition("offset=")[2] for p in asked[:3]] == ["0", "50", "100"]


def second_card(stack):
    stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": "+" + CLIENT, "text": "second-card",
                                           "source": "wa1"})
    stack.wait("service.message", text="second-card")


@pytest.mark.parametrize("restart", [False, True], ids=["", "over-a-restart"])
@pytest.mark.parametrize("known", [True, False], ids=["known-chat", "first-of-its-chat"])
def test_a_message_is_looked_for_in_the_chat_it_was_sent_to(stack, known, restart):
    """Meanwhile a second card was opened: answers go to another chat of the conversation now."""
    if known:
        stack.meet()

    def meanwhile():
        second_card(stack)
        if restart:
            stack.start_over("core")

    sent = lose_answer(stack, "in-the-first-chat", meanwhile)
    delivered_once(stack, sent, "in-the-first-chat")
    assert len(stack.control("conversation.list")) == 1
    # the chat it was found in leads to the client
    chat = stack.wait("amojo.message", text="in-the-first-chat")["item"]["chat"]
    stack.manager_writes("into-the-first-chat", chat)
    assert stack.wait("service.message", text="into-the-first-chat")["item"]["conversation"] == CLIENT


@pytest.mark.parametrize("on, status", [("amojo.chats", 400), ("amojo.history", 400), ("amojo.history", 403),
                                        ("amojo.history", 404)])
def test_a_look_up_that_is_refused_has_an_end(stack, on, status):
    if on == "amojo.history":
        stack.meet()
    stack.fault(on=on, status=status)
    stack.fault(on="amojo.new_message", match="nobody-can-tell", cut="before", times=1)
    stack.fault(on="amojo.new_message", match="nobody-can-tell", status=400, body=REPEATED)
    sent = stack.client_writes("nobody-can-tell")
    stack.client_writes("goes-on")
    told = stack.wait("service.event", type="delivery.failed", timeout=20)["item"]["data"]
    assert (told["id"], told["code"]) == (sent["id"], "unclear")
    assert [d["reason"] for d in stack.control("dead.list")] == ["unclear"]
    stack.wait("amojo.message", text="goes-on", timeout=20)
    calls = [j for j in stack.journal(side="amojo", kind=on.partition(".")[2])]
    assert len(calls) == 3, calls


def test_a_look_up_that_fails_for_ever_has_an_end():
    """It answers, and never with anything that could be read."""
    with Stack(env={**QUICK, "AMO_CORE_LOOKS_MS": "400", "AMO_RETRY_ATTEMPTS": "3", "AMO_RETRY_CAP_MS": "200"}) as stack:
        stack.up()
        stack.meet()
        stack.fault(on="amojo.history", status=200, body="<html>soon</html>")
        stack.fault(on="amojo.new_message", match="nobody-can-tell", cut="before", times=1)
        stack.fault(on="amojo.new_message", match="nobody-can-tell", status=400, body=REPEATED)
        sent = stack.client_writes("nobody-can-tell")
        told = stack.wait("service.event", type="delivery.failed", timeout=30)["item"]["data"]
        assert (told["id"], told["code"]) == (sent["id"], "unclear")


def test_a_paused_account_is_not_asked_for_its_history(stack):
    stack.meet()
    stack.fault(on="amojo.history", status=503, retry_after=2, times=1)
    stack.fault(on="amojo.new_message", match="look-me-up", cut="after", times=1)
    sent = stack.client_writes("look-me-up")
    wait_for(lambda: histories(stack), "the first look")
    stack.control("account.pause", scope_id=stack.scope)
    before = len(histories(stack))
    stack.start_over("egress-0")  # what was under way is over
    wait_for(lambda: stack.peer("egress-0") and stack.control("status")["uptime_s"], "the worker")
    assert len(histories(stack)) == before
    stack.control("account.resume", scope_id=stack.scope)
    delivered_once(stack, sent, "look-me-up")
