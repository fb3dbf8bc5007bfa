"""Rules that a tool knows: compilers on single headers, shellcheck, clang-format, and the slow analysers."""

import json
import os
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import source
from source import Finding

JOBS = os.cpu_count() or 2
PACKAGES = ("libzmq", "libczmq", "libmicrohttpd", "libcurl", "msgpack", "libcrypto", "json-c", "sqlite3",
            "libutf8proc", "expat", "cmocka")


def _run(command, cwd):
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def _first_lines(text, count=3):
    return " / ".join(line.strip() for line in text.strip().split("\n")[:count])


def _library_flags(root):
    code, out = _run(["pkg-config", "--cflags", *PACKAGES], root)
    if code != 0:
        raise RuntimeError("pkg-config: " + _first_lines(out))
    return [("-isystem" + f[2:]) if f.startswith("-I") else f for f in shlex.split(out)]


def headers_alone(root):
    """Every header compiles by itself, with gcc and with clang."""
    flags = ["-std=c17", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{root}", "-x", "c",
             "-include"]
    libraries = _library_flags(root)
    headers = source.files(root, ".h")

    def check(job):
        compiler, rel = job
        code, out = _run([compiler, *libraries, *flags, str(rel), os.devnull], root)
        return [] if code == 0 else [Finding(rel, 1, f"does not compile alone with {compiler}: {_first_lines(out)}")]

    jobs = [(compiler, rel) for compiler in ("gcc", "clang-14") for rel in headers]
    with ThreadPoolExecutor(JOBS) as pool:
        return [finding for found in pool.map(check, jobs) for finding in found]


def shell_scripts(root):
    """Our shell scripts are clean for shellcheck."""
    scripts = []
    for rel in source.all_text_files(root):
        with open(Path(root) / rel, "rb") as file:
            first = file.readline(80)
        if rel.suffix == ".sh" or re.match(rb"#!.*\b(ba)?sh\b", first):
            scripts.append(str(rel))
    if not scripts:
        return []
    code, out = _run(["shellcheck", "-x", "-f", "gcc", *scripts], root)
    return [] if code == 0 else _tool_findings(out)


_TOOL_LINE = re.compile(r"^([^\s:]+):(\d+):(?:\d+:)? *(.*(?:error|warning|note|style|performance|portability).*)$", re.M)


def _tool_findings(out, root=None):
    found, seen = [], set()
    for path, line, text in _TOOL_LINE.findall(out):
        if root and path.startswith(str(root)):
            path = os.path.relpath(path, root)
        if (path, line, text) not in seen and not text.lstrip().startswith("note:"):
            seen.add((path, line, text))
            found.append(Finding(path, int(line), text))
    return found or [Finding("tool", 0, _first_lines(out, 10))]


def formatted(root):
    """The sources are as clang-format 14 writes them (./dev fmt)."""
    names = [str(rel) for rel in source.files(root, ".c", ".h")]
    if not names:
        return []
    # One file a call: given many at once, clang-format 14 may crash while it aligns arrays.
    with ThreadPoolExecutor(JOBS) as pool:
        results = list(pool.map(lambda name: _run(["clang-format-14", "--dry-run", "-Werror", name], root), names))
    out = "\n".join(text for code, text in results if code != 0)
    if all(code == 0 for code, _ in results):
        return []
    files = sorted({m.group(1): int(m.group(2)) for m in _TOOL_LINE.finditer(out)}.items())
    return [Finding(name, line, "not formatted: ./dev fmt") for name, line in files] or _tool_findings(out)


def _compile_commands(root):
    build = Path(root) / "build"
    if not (build / "compile_commands.json").is_file():
        code, out = _run(["cmake", "--preset", "dev"], root)
        if code != 0:
            raise RuntimeError("cmake --preset dev: " + _first_lines(out, 8))
    return build


def _compiled(root):
    return json.loads((_compile_commands(root) / "compile_commands.json").read_text(encoding="utf-8"))


def _product_sources(root):
    """What people write: the pages that are turned into arrays of bytes at the build have no code to analyse, and cost
    cppcheck minutes each."""
    made = os.path.relpath(_compile_commands(root), root) + "/"
    names = {os.path.relpath(entry["file"], root) for entry in _compiled(root)}
    return sorted(n for n in names if not n.endswith("_test.c") and not n.startswith(("tests/", "..", made)))


def clang(root):
    """Every source, tests included, compiles with clang 14 and the warnings of the dev build, without one."""
    # a source that all test programs share is in the list once for each of them
    commands = {re.sub(r" -o \S+", "", entry["command"]) for entry in _compiled(root)}

    def check(command):
        code, out = _run(["clang-14", "-fsyntax-only", "-Wno-unknown-warning-option", *shlex.split(command)[1:]], root)
        return [] if code == 0 else _tool_findings(out, root)

    with ThreadPoolExecutor(JOBS) as pool:
        return [finding for found in pool.map(check, sorted(commands)) for finding in found]


def clang_tidy(root):
    """clang-tidy 14 with .clang-tidy, over the product code."""
    build = _compile_commands(root)

    def check(name):
        code, out = _run(["clang-tidy-14", "-p", str(build), "--quiet", "--extra-arg=-Wno-unknown-warning-option",
                          name], root)
        return [] if code == 0 else _tool_findings(out, root)

    with ThreadPoolExecutor(JOBS) as pool:
        return [finding for found in pool.map(check, _product_sources(root)) for finding in found]


def cppcheck(root):
    """cppcheck: warnings, performance, portability.

    readdir is left in: each directory stream has one thread, and readdir_r is deprecated.
    """
    names = _product_sources(root)
    code, out = _run(["cppcheck", "-q", f"-j{JOBS}", "--enable=warning,performance,portability", "--inline-suppr",
                      "--std=c11", "--library=posix", "--suppress=missingIncludeSystem",
                      "--suppress=unmatchedSuppression", "--suppress=readdirCalled", "-D_DEFAULT_SOURCE", '-DAMO_VERSION=""', "--error-exitcode=1", f"-I{root}", *names], root)
    return [] if code == 0 else _tool_findings(out, root)


def gcc_analyzer(root):
    """gcc -fanalyzer builds the product code without a warning."""
    for command in (["cmake", "--preset", "analyze"],
                    ["cmake", "--build", "--preset", "analyze", "--", "-k", "0"]):
        code, out = _run(command, root)
        if code != 0:
            return _tool_findings(out, root)
    return []
