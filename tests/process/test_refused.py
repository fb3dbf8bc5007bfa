"""Whatever is refused leaves a trail: a line, a figure, a row of `amoctl refused`, and what doctor says of it."""
import http.client
import json
import re
import sqlite3
import struct
import time

import pytest

from signing import standard_headers
from stack import QUICK, ControlError, Stack, wait_for


@pytest.fixture(scope="module")
def stack():
    with Stack(env=QUICK) as s:
        s.up()
        yield s


def message(ident, **more):
    return {"id": ident, "source": "wa1", "conversation": {"id": "79005550101"}, "sender": {"id": "79005550101"},
            "type": "text", "text": "hi"} | more


def rows(stack, *words, **of):
    """Rows of amoctl refused that have these values."""
    return [r for r in stack.amoctl("refused", *words) if all(r[k] == v for k, v in of.items())]


def row(stack, *words, **of):
    return wait_for(lambda: rows(stack, *words, **of), f"a row {of}")[0]


def line(stack, what="webhook.refused", **of):
    """The newest line of ingress with these values."""
    def fits(text):
        return f" what={what} " in text and all(f" {k}={v} " in text + " " for k, v in of.items())
    return wait_for(lambda: [text for text in list(stack["ingress"].lines) if fits(text)], f"a line {of}")[-1]


def checks(stack, name):
    return [(c["state"], c["words"], c["todo"]) for c in stack.control("doctor")["checks"] if c["check"] == name]


def figure(stack, **labels):
    return sum(v for k, v in stack.metrics("ingress").items() if k.startswith("amo_refused_total{")
               and all(f'{name}="{value}"' in k for name, value in labels.items()))


def test_amos_webhooks_with_another_secret_are_told(stack):
    assert checks(stack, "webhooks") == []
    stack.sandbox("channels", {"id": stack.channel, "secret": "f" * 40})
    try:
        for n in range(3):
            assert stack.webhook({"message": {"text": f"lost {n}"}})["status"] == 401
    finally:
        stack.sandbox("channels", {"id": stack.channel, "secret": stack.secret})
    assert "level=warn" in line(stack, channel=stack.channel, scope=stack.scope, status=401, reason="signature", verified="no")
    told = wait_for(lambda: [r for r in rows(stack, "--channel", stack.channel, reason="signature") if r["count"] == 3], "three of them")[0]
    assert (told["kind"], told["name"], told["status"], told["code"]) == ("channel", stack.channel, 401, "unauthorized")
    assert told["since"] <= told["last_at"] and told["address"] == "127.0.0.1" and told["verified"] is False
    state, words, todo = checks(stack, "webhooks")[0]
    assert state == "yellow" and "3, the last at" in words and "signature does not fit" in words and "channel secret" in todo
    assert re.search(r"the channel's secret here is \d+ min old, set by \S+; (no good one has come|the last good one came at 20)", words)
    assert figure(stack, source="amojo", status=401, name=stack.channel) == 3


@pytest.mark.parametrize("head, status, reason", [
    ({"Authorization": "Bearer " + "x" * 32}, 401, "token"),
    ({"Authorization": ""}, 401, "no_proof"),
    ("signed", 401, "signature"),
    ("late", 401, "timestamp"),
])
def test_a_services_calls_that_prove_nothing_are_told(stack, head, status, reason):
    body = json.dumps(message("p-1")).encode()
    if not isinstance(head, dict):
        head = standard_headers(b"x" * 32, "call-1", body, at=1000000000 if head == "late" else None)
    else:
        head = {k: v for k, v in head.items() if v}
    c = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=20)
    c.request("POST", "/v1/connectors/svc/messages", body, {"Content-Type": "application/json", **head})
    assert c.getresponse().status == status
    c.close()
    told = row(stack, "--connector", "svc", reason=reason)
    assert (told["kind"], told["status"], told["verified"]) == ("connector", status, False)
    assert "level=info" in line(stack, connector="svc", status=status, reason=reason)
    told = [words for state, words, _ in checks(stack, "calls") if state == "yellow" and "401" in words]
    assert told
    if reason in ("token", "signature"):
        what = {"token": "token", "signature": "secret"}[reason]
        assert any(re.search(rf"the connector's {what} here is \d+ min old, set by \S+; ", words) for words in told), told


def test_another_connectors_token_is_told(stack):
    stack.control("connector.add", name="two", kind="http", url=f"{stack.sandbox_url}/mobilon/two", allow_private=True)
    assert stack.call("POST", "messages", message("o-1"), connector="two")[0] == 403
    row(stack, "--connector", "two", status=403, reason="other_token", verified=False)
    assert any("another connector's" in words and "403" in words for _, words, _ in checks(stack, "calls"))
    assert not rows(stack, "--connector", "two", verified=True)


@pytest.mark.parametrize("change, status, code, field", [
    ({"type": "hologram"}, 422, "invalid", "type"),
    ({"sender": None}, 422, "required", "sender.id"),
    ({"source": "nobodys"}, 422, "unknown_source", "source"),
])
def test_a_body_that_is_refused_is_told_with_its_field_and_id(stack, change, status, code, field):
    if code == "unknown_source":  # with sources that are listed, and a second account, others are nobody's
        stack.control("source.add", connector="svc", source="wa1", scope_id=stack.scope)
        second = f"{stack.channel}_second"
        stack.control("account.connect", channel=stack.channel, account="second", connector="svc", scope_id=second, yes=True)
    ident = f"b-{code}"
    answer = stack.service_call("messages", message(ident, **change))
    assert (answer[0], answer[1]["error"]["code"]) == (status, code), answer
    told = row(stack, "--connector", "svc", code=code, field=answer[1]["error"].get("field"))
    assert (told["status"], told["id"], told["verified"]) == (status, ident, True) and field in told["field"]
    what = "source.refused" if code == "unknown_source" else "webhook.refused"
    assert "level=warn" in line(stack, what, connector="svc", status=status, code=code, id=ident)
    assert figure(stack, source="connector", status=status, name="svc") >= 1
    if code == "unknown_source":
        wait_for(lambda: [c for c in checks(stack, "source") if "belongs to no account" in c[1]], "doctor's line")
    else:
        assert any(code in words and ident in words for _, words, _ in checks(stack, "requests"))


def test_a_key_that_came_with_another_body_and_a_body_that_is_no_json_are_told(stack):
    assert stack.service_call("messages", message("k-1"))[0] == 202
    assert stack.service_call("messages", message("k-1", text="another"))[0] == 409
    assert row(stack, code="conflict")["id"] == "k-1"
    assert stack.service_call("messages", message("k-2"), headers={"Content-Type": "text/plain"})[0] == 415
    row(stack, status=415, verified=True)
    assert stack.service_call("messages", message("k-3", text="x" * 300000))[0] == 413
    row(stack, status=413)


def test_one_bad_status_of_a_list_is_told(stack):
    status, answer, _ = stack.service_call("statuses", {"statuses": [{"id": "s-1", "status": "eaten"}]})
    assert status == 202 and answer["results"][0]["status"] == "rejected"
    told = row(stack, "--connector", "svc", field="status")
    assert (told["status"], told["id"]) == (422, "s-1")
    line(stack, connector="svc", status=422, field="status", id="s-1")


def test_a_wrong_path_or_method_of_a_known_connector_is_told(stack):
    assert stack.call("POST", "mesages", {})[0] == 404
    row(stack, "--connector", "svc", code="unknown_route")
    assert stack.call("GET", "messages")[0] == 405
    row(stack, "--connector", "svc", code="method_not_allowed")


def test_a_question_that_is_answered_no_is_none(stack):
    assert stack.call("GET", "messages/nobody-knows-it")[0] == 404
    assert not rows(stack, code="unknown_message")


def test_names_that_nobody_has_leave_nothing(stack):
    before = figure(stack)
    for name in ("nobody", "no-body-" * 10):
        assert stack.call("POST", "messages", {}, connector=name)[0] == 404
        assert stack.call("POST", "mesages", {}, connector=name)[0] == 404
    assert figure(stack) == before
    assert not [text for text in stack["ingress"].lines if "nobody " in text or "no-body" in text]


def test_good_webhooks_after_bad_ones_are_seen(stack):
    row(stack, reason="signature", kind="channel")
    chat = stack.meet("hello")["chat"]
    stack.manager_writes("and hello", chat)
    wait_for(lambda: [c for c in checks(stack, "webhooks") if c[0] == "green" and "good ones" in c[1]], "a green line")


def test_a_busy_channel_that_is_silent_is_seen(stack):
    assert [c[0] for c in checks(stack, "silence")] == ["green"]
    stack["core"].stop()
    hour = int(time.time()) // 3600
    counts = [0] * 192
    for ago in (24, 48):
        for n in (1, 2, 3):
            counts[(hour - ago - n) % 192] = 9
    then = (hour - 100) * 3600000
    with sqlite3.connect(stack.dir / "data" / "core" / "core.db") as db:
        for who in (f"a{stack.channel}", "csvc"):
            db.execute("INSERT OR REPLACE INTO heard VALUES(?,?,?,?,?)",
                       (who, then, (hour - 4) * 3600000, hour - 4, struct.pack(">192I", *counts)))
    db.close()
    stack.start("core")
    wait_for(lambda: [c[0] for c in checks(stack, "silence")] == ["yellow", "yellow"], "two yellow lines", 30)
    words = [c[1] for c in checks(stack, "silence")]
    assert "from this channel" in words[0] and "18 in two hours" in words[0] and "from this connector" in words[1]
    stack.client_writes("here I am")
    wait_for(lambda: [c for c in checks(stack, "silence") if "connector" in c[1]] == [], "one of them less")


def test_filters_name_what_there_is(stack):
    for words in (("--connector", "nope"), ("--channel", "nope")):
        with pytest.raises(ControlError, match="no such"):
            stack.amoctl("refused", *words)
    assert "both" in stack.amoctl("refused", "--connector", "svc", "--channel", stack.channel, code=2)


def test_a_channel_is_named_by_the_beginning_of_its_id(stack):
    row(stack, reason="signature", kind="channel")
    assert rows(stack, "--channel", stack.channel[:8]) == rows(stack, "--channel", stack.channel) != []


def test_people_read_a_table(stack):
    row(stack, reason="signature", kind="channel")
    said = stack.operator("refused", columns=200).stdout
    assert re.search(r"LAST AT .*COUNT .*STATUS .*CODE", said) and "unauthorized" in said


def test_what_was_told_is_told_again_to_a_core_that_was_started_anew(stack):
    def counts():
        return {(r["name"], r["status"], r["code"], r["field"], r["reason"], r["verified"]): r["count"] for r in stack.amoctl("refused")}

    wait_for(lambda: sum(counts().values()) == figure(stack), "core to know all")
    before = counts()
    assert len(before) > 8
    stack.start_over("core")
    wait_for(lambda: counts() == before, "the same rows")
    stack.start_over("ingress")  # core keeps what it was told, and goes on counting
    assert stack.call("POST", "mesages", {})[0] == 404
    key = ("svc", 404, "unknown_route", None, None, False)
    wait_for(lambda: counts() == before | {key: before[key] + 1}, "one more", 60)
