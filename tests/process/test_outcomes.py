"""What becomes of a message when the answer to its call is lost, unclear or a refusal."""
import sqlite3

import pytest

from stack import QUICK, ControlError, Stack, wait_for


@pytest.fixture
def stack():
    with Stack(env=QUICK) as s:
        s.up()
        yield s


@pytest.mark.parametrize("repeat", [200, 400])
@pytest.mark.parametrize("first", [True, False], ids=["first-of-its-chat", "of-a-known-chat"])
def test_a_lost_answer_is_settled_with_one_effect(stack, repeat, first):
    stack.sandbox("settings", {"repeat": repeat}, method="PATCH")
    if not first:
        stack.meet()
    stack.fault(on="amojo.new_message", match="answer-lost", cut="after", times=1)
    sent = stack.client_writes("answer-lost")
    stack.client_writes("behind-it")
    stack.wait("amojo.message", text="behind-it")
    stack.settle()
    got = {m["text"]: m for m in stack.list("amojo/messages")}
    # a call that was cut on a kept connection may go once more by itself
    assert got["answer-lost"]["effects"] == 1 and 1 <= got["answer-lost"]["repeats"] <= 2
    assert got["answer-lost"]["seq"] < got["behind-it"]["seq"]
    told = stack.control("trace", id=sent["id"])
    assert told["message"]["state"] == "delivered_to_amo"
    assert told["message"]["amo_id"] == got["answer-lost"]["id"]
    counters = stack.sandbox("counters")
    assert (counters["amojo.histories"] > 0) == (repeat == 400)
    assert stack.control("dead.list") == []
    # amo's id of the chat was learnt too: an answer of the manager finds its way
    stack.manager_writes("thanks", got["answer-lost"]["chat"])
    assert stack.wait("service.message", text="thanks")["item"]["conversation"] == "79005550101"


def test_the_very_first_answer_is_lost_and_the_manager_answers_before_it_is_settled(stack):
    """The webhook names our id of the chat: it must do before amo's is known."""
    stack.fault(on="amojo.new_message", match="quick-one", cut="after", times=1)
    stack.client_writes("quick-one")
    met = stack.wait("amojo.message", text="quick-one")["item"]
    stack.manager_writes("quick-answer", met["chat"])
    assert stack.wait("service.message", text="quick-answer")["item"]["conversation"] == "79005550101"
    stack.settle()
    assert len(stack.control("conversation.list")) == 1


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_lost_answer_of_the_service_is_repeated_under_the_same_id(stack, cut):
    met = stack.meet()
    stack.fault(on="service.message.created", match="cut-short", cut=cut, times=2)
    stack.manager_writes("cut-short", met["chat"])
    stack.manager_writes("after-it", met["chat"])
    stack.wait("service.message", text="after-it")
    stack.settle()
    got = {m["text"]: m for m in stack.list("service/messages")}
    assert got["cut-short"]["webhook_ids"] == 1 and got["cut-short"]["body_changed"] == 0
    assert got["cut-short"]["repeats"] == (2 if cut == "after" else 0)
    assert got["cut-short"]["seq"] < got["after-it"]["seq"]
    assert all(m["status"] == 2 for m in stack.list("amojo/messages?from=manager"))


def test_a_real_refusal_of_amojo_is_a_dead_letter_that_can_be_retried_at_the_tail(stack):
    stack.meet()
    stack.fault(on="amojo.new_message", match="not-like-this", status=400, times=1,
                body={"error_code": 400, "error_type": "BAD_REQUEST", "error_description": "payload: no"})
    sent = stack.client_writes("not-like-this")
    stack.client_writes("next-one")
    stack.wait("amojo.message", text="next-one")  # the lane goes on
    letters = wait_for(lambda: stack.control("dead.list"), "the dead letter")
    assert [(d["kind"], d["reason"], d["service_id"]) for d in letters] == \
        [("amo.message", "refused", sent["id"])]
    shown = stack.control("dead.show", id=letters[0]["id"])
    attempts = [a for a in shown["tries"] if a["outcome"] == "dead"]
    assert attempts and attempts[-1]["status"] == 400 and "BAD_REQUEST" in attempts[-1]["evidence"]
    assert stack.figure("core", "amo_dead_letters") == 1
    assert stack.control("trace", id=sent["id"])["message"]["state"] == "failed"
    stack.control("account.pause", scope_id=stack.scope)
    stack.client_writes("waits-already")
    wait_for(lambda: stack.control("status")["commands"] == 1, "it to wait")
    answer = stack.control("dead.retry", ids=[letters[0]["id"]])["retried"][0]
    assert answer["place"] == "tail of its lane"
    stack.client_writes("comes-later")
    wait_for(lambda: stack.control("status")["commands"] == 3, "all to wait")
    stack.control("account.resume", scope_id=stack.scope)
    stack.wait("amojo.message", text="comes-later")
    assert [m["text"] for m in stack.list("amojo/messages")] == \
        ["hello", "next-one", "waits-already", "not-like-this", "comes-later"]
    stack.settle()
    assert stack.control("dead.list") == []
    assert stack.control("trace", id=sent["id"])["message"]["state"] == "delivered_to_amo"


def test_a_retried_dead_letter_survives_a_crash_of_core(stack):
    stack.meet()
    stack.fault(on="amojo.new_message", match="again-please", status=400, times=1)
    stack.client_writes("again-please")
    letter = wait_for(lambda: stack.control("dead.list"), "the dead letter")[0]
    stack.control("account.pause", scope_id=stack.scope)
    stack.control("dead.retry", ids=[letter["id"]])
    stack.start_over("core")
    assert stack.account()["paused"]
    stack.control("account.resume", scope_id=stack.scope)
    assert stack.wait("amojo.message", text="again-please")["item"]["effects"] == 1


def dead_one(stack, text, chat, **fault):
    stack.fault(on="service.message.created", match=text, **fault)
    words = stack.manager_writes(text, chat)
    letter = wait_for(lambda: stack.control("dead.list"), "the dead letter")[0]
    stack.wait("status", id=words["id"], status=-1)
    stack.clear_faults()
    return words, letter["id"]


def test_a_retry_that_may_reach_the_client_twice_must_be_meant():
    """A service need not know a webhook-id longer than a day."""
    with Stack(env={**QUICK, "AMO_RETRY_ATTEMPTS": "2"}) as stack:
        stack.up()
        chat = stack.meet()["chat"]
        _, refused = dead_one(stack, "refused-in-words", chat, status=400, body={"error": {"code": "no"}})
        stack.control("dead.retry", ids=[refused])  # it is certain that nobody has it
        stack.wait("service.message", text="refused-in-words")
        stack.settle()
        _, young = dead_one(stack, "cut-today", chat, cut="before")
        assert "warning" not in stack.control("dead.retry", ids=[young])["retried"][0]
        stack.wait("service.message", text="cut-today")
        stack.settle()
        _, old = dead_one(stack, "cut-before", chat, cut="before")
        stack["core"].stop()
        with sqlite3.connect(stack.dir / "data" / "core" / "core.db") as db:
            db.execute("UPDATE attempts SET began_ms=began_ms-86400001")
        stack.start("core")
        assert "--may-double" in stack.amoctl("dead", "retry", old, code=1)
        assert [d["id"] for d in stack.control("dead.list")] == [old]
        assert "may get it twice" in stack.amoctl("dead", "retry", "--may-double", old)["retried"][0]["warning"]
        stack.wait("service.message", text="cut-before")


def test_after_a_retry_the_card_shows_the_failure_until_the_service_says_more():
    with Stack(env={**QUICK, "AMO_RETRY_ATTEMPTS": "2"}) as stack:
        stack.up(register=False)
        stack.register(report="none")
        words, letter = dead_one(stack, "shown-as-failed", stack.meet()["chat"], status=422)
        assert "-1" in stack.control("dead.retry", ids=[letter])["retried"][0]["card"]
        mid = stack.wait("service.message", text="shown-as-failed")["item"]["id"]
        stack.settle()
        assert [s for s, _ in stack.statuses(words["id"])] == [-1]  # taken over is not delivered
        stack.service_call("statuses", {"statuses": [{"id": mid, "status": "delivered"}]})
        stack.wait("status", id=words["id"], status=1)


def test_dead_letters_are_dropped_and_unknown_ones_refused(stack):
    stack.fault(on="amojo.new_message", match="drop-me", status=400, times=1)
    stack.client_writes("drop-me")
    letter = wait_for(lambda: stack.control("dead.list"), "the dead letter")[0]
    with pytest.raises(ControlError) as refusal:
        stack.control("dead.drop", ids=[letter["id"], 987654])
    assert refusal.value.code == 1 and "987654" in str(refusal.value)
    assert len(stack.control("dead.list")) == 1
    assert stack.control("dead.drop", ids=[letter["id"]])["dropped"] == [letter["id"]]
    assert stack.control("dead.list") == []


def test_the_services_own_words_reach_the_manager(stack):
    met = stack.meet()
    stack.fault(on="service.message.created", match="not-allowed", status=422, times=1,
                body={"error": {"code": "blocked", "message": "the client has blocked this number"}})
    refused = stack.manager_writes("not-allowed", met["chat"])
    stack.manager_writes("fine", met["chat"])
    stack.wait("status", id=refused["id"], status=-1)
    told = stack.list(f"amojo/statuses?id={refused['id']}")
    assert [(s["status"], s["error_code"], s["error"]) for s in told] == \
        [(-1, 905, "the client has blocked this number")]
    stack.wait("service.message", text="fine")
    letter = stack.control("dead.list")
    assert [(d["reason"], d["amo_id"]) for d in letter] == [("refused", refused["id"])]


def test_what_is_given_up_is_told_as_our_failure():
    with Stack(env={**QUICK, "AMO_RETRY_ATTEMPTS": "3"}) as stack:
        stack.up()
        met = stack.meet()
        stack.fault(on="service.message.created", match="hopeless", status=500)
        lost = stack.manager_writes("hopeless", met["chat"])
        stack.manager_writes("hopeful", met["chat"])
        stack.wait("status", id=lost["id"], status=-1)
        assert stack.statuses(lost["id"]) == [(-1, 903)]
        stack.wait("service.message", text="hopeful")
        shown = stack.control("dead.show", id=stack.control("dead.list")[0]["id"])
        assert [a["status"] for a in shown["tries"]] == [500, 500, 500]


def test_an_amojo_message_out_of_attempts_is_looked_up_before_it_is_given_up():
    with Stack(env={**QUICK, "AMO_RETRY_ATTEMPTS": "2"}) as stack:
        stack.up()
        stack.meet()
        # it has its effect each time, and each time its answer is lost
        stack.fault(on="amojo.new_message", match="never-heard", cut="after")
        stack.client_writes("never-heard")
        stack.client_writes("and-then")
        stack.wait("amojo.message", text="and-then")
        assert stack.control("dead.list") == []
        got = {m["text"]: m for m in stack.list("amojo/messages")}
        assert got["never-heard"]["effects"] == 1 and stack.sandbox("counters")["amojo.histories"] >= 1


def test_a_waiting_message_shows_as_delayed_and_a_delivery_wins():
    with Stack(env={**QUICK, "AMO_CORE_DELAYED_MS": "1000"}) as stack:
        stack.up()
        met = stack.meet()
        stack.fault(on="service.message.created", match="slow-one", status=429, retry_after=60, times=1)
        slow = stack.manager_writes("slow-one", met["chat"])
        stack.wait("status", id=slow["id"], status=-1, timeout=20)
        assert stack.statuses(slow["id"]) == [(-1, 903)]
        stack.start_over("core")  # holds are in memory: it is tried again
        stack.wait("status", id=slow["id"], status=2)
        told = [s for s, _ in stack.statuses(slow["id"])]
        assert told[0] == -1 and told[-1] == 2 and sorted(told[1:]) == told[1:]


@pytest.mark.parametrize("status", ["sent", "delivered"])
def test_what_was_given_up_and_is_reported_has_arrived(status):
    """The client has it, and its service never said so in an answer."""
    with Stack(env={**QUICK, "AMO_RETRY_ATTEMPTS": "2"}) as stack:
        stack.up(register=False)
        stack.register(report="none")
        words, letter = dead_one(stack, "there-all-the-same", stack.meet()["chat"], cut="after")
        mid = stack.control("trace", id=words["id"])["message"]["mid"]

        def state():
            return stack.control("trace", id=words["id"])["message"]

        stack.service_call("statuses", {"statuses": [{"id": mid, "status": "failed"}]})
        stack.settle()
        assert state()["state"] == "failed" and state()["reason"]
        stack.service_call("statuses", {"statuses": [{"id": mid, "status": status}]})
        stack.settle()
        assert state()["state"] == "delivered_to_service" and "reason" not in state()
        assert stack.call("GET", f"messages/{mid}", None).json["status"] == "delivered_to_service"
        assert "has arrived" in stack.amoctl("dead", "retry", letter, code=1)
        stack.control("dead.retry", ids=[letter], may_double=True)
        stack.settle()
        assert state()["state"] == "delivered_to_service" and stack.control("dead.list") == []
