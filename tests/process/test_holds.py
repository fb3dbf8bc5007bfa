"""Refusals that are about the destination: 429, 403, 404, 410. The lane waits; nothing is given up."""
import pytest

from stack import QUICK, Stack, wait_for


@pytest.fixture
def stack():
    with Stack(env=QUICK) as s:
        s.up()
        yield s


@pytest.mark.parametrize("side", ["amojo", "service"])
def test_retry_after_is_obeyed(stack, side):
    met = stack.meet()
    kind = "new_message" if side == "amojo" else "message.created"
    stack.fault(on=f"{side}.{kind}", status=429, retry_after=2, times=1)
    if side == "amojo":
        stack.client_writes("patience-1")
        wait_for(lambda: stack.account()["held"] == "throttled", "the hold")
        stack.client_writes("patience-2", conversation="79005550109")
    else:
        stack.manager_writes("patience-1", met["chat"])
    what = "amojo.message" if side == "amojo" else "service.message"
    stack.wait(what, text="patience-1")
    calls = stack.journal(side=side, kind=kind)
    first = next(i for i, c in enumerate(calls) if c["status"] == 429)
    assert calls[first + 1]["at_ms"] - calls[first]["at_ms"] >= 1999  # both are cut to milliseconds
    if side == "amojo":
        stack.wait(what, text="patience-2")
    assert stack.control("dead.list") == []


def test_403_twice_holds_the_scope_until_a_person_resumes_it(stack):
    stack.meet()
    stack.fault(on="amojo.new_message", status=403)
    stack.fault(on="amojo.connect", status=403)
    stack.client_writes("locked-out-1")
    stack.client_writes("locked-out-2", conversation="79005550109")
    wait_for(lambda: stack.account()["held"] == "forbidden", "the hold")
    stack["core"].wait_line(r"level=error .*what=destination.held .*reason=forbidden")
    assert stack.figure("core", "amo_held_scopes") == 1
    refused = [c for c in stack.journal(side="amojo", kind="new_message") if c["status"] == 403]
    assert 2 <= len(refused) <= 4
    stack.clear_faults()
    assert stack.account()["held"] == "forbidden"  # a person must look
    stack.control("account.resume", scope_id=stack.scope)
    for n in (1, 2):
        assert stack.wait("amojo.message", text=f"locked-out-{n}", timeout=5)["item"]["effects"] == 1
    assert not stack.account()["held"] and stack.control("dead.list") == []


def test_403s_that_a_connect_call_ends_need_nobody(stack):
    stack.meet()
    connects = stack.sandbox("counters")["amojo.connects"]
    stack.fault(on="amojo.new_message", status=403, times=3)
    stack.client_writes("let-in-again-1")
    stack.client_writes("let-in-again-2", conversation="79005550109")
    for n in (1, 2):
        stack.wait("amojo.message", text=f"let-in-again-{n}")
    assert stack.sandbox("counters")["amojo.connects"] == connects + 1
    wait_for(lambda: not stack.account()["held"], "the end of the hold")


def test_one_403_is_signed_again_and_nobody_is_troubled(stack):
    stack.fault(on="amojo.new_message", status=403, times=1)
    stack.client_writes("once-more")
    stack.wait("amojo.message", text="once-more", timeout=5)
    assert not any("destination.held" in line for line in stack["core"].lines)


@pytest.mark.parametrize("times", [1, 3])
def test_404_for_a_scope_connects_once_and_flows(stack, times):
    stack.meet()
    before = stack.sandbox("counters")["amojo.connects"]
    stack.fault(on="amojo.new_message", status=404, times=times)
    stack.client_writes("where-am-I")
    assert stack.wait("amojo.message", text="where-am-I", timeout=20)["item"]["effects"] == 1
    assert stack.sandbox("counters")["amojo.connects"] == before + 1
    wait_for(lambda: not stack.account()["held"], "the hold to end")


def test_a_status_not_visible_yet_is_tried_again_and_holds_up_nobody_else(stack):
    met, other = stack.meet(), stack.meet("hello-2", "79005550102")
    stack.fault(on="amojo.delivery_status", status=404, times=2)
    early = stack.manager_writes("too-early", met["chat"])
    stack.wait("status", id=early["id"], status=2)
    stack.client_writes("by-the-way", conversation="79005550102")
    stack.wait("amojo.message", text="by-the-way")
    assert other and not stack.account()["held"] and stack.control("dead.list") == []


def test_410_switches_a_service_off_until_core_is_started_again(stack):
    met = stack.meet()
    stack.fault(on="service.message.created", status=410, times=1)
    stack.manager_writes("anybody", met["chat"])

    def held():
        return next((q["held"] for q in stack.control("queue") if q["destination"] == "connector:svc"), "")

    wait_for(lambda: held() == "gone", "the hold")
    stack.client_writes("I-am-here")  # the other direction is open
    stack.wait("amojo.message", text="I-am-here")
    stack.start_over("core")
    stack.wait("service.message", text="anybody")
    assert stack.control("dead.list") == []


def test_a_wrong_clock_is_told_and_kills_nothing(stack):
    stack.meet()
    stack.sandbox("settings", {"clock_offset_ms": 3600 * 1000}, method="PATCH")
    stack.client_writes("what-time-is-it")
    wait_for(lambda: stack.account()["held"] == "forbidden", "the hold")
    assert 3500 < stack.figure("core", "amo_clock_skew_seconds") < 3700
    stack.sandbox("settings", {"clock_offset_ms": 0}, method="PATCH")
    stack.control("account.resume", scope_id=stack.scope)
    stack.wait("amojo.message", text="what-time-is-it")
    wait_for(lambda: abs(stack.figure("core", "amo_clock_skew_seconds")) < 60, "the skew to go")


def test_the_rate_of_a_scope_holds_over_all_workers():
    with Stack(workers=3, env={**QUICK, "AMO_SCOPE_RATE": "20", "AMO_SCOPE_BURST": "5"}) as stack:
        stack.up()
        stack.sandbox("client/writes", {"count": 45, "spread": 15, "connector": "svc", "source": "wa1",
                                        "conversation": "7900{c}", "text": "m-{n}"})
        stack.wait("amojo.messages", count=45)
        times = sorted(m["at_ms"] for m in stack.list("amojo/messages"))
        # 45 calls: 5 at once, then 20 a second, with a little room for the clock's grain
        assert times[-1] - times[0] >= 1800
        for i in range(len(times) - 26):
            assert times[i + 26] - times[i] >= 900
