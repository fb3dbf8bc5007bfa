"""Messages that people and bots on the service's side write to a client: at amo they are in somebody's name, and
when amo sends them back they are no new message of a manager."""
import json
import time
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
    assert (trace["direction"], trace["written_in"]) == ("outbound", "service")


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


# --- a restart -----------------------------------------------------------------------------------

@pytest.mark.parametrize("restarted", [["core", "egress-0"], ["core"]], ids=["all", "core"])
def test_an_echo_that_waited_through_a_reboot_is_no_message(stack, restarted):
    """The time it waits is that in which the outcome can become known: neither while core is down, nor while there
    is no worker to tell."""
    stack.sandbox("settings", {"echo": True}, method="PATCH")
    stack.meet()
    stack.fault(on="amojo.new_message", match="colleague", delay_ms=20000 if len(restarted) > 1 else 5000, times=1)
    _, mid = writes(stack, "colleague", stack.user)
    under_way(stack, "colleague")
    wait_for(lambda: stack.control("status")["waiting_events"] == 1, "the echo to wait")
    put = time.monotonic()
    for name in restarted:
        stack[name].kill()
    stack.clear_faults()
    wait_for(lambda: time.monotonic() - put > 3.2, "its time to be over by the wall clock")
    stack.start("core")
    if "egress-0" in restarted:
        wait_for(lambda: stack.control("status")["uptime_s"] >= 4, "core to have waited longer than that, too")
        assert stack.control("status")["waiting_events"] == 1
        stack.start("egress-0")
    stack.settle()
    wait_for(lambda: stack.control("status")["waiting_events"] == 0, "the echo to be known")
    assert stack.list("service/messages") == []
    assert stack.control("trace", id=mid)["message"]["state"] == "delivered_to_amo"


# --- the other way round -------------------------------------------------------------------------

def reports(stack, ident, text, conversation=CLIENT, phone=CLIENT):
    """The service reports what it sent to the client, as messenger libraries do before their call returns."""
    receiver = {"id": f"c:{conversation}", **({"phone": phone} if phone else {})}
    status, answer, _ = stack.service_call("messages", {
        "id": ident, "source": "wa1", "direction": "out", "conversation": {"id": conversation}, "type": "text",
        "text": text, "receiver": receiver, "author": None})
    assert status == 202, answer


def at_service(stack, text):
    """The service has the call and keeps its answer back."""
    wait_for(lambda: [b for b in stack.bodies(side="service", kind="message.created") if b["data"]["text"] == text],
             f"the call of {text}")


def answer_late(stack, text, ident, conversation=CLIENT, ms=1500):
    stack.fault(on="service.message.created", match=text, times=1, status=200, process=True, delay_ms=ms,
                body={"conversation": {"id": conversation}, **({"id": ident} if ident else {})})


def on_the_card(stack):
    """The texts that amo has of us, the client's own first words aside."""
    return [m["text"] for m in stack.list("amojo/messages") if m["text"] != "hello"]


@pytest.mark.parametrize("restart", [False, True], ids=["", "over-a-restart"])
def test_a_report_before_the_answer_is_no_message(stack, restart):
    chat = stack.meet()
    answer_late(stack, "from-the-manager", "svc-77")
    words = stack.manager_writes("from-the-manager", chat["chat"])
    at_service(stack, "from-the-manager")
    reports(stack, "svc-77", "from-the-manager")
    reports(stack, "svc-78", "by-the-operator")  # his own words, behind it
    wait_for(lambda: stack.control("status")["waiting_events"] == 2, "the reports to wait")
    if restart:
        stack.start_over("core")
    stack.wait("amojo.message", text="by-the-operator")
    stack.settle()
    assert on_the_card(stack) == ["by-the-operator"]
    assert stack.control("trace", id=words["id"])["message"]["service_id"] == "svc-77"


@pytest.mark.parametrize("phone", ["79005550190", None], ids=["by-phone", "without-phone"])
def test_a_report_of_first_words_before_their_answer_is_no_message(stack, phone):
    """The thread has a name that only the answer teaches."""
    answer_late(stack, "first-words", "svc-1", conversation="thread-of-its-own")
    stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": "+79005550190", "text": "first-words",
                                           "source": "wa1"})
    at_service(stack, "first-words")
    reports(stack, "svc-1", "first-words", conversation="thread-of-its-own", phone=phone)
    wait_for(lambda: stack.control("status")["waiting_events"] == 1, "the report to wait")
    stack.settle()
    wait_for(lambda: stack.control("status")["waiting_events"] == 0, "the report to be known")
    assert on_the_card(stack) == [] and len(stack.control("conversation.list")) == 1


def test_a_report_that_is_nothing_of_ours_is_a_message_when_the_answer_is_there(stack):
    chat = stack.meet()
    answer_late(stack, "named-otherwise", "svc-5")
    stack.manager_writes("named-otherwise", chat["chat"])
    at_service(stack, "named-otherwise")
    reports(stack, "svc-6", "of-an-operator")
    wait_for(lambda: stack.control("status")["waiting_events"] == 1, "the report to wait")
    stack.wait("amojo.message", text="of-an-operator")
    stack.settle()
    assert on_the_card(stack) == ["of-an-operator"]


@pytest.mark.parametrize("ms", [1500, 8000], ids=["", "for-their-whole-time"])
def test_what_a_client_answers_to_an_operator_whose_words_wait_stands_behind_them(stack, ms):
    chat = stack.meet()
    answer_late(stack, "named-otherwise", "svc-5", ms=ms)
    stack.manager_writes("named-otherwise", chat["chat"])
    at_service(stack, "named-otherwise")
    for n, word in enumerate(("of-an-operator", "the-answer", "of-an-operator-again", "another-answer")):
        if n % 2 == 0:
            reports(stack, f"svc-{6 + n}", word)
            continue
        assert stack.service_call("messages", {
            "id": word, "source": "wa1", "conversation": {"id": CLIENT}, "sender": {"id": f"c:{CLIENT}"}, "type": "text",
            "text": word})[0] == 202
    stack.wait("amojo.message", text="another-answer")
    stack.settle()
    assert on_the_card(stack) == ["of-an-operator", "the-answer", "of-an-operator-again", "another-answer"]


def test_reports_do_not_wait_for_ever_nor_for_other_conversations(stack):
    chat = stack.meet()
    answer_late(stack, "stuck-there", "svc-9", ms=12000)
    stack.manager_writes("stuck-there", chat["chat"])
    at_service(stack, "stuck-there")
    reports(stack, "op-1", "elsewhere", conversation="79005550199", phone="79005550199")
    stack.wait("amojo.message", text="elsewhere", timeout=2)
    reports(stack, "op-2", "patience")
    wait_for(lambda: stack.control("status")["waiting_events"] == 1, "it to wait")
    stack.wait("amojo.message", text="patience", timeout=9)


def test_a_report_of_a_call_that_is_tried_again_is_no_message(stack):
    """The answer is lost; the service tells its id to the repeat."""
    chat = stack.meet()
    stack.fault(on="service.message.created", match="cut-off", cut="after", times=1)
    words = stack.manager_writes("cut-off", chat["chat"])
    stack.wait("service.message", text="cut-off")
    ident = stack.list("service/messages")[0]["service_id"]
    reports(stack, ident, "cut-off")
    stack.settle()
    wait_for(lambda: stack.control("status")["waiting_events"] == 0, "the report to be known")
    assert on_the_card(stack) == []
    assert stack.control("trace", id=words["id"])["message"]["service_id"] == ident
