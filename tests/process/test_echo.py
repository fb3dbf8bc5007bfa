"""Messages that people and bots on the service's side write to a client: at amo they are in somebody's name, and
when amo sends them back they are no new message of a manager."""
import json
import uuid

import pytest

from stack import QUICK, Stack, wait_for

CLIENT = "79005550101"


@pytest.fixture
def stack():
    with Stack(env={**QUICK, "AMO_CORE_ECHO_MS": "3000"}) as s:
        s.up(register=False)
        s.register(report="none")
        s.user = str(uuid.uuid4())
        s.sandbox("channels", {"id": s.channel, "users": [s.user]})
        yield s


def writes(stack, text, user=None, **more):
    """An operator of the service writes to the client, in a CRM user's name or the bot's."""
    ident = str(uuid.uuid4())
    status, answer, _ = stack.service_call("messages", {
        "id": ident, "source": "wa1", "direction": "out", "conversation": {"id": CLIENT}, "type": "text", "text": text,
        "sender": {"id": "op-7", "name": "Оператор"}, "receiver": {"id": CLIENT, "name": "Вера", "phone": CLIENT},
        "author": {"amo_user": user} if user else None, **more})
    assert status == 202, answer
    return ident, answer["mid"]


def under_way(stack, text):
    """amo has the call and keeps its answer back."""
    wait_for(lambda: [b for b in stack.bodies(side="amojo", kind="new_message")
                      if b["payload"]["message"]["text"] == text], f"the call of {text}")


@pytest.mark.parametrize("when", ["after", "early"])
def test_the_echo_of_a_users_message_reaches_nobody(stack, when):
    stack.sandbox("settings", {"echo": "early" if when == "early" else True}, method="PATCH")
    stack.meet()
    for n in range(5):
        _, mid = writes(stack, f"own-words-{n}", stack.user)
        stack.wait("amojo.message", msgid=mid)
    stack.wait("webhooks.ok", count=5)
    stack.settle()
    wait_for(lambda: stack.control("status")["waiting_events"] == 0, "all echoes to be known")
    assert stack.list("service/messages") == []
    assert stack.control("quarantine.list") == []


def test_the_echo_of_a_first_message_whose_answer_is_lost(stack):
    """The chat itself is new, its answer never comes: the history tells the id, and the echo has waited for it."""
    stack.sandbox("settings", {"echo": True}, method="PATCH")
    stack.fault(on="amojo.new_message", match="never-answered", cut="after", times=1)
    _, mid = writes(stack, "never-answered", stack.user)
    item = stack.wait("amojo.message", msgid=mid)["item"]
    stack.settle()
    wait_for(lambda: stack.control("status")["waiting_events"] == 0, "the echo to be known")
    assert stack.list("service/messages") == [] and item["effects"] == 1
    assert stack.control("trace", id=mid)["message"]["amo_id"] == item["id"]


def test_a_managers_words_meanwhile_wait_and_arrive(stack):
    chat = stack.meet()
    stack.fault(on="amojo.new_message", match="slow-one", delay_ms=1500, times=1)
    _, mid = writes(stack, "slow-one", stack.user)
    under_way(stack, "slow-one")
    words = [stack.manager_writes(f"real-words-{n}", chat["chat"]) for n in range(3)]
    wait_for(lambda: stack.control("status")["waiting_events"] > 0, "them to wait")
    for n in range(3):
        stack.wait("service.message", text=f"real-words-{n}")
    stack.settle()
    assert [m["text"] for m in stack.list("service/messages")] == [f"real-words-{n}" for n in range(3)]
    assert stack.control("trace", id=words[0]["id"])["message"]["direction"] == "outbound"


def test_a_managers_words_do_not_wait_for_ever(stack):
    chat = stack.meet()
    stack.fault(on="amojo.new_message", match="stuck", delay_ms=9000, times=1)
    writes(stack, "stuck", stack.user)
    under_way(stack, "stuck")
    stack.manager_writes("patience", chat["chat"])
    wait_for(lambda: stack.control("status")["waiting_events"] == 1, "it to wait")
    stack.wait("service.message", text="patience", timeout=30)


def test_waiting_words_survive_core(stack):
    chat = stack.meet()
    stack.fault(on="amojo.new_message", match="slow-one", delay_ms=2000, times=1)
    writes(stack, "slow-one", stack.user)
    under_way(stack, "slow-one")
    stack.manager_writes("survivor", chat["chat"])
    wait_for(lambda: stack.control("status")["waiting_events"] == 1, "it to wait")
    stack.start_over("core")
    stack.wait("service.message", text="survivor", timeout=30)
    stack.settle()
    assert len(stack.list("service/messages")) == 1


def test_the_receiver_is_the_same_person_every_time(stack):
    """A chat that begins on the service's side: one participant, whoever writes first."""
    _, one = writes(stack, "first-of-ours")
    stack.wait("amojo.message", msgid=one)
    stack.client_writes("and-the-answer")
    answer = stack.wait("amojo.message", text="and-the-answer")["item"]
    _, two = writes(stack, "once-more", stack.user)
    last = stack.wait("amojo.message", msgid=two)["item"]
    assert answer["chat"] == last["chat"]
    assert last["payload"]["receiver"]["id"] == answer["payload"]["sender"]["id"] == f"svc-{CLIENT}"
    assert len(stack.control("conversation.list")) == 1
    trace = stack.control("trace", id=one)["message"]
    assert trace["direction"] == "imported"


def test_without_a_bot_a_message_in_nobodys_name_is_kept(stack):
    """amo would refuse it; an operator replays it once the channel has its bot."""
    reply = stack.sandbox(f"channels/{stack.channel}/registration")
    for part in reply["result"].values():
        part.pop("bot", None)
    stack.control("channel.add", reply=json.dumps(reply), url=stack.sandbox_url)
    ident, _ = writes(stack, "in-nobodys-name")
    kept = wait_for(lambda: stack.control("quarantine.list"), "the quarantine")
    assert [q["reason"] for q in kept] == ["no_author"]
    stack.control("channel.add", reply=json.dumps(stack.sandbox(f"channels/{stack.channel}/registration")),
                  url=stack.sandbox_url)
    done = stack.control("quarantine.replay", ids=[kept[0]["id"]])
    assert done["replayed"] == [{"id": kept[0]["id"], "result": "applied"}]
    stack.wait("amojo.message", text="in-nobodys-name")
    assert stack.control("quarantine.list") == []
    assert stack.control("trace", id=ident)["message"]["service_id"] == ident
