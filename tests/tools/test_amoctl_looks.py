"""amoctl doctor, probe and import towards a core that is played: verbs that are several calls."""
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


def test_what_a_probe_found_before_it_failed_is_not_lost(core, run_dir):
    for _ in range(2):
        core.will_answer({"outcome": "done", "status": 200, "message": "m-1"})
    core.will_answer({"outcome": "done", "status": 200, "found": True})
    core.will_answer(code=3, error="no answer in time")
    done = amoctl(run_dir, "probe", "s", "--chat", "c", "--yes", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 3 and "no answer in time" in done.stderr
    assert said["error"] == {"code": "unreachable", "message": "no answer in time"}
    assert (said["scope_id"], said["chat"], said["msgid"]) == ("s", "c", core.asked[0][1]["key"])
    assert [f["question"] for f in said["findings"]] == ["repeated_msgid", "history_delay"] and said["settings"] == {}


def test_a_failed_probe_tells_people_what_it_found_and_no_settings(core, run_dir):
    for _ in range(2):
        core.will_answer({"outcome": "done", "status": 200, "message": "m-1"})
    core.will_answer(code=1, error="too many calls")
    done = amoctl(run_dir, "probe", "s", "--chat", "c", "--yes")
    assert (done.returncode, done.stderr) == (1, "amoctl: too many calls\n")
    assert " ".join(done.stdout.split()).startswith("repeated_msgid: answered 200 with the id of the first time")


def probe_until_the_end(core, run_dir, repeat, *more):
    """(exit code, {question: finding}, settings) of a probe whose other questions are dealt with."""
    core.will_answer({"outcome": "done", "status": 200, "message": "m-1"})
    core.will_answer(repeat)
    core.will_answer({"outcome": "done", "status": 200, "found": True})
    core.will_answer({"outcome": "done", "status": 200, "found": True, "message": "m-2"})
    core.will_answer({"outcome": "done", "status": 200})
    core.will_answer({"outcome": "done", "status": 200})
    for answer in more:
        core.will_answer(answer)
    done = amoctl(run_dir, "probe", "s", "--chat", "c", "--yes", "--json", *(["--burst"] if more else []))
    said = json.loads(done.stdout)
    assert "error" not in said, said
    return done.returncode, {f["question"]: f for f in said["findings"]}, said["settings"]


@pytest.mark.parametrize("outcome, status", [("retry", 500), ("unknown", 0), ("throttled", 429)])
def test_a_repeat_that_got_no_clear_answer_stays_a_question(core, run_dir, outcome, status):
    code, found, _ = probe_until_the_end(core, run_dir, {"outcome": outcome, "status": status, "answer": "busy"})
    repeat = found.pop("repeated_msgid")
    assert code == 1 and not repeat["answered"] and not repeat["same_id"]
    assert repeat["repeat_status"] == status and f"answered {status}: busy" in repeat["words"]
    assert all(f["answered"] for f in found.values())


def test_the_rate_to_choose_is_a_good_deal_below_what_amo_took(core, run_dir):
    fine = {"outcome": "done", "status": 200, "message": "m-1"}
    limit = {"outcome": "hold", "status": 429, "retry_after_ms": 2000, "answer": "slow down"}
    code, found, settings = probe_until_the_end(core, run_dir, fine, fine, fine, fine, fine, limit)
    assert code == 0 and (found["limit"]["calls"], found["limit"]["limited"]) == (5, True)
    # four reads went well: in a second or in however much longer it took
    assert settings["scope/rate"] == max(1, 4 * 700 // found["limit"]["took_ms"]) <= 2


def test_the_probe_asks_nobody_without_consent(core, run_dir):
    for words in ([], ["--chat", "c"], ["--yes"], ["--burst", "--yes"]):
        assert amoctl(run_dir, "probe", "s", *words).returncode == 2
    assert {verb for verb, _ in core.asked} == {"account.show"}  # is there such an account?


def test_the_probe_of_an_account_that_nobody_has_promises_nothing(core, run_dir):
    core.will_answer(code=1, error="no such account; did you mean s2?")
    done = amoctl(run_dir, "probe", "s")
    assert (done.returncode, done.stdout) == (1, "") and "did you mean s2?" in done.stderr


def import_rows(run_dir, tmp_path, count, end="", *words):
    file = tmp_path / "export.jsonl"
    file.write_text("".join(json.dumps({"connector": "svc", "conversation": f"c{n}", "client_id": f"old-{n}"}) + "\n"
                            for n in range(count)) + end)
    return amoctl(run_dir, "conversation", "import", str(file), *words)


@pytest.mark.parametrize("code, error", [(1, "the connector svc is gone"), (2, "what is that"), (3, "no answer in time")])
def test_an_import_that_core_refuses_in_the_middle_has_not_succeeded(core, run_dir, tmp_path, code, error):
    core.will_answer({"created": 500})
    core.will_answer(code=code, error=error)
    done = import_rows(run_dir, tmp_path, 1200, "", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == code and error in done.stderr and len(core.asked) == 2
    assert (said["created"], said["stopped_at_line"], said["stopped_because"]) == (500, 501, error)


def test_a_bad_end_of_a_file_does_not_hide_that_the_rows_before_it_were_not_taken(core, run_dir, tmp_path):
    core.will_answer({"created": 500})
    core.will_answer(code=3, error="no answer in time")
    done = import_rows(run_dir, tmp_path, 600, "x" * 100000 + "\n")
    assert done.returncode == 3 and "line 501: no answer in time" in done.stderr
    core.will_answer({"created": 500})
    core.will_answer({"created": 100})
    done = import_rows(run_dir, tmp_path, 600, "x" * 100000 + "\n")
    assert done.returncode == 2 and "line 601" in done.stderr
