"""Whose matter a failure is: the message's own, or its destination's. The neighbours decide it."""
import json
import time

import pytest

from stack import QUICK, Stack, wait_for

PAGE = "<html><head><title>nginx</title></head><body>not now</body></html>"
OWN = "79005550200"
NEIGHBOURS = [f"7900555020{n}" for n in range(1, 5)]


@pytest.fixture(scope="module")
def shared():
    with Stack(env={**QUICK, "AMO_RETRY_ATTEMPTS": "4", "AMO_CORE_LOOKS_MS": "300", "AMO_CORE_CONNECT_EVERY_MS": "100"}) as s:
        s.up()
        s.chats = {c: s.meet(f"hello-{c}", c)["chat"] for c in [OWN, *NEIGHBOURS]}
        yield s


@pytest.fixture
def stack(shared):
    yield shared
    shared.clear_faults()
    shared.control("account.resume", scope_id=shared.scope)
    shared.settle(20)
    letters = shared.control("dead.list")
    if letters:
        shared.control("dead.drop", ids=[d["id"] for d in letters])


def calls(stack, side, kind, text):
    """The answers to the calls whose body holds the text."""
    return [j["status"] for j in stack.journal(side=side, kind=kind) if text in json.dumps(j["body"], ensure_ascii=False)]


def clients_write(stack, what, until, timeout=30):
    """Round after round, each neighbour served at once; ends when something is true."""
    end, n = time.monotonic() + timeout, 0
    while True:
        for chat in NEIGHBOURS:
            n += 1
            stack.client_writes(f"{what}-{n}", conversation=chat)
            stack.wait("amojo.message", text=f"{what}-{n}", timeout=5)
        if n >= 12 and until():
            return
        assert time.monotonic() < end, "it never died"


def managers_write(stack, what, until, timeout=30):
    end, n = time.monotonic() + timeout, 0
    while True:
        for chat in NEIGHBOURS:
            n += 1
            stack.manager_writes(f"{what}-{n}", stack.chats[chat])
            stack.wait("service.message", text=f"{what}-{n}", timeout=5)
        if n >= 12 and until():
            return
        assert time.monotonic() < end, "it never died"


@pytest.mark.parametrize("status, body", [(403, None), (404, None), (405, PAGE), (302, None)])
def test_one_message_that_amojo_will_not_hear_of_stops_nobody_and_dies(stack, status, body):
    text = f"poison-{status}"
    stack.fault(on="amojo.new_message", match=text, status=status, **({"body": body} if body else {}))
    stack.client_writes(text, conversation=OWN)
    wait_for(lambda: calls(stack, "amojo", "new_message", text), "its first call")
    clients_write(stack, f"beside-{status}", lambda: stack.control("dead.list"))
    assert [d["kind"] for d in stack.control("dead.list")] == ["amo.message"]
    assert len(calls(stack, "amojo", "new_message", text)) <= 9
    stack.client_writes(f"next-at-amo-{status}", conversation=OWN)  # its lane goes on
    stack.wait("amojo.message", text=f"next-at-amo-{status}", timeout=5)
    assert not stack.account()["held"]


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("kind", ["delivery_status", "edit_message", "react"])
def test_one_lesser_call_that_amojo_will_not_hear_of_stops_nobody_and_dies(stack, kind, status):
    about = f"about-{kind}-{status}"
    sent = stack.client_writes(about, conversation=OWN)
    told = stack.wait("amojo.message", text=about)["item"]
    stack.fault(on=f"amojo.{kind}", status=status)  # before whatever it is to hit
    if kind == "delivery_status":
        stack.manager_writes(f"{about}-back", stack.chats[OWN])
    elif kind == "edit_message":
        stack.sandbox("client/edits", {"connector": "svc", "id": sent["id"], "text": "better", "conversation": OWN})
    elif kind == "react":
        stack.sandbox("client/reacts", {"connector": "svc", "id": sent["id"], "emoji": "👍", "conversation": OWN})
    wait_for(lambda: [j for j in stack.journal(side="amojo", kind=kind) if j["status"] == status], "its first call")
    clients_write(stack, f"{about}-beside", lambda: stack.control("dead.list"))
    assert told and not stack.account()["held"]


@pytest.mark.parametrize("status, body", [(401, PAGE), (403, PAGE), (404, PAGE), (405, ""), (418, {"detail": "no"}),
                                          (302, ""), (410, ""), (500, PAGE), (502, PAGE)])
def test_one_message_that_a_services_front_will_not_hear_of_stops_nobody_and_dies(stack, status, body):
    text = f"front-{status}"
    stack.fault(on="service.message.created", match=text, status=status, body=body)
    stack.manager_writes(text, stack.chats[OWN])
    wait_for(lambda: calls(stack, "service", "message.created", text), "its first call")
    managers_write(stack, f"healthy-{status}", lambda: stack.control("dead.list"))
    assert [d["kind"] for d in stack.control("dead.list")] == ["service.message"]
    stack.manager_writes(f"next-of-its-lane-{status}", stack.chats[OWN])
    stack.wait("service.message", text=f"next-of-its-lane-{status}", timeout=5)


def test_a_conversation_that_fails_alone_opens_no_breaker_and_dies_in_its_attempts():
    with Stack(env={**QUICK, "AMO_RETRY_ATTEMPTS": "7"}) as stack:
        stack.up()
        chats = [stack.meet(f"hello-{n}", f"7900555040{n}")["chat"] for n in range(2)]
        stack.fault(on="service.message.created", match="lonely", status=500)
        lost = stack.manager_writes("lonely", chats[0])
        wait_for(lambda: len(calls(stack, "service", "message.created", "lonely")) == 6, "its sixth call")
        stack.manager_writes("another", chats[1])
        stack.wait("service.message", text="another", timeout=2)
        stack.wait("status", id=lost["id"], status=-1)
        assert calls(stack, "service", "message.created", "lonely") == [500] * 7
        assert not any("destination.held" in line for line in stack["core"].lines)


def test_many_that_amojo_will_not_hear_of_stop_nobody_for_long():
    """A guard dislikes what several clients send at once: more of them than are asked before a hold is believed."""
    with Stack(env={**QUICK, "AMO_RETRY_ATTEMPTS": "4", "AMO_CORE_LOOKS_MS": "300", "AMO_CORE_CONNECT_EVERY_MS": "100"}) as stack:
        stack.up()
        for n in range(8):
            stack.meet(f"hello-{n}", f"7900555060{n}")
        stack.fault(on="amojo.new_message", match="disliked", status=403)
        for n in range(7):
            stack.client_writes(f"disliked-{n}", conversation=f"7900555060{n}")
        wait_for(lambda: stack.account()["held"] == "forbidden", "the hold")
        stack.client_writes("harmless", conversation="79005550607")
        stack.wait("amojo.message", text="harmless", timeout=20)  # a slow probe comes after a minute


def test_two_that_always_fail_do_not_keep_a_destination_shut_for_others(stack):
    stack.fault(on="service.message.created", match="two-of-a-kind", status=500)
    for chat in (OWN, NEIGHBOURS[0]):
        stack.manager_writes("two-of-a-kind", stack.chats[chat])
    wait_for(lambda: len(calls(stack, "service", "message.created", "two-of-a-kind")) >= 5, "the breaker")
    for n in range(5):
        stack.manager_writes(f"third-{n}", stack.chats[NEIGHBOURS[1]])
        stack.wait("service.message", text=f"third-{n}", timeout=3)
    wait_for(lambda: len(stack.control("dead.list")) == 2 or
             managers_write_one(stack, NEIGHBOURS[2]), "both dead letters", 30)


def managers_write_one(stack, chat):
    stack.manager_writes("on-and-on", stack.chats[chat])
    time.sleep(0.1)  # the pace of one who writes on and on
    return False


def test_a_lesser_call_does_not_die_of_an_account_that_amojo_has_forgotten(stack):
    """An account that is not connected any more answers 404 to everything; a status is not to blame."""
    for kind in ("delivery_status", "connect"):
        stack.fault(on=f"amojo.{kind}", status=404)
    asked = stack.manager_writes("is-it-there", stack.chats[OWN])
    stack.wait("service.message", text="is-it-there")
    wait_for(lambda: stack.account()["held"] == "not_found", "the hold", 20)
    wait_for(lambda: [j for j in stack.journal(side="amojo", kind="connect") if j["status"] == 404], "a connect call")
    assert stack.control("dead.list") == []
    stack.clear_faults()
    stack.wait("status", id=asked["id"], status=2, timeout=20)


def test_a_service_that_says_gone_to_one_conversation_is_not_switched_off(stack):
    stack.fault(on="service.message.created", match="gone-for-one", status=410)
    stack.manager_writes("gone-for-one", stack.chats[OWN])
    wait_for(lambda: calls(stack, "service", "message.created", "gone-for-one"), "its first call")
    stack.manager_writes("here-for-others", stack.chats[NEIGHBOURS[0]])
    stack.wait("service.message", text="here-for-others", timeout=5)
    stack.fault(on="service.message.created", status=410)  # and this time it is everybody's
    for chat in NEIGHBOURS[1:3]:
        stack.manager_writes("gone-for-all", stack.chats[chat])
    wait_for(lambda: len(calls(stack, "service", "message.created", "gone-for-all")) == 2, "two to say so", 10)
    stack.manager_writes("gone-for-all-3", stack.chats[NEIGHBOURS[3]])
    wait_for(lambda: next(q["held"] for q in stack.control("queue") if q["destination"] == "connector:svc") == "gone",
             "the hold")
    assert calls(stack, "service", "message.created", "gone-for-all-3") == []


@pytest.mark.parametrize("side", ["amojo", "service"])
def test_time_that_was_asked_for_counts_as_no_trying(side):
    """A window shorter than one wait, and fewer attempts than waits."""
    with Stack(env={**QUICK, "AMO_RETRY_WINDOW_MS": "500", "AMO_RETRY_ATTEMPTS": "2"}) as stack:
        stack.up()
        met = stack.meet()
        kind = "new_message" if side == "amojo" else "message.created"
        stack.fault(on=f"{side}.{kind}", match="patient", status=503, retry_after=1, times=4)
        if side == "amojo":
            stack.client_writes("patient")
        else:
            stack.manager_writes("patient", met["chat"])
        stack.wait(f"{side}.message", text="patient", timeout=15)
        at = [j["at_ms"] for j in stack.journal(side=side, kind=kind) if "patient" in json.dumps(j["body"])]
        assert len(at) == 5 and all(b - a >= 995 for a, b in zip(at, at[1:])), at  # the grain of two clocks
        assert stack.control("dead.list") == []


def test_retry_after_is_obeyed_by_everybody_while_the_breaker_is_open():
    with Stack(env=QUICK) as stack:
        stack.up()
        chats = [stack.meet(f"hello-{n}", f"7900555030{n}")["chat"] for n in range(6)]
        stack.fault(on="service.message.created", status=503, retry_after=2, times=5)
        for n, chat in enumerate(chats[:5]):
            stack.manager_writes(f"asked-{n}", chat)
        wait_for(lambda: len(stack.journal(side="service", kind="message.created")) >= 5, "five refusals")
        stack.manager_writes("asked-5", chats[5])
        for n in range(6):
            stack.wait("service.message", text=f"asked-{n}")
        at = [(j["at_ms"], j["status"]) for j in stack.journal(side="service", kind="message.created")]
        last = max(t for t, status in at if status == 503)
        assert min(t for t, status in at if status == 200) - last >= 1995, at


def test_an_attempt_that_comes_home_acquits_its_message_of_lost_workers():
    with Stack(env={**QUICK, "AMO_RETRY_ATTEMPTS": "30"}) as stack:
        stack.up()
        met = stack.meet()
        stack.fault(on="service.message.created", match="innocent", status=503, delay_ms=300)
        stack.manager_writes("innocent", met["chat"])
        for n in range(5):  # as many as make a dead letter of one whose attempts never come home
            seen = len(calls(stack, "service", "message.created", "innocent"))
            wait_for(lambda seen=seen: answered(stack) and len(calls(stack, "service", "message.created", "innocent")) >
                     seen and stack.figure("core", "amo_commands") and in_flight(stack), f"an attempt {n} under way")
            stack["egress-0"].kill()
            stack.start("egress-0")
            home = len(tries(stack))
            wait_for(lambda home=home: len(tries(stack)) > home, f"an attempt {n} that comes home")
        assert stack.control("dead.list") == []
        stack.clear_faults()
        stack.wait("service.message", text="innocent", timeout=20)


def answered(stack):
    return stack.peer("egress-0")


def in_flight(stack):
    return any(v for k, v in stack.metrics("core").items() if k.startswith('amo_commands{state="in_flight",target="web'))


def tries(stack):
    return [line for line in stack["egress-0"].lines if "attempt.failed" in line]
