"""The systemd units: what they let a program do is little, and enough for it to run. Nothing here needs systemd to run."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
ROLES = {"core": "amo-core.service", "ingress": "amo-ingress@.service", "egress": "amo-egress@.service"}
# what systemd-analyze calls exposure; the larger half of what is left is that they use the network, as they must
MOST_EXPOSURE = 1.2

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs the package systemd")


def run(*words):
    done = subprocess.run([str(w) for w in words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def settings(role):
    """{name: [values]} of a unit."""
    found = {}
    for line in (ROOT / "deploy" / "systemd" / ROLES[role]).read_text(encoding="utf-8").splitlines():
        if re.match(r"[A-Z]\w*=", line):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def variables(role):
    return dict(value.split("=", 1) for value in settings(role)["Environment"])


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_leaves_little_open(unit):
    _, said = run("systemd-analyze", "security", "--offline=true", unit)
    exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", said)[1])
    assert exposure <= MOST_EXPOSURE, said


def calls_of_set(name):
    """The calls of "@name" as systemd knows them, sets in it included."""
    _, said = run("systemd-analyze", "syscall-filter", name)
    found = set()
    for word in re.sub(r"#.*", "", said).split()[1:]:
        if word.startswith("@"):
            found |= calls_of_set(word)
        elif re.fullmatch(r"[a-z]\w*", word):
            found.add(word)
    return found


def let_through(role):
    calls = set()
    for line in settings(role)["SystemCallFilter"]:
        named = set()
        for word in line.lstrip("~").split():
            named |= calls_of_set(word) if word.startswith("@") else {word}
        calls = calls - named if line.startswith("~") else calls | named
    return calls


@needs_systemd
@pytest.mark.parametrize("role", ROLES)
def test_a_unit_lets_through_every_call_that_its_program_makes(role):
    """A call that a unit refuses is one that the program counts on: base/confine_calls.c lists them."""
    code = (ROOT / "base" / "confine_calls.c").read_text(encoding="utf-8")
    listed = set(re.findall(r'"(\w+)"', code[code.index("allowed[] = {"):code.index("};")]))
    listed |= set(re.findall(r'RULE\("(\w+)"', code))
    needs = listed | {"seccomp", "prctl", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}
    assert len(needs) > 100 and needs - let_through(role) == set()


def test_each_program_has_a_user_of_its_own_and_no_other_sees_its_sockets():
    assert {settings(role)["User"][0] for role in ROLES} == {"amo-core", "amo-ingress", "amo-egress"}
    core, ingress, egress = variables("core"), variables("ingress"), variables("egress")
    assert ingress["AMO_BUS_EVENTS"] == core["AMO_BUS_EVENTS"] and egress["AMO_BUS_COMMANDS"] == core["AMO_BUS_COMMANDS"]
    assert (core["AMO_BUS_INGRESS_USERS"], core["AMO_BUS_EGRESS_USERS"]) == ("amo-ingress", "amo-egress")
    assert ingress["AMO_BUS_CORE_USERS"] == egress["AMO_BUS_CORE_USERS"] == "amo-core"
    for role, hidden in ("ingress", "commands"), ("egress", "events"):
        paths = settings(role)["InaccessiblePaths"][0].replace("-/", "/").split()
        assert {"/run/amo/core", f"/run/amo/{hidden}", "/var/lib/amo-key", "/var/lib/amo/core"} <= set(paths)
        assert settings(role)["ReadWritePaths"] == [f"/run/amo/{role}"]


def mib(text):
    number, unit = re.fullmatch(r"([\d.]+) ?([MG])i?B?", text, re.IGNORECASE).groups()
    return float(number) * {"M": 1, "G": 1024}[unit.upper()]


def in_compose(role, name):
    """A limit of docker-compose.yml: its own, or that of all."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    service = re.search(rf"^  {role}(?:-1)?:.*\n((?: {{4}}.*\n|\n| *#.*\n)+)", text, re.MULTILINE)[1]
    own = re.search(rf"^    {name}: (\S+)$", service, re.MULTILINE)
    return own[1] if own else re.search(rf"^  {name}: (\S+)$", text, re.MULTILINE)[1]


def documented(role):
    """(memory, needed, tasks) of its row in docs/operations.md."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    memory, needs, tasks = re.search(rf"^\| {role} \| ([\d.]+ [MG]iB) \| (\d+ MiB)\b.* \| (\d+) \|$", page, re.MULTILINE).groups()
    return mib(memory), mib(needs), tasks


def needed(role):
    """What docs/configuration.md says that it takes, MiB."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    name = "`core`" if role == "core" else f"{role}: memory"
    own = mib(re.search(rf"^\| {name} \| (\d+ MiB) \|", page, re.MULTILINE)[1])
    commands, each = re.search(r"^\| `core/commands_max` \| `(\d+)` .* (\d+) bytes of memory each", page, re.MULTILINE).groups()
    return own + (int(commands) * int(each) / (1 << 20) if role == "core" else 0)


@pytest.mark.parametrize("role", ROLES)
def test_a_unit_bounds_what_its_program_takes_from_the_machine(role):
    """A process that was taken over may connect to core as often as it likes: only a limit from outside bounds that."""
    unit, (memory, needs, tasks) = settings(role), documented(role)
    assert (mib(unit["MemoryMax"][0]), unit["TasksMax"]) == (memory, [tasks])
    assert unit["MemorySwapMax"] == ["0"], "or the limit is none"
    assert (mib(in_compose(role, "mem_limit")), in_compose(role, "pids_limit")) == (memory, tasks), "one table is for both"
    assert round(needed(role)) == needs
    assert 2 * needs <= memory, "a limit that honest work comes near ends honest processes"


@pytest.mark.skipif(not shutil.which("systemd-sysusers") or not shutil.which("systemd-tmpfiles"), reason="needs the package systemd")
def test_the_folders_of_the_sockets_are_written_by_core_alone_and_give_them_their_groups(tmp_path):
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (etc / "group").write_text("root:x:0:\n")
    code, said = run("systemd-sysusers", f"--root={tmp_path}", ROOT / "deploy/systemd/amo.sysusers")
    assert code == 0, said
    users = {line.split(":")[2]: line.split(":")[0] for line in (etc / "passwd").read_text().splitlines()}
    groups = {line.split(":")[2]: line.split(":") for line in (etc / "group").read_text().splitlines()}
    members = {g[0]: g[3] for g in groups.values()}
    assert (members["amo-events"], members["amo-commands"], members["amo-control"]) == ("amo-ingress", "amo-egress", "")
    # the same lines, tried where nothing has to be given away: only root can
    lines = [line.split() for line in (ROOT / "deploy/systemd/amo.tmpfiles").read_text().splitlines() if line.startswith("d ")]
    owned = {path: (mode, user, group) for _, path, mode, user, group in lines}
    assert owned == {"/run/amo": ("0755", "root", "root"),
                     "/run/amo/core": ("2750", "amo-core", "amo-control"),
                     "/run/amo/events": ("2750", "amo-core", "amo-events"),
                     "/run/amo/commands": ("2750", "amo-core", "amo-commands"),
                     "/run/amo/ingress": ("2750", "amo-ingress", "amo-control"),
                     "/run/amo/egress": ("2750", "amo-egress", "amo-control")}
    assert {user for _, user, _ in owned.values()} <= set(users.values()) and set(members) >= {g for _, _, g in owned.values()}


def test_core_may_take_its_time_to_read_a_large_store():
    """Else systemd would kill it half way, and start it again, for ever."""
    assert settings("core")["TimeoutStartSec"] == ["infinity"] and settings("core")["Type"] == ["notify"]


def test_libraries_find_their_functions_before_there_are_secrets_whatever_starts_the_programs():
    for role in ROLES:
        assert variables(role)["LD_BIND_NOW"] == "1"
    for file in ("Dockerfile", "stack.sh"):
        assert re.search(r"(ENV|export) .*\bLD_BIND_NOW=1\b", (ROOT / "deploy" / file).read_text(encoding="utf-8")), file
