"""amoctl probe against amojo as the sandbox plays it, with each of the answers it might have."""
import json

import pytest

from remotes import amoctl, amoctl_json
from stack import QUICK, ControlError, Stack


@pytest.fixture(scope="module")
def shared():
    with Stack(env=QUICK) as stack:
        yield stack.up()


@pytest.fixture
def stack(shared):
    yield shared
    shared.clear_faults()
    shared.sandbox("settings", {"repeat": 200, "history_delay_ms": 0, "status_spelling": "any"}, method="PATCH")


@pytest.fixture(scope="module")
def chat(shared):
    """A chat in which both sides have written."""
    chat = shared.meet("a-test-client")["chat"]
    shared.manager_writes("a-test-manager", chat)
    shared.wait("service.message", text="a-test-manager")
    shared.settle()
    return chat


def probe(stack, chat, *more):
    """(exit code, {question: finding}, settings)."""
    code, said = amoctl_json(stack, "probe", stack.scope, "--chat", chat, "--yes", *more)
    assert (said["scope_id"], said["chat"]) == (stack.scope, chat)
    assert code == (0 if all(f["answered"] for f in said["findings"]) else 1), said
    return code, {f["question"]: f for f in said["findings"]}, said["settings"]


def test_without_consent_it_says_what_it_would_do_and_does_nothing(stack, chat):
    calls = len(stack.journal(side="amojo"))
    for words in ([], ["--chat", chat], ["--yes"]):
        code, said, complaint = amoctl(stack, "probe", stack.scope, *words)
        assert code == 2 and "sent twice with the same msgid" in said and "nothing was done" in complaint
        code, said = amoctl_json(stack, "probe", stack.scope, *words)
        assert code == 2 and said["error"]["code"] == "usage"
    assert amoctl(stack, "probe")[0] == 2
    assert len(stack.journal(side="amojo")) == calls


def test_all_is_found_out_and_one_silent_message_is_all_that_is_written(stack, chat):
    before = stack.list(f"amojo/messages?chat={chat}")
    code, found, settings = probe(stack, chat)
    assert code == 0 and set(found) == {"repeated_msgid", "history_delay", "status_spelling"}
    repeat = found["repeated_msgid"]
    assert (repeat["status"], repeat["repeat_status"], repeat["same_id"]) == (200, 200, True)
    assert found["history_delay"]["delay_ms"] < 5000
    assert (found["status_spelling"]["old"], found["status_spelling"]["new"]) == (200, 200)
    assert settings == {"egress/status_spelling": "both"}
    [made] = stack.list(f"amojo/messages?chat={chat}")[len(before):]
    assert made["silent"] and made["msgid"].startswith("probe-") and (made["calls"], made["effects"]) == (2, 1)
    assert made["from"] == "client" and made["conversation_id"] == before[0]["conversation_id"]
    sent = [json.dumps(j["body"]) for j in stack.journal(side="amojo", kind="new_message") if j["key"] == made["msgid"]]
    assert len(sent) == 2 and sent[0] == sent[1]


def test_people_are_told_each_finding_and_the_settings(stack, chat):
    code, said, complaint = amoctl(stack, "probe", stack.scope, "--chat", chat, "--yes")
    assert (code, complaint) == (0, "")
    for line in ("repeated_msgid: answered 200 with the id of the first time", "history_delay: shown after ",
                 "status_spelling: msgid and delivery_status: 200; status_code: 200",
                 '  egress/status_spelling = "both"'):
        assert line in said, said


def test_a_repeat_that_is_refused_is_told(stack, chat):
    stack.sandbox("settings", {"repeat": 400}, method="PATCH")
    code, found, _ = probe(stack, chat)
    assert code == 0 and found["repeated_msgid"]["repeat_status"] == 400
    assert not found["repeated_msgid"]["same_id"] and "looks into the history" in found["repeated_msgid"]["words"]


def test_a_repeat_that_becomes_a_second_message_is_an_alarm(stack, chat):
    other = {"new_message": {"msgid": "another-id"}}
    stack.fault(on="amojo.new_message", skip=1, times=1, status=200, body=other)
    _, found, _ = probe(stack, chat)
    assert "second message" in found["repeated_msgid"]["words"] and not found["repeated_msgid"]["same_id"]


def test_a_slow_history_is_measured(stack, chat):
    stack.sandbox("settings", {"history_delay_ms": 1200}, method="PATCH")
    code, found, _ = probe(stack, chat)
    assert code == 0 and 900 <= found["history_delay"]["delay_ms"] < 20000


@pytest.mark.parametrize("spelling, old, new", [("old", 200, 400), ("new", 400, 200)])
def test_the_spelling_that_is_taken_is_the_setting(stack, chat, spelling, old, new):
    stack.sandbox("settings", {"status_spelling": spelling}, method="PATCH")
    code, found, settings = probe(stack, chat)
    assert (found["status_spelling"]["old"], found["status_spelling"]["new"]) == (old, new)
    assert code == 0 and settings["egress/status_spelling"] == spelling


def test_a_status_that_is_never_taken_stays_a_question(stack, chat):
    stack.fault(on="amojo.delivery_status", status=404)
    code, found, settings = probe(stack, chat)
    assert code == 1 and not found["status_spelling"]["answered"] and settings == {}
    assert "neither was taken" in found["status_spelling"]["words"]


def test_a_chat_without_a_managers_message_leaves_the_spelling_open(stack):
    alone = stack.meet("nobody-has-answered", conversation="79005550177")["chat"]
    code, found, _ = probe(stack, alone)
    assert code == 1 and "write one from the card" in found["status_spelling"]["words"]


def test_a_burst_stops_at_the_first_429_and_shows_it(stack, chat):
    stack.fault(on="amojo.history", skip=12, status=429, retry_after=3, body={"error": "slow down"})
    code, found, settings = probe(stack, chat, "--burst")
    limit = found["limit"]
    assert code == 0 and limit["limited"] and limit["retry_after_ms"] == 3000 and "slow down" in limit["answer"]
    assert 5 < limit["calls"] <= 12 and "429" in limit["words"]
    assert 1 <= settings["scope/rate"] <= 7
    histories = [j["status"] for j in stack.journal(side="amojo", kind="history")]
    assert histories[-1] == 429 and histories.count(429) == 1


def test_a_burst_that_meets_no_limit_keeps_the_rate(stack, chat):
    _, found, settings = probe(stack, chat, "--burst")
    assert found["limit"]["calls"] == 60 and not found["limit"]["limited"] and settings["scope/rate"] == 7


def test_refusals_are_told_in_words(stack, chat):
    def refused(*words):
        code, said = amoctl_json(stack, "probe", *words, "--yes")
        assert code == 1, said
        return said["error"]["message"]

    assert "no such account" in refused("nowhere", "--chat", chat)
    code, said = amoctl_json(stack, "probe", stack.scope[:-1] + "~")  # what it would do is told of an account that there is
    assert code == 1 and f"did you mean {stack.scope}" in said["error"]["message"]
    assert amoctl_json(stack, "probe", stack.scope)[0] == 2
    assert "let the test client write" in refused(stack.scope, "--chat", "nowhere")
    stack.control("account.pause", scope_id=stack.scope)
    assert "paused" in refused(stack.scope, "--chat", chat)
    stack.control("account.resume", scope_id=stack.scope)
    stack.control("account.disconnect", scope_id=stack.scope, no_call=True)
    told = refused(stack.scope, "--chat", chat)
    assert "disconnected" in told and "account connect" in told and "paused" not in told
    stack.control("account.connect", channel=stack.channel, account=stack.scope.removeprefix(f"{stack.channel}_"),
                  connector="svc", title="Test")
    stack.fault(on="amojo.new_message", times=1, status=403)
    assert "did not take the test message: status 403" in refused(stack.scope, "--chat", chat)
    for args, words in (({"what": "moon"}, "no such call"), ({"what": "history"}, "key is missing"),
                        ({"what": "status", "message": "m", "spelling": "both"}, "neither old nor new"),
                        ({"what": "status", "spelling": "old"}, "message is missing"),
                        ({"what": "message", "key": "k", "at": "noon"}, "at is no time")):
        with pytest.raises(ControlError, match=words):
            stack.control("probe.call", scope_id=stack.scope, chat=chat, **args)
    stack.settle()
    assert stack.control("dead.list") == [] == stack.control("quarantine.list")
