"""Rules about rooms: the folders of a process, from the lowest to the highest, each calling only those before it.
The order is read from the process's CMakeLists.txt, which builds the rooms in it."""

import graphlib
import os
import re
import subprocess
from collections import defaultdict
from pathlib import Path

import source
from source import Finding

PROCESSES = ("core", "ingress", "tools/sandbox")
# The header with a process's map: a struct that points to what each room holds and knows nothing of it. So every
# room may include it, though it stands above them.
MAPS = {"core": "core/core.h", "ingress": "ingress/ingress.h"}
TESTING = "testing"
# What stands in the root of the tree: files, and folders besides those with code.
ROOT_FILES = {".clang-format", ".clang-tidy", ".dockerignore", ".gitignore", "CMakeLists.txt", "CMakePresets.json",
              "LICENSE", "README.md", "README.ru.md", "dev", "docker-compose.yml", "pytest.ini"}
ROOT_FOLDERS = {".ci", "cmake", "deploy", "docs", *source.ROOMS}
MAX_MODULES = 16
# Libraries that only these rooms may touch, by the beginning of its header's or function's name.
OWNED = {"sqlite3": ("core/store",), "microhttpd": ("ingress/http", "tools/sandbox/http")}


def order_of(root, process):
    """The rooms of a process, the lowest first: foreach(room …) of its CMakeLists.txt; () when it has none."""
    path = Path(root) / process / "CMakeLists.txt"
    said = re.search(r"^foreach\(room\s+([^)]*)\)", path.read_text(encoding="utf-8") if path.is_file() else "", re.M)
    return tuple(said.group(1).split()) if said else ()


def room_of(rel):
    """(process, room) of a file, "" for the folder of the process itself; None when it is in no process with rooms."""
    rel = Path(rel).as_posix()
    process = next((p for p in PROCESSES if rel.startswith(f"{p}/")), None)
    if not process:
        return None
    parts = rel[len(process) + 1:].split("/")
    return process, parts[0] if len(parts) > 1 else ""


def is_test(rel):
    return rel.name.endswith("_test.c") or TESTING in rel.parts


def rank(order, room):
    """The folder of the process itself, which joins the rooms and has main, is above all of them."""
    return order.index(room) if room in order else len(order)


def rooms(root):
    """A room includes only rooms before it, has a README, at most 16 modules, and its libraries to itself."""
    found = source.Findings()
    arrows = defaultdict(set)
    modules = defaultdict(set)
    orders = {process: order_of(root, process) for process in PROCESSES}
    for process, order in orders.items():
        if not order:
            found.append(Finding(f"{process}/CMakeLists.txt", 1, "the order of rooms is not here: foreach(room …)"))
    for rel in source.files(root, ".c", ".h", rooms=PROCESSES):
        process, room = room_of(rel)
        if room and room not in orders[process] + (TESTING,):
            found.append(Finding(rel, 1, f"{process}/{room} has no place in the order of rooms ({process}/CMakeLists.txt)"))
            continue
        if is_test(rel):
            continue
        if rel.suffix == ".c":
            modules[process, room].add(rel.stem)
        for line, kind, name in source.includes(source.read(root, rel)):
            owners = next((places for lib, places in OWNED.items() if kind == "<" and name.startswith(lib)), None)
            if owners and f"{process}/{room}" not in owners:
                found.append(Finding(rel, line, f"<{name}> belongs to {' and '.join(owners)}"))
            target = room_of(name) if kind == '"' else None
            if not target or target[0] != process or target[1] == room or name == MAPS.get(process):
                continue
            arrows[process].add((room, target[1]))
            if rank(orders[process], target[1]) > rank(orders[process], room):
                found.append(Finding(rel, line, f'{process}/{room} may not include "{name}": it is above'))
    for (process, room), names in sorted(modules.items()):
        if room and len(names) > MAX_MODULES:
            found.append(Finding(f"{process}/{room}", 1, f"{len(names)} modules: {MAX_MODULES} at most"))
        if room and not (Path(root) / process / room / "README.md").is_file():
            found.append(Finding(f"{process}/{room}", 1, "a room has a README.md of three lines"))
    found.figure = figures(orders, arrows)
    return found


def top_level(root):
    """The root of the tree holds only the files and folders that belong there: what a test left is not committed."""
    found = source.Findings()
    for rel in tracked(root):
        known = ROOT_FOLDERS if len(rel.parts) > 1 else ROOT_FILES
        if rel.parts[0] not in known:
            found.append(Finding(rel, 1, "does not belong in the root (ROOT_FILES, ROOT_FOLDERS of rules_rooms.py)"))
    return found


def tracked(root):
    """The files that git has, relative to root; where it is no repository (an unpacked archive), those of the root."""
    if (Path(root) / ".git").exists():
        listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, text=True, check=False)
        if listed.returncode == 0:
            return [Path(name) for name in listed.stdout.split("\0") if name]
    return sorted(path.relative_to(root) for path in Path(root).iterdir() if path.is_file() and path.name != ".git")


def room_map(root):
    """A map names every room, in the order of its opening list, says of each member what it is, and includes none."""
    found = source.Findings()
    for process, rel in MAPS.items():
        text = source.read(root, rel) if (Path(root) / rel).is_file() else ""
        listed = re.findall(r"^ \*   (\w+) {2,}", text, re.M)
        start = source.line_of(text, max(text.find(f"struct {process} {{"), 0))
        members = members_of(text, process)
        for room in order_of(root, process):
            if room not in listed:
                found.append(Finding(rel, 1, f"the map does not list the room {room}"))
            if defines(root, f"{process}/{room}", room) and room not in [name for name, _, _ in members]:
                found.append(Finding(rel, start, f"struct {process} has no member for struct {room}"))
        for name, line, comment in members:
            if not comment:
                found.append(Finding(rel, line, f"{name}: a member of the map says on its line what it is"))
        named = [name for name, _, _ in members if name in listed]
        if named != sorted(named, key=listed.index):
            found.append(Finding(rel, start, f"the members {', '.join(named)} stand in another order than the list"))
        for line, kind, name in source.includes(text):
            if kind == '"' and room_of(name):
                found.append(Finding(rel, line, f"the map may not include {name}: every room includes the map"))
    return found


def members_of(text, process):
    """[(name, line, its comment or "")] of the struct that is the map."""
    body = re.search(rf"^struct {process} \{{\n(.*?)^\}};", text, re.M | re.S)
    if not body:
        return []
    first = text.count("\n", 0, body.start(1)) + 1
    lines = enumerate(body.group(1).split("\n"), first)
    matches = ((n, re.match(r"    [^/*]+?\*?(\w+);\s*(/\*.*\*/)?", line)) for n, line in lines)
    return [(m.group(1), n, m.group(2) or "") for n, m in matches if m]


def defines(root, folder, struct):
    return any(re.search(rf"^struct {struct} \{{", source.read(root, rel), re.M)
               for rel in source.files(root, ".c", ".h", rooms=(folder,)))


def room_symbols(root):
    """No call or table leads to a room above, by the symbols of the built objects."""
    found = source.Findings()
    arrows = defaultdict(set)
    orders = {process: order_of(root, process) for process in PROCESSES}
    defined, wanted = {}, []
    for rel, path in objects(root):
        for kind, symbol in symbols(path):
            if kind == "U":
                wanted.append((rel, symbol))
            elif kind in "TDBRV":
                defined[symbol] = rel
    for rel, symbol in wanted:
        owner = defined.get(symbol)
        if not owner or room_of(owner)[0] != room_of(rel)[0] or room_of(owner) == room_of(rel):
            continue
        process, room = room_of(rel)
        above = room_of(owner)[1]
        arrows[process].add((room, above))
        if rank(orders[process], above) > rank(orders[process], room):
            found.append(Finding(rel, 1, f"calls {symbol} of {owner}, a room above"))
    found.figure = figures(orders, arrows) if defined else "nothing is built"
    return found


def objects(root):
    """Every object of a room in the build tree whose source is there, with that source."""
    for process in PROCESSES:
        for path in sorted((Path(root) / "build" / process).rglob("*.c.o")):
            rel = Path(re.sub(r"/CMakeFiles/[^/]+\.dir/", "/", str(path.relative_to(Path(root) / "build")))[:-2])
            library = path.parts[path.parts.index("CMakeFiles") + 1]
            if library.startswith(f"amo_{Path(process).name}") and (Path(root) / rel).is_file() and not is_test(rel):
                yield rel, path


def symbols(path):
    text = subprocess.run(["nm", path], capture_output=True, text=True, check=True,
                          env=os.environ | {"LC_ALL": "C"}).stdout
    for line in text.splitlines():
        parts = line.split()
        if len(parts) >= 2:
            yield parts[-2], parts[-1]


def figures(orders, arrows):
    """"core: 11 rooms, 51 arrows, 0 upward, 0 circles; …"."""
    said = []
    for process, pairs in sorted(arrows.items()):
        order = orders[process]
        upward = sum(rank(order, b) > rank(order, a) for a, b in pairs)
        said.append(f"{process}: {len(order) + 1} rooms, {len(pairs)} arrows, {upward} upward,"
                    f" {circles(pairs)} circles")
    return "; ".join(said)


def circles(pairs):
    """How many arrows must go until no room leads back to itself."""
    pairs, n = set(pairs), 0
    while True:
        graph = defaultdict(set)
        for a, b in pairs:
            graph[a].add(b)
        try:
            tuple(graphlib.TopologicalSorter(graph).static_order())
            return n
        except graphlib.CycleError as error:
            b, a = error.args[1][:2]
            pairs -= {(a, b), (b, a)}
            n += 1
