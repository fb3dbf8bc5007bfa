"""amoctl channel request: the questionnaire for support, without core; by flags, and asked at a terminal."""
import json
import os
import pty
import re
import select
import stat
import subprocess

import pytest

from tools_harness import BIN, amoctl, environment

ICON = '<svg xmlns="http://www.w3.org/2000/svg" width="14" height="14"><path d="M0 0h14v14H0z"/></svg>\n'
FLAGS = {"--name": "Messenger", "--webhook-url": "https://chat.example.org/messages/:scope_id", "--accounts": "31263018",
         "--email": "support@example.org", "--client-uuid": "c439f6b2-8d4e-4a27-a9e1-bdd4beb1e406",
         "--widget-code": "mobilon_testdev", "--code": "ru.mobilon.testdev"}


@pytest.fixture
def icon(run_dir):
    path = run_dir / "icon.svg"
    path.write_text(ICON)
    return path


def words(icon, without=(), **more):
    flags = {**FLAGS, "--icon": str(icon), **{"--" + k.replace("_", "-"): v for k, v in more.items()}}
    return [w for k, v in flags.items() if k not in without for w in (k, v)]


def request(run_dir, *args, **more):
    return amoctl(run_dir, "channel", "request", *args, **more)


def test_the_letter_has_fifteen_answers_in_both_languages_and_says_what_to_attach(run_dir, icon):
    done = request(run_dir, *words(icon))
    assert (done.returncode, done.stderr) == (0, "")
    russian, english = done.stdout.split("\n----\n")
    for letter in (russian, english):
        assert re.findall(r"^(\d+)\. ", letter, re.M) == [str(n) for n in range(1, 16)]
        assert "31263018" in letter and letter.rstrip().endswith("icon.svg")
    assert "4. Написать первым: да" in russian and "14. Voice messages: no" in english


def test_json_is_one_document_with_both_letters_the_answers_and_the_doubts(run_dir, icon):
    icon.write_text(ICON.replace("<path", '<image href="https://a.example/b.png"/><path'))
    done = request(run_dir, "--json", *words(icon, name="Мессенджер", time_window="86400", show_template="yes",
                                             reactions="👍 ❤️", accounts="1 2"))
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert sorted(document) == ["answers", "en", "ru", "warnings"]
    assert len(document["warnings"]) == 2 and done.stderr.count("amoctl: warning: ") == 2
    answers = document["answers"]
    assert (answers["accounts"], answers["time_window"], answers["reactions"]) == ([1, 2], 86400, "👍 ❤️")
    assert answers["write_first"] is True and answers["voice"] is False and answers["max_file_size"] is None
    assert "86400 с; после него" in document["ru"]


def test_what_is_missing_and_what_is_wrong_is_told_at_once(run_dir, icon):
    done = request(run_dir)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.findall(r"--[a-z-]+", done.stderr) == ["--name", "--webhook-url", "--accounts", "--email", "--icon",
                                                    "--client-uuid", "--widget-code", "--code"]
    icon.write_text(ICON.replace('"14"', '"24"'))
    done = request(run_dir, "--json", *words(icon, without=["--code"], webhook_url="http://10.0.0.1/:scope_id",
                                             email="nobody", voice="perhaps"))
    message = json.loads(done.stdout)["error"]["message"]
    assert done.returncode == 2
    for word in ("--webhook-url: https", "--email: an e-mail", "is not 14x14", "--voice: yes or no", "missing: --code"):
        assert word in message


def test_the_address_comes_from_the_configuration_and_a_wrong_one_is_no_obstacle(run_dir, icon):
    flags = words(icon, without=["--webhook-url"])
    done = request(run_dir, *flags, env={"AMO_PUBLIC_URL": "https://amo.example.org/"})
    assert done.returncode == 0 and "https://amo.example.org/messages/:scope_id" in done.stdout
    done = request(run_dir, *flags, env={"AMO_PUBLIC_URL": "https://localhost"})
    assert done.returncode == 2 and "public_url" in done.stderr
    (run_dir / "bad.conf").write_text("nonsense = 1\n")
    done = request(run_dir, "--config", str(run_dir / "bad.conf"), *words(icon))
    assert done.returncode == 0 and "31263018" in done.stdout and "nonsense" in done.stderr


def test_a_file_is_made_for_everybody_to_read_and_never_written_over(run_dir, icon):
    path = run_dir / "letter.txt"
    done = request(run_dir, "--out", str(path), *words(icon))
    assert (done.returncode, done.stdout) == (0, "") and str(path) in done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    letter = path.read_text(encoding="utf-8")
    assert letter == request(run_dir, *words(icon)).stdout
    done = request(run_dir, "--out", str(path), *words(icon, name="Other"))
    assert done.returncode == 2 and "--force" in done.stderr and path.read_text(encoding="utf-8") == letter
    done = request(run_dir, "--out", str(path), "--force", "--json", *words(icon, name="Other"))
    assert json.loads(done.stdout)["file"] == str(path) and "1. Name: Other" in path.read_text(encoding="utf-8")
    assert request(run_dir, "--out", str(run_dir / "no" / "dir"), *words(icon)).returncode == 1


def test_icons_that_support_would_send_back(run_dir, icon):
    for text, say in (("", "is empty"), ("hello", "is not an SVG"), (ICON + " " * 100000, "100 KB"), (ICON[:40], "cut off")):
        icon.write_text(text)
        done = request(run_dir, *words(icon))
        assert done.returncode == 2 and say in done.stderr, text[:50]
    done = request(run_dir, *words(run_dir / "nowhere.svg"))
    assert done.returncode == 2 and "No such file" in done.stderr
    assert request(run_dir, *words(run_dir)).returncode == 2  # a directory


class Terminal:
    """amoctl with a terminal as stdin and stderr."""

    def __init__(self, run_dir, *args, env=None):
        self.master, slave = pty.openpty()
        self.text = ""
        self.child = subprocess.Popen([BIN / "amoctl", "channel", "request", *args], stdin=slave, stderr=slave,
                                      stdout=subprocess.PIPE, env=environment(run_dir, **(env or {})))
        os.close(slave)

    def until(self, words):
        """What was said up to these words."""
        while words not in self.text:
            ready, _, _ = select.select([self.master], [], [], 20)
            assert ready, f"no {words!r} in {self.text!r}"
            self.text += os.read(self.master, 4096).decode("utf-8", "replace")
        said, _, self.text = self.text.partition(words)
        return said

    def answer(self, prompt, line):
        said = self.until(prompt) if prompt else ""
        self.until("> ")
        os.write(self.master, (line + "\n").encode())
        return said

    def finish(self):
        out = self.child.communicate(timeout=20)[0]
        os.close(self.master)
        return self.child.returncode, out.decode()


def test_at_a_terminal_what_is_missing_is_asked_for_until_it_fits(run_dir, icon):
    t = Terminal(run_dir, "--name", "Messenger", "--voice", "yes", env={"AMO_PUBLIC_URL": "https://amo.example.org"})
    said = t.until("2. Адрес вебхуков")
    assert "Анкета" in said and "1. " not in said  # given by a flag
    assert "Address for webhooks" in t.answer("[https://amo.example.org/messages/:scope_id]", "")
    t.answer("3. ", "all of them")
    t.until("! numbers of accounts")
    t.answer("", "31263018, 31263019")
    t.answer("4. ", "")  # the default: yes
    t.answer("5. ", "нет")
    assert "5. " not in t.answer("6. ", "support@example.org")  # no template without a window
    t.answer("7. ", str(icon) + "x")
    t.until("No such file")
    t.answer("", str(icon))
    t.answer("8. ", FLAGS["--client-uuid"].upper())
    t.answer("9. ", "mobilon_testdev")
    for number in (10, 11, 12, 13):
        t.answer(f"{number}. ", "")
    t.answer("15. ", "ru.mobilon.testdev")
    t.answer("16. ", "")
    code, out = t.finish()
    assert code == 0
    assert "3. Accounts that may use it: 31263018, 31263019\n4. Write first: yes\n" in out
    assert "14. Voice messages: yes\n" in out and "https://amo.example.org/messages/:scope_id" in out


def test_answers_that_end_before_the_questions_write_no_letter(run_dir, icon):
    t = Terminal(run_dir, "--json", *words(icon))
    t.answer("4. ", "")
    t.until("5. ")
    t.until("> ")
    os.write(t.master, b"\x04")  # the end of a terminal's input
    t.until("ended before")
    code, out = t.finish()
    assert code == 2 and json.loads(out)["error"]["code"] == "usage"
