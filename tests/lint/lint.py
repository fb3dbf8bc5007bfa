#!/usr/bin/env python3
"""The project's own rules, checked.

lint.py [--root DIR] [--all] [RULE...]   the named rules; the quick ones without names; every one with --all
lint.py --list                           names of the rules and what they hold
lint.py --list-sources                   the C files the rules look at
"""

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import rules_code  # noqa: E402
import rules_docs  # noqa: E402
import rules_rooms  # noqa: E402
import rules_tools  # noqa: E402
import source  # noqa: E402

QUICK = {
    "include-arrows": rules_code.include_arrows,
    "rooms": rules_rooms.rooms,
    "top-level": rules_rooms.top_level,
    "room-map": rules_rooms.room_map,
    "room-symbols": rules_rooms.room_symbols,
    "zeromq": rules_code.zeromq_in_one_room,
    "allocation": rules_code.allocation_in_one_module,
    "unsafe-calls": rules_code.no_unsafe_calls,
    "failures-in-words": rules_code.failures_in_words,
    "traced": rules_code.traced,
    "header-shape": rules_code.header_shape,
    "sizes": rules_code.sizes,
    "enum-switches": rules_code.enum_switches,
    "words": rules_docs.words,
    "message-path": rules_docs.message_path,
    "openings": rules_docs.openings,
    "states": rules_docs.states,
    "wire": rules_docs.wire,
    "verbs": rules_docs.verbs,
    "configuration": rules_docs.configuration,
    "operations": rules_docs.operations,
    "tests-named": rules_docs.tests_named,
    "decisions": rules_docs.decisions,
    "leftovers": rules_docs.leftovers,
    "machine-paths": rules_docs.machine_paths,
    "links": rules_docs.links,
    "headers-alone": rules_tools.headers_alone,
    "shell": rules_tools.shell_scripts,
    "format": rules_tools.formatted,
}

SLOW = {
    "cppcheck": rules_tools.cppcheck,
    "clang": rules_tools.clang,
    "clang-tidy": rules_tools.clang_tidy,
    "gcc-analyzer": rules_tools.gcc_analyzer,
}

RULES = QUICK | SLOW


def main(argv):
    parser = argparse.ArgumentParser(prog="lint", description="the project's own rules")
    parser.add_argument("--root", default=Path(__file__).resolve().parents[2], type=lambda p: Path(p).resolve())
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--list-sources", action="store_true")
    parser.add_argument("rules", nargs="*")
    options = parser.parse_args(argv)
    if options.list_sources:
        print("\n".join(str(rel) for rel in source.files(options.root, ".c", ".h")))
        return 0
    if options.list:
        for name, rule in RULES.items():
            print(f"{name:16} {' '.join((rule.__doc__ or '').split())}")
        return 0
    unknown = [name for name in options.rules if name not in RULES]
    if unknown:
        print(f"lint: no rule named {', '.join(unknown)}; there are: {', '.join(RULES)}", file=sys.stderr)
        return 2
    names = options.rules or list(RULES if options.all else QUICK)
    return 1 if sum(run(name, options.root) for name in names) else 0


def run(name, root):
    """Runs one rule, prints what it found; the number of findings."""
    started = time.monotonic()
    found = RULES[name](root)
    figure = f", {found.figure}" if getattr(found, "figure", "") else ""
    print(f"lint {name}: {len(found) or 'ok'}{' findings' if found else ''}{figure} ({time.monotonic() - started:.1f} s)")
    for finding in found:
        print(f"  {finding}")
    sys.stdout.flush()
    return len(found)


if __name__ == "__main__":
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has read enough: what is still to be written goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status)
