"""Rules about the C code itself: who may include whom, and which calls live in one place only."""

import re

import source
from source import Finding

PROCESSES = ("ingress", "core", "egress", "media")


def room_of(rel):
    """The room a file belongs to; proto/bus and tools/sandbox are rooms of their own."""
    parts = rel.parts
    if parts[0] in ("proto", "tools") and len(parts) > 2 and parts[1] in ("bus", "sandbox"):
        return f"{parts[0]}/{parts[1]}"
    return parts[0]


def is_test(rel):
    return rel.parts[0] == "tests" or rel.name.endswith("_test.c")


MAY_INCLUDE = {
    "base": {"base"},
    "proto": {"base", "proto"},
    "proto/bus": {"base", "proto", "proto/bus"},
    "tools": {"base", "proto", "proto/bus", "tools"},
    "tools/sandbox": {"tools/sandbox"},
    "tests": None,
} | {p: {"base", "proto", "proto/bus", p} for p in PROCESSES}

# What cannot agree with itself by mistake: none of what knows signatures, JSON or a protocol.
SANDBOX_MAY_INCLUDE = {f"base/{name}.h"
                       for name in ("buf", "clock", "compiler", "file", "list", "log", "mem", "net", "table", "testing")}


def include_arrows(root):
    """base <- proto <- processes: no arrow may point the other way, and the sandbox shares next to nothing."""
    found = []
    for rel in source.files(root, ".c", ".h"):
        room = room_of(rel)
        allowed = MAY_INCLUDE.get(room)
        for line, kind, name in source.includes(source.read(root, rel)):
            if kind != '"':
                continue
            target = source.Path(name)
            if len(target.parts) < 2 or target.parts[0] not in source.ROOMS:
                found.append(Finding(rel, line, f'"{name}": name our headers from the root, as "room/x.h"'))
                continue
            if not (source.Path(root) / target).is_file():
                found.append(Finding(rel, line, f'"{name}" does not exist'))
                continue
            if allowed is None or room_of(target) in allowed:
                continue
            if room == "tools/sandbox" and name in SANDBOX_MAY_INCLUDE:
                continue
            if is_test(rel) and target.parts[0] == "tests":
                continue
            found.append(Finding(rel, line, f'{room}/ may not include "{name}"'))
    return found


_ZMQ_CALL = re.compile(
    r"\b(?:zmq|zsock|zmsg|zframe|zpoller|zloop|zactor|zauth|zcert|zcertstore|zmonitor|zproxy|zstr|zsys|zconfig)_\w+")


def zeromq_in_one_room(root):
    """ZeroMQ is called in proto/bus alone."""
    found = []
    for rel in source.files(root, ".c", ".h"):
        if room_of(rel) in ("proto/bus", "tests"):
            continue
        text = source.read(root, rel)
        for line, _, name in source.includes(text):
            if name in ("zmq.h", "czmq.h", "czmq_library.h"):
                found.append(Finding(rel, line, f"<{name}> belongs to proto/bus"))
        stripped = source.code(text)
        for match in _ZMQ_CALL.finditer(stripped):
            found.append(Finding(rel, source.line_of(stripped, match.start()),
                                 f"{match.group(0)} belongs to proto/bus"))
    return found


_ALLOCATION = re.compile(
    r"(?<![\w.>])(malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf|getline|posix_memalign"
    r"|aligned_alloc|alloca)\s*\(")


def allocation_in_one_module(root):
    """All of our memory comes from base/mem.h, which a test can make fail at the n-th call."""
    return _banned(root, _ALLOCATION, "{0}(): use base/mem.h", allowed={"base/mem.c"})


_UNSAFE = re.compile(r"(?<![\w.>])(strcpy|strcat|strncat|sprintf|vsprintf|gets|strtok|strtok_r|atoi|atol|atoll|atof"
                     r"|scanf|sscanf|fscanf|tmpnam|mktemp|system|popen)\s*\(")


def no_unsafe_calls(root):
    """Calls that cannot be used safely, or hide a shell."""
    return _banned(root, _UNSAFE, "{0}() is not used here (docs/style.md, Strings and numbers)", allowed=set())


_BARE_NUMBER = re.compile(r'\blog_(?:line|often)\s*\([^;]*?"[^"]*\b(?:rc|error|errno)=%', re.S)


def failures_in_words(root):
    """What failed is told by log_failed(), in words: a bare number of an error tells an operator nothing."""
    found = []
    for rel in source.files(root, ".c"):
        text = source.read(root, rel)
        for match in _BARE_NUMBER.finditer(text):
            found.append(Finding(rel, source.line_of(text, match.start()), "a number of an error: use log_failed()"))
    return found


# Lines about what is not one event, command or attempt, or whose event could not be read.
NO_TRACE = {"event.ephemeral_malformed", "event.push_malformed", "event.push_of_other_spool", "event.push_failed",
            "event.taken_malformed", "event.too_many_gaps", "event.unanswered", "event.suspect",
            "attempt.not_understood"}
_TRACED = re.compile(r'\blog_(?:line|failed|often)\s*\(([^;]*?)"((?:command|attempt|event)\.\w+)"([^;]*)', re.S)


def traced(root):
    """A line of the log about an event, a command or an attempt has its trace id."""
    found = []
    for rel in source.files(root, ".c"):
        if is_test(rel):
            continue
        text = source.read(root, rel)
        for match in _TRACED.finditer(text):
            if match[2] not in NO_TRACE and "trace=" not in match[3]:
                found.append(Finding(rel, source.line_of(text, match.start()), f"{match[2]} is logged without trace="))
    return found


def _banned(root, pattern, words, allowed):
    found = []
    for rel in source.files(root, ".c", ".h"):
        if str(rel) in allowed:
            continue
        stripped = source.code(source.read(root, rel))
        for match in pattern.finditer(stripped):
            found.append(Finding(rel, source.line_of(stripped, match.start()), words.format(match.group(1))))
    return found


def header_shape(root):
    """A header has #pragma once, and opens by saying what it is for."""
    found = []
    for rel in source.files(root, ".h"):
        text = source.read(root, rel)
        if not text.replace("#pragma once\n", "", 1).lstrip().startswith("/*"):
            found.append(Finding(rel, 1, "a header opens with a comment: what the module is for, what it is not"))
        if len(re.findall(r"^#pragma once$", text, re.M)) != 1:
            found.append(Finding(rel, 1, "a header has #pragma once, once"))
    return found


MAX_FUNCTION_LINES, MAX_FILE_LINES = 60, 640
# Lines of code of a room and all below it, tests aside: helpers are not to outgrow what they help.
MAX_ROOM_LINES = {"tools": 18000}


def code_lines(text):
    """Lines with code on them: blank ones and comments do not count."""
    return sum(1 for line in source.code(text, keep_strings=True).split("\n") if line.strip())


def sizes(root):
    """No function over 60 lines; a file over about 600 holds two ideas; tools/ has 18,000 lines of code at most."""
    found = source.Findings()
    figures = []
    for room, most in MAX_ROOM_LINES.items():
        lines = sum(code_lines(source.read(root, rel)) for rel in source.files(root, ".c", ".h", rooms=(room,))
                    if not is_test(rel) and "testing" not in rel.parts)
        figures.append(f"{room} {lines} of {most} lines of code")
        if lines > most:
            found.append(Finding(room, 1, f"{lines} lines of code: {most} at most"))
    lengths = []
    for rel in source.files(root, ".c", ".h"):
        text = source.read(root, rel)
        lines = text.count("\n")
        if lines > MAX_FILE_LINES and not is_test(rel):
            found.append(Finding(rel, lines, f"{lines} lines: split the file (about 600 at most)"))
        for name, first, last in source.functions(text):
            if not is_test(rel) and "testing" not in rel.parts:
                lengths.append(last - first + 1)
            if last - first + 1 > MAX_FUNCTION_LINES:
                found.append(Finding(rel, first, f"{name} has {last - first + 1} lines: {MAX_FUNCTION_LINES} at most"))
    if lengths:
        lengths.sort()
        figures.append(f"{len(lengths)} functions: median {lengths[len(lengths) // 2]} lines, p90"
                       f" {lengths[len(lengths) * 9 // 10]}, longest {lengths[-1]}")
    found.figure = ", ".join(figures)
    return found


def enum_switches(root):
    """A switch over one of our enums lists every case; a default would hide the next one from the compiler."""
    found = []
    for rel in source.files(root, ".c"):
        if is_test(rel):
            continue
        stripped = source.code(source.read(root, rel))
        for match in re.finditer(r"\bswitch\s*\(", stripped):
            body = _block(stripped, stripped.index("{", match.end()))
            cases = re.findall(r"\bcase\s+([A-Z][A-Z0-9]+_\w+)\s*:", body)
            default = re.search(r"\bdefault\s*:", body)
            if default and cases and _is_our_enum(root, cases[0]):
                found.append(Finding(rel, source.line_of(stripped, match.start()),
                                     f"switch with {cases[0]} has a default: list every case"))
    return found


def _block(text, start):
    depth = 0
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return text[start:i]
    return text[start:]


_enum_cache = {}


def _is_our_enum(root, member):
    key = str(root)
    if key not in _enum_cache:
        names, prefixes = set(), set()
        for rel in source.files(root, ".c", ".h"):
            text = source.code(source.read(root, rel))
            for body in re.findall(r"\benum\s+\w+\s*\{([^}]*)\}", text):
                names.update(re.findall(r"\b[A-Z]\w+", body))
                # Members made by a table macro: PREFIX_##name.
                prefixes.update(re.findall(r"\b([A-Z]\w*_)##", body))
        _enum_cache[key] = names, tuple(prefixes)
    names, prefixes = _enum_cache[key]
    return member in names or member.startswith(prefixes)
