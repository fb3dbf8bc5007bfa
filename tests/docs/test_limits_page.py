"""The numbers of docs/configuration.md, "Limits that are not configuration", are those of proto/limits.h."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20}

# the words of the page, with a group for each number, and what the numbers are
SAID = [
    (r"bodies \((\S+ MiB) for amojo, (\S+ KiB) for a connector\)", ["AMO_BODY", "CONNECTOR_BODY"]),
    (r"heads \((\S+ KiB)\)", ["HEADER_BYTES"]),
    (r"unverified requests from one address \((\S+) a second, then 429\)", ["UNVERIFIED_RATE"]),
    (r"frames on the bus \((\S+ MiB), and (\S+ MiB) towards core\)", ["FRAME_BYTES", "READ_BYTES"]),
    (r"events in flight \((\S+) and (\S+ MiB);", ["CREDIT_EVENTS", "CREDIT_BYTES"]),
    (r"edges \((\S+) of each role, and (\S+) names of one process\)", ["PEERS // 2", "PEERS_OF_ONE"]),
    (r"attempts at one worker \((\S+) and (\S+ MiB),", ["WORKER_CREDIT", "WORKER_BYTES"]),
    (r"without having been asked \((\S+) in ten seconds\)", ["UNASKED"]),
    (r"core keeps (\S+) frames that it has not read, .* it reads (\S+ MiB) of a socket", ["READ_FRAMES", "TURN_BYTES"]),
    (r"(\S+ MiB) of bodies, of which .* one of them (\S+ MiB) .*; another (\S+ MiB) for bodies behind a good token",
     ["BODIES_BYTES", "ADDRESS_BODIES", "TOKEN_BODIES"]),
]


def limits():
    """{name without LIMIT_: number} of proto/limits.h."""
    text = re.sub(r"/\*.*?\*/", "", (ROOT / "proto" / "limits.h").read_text(encoding="utf-8").replace("\\\n", " "), flags=re.S)
    found = {}
    for name, value in re.findall(r"^#define LIMIT_(\w+)\s+(\S.*?)\s*$", text, re.M):
        words = re.sub(r"\((?:size|u?int\d+)_t\)|(?<=\d)(?:U|LL|ULL)\b", "", value).replace("LIMIT_", "").replace("/", "//")
        if re.fullmatch(r"[\w\s()*+<>/-]+", words):
            found[name] = eval(words, {}, dict(found))  # of our own header: numbers, names and signs alone
    return found


def amount(text):
    number, _, unit = text.replace(",", "").partition(" ")
    return int(number) * UNITS.get(unit, 1)


@pytest.mark.parametrize("words, names", SAID)
def test_a_number_of_the_page_is_that_of_the_program(words, names):
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8").split("## Limits that are not configuration")[1]
    found = re.search(words, page)
    assert found, words
    known = limits()
    assert [amount(n) for n in found.groups()] == [eval(name, {}, known) for name in names]
