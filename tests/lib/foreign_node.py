"""Node and the npm packages of tests/foreign, for the tests that need code written by others."""
import json
import os
import pathlib
import shutil

import pytest

import kit

FOREIGN = pathlib.Path(__file__).resolve().parents[1] / "foreign"
MODULES = FOREIGN / "node_modules"


def give_up(why):
    if os.environ.get("AMO_FOREIGN_REQUIRED"):
        pytest.fail(why)
    pytest.skip(why)


def need_packages():
    """Installs the packages when they are not there; without node or a way to fetch them the test is skipped."""
    if not shutil.which("node") or not shutil.which("npm"):
        give_up("node and npm are not installed")
    packages = json.loads((FOREIGN / "package.json").read_text())["dependencies"]
    if not all((MODULES / package).is_dir() for package in packages):
        done = kit.run("npm", "ci", "--no-audit", "--no-fund", cwd=FOREIGN, timeout=300)
        if done.returncode:
            give_up("npm ci failed: " + done.stderr[-500:])


def run(script, text, **environment):
    """A script of tests/foreign with this on stdin; its stdout as JSON."""
    done = kit.run("node", FOREIGN / script, input=text, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
