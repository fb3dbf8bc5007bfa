"""Each rule of tests/lint is shown a clean tree, which it passes, and one with a planted fault, which it catches."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import lint  # noqa: E402
import rules_code  # noqa: E402
import rules_docs  # noqa: E402
import rules_rooms  # noqa: E402
import source  # noqa: E402

STOPS = "\n".join(f"{n}. `core/take.c: take_one` - the event is known" for n in range(rules_docs.FEWEST_STOPS))

ROOMS = {"core": ("model", "store", "queue", "turn"), "ingress": ("http", "spool"), "tools/sandbox": ("kit", "acts")}

CLEAN = {
    **{f"{process}/CMakeLists.txt": f"foreach(room {' '.join(rooms)})\n    add_subdirectory(${{room}})\nendforeach()\n"
       for process, rooms in ROOMS.items()},
    "base/mem.h": "#pragma once\n/* Memory that a test can make fail. */\n#include <stddef.h>\nvoid *mem_alloc(size_t n);\n",
    "base/mem.c": '/* Calls malloc. */\n\n#include "base/mem.h"\n\n#include <stdlib.h>\n\nvoid *mem_alloc(size_t n)\n{\n'
                  "    return malloc(n);\n}\n",
    "proto/messages.h": "#pragma once\n/* Every message that crosses a process border.\n"
                        " * events = I:EVENT_PUSH C:EVENT_TAKEN */\n"
                        '#define MSG_TABLE(X) \\\n    X(EVENT_PUSH, 1, INGRESS, CORE, "events; answered by " "EVENT_TAKEN") \\\n'
                        '    X(EVENT_TAKEN, 2, CORE, INGRESS, "committed, may be forgotten")\n',
    "core/model/command.h": "#pragma once\n/* What core owes a remote side. */\n"
                      '#define COMMAND_STATES(X) \\\n    X(READY, "may go") \\\n    X(FLYING, "gone") \\\n'
                      '    X(DONE, "settled")\n'
                      "enum command_state {\n#define E(name, meaning) COMMAND_##name,\n    COMMAND_STATES(E)\n};\n"
                      '#define COMMAND_MOVES(X) \\\n    X(READY, FLYING, "dispatched") \\\n'
                      '    X(FLYING, READY, "no answer (yet)") \\\n    X(FLYING, DONE, "settled")\n',
    "core/model/message.h": "#pragma once\n/* A message. */\n"
                      '#define MESSAGE_STATES(X) \\\n    X(NEW, "new", "is there") \\\n    X(OLD, "old", "was")\n'
                      '#define MESSAGE_MOVES(X) \\\n    X(NEW, OLD, "time")\n',
    "core/take.c": "/* Takes one event.\n * From: ingress.\n * To: router.\n * Holds: nothing. */\n"
                   '#include "base/mem.h"\n#include "core/model/command.h"\n\nint take_one(enum command_state state);\n\n'
                   "int take_one(enum command_state state)\n{\n    switch (state) {\n    case COMMAND_READY:\n"
                   "    case COMMAND_FLYING:\n    case COMMAND_DONE:\n        return 0;\n    }\n    return 1;\n}\n",
    "core/core.h": "#pragma once\n/* The map.\n *\n" + "".join(f" *   {r}  a room\n" for r in ROOMS["core"]) +
                   " */\nstruct store;\nstruct turn;\nstruct core {\n    struct store *store; /* rows */\n"
                   "    struct turn *turn;   /* one turn */\n};\n",
    "ingress/ingress.h": "#pragma once\n/* The map.\n *\n" + "".join(f" *   {r}  a room\n" for r in ROOMS["ingress"]) +
                         " */\nstruct ingress {\n    int spool; /* rows */\n};\n",
    "docs/words.md": "| word | meaning |\n|---|---|\n" + "".join(f"| {w} | a thing |\n" for w in rules_docs.WORDS),
    "docs/message-path.md": STOPS + "\n",
    "docs/states.md": "| from | to | why |\n|---|---|---|\n| READY | FLYING | dispatched |\n"
                      "| `FLYING` | `READY` | no answer |\n| FLYING | DONE | settled |\n\n"
                      "| from | to | why |\n|---|---|---|\n| `new` | `old` | time |\n",
    "docs/wire.md": "| name | number | from | to | meaning |\n|---|---|---|---|---|\n"
                    "| EVENT_PUSH | 1 | ingress | core | events; answered by EVENT_TAKEN |\n"
                    "| `EVENT_TAKEN` | 2 | core | ingress | committed, may be forgotten |\n",
    "proto/control.h": "#pragma once\n/* The verbs. */\n"
                       '#define CONTROL_VERBS(X) \\\n    X(status, "status", LOOKS, "", "how it is") \\\n'
                       '    X(dead_drop, "dead.drop", CHANGES, "ids[], " "[dry_run]", "dropped[]")\n',
    "base/config_keys.h": "#pragma once\n/* Every key. */\n"
                          '#define CONFIG_KEYS(X) \\\n    X("run_dir", PATH, "var/run", "sockets") \\\n'
                          '    X("log/level", TEXT, "info", "how much")\n',
    "deploy/amo.conf.example": '# Words.\n#run_dir = "var/run"\n\n#log\n# how much\n#    level = "info"\n',
    "docs/configuration.md": "| key | default |\n|---|---|\n| `run_dir` | `var/run` |\n| `log/level` | `info` |\n",
    "docs/operations.md": "| what | level | meaning |\n|---|---|---|\n| `memory.short` | warn | free some |\n\n"
                          "| metric | kind | unit | owner | meaning |\n|---|---|---|---|---|\n"
                          "| `amo_things{kind}` | gauge | things | core | kept |\n\n"
                          "| verb | arguments | answer |\n|---|---|---|\n| `status` | | how it is |\n"
                          "| `dead.drop` | ids[], [dry_run] | dropped[] |\n",
    "core/say.c": "/* Says it. */\n\nvoid say(void)\n{\n    log_line(LOG_LEVEL_WARN, \"memory.short\", \"n=%d\", 1);\n"
                  "    stats_gauge(0, \"amo_things\", 0, 0);\n}\n",
    "core/take_test.c": "/* It takes. */\n\nvoid one_is_taken_at_a_time(void **state)\n{\n    (void)state;\n}\n",
    "docs/delivery.md": "Taken one by one.\n*Test: `core/take_test: one_is_taken_at_a_time`.*\n",
    "docs/architecture.md": "| no | |\n|---|---|\n| [0001](adr/0001-one-loop.md) | one loop |\n",
    "docs/adr/0001-one-loop.md": "# 0001. One loop\n",
    "README.md": "See [the words](docs/words.md).\n",
    "deploy/go.sh": "#!/bin/sh\necho \"$1\"\n",
}


@pytest.fixture
def tree(tmp_path):
    """A function that lays the clean tree, with files put in or changed, and names its folder."""

    def lay(changes=None):
        for name, text in (CLEAN | (changes or {})).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink(missing_ok=True)
            else:
                path.write_text(text, encoding="utf-8")
        return tmp_path

    return lay


def found_by(rule, root):
    return [str(finding) for finding in lint.RULES[rule](root)]


def added(name, text):
    return {name: CLEAN.get(name, "") + text}


def replaced(name, old, new):
    assert old in CLEAN[name]
    return {name: CLEAN[name].replace(old, new)}


DEEP = "int f(void);\nint f(void)\n{\n" + "    (void)0;\n" * 61 + "    return 0;\n}\n"

PLANTED = [
    ("include-arrows", added("base/mem.c", '#include "core/model/command.h"\n'), "base/ may not include"),
    ("include-arrows", {"ingress/a.c": '#include "core/model/command.h"\n'}, "ingress/ may not include"),
    ("include-arrows", {"tools/sandbox/a.c": '#include "proto/messages.h"\n'}, "tools/sandbox/ may not include"),
    ("include-arrows", {"proto/bus/b.h": "#pragma once\n", "proto/a.c": '#include "proto/bus/b.h"\n'}, "proto/ may not"),
    ("include-arrows", {"core/a.c": '#include "command.h"\n'}, "from the root"),
    ("include-arrows", {"core/a.c": '#include "core/nowhere.h"\n'}, "does not exist"),
    ("rooms", {"core/queue/a.h": "#pragma once\n", "core/model/a.c": '#include "core/queue/a.h"\n'}, "it is above"),
    ("rooms", {"core/a.h": "#pragma once\n", "core/turn/a.c": '#include "core/a.h"\n'}, "it is above"),
    ("rooms", {"tools/sandbox/acts/a.h": "#pragma once\n",
               "tools/sandbox/kit/a.c": '#include "tools/sandbox/acts/a.h"\n'}, "it is above"),
    ("rooms", {"core/CMakeLists.txt": "foreach(room turn model)\n", "core/turn/a.h": "#pragma once\n",
               "core/turn/a.c": '#include "core/model/command.h"\n'}, "it is above"),
    ("rooms", {"core/CMakeLists.txt": "add_subdirectory(model)\n"}, "the order of rooms is not here"),
    ("rooms", {"core/cellar/a.c": "int a;\n"}, "no place in the order"),
    ("rooms", {"core/queue/a.c": "#include <sqlite3.h>\n"}, "belongs to core/store"),
    ("rooms", {f"core/queue/a{n}.c": "int a;\n" for n in range(17)}, "17 modules"),
    ("rooms", {"core/queue/a.c": "int a;\n"}, "README.md"),
    ("room-map", replaced("core/core.h", " *   queue  a room\n", ""), "does not list the room queue"),
    ("room-map", replaced("core/core.h", "   /* one turn */", ""), "says on its line what it is"),
    ("room-map", {"core/queue/a.h": "#pragma once\n/* A. */\nstruct queue {\n    int n;\n};\n"}, "no member for struct queue"),
    ("room-map", replaced("core/core.h", "    struct store *store; /* rows */\n    struct turn *turn;   /* one turn */\n",
                          "    struct turn *turn;   /* one turn */\n    struct store *store; /* rows */\n"), "another order"),
    ("room-map", replaced("core/core.h", "struct store;\n", '#include "core/model/command.h"\n'), "may not include"),
    ("zeromq", {"core/a.c": "#include <czmq.h>\n"}, "belongs to proto/bus"),
    ("zeromq", {"egress/a.c": "void f(void)\n{\n    zsock_send(0);\n}\n"}, "zsock_send"),
    ("zeromq", {"base/config.c": "#include <czmq.h>\nvoid f(void)\n{\n    zmsg_new();\n}\n"}, "zmsg_new"),
    ("allocation", {"core/a.c": "void *f(void)\n{\n    return calloc(1, 1);\n}\n"}, "calloc"),
    ("allocation", {"core/a_test.c": "void f(void *p)\n{\n    free (p);\n}\n"}, "free"),
    ("unsafe-calls", {"core/a.c": "int f(char *s)\n{\n    return atoi(s);\n}\n"}, "atoi"),
    ("unsafe-calls", {"core/a.c": "void f(char *s)\n{\n    sprintf(s, \"x\");\n}\n"}, "sprintf"),
    ("failures-in-words", {"core/a.c": 'void f(int rc)\n{\n    log_line(LOG_LEVEL_ERROR, "x.failed",\n             '
                                       '"in=here error=%d", -rc);\n}\n'}, "log_failed"),
    ("traced", {"core/a.c": 'void f(void)\n{\n    log_line(LOG_LEVEL_WARN, "command.dead", "command=%d", 1);\n}\n'},
     "command.dead is logged without"),
    ("header-shape", {"core/a.h": "#pragma once\nint a(void);\n"}, "opens with a comment"),
    ("header-shape", {"core/a.h": "/* A. */\nint a(void);\n"}, "#pragma once"),
    ("sizes", {"core/a.c": DEEP}, "f has 64 lines"),
    ("sizes", {"core/a.c": "\n" * 700}, "split the file"),
    ("sizes", {f"tools/ctl/a{n}.c": "int a;\n" * 600 for n in range(31)}, "18600 lines of code: 18000 at most"),
    ("enum-switches", replaced("core/take.c", "    case COMMAND_DONE:\n", "    default:\n"), "COMMAND_READY"),
    ("enum-switches", {"core/a.c": "enum colour { COLOUR_RED };\nint a(enum colour c)\n{\n    switch (c) {\n"
                                   "    case COLOUR_RED:\n        return 1;\n    default:\n        return 0;\n    }\n}\n"},
     "COLOUR_RED"),
    ("words", replaced("docs/words.md", "| lane | a thing |\n", ""), '"lane"'),
    ("words", replaced("docs/words.md", "| lane | a thing |", "| lane | |"), "a word and its meaning"),
    ("words", {"docs/words.md": None}, "does not exist"),
    ("message-path", replaced("docs/message-path.md", "0. `core/take.c: take_one`", "0. `core/take.c: gone`"), "gone"),
    ("message-path", added("docs/message-path.md", "9. `core/gone.c: take_one` - it is gone\n"), "core/gone.c"),
    ("message-path", added("docs/message-path.md", "9. `core/take.c: take_one`\n"), "what is true now"),
    ("message-path", added("docs/message-path.md", "9. `core/say.c: say` - it is said\n"), "nothing says who calls say"),
    ("message-path", added("docs/message-path.md", "9. `core/say.c: say` - it is said ← `core/take.c: take_one`\n"),
     "core/take.c: take_one does not name say"),
    ("message-path", {"docs/message-path.md": "nothing\n"}, "0 stops"),
    ("message-path", {"docs/a.md": "| it ends | `core/take.c: take_one`; `core/take.c: gone` |\n"}, "docs/a.md:1: core/take.c has no function gone"),
    ("message-path", {"docs/adr/0001-one-loop.md": "# 0001. One loop\n\n`core/gone.c: take_one`\n"}, "core/gone.c does not exist"),
    ("message-path", replaced("core/take.c", " * Holds: nothing. ", ""), "Holds:"),
    ("openings", {"core/a.c": "/* It asks.\n * From: gone.c. To: take.c. */\nint a;\n"}, "gone.c does not exist"),
    ("openings", replaced("base/mem.c", "/* Calls malloc. */\n\n", ""), "says what it is"),
    ("openings", replaced("base/mem.c", "/* Calls malloc. */", "/* */"), "says what it is"),
    ("states", replaced("docs/states.md", "| FLYING | DONE | settled |\n", ""), "FLYING -> DONE"),
    ("states", added("docs/states.md", "| DONE | READY | why not |\n"), "DONE -> READY is not legal"),
    ("states", replaced("core/model/command.h", 'X(DONE, "settled")', 'X(DONE, "settled") X(LOST, "gone")'), "LOST"),
    ("states", replaced("core/model/command.h", "X(READY, FLYING,", "X(READY, GONE,"), "GONE"),
    ("states", replaced("core/model/command.h", 'X(FLYING, DONE, "settled")', "X(FLYING, DONE)"), "a move is"),
    ("states", replaced("docs/states.md", "| `new` | `old` | time |\n", ""), "NEW -> OLD"),
    ("wire", replaced("docs/wire.md", "| `EVENT_TAKEN` | 2 |", "| `EVENT_TAKEN` | 3 |"), "EVENT_TAKEN is 2"),
    ("wire", replaced("docs/wire.md", "| EVENT_PUSH | 1 | ingress | core | events; answered by EVENT_TAKEN |\n", ""),
     "EVENT_PUSH of proto/messages.h has no row"),
    ("wire", added("docs/wire.md", "| GHOST | 9 | core | egress | boo |\n"), "GHOST"),
    ("wire", replaced("proto/messages.h", "X(EVENT_TAKEN, 2,", "X(EVENT_TAKEN, 1,"), "share the number"),
    ("wire", replaced("docs/wire.md", "may be forgotten", "must be forgotten"), "EVENT_TAKEN is 2"),
    ("wire", replaced("proto/messages.h", "C:EVENT_TAKEN", ""), "EVENT_TAKEN from CORE is in the table alone"),
    ("wire", replaced("proto/messages.h", "C:EVENT_TAKEN", "I:EVENT_TAKEN"), "INGRESS is in the grammar alone"),
    ("verbs", replaced("docs/operations.md", "| `status` | | how it is |\n", ""), "status of proto/control.h has no row"),
    ("verbs", replaced("docs/operations.md", "| `status` |", "| `statues` |"), "statues is not in"),
    ("verbs", replaced("docs/operations.md", "| ids[], [dry_run] |", "| ids[] |"), "dead.drop in proto/control.h"),
    ("verbs", replaced("docs/operations.md", "| dropped[] |", "| gone[] |"), "dead.drop in proto/control.h"),
    ("verbs", replaced("proto/control.h", "X(dead_drop,", "X(drop_dead,"), "a verb is X(a_b"),
    ("verbs", replaced("proto/control.h", '"ids[], " "[dry_run]"', '"ids[]"'), "dead.drop changes something"),
    ("verbs", {"proto/control.h": None}, "CONTROL_VERBS(X) is not defined"),
    ("configuration", added("deploy/amo.conf.example", "#    colour = 1\n"), "log/colour is not in"),
    ("configuration", replaced("deploy/amo.conf.example", '"info"', '"debug"'), "the default of log/level"),
    ("configuration", replaced("deploy/amo.conf.example", '#run_dir = "var/run"\n', ""), "run_dir is missing"),
    ("configuration", replaced("docs/configuration.md", "| `run_dir` | `var/run` |\n", ""), "run_dir is missing"),
    ("configuration", replaced("docs/configuration.md", "`info`", "`warn`"), "the default of log/level"),
    ("operations", replaced("core/say.c", '"memory.short"', '"memory.gone"'), "memory.gone is not on"),
    ("operations", replaced("core/say.c", '"memory.short"', '"memory.gone"'), "nothing of ours says memory.short"),
    ("operations", replaced("core/say.c", "LEVEL_WARN", "LEVEL_ERROR"), "logs memory.short as error"),
    ("operations", replaced("core/say.c", "amo_things", "amo_beings"), "amo_beings is not on"),
    ("operations", replaced("core/say.c", "amo_things", "amo_beings"), "nothing of ours says amo_things"),
    ("tests-named", replaced("core/take_test.c", "one_is_taken", "two_are_taken"), "has no test one_is_taken"),
    ("tests-named", added("docs/delivery.md", "`tests/process/test_gone.py`\n"), "no tests in test_gone.py"),
    ("decisions", {"docs/adr/0002-two.md": "# 0002. Two\n"}, "not in the list of decisions"),
    ("decisions", {"docs/adr/0003-three.md": "# 0003. Three\n"}, "number 0002 is missing"),
    ("links", added("README.md", "[x](docs/words.md#nowhere)\n"), "no heading #nowhere"),
    ("top-level", {"secret.txt": "s3cret\n"}, "secret.txt:1: does not belong in the root"),
    ("leftovers", {"core/a.c": "/* TO" "DO: later */\n"}, "left-over"),
    ("machine-paths", {"docs/a.md": "see /ho" "me/ann/notes\n"}, "a path of one machine"),
    ("links", {"docs/a.md": "[out](../../notes.md)\n"}, "leaves the tree"),
    ("links", {"docs/a.md": "[gone](nowhere.md)\n"}, "leads nowhere"),
    ("headers-alone", {"core/a.h": "#pragma once\n/* A. */\nsize_t a(void);\n"}, "does not compile alone with gcc"),
    ("headers-alone", {"core/a.h": "#pragma once\n/* A. */\nsize_t a(void);\n"}, "does not compile alone with clang"),
    ("shell", {"deploy/go.sh": "#!/bin/sh\necho $1\n"}, "SC2086"),
    ("format", {"core/a.c": "int  x ;\n"}, "not formatted"),
]


@pytest.mark.parametrize("rule, changes, words", PLANTED, ids=[f"{r}-{i}" for i, (r, _, _) in enumerate(PLANTED)])
def test_a_planted_fault_is_caught(tree, rule, changes, words):
    assert any(words in finding for finding in found_by(rule, tree(changes)))


@pytest.mark.parametrize("rule", [r for r in lint.QUICK if r != "format"])
def test_a_clean_tree_passes(tree, rule):
    assert found_by(rule, tree()) == []


def test_a_path_of_the_checkout_itself_is_caught(tree):
    root = tree({"docs/a.md": "nothing\n"})
    (root / "docs/a.md").write_text(f"run {root}/dev\n", encoding="utf-8")
    assert any("a path of one machine" in finding for finding in found_by("machine-paths", root))


def test_what_git_does_not_have_may_lie_in_the_root(tree):
    root = tree({"notes.txt": "mine\n", "amo.conf": "x\n", "scraps/a.c": "int a;\n"})
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    subprocess.run(["git", "-C", str(root), "add", "README.md", "amo.conf", "scraps/a.c"], check=True)
    assert [finding.split(":")[0] for finding in found_by("top-level", root)] == ["amo.conf", "scraps/a.c"]


def test_every_quick_rule_has_a_planted_fault():
    assert set(lint.QUICK) == {rule for rule, _, _ in PLANTED} | {"room-symbols"}


def test_ctest_runs_every_quick_rule_that_needs_no_tool():
    cmake = (HERE.parent / "CMakeLists.txt").read_text(encoding="utf-8")
    run = cmake.split("foreach(rule ", 1)[1].split(")", 1)[0].split()
    assert set(run) == set(lint.QUICK) - {"headers-alone", "shell", "format"}


def test_only_code_of_tools_counts(tree, monkeypatch):
    monkeypatch.setitem(rules_code.MAX_ROOM_LINES, "tools", 3)
    root = tree({"tools/ctl/a.c": "/* It\n * is a. */\n\nint a;\nint b; /* b */\n", "tools/ctl/a.h": "int a;\n",
                 "tools/ctl/a_test.c": "int c;\n", "tools/sandbox/testing/rig.c": "int d;\n"})
    found = rules_code.sizes(root)
    assert (found, found.figure.split(", ")[0]) == ([], "tools 3 of 3 lines of code")


def built(root, rel, text):
    """An object where the build leaves it, and its source."""
    path = root / rel
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    folder = root / "build" / Path(rel).parent / "CMakeFiles" / f"amo_{'_'.join(Path(rel).parent.parts)}.dir"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-c", path, "-o", folder / f"{path.name}.o"], check=True)


@pytest.mark.parametrize("low", ["extern int up(void); int down(void) { return up(); }\n",
                                 "extern int up(void); int (*const down[])(void) = {up};\n"], ids=["call", "table"])
def test_a_call_or_table_that_leads_to_a_room_above_is_caught(tree, low):
    root = tree()
    built(root, "core/store/low.c", low)
    built(root, "core/queue/high.c", "int up(void) { return 1; }\n")
    found = lint.RULES["room-symbols"](root)
    assert [str(f) for f in found] == ["core/store/low.c:1: calls up of core/queue/high.c, a room above"]
    assert "1 upward" in found.figure
    (root / "core/store/low.c").unlink()
    assert lint.RULES["room-symbols"](root) == []


def test_rooms_that_lead_to_each_other_are_a_circle():
    assert rules_rooms.circles({("a", "b"), ("b", "c")}) == 0
    assert rules_rooms.circles({("a", "b"), ("b", "c"), ("c", "a")}) == 1


PROJECT = """cmake_minimum_required(VERSION 3.25)
project(planted C)
add_library(planted core/a.c)
target_compile_options(planted PRIVATE $<$<BOOL:${AMO_ANALYZE}>:-fanalyzer> -Werror)
"""

PRESETS = """{"version": 6, "configurePresets": [
{"name": "dev", "generator": "Ninja", "binaryDir": "${sourceDir}/build",
 "cacheVariables": {"CMAKE_EXPORT_COMPILE_COMMANDS": "ON"}},
{"name": "analyze", "inherits": "dev", "binaryDir": "${sourceDir}/build-analyze",
 "cacheVariables": {"AMO_ANALYZE": "ON"}}],
"buildPresets": [{"name": "analyze", "configurePreset": "analyze"}]}
"""

SLOW_PLANTED = [
    ("cppcheck", "int a(void);\nint a(void)\n{\n    int x[2] = {0, 0};\n    return x[3];\n}\n", "out of bounds"),
    ("clang", "int a(int b);\nint a(int b)\n{\n    if ((b == 1))\n        return 1;\n    return 0;\n}\n", "extraneous"),
    ("clang-tidy", "int a(int b);\nint a(int b)\n{\n    if (b = 1)\n        return 1;\n    return 0;\n}\n", "never actually"),
    ("gcc-analyzer", "#include <stdlib.h>\nvoid a(void);\nvoid a(void)\n{\n    char *p = malloc(3);\n    free(p);\n"
                     "    free(p);\n}\n", "double"),
]


@pytest.mark.parametrize("rule, text, words", SLOW_PLANTED, ids=[rule for rule, _, _ in SLOW_PLANTED])
def test_an_analyser_catches_a_planted_fault(tree, rule, text, words):
    root = tree({"core/a.c": text, "CMakeLists.txt": PROJECT, "CMakePresets.json": PRESETS})
    shutil.copy(HERE.parents[1] / ".clang-tidy", root)
    assert any(words in finding for finding in found_by(rule, root))


def test_every_slow_rule_has_a_planted_fault():
    assert set(lint.SLOW) == {rule for rule, _, _ in SLOW_PLANTED}


def test_comments_and_strings_are_not_code():
    text = 'int a; /* malloc( */ // free(\nchar *s = "strcpy(";\n'
    assert "malloc" not in source.code(text) and "strcpy" not in source.code(text)
    assert source.code(text).count("\n") == text.count("\n")


def test_functions_are_found_whatever_stands_around_them():
    text = ("struct a {\n    int x;\n};\nstatic const int t[] = {1, 2};\n#define M(x) \\\n    do { x; } while (0)\n"
            "AMO_PRINTF(1, 2) static int one(void (*fn)(int), struct a *a)\n{\n    if (a) { fn(1); }\n    return 0;\n}\n"
            "enum e { A };\nint two(\n    void)\n{\n    return 1;\n}\n")
    assert [name for name, _, _ in source.functions(text)] == ["one", "two"]


def test_rows_of_a_table_macro_keep_commas_and_brackets_of_their_strings():
    rows = source.macro_rows('#define T(X)  \\\n    X(A, 1, "one, (two)" " and three") \\\n    X(B, f(2, 3), "b")\n', "T")
    assert rows == [["A", "1", "one, (two) and three"], ["B", "f(2, 3)", "b"]]


def test_a_list_that_is_not_read_to_its_end_ends_quietly():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as unread:
        done = subprocess.run(["/usr/bin/python3", str(HERE / "lint.py"), "--list"], stdout=unread,
                              stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


def test_the_command_line_names_its_rules_and_its_findings(tree):
    root = tree({"core/a.c": "int f(char *s)\n{\n    return atoi(s);\n}\n"})
    command = ["/usr/bin/python3", str(HERE / "lint.py"), "--root", str(root)]
    bad = subprocess.run([*command, "unsafe-calls"], capture_output=True, text=True, check=False)
    assert bad.returncode == 1 and "core/a.c:3:" in bad.stdout
    good = subprocess.run([*command, "zeromq", "wire"], capture_output=True, text=True, check=False)
    assert good.returncode == 0
    unknown = subprocess.run([*command, "no-such-rule"], capture_output=True, text=True, check=False)
    assert unknown.returncode == 2
