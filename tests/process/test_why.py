"""Why is it not there? Each cause planted, and the line of words that every verb gives for it."""
import os
import re
import uuid

import pytest

from stack import QUICK, ControlError, Stack, wait_for
from test_doors import hook

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
# A back-off is long enough to be looked at; a test needs none to end.
PATIENT = QUICK | {"AMO_RETRY_BASE_MS": "30000", "AMO_RETRY_CAP_MS": "30000"}
SERVER_ERROR = {"status": 500, "body": {"error": "SERVER_ERROR"}}


@pytest.fixture
def stack():
    with Stack(env=PATIENT) as s:
        s.up(register=False)
        s.register(report="none")
        yield s


def trace(stack, ident):
    """Also of what is no message yet; None: nothing is known by this id."""
    try:
        return stack.amoctl("trace", ident)
    except ControlError as refusal:
        assert "no message is known" in str(refusal)
        return None


def why(stack, ident, words):
    """The line, once it matches: the message may still be on its way to where it waits."""
    seen = []

    def says():
        seen.append(trace(stack, ident))
        return seen[-1] and re.search(words, seen[-1]["why"] or "") and seen[-1]["why"]

    return wait_for(says, lambda: f"{words!r} instead of {seen[-1]}")


def queue(stack, destination):
    return next((q for q in stack.control("queue") if q["destination"] == destination), None)


def everywhere(stack, ident, words):
    """Trace, the conversation and the queue say the same of the message's own command."""
    seen = []

    def says():
        told = trace(stack, ident)
        own = next((w for w in told["waiting"] if w["kind"].endswith(".message")), None) if told else None
        if not own:
            return False
        shown = stack.control("conversation.show", id=str(told["message"]["conversation"]))["waiting"]
        seen[:] = [told["why"], own["why"], *(w["why"] for w in shown if w["command"] == own["command"]),
                   (queue(stack, own["destination"]) or {}).get("why")]
        return len(seen) == 4 and all(re.search(words, line or "") for line in seen)

    wait_for(says, lambda: f"{words!r} instead of {seen}")


def test_an_account_that_is_paused(stack):
    met = stack.meet()
    stack.control("account.pause", scope_id=stack.scope)
    written = stack.manager_writes("paused-out", met["chat"])
    sent = stack.client_writes("paused-in")
    words = rf"^(what waits is of account Test: )?account paused by \S.* since {TIME}$"
    for ident in (written["id"], sent["id"]):
        everywhere(stack, ident, words)
    assert re.search(words, stack.control("account.show", scope_id=stack.scope)["why"])
    assert re.search(words, stack.control("connector.show", name="svc")["why"])
    assert stack.operator("trace", sent["id"]).stdout.startswith("account paused by ")


def test_an_account_that_left(stack):
    met = stack.meet()
    stack.control("account.pause", scope_id=stack.scope)
    written = stack.manager_writes("left", met["chat"])
    why(stack, written["id"], "^account paused")
    stack.control("account.disconnect", scope_id=stack.scope, no_call=True)
    everywhere(stack, written["id"], rf"^(what waits is of account Test: )?account disconnected since {TIME}$")


def test_no_worker(stack):
    stack.meet()
    stack["egress-0"].stop()
    sent = stack.client_writes("nobody-there")
    everywhere(stack, sent["id"], "^no worker is connected$")


def test_a_failure_that_is_tried_again_with_the_last_answer(stack):
    stack.meet()
    stack.fault(on="amojo.new_message", **SERVER_ERROR)
    sent = stack.client_writes("again")
    everywhere(stack, sent["id"], r"^next attempt in \d+ s, last answer 500 .*SERVER_ERROR")
    behind = stack.client_writes("again-behind")
    first = trace(stack, sent["id"])
    number = first["waiting"][0]["command"]
    line = why(stack, behind["id"], "^behind ")
    assert re.search(rf"^behind command {number} \(amo.message of message {first['message']['mid']}\) of the same "
                     r"conversation: next attempt in \d+ s, last answer 500", line)


@pytest.mark.parametrize("status, words, then", [
    (429, "it wants fewer calls", "next probe in "),
    (410, "it says that it is gone, for good", "it is tried again after amoctl connector resume"),
])
def test_a_service_that_is_held(stack, status, words, then):
    met = stack.meet()
    stack.fault(on="service.message.created", status=status, **({"retry_after": 600} if status == 429 else {}))
    written = stack.manager_writes("held", met["chat"])
    number = stack.control("conversation.show", id="79005550101")["id"]
    whose = rf" because of conversation {number} \(number wa1\)" if status == 410 else ""
    line = rf"^service svc is held since {TIME}{whose}: {re.escape(words)}, last answer {status} .*; {then}"
    everywhere(stack, written["id"], line)
    assert re.search(line, stack.control("connector.show", name="svc")["why"])


def test_an_account_that_is_held_for_another_conversation(stack):
    """A message that was never tried says whose failure it waits for, and what was answered."""
    stack.meet()
    stack.fault(on="amojo.new_message", status=429, retry_after=600)
    stack.client_writes("too-many")
    wait_for(lambda: stack.account()["held"] == "throttled", "the hold")
    sent = stack.client_writes("not-tried", conversation="79005550109")
    why(stack, sent["id"], rf"^account Test is held since {TIME}: it wants fewer calls, last answer 429 .*; "
                          r"commands that wait for it: 2; next probe in \d+ min \d+ s")
    assert trace(stack, sent["id"])["waiting"][0]["attempts"] == 0


def test_a_destination_that_is_over_its_share(stack):
    chats = [stack.meet(f"hello-{n}", conversation=f"7900555020{n}")["chat"] for n in range(8)]
    stack.fault(on="service.message.created", delay_before_ms=8000)
    written = [stack.manager_writes(f"slow-{n}", chat)["id"] for n, chat in enumerate(chats)]
    words = r"^over its share: service svc has \d+ calls under way, as many as it answers in time$"
    wait_for(lambda: [i for i in written if (t := trace(stack, i)) and re.search(words, t["why"] or "")], "one that has no place")
    assert re.search(words, queue(stack, "connector:svc")["why"])
    calling = wait_for(lambda: [t["why"] for i in written if (t := trace(stack, i)) and "is calling" in (t["why"] or "")], "the others")
    assert all(re.search(rf"^worker egress-0 is calling since {TIME}$", line) for line in calling)


def test_what_waits_for_a_message_that_is_not_known(stack):
    ident = str(uuid.uuid4())
    assert stack.service_call("reactions", {"message_id": ident, "emoji": "👍"})[0] == 202
    why(stack, ident, rf"^waits for message {ident}, which is not known yet, until {TIME}$")
    told = trace(stack, ident)
    assert told["message"] is None and [e["kind"] for e in told["events"]] == ["service.reaction"]
    shown = stack.operator("trace", ident)
    assert shown.returncode == 0 and shown.stdout.startswith(f"waits for message {ident}")


@pytest.mark.parametrize("status", [500, 422])
def test_what_a_service_repeats_of_the_message_is_shown_nowhere(stack, status):
    """Its own words are: an operator needs them."""
    met = stack.meet(conversation="79161112233", sender={"id": "79161112233", "name": "Ivan", "phone": "+79161112233"})
    secret = f"the door's code is {uuid.uuid4().hex} today"
    stack.fault(on="service.message.created", match=secret, status=status,
                body={"error": {"code": "bad", "message": f"Scan the QR code again: {secret}, +7 (916) 111-22-33"}})
    written = stack.manager_writes(secret, met["chat"])
    assert "Scan the QR code again: \u2026" in why(stack, written["id"], "Scan the QR code again")
    for words in (["queue"], ["message", "list"], ["dead", "list"], ["conversation", "list", "--waiting"],
                  ["connector", "show", "svc"], ["doctor"], ["trace", written["id"]]):
        for more in ([], ["--json"]):
            said = stack.operator(*words, *more).stdout
            assert said and secret[:24] not in said and secret[-24:] not in said and "111-22-33" not in said, said
    assert secret in stack.operator("message", "list", "--reveal").stdout


def test_what_is_in_quarantine_is_found_by_its_id(stack):
    stack.meet()
    body = hook(stack.scope.split("_")[1], "to-nobody", client=None)
    ident = body["message"]["message"]["id"]
    assert stack.webhook(body, learn=False)["status"] == 200
    [entry] = wait_for(lambda: stack.control("quarantine.list"), "the entry")
    for word in (ident, entry["trace"]):
        assert why(stack, word, "^in quarantine") == f"in quarantine, entry {entry['id']}: {entry['reason']}"
    told = trace(stack, ident)
    assert told["message"] is None and told["quarantine"][0]["id"] == entry["id"]
    stack.start_over("core")
    assert trace(stack, ident)["why"] == f"in quarantine, entry {entry['id']}: {entry['reason']}"
    stack.control("quarantine.drop", ids=[entry["id"]])
    assert trace(stack, ident) is None


def test_what_its_service_reports_as_failed(stack):
    written = stack.manager_writes("in-vain", stack.meet()["chat"])
    got = stack.wait("service.message", text="in-vain")["item"]
    why(stack, written["id"], "^service svc has it and has reported nothing yet$")
    stack.sandbox("client/statuses", {"connector": "svc", "id": got["id"], "status": "failed",
                                      "error": {"code": "not_on_channel", "text": "blocked by user"}})
    stack.wait("status", id=written["id"], status=-1)
    line = why(stack, written["id"], "^failed")
    assert re.search(rf'^failed: service svc reported not_on_channel, 904: "blocked by user", at {TIME}$', line)
    told = trace(stack, written["id"])
    message = told["message"]
    assert (message["told"], message["told_status"], message["told_code"], message["told_words"], message["service_code"]) == (
        "failed", -1, 904, "blocked by user", "not_on_channel")
    [row] = stack.control("message.list", who=str(message["conversation"]), limit="1")["messages"]
    assert {k: v for k, v in row.items() if k.startswith("told")} == {k: v for k, v in message.items() if k.startswith("told")}
    assert {"what": "the service reported that it failed", "words": "blocked by user"}.items() <= next(
        s for s in told["journey"] if s["what"].startswith("the service")).items()


def test_what_was_given_up_with_the_words_of_the_other_side(stack):
    stack.meet()
    stack.fault(on="amojo.new_message", match="refuse-me", status=400, times=1,
                body={"error_description": "payload.message.text: cannot be blank"})
    sent = stack.client_writes("refuse-me")
    [letter] = wait_for(lambda: stack.control("dead.list"), "the letter")
    line = why(stack, sent["id"], "^given up")
    assert line.startswith(f"given up (dead letter {letter['id']}), refused: refused by the other side")
    assert "payload.message.text: cannot be blank" in line
    # the number that the log names leads there, too
    assert trace(stack, str(letter["id"]))["message"]["service_id"] == sent["id"]


def test_attempts_are_counted_as_people_count_them_and_probes_are_called_probes():
    quick = QUICK | {"AMO_RETRY_BASE_MS": "200", "AMO_RETRY_CAP_MS": "400"}
    with Stack(env=quick) as stack:
        stack.up()
        stack.fault(on="amojo.new_message", match="refuse-me", status=400, times=1, body={"error_description": "no"})
        stack.client_writes("refuse-me")
        [letter] = wait_for(lambda: stack.control("dead.list"), "the letter")
        assert letter["attempts"] == 1
        assert [t["attempt"] for t in stack.control("dead.show", id=letter["id"])["tries"]] == [1]
        stack.fault(on="amojo.new_message", **SERVER_ERROR)
        sent = [stack.client_writes(f"m-{n}", conversation=f"7900555010{n}")["id"] for n in range(3)]
        wait_for(lambda: stack.account()["held"] == "breaker", "the breaker")

        def probed():
            told = [trace(stack, ident) for ident in sent]
            return all(told) and next((t for t in told if any("probe" in s for s in t["journey"])), None)

        told = wait_for(probed, "a probe")
        calls = [s for s in told["journey"] if s["what"] == "amo.message"]
        counted = [s["attempt"] for s in calls if "attempt" in s]
        probes = [s["probe"] for s in calls if "probe" in s]
        assert counted == list(range(1, len(counted) + 1)) and probes == list(range(1, len(probes) + 1))
        assert all(("attempt" in s) != ("probe" in s) for s in calls)
        [own] = [w for w in told["waiting"] if w["kind"] == "amo.message"]
        assert own["attempts"] == len(counted) and own["probes"] >= len(probes) >= 1


def test_an_id_of_a_conversation_leads_to_its_messages(stack):
    met = stack.meet()
    refusal = stack.operator("trace", met["chat"])
    number = stack.control("conversation.show", id="79005550101")["id"]
    assert refusal.returncode == 1 and f"message list --conversation id:{number}" in refusal.stderr
    assert "no message is known by this id\n" in stack.operator("trace", "what-is-that").stderr


def test_lists_of_messages_and_conversations_say_why(stack):
    met = stack.meet()
    stack.control("account.pause", scope_id=stack.scope)
    written = stack.manager_writes("listed", met["chat"])
    why(stack, written["id"], "^account paused")
    [waiting, arrived] = stack.amoctl("message", "list", "--conversation", "79005550101")["messages"]
    assert waiting["why"].startswith("account paused by") and arrived["why"].startswith("amo has it since")
    assert stack.amoctl("conversation", "list", "--waiting")[0]["why"].startswith("account paused by")


def test_a_journey_is_in_the_order_of_time(stack):
    written = stack.manager_writes("in-order", stack.meet()["chat"])
    got = stack.wait("service.message", text="in-order")["item"]
    why(stack, written["id"], "^service svc has it")
    for status in ("delivered", "read"):
        stack.sandbox("client/statuses", {"connector": "svc", "id": got["id"], "status": status})
    stack.wait("status", id=written["id"], status=2)
    why(stack, written["id"], rf"^read, as service svc has reported, at {TIME}$")
    steps = trace(stack, written["id"])["journey"]
    assert [s["at"] for s in steps] == sorted(s["at"] for s in steps)
    names = [s["what"] for s in steps]
    assert names[:3] == ["accepted by ingress", "service.message", "delivered_to_service"] and "amo.status" in names[3:]


def test_who_paused_is_the_user_of_the_process_that_asked(stack):
    stack.control("account.pause", scope_id=stack.scope)
    line = stack.control("account.show", scope_id=stack.scope)["why"]
    assert re.search(rf"^account paused by {'root' if os.geteuid() == 0 else '.*'} since {TIME}$", line)
    stack.start_over("core")
    shown = stack.control("account.show", scope_id=stack.scope)["why"]
    assert shown in (line, line + "; and no worker is connected")
    stack.control("account.resume", scope_id=stack.scope)
    assert stack.control("account.show", scope_id=stack.scope)["why"] is None
