"""A manager writes first, and the service says that it has known this conversation all along: the two are one."""
import uuid

import pytest

from stack import QUICK, ControlError, Stack, wait_for


@pytest.fixture(scope="module")
def stack():
    with Stack(env=QUICK) as s:
        s.up(register=False)
        s.register(report="none")
        yield s


class Lena:
    """She has a chat of her own at amo, without a phone."""

    def __init__(self, stack):
        self.stack = stack
        self.id = "tg-" + uuid.uuid4().hex[:8]
        self.phone = "+7900" + str(uuid.uuid4().int)[:7]
        self.chat = self.says()["chat"]

    def says(self, source="wa1", sender=None):
        text = "lena-" + uuid.uuid4().hex[:8]
        status, answer, _ = self.stack.service_call("messages", {
            "id": uuid.uuid4().hex, "source": source, "conversation": {"id": self.id}, "type": "text", "text": text,
            "sender": {"id": sender or self.id, "name": "Лена"}})
        assert status == 202, answer
        return self.stack.wait("amojo.message", text=text)["item"]

    def is_written_to(self, answer, **more):
        """First words to her phone; the chat of that card."""
        text = "is-this-lena-" + uuid.uuid4().hex[:8]
        self.stack.fault(on="service.message.created", match=text, status=200, body=answer, process=True, times=1, **more)
        item = self.stack.sandbox("manager/writes-first", {"scope_id": self.stack.scope, "phone": self.phone,
                                                           "source": "wa1", "text": text})["items"][0]
        if not more:
            self.stack.wait("service.message", text=text)
            delivered_to_service(self.stack, item["id"])
        return item


@pytest.fixture
def lena(stack):
    return Lena(stack)


def delivered_to_service(stack, ident):
    def is_it():
        try:
            return stack.control("trace", id=ident)["message"]["state"] == "delivered_to_service"
        except ControlError:
            return False
    wait_for(is_it, "the service's answer")


def told(stack, text):
    """What the service was told of a manager's words."""
    return wait_for(lambda: [b["data"] for b in stack.bodies(side="service", kind="message.created")
                             if b["data"]["text"] == text], "the call")[0]


def manager(stack, chat):
    text = "manager-" + uuid.uuid4().hex[:8]
    stack.fault(on="service.message.created", match=text, status=200, body={}, process=True, times=1)
    ident = stack.manager_writes(text, chat)["id"]
    data = told(stack, text)
    delivered_to_service(stack, ident)
    return data


def one(stack, lena):
    return [c for c in stack.control("conversation.list") if c["conversation"] == lena.id]


def test_an_answer_that_names_a_known_conversation_makes_the_two_one(stack, lena):
    item = lena.is_written_to({"conversation": {"id": lena.id}, "id": "s-" + lena.id})
    data = manager(stack, item["chat"])
    assert data["conversation"]["id"] == lena.id and data["write_first"] is False
    assert lena.says()["chat"] == item["chat"]  # the chat last written to
    assert manager(stack, lena.chat)["conversation"]["id"] == lena.id
    assert lena.says()["chat"] == lena.chat
    [conversation] = one(stack, lena)
    shown = stack.control("conversation.show", id=str(conversation["id"]))
    assert sorted(shown["chats"]) == sorted([lena.chat, item["chat"]])
    assert shown["messages"]["outbound"] == 3


def test_a_status_that_names_a_known_conversation_does_so_too(stack, lena):
    item = lena.is_written_to({"id": "s-" + lena.id})
    assert manager(stack, item["chat"])["write_first"] is True
    stack.service_call("statuses", {"statuses": [{"id": "s-" + lena.id, "status": "delivered",
                                                  "conversation": {"id": lena.id}}]})
    stack.wait("status", id=item["id"], status=1)
    data = manager(stack, item["chat"])
    assert data["conversation"]["id"] == lena.id and data["write_first"] is False
    assert lena.says()["chat"] == item["chat"]
    stack.service_call("statuses", {"statuses": [{"id": "s-" + lena.id, "status": "read"}]})
    stack.wait("status", id=item["id"], status=2)


def test_they_are_one_after_a_restart_of_core(stack, lena):
    item = lena.is_written_to({"conversation": {"id": lena.id}})
    stack.start_over("core")
    assert manager(stack, item["chat"])["conversation"]["id"] == lena.id
    assert lena.says()["chat"] == item["chat"]
    again = lena.is_written_to({})  # her phone is known now: another card
    assert stack.list("service/messages")[-1]["conversation"] == lena.id
    assert lena.says()["chat"] == again["chat"]


@pytest.mark.parametrize("restart", [False, True])
def test_words_that_wait_for_the_answer_keep_their_order(stack, lena, restart):
    item = lena.is_written_to({"conversation": {"id": lena.id}}, delay_ms=1200)
    words = [f"word-{i}-{lena.id}" for i in range(6)]
    for i, text in enumerate(words):
        stack.manager_writes(text, item["chat"] if i % 3 else lena.chat)
        if i == 3:
            delivered_to_service(stack, item["id"])
            if restart:
                stack.start_over("core")
    wait_for(lambda: len([m for m in stack.list("service/messages") if m["text"] in words]) == 6, "all of them")
    got = [m["text"] for m in stack.list("service/messages") if m["text"] in words]
    mine = [t for i, t in enumerate(words) if i % 3]
    assert [t for t in got if t in mine] == mine
    assert [t for t in got if t not in mine] == [t for t in words if t not in mine]
    assert len(got) == len(set(got))


def test_answers_go_to_the_chat_that_was_written_to_last(stack, lena):
    item = lena.is_written_to({"conversation": {"id": lena.id}}, delay_ms=1200)
    stack.wait("service.message", text="is-this-lena")
    manager(stack, lena.chat)  # meanwhile, in her own chat
    delivered_to_service(stack, item["id"])
    assert lena.says()["chat"] == lena.chat


def test_a_conversation_of_that_name_under_another_number_stays_apart(stack, lena):
    there = lena.says(source="wa2")
    item = lena.is_written_to({"conversation": {"id": lena.id}})
    assert lena.says()["chat"] == item["chat"]
    assert lena.says(source="wa2")["chat"] == there["chat"]
    data = manager(stack, there["chat"])
    assert data["source"] == "wa2" and data["conversation"]["id"] == lena.id


def test_a_quote_across_the_two_finds_its_message(stack, lena):
    item = lena.is_written_to({"conversation": {"id": lena.id}, "id": "q-" + lena.id})
    text = "quoting-" + lena.id
    status, answer, _ = stack.service_call("messages", {
        "id": uuid.uuid4().hex, "source": "wa1", "conversation": {"id": lena.id}, "type": "text", "text": text,
        "sender": {"id": lena.id, "name": "Лена"}, "reply_to": {"id": "q-" + lena.id}})
    assert status == 202, answer
    stack.wait("amojo.message", text=text)
    assert [b["payload"]["reply_to"] for b in stack.bodies(side="amojo", kind="new_message")
            if b["payload"]["message"]["text"] == text] == [{"message": {"id": item["id"]}}]
