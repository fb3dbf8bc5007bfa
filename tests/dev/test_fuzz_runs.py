"""./dev fuzz --runs: its sum is what was tried, and it fails with too few or with a finding. The fuzzers here are scripts."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fuzz"))
import run  # noqa: E402

SAYS = """#!/bin/sh
echo '#40 INITED cov: 1' >&2
echo 'stat::number_of_executed_units: {}' >&2
exit {}
"""


@pytest.fixture(name="built")
def built_(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "KEPT", tmp_path / "kept")
    (tmp_path / "kinds.txt").write_text("heads a\nheads b\nbodies c\n", encoding="utf-8")

    def make(**of):
        for name, (units, code) in of.items():
            script = tmp_path / name
            script.write_text(SAYS.format(units, code), encoding="utf-8")
            script.chmod(0o755)
        return tmp_path

    return make


def test_the_number_is_shared_by_the_fuzzers_of_a_kind(built, capsys):
    assert run.main(["--runs", "1000"], built(a=(540, 0), b=(560, 0), c=(1040, 0))) == 0
    said = capsys.readouterr().out
    assert "heads: 1,020 inputs of 1,000" in said and "bodies: 1,000 inputs of 1,000" in said
    assert "in all 2,020 inputs; found something or stopped early: none" in said


def test_what_the_corpus_brings_does_not_count(built, capsys):
    assert run.main(["--runs", "1000"], built(a=(539, 0), b=(700, 0), c=(1040, 0))) == 1
    assert "only 499 of 500 inputs" in capsys.readouterr().out


def test_a_finding_fails(built, capsys):
    assert run.main(["--runs", "1000", "bodies"], built(c=(2000, 77))) == 1
    said = capsys.readouterr().out
    assert "ended with 77" in said and "stopped early: c" in said and "heads" not in said
