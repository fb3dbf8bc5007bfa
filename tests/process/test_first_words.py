"""A manager writes first: from a card, to a phone. And what cannot cross at all."""
import uuid

import pytest

from stack import QUICK, Stack, wait_for
from test_doors import hook

PHONE = "+7 (900) 555-01-01"
DIGITS = "79005550101"


@pytest.fixture
def stack():
    with Stack(env=QUICK) as s:
        s.up()
        yield s


def writes_first(stack, text, phone=PHONE, **more):
    return stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": phone, "source": "wa1",
                                                  "text": text, **more})["items"][0]


def test_two_first_words_in_a_row_from_one_card(stack):
    stack.fault(on="service.message.created", match="first-word", delay_ms=700, times=1)
    one = writes_first(stack, "first-word")
    two = stack.manager_writes("second-word", one["chat"])
    stack.wait("status", id=two["id"], status=2)
    got = stack.list("service/messages")
    assert [m["text"] for m in got] == ["first-word", "second-word"]
    assert [m["write_first"] for m in got] == [True, False]
    assert {m["conversation"] for m in got} == {DIGITS}
    assert len(stack.control("conversation.list")) == 1


@pytest.mark.parametrize("phone", ["8 900 555 01 01", "79005550101", "+79005550101"])
def test_a_second_card_to_the_same_phone_is_the_same_client(stack, phone):
    one = writes_first(stack, "from-card-one")
    two = writes_first(stack, "from-card-two", phone=phone)
    stack.wait("status", id=two["id"], status=2)
    assert one["chat"] != two["chat"]
    assert len(stack.control("conversation.list")) == 1
    assert {m["conversation"] for m in stack.list("service/messages")} == {DIGITS}
    stack.client_writes("who-is-it")
    answer = stack.wait("amojo.message", text="who-is-it")["item"]
    assert answer["chat"] == two["chat"]  # the card that wrote last
    again = stack.manager_writes("card-one-again", one["chat"])
    stack.wait("status", id=again["id"], status=2)
    stack.client_writes("and-now")
    assert stack.wait("amojo.message", text="and-now")["item"]["chat"] == one["chat"]


@pytest.mark.parametrize("conversation", [DIGITS, "telegram-555"])
def test_a_client_who_answers_before_we_learnt_his_chat_is_recognised(stack, conversation):
    stack.sandbox("connectors", {"name": "svc", "report": "none"})  # a report would teach it
    stack.fault(on="service.message.created", match="are-you-there", delay_ms=1500, times=1)
    item = writes_first(stack, "are-you-there")
    wait_for(lambda: stack.list("service/messages"), "the message at the service")
    stack.client_writes("yes-I-am", conversation=conversation,
                        sender={"id": "client-7", "name": "Client", "phone": "8 (900) 5550101"})
    answer = stack.wait("amojo.message", text="yes-I-am", timeout=10)["item"]
    assert answer["chat"] == item["chat"]
    wait_for(lambda: stack.control("trace", id=item["id"])["message"]["state"] == "delivered_to_service", "the slow answer")
    stack.settle()
    assert len(stack.control("conversation.list")) == 1
    stack.manager_writes("good", item["chat"])
    assert stack.wait("service.message", text="good")["item"]["conversation"] == conversation


def test_a_known_client_is_written_to_in_his_conversation(stack):
    stack.meet()
    item = writes_first(stack, "from-another-card")
    stack.wait("status", id=item["id"], status=2)
    got = stack.wait("service.message", text="from-another-card")["item"]
    assert got["conversation"] == DIGITS and not got["write_first"]
    assert len(stack.control("conversation.list")) == 1
    stack.client_writes("I-see")
    assert stack.wait("amojo.message", text="I-see")["item"]["chat"] == item["chat"]


def test_a_service_that_teaches_its_id_by_a_status(stack):
    """An empty answer to what writes first; the conversation's id comes with a status."""
    stack.sandbox("connectors", {"name": "svc", "answer_ids": False, "report": "none"})
    item = writes_first(stack, "hello-there")
    got = stack.wait("service.message", text="hello-there")["item"]
    stack.sandbox("client/statuses", {"connector": "svc", "id": got["id"], "status": "delivered",
                                      "conversation": "chat-900"})
    stack.wait("status", id=item["id"], status=1)
    stack.manager_writes("more-words", item["chat"])
    assert stack.wait("service.message", text="more-words")["item"]["conversation"] == "chat-900"


def refused(stack, webhook, reason, words):
    assert webhook["status"] == 200
    kept = wait_for(lambda: stack.control("quarantine.list"), "the quarantine")
    assert [q["reason"] for q in kept] == [reason]
    ident = stack.control("quarantine.show", id=kept[0]["id"])["message_id"]
    stack.wait("status", id=ident, status=-1)
    told = stack.list(f"amojo/statuses?id={ident}")
    assert [(s["status"], s["error_code"], s["error"]) for s in told] == [(-1, 905, words)]
    assert stack.list("service/messages") == []


def test_without_a_phone_nobody_can_be_written_to(stack):
    body = hook(stack.scope.partition("_")[2], "to-nobody", client=None)
    refused(stack, stack.webhook(body), "no_phone", "no phone number")
    assert stack.control("conversation.list") == []


def test_a_picture_without_a_link_is_kept_and_the_manager_is_told(stack):
    met = stack.meet()
    item = stack.manager_writes("", met["chat"], message={
        "type": "picture", "media": "", "file_name": "1.jpg", "file_size": 4})
    webhook = stack.wait("webhook", webhook=item["webhook"])["item"]
    refused(stack, webhook, "nothing_to_deliver", "the file has no link")
    fine = stack.manager_writes("then-in-words", met["chat"])
    stack.wait("status", id=fine["id"], status=2)


def test_which_number_should_write_first_must_be_known(stack):
    """Several sources are listed and the webhook names none: the manager reads 904."""
    for source in ("wa1", "wa2"):
        stack.control("source.add", connector="svc", source=source, scope_id=stack.scope)
    body = hook(stack.scope.partition("_")[2], "from-which-number", client=None)
    del body["message"]["source"]
    body["message"]["receiver"]["phone"] = "79005550909"
    assert stack.webhook(body)["status"] == 200
    ident = body["message"]["message"]["id"]
    stack.wait("status", id=ident, status=-1)
    assert stack.statuses(ident) == [(-1, 904)]
    assert [q["reason"] for q in stack.control("quarantine.list")] == ["no_source"]


def test_a_first_word_that_the_service_refuses_is_904_in_its_words(stack):
    stack.fault(on="service.message.created", match="nobody-there", status=422, times=1,
                body={"error": {"code": "whatever", "message": "this number is in no messenger"}})
    item = writes_first(stack, "nobody-there")
    stack.wait("status", id=item["id"], status=-1)
    told = stack.list(f"amojo/statuses?id={item['id']}")
    assert [(s["error_code"], s["error"]) for s in told] == [(904, "this number is in no messenger")]


def test_a_chat_of_another_bridge_is_refused_in_words(stack):
    body = hook(stack.scope.partition("_")[2], "to-a-stranger", client="old-bridge-77")
    refused(stack, stack.webhook(body), "unknown_conversation", "unknown conversation")


def test_an_inbound_picture_without_its_size_is_refused_by_name(stack):
    status, answer, _ = stack.service_call("messages", {
        "id": str(uuid.uuid4()), "source": "wa1", "conversation": {"id": "1"}, "sender": {"id": "1"},
        "type": "picture", "text": "", "media": {"url": "https://files.example/1.jpg"}})
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (422, "required", "media.size")


def test_a_message_of_the_other_card_is_quoted_edited_and_reacted_to_where_it_stands(stack):
    """Two cards write first to one phone: two chats of amo, one conversation. What stands in the one that was not
    written to last cannot be quoted in the other by its id; the client's answer arrives all the same."""
    one = writes_first(stack, "from-card-one")
    two = writes_first(stack, "from-card-two")
    stack.wait("status", id=two["id"], status=2)
    got = {m["text"]: m for m in stack.list("service/messages")}
    old, new = got["from-card-one"], got["from-card-two"]
    for ident, text, quote in ((new["id"], "to-the-second", True), (old["id"], "to-the-first", False)):
        assert stack.service_call("messages", {
            "id": str(uuid.uuid4()), "source": "wa1", "conversation": {"id": DIGITS}, "type": "text", "text": text,
            "sender": {"id": "wa:1", "name": "Client", "phone": DIGITS}, "reply_to": {"id": ident}})[0] == 202
        payload = stack.wait("amojo.message", text=text)["item"]["payload"]
        assert ("reply_to" in payload) == quote
        assert payload["conversation_ref_id"] == two["chat"]
    for m, item in ((old, one), (new, two)):
        assert stack.service_call("reactions", {"message_id": m["id"], "emoji": "👍",
                                                "sender": {"id": "wa:1"}})[0] == 202
        call = wait_for(lambda i=item: [b for b in stack.bodies(side="amojo", kind="react") if b["id"] == i["id"]],
                        "the reaction")[0]
        assert call["user"]["id"] == stack.wait("amojo.message", text="to-the-first")["item"]["payload"]["sender"]["id"]
        assert stack.call("PATCH", f"messages/{m['id']}", {"text": m["text"] + ", mended"})[0] == 202
    stack.settle()
    assert stack.control("dead.list") == []
    assert len([j for j in stack.journal(side="amojo", kind="edit_message") if j["status"] == 200]) == 2


def test_a_message_is_edited_and_reacted_to_in_its_chat_when_our_name_of_it_is_the_cards(stack):
    """A card's words make a second chat, to which amo links our name with the client's next message. Then a manager
    writes in the first one again: that name alone leads past what stands there."""
    def says(text):
        ident = str(uuid.uuid4())
        assert stack.service_call("messages", {
            "id": ident, "source": "wa1", "conversation": {"id": DIGITS}, "type": "text", "text": text,
            "sender": {"id": "wa:1", "name": "Client", "phone": DIGITS}})[0] == 202
        return ident, stack.wait("amojo.message", text=text)["item"]

    ident, first = says("in-the-first-chat")
    card = writes_first(stack, "from-the-card")
    stack.wait("status", id=card["id"], status=2)
    assert says("in-the-second-chat")[1]["chat"] == card["chat"]
    again = stack.sandbox("manager/writes", {"scope_id": stack.scope, "chat": first["chat"], "text": "again"})["items"][0]
    stack.wait("status", id=again["id"], status=2)
    assert stack.call("PATCH", f"messages/{ident}", {"text": "in-the-first-chat, mended"})[0] == 202
    assert stack.service_call("reactions", {"message_id": ident, "emoji": "👍", "sender": {"id": "wa:1"}})[0] == 202
    stack.settle()
    assert stack.control("dead.list") == []
    (reaction,) = stack.journal(side="amojo", kind="react")
    (edit,) = stack.journal(side="amojo", kind="edit_message")
    assert (edit["status"], reaction["status"]) == (200, 200)
