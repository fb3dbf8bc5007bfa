"""docs/first-channel.md, done as it stands: every command in order, in an empty folder, with what it shows compared."""
import os
import re
import shlex
import socket

import pytest

import page
import verbs
from kit import BIN, environment, run

# In Russian it has the same commands: test_languages.py.
PAGE = "docs/first-channel.md"
# Questions that may be asked again until the answer has come about.
QUESTION = re.compile(r"curl -sS [^ ]+$|amoctl (status|trace|doctor)\b")


def amoctl(*words):
    return run("amoctl", *words, env=environment(AMO_RUN_DIR="/nonexistent")).stdout


VERBS = set(verbs.usage())


def called(command):
    """(verb, its options) of each amoctl in a command."""
    found = []
    for text in re.findall(r"\bamoctl ([^|;>&)]*)", command.replace("\\\n", " ")):
        words = re.findall(r"[^\s'\"]+", text)
        verb = " ".join(words[:2]) if " ".join(words[:2]) in VERBS else words[0]
        two = len(words) > 1 and re.fullmatch("[a-z]+", words[1]) and words[0] in ("channel", "connector", "account", "source", "conversation")
        found.append((" ".join(words[:2]) if two else verb, [w for w in words if w.startswith("--")]))
    return found


def is_there(command):
    return all(verb in VERBS for verb, _ in called(command))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def commands(path):
    """(command, shown) of the page's walk, then the commands it only names."""
    walk = [step for block in page.blocks(path, "console") for step in page.steps(block)]
    named = [line for block in page.blocks(path, "sh") for line in block.text.split("\n")]
    return walk, named


def test_the_page_goes_as_shown(tmp_path):
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "bin").symlink_to(BIN)
    ports = {"127.0.0.1:9800": f"127.0.0.1:{free_port()}", "127.0.0.1:8080": f"127.0.0.1:{free_port()}"}
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "no_proxy": "*", "AMO_CORE_ADMIN_LISTEN": "127.0.0.1:0",
                   "AMO_INGRESS_ADMIN_LISTEN": "127.0.0.1:0", "AMO_EGRESS_ADMIN_LISTEN": "127.0.0.1:0"}
    done = 0
    with page.Shell(tmp_path, environment) as shell:
        for command, shown in commands(PAGE)[0]:
            if not is_there(command):
                continue
            for there, here in ports.items():
                command = command.replace(there, here)
            if QUESTION.match(command):
                assert shell.until(command, shown) == 0
            else:
                code, got = shell.run(command)
                assert code == 0 and page.fits(shown, got), f"$ {command}\nthe page shows {shown}\nit says ({code}): {got}"
            done += 1
    assert done >= 28
    assert not (tmp_path / "var" / "first").exists()


def test_every_option_the_page_names_is_one():
    walk, named = commands(PAGE)
    missing = set()
    for verb, options in [pair for command in [c for c, _ in walk] + named for pair in called(command)]:
        if verb not in VERBS:
            missing.add(verb)
            continue
        help_ = amoctl(*shlex.split(verb), "--help")
        for option in options:
            assert re.search(rf"{option}\b", help_), f"amoctl {verb} {option}"
    assert not missing
