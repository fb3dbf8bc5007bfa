"""What the compiler and the linker are asked for in a release."""
import json
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ASKED = ["-fstack-protector-strong", "-fstack-clash-protection", "-D_FORTIFY_SOURCE=3", "-ftrivial-auto-var-init=zero", "-fPI"]


def test_a_release_is_compiled_and_linked_hardened(tmp_path):
    done = subprocess.run(["cmake", "--preset", "release", "-B", tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    asked = ASKED + (["-fcf-protection=full"] if platform.machine() == "x86_64" else [])
    commands = json.loads((tmp_path / "compile_commands.json").read_text())
    assert len(commands) > 100
    for command in commands:
        assert [flag for flag in asked if flag not in command["command"]] == [], command["file"]
        assert "-DNDEBUG" not in command["command"], command["file"]
    links = [line for line in (tmp_path / "build.ninja").read_text().splitlines() if "LINK_FLAGS = " in line and "relro" in line]
    assert links and all("-Wl,-z,relro,-z,now" in line for line in links)
