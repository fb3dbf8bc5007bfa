"""A time in another unit, or one that cannot be, is told apart or is that of ingress; it costs no message and is
never passed on as it is."""
import datetime
import time
import uuid

import pytest

from stack import QUICK, Stack, wait_for

NOW = int(time.time())
UNITS = {"s": NOW, "ms": NOW * 1000, "us": NOW * 1000000, "ns": NOW * 1000000000}
NEVER = [58882 * 365 * 86400 * 1000, -NOW, 0, 2**62, -2**63, "soon", 1.5e300, True, [NOW], {"a": 1}, NOW + 400 * 86400]


@pytest.fixture(scope="module")
def stack():
    with Stack(env=QUICK) as s:
        s.up(register=False)
        s.register(report="none")
        s.met = s.meet("hello")
        yield s


def hook(stack, text, times, time_=None):
    """A manager's message in the known chat with just these times; what the service got, and when."""
    body = {"account_id": stack.scope.partition("_")[2], "message": {
        "conversation": {"id": stack.met["chat"], "client_id": stack.met["conversation_id"]}, "sender": {"id": str(uuid.uuid4())},
        "receiver": {"id": str(uuid.uuid4())}, "message": {"id": str(uuid.uuid4()), "type": "text", "text": text}, **times}}
    if time_ is not None:
        body["time"] = time_
    assert stack.webhook(body, learn=False)["status"] == 200
    stack.wait("service.message", text=text, timeout=15)
    return told(stack, lambda data: data.get("text") == text)


def told(stack, fits, kind="message.created"):
    """The timestamp of the service's event, which must be well-formed, in seconds."""
    got = wait_for(lambda: [b for b in stack.bodies(side="service", kind=kind) if fits(b["data"])], "the event")[-1]["timestamp"]
    assert len(got) == 24 and got[4] == got[7] == "-" and got[10] == "T" and got.endswith("Z"), got
    return datetime.datetime.fromisoformat(got[:-1] + "+00:00").timestamp()


@pytest.mark.parametrize("unit", UNITS)
def test_a_webhook_tells_its_time_in_any_unit(stack, unit):
    cases = {"timestamp": UNITS[unit]}, {"timestamp": NOW, "msec_timestamp": UNITS[unit]}, {"msec_timestamp": str(UNITS[unit])}
    for n, times in enumerate(cases):
        assert hook(stack, f"in-{unit}-{n}", times) == NOW
    assert hook(stack, f"hook-in-{unit}", {}, UNITS[unit]) == NOW


def test_a_time_that_cannot_be_is_that_of_the_door(stack):
    for n, never in enumerate(NEVER):
        before = time.time()
        assert before - 1 < hook(stack, f"never-{n}", {"timestamp": never}) < time.time() + 1
        assert before - 1 < hook(stack, f"never-{n}-twice", {"timestamp": never, "msec_timestamp": never}, never) < time.time() + 1


def test_of_two_times_that_contradict_the_one_that_can_be_counts(stack):
    for n, never in enumerate(NEVER):
        assert hook(stack, f"other-{n}-a", {"timestamp": NOW, "msec_timestamp": never}) == NOW
        assert hook(stack, f"other-{n}-b", {"timestamp": never, "msec_timestamp": NOW * 1000}) == NOW
        assert hook(stack, f"other-{n}-c", {"timestamp": never}, NOW) == NOW
    # both can be, and one of them is years ago: it was sent now
    for old in (1230768000, 1596000000):
        assert hook(stack, f"old-{old}-a", {"timestamp": NOW, "msec_timestamp": old * 1000}) == NOW
        assert hook(stack, f"old-{old}-b", {"timestamp": old, "msec_timestamp": NOW * 1000}) == NOW
    # of two that agree the finer one counts
    assert hook(stack, "finer", {"timestamp": NOW, "msec_timestamp": NOW * 1000 + 250}) == NOW + 0.25
    assert stack.amoctl("quarantine", "list") == []


def test_a_reaction_tells_its_time_in_any_unit_or_not_at_all(stack):
    for n, given in enumerate([*UNITS.values(), 58882 * 365 * 86400 * 1000, NOW + 400 * 86400]):
        emoji = "😀😃😄😁😆😅"[n]
        before = time.time()
        body = {"account_id": stack.scope.partition("_")[2], "time": given, "action": {"reaction": {
            "type": "react", "emoji": emoji, "user": {"id": str(uuid.uuid4())}, "conversation": {"id": stack.met["chat"]},
            "msgid": stack.met["id"]}}}
        assert stack.webhook(body, learn=False)["status"] == 200
        at = told(stack, lambda data, e=emoji: data.get("emoji") == e, "reaction.changed")
        assert at == NOW if n < 4 else before - 1 < at < time.time() + 1


def test_what_a_service_says_of_times_reaches_amo_as_a_time_it_takes(stack):
    for n, given in enumerate([*UNITS.values(), "1970-01-01T00:00:01Z", "2199-12-31T23:59:59.999Z", "9999-12-31T23:59:59Z", 17, "soon"]):
        before, text = time.time(), f"sent-at-{n}"
        status, answer, _ = stack.service_call("messages", {
            "id": f"t-{n}", "source": "wa1", "conversation": {"id": "79005550101"}, "sender": {"id": "79005550101"}, "type": "text",
            "text": text, "sent_at": given, "reply_to": {"text": "old", "sent_at": given}})
        assert status == 202, answer
        payload = wait_for(lambda t=text: [b["payload"] for b in stack.bodies(side="amojo", kind="new_message")
                                           if b["payload"]["message"]["text"] == t], "it at amo")[-1]
        for times in (payload, payload["reply_to"]["message"]):
            assert times["timestamp"] == times["msec_timestamp"] // 1000
            if n < 4:
                assert times["timestamp"] == NOW
            else:
                assert before - 1 < times["timestamp"] < time.time() + 1
    stack.settle()
    assert stack.control("dead.list") == []
