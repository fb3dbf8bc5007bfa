"""How far a manager's message came: what amo is told, and what it is not."""
import pytest

from stack import QUICK, Stack, wait_for


@pytest.fixture
def stack():
    """The service reports nothing by itself."""
    with Stack(env=QUICK) as s:
        s.up(register=False)
        s.register(report="none")
        yield s


def delivered_to_service(stack, text, chat):
    """A manager's message that the service has, and as what it has it."""
    written = stack.manager_writes(text, chat)
    got = stack.wait("service.message", text=text)["item"]
    wait_for(lambda: stack.control("trace", id=written["id"])["message"]["state"] == "delivered_to_service", "its answer")
    return written["id"], got


def report(stack, ident, status, **more):
    return stack.sandbox("client/statuses", {"connector": more.pop("connector", "svc"), "id": ident,
                                             "status": status, **more})


def test_delivered_is_dropped_when_read_waits_behind_it(stack):
    ident, got = delivered_to_service(stack, "first", stack.meet()["chat"])
    stack.control("account.pause", scope_id=stack.scope)
    report(stack, got["id"], "delivered")
    report(stack, got["id"], "read")
    stack.wait("status.accepted", count=2)
    wait_for(lambda: stack.control("status")["commands"] == 2, "both to wait")
    stack.control("account.resume", scope_id=stack.scope)
    stack.wait("status", id=ident, status=2)
    stack.settle()
    assert stack.statuses(ident) == [(2, None)]


def test_only_steps_forward_are_told(stack):
    ident, got = delivered_to_service(stack, "onward", stack.meet()["chat"])
    for status in ("sent", "delivered", "delivered", "read", "delivered", "failed", "sent", "read"):
        report(stack, got["id"], status)
    stack.wait("status.accepted", count=8)
    stack.settle()
    told = [s for s, _ in stack.statuses(ident)]
    assert told in ([1, 2], [2]) and stack.sandbox("counters")["amojo.backwards"] == 0
    assert stack.control("quarantine.list") == []


@pytest.mark.parametrize("code, number", [("chat_deleted", 901), ("channel_off", 902), ("internal", 903),
                                          ("not_on_channel", 904), ("something_else", 905)])
def test_a_failure_is_told_with_its_code(stack, code, number):
    ident, got = delivered_to_service(stack, "in-vain", stack.meet()["chat"])
    report(stack, got["id"], "failed", error={"code": code, "text": "it did not work"})
    stack.wait("status", id=ident, status=-1)
    told = stack.list(f"amojo/statuses?id={ident}")
    assert [(s["status"], s["error_code"], s["error"]) for s in told] == [(-1, number, "it did not work")]
    report(stack, got["id"], "read")  # it did work after all
    stack.wait("status", id=ident, status=2)
    report(stack, got["id"], "failed")
    stack.wait("status.accepted", count=3)
    stack.settle()
    assert stack.statuses(ident) == [(-1, number), (2, None)]


def test_a_reported_failure_is_answered_and_counted(stack):
    """Whoever asks where the message is hears what was reported; whoever watches the figures sees it."""
    ident, got = delivered_to_service(stack, "in-vain", stack.meet()["chat"])
    status, said, _ = stack.call("GET", f"messages/{got['id']}")
    assert (status, said["status"]) == (200, "delivered_to_service") and "reported" not in said and "error" not in said
    report(stack, got["id"], "delivered")
    stack.wait("status", id=ident, status=1)
    ident, got = delivered_to_service(stack, "blocked", stack.meet()["chat"])
    report(stack, got["id"], "failed", error={"code": "not_on_channel", "text": "blocked by user"})
    stack.wait("status", id=ident, status=-1)
    status, said, _ = stack.call("GET", f"messages/{got['id']}")
    assert (status, said["status"], said["error"]) == (200, "failed", {"code": "not_on_channel", "message": "blocked by user"})
    assert said["reported"]["status"] == "failed" and said["accepted_at"] < said["reported"]["at"]
    counted = {k: v for k, v in stack.metrics("core").items() if k.startswith("amo_statuses_total{") and v}
    assert counted == {'amo_statuses_total{status="delivered",code="",connector="svc"}': 1,
                       'amo_statuses_total{status="failed",code="not_on_channel",connector="svc"}': 1}


def test_a_long_error_is_cut_between_characters(stack):
    ident, got = delivered_to_service(stack, "in-vain", stack.meet()["chat"])
    report(stack, got["id"], "failed", error={"code": "x", "text": "ы" * 400})
    stack.wait("status", id=ident, status=-1)
    told = stack.list(f"amojo/statuses?id={ident}")[0]["error"]
    assert set(told) == {"ы"} and 100 < len(told) <= 127


def test_a_status_that_comes_before_the_id_it_names_waits_and_is_told(stack):
    met = stack.meet()
    stack.fault(on="service.message.created", match="slow-answer", delay_ms=1500, times=1)
    written = stack.manager_writes("slow-answer", met["chat"])
    got = wait_for(lambda: stack.list("service/messages"), "the message at the service")[0]
    report(stack, got["service_id"], "delivered")
    report(stack, got["service_id"], "read")
    wait_for(lambda: stack.control("status")["waiting_events"] == 2, "both to wait")
    assert stack.statuses(written["id"]) == []
    stack.wait("status", id=written["id"], status=2)
    stack.settle()
    assert stack.control("status")["waiting_events"] == 0
    assert [s for s, _ in stack.statuses(written["id"])] in ([1, 2], [2])
    assert stack.control("quarantine.list") == []


def test_a_waiting_status_survives_core(stack):
    met = stack.meet()
    stack.fault(on="service.message.created", match="slow-answer", delay_ms=2500, times=1)
    written = stack.manager_writes("slow-answer", met["chat"])
    got = wait_for(lambda: stack.list("service/messages"), "the message at the service")[0]
    report(stack, got["service_id"], "read")
    wait_for(lambda: stack.control("status")["waiting_events"] == 1, "it to wait")
    stack.start_over("core")
    assert stack.control("status")["waiting_events"] == 1
    stack.wait("status", id=written["id"], status=2)
    assert stack.sandbox("counters")["service.doubles"] == 0


def test_both_names_of_a_message_are_understood(stack):
    chat = stack.meet()["chat"]
    one, got = delivered_to_service(stack, "by-mid", chat)
    report(stack, got["id"], "read")
    stack.wait("status", id=one, status=2)
    two, got = delivered_to_service(stack, "by-service-id", chat)
    report(stack, got["service_id"], "read")
    stack.wait("status", id=two, status=2)


def test_a_status_for_what_is_not_theirs_is_refused_into_quarantine(stack):
    ident, got = delivered_to_service(stack, "mine", stack.meet()["chat"])
    bridge = f"http://127.0.0.1:{stack.port}"
    other = stack.sandbox("connectors", {"name": "other", "bridge_url": bridge})
    stack.control("connector.add", name="other", kind="http", url=f"{stack.sandbox_url}/mobilon/other",
                  allow_private=True, secret=other["secret"], token=other["token"])
    report(stack, got["id"], "read", connector="other")
    inbound = stack.client_writes("not-a-status-target")
    stack.wait("amojo.message", text="not-a-status-target")
    report(stack, f"svc-{inbound['id']}", "read")
    kept = wait_for(lambda: len(stack.control("quarantine.list")) == 2 and stack.control("quarantine.list"),
                    "the quarantine")
    assert {q["reason"] for q in kept} == {"foreign_message"}
    stack.settle()
    assert stack.statuses(ident) == []


def test_a_bad_item_spoils_no_other(stack):
    ident, got = delivered_to_service(stack, "listed", stack.meet()["chat"])
    status, answer, _ = stack.service_call("statuses", {"statuses": [
        {"id": got["id"], "status": "nonsense"}, {"status": "read"}, {"id": got["id"], "status": "read"}]})
    assert status == 202 and [r["status"] for r in answer["results"]] == ["rejected", "rejected", "accepted"]
    stack.wait("status", id=ident, status=2)
