"""amoctl towards a core that is played: what it asks, what it shows, and how it ends."""
import json
import re
import os
import socket
import stat
import uuid

import pytest

import kit
import verbs
from tools_harness import BIN, ROOT, Control, amoctl, environment

CALLS = [
    (["status"], "status", {}),
    (["channel", "list"], "channel.list", {}),
    (["channel", "show", "ch"], "channel.show", {"id": "ch"}),
    (["connector", "add", "--name", "n", "--kind", "http", "--url", "https://x", "--allow-private"],
     "connector.add", {"name": "n", "kind": "http", "url": "https://x", "allow_private": True}),
    (["connector", "list"], "connector.list", {}),
    (["account", "connect", "--channel", "c", "--account", "a", "--connector", "n", "--title", "Имя"],
     "account.connect", {"channel": "c", "account": "a", "connector": "n", "title": "Имя"}),
    (["account", "connect", "--channel", "c", "--account", "a", "--connector", "n", "--scope-id", "c_a"],
     "account.connect", {"channel": "c", "account": "a", "connector": "n", "scope_id": "c_a"}),
    (["account", "list"], "account.list", {}),
    (["account", "pause", "c_a"], "account.pause", {"scope_id": "c_a"}),
    (["account", "resume", "c_a"], "account.resume", {"scope_id": "c_a"}),
    (["source", "add", "--connector", "n", "--source", "wa1", "--scope", "c_a"],
     "source.add", {"connector": "n", "source": "wa1", "scope_id": "c_a"}),
    (["source", "list"], "source.list", {}),
    (["conversation", "list"], "conversation.list", {}),
    (["conversation", "list", "--scope", "c_a"], "conversation.list", {"scope_id": "c_a"}),
    (["conversation", "list", "--waiting", "--name", "Anna"], "conversation.list", {"waiting": True, "client": "Anna"}),
    (["message", "list", "--conversation", "79005550101", "--since", "2h", "--reveal"], "message.list",
     {"who": "79005550101", "since": "2h", "reveal": True}),
    (["queue"], "queue", {}),
    (["queue", "drop", "--scope", "S", "--dry-run"], "queue.drop", {"scope_id": "S", "dry_run": True}),
    (["dead", "list"], "dead.list", {}),
    (["dead", "show", "3"], "dead.show", {"id": "3"}),
    (["dead", "retry", "3", "4"], "dead.retry", {"ids": ["3", "4"]}),
    (["dead", "retry", "--may-double", "3"], "dead.retry", {"ids": ["3"], "may_double": True}),
    (["dead", "drop", "3"], "dead.drop", {"ids": ["3"]}),
    (["quarantine", "list"], "quarantine.list", {}),
    (["quarantine", "show", "5"], "quarantine.show", {"id": "5"}),
    (["trace", "any-id"], "trace", {"id": "any-id"}),
]


def test_a_core_that_knows_no_dry_run_of_a_verb_has_done_it_and_that_is_said(core, run_dir):
    core.will_answer({"scope_id": "c_a", "paused": True})
    done = amoctl(run_dir, "account", "pause", "c_a", "--dry-run")
    assert done.returncode == 1 and "it was done" in done.stderr


@pytest.mark.parametrize("words, verb, arguments", CALLS, ids=[" ".join(w[:2]) for w, _, _ in CALLS])
def test_each_verb_asks_core_and_prints_one_json_document(core, run_dir, words, verb, arguments):
    document = [{"id": 1}] if verb.endswith("list") or verb == "queue" else {"journey": [], "message": {}}
    if "dry_run" in arguments:
        document["dry_run"] = True
    core.will_answer(document)
    done = amoctl(run_dir, *words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == document
    assert core.asked == [(verb, arguments)]
    call = core.calls[0]
    assert call.kind == "CONTROL_CALL" and len(call.edge_boot) == 16 and call.core_boot == b""


@pytest.mark.parametrize("words, verb, arguments", CALLS, ids=[" ".join(w[:2]) for w, _, _ in CALLS])
def test_each_verb_has_help_that_needs_no_core(run_dir, words, verb, arguments):
    done = amoctl(run_dir, *words, "--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: amoctl " + verb.replace(".", " "))


def test_help_names_every_verb_and_version_is_told(run_dir):
    known = verbs.usage()
    for _, verb, _ in CALLS:
        assert verb.replace(".", " ") in known
    assert known["config check"] == " [--env FILE] [FILE]" and "doctor" in known
    assert amoctl(run_dir, "--version").stdout.startswith("amoctl ")


def test_the_general_help_is_one_screen_with_the_verbs_of_every_day_first(run_dir):
    lines = verbs.told(columns=80).splitlines()
    assert len(lines) <= 50
    first = lines.index("Every day")
    assert [line.split()[0] for line in lines[first + 1:first + 4]] == ["status", "doctor", "trace"]
    assert not [line for line in lines if line == "Other"], "a new group of verbs wants a place in amoctl's sections"


@pytest.mark.parametrize("words, meant", [("statu", "status"), ("acount list", "account list"), ("channel lst", "channel list"),
                                          ("list channel", "channel list"), ("pause x", "account pause"),
                                          ("dead-list", "dead list")])
def test_a_mistyped_verb_is_answered_with_what_may_have_been_meant(run_dir, words, meant):
    done = amoctl(run_dir, *words.split())
    assert done.returncode == 2 and f"did you mean {meant}?" in done.stderr
    assert "--help" in done.stderr


@pytest.mark.parametrize("words", ["account help", "help account", "account --help"])
def test_help_of_a_group_is_asked_for_in_any_way(run_dir, words):
    done = amoctl(run_dir, *words.split())
    assert done.returncode == 0 and "account connect --channel ID" in done.stdout and "channel add" not in done.stdout


@pytest.mark.parametrize("words", [[], ["fly"], ["channel"], ["channel", "fly"], ["status", "now"], ["trace"],
                                   ["--frob", "status"], ["dead", "retry"], ["channel", "add"],
                                   ["account", "connect", "--channel", "c"], ["status", "--scope", "x"]])
def test_usage_errors_end_with_2_and_ask_nobody(core, run_dir, words):
    done = amoctl(run_dir, *words)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("amoctl: ") and "--help" in done.stderr
    assert core.calls == []


def test_a_usage_error_is_json_too_when_asked(run_dir):
    done = amoctl(run_dir, "fly", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "usage"


def test_lists_are_tables_for_people(core, run_dir):
    core.will_answer([{"name": "Мобилон", "scopes": 2}, {"name": "x", "scopes": 10}])
    assert amoctl(run_dir, "connector", "list").stdout == "NAME     SCOPES\nМобилон       2\nx            10\n"
    core.will_answer([])
    assert amoctl(run_dir, "connector", "list").stdout == "no connectors\n"


def test_a_list_in_parts_is_asked_for_until_it_is_whole(core, run_dir):
    place = 'svc/"odd" \\ one'
    core.will_answer([{"source": "a"}, {"source": "b"}], error="this is the first part of a longer list", following="svc/b")
    core.will_answer([], following=place)
    core.will_answer([{"source": "c"}])
    done = amoctl(run_dir, "source", "list", "--json")
    assert [row["source"] for row in json.loads(done.stdout)] == ["a", "b", "c"] and done.stderr == ""
    assert core.asked == [("source.list", {}), ("source.list", {"page": "svc/b"}), ("source.list", {"page": place})]


def test_of_a_list_that_breaks_off_nothing_is_shown_as_the_whole(core, run_dir):
    core.will_answer([{"source": "a"}], following="svc/a")
    core.will_answer(code=1, error="core could not do this; see its log")
    done = amoctl(run_dir, "source", "list")
    assert done.returncode == 1 and done.stdout == "" and "see its log" in done.stderr


def test_the_scope_id_stands_alone_on_stdout(core, run_dir):
    core.will_answer({"scope_id": "chan_acc"})
    done = amoctl(run_dir, "account", "connect", "--channel", "c", "--account", "a", "--connector", "n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "chan_acc\n", "")


def test_supports_answer_goes_to_core_as_it_came(core, run_dir):
    reply = '{ // ограничения\n  "result": {"ru": {"id": "ch", "secret_key": "hush"}}\n}\n'
    (run_dir / "reply.json").write_text(reply, encoding="utf-8")
    core.will_answer({"id": "ch"})
    done = amoctl(run_dir, "channel", "add", "--reply", run_dir / "reply.json", "--segment", "ru",
                  "--amojo-url", "http://127.0.0.1:9800")
    assert done.returncode == 0 and "hush" not in done.stdout + done.stderr
    core.will_answer({"id": "ch"})
    assert amoctl(run_dir, "channel", "add", "--reply=-", stdin=reply).returncode == 0
    assert core.asked == [("channel.add", {"reply": reply, "segment": "ru", "url": "http://127.0.0.1:9800"}),
                          ("channel.add", {"reply": reply})]


def test_secrets_come_from_files_and_one_final_newline_does_not_count(core, run_dir):
    (run_dir / "secret").write_text("whsec_aGVsbG8=\n", encoding="utf-8")
    (run_dir / "token").write_text("token-of-the-service\n\n", encoding="utf-8")
    core.will_answer({"name": "n", "url": "https://x"})
    done = amoctl(run_dir, "connector", "add", "--name", "n", "--kind", "http", "--url", "https://x",
                  "--secret-file", run_dir / "secret", "--token-file", run_dir / "token")
    assert done.returncode == 0
    assert "aGVsbG8" not in done.stdout + done.stderr and "not shown again" not in done.stdout
    assert core.asked[0][1]["secret"] == "whsec_aGVsbG8="
    assert core.asked[0][1]["token"] == "token-of-the-service\n"


def test_what_core_generated_is_printed_once_with_a_warning(core, run_dir):
    core.will_answer({"name": "n", "url": "https://x", "secret": "whsec_made", "token": "made"})
    done = amoctl(run_dir, "connector", "add", "--name", "n", "--kind", "http", "--url", "https://x")
    assert done.stdout.count("whsec_made") == 1 and "not shown again" in done.stdout


@pytest.mark.parametrize("option", ["--secret-file", "--token-file"])
def test_a_file_that_cannot_be_read_is_a_usage_error_before_core_is_asked(core, run_dir, option):
    done = amoctl(run_dir, "connector", "add", "--name", "n", "--kind", "http", "--url", "u", option, "/nowhere")
    assert done.returncode == 2 and "/nowhere" in done.stderr
    assert core.calls == []


@pytest.mark.parametrize("code", [1, 2, 3])
def test_cores_refusal_is_told_in_words_with_its_code(core, run_dir, code):
    core.will_answer(code=code, error="no such\x1b[31m channel")
    done = amoctl(run_dir, "channel", "show", "x")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == "amoctl: no such[31m channel\n"
    core.will_answer(code=code, error="no such channel")
    done = amoctl(run_dir, "channel", "show", "x", "--json")
    assert done.returncode == code
    assert json.loads(done.stdout)["error"]["message"] == "no such channel"


def test_nothing_from_outside_reaches_the_terminal_raw(core, run_dir):
    evil = 'a\x1b]0;x\x07\u009b31m\u202e\n'
    core.will_answer([{"title": evil}])
    shown = amoctl(run_dir, "account", "list").stdout
    assert shown == "TITLE\na]0;x31m \n"
    core.will_answer([{"title": evil}])
    shown = amoctl(run_dir, "account", "list", "--json").stdout
    assert json.loads(shown)[0]["title"] == evil
    assert all(c == "\n" or (c >= " " and c not in "\x7f\u009b\u202e") for c in shown)


def test_an_answer_to_somebody_else_is_not_taken(core, run_dir):
    def stray(control, frame):
        control.send(frame, "CONTROL_ANSWER", {"json": '{"whose": "not mine"}'}, boot=uuid.uuid4().bytes)
        control.send(frame, "HEARTBEAT_ANSWER", {})

    core.will_answer({"whose": "mine"}, before=stray)
    assert json.loads(amoctl(run_dir, "status", "--json").stdout) == {"whose": "mine"}


@pytest.mark.parametrize("answer", ["not json", "{", "[1]"])
def test_an_answer_that_cannot_be_read_fails(core, run_dir, answer):
    core.will_answer(answer)
    done = amoctl(run_dir, "status")
    assert done.returncode == 1 and "cannot be read" in done.stderr


def test_a_refused_frame_is_another_version(core, run_dir):
    core.answers.append((None, lambda control, frame: control.send(frame, "REFUSED", b"version not spoken here")))
    done = amoctl(run_dir, "status")
    assert done.returncode == 1 and "version" in done.stderr


def test_without_core_it_says_where_it_tried_and_ends_with_3(run_dir):
    done = amoctl(run_dir, "status", "--json")
    assert done.returncode == 3
    assert f"{run_dir}/control" in done.stderr and "amo-core" in done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "unreachable"


def test_a_socket_left_behind_is_nobody(run_dir):
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(run_dir / "control"))
    left.close()
    done = amoctl(run_dir, "status")
    assert done.returncode == 3 and "no process listens" in done.stderr


def test_a_core_that_starts_a_moment_later_is_waited_for(run_dir):
    early = kit.Process("early", [BIN / "amoctl", "status", "--json"], environment(run_dir), run_dir, apart=True).start()
    # it has looked for core in vain, or is about to: it goes on looking
    kit.holds(lambda: early.alive, 0.5, early.last_words)
    late = Control(run_dir)
    try:
        late.will_answer({"late": True})
        assert early.wait_end(30) == 0 and json.loads(early.log()) == {"late": True}
    finally:
        early.close()
        late.close()


def test_a_silent_core_is_not_waited_for_for_ever(core, run_dir):
    done = amoctl(run_dir, "status")
    assert done.returncode == 3 and "no answer" in done.stderr
    assert len(core.calls) == 1, "a call is not repeated behind the operator's back"


@pytest.mark.skipif(os.geteuid() != 0, reason="another user can be played by root only")
def test_a_socket_of_another_user_is_told_in_words(core, run_dir):
    os.chmod(run_dir, 0o755)
    os.chmod(run_dir / "control", 0o660)
    reachable = all(os.stat(p).st_mode & stat.S_IXOTH for p in BIN.resolve().parents)
    if not reachable:
        pytest.skip("the programs are not readable by another user")
    done = kit.run("amoctl", "status", env=environment(run_dir), user=65534, group=65534, extra_groups=[], cwd="/")
    assert done.returncode == 3
    assert "not allowed" in done.stderr and str(run_dir / "control") in done.stderr and "group" in done.stderr


def test_an_endpoint_that_cannot_be_used_is_a_config_error(run_dir):
    done = amoctl(run_dir, "status", env={"AMO_BUS_CONTROL": "tcp://127.0.0.1:5000"})
    assert done.returncode == 2 and "AMO_BUS_CONTROL: an endpoint is ipc://PATH" in done.stderr
    done = amoctl(run_dir, "status", env={"AMO_BUS_CONTROL": "ipc:///" + "x" * 120})
    assert done.returncode == 2 and "longer" in done.stderr


def test_a_config_file_says_where_core_is(core, run_dir):
    config = run_dir / "amo.conf"
    config.write_text(f'run_dir = "{run_dir}"\n', encoding="utf-8")
    core.will_answer({"ok": True})
    done = kit.run("amoctl", "--config", config, "status", "--json", env=kit.environment())
    assert json.loads(done.stdout) == {"ok": True}
    config.write_text("run_dirr = x\n", encoding="utf-8")
    done = amoctl(run_dir, "--config", config, "status")
    assert done.returncode == 2 and "amo.conf:1" in done.stderr


def test_config_check_reads_as_every_program_would(run_dir):
    good = amoctl(run_dir, "config", "check", ROOT / "deploy" / "amo.conf.example")
    assert good.returncode == 0 and "bus/control" in good.stdout
    as_json = amoctl(run_dir, "config", "check", ROOT / "deploy" / "amo.conf.example", "--json")
    assert json.loads(as_json.stdout)["valid"] is True
    bad = run_dir / "bad.conf"
    bad.write_text("ingress\n    lisen = 1\n", encoding="utf-8")
    done = amoctl(run_dir, "config", "check", bad)
    assert done.returncode == 2 and "bad.conf:2" in done.stderr
    assert json.loads(amoctl(run_dir, "config", "check", bad, "--json").stdout)["error"]["code"] == "usage"
    assert amoctl(run_dir, "config", "check", run_dir / "none").returncode == 2


@pytest.mark.parametrize("text,words", [
    ('bus/events = "tcp://127.0.0.1:5555"\n', "bus/events: an endpoint is ipc://PATH"),
    ("core/store = postgres://x\n", "core/store: a store is sqlite:FILE"),
    ("ingress/role = broker\n", "ingress/role: broker comes with"),
    ("ingress/trusted_proxies = proxy\n", "ingress/trusted_proxies: addresses or networks"),
    ("core/lease_ms = 5000\n", "core/lease_ms: must be longer than egress/attempt_ms (15000)"),
    ("bus/operators = nobody-of-that-name\n", "bus/operators: no such user: nobody-of-that-name")])
def test_config_check_refuses_what_a_program_refuses(run_dir, text, words):
    bad = run_dir / "bad.conf"
    bad.write_text(text, encoding="utf-8")
    done = amoctl(run_dir, "config", "check", bad)
    assert done.returncode == 2 and words in done.stderr and done.stdout == ""
    programs = {p: kit.run(p, "--config", bad, env=kit.environment(
        AMO_RUN_DIR=run_dir, AMO_DATA_DIR=run_dir / "data", AMO_CORE_ADMIN_LISTEN="", AMO_INGRESS_ADMIN_LISTEN="",
        AMO_EGRESS_ADMIN_LISTEN="", AMO_INGRESS_LISTEN="127.0.0.1:0")) for p in ("amo-core", "amo-ingress")}
    assert {p: done.returncode for p, done in programs.items()} == {"amo-core": 2, "amo-ingress": 2}
    assert words.split(": ")[-1] in programs["amo-core"].stderr


def test_config_check_tells_all_mistakes_at_once(run_dir):
    bad = run_dir / "bad.conf"
    bad.write_text("log\n    level = loud\ningres\n    listen = 1\n\tname = x\n", encoding="utf-8")
    done = amoctl(run_dir, "config", "check", bad, env={"AMO_DRAIN_MS": "soon", "AMO_INGRESS_LISTN": "127.0.0.1:1"})
    lines = done.stderr.splitlines()
    assert done.returncode == 2 and [line.partition("bad.conf")[2] for line in lines[:4]] == [
        ":2: log/level: one of error, warn, info, debug", ":3: ingres: unknown key", ":4: ingres/listen: unknown key",
        ":5: indent by four spaces"]
    assert lines[4:] == ["amoctl: AMO_DRAIN_MS: a number was expected",
                         "amoctl: AMO_INGRESS_LISTN: no setting has this name; did you mean AMO_INGRESS_LISTEN?"]
    told = json.loads(amoctl(run_dir, "config", "check", bad, "--json").stdout)
    assert told["valid"] is False and len(told["mistakes"]) == 4 and told["error"]["code"] == "usage"


def test_config_check_finds_mistyped_names_in_the_environment_alone(run_dir):
    done = amoctl(run_dir, "config", "check", "/dev/null", env={"AMO_INGRESS_LISTN": "127.0.0.1:1"})
    assert done.returncode == 2 and "did you mean AMO_INGRESS_LISTEN?" in done.stderr and done.stdout == ""
    done = amoctl(run_dir, "config", "check", "/dev/null", env={"AMO_OF_ANOTHER_PROGRAM": "1"})
    assert done.returncode == 0 and "AMO_OF_ANOTHER_PROGRAM: no setting has this name; the programs ignore it" in done.stderr


def test_config_check_as_json_has_every_value_and_no_secret_remark_is_lost(run_dir):
    good = run_dir / "good.conf"
    good.write_text("name = all\nlog/level = warn\n", encoding="utf-8")
    told = json.loads(amoctl(run_dir, "config", "check", good, "--json", env={"AMO_DRAIN_MS": "5"}).stdout)
    values = {v["key"]: (v["origin"], v["value"]) for v in told["values"]}
    assert told["valid"] is True and told["mistakes"] == []
    assert values["log/level"] == ("file", "warn") and values["drain_ms"] == ("environment", "5")
    assert values["log/format"] == ("default", "logfmt")
    assert any(remark.startswith("name: every program that reads this file") for remark in told["remarks"])


# as compose and units have it, with one mistake of each kind
ENV_FILE = """# core of the second host
AMO_DATA_DIR=/var/lib/amo
AMO_LOG_LEVEL=info # while we look
AMO_DRAIN_MS="5000"
AMO_INGRESS_LISTN=127.0.0.1:1
AMO_CORE_LEASE_MS=soon
AMO_CORE_DELETED_TEXT=it costs $5
AMO_PORT=8080
export AMO_NAME=core
LD_BIND_NOW=1
"""


@pytest.mark.parametrize("how", [["--env"], []])
def test_config_check_reads_a_file_of_variables(run_dir, how):
    file = run_dir / "core.env"
    file.write_text(ENV_FILE, encoding="utf-8")
    done = amoctl(run_dir, "config", "check", *how, file, env={"AMO_LOG_FORMAT": "nonsense"})
    said = [line.removeprefix("amoctl: ").replace(str(file), "F") for line in done.stderr.splitlines()]
    assert done.returncode == 2 and done.stdout == ""
    assert said == [
        "F:9: export AMO_NAME is no name; systemd leaves this line out: write it without export",
        "F:3: AMO_LOG_LEVEL: one of error, warn, info, debug",
        "F:6: AMO_CORE_LEASE_MS: a number was expected",
        "F:5: AMO_INGRESS_LISTN: no setting has this name; did you mean AMO_INGRESS_LISTEN?",
        "F: left out of this shell's environment: AMO_RUN_DIR, AMO_LOG_FORMAT",
        "F:3: AMO_LOG_LEVEL: the comment behind the value is a part of it for systemd, not for docker compose: "
        "give it a line of its own",
        "F:7: AMO_CORE_DELETED_TEXT: docker compose puts something else for what begins with $, systemd does not: "
        "put the value in single quotes",
        "F:9: AMO_NAME: docker compose alone reads this",
        "F:8: AMO_PORT: no setting has this name; the programs ignore it"]


def test_config_check_of_a_good_file_of_variables_has_every_value(run_dir):
    file, conf = run_dir / "core.env", run_dir / "amo.conf"
    file.write_text("; for systemd\nAMO_DATA_DIR='/var/lib/amo'\nAMO_DRAIN_MS=1\nAMO_DRAIN_MS=5\n", encoding="utf-8")
    conf.write_text("log/level = warn\n", encoding="utf-8")
    done = amoctl(run_dir, "config", "check", conf, "--env", file, "--json")
    told = json.loads(done.stdout)
    values = {v["key"]: (v["origin"], v.get("line"), v["value"]) for v in told["values"]}
    assert done.returncode == 0 and (told["file"], told["env_file"], told["valid"]) == (str(conf), str(file), True)
    assert values["data_dir"] == ("env_file", 2, "/var/lib/amo") and values["drain_ms"] == ("env_file", 4, "5")
    assert values["log/level"] == ("file", None, "warn") and values["run_dir"] == ("default", None, "var/run")
    assert [r.replace(str(file), "F") for r in told["remarks"]][1:] == [
        "F:3: AMO_DRAIN_MS: given again in line 4, which counts",
        "F:1: docker compose refuses the whole file because of this line"]
    assert "drain_ms                             env file:4   5" in amoctl(run_dir, "config", "check", file).stdout
    assert amoctl(run_dir, "config", "check", "--env", run_dir / "none").returncode == 2
    file.write_text("".join(f"X{n}=1\n" for n in range(1001)) + "AMO_LOG_LEVEL=loud\n", encoding="utf-8")
    done = amoctl(run_dir, "config", "check", "--env", file)
    assert done.returncode == 2 and "only 1000 variables are looked at, there are more" in done.stderr


def test_config_check_without_a_file_looks_at_the_environment_alone(run_dir):
    done = amoctl(run_dir, "config", "check", env={"AMO_INGRESS_LISTN": "127.0.0.1:1", "AMO_DRAIN_MS": "soon"})
    assert done.returncode == 2 and done.stderr.splitlines() == [
        "amoctl: AMO_DRAIN_MS: a number was expected",
        "amoctl: AMO_INGRESS_LISTN: no setting has this name; did you mean AMO_INGRESS_LISTEN?"]
    told = json.loads(amoctl(run_dir, "config", "check", "--json").stdout)
    assert told["file"] is None and {v["key"]: v["origin"] for v in told["values"]}["run_dir"] == "environment"


def test_config_check_knows_which_programs_read_a_setting(run_dir):
    told = json.loads(amoctl(run_dir, "config", "check", "--json").stdout)
    programs = {v["key"]: set(v["programs"]) for v in told["values"]}
    rooms = {room: "".join(p.read_text(encoding="utf-8") for p in (ROOT / room).glob("**/*.c")
                           if not p.name.endswith("_test.c")) for room in ("core", "ingress", "egress")}
    assert len(programs) > 50
    for key, readers in programs.items():
        named = {room for room, text in rooms.items() if re.search(rf'"{key}"', text)} if "/" in key else set()
        assert named <= readers, (key, named - readers)
        assert named or readers in ({"core", "ingress", "egress"}, {"ingress", "egress"}, {"core"}, {"ingress"}, set()), key


def test_a_program_says_that_a_variable_is_mistyped(run_dir):
    done = kit.run("amo-core", env=kit.environment(AMO_RUN_DIR=run_dir, AMO_DATA_DIR=run_dir / "data", AMO_CORE_LISTEN="x",
                                                   AMO_CORE_ADMIN_LISTN="x", AMO_BUS_OPERATORS="nobody-of-that-name"))
    assert done.returncode == 2
    assert "what=setting.unknown name=AMO_CORE_ADMIN_LISTN like=AMO_CORE_ADMIN_LISTEN" in done.stderr
    assert "what=setting.unknown name=AMO_CORE_LISTEN like=-" in done.stderr


def test_trace_tells_the_journey_with_times(core, run_dir):
    core.will_answer({"message": {"mid": "m1", "amo_id": "a1"}, "waiting": [], "journey": [
        {"at": "2026-11-22T13:00:00.000Z", "what": "accepted by ingress"},
        {"at": "2026-11-22T13:00:00.012Z", "what": "amo.message", "attempt": 1, "outcome": "done", "status": 200}]})
    shown = amoctl(run_dir, "trace", "a1").stdout
    assert "m1" in shown and "+12 ms  amo.message" in shown and "attempt=1 outcome=done status=200" in shown
