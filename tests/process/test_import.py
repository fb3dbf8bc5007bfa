"""The change from an older bridge: its clients are played with their old ids, their conversations are imported with
amoctl, and amo must not notice: no new chat, no new client, no new lead."""
import contextlib
import csv
import io
import json
import os
import signal
import sqlite3
import sys
import uuid

import pytest

import amojo
import kit
from stack import QUICK, Stack, wait_for

PHONE = "79005550101"


@pytest.fixture
def stack():
    with Stack(env=QUICK) as s:
        s.up()
        yield s


class Old:
    """One client of the older bridge, as amo has him."""

    def __init__(self, stack, number=1):
        self.phone = f"7900555{number:04}"
        self.client_id, self.user_id = f"old/chat:{number}", f"old/user:{number}"
        bridge = amojo.Bridge(stack.sandbox_url, stack.secret, stack.scope)
        got = bridge.message(self.client_id, self.user_id, f"hello-of-old-{number}", phone=self.phone)
        self.chat, self.user = got["conversation_id"], got["sender_id"]

    def row(self, without=(), **more):
        row = {"connector": "svc", "source": "wa1", "conversation": self.phone, "phone": "+" + self.phone,
               "client_id": self.client_id, "chat_id": self.chat, "user_ref": self.user, "user_id": self.user_id}
        return {k: v for k, v in {**row, **more}.items() if k not in without}


def amoctl(stack, *words, stdin=None, **more):
    return stack.operator(*words, input=stdin, timeout=120, **more)


def imported(stack, rows, *words, code=0):
    """The report of an import of JSON lines; `rows` may be the file's text."""
    text = rows if isinstance(rows, str) else "".join(json.dumps(r) + "\n" for r in rows)
    done = amoctl(stack, "conversation", "import", "-", "--json", *words, stdin=text)
    assert done.returncode == code, (done.stdout[:2000], done.stderr)
    return json.loads(done.stdout)


def counts(report):
    return tuple(report[k] for k in ("created", "updated", "unchanged", "refused"))


def at_amo(stack):
    """(chats, leads, clients) that amo has."""
    chats = stack.list("amojo/chats")
    return len(chats), stack.sandbox("counters")["amojo.leads"], len({c["id"] for chat in chats for c in chat["clients"]})


def both_ways(stack, old, text):
    """The client writes and a manager answers in the chat of old; the client's message as amo has it."""
    stack.client_writes(text, conversation=old.phone, sender={"id": old.phone, "name": "Client", "phone": old.phone})
    arrived = stack.wait("amojo.message", text=text)["item"]
    answer = stack.manager_writes(text + "-answer", old.chat)
    got = stack.wait("service.message", text=text + "-answer")["item"]
    assert got["conversation"] == old.phone and not got["write_first"]
    stack.wait("status", id=answer["id"], status=2)
    return arrived


@pytest.mark.parametrize("without", [(), ("user_id",), ("chat_id",), ("chat_id", "user_id"), ("phone",), ("user_ref",)])
def test_an_imported_client_stays_one_chat_one_lead_and_one_person(stack, without):
    old = Old(stack)
    assert at_amo(stack) == (1, 1, 1)
    assert counts(imported(stack, [old.row(without)])) == (1, 0, 0, 0)
    arrived = both_ways(stack, old, "it-is-me")
    assert (arrived["chat"], arrived["participant"]) == (old.chat, old.user)
    both_ways(stack, old, "me-again")
    stack.settle()
    assert at_amo(stack) == (1, 1, 1)
    assert stack.control("quarantine.list") == [] and stack.control("dead.list") == []


@pytest.mark.parametrize("without", [("user_id", "user_ref"), ("user_id", "user_ref", "chat_id")])
def test_a_client_without_any_id_stays_one_person_when_a_manager_writes_first(stack, without):
    old = Old(stack)
    assert imported(stack, [old.row(without)])["unnamed"] == 1
    stack.manager_writes("how-are-you", old.chat)
    stack.wait("service.message", text="how-are-you")
    assert both_ways(stack, old, "fine")["participant"] == old.user
    assert at_amo(stack) == (1, 1, 1)


def test_without_the_import_amo_makes_a_second_chat_and_a_second_lead(stack):
    """The other side of the test above: it can fail."""
    old = Old(stack)
    stack.client_writes("who-am-i", conversation=old.phone, sender={"id": old.phone, "name": "Client"})
    assert stack.wait("amojo.message", text="who-am-i")["item"]["chat"] != old.chat
    lost = stack.manager_writes("lost-words", old.chat)
    stack.wait("status", id=lost["id"], status=-1)
    assert at_amo(stack) == (2, 2, 2)
    assert [q["reason"] for q in stack.control("quarantine.list")] == ["unknown_conversation"]


def test_a_client_who_wrote_before_the_import_is_reached_from_both_chats(stack):
    old = Old(stack)
    stack.client_writes("already-here", conversation=old.phone, sender={"id": old.phone, "name": "Client"})
    new = stack.wait("amojo.message", text="already-here")["item"]["chat"]
    stack.settle()
    assert counts(imported(stack, [old.row()])) == (0, 1, 0, 0)
    assert counts(imported(stack, [old.row()])) == (0, 0, 1, 0)
    for chat in (old.chat, new):
        stack.manager_writes(f"out-of-{chat}", chat)
        assert stack.wait("service.message", text=f"out-of-{chat}")["item"]["conversation"] == old.phone
    stack.client_writes("still-me", conversation=old.phone, sender={"id": old.phone, "name": "Client"})
    assert stack.wait("amojo.message", text="still-me")["item"]["chat"] == new
    assert sorted(stack.control("conversation.show", id=new)["chats"]) == sorted([old.chat, new])
    assert at_amo(stack)[0] == 2


def test_a_manager_who_answers_before_the_client_writes_reaches_him(stack):
    old = Old(stack)
    imported(stack, [old.row(("chat_id",))])
    answer = stack.manager_writes("are-you-still-there", old.chat)
    assert stack.wait("service.message", text="are-you-still-there")["item"]["conversation"] == old.phone
    stack.wait("status", id=answer["id"], status=2)
    assert stack.control("conversation.show", id=old.chat)["client_id"] == old.client_id
    assert at_amo(stack) == (1, 1, 1)


def test_what_was_refused_before_the_import_is_delivered_by_a_replay(stack):
    old = Old(stack)
    early = stack.manager_writes("too-early", old.chat)
    stack.wait("status", id=early["id"], status=-1)
    imported(stack, [old.row()])
    entry = stack.control("quarantine.list")[0]["id"]
    assert amoctl(stack, "quarantine", "replay", str(entry)).returncode == 0
    assert stack.wait("service.message", text="too-early")["item"]["conversation"] == old.phone


def test_a_card_that_was_written_from_first_and_never_answered(stack):
    """The older bridge never named the chat: amo's ids alone, and a phone in place of the service's conversation."""
    bridge = f"http://127.0.0.1:{stack.port}/messages/:scope_id"
    stack.sandbox("channels", {"id": stack.channel, "webhook_url": "http://127.0.0.1:9/older/:scope_id"})
    first = stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": PHONE, "text": "before-all",
                                                   "source": "wa1"})["items"][0]
    stack.wait("webhook", webhook=first["webhook"])
    stack.sandbox("channels", {"id": stack.channel, "webhook_url": bridge})
    chat = stack.list("amojo/chats")[0]
    row = {"connector": "svc", "source": "wa1", "phone": PHONE, "chat_id": chat["chat"],
           "user_ref": chat["clients"][0]["id"]}
    assert counts(imported(stack, [row])) == (1, 0, 0, 0)
    assert stack.control("conversation.show", id=PHONE)["state"] == "amo_only"
    stack.client_writes("an-answer-at-last", conversation="wa-77", sender={"id": "77", "name": "C", "phone": PHONE})
    arrived = stack.wait("amojo.message", text="an-answer-at-last")["item"]
    assert (arrived["chat"], arrived["participant"]) == (chat["chat"], row["user_ref"])
    stack.manager_writes("welcome", chat["chat"])
    assert stack.wait("service.message", text="welcome")["item"]["conversation"] == "wa-77"
    assert at_amo(stack) == (1, 0, 1)


def test_a_dry_run_changes_nothing_and_a_second_import_neither(stack):
    olds = [Old(stack, n) for n in range(1, 4)]
    rows = [o.row() for o in olds]
    dry = imported(stack, rows, "--dry-run")
    assert counts(dry) == (3, 0, 0, 0) and dry["dry_run"]
    assert stack.control("conversation.list") == []
    assert counts(imported(stack, [r | {"user_ref": None} for r in rows])) == (3, 0, 0, 0)
    assert counts(imported(stack, rows, "--dry-run")) == (0, 3, 0, 0)
    assert counts(imported(stack, rows)) == (0, 3, 0, 0)
    before = stack.control("conversation.list")
    assert counts(imported(stack, rows)) == (0, 0, 3, 0)
    assert stack.control("conversation.list") == before


def test_csv_and_json_lines_say_the_same(stack):
    olds = [Old(stack, n) for n in range(1, 6)]
    rows = [o.row(name='Ann "A"; B, C') for o in olds]
    imported(stack, rows)
    for delimiter, end, mark in ((",", "\n", ""), (";", "\r\n", "\ufeff"), ("\t", "\n", "")):
        text = io.StringIO()
        out = csv.DictWriter(text, ["_n", *rows[0]], delimiter=delimiter, lineterminator=end)
        out.writeheader()
        out.writerows({"_n": i, **r} for i, r in enumerate(rows))
        path = stack.dir / "rows.csv"
        path.write_text(mark + text.getvalue(), encoding="utf-8", newline="")
        done = amoctl(stack, "conversation", "import", str(path), "--json")
        assert done.returncode == 0, done
        assert counts(json.loads(done.stdout)) == (0, 0, 5, 0)


def test_refused_rows_are_told_by_their_lines_and_stop_no_other(stack):
    one, two = Old(stack, 1), Old(stack, 2)
    lines = [one.row(), {**two.row(), "chat_id": one.chat}, {"connector": "svc", "conversaton": "x"},
             two.row(connector="nobody"), "oops", two.row()]
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    report = imported(stack, text, code=1)
    assert counts(report) == (2, 0, 0, 4) and report["rows"] == 6 and report["not_listed"] == 0
    told = {r["line"]: r["reason"] for r in report["refusals"]}
    assert sorted(told) == [2, 3, 4, 5]
    assert "already used" in told[2] and "unknown column conversaton" in told[3]
    assert told[4] == "no connector nobody" and told[5] == "is not a JSON object"
    done = amoctl(stack, "conversation", "import", "-", stdin=text)
    assert done.returncode == 1 and "no connector nobody" in done.stdout
    assert done.stderr.startswith("amoctl: some rows were not taken")
    assert two.phone not in done.stdout + done.stderr


def test_a_file_that_cannot_be_used_is_refused_in_words(stack):
    for text, words, code in (("conector,phone\n1,2\n", "line 1: unknown column conector", 2), ("", "the file is empty", 2),
                              ('connector,phone\nsvc,"7\n', "line 2: a quote does not end", 2)):
        done = amoctl(stack, "conversation", "import", "-", stdin=text)
        assert (done.returncode, done.stdout) == (code, "") and words in done.stderr, done
    for words in (["nowhere.csv"], ["-", "--format", "xml"]):
        done = amoctl(stack, "conversation", "import", *words, "--json")
        assert done.returncode == 2 and json.loads(done.stdout)["error"]["code"] == "usage"


def test_defaults_stand_in_for_columns_that_are_missing(stack):
    old = Old(stack)
    row = old.row(("connector",))
    assert counts(imported(stack, [row], code=1)) == (0, 0, 0, 1)
    assert counts(imported(stack, [row], "--connector", "svc", "--scope", stack.scope)) == (1, 0, 0, 0)


def test_show_tells_both_sides_chats_messages_and_what_waits(stack):
    old = Old(stack)
    imported(stack, [old.row()])
    both_ways(stack, old, "one-and-two")
    stack.settle()
    for word in (old.phone, old.chat, old.client_id):
        done = amoctl(stack, "conversation", "show", word, "--json")
        assert done.returncode == 0, done
        shown = json.loads(done.stdout)
        assert (shown["client_id"], shown["chat_id"], shown["user_ref"]) == (old.client_id, old.chat, old.user)
        assert shown["chats"] == [old.chat] and shown["waiting"] == [] and shown["state"] == "linked"
        assert (shown["messages"]["inbound"], shown["messages"]["outbound"]) == (1, 1)
    stack.control("account.pause", scope_id=stack.scope)
    stack.client_writes("held-back", conversation=old.phone)
    stack.wait("client.accepted", count=2)
    held = wait_for(lambda: json.loads(amoctl(stack, "conversation", "show", old.chat, "--json").stdout)["waiting"],
                    "what waits")
    assert [(w["kind"], w["state"]) for w in held] == [("amo.message", "ready")]
    told = amoctl(stack, "conversation", "show", old.phone).stdout
    assert old.chat in told and "amo.message" in told
    nobody = amoctl(stack, "conversation", "show", "nobody", "--json")
    assert nobody.returncode == 1 and json.loads(nobody.stdout)["error"]["code"] == "failed"


def many(n, start=0):
    return "".join(json.dumps({"connector": "svc", "source": "wa1", "conversation": f"c{i}", "client_id": f"old-{i}",
                               "chat_id": str(uuid.UUID(int=i + 1))}) + "\n" for i in range(start, start + n))


def room_of(stack, text):
    """The report, and the most memory amoctl had, in KiB: of a process of its own, because the figure only grows."""
    path = stack.dir / "many.jsonl"
    path.write_text(text, encoding="utf-8")
    code = ("import resource, subprocess, sys;"
            "r = subprocess.run(sys.argv[1:]).returncode;"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(r)")
    done = kit.run(sys.executable, "-c", code, stack.bin / "amoctl", "conversation", "import", path, "--json",
                   env=kit.in_folder(stack.dir), timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), int(done.stderr.split()[-1])


def test_twenty_thousand_rows_take_the_memory_of_some(stack):
    few, small = room_of(stack, many(1000))
    assert counts(few) == (1000, 0, 0, 0)
    lot, large = room_of(stack, many(20000))
    assert counts(lot) == (19000, 0, 1000, 0) and lot["unnamed"] == 19000
    if not os.environ.get("AMO_SANITIZED"):
        assert large < small + 4096
    assert stack.control("status")["quarantine"] == 0


def test_a_dry_run_sees_what_two_batches_share(stack):
    """Core forgets each batch of a dry run: amoctl remembers what they named."""
    text = many(600) + many(1) + json.dumps({"connector": "svc", "source": "wa1", "conversation": "other",
                                             "client_id": "old-0"}) + "\n"
    dry = imported(stack, text, "--dry-run", code=1)
    assert (counts(dry), dry["doubtful"]) == ((601, 0, 1, 0), 1)
    assert dry["refusals"] == [{"line": 602, "reason": "doubtful: the same client_id as line 1; a dry run does not see "
                                "both at once"}]
    real = imported(stack, text, code=1)
    assert counts(real) == (600, 0, 1, 1) and [r["line"] for r in real["refusals"]] == [602]


def test_without_core_the_import_says_so_and_can_be_repeated(stack):
    stack["core"].stop()
    done = amoctl(stack, "conversation", "import", "-", "--json", stdin=many(1))
    assert done.returncode == 3 and json.loads(done.stdout)["error"]["code"] == "unreachable"
    stack.start("core")
    assert counts(imported(stack, many(1))) == (1, 0, 0, 0)


def test_core_killed_in_the_middle_and_a_repeat_finishes(stack):
    rows = 20000
    file = stack.dir / "export.jsonl"
    file.write_text(many(rows))

    def stored():
        with contextlib.closing(sqlite3.connect(f"file:{stack.dir}/data/core/core.db?mode=ro", uri=True)) as db:
            return db.execute("SELECT count(*) FROM conversations").fetchone()[0]

    running = kit.Process("import", [stack.bin / "amoctl", "conversation", "import", file, "--json"],
                          kit.in_folder(stack.dir), stack.dir, apart=True).start()
    wait_for(lambda: stored() > 0, "the first batch")
    running.signal(signal.SIGSTOP)
    stack.control("status")  # when core answers this, it has answered every batch it was given
    stack["core"].kill()
    running.signal(signal.SIGCONT)
    code = running.wait_end(60)
    said, first = json.loads(running.log()), stored()
    running.close()
    assert 0 < first < rows and code == 3, (first, code, said)
    assert said["created"] == first and said["stopped_at_line"] == first + 1 and "core" in said["stopped_because"]
    stack.start("core")
    again = imported(stack, file.read_text())
    assert counts(again) == (rows - first, 0, first, 0) and stored() == rows


def test_a_file_of_too_many_rows_is_refused_at_its_row(stack):
    done = amoctl(stack, "conversation", "import", "-", stdin="{}\n" * 1000001)
    assert done.returncode == 2 and "line 1000001" in done.stdout + done.stderr
    assert "more than 1000000 rows: split the file" in done.stdout + done.stderr
