"""Rules that hold the documents to the code: what a page names must be there, and say the same."""

import re

import source
from source import Finding

WORDS = ("webhook", "event", "command", "attempt", "outcome", "lane", "dead letter", "quarantine", "inbound",
         "outbound", "channel", "account", "scope", "connector", "source", "conversation", "message", "spool",
         "credit", "lease", "tap", "registry", "mid", "trace id")


def _page(root, name):
    """(text, findings): a page that is missing is a finding of its own."""
    path = source.Path(root) / name
    if path.is_file():
        return path.read_text(encoding="utf-8"), []
    return None, [Finding(name, 1, "this page does not exist")]


def words(root):
    """docs/words.md explains every word of the project, each in one row of its table."""
    text, found = _page(root, "docs/words.md")
    if text is None:
        return found
    explained = set()
    for number, cells in source.table_rows(text):
        if len(cells) < 2 or not cells[1]:
            found.append(Finding("docs/words.md", number, "a row is a word and its meaning"))
            continue
        explained.update(part.strip().lower() for part in cells[0].split(","))
    for word in WORDS:
        if word not in explained:
            found.append(Finding("docs/words.md", 1, f'the word "{word}" is not explained'))
    return found


_NAMED = re.compile(r"`([\w./-]+\.[ch]):\s*(\w+)`")
_STOP = re.compile(r"`([\w./-]+\.[ch]):\s*(\w+)`(.*)")
FEWEST_STOPS = 8


_ARROW = re.compile(r"← `([\w./-]+\.[ch])(?::\s*(\w+))?`")


def _names(root, path, function, name):
    """Does the code of @path say @name, in @function if one is given?"""
    text = source.read(root, path)
    code = source.code(text).split("\n")
    if function:
        code = [line for found, first, last in source.functions(text) if found == function for line in code[first - 1:last]]
    return bool(re.search(rf"\b{name}\b", "\n".join(code)))


def _reached(root, page, number, before, stop, rest):
    """A stop is found without a search: from the stop before, or by its arrow."""
    path, function = stop
    arrow = _ARROW.search(rest)
    if arrow:
        by, caller = arrow.groups()
        if not (source.Path(root) / by).is_file() or not _names(root, by, caller, function):
            return [Finding(page, number, f"{by}{': ' + caller if caller else ''} does not name {function}")]
        return []
    if not before or before == stop or _names(root, before[0], before[1] if before[0] == path else None, function):
        return []
    return [Finding(page, number, f"nothing says who calls {function}: add ← `file: function`")]


def _pair(root, page, number, path, function):
    """What is wrong with `path: function` on a page: no such file, or no such function in it."""
    file = source.Path(root) / path
    if not file.is_file():
        return [Finding(page, number, f"{path} does not exist")]
    if function not in {name for name, _, _ in source.functions(file.read_text(encoding="utf-8"))}:
        return [Finding(page, number, f"{path} has no function {function}")]
    return []


def message_path(root):
    """Each `file: function` of docs is a function of that file. In docs/message-path.md such a stop says what is
    true now, `file: function` - words; the stop before names it, or an arrow names who does: ← `file: function`, or ← `file` for a table;
    each file on the path opens by saying what it does, From, To and Holds."""
    page = "docs/message-path.md"
    text, found = _page(root, page)
    if text is None:
        return found
    stops, paths, before = 0, set(), None
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("## "):
            before = None
        for match in _STOP.finditer(line):
            path, function, rest = match.groups()
            stops += 1
            found += _pair(root, page, number, path, function)
            if not (source.Path(root) / path).is_file():
                continue
            paths.add(path)
            if not re.match(r"\s*[-–—:]\s*\S", rest):
                found.append(Finding(page, number, "a stop says what is true now: `file: function` - words"))
            found += _reached(root, page, number, before, (path, function), rest)
            before = path, function
    if stops < FEWEST_STOPS:
        found.append(Finding(page, 1, f"{stops} stops: a message's path has at least {FEWEST_STOPS}"))
    for path in sorted(p for p in paths if p.endswith(".c")):
        opening = re.match(r"\s*/\*.*?\*/", source.read(root, path), re.S)
        for label in ("From:", "To:", "Holds:"):
            if not opening or label not in opening.group(0):
                found.append(Finding(path, 1, f"a file on the message path opens with a line {label}"))
    for other in sorted((source.Path(root) / "docs").rglob("*.md")):
        rel = other.relative_to(root)
        for number, line in enumerate(source.read(root, rel).split("\n") if str(rel) != page else (), 1):
            for match in _NAMED.finditer(line):
                found += _pair(root, rel, number, *match.groups())
    return found


_FILE = re.compile(r"(?<![\w/.*])((?:[\w-]+/)*[\w-]+\.[ch])\b")


def _is_product(rel):
    """Not a test; what tests share is as much a module as any other."""
    return rel.parts[0] != "tests" and not rel.name.endswith("_test.c")


def openings(root):
    """A C file that is no test opens with a comment that says what it is; a file of ours that an opening names is
    there, in the same top folder if it is named alone."""
    every = source.files(root, ".c", ".h")
    names = {(rel.parts[0], rel.name) for rel in every}
    paths = {str(rel) for rel in every}
    found = []
    for rel in every:
        opening = re.match(r"(?:#pragma once\s*)?/\*.*?\*/", source.read(root, rel), re.S)
        if rel.suffix == ".c" and _is_product(rel) and not (opening and re.search(r"\w", opening.group(0))):
            found.append(Finding(rel, 1, "a file opens with a comment that says what it is"))
        for match in _FILE.finditer(opening.group(0) if opening else ""):
            named = match.group(1)
            there = named in paths or any(p.endswith("/" + named) for p in paths) if "/" in named else (rel.parts[0], named) in names
            if not there:
                found.append(Finding(rel, source.line_of(opening.group(0), match.start()), f"{named} does not exist"))
    return found


def _first_with_macro(root, macro, *candidates):
    for name in candidates:
        path = source.Path(root) / name
        if path.is_file():
            rows = source.macro_rows(path.read_text(encoding="utf-8"), macro)
            if rows is not None:
                return name, rows
    return None, None


def _state(text):
    return re.sub(r"^COMMAND_", "", text.strip().upper())


# A state machine: its table of states, its table of moves, the files that may define them.
MACHINES = (
    ("COMMAND_STATES", "COMMAND_MOVES", ("core/model/command.h", "core/model/command.c")),
    ("MESSAGE_STATES", "MESSAGE_MOVES", ("core/model/message.h", "core/model/message.c")),
)


def states(root):
    """docs/states.md has one row FROM | TO | why for each legal move of a command and of a message, and no
    other; the moves name the states of their table and leave none out."""
    text, found = _page(root, "docs/states.md")
    for machine in MACHINES:
        found += _machine(root, text, *machine)
    return found


def _machine(root, text, states_name, moves_name, files):
    page, found = "docs/states.md", []
    where, rows = _first_with_macro(root, moves_name, *files)
    if rows is None:
        return [Finding(files[0], 1, f"{moves_name}(X) is not defined")]
    moves = set()
    for row in rows:
        if len(row) != 3 or not row[2].strip():
            found.append(Finding(where, 1, f"a move is X(FROM, TO, \"why\"), not X({', '.join(row)})"))
            continue
        moves.add((_state(row[0]), _state(row[1])))
    _, members = _first_with_macro(root, states_name, *files)
    if members is None:
        found.append(Finding(files[0], 1, f"{states_name}(X) is not defined"))
    known = {_state(row[0]) for row in members or []}
    moved = {state for move in moves for state in move}
    for state in sorted(moved - known):
        found.append(Finding(where, 1, f"{moves_name} names {state}, which {states_name} has not"))
    for state in sorted(known - moved):
        found.append(Finding(files[0], 1, f"no move leads to or from {state}"))
    if text is None:
        return found
    documented = {}
    for number, cells in source.table_rows(text):
        if len(cells) >= 3 and _state(cells[0]) in known and _state(cells[1]) in known:
            documented[(_state(cells[0]), _state(cells[1]))] = number
    for move in sorted(moves - set(documented)):
        found.append(Finding(page, 1, f"the move {move[0]} -> {move[1]} is legal in {where} and not on this page"))
    for move in sorted(set(documented) - moves):
        found.append(Finding(page, documented[move], f"the move {move[0]} -> {move[1]} is not legal in {where}"))
    for state in sorted(known):
        if state not in text.upper():
            found.append(Finding(page, 1, f"the state {state} is not on this page"))
    return found


# Who says a message, in the grammar above the table of messages.
_SAYS = {"I": "INGRESS", "G": "EGRESS", "E": "EDGE", "C": "CORE", "A": "AMOCTL"}


def wire(root):
    """docs/wire.md has one row per message of proto/messages.h: same name, number, from, to and meaning;
    the grammar above the table there has each message, said by whom the table says."""
    page = "docs/wire.md"
    text, found = _page(root, page)
    where, rows = _first_with_macro(root, "MSG_TABLE", "proto/messages.h")
    if rows is None:
        return found + [Finding("proto/messages.h", 1, "MSG_TABLE(X) is not defined")]
    table, numbers = {}, {}
    for row in rows:
        if len(row) != 5 or not row[4].strip():
            found.append(Finding(where, 1, f"a message is X(NAME, number, FROM, TO, \"meaning\"): {row[0]}"))
            continue
        name, number = row[0], row[1]
        if number in numbers:
            found.append(Finding(where, 1, f"{name} and {numbers[number]} share the number {number}"))
        numbers[number] = name
        table[name] = (number, row[2].upper(), row[3].upper(), row[4])
    spoken = {(name, _SAYS[who]) for who, name in re.findall(r"\b([IGECA]):([A-Z_]+)\b", source.read(root, where))}
    for name, who in sorted(spoken ^ {(name, row[1]) for name, row in table.items()}):
        place = "grammar" if (name, who) in spoken else "table"
        found.append(Finding(where, 1, f"{name} from {who} is in the {place} alone"))
    if text is None:
        return found
    documented = set()
    for line, cells in source.table_rows(text):
        name = cells[0].upper()
        if not re.fullmatch(r"[A-Z][A-Z0-9_]+", name) or len(cells) < 5 or not re.fullmatch(r"\d+", cells[1]):
            continue
        documented.add(name)
        said = (cells[1], cells[2].upper(), cells[3].upper(), cells[4])
        if name not in table:
            found.append(Finding(page, line, f"{name} is not in {where}"))
        elif said != table[name]:
            found.append(Finding(page, line, f"{name} is {' '.join(table[name])} in {where}"))
    for name in sorted(set(table) - documented):
        found.append(Finding(page, 1, f"{name} of {where} has no row | name | number | from | to | meaning |"))
    return found


def verbs(root):
    """docs/operations.md has one row per verb of proto/control.h: same name, arguments and answer."""
    page, where = "docs/operations.md", "proto/control.h"
    text, found = _page(root, page)
    _, rows = _first_with_macro(root, "CONTROL_VERBS", where)
    if rows is None:
        return found + [Finding(where, 1, "CONTROL_VERBS(X) is not defined")]
    table = {}
    for row in rows:
        if len(row) != 5 or row[0] != row[1].replace(".", "_"):
            found.append(Finding(where, 1, f'a verb is X(a_b, "a.b", KIND, "arguments", "answer"): {row[0]}'))
        elif row[2] == "CHANGES" and "[dry_run]" not in row[3]:
            found.append(Finding(where, 1, f"{row[1]} changes something: it takes [dry_run]"))
        elif row[1] in table:
            found.append(Finding(where, 1, f"{row[1]} is there twice"))
        else:
            table[row[1]] = row[3:]
    if text is None:
        return found
    documented = set()
    for line, cells in source.rows_of_table(text, ["verb", "arguments", "answer"]):
        documented.add(cells[0])
        if cells[0] not in table:
            found.append(Finding(page, line, f"{cells[0]} is not in {where}"))
        elif cells[1:] != table[cells[0]]:
            found.append(Finding(page, line, f"{cells[0]} in {where}: | {' | '.join(table[cells[0]])} |"))
    for name in sorted(set(table) - documented):
        found.append(Finding(page, 1, f"{name} of {where} has no row | verb | arguments | answer |"))
    return found


def settings_in(text):
    """{section/key: (line, value)} of deploy/amo.conf.example, its switched-off settings taken as set."""
    found, section = {}, ""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.startswith("#") or re.match(r"#( \S|$)", line):
            continue
        match = re.fullmatch(r"#( {4})?([a-z_0-9]+)(?: = (.*))?", line)
        if not match:
            found[line] = (number, None)
        elif match.group(3) is None:
            section = match.group(2) + "/"
        else:
            found[(section if match.group(1) else "") + match.group(2)] = (number, match.group(3).strip('"'))
    return found


def configuration(root):
    """deploy/amo.conf.example and docs/configuration.md name every key of base/config_keys.h, with its default."""
    where, rows = _first_with_macro(root, "CONFIG_KEYS", "base/config_keys.h")
    if rows is None:
        return [Finding("base/config_keys.h", 1, "CONFIG_KEYS(X) is not defined")]
    defaults = {row[0]: row[2] for row in rows if len(row) >= 3}
    example, found = _page(root, "deploy/amo.conf.example")
    for key, (number, value) in settings_in(example or "").items():
        if key not in defaults:
            found.append(Finding("deploy/amo.conf.example", number, f"{key} is not in {where}"))
        elif key != "name" and value != defaults[key]:
            found.append(Finding("deploy/amo.conf.example", number, f'the default of {key} is "{defaults[key]}"'))
    for key in sorted(set(defaults) - set(settings_in(example or ""))):
        found.append(Finding("deploy/amo.conf.example", 1, f"{key} is missing"))
    text, missing = _page(root, "docs/configuration.md")
    documented = {}
    for number, cells in source.table_rows(text or ""):
        for key in re.split(r"[,\s]+", cells[0]):
            documented[key] = (number, cells)
    for key in sorted(set(defaults) - set(documented)) if text else []:
        missing.append(Finding("docs/configuration.md", 1, f"{key} is missing"))
    for key in sorted(set(documented) & set(defaults)):
        number, cells = documented[key]
        if defaults[key] and not any(defaults[key] in cell for cell in cells[1:]):
            missing.append(Finding("docs/configuration.md", number, f'the default of {key} is "{defaults[key]}"'))
    return found + missing


# Put together here so that this file is clean by its own rule.
_LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
_HOME = r"(?<![\w.])/(?:home|Users)/\w|(?<![\w.])/(?:root)/"


def leftovers(root):
    """No notes to oneself: what is not done has an issue, what is done needs no mark."""
    return _grep(root, _LEFTOVER, 'left-over mark "{0}"')


def machine_paths(root):
    """No file names a path that only its maker's machine has: a home folder, or where this checkout is."""
    checkout = source.Path(root).resolve()
    here = [rf"(?<![\w.]){re.escape(str(checkout))}\b"] if len(checkout.parts) > 2 else []
    return _grep(root, re.compile("|".join([_HOME, *here])), '"{0}" is a path of one machine only')


def _grep(root, pattern, words_):
    found = []
    for rel in source.all_text_files(root):
        for number, line in enumerate(source.read(root, rel).split("\n"), 1):
            match = pattern.search(line)
            if match:
                found.append(Finding(rel, number, words_.format(match.group(0))))
    return found


_LOGGED = re.compile(r'\blog_(?:line|failed|often)\(\s*LOG_LEVEL_(\w+),\s*"([^"]+)"')
_FIGURE = re.compile(r'\bstats_(?:(?:counter|gauge)(?:_rows)?|histogram)\([^;]*?"(amo_\w+)"')


def operations(root):
    """docs/operations.md has a row for each happening that is logged, with its level, and for each metric; and no other."""
    page = "docs/operations.md"
    text, found = _page(root, page)
    if text is None:
        return found
    happenings, figures = {}, {}
    for number, cells in source.table_rows(text):
        if len(cells) == 3 and re.match(r"(error|warn|info|debug)\b", cells[1]):
            happenings |= {name: (number, cells) for name in re.findall(r"\b[a-z_]+\.[a-z_]+\b", cells[0])}
        elif len(cells) == 5:
            figures |= {name: (number, cells) for name in re.findall(r"\bamo_\w+", cells[0])}
    said = ""
    for rel in source.files(root, ".c"):
        if rel.parts[0] in ("tools", "tests") or rel.name.endswith("_test.c") or rel.name.startswith("testing"):
            continue
        c = source.read(root, rel)
        said += c
        for match in _LOGGED.finditer(c):
            level, name = match.group(1).lower(), match.group(2)
            number = source.line_of(c, match.start())
            if "." in name and name not in happenings:
                found.append(Finding(rel, number, f"{name} is not on {page}"))
            elif name in happenings and level not in happenings[name][1][1]:
                found.append(Finding(page, happenings[name][0], f"{rel} logs {name} as {level}"))
        for match in _FIGURE.finditer(c):
            if match.group(1) not in figures:
                found.append(Finding(rel, source.line_of(c, match.start()), f"{match.group(1)} is not on {page}"))
    for name, (number, _) in sorted((happenings | figures).items()):
        if f'"{name}"' not in said:
            found.append(Finding(page, number, f"nothing of ours says {name}"))
    return found


_TESTS_OF = re.compile(r"`((?:[\w-]+/)*(?:test_\w+\.py|(?<=/)\w+_test(?:\.c)?))(?:: (\w+))?`")
_TEST = re.compile(r"`([a-z0-9]+(?:_\w+){2,})`")


def tests_named(root):
    """A test that a page names as `file: name`, or by name alone behind another of its file, is there."""
    known = {}
    for rel in source.all_text_files(root):
        if rel.name.endswith("_test.c") or (rel.name.startswith("test_") and rel.suffix == ".py"):
            key = rel.name if rel.suffix == ".py" else str(rel)[:-2]
            known[key] = set(re.findall(r"\bdef (\w+)\(|\bvoid\s+(\w+)\(void \*\*", source.read(root, rel)))
            known[key] = {name for pair in known[key] for name in pair if name}
    found = []
    for rel in (r for r in source.all_text_files(root) if r.suffix == ".md"):
        for number, line in enumerate(source.read(root, rel).split("\n"), 1):
            of = ""
            for quoted in re.findall(r"`[^`]+`", line):
                match, alone = _TESTS_OF.fullmatch(quoted), _TEST.fullmatch(quoted)
                name = match.group(2) if match else alone and alone.group(1)
                if match:
                    of = match.group(1).rsplit("/", 1)[-1] if ".py" in quoted else match.group(1).removesuffix(".c")
                    if of not in known:
                        found.append(Finding(rel, number, f"there are no tests in {of}"))
                if of in known and name and name not in known[of]:
                    found.append(Finding(rel, number, f"{of} has no test {name}"))
    return found


def decisions(root):
    """docs/architecture.md lists each decision of docs/adr; their numbers have no gap."""
    text, found = _page(root, "docs/architecture.md")
    pages = sorted((source.Path(root) / "docs/adr").glob("[0-9]*.md"))
    for number, page in enumerate(pages, 1):
        if not page.name.startswith(f"{number:04}-"):
            found.append(Finding(f"docs/adr/{page.name}", 1, f"number {number:04} is missing, or is there twice"))
        if f"](adr/{page.name})" not in (text or ""):
            found.append(Finding("docs/architecture.md", 1, f"{page.name} is not in the list of decisions"))
    return found


_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


def _anchors(text):
    heads = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}


def links(root):
    """A relative link of a page leads to a file of this tree, and to a heading in it."""
    found = []
    tree = source.Path(root).resolve()
    for rel in source.all_text_files(root):
        if rel.suffix != ".md":
            continue
        for number, line in enumerate(source.read(root, rel).split("\n"), 1):
            for target, anchor in _LINK.findall(line):
                if re.match(r"[a-z]+:", target):
                    continue
                file = source.Path(root) / (rel.parent / target if target else rel)
                if not file.resolve().is_relative_to(tree):
                    found.append(Finding(rel, number, f"the link {target} leaves the tree"))
                elif not file.exists():
                    found.append(Finding(rel, number, f"the link {target} leads nowhere"))
                elif anchor and file.suffix == ".md" and anchor not in _anchors(file.read_text(encoding="utf-8")):
                    found.append(Finding(rel, number, f"{target} has no heading #{anchor}"))
    return found
