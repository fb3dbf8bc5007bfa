"""Do the cases of test_shares_workers.py fill the places? Without shares none of them may pass."""
import pytest

import beside
from kit import BIN

FAULTY = BIN.parent / "tests" / "amo-core-faulty"


@pytest.mark.skipif(not FAULTY.exists(), reason="the faulty build of core is not there")
@pytest.mark.parametrize("case,fault", [
    (lambda calm: beside.slow_services(calm, 2, each=((20, 8),)), "unshared"),
    (lambda calm: beside.slow_services(calm, 2, each=((2, 90),)), "unbounded"),
    (lambda calm: beside.hanging_amojo(calm, 2), "unshared"),
    (lambda calm: beside.hanging_history(calm, 5), "unbounded"),  # a window alone may leave two places of 32
    (lambda calm: beside.restarted(calm, 2, kill=("core",)), "unshared")],
    ids=["twenty services", "two services", "amojo", "history", "restart"])
def test_a_bridge_without_shares_is_not_within_the_bar(calm, monkeypatch, case, fault):
    monkeypatch.setenv("AMO_CORE_BIN", str(FAULTY))
    monkeypatch.setattr(beside, "PATIENCE", 1)  # what has not come by then is late
    monkeypatch.setattr(beside, "UNLIMITED", {**beside.UNLIMITED, "AMO_INJECT": fault})
    monkeypatch.setattr(beside, "CROWDED", {**beside.CROWDED, "AMO_INJECT": fault})
    for what, figure in beside.pooled(lambda: case(calm), 1).items():
        print(f"{what}: {figure}")
        assert not figure.within()
