"""amo-monitor towards taps that are played: what it shows, hides, counts, and how it ends."""
import json
import os
import signal
import uuid

import pytest

from kit import run, wait_for
from tools_harness import Tap, bus, environment

TRACE = uuid.UUID("01900000-0000-7000-8000-000000000001")
EVENT = {
    "kind": 4, "trace": TRACE.bytes, "taken_ms": 1763816400123, "connector": "demo", "source": "wa1",
    "conversation": "79001234567", "sender_id": "79001234567", "sender_name": "Иван Петров",
    "sender_phone": "+79001234567", "message_id": "m-1", "type": "text", "text": "Где мой заказ?",
}
PERSONAL = ("Иван", "заказ", "9001234")


def push(*events, low=1):
    return {"spool": b"s" * 16, "low": low,
            "events": [[low + i, bus.pack(e), False] for i, e in enumerate(events)]}


def command(number, **more):
    return {"kind": 1, "id": number, "attempt": 1, "trace": TRACE.bytes, "scope": "chan_acc",
            "conversation_id": "demo-wa1-5", "text": "hush"} | more


def test_events_commands_and_results_are_a_line_each(taps, monitor):
    core = taps("core")
    tail = monitor("tail", "--frames")
    core.wait_listener()
    core.send("EVENT_PUSH", push(EVENT, EVENT, low=7), b"<")
    core.send("COMMAND_PUSH", {"commands": [command(3)]})
    core.send("RESULT_PUSH", {"results": [{"id": 3, "attempt": 1, "outcome": 1, "status": 200}]}, b"<")
    first, second, third, fourth = (tail.line() for _ in range(4))
    assert " core       < event number=7 " in first and "text=«14 chars»" in first
    assert "sender_phone=***4567" in first and "conversation=***4567" in first and f"trace={TRACE}" in first
    assert " event number=8 " in second
    assert " core       > command " in third and "kind=amo.message" in third
    assert " core       < result " in fourth and "outcome=done" in fourth
    assert f"trace={TRACE}" in fourth and "scope=chan_acc" in fourth, "a result is known by its command"
    for line in (first, second, third, fourth):
        assert not any(word in line for word in (*PERSONAL, "hush"))


def test_json_is_one_object_a_line_masked_as_well(taps, monitor):
    core = taps("core")
    tail = monitor("tail", "--json")
    core.wait_listener()
    core.send("EVENT_PUSH", push(EVENT))
    line = tail.line()
    item = json.loads(line)
    assert item["process"] == "core" and item["direction"] == "out" and item["what"] == "event"
    assert item["trace"] == str(TRACE) and item["number"] == 1
    assert item["fields"]["kind"] == "service.message" and item["fields"]["text"] == "«14 chars»"
    assert not any(word in line for word in PERSONAL)


def test_reveal_shows_people_but_never_secrets(taps, monitor):
    core = taps("core")
    tail = monitor("tail", "--frames", "--reveal", "--json", "--kind", "all")
    core.wait_listener()
    registry = {"version": 2, "channels": [{"id": "c", "secrets": [b"hush"]}],
                "connectors": [{"name": "n", "secrets": [b"hush"], "tokens": [b"hush"]}], "scopes": [], "sources": []}
    core.send("EVENT_PUSH", push(EVENT))
    core.send("REGISTRY", registry)
    core.send("WELCOME", {"credit": 5, "registry": bus.pack(registry)})
    core.send("CONTROL_CALL", {"verb": "connector.add", "args": '{"secret":"hush","token":"hush"}'})
    core.send("CONTROL_ANSWER", {"json": '{"secret":"hush"}'})
    lines = [tail.line() for _ in range(5)]
    assert json.loads(lines[0])["fields"]["text"] == "Где мой заказ?"
    assert json.loads(lines[0])["fields"]["sender_phone"] == "+79001234567"
    assert "channels:1,connectors:1" in lines[1] and "channels:1,connectors:1" in lines[2]
    assert json.loads(lines[3])["fields"]["verb"] == "connector.add"
    assert not any("hush" in line or "aHVzaA" in line for line in lines)


def test_frames_that_were_dropped_are_counted_per_process(taps, monitor):
    core, egress = taps("core"), taps("egress-1")
    tail = monitor("tail", "--frames", "--kind", "command")
    for tap in (core, egress):
        tap.wait_listener()
    core.send("COMMAND_PUSH", {"commands": [command(1)]})
    assert "id=1" in tail.line()
    core.send("HEARTBEAT", {})  # filtered, not dropped
    core.send("COMMAND_PUSH", {"commands": [command(2)]})
    assert "id=2" in tail.line()
    core.send("COMMAND_PUSH", {"commands": [command(3)]}, skip=5)
    assert tail.line().endswith("core       ! dropped 5")
    assert "id=3" in tail.line()
    egress.send("COMMAND_PUSH", {"commands": [command(4)]}, skip=100)  # the first one seen of it: no gap
    assert "egress-1" in tail.line()


def test_filters_choose_by_kind_scope_and_trace(taps, monitor):
    core = taps("core")
    other = uuid.uuid4()
    tails = {name: monitor("tail", "--frames", *args) for name, args in {
        "kind": ["--kind", "result,event"], "scope": ["--scope", "chan_acc"], "trace": ["--trace", str(other)]}.items()}
    core.wait_listener()
    # equal subscriptions are announced once: until each has said something, it may not listen yet
    seen = {name: [] for name in tails}
    end = {"commands": [command(99, trace=other.bytes)]}
    done = {"results": [{"id": 99, "attempt": 1, "outcome": 1}]}
    for tail in tails.values():
        while True:
            core.send("COMMAND_PUSH", end)
            core.send("RESULT_PUSH", done)
            try:
                wait_for(tail.has_line, "its first line", 0.2)
                break
            except TimeoutError:
                pass
    core.send("COMMAND_PUSH", {"commands": [command(1), command(2, scope="chan_other")]})
    core.send("COMMAND_PUSH", {"commands": [command(3, scope="chan_other")]})
    core.send("COMMAND_PUSH", {"commands": [command(4, scope="chan_other", trace=other.bytes)]})
    core.send("RESULT_PUSH", {"results": [{"id": n, "attempt": 1, "outcome": 1} for n in (1, 2, 3, 4)]})
    core.send("COMMAND_PUSH", {"commands": [command(100, trace=other.bytes)]})
    core.send("RESULT_PUSH", {"results": [{"id": 100, "attempt": 1, "outcome": 1}]})
    for name, tail in tails.items():
        line = ""
        while "result" not in line or " id=100 " not in line:
            line = tail.line()
            if " id=99 " not in line and " id=100 " not in line:
                seen[name].append((line.split()[3], line.split(" id=")[1].split()[0]))
    assert seen["kind"] == [("result", n) for n in "1234"]
    assert seen["scope"] == [("command", "1"), ("result", "1")]
    assert seen["trace"] == [("command", "4"), ("result", "4")]


def test_heartbeats_are_shown_only_when_asked_for(taps, monitor):
    core = taps("core")
    quiet = monitor("tail", "--frames")
    core.wait_listener()
    core.send("HEARTBEAT", {})
    core.send("HELLO_AGAIN", {})
    assert "hello_again" in quiet.line()
    quiet.close()
    core.wait_nobody()
    loud = monitor("tail", "--frames", "--kind", "heartbeat")
    core.wait_listener()
    core.send("HEARTBEAT", {"credit": 5})
    assert "heartbeat credit=5" in loud.line()


def test_a_process_that_starts_later_is_found(taps, monitor):
    core = taps("core")
    tail = monitor("tail", "--frames")
    core.wait_listener()
    late = taps("ingress")
    late.wait_listener()
    late.send("EVENT_PUSH", push(EVENT))
    assert " ingress    > event" in tail.line()


def test_a_process_that_starts_again_is_heard_again(run_dir, taps, monitor):
    first = Tap(run_dir, "core")
    tail = monitor("tail", "--frames")
    first.wait_listener()
    first.send("HELLO_AGAIN", {}, skip=50)
    tail.line()
    first.close()
    second = taps("core")
    second.wait_listener()
    second.send("EVENT_PUSH", push(EVENT))
    assert " core       > event" in tail.line(), "a new life's numbers begin anew: nothing was dropped"


def test_a_frame_of_another_version_or_kind_is_shown_not_understood(taps, monitor):
    core = taps("core")
    tail = monitor("tail", "--frames")
    core.wait_listener()
    core.send("EVENT_PUSH", b"\xc1\xc1")
    core.send(77, {"secret_key": "hush", "mystery": "hush"})
    core.socket.send_multipart([b"X", b"core", b"\0" * 8, b">", b"junk", b"junk"])
    core.socket.send_multipart([b"X", b"core"])
    core.send("REFUSED", b"unknown kind")
    assert "event malformed=yes" in tail.line()
    line = tail.line()
    assert "unknown" in line and "hush" not in line
    assert "malformed=yes" in tail.line()
    assert 'refused reason="unknown kind"' in tail.line()


def test_nothing_from_outside_reaches_the_terminal_raw(taps, monitor):
    core = taps("core")
    tail = monitor("tail", "--frames", "--reveal")
    core.wait_listener()
    core.send("EVENT_PUSH", push(EVENT | {"text": 'a\x1b[2J\u009b\u202eb\nc" x=y'}))
    line = tail.line()
    assert 'text="a[2Jb c\\" x=y"' in line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(taps, monitor, number):
    core = taps("core")
    tail = monitor("tail", "--frames")
    core.wait_listener()
    tail.signal(number)
    lines, _, code = tail.finish()
    assert (lines, code) == ([], 0)


def test_count_and_time_end_it(taps, monitor):
    core = taps("core")
    tail = monitor("tail", "--frames", "--count", "2")
    core.wait_listener()
    core.send("EVENT_PUSH", push(EVENT, EVENT))
    core.send("HEARTBEAT", {})
    core.send("EVENT_PUSH", push(EVENT))
    lines, _, code = tail.finish()
    assert (len(lines), code) == (3, 0), "frames are counted, and only those that are shown"
    lines, _, code = monitor("tail", "--for", "1").finish()
    assert (lines, code) == ([], 0)


def test_without_any_tap_it_says_where_it_looked(run_dir, monitor):
    lines, err, code = monitor("tail", "--for", "1").finish()
    assert (lines, code) == ([], 3) and str(run_dir) in err


@pytest.mark.parametrize("args,said", [
    (["tial"], "there is no verb tial; did you mean tail?"), (["draw"], "there is no verb draw; there are: tail, sockets"),
    (["tail", "--kind", "event,comand"], "--kind has no word comand; did you mean command? (try amo-monitor tail --help)"),
    (["tail", "--kind", "EVNT_PUSH"], "did you mean EVENT_PUSH?"), (["tail", "--knd", "x"], "did you mean --kind?")])
def test_a_mistyped_word_is_answered_with_the_one_that_may_be_meant(monitor, args, said):
    _, err, code = monitor(*args).finish()
    assert code == 2 and said in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("args", [[], ["top"], ["record", "x"], ["tail", "--kind", "evnt"], ["tail", "--trace", "5"],
                                  ["tail", "--count", "0"], ["tail", "--for", "-1"], ["tail", "more"]])
def test_usage_errors_end_with_2(monitor, args):
    lines, err, code = monitor(*args).finish()
    assert (lines, code) == ([], 2) and err.startswith("amo-monitor: ")


def test_an_endpoint_that_cannot_be_used_is_a_config_error(run_dir):
    done = run("amo-monitor", "tail", env=environment(run_dir, AMO_BUS_TAP="tcp://127.0.0.1:1"))
    assert done.returncode == 2 and "AMO_BUS_TAP: an endpoint is ipc://PATH" in done.stderr


def test_who_has_gone_is_not_listened_to(run_dir, taps, monitor):
    gone = Tap(run_dir, "core")
    os.link(run_dir / "tap-core", run_dir / "kept")
    gone.close()
    os.rename(run_dir / "kept", run_dir / "tap-core")
    lines, err, code = monitor("tail", "--for", "1").finish()
    assert (lines, code) == ([], 3)
    assert "listening to" not in err and "no process of the bridge listens" in err
    tail = monitor("tail", "--frames")
    core = taps("core")  # the next process of that name
    core.wait_listener()
    core.send("COMMAND_PUSH", {"commands": [command(3)]})
    assert " id=3 " in tail.line()


def service_event(conversation="79001234567", trace=TRACE, **more):
    return {**EVENT, "conversation": conversation, "trace": trace.bytes, **more}


def amo_event(trace):
    return {"kind": 1, "trace": trace.bytes, "taken_ms": 1763816400123, "scope": "chan_acc", "chat_id": "chat-1",
            "message_id": "amo-1", "type": "text", "text": "hush"}


@pytest.mark.parametrize("word", ["7", "chat-1", "79001234567", "+7 900 123-45-67"])
def test_a_conversation_has_both_sides_by_any_name_of_it(core, taps, monitor, word):
    core.will_answer({"id": 7, "connector": "demo", "conversation": "79001234567", "client_id": "demo-wa1-79001234567",
                      "chat_id": "chat-1", "chats": [{"chat_id": "chat-1"}, {"chat_id": "chat-0"}]})
    tap = taps("core")
    tail = monitor("tail", "--frames", "--conversation", word, "--kind", "event,command")
    tap.wait_listener()
    assert core.asked == [("conversation.show", {"id": word})]
    theirs, ours = uuid.uuid4(), uuid.uuid4()
    tap.send("EVENT_PUSH", push(service_event("79009999999", uuid.uuid4())))  # somebody else
    tap.send("EVENT_PUSH", push(service_event(connector="another", trace=uuid.uuid4())))  # the same id of another service
    tap.send("EVENT_PUSH", push(service_event(trace=theirs)))
    tap.send("COMMAND_PUSH", {"commands": [command(3, trace=theirs.bytes, conversation_id="demo-wa1-79001234567")]})
    tap.send("EVENT_PUSH", push(amo_event(ours)))
    tap.send("COMMAND_PUSH", {"commands": [command(4, trace=ours.bytes, conversation="79001234567", connector="demo")]})
    lines = [tail.line() for _ in range(4)]
    assert [next(t for t in (theirs, ours) if f"trace={t}" in line) for line in lines] == [theirs, theirs, ours, ours]


def test_without_core_the_other_side_is_learnt_from_what_passes(taps, monitor):
    tap = taps("core")
    tail = monitor("tail", "--frames", "--conversation", "79001234567", "--kind", "event,command")
    tap.wait_listener()
    theirs, ours = uuid.uuid4(), uuid.uuid4()
    tap.send("EVENT_PUSH", push(amo_event(uuid.uuid4())))  # that it is of this conversation is not known yet
    tap.send("EVENT_PUSH", push(service_event(trace=theirs)))
    tap.send("COMMAND_PUSH", {"commands": [command(3, trace=theirs.bytes, chat_id="chat-1")]})
    tap.send("EVENT_PUSH", push(amo_event(ours)))
    assert [f"trace={t}" in tail.line() for t in (theirs, theirs, ours)] == [True] * 3


@pytest.mark.parametrize("option,verb", [("--conversation", "conversation.show"), ("--scope", "account.show")])
def test_what_core_does_not_know_is_an_error(core, monitor, option, verb):
    core.will_answer(code=1, error="nothing is known by this")
    lines, err, code = monitor("tail", "--frames", option, "nope").finish()
    assert (lines, code) == ([], 1) and "nope: nothing is known by this" in err
    assert [asked[0] for asked in core.asked] == [verb]


def test_sockets_lists_the_taps(run_dir, taps, monitor):
    taps("core")
    left = Tap(run_dir, "gone")
    os.link(run_dir / "tap-gone", run_dir / "kept")
    left.close()
    os.rename(run_dir / "kept", run_dir / "tap-gone")
    lines, _, code = monitor("sockets").finish()
    assert code == 0
    assert [line.split()[0] for line in lines] == ["PROCESS", "core", "gone"] or \
           [line.split()[0] for line in lines] == ["PROCESS", "gone", "core"]
    found = json.loads("".join(monitor("sockets", "--json").finish()[0]))
    assert {s["process"]: s["state"] for s in found} == {"core": "listening", "gone": "left behind"}


def test_help_and_version(monitor):
    lines, _, code = monitor("--help").finish()
    assert code == 0 and any("tail" in line for line in lines)
    assert monitor("tail", "--frames", "--help").finish()[2] == 0
    assert monitor("--version").finish()[0][0].startswith("amo-monitor ")
