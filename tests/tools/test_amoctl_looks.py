"""amoctl doctor and probe towards a core that is played: verbs that are several calls."""
import json

import pytest

from tools_harness import amoctl


def check(name, state, words="words", subject=None, todo=None):
    return {"check": name, "subject": subject, "state": state, "words": words, "todo": todo}


def test_the_doctor_asks_for_each_look_that_core_names(core, run_dir):
    core.will_answer({"checks": [check("disk", "green")], "ask": [{"what": "amojo", "subject": "c-1"},
                                                                  {"what": "signature", "subject": "s-1"}]})
    core.will_answer({"checks": [check("amojo", "yellow", todo="wait"), check("clock", "green")]})
    core.will_answer({"checks": [check("signature", "green")]})
    done = amoctl(run_dir, "doctor", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert core.asked == [("doctor", {}), ("doctor.check", {"what": "amojo", "subject": "c-1"}),
                          ("doctor.check", {"what": "signature", "subject": "s-1"})]
    assert [c["check"] for c in said["checks"]] == ["disk", "amojo", "clock", "signature"]
    assert said["summary"] == {"green": 3, "yellow": 1, "red": 0}


@pytest.mark.parametrize("state", ["red", "violet", None])
def test_red_and_what_a_newer_core_may_say_end_with_1(core, run_dir, state):
    core.will_answer({"checks": [check("disk", "green"), check("moon", state)], "ask": []})
    done = amoctl(run_dir, "doctor")
    assert done.returncode == 1 and done.stdout.splitlines()[1:] == ["red     moon: words", "1 green, 0 yellow, 1 red"]


def test_what_core_shows_does_not_reach_the_terminal_as_it_is(core, run_dir):
    core.will_answer({"checks": [check("disk", "yellow", "a\u001b[31mb\nc", "sub\u202eject", "d\te")], "ask": []})
    done = amoctl(run_dir, "doctor")
    assert done.stdout.splitlines()[:2] == ["yellow  disk subject: a[31mb c", "        -> d e"]


def test_a_look_that_core_refuses_is_red_and_the_others_are_made(core, run_dir):
    core.will_answer({"checks": [], "ask": [{"what": "amojo", "subject": "c"}, {"what": "signature", "subject": "s"}]})
    core.will_answer(code=1, error="no egress is connected")
    core.will_answer({"checks": [check("signature", "green")]})
    done = amoctl(run_dir, "doctor", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 1 and said["summary"] == {"green": 1, "yellow": 0, "red": 1}
    assert (said["checks"][0]["check"], said["checks"][0]["words"]) == ("amojo", "no egress is connected")


def test_a_core_that_does_not_know_the_doctor_is_told_in_one_document(core, run_dir):
    core.will_answer(code=2, error="core does not know this verb (older version?)")
    done = amoctl(run_dir, "doctor", "--json")
    assert done.returncode == 2 and "older version" in json.loads(done.stdout)["error"]["message"]


def test_the_probe_makes_no_further_call_when_the_first_fails(core, run_dir):
    core.will_answer({"outcome": "hold", "status": 403, "words": "status 403", "answer": "Forbidden"})
    done = amoctl(run_dir, "probe", "s", "--chat", "c", "--yes", "--json")
    assert done.returncode == 1 and "status 403 Forbidden" in json.loads(done.stdout)["error"]["message"]
    [(verb, call)] = core.asked
    assert verb == "probe.call" and (call["scope_id"], call["chat"], call["what"]) == ("s", "c", "message")
    assert call["key"].startswith("probe-")


def test_the_probe_repeats_the_very_same_call(core, run_dir):
    core.will_answer({"outcome": "done", "status": 200, "message": "m-1"})
    core.will_answer(code=3, error="no answer in time")
    done = amoctl(run_dir, "probe", "s", "--chat", "c", "--yes")
    assert done.returncode == 3 and "no answer in time" in done.stderr
    assert core.asked[0] == core.asked[1] and len(core.asked) == 2


def test_the_probe_asks_nobody_without_consent(core, run_dir):
    for words in ([], ["--chat", "c"], ["--yes"], ["--burst", "--yes"]):
        assert amoctl(run_dir, "probe", "s", *words).returncode == 2
    assert core.calls == []
