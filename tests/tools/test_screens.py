"""What amoctl shows to people fits 80 columns and uses what is wider; rows are as long as they can be."""
import json
import re
import unicodedata

import pytest

import bus
import kit
import verbs
from kit import ROOT
from tools_harness import amoctl, environment

WIDTHS = [80, 160]
CHANNEL, ACCOUNT = "f90ba33d-c9d9-44da-b76c-c349b0ecbe41", "2b13cae0-24f7-4058-b9ad-c13ee05e1b53"
SCOPE = f"{CHANNEL}_{ACCOUNT}"
ACCOUNTS = [{"scope_id": SCOPE, "short": ACCOUNT[:8], "title": "A company with a very long name, the second branch of it"}]


def width(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def check_fits(text, columns):
    for line in text.splitlines():
        assert width(line) <= columns, f"{width(line)} columns: {line}"
        assert line == line.rstrip(), f"blanks at the end: {line!r}"


def squeezed(text):
    return re.sub(r"\s", "", text)


# --- help --------------------------------------------------------------------------------------

@pytest.mark.parametrize("columns", WIDTHS)
def test_every_help_screen_fits(columns):
    screens = [(), *[(g,) for g in verbs.groups()], *[tuple(v.split()) for v in verbs.usage()]]
    assert len(screens) > 50
    widest = 0
    for words in screens:
        text = verbs.told(*words, columns=columns)
        check_fits(text, columns)
        widest = max(widest, *(width(line) for line in text.splitlines()))
    assert widest > columns - 10


def test_help_loses_nothing_when_it_is_folded():
    for verb in verbs.usage():
        wide, narrow = (squeezed(verbs.told(*verb.split(), columns=c)) for c in (1000, 80))
        assert wide == narrow, verb


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("words", ["fly", "channel", "account connect", "statu", "queue drp"])
def test_a_mistake_is_answered_with_one_line_not_a_wall(run_dir, words, columns):
    done = amoctl(run_dir, *words.split(), env={"COLUMNS": columns})
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


PROGRAMS = ["amo-core", "amo-ingress", "amo-egress", "amo-sandbox", "amo-monitor", "amoctl"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_says_what_it_is_and_what_it_takes(run_dir, program):
    def told(*words, code):
        done = kit.run(program, *words, env=environment(run_dir, COLUMNS=80, AMO_DATA_DIR=run_dir / "data"))
        assert done.returncode == code and (done.stdout == "") == (code != 0), (words, done)
        return done.stdout if code == 0 else done.stderr
    shown = told("--help", code=0)
    check_fits(shown, 80)
    assert shown.startswith(f"usage: {program} [") and told("-h", code=0) == shown
    assert re.fullmatch(rf"{program} \d+\.\d+\.\d+\n", told("--version", code=0))
    for wrong in (["--nope"], ["extra"], ["-x"], ["--confg", "x"]):
        said = told(*wrong, code=2)
        assert said.startswith(f"{program}: ") and f"(try {program} --help)" in said and len(said.splitlines()) == 1
        assert wrong[0] in said and (program == "amo-sandbox" or wrong[0] != "--confg" or "--config" in said)


# --- tables ------------------------------------------------------------------------------------

def longest(name, at):
    """A value that a field of this name may have at its longest."""
    if name.endswith("_at") or name in ("at", "now", "since", "trusted_until", "over_since"):
        return "2026-11-30T01:45:11.130Z"
    if name.endswith(("_s", "_bytes", "_ms")) or name in ("id", "n", "waiting", "attempts", "status", "ms", "used", "limit"):
        return 9007199254740991 - at
    if name == "scope_id":
        return SCOPE
    if name == "destination":
        return ["scope:" + SCOPE, "connector:" + "n" * 20][at % 2]
    if name == "channel":
        return CHANNEL
    if name in ("paused", "alive", "default", "off", "disconnected"):
        return bool(at % 2)
    if name in ("words", "meaning", "why", "reason", "title", "name", "text", "answer", "raw"):
        return ("Все слова, 漢字, and more of them " * 9)[:250 + at]
    if name in ("amo_id", "chat_id", "account", "trace", "command_id"):
        return f"{at:08x}-c9d9-44da-b76c-c349b0ecbe41"
    return f"{name[:1]}{at}" + "-0123456789" * 6  # an id of somebody outside


def names_in(answer):
    return list(dict.fromkeys(re.findall(r"\b[a-z][a-z_]+\b(?=[\[\]{},;:]|$| )", answer)))


def documents():
    """{verb: (arguments, a document of its shape with long rows)}, from the one table of core's verbs."""
    text = (ROOT / "proto" / "control.h").read_text(encoding="utf-8")
    table = text[text.index("#define CONTROL_VERBS"):text.index("#include")]
    strings = re.findall(r'X\(\w+, ("[^"]*"), [A-Z]+,[\s\\]*((?:"[^"]*"[\s\\,]*)+)\)', table)
    found = {}
    for verb, row in strings:
        parts = [""]
        for text, comma in re.findall(r'"([^"]*)"|(,)', f"{verb}, {row}"):
            parts = parts + [""] if comma else parts[:-1] + [parts[-1] + text]
        verb, _, answer = parts[:3]
        names = names_in(answer)
        rows = [{name: longest(name, at) for name in names} for at in range(1, 5)]
        found[verb] = rows if answer.startswith("[{") else rows[0] | {"rows": rows, "inside": rows[1]}
    found["trace"] = {"message": found["dead.list"][0], "waiting": found["queue"][:2],
                      "journey": [{"at": "2026-11-22T13:00:00.000Z", "what": "accepted by ingress"},
                                  *[{"at": f"2026-11-22T13:00:0{n}.012Z", "what": "service.message", **row}
                                    for n, row in enumerate(found["dead.list"], 1)]]}
    return found


def arguments(rest, folder):
    """The least that a verb needs, from its usage."""
    file = folder / "file"
    file.write_text("{}", encoding="utf-8")
    needed = re.sub(r"\[[^]]*\]", "", rest).split()
    return [str(file) if word == "FILE" else word if word.startswith("--") else "1" for word in needed]


# those whose answers are shown as every other; the rest have screens of their own
CORES = sorted(set(documents()) - {"doctor", "doctor.check", "probe.call", "conversation.import", "account.connect",
                                   "message.list"})


def test_the_table_of_verbs_is_read_whole():
    assert {"queue", "account.list", "trace", "connector.show"} <= set(CORES)
    assert {"destination", "waiting", "held"} <= set(documents()["queue"][0])


@pytest.mark.parametrize("verb", CORES)
def test_every_answer_fits_and_nothing_of_it_is_lost(core, run_dir, verb):
    words, document, lines = verb.replace(".", " "), documents()[verb], {}
    rows = document if isinstance(document, list) else document.get("rows", [])
    for columns in WIDTHS:
        core.will_answer(document)
        if verb != "account.list" and SCOPE in json.dumps(document):
            core.will_answer(ACCOUNTS)
        done = amoctl(run_dir, *words.split(), *arguments(verbs.usage()[words], run_dir), env={"COLUMNS": columns})
        assert done.returncode == 0, done.stderr
        check_fits(done.stdout, columns)
        lines[columns] = len(done.stdout.splitlines())
        for name, value in [pair for row in rows for pair in row.items()]:
            if isinstance(value, str) and name not in ("scope_id", "destination", "channel", "state", "short"):
                assert squeezed(value) in squeezed(done.stdout), (name, value)
    assert lines[160] <= lines[80]


@pytest.mark.parametrize("columns", WIDTHS)
def test_messages_fit(core, run_dir, columns):
    message = {"at": "2026-11-30T01:45:11.130Z", "direction": "outbound", "type": "text", "state": "delivered_to_service",
               "told": "failed", "told_code": 905, "mid": longest("mid", 1), "conversation": 7, "source": longest("source", 1),
               "connector": "n" * 20, "account": longest("title", 1), "reason": "refused", "words": longest("words", 1),
               "text": longest("text", 2)}
    kept = {"at": "2026-11-30T01:45:11.130Z", "state": "quarantined", "reason": "unknown_conversation", "entry": 7,
            "why": "in quarantine, entry 7: unknown_conversation", "kind": "amo.message", "direction": "outbound",
            "written_in": "amo", "type": "text", "conversation": None, "chat_id": longest("chat_id", 1), "phone": "***0101",
            "name": "И. П.", "connector": None, "source": longest("source", 1), "account": longest("title", 1),
            "amo_id": longest("amo_id", 1), "trace": longest("trace", 1)}
    unread = {"at": "2026-11-30T01:45:11.130Z", "state": "quarantined", "reason": "suspect", "entry": 8,
              "why": "in quarantine, entry 8: suspect; it is kept unread, so nobody knows whose it is"}
    core.will_answer({"messages": [message, kept, unread], "looked_at": 9, "next": "9007199254740991"})
    shown = amoctl(run_dir, "message", "list", env={"COLUMNS": columns}).stdout
    check_fits(shown, columns)
    assert message["mid"] in shown and squeezed(message["text"]) in squeezed(shown)
    for part in (kept["amo_id"], "no conversation, phone ***0101, И. П.", kept["why"], unread["why"]):
        assert squeezed(part) in squeezed(shown), part


def ordinary(n):
    return {"id": n, "kind": "service.message", "reason": "refused", "scope_id": SCOPE, "connector": "demo", "attempts": 1,
            "taken_at": "2026-11-30T01:45:11.130Z", "died_at": "2026-11-30T01:45:12.130Z", "mid": f"{CHANNEL}-{n}",
            "amo_id": f"{n:08x}-c9d9-44da-b76c-c349b0ecbe41", "service_id": None}


def test_an_account_is_called_by_its_title_and_ids_of_messages_stay_whole(core, run_dir):
    core.will_answer([ordinary(1), ordinary(2)])
    core.will_answer(ACCOUNTS)
    shown = amoctl(run_dir, "dead", "list", env={"COLUMNS": 80}).stdout
    assert [verb for verb, _ in core.asked] == ["dead.list", "account.list"]
    lines = shown.splitlines()
    assert [title in lines[0] for title in ("KIND", "REASON", "ATTEMPTS", "AMO ID")] == [True, True, True, False]
    assert "2b13cae0 A company with a very..." in shown and SCOPE not in shown
    for row in (ordinary(1), ordinary(2)):
        assert row["amo_id"] in shown and row["mid"] in shown, "an id that may be asked for is not broken"


def test_more_room_is_used(core, run_dir):
    titles = {}
    for columns in (80, 160, 300):
        core.will_answer([ordinary(1), ordinary(2)])
        core.will_answer(ACCOUNTS)
        lines = amoctl(run_dir, "dead", "list", env={"COLUMNS": columns}).stdout.splitlines()
        titles[columns] = len(re.split(r"  +", lines[0].strip())), len(lines)
    assert titles[80][0] < titles[160][0] < titles[300][0] == len(ordinary(1))
    assert titles[80][1] > titles[160][1] > titles[300][1] == 3


def test_json_is_the_same_whatever_the_screen(core, run_dir):
    for columns in WIDTHS:
        core.will_answer([ordinary(1)])
        assert json.loads(amoctl(run_dir, "dead", "list", "--json", env={"COLUMNS": columns}).stdout) == [ordinary(1)]
    assert [verb for verb, _ in core.asked] == ["dead.list"] * 2, "names are for people"


def test_without_the_names_the_answer_is_shown_all_the_same(core, run_dir):
    core.will_answer([ordinary(1)])
    core.will_answer(code=1, error="too many calls")
    done = amoctl(run_dir, "dead", "list", env={"COLUMNS": 80})
    assert done.returncode == 0 and SCOPE in done.stdout
    check_fits(done.stdout, 80)


@pytest.mark.parametrize("columns, used", [("", 80), ("0", 80), ("x", 80), ("7", 40), ("200", 200)])
def test_a_pipe_is_80_columns_wide_unless_columns_says_otherwise(core, run_dir, columns, used):
    core.will_answer({"words": "word " * 200})
    lines = amoctl(run_dir, "status", env={"COLUMNS": columns}).stdout.splitlines()
    assert used - 5 <= max(map(len, lines)) <= used


# --- what passes -------------------------------------------------------------------------------

LONG = "0123456789abcdef" * 4
STEPS = [
    ("EVENT_PUSH", {"kind": 4, "trace": b"t" * 16, "taken_ms": 1763816400123, "connector": "n" * 20, "source": LONG,
                    "conversation": LONG + "-79001234567", "message_id": LONG, "type": "text", "text": "漢字 и всё " * 99}),
    ("EVENT_PUSH", {"kind": 6, "trace": b"u" * 16, "taken_ms": 1763816400123, "scope": SCOPE, "raw": b"{" * 999, "reason": LONG}),
    ("EVENT_PUSH", {"kind": 5, "trace": b"v" * 16, "taken_ms": 1763816400123, "connector": "demo", "conversation": LONG,
                    "message_id": LONG, "status": LONG, "error_code": LONG, "error_text": LONG * 9}),
    ("COMMAND_PUSH", {"kind": 6, "id": 2**63 - 1, "attempt": 2**63 - 1, "trace": b"t" * 16, "connector": "n" * 20, "source": LONG,
                      "conversation": LONG, "type": "picture", "text": LONG * 9}),
    ("RESULT_PUSH", {"id": 2**63 - 1, "attempt": 2**63 - 1, "outcome": 5, "cause": 13, "status": 999, "took_ms": 2**53,
                     "words": LONG * 9, "evidence": LONG * 9}),
    ("HELLO", {"name": LONG, "role": 1, "version": LONG}), ("REFUSED", (LONG * 9).encode()),
    ("REGISTRY", {"version": 2**63 - 1, "channels": []}), ("GOING", {})]


def body_of(kind, item):
    return {"EVENT_PUSH": lambda: {"spool": b"s" * 16, "low": 1, "events": [[1, bus.pack(item), item["kind"] == 4]]},
            "COMMAND_PUSH": lambda: {"commands": [item]}, "RESULT_PUSH": lambda: {"results": [item]}}.get(kind, lambda: item)()


@pytest.mark.parametrize("more", [[], ["--reveal"]])
@pytest.mark.parametrize("columns", WIDTHS)
def test_what_passes_is_a_line_a_step(taps, monitor, columns, more, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    ingress = taps("ingress-" + "n" * 40)
    tail = monitor("tail", "--kind", "all", *more)
    ingress.wait_listener()
    for kind, item in STEPS:
        ingress.send(kind, body_of(kind, item))
    lines = [tail.line() for _ in STEPS]
    check_fits("\n".join(lines), columns)
    assert re.match(r"\d\d:\d\d:\d\d(\.\d{3})? ingress-n\S* +client>amo .*\.\.\. .* received", lines[0]), lines[0]
    assert "refused" in lines[4] and re.search(r"(?<!\d)999|\.\.\.$", lines[4]), lines[4]
    assert ("account 2b13cae0" in lines[1]) == (columns == 160)


def test_a_frame_that_two_processes_tell_of_is_one_line(taps, monitor):
    ingress, core = taps("ingress-1"), taps("core")
    tail = monitor("tail")
    ingress.wait_listener()
    core.wait_listener()
    head = bus.envelope("EVENT_PUSH", b"e" * 16, b"c" * 16)
    for n in (1, 2, 3):
        body = bus.pack(body_of("EVENT_PUSH", {"kind": 4, "trace": bytes([n]) * 16, "taken_ms": 5, "connector": "demo",
                                               "conversation": f"c-{n}", "type": "text", "text": "hi"}))
        for tap, direction in ((ingress, b">"), (core, b"<")):
            tap.socket.send_multipart([b"EVENT_PUSH", tap.name, n.to_bytes(8, "big"), direction, head, body])
    core.send("GOING", {})
    lines = []
    while not lines or "going" not in lines[-1]:
        lines.append(tail.line())
    assert sorted(re.search(r"c-\d", line)[0] for line in lines[:-1]) == ["c-1", "c-2", "c-3"]
    assert all(" text 2 chars received" in line for line in lines[:-1])


# --- doctor and the runbook --------------------------------------------------------------------

@pytest.mark.parametrize("columns", WIDTHS)
def test_the_doctors_lines_fit(core, run_dir, columns):
    core.will_answer({"checks": [{"check": "account", "subject": SCOPE, "state": state, "words": longest("words", 1),
                                  "todo": longest("words", 2)} for state in ("green", "yellow", "red")], "ask": []})
    core.will_answer(ACCOUNTS)
    done = amoctl(run_dir, "doctor", env={"COLUMNS": columns})
    check_fits(done.stdout, columns)
    assert squeezed("account 2b13cae0 A company with a very...: ") in squeezed(done.stdout) and "\x1b" not in done.stdout


def rows_of(heading):
    """The names in the first column of the tables under a heading of docs/operations.md."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = re.split(r"^#+ ", text[text.index(heading) + len(heading):], maxsplit=1, flags=re.M)[0]
    return [name for line in re.findall(r"^\| ([^|]*`[^|]*) \|", section, re.M) for name in re.findall(r"`([^`]+)`", line)]


@pytest.mark.parametrize("heading, few", [("## Doctor", 20), ("### A destination is held", 8), ("### Dead letters", 12),
                                          ("### Quarantine grows", 20), ("### All processes", 10), ("### Core\n", 50),
                                          ("## Metrics", 20)])
def test_every_name_of_the_runbook_is_explained(run_dir, heading, few):
    names = rows_of(heading)
    assert len(names) >= few
    for name in names:
        name = name.split("{")[0]
        done = amoctl(run_dir, "explain", name, env={"COLUMNS": 80})
        assert done.returncode == 0 and name in squeezed(done.stdout), name
        check_fits(done.stdout, 80)


@pytest.mark.parametrize("heading", ["### Dead letters", "## Doctor"])
def test_the_runbook_is_explained_in_russian_as_well(run_dir, heading):
    for name in rows_of(heading):
        done = amoctl(run_dir, "explain", "--ru", name, env={"COLUMNS": 80})
        assert done.returncode == 0 and name in squeezed(done.stdout) and re.search("[а-я]{3}", done.stdout), name
        check_fits(done.stdout, 80)
    link = heading.lstrip("# ").lower().replace(" ", "-")
    assert re.search("[а-я]{3}", amoctl(run_dir, "explain", "--ru", link).stdout), "an English heading leads to the Russian one"
    assert "skew_ms" in amoctl(run_dir, "explain", "--ru", "clock.show").stdout, "the table of verbs is in English alone"


def test_a_log_name_brings_the_page_that_it_points_to(run_dir):
    shown = amoctl(run_dir, "explain", "destination.held").stdout
    assert "A destination is held" in shown and "breaker" in shown
    said = json.loads(amoctl(run_dir, "explain", "breaker", "--json").stdout)
    assert said["name"] == "breaker" and [f["section"] for f in said["found"]] == ["A destination is held"]
    assert "five failures" in said["found"][0]["text"]


def test_what_nobody_knows_is_answered_with_what_may_have_been_meant(run_dir):
    done = amoctl(run_dir, "explain", "destination.hold")
    assert done.returncode == 1 and "did you mean destination.held?" in done.stderr and done.stdout == ""


def test_what_core_tells_people_to_have_explained_is_explained(run_dir):
    told = {name for path in ROOT.glob("core/**/*.c") if not path.name.endswith("_test.c")
            for name in re.findall(r"amoctl explain ([\w.-]+)",
                                   re.sub(r'"\s*"', "", path.read_text(encoding="utf-8")))}
    assert len(told) >= 4
    for name in told:
        assert amoctl(run_dir, "explain", name).returncode == 0, name
