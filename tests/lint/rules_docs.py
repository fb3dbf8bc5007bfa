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


_STOP = re.compile(r"`([\w./-]+\.[ch]):\s*(\w+)`(.*)")
FEWEST_STOPS = 8


def message_path(root):
    """Each stop of docs/message-path.md, `file: function` - what is true now, is a function of that file;
    each file on the path opens by saying what it does, From, To and Holds."""
    page = "docs/message-path.md"
    text, found = _page(root, page)
    if text is None:
        return found
    stops, paths = 0, set()
    for number, line in enumerate(text.split("\n"), 1):
        for match in _STOP.finditer(line):
            path, function, rest = match.groups()
            stops += 1
            file = source.Path(root) / path
            if not file.is_file():
                found.append(Finding(page, number, f"{path} does not exist"))
                continue
            paths.add(path)
            if function not in {name for name, _, _ in source.functions(file.read_text(encoding="utf-8"))}:
                found.append(Finding(page, number, f"{path} has no function {function}"))
            if not re.match(r"\s*[-–—:]\s*\S", rest):
                found.append(Finding(page, number, "a stop says what is true now: `file: function` - words"))
    if stops < FEWEST_STOPS:
        found.append(Finding(page, 1, f"{stops} stops: a message's path has at least {FEWEST_STOPS}"))
    for path in sorted(p for p in paths if p.endswith(".c")):
        opening = re.match(r"\s*/\*.*?\*/", source.read(root, path), re.S)
        for label in ("From:", "To:", "Holds:"):
            if not opening or label not in opening.group(0):
                found.append(Finding(path, 1, f"a file on the message path opens with a line {label}"))
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


def states(root):
    """docs/states.md has one row FROM | TO | why for each legal move of a command, and no other;
    the moves name the states of COMMAND_STATES and leave none out."""
    page = "docs/states.md"
    text, found = _page(root, page)
    where, rows = _first_with_macro(root, "COMMAND_MOVES", "core/command.h", "core/command.c")
    if rows is None:
        return found + [Finding("core/command.h", 1, "COMMAND_MOVES(X) is not defined")]
    moves = set()
    for row in rows:
        if len(row) != 3 or not row[2].strip():
            found.append(Finding(where, 1, f"a move is X(FROM, TO, \"why\"), not X({', '.join(row)})"))
            continue
        moves.add((_state(row[0]), _state(row[1])))
    _, members = _first_with_macro(root, "COMMAND_STATES", "core/command.h", "core/command.c")
    if members is None:
        found.append(Finding("core/command.h", 1, "COMMAND_STATES(X) is not defined"))
    known = {_state(row[0]) for row in members or []}
    moved = {state for move in moves for state in move}
    for state in sorted(moved - known):
        found.append(Finding(where, 1, f"COMMAND_MOVES names {state}, which COMMAND_STATES has not"))
    for state in sorted(known - moved):
        found.append(Finding("core/command.h", 1, f"no move leads to or from {state}"))
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


def wire(root):
    """docs/wire.md has one row per message of proto/messages.h: same name, number, from and to."""
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
        table[name] = (number, row[2].upper(), row[3].upper())
    if text is None:
        return found
    documented = set()
    for line, cells in source.table_rows(text):
        name = cells[0].upper()
        if not re.fullmatch(r"[A-Z][A-Z0-9_]+", name) or len(cells) < 4 or not re.fullmatch(r"\d+", cells[1]):
            continue
        documented.add(name)
        said = (cells[1], cells[2].upper(), cells[3].upper())
        if name not in table:
            found.append(Finding(page, line, f"{name} is not in {where}"))
        elif said != table[name]:
            found.append(Finding(page, line, f"{name} is {' '.join(table[name])} in {where}"))
    for name in sorted(set(table) - documented):
        found.append(Finding(page, 1, f"{name} of {where} has no row | name | number | from | to | ..."))
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


# The words are put together here so that this file is clean by its own rule.
_LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
_OUTSIDE = re.compile(r"\.\./sha" r"red|/wo" r"rk/(?:main|shared|\.library)|/tmp/pl" r"an"
                      r"|\b(?:helper|builder) (?:ses" r"sion|session)|\bsubage" r"nt\b"
                      r"|deb\.debian" r"\.org|registry\.npmjs" r"\.org|snapshot\.debian" r"\.org", re.I)


def leftovers(root):
    """No notes to oneself: what is not done has an issue, what is done needs no mark."""
    return _grep(root, _LEFTOVER, 'left-over mark "{0}"')


def stands_alone(root):
    """The repository names nothing that only its makers' machines have."""
    return _grep(root, _OUTSIDE, '"{0}" means nothing outside the maker\'s machine')


def _grep(root, pattern, words_):
    found = []
    for rel in source.all_text_files(root):
        for number, line in enumerate(source.read(root, rel).split("\n"), 1):
            match = pattern.search(line)
            if match:
                found.append(Finding(rel, number, words_.format(match.group(0))))
    return found


_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def links(root):
    """A relative link of a page leads to a file that exists."""
    found = []
    for rel in source.all_text_files(root):
        if rel.suffix != ".md":
            continue
        for number, line in enumerate(source.read(root, rel).split("\n"), 1):
            for target in _LINK.findall(line):
                if re.match(r"[a-z]+:", target):
                    continue
                if not (source.Path(root) / rel.parent / target).exists():
                    found.append(Finding(rel, number, f"the link {target} leads nowhere"))
    return found
