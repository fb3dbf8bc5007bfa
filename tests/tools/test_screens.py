"""What amoctl shows to people fits 80 columns and uses what is wider."""
import re
import unicodedata

import pytest

import verbs
from tools_harness import amoctl

WIDTHS = [80, 160]


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
@pytest.mark.parametrize("words", ["fly", "channel", "account connect", "statu"])
def test_a_mistake_is_answered_with_one_line_not_a_wall(run_dir, words, columns):
    done = amoctl(run_dir, *words.split(), env={"COLUMNS": columns})
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
