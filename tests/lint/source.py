"""Reading C sources for the rules of tests/lint: text without comments and strings, includes, functions."""

import re
from pathlib import Path

ROOMS = ("base", "proto", "ingress", "core", "egress", "media", "tools", "tests")
SKIPPED_DIRS = {"node_modules", "__pycache__", "build", "var", ".git", ".pytest_cache", ".hypothesis"}


class Finding:
    """One broken rule: where, and what to do about it."""

    def __init__(self, path, line, text):
        self.path, self.line, self.text = str(path), line, text

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


class Findings(list):
    """What a rule found; `figure` is what it counted, shown also when nothing is wrong."""

    figure = ""


def files(root, *suffixes, rooms=ROOMS):
    """Files of the rooms below root with one of the suffixes, as paths relative to root, sorted."""
    root = Path(root)
    found = []
    for room in rooms:
        for path in (root / room).rglob("*"):
            rel = path.relative_to(root)
            if path.is_file() and path.suffix in suffixes and not SKIPPED_DIRS & set(rel.parts):
                found.append(rel)
    return sorted(found)


def all_text_files(root):
    """Every file of ours that a person may read, whatever the room, relative to root."""
    root = Path(root)
    binary = {".png", ".ico", ".gz", ".db", ".bin", ".pyc", ".woff", ".jpg", ".pdf"}
    found = []
    for path in root.rglob("*"):
        rel = path.relative_to(root)
        parts = set(rel.parts)
        if parts & SKIPPED_DIRS or any(p.startswith("build-") for p in rel.parts):
            continue
        if path.is_file() and not path.is_symlink() and path.suffix not in binary:
            found.append(rel)
    return sorted(found)


def read(root, rel):
    return (Path(root) / rel).read_text(encoding="utf-8", errors="replace")


_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def _blank(match, keep_strings):
    text = match.group(0)
    if text[0] in "\"'":
        if keep_strings:
            return text
        return text[0] + " " * (len(text) - 2) + text[0]
    return re.sub(r"[^\n]", " ", text)


def code(text, keep_strings=False):
    """The text with comments blanked (and strings too, unless kept); line numbers stay what they were."""
    return _TOKEN.sub(lambda m: _blank(m, keep_strings), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def includes(text):
    """[(line, kind, name)]: kind is '"' for our headers and '<' for others."""
    found = []
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]', code(text, True), re.M):
        found.append((line_of(text, match.start()), match.group(1), match.group(2)))
    return found


def _without_preprocessor(stripped):
    lines, continued = stripped.split("\n"), False
    for i, line in enumerate(lines):
        if continued or line.lstrip().startswith("#"):
            continued = line.rstrip().endswith("\\")
            lines[i] = " " * len(line)
    return "\n".join(lines)


def functions(text):
    """[(name, first line, last line)] of the functions defined in a C file."""
    body = _without_preprocessor(code(text))
    found, depth, head_start = [], 0, 0
    name = start = None
    for i, char in enumerate(body):
        if char == "{":
            if depth == 0:
                name, start = _function_name(body[head_start:i]), i
            depth += 1
        elif char == "}":
            depth = max(0, depth - 1)
            if depth == 0:
                if name:
                    found.append((name, line_of(body, start), line_of(body, i)))
                name, head_start = None, i + 1
        elif char == ";" and depth == 0:
            head_start = i + 1
    return found


def _function_name(head):
    """The name in `static int name(args)`; None when the brace opens a struct, an enum or an initialiser."""
    if "=" in head or not head.rstrip().endswith(")"):
        return None
    for match in re.finditer(r"(\w+)\s*\(", head):
        if not match.group(1).startswith("AMO_") and match.group(1) != "__attribute__":
            return match.group(1)
    return None


def macro_rows(text, macro):
    """Rows of an X-macro table `#define MACRO(X) X(a, b, "c") ...`: lists of arguments, strings joined, unquoted.

    None when the macro is not defined in the text."""
    whole = code(text, True)
    match = re.search(rf"#[ \t]*define[ \t]+{macro}\(X\)((?:[^\n]*\\\n)*[^\n]*)", whole)
    if not match:
        return None
    body = match.group(1).replace("\\\n", " ")
    rows = []
    for row in re.finditer(r'\bX\(((?:"(?:\\.|[^"\\])*"|[^"()]|\([^()]*\))*)\)', body):
        rows.append([_argument(a) for a in _split_arguments(row.group(1))])
    return rows


def _split_arguments(text):
    return [part.strip() for part in re.findall(r'((?:"(?:\\.|[^"\\])*"|\([^()]*\)|[^,"()])+)(?:,|$)', text)]


def _argument(text):
    strings = re.findall(r'"((?:\\.|[^"\\])*)"', text)
    return "".join(strings) if strings else text


def table_rows(markdown):
    """Cells of every row of every markdown table, backticks and emphasis removed, with the line number."""
    rows = []
    for number, line in enumerate(markdown.split("\n"), 1):
        line = line.strip()
        if not (line.startswith("|") and line.endswith("|")) or re.fullmatch(r"[|\s:-]+", line):
            continue
        cells = re.split(r"(?<!\\)\|", line[1:-1])
        rows.append((number, [re.sub(r"[`*]", "", c).replace("\\|", "|").strip() for c in cells]))
    return rows


def rows_of_table(markdown, head):
    """Rows of every table of a markdown page with this head, as table_rows."""
    found, next_row = [], 0
    for number, cells in table_rows(markdown):
        if cells == head:
            next_row = number + 2
        elif number == next_row:
            found.append((number, cells))
            next_row += 1
    return found
