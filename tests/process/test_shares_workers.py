"""Whoever is slow, hangs or refuses has a share of the workers, and is nobody else's matter; the long runs are ./dev bench
shares. Each case is run some times, on a bridge of its own beside one where all is calm, and all of them are judged as one: none
may be left out."""
import pytest

import beside
from kit import BIN

FAULTY = BIN.parent / "tests" / "amo-core-faulty"


@pytest.fixture(scope="module", name="calm")
def calm_():
    with beside.Beside() as bridge:
        yield bridge


def judge(case, rounds):
    found = beside.pooled(case, rounds)
    for what, figure in found.items():
        print(f"{what}: {figure}")
    assert all(figure.within() for figure in found.values())


def test_slow_services_hold_up_nobody_else(calm):
    judge(lambda: beside.slow_services(calm, 5), 3)


def test_an_amojo_that_hangs_for_a_hundred_accounts_holds_up_nobody_else(calm):
    judge(lambda: beside.hanging_amojo(calm, 5), 3)


def test_a_history_that_hangs_for_one_account_holds_up_nobody_else(calm):
    judge(lambda: beside.hanging_history(calm, 5), 3)


def test_a_service_that_wants_fewer_calls_gets_fewer(calm):
    runs = []
    judge(lambda: runs.append(beside.throttled(calm, 10, lanes=110)) or runs[-1][0], 2)
    taken, refused = sum(r[1] for r in runs), sum(r[2] for r in runs)
    print(f"of the service's calls {taken} taken, {refused} refused")
    assert refused * 10 <= taken


def test_looking_at_a_long_queue_holds_up_nobody(calm):
    judge(lambda: beside.long_queue(calm, 5)[0], 2)


def test_what_hangs_holds_up_nobody_after_a_restart_of_core_either(calm):
    judge(lambda: beside.restarted(calm, 4), 2)


@pytest.mark.skipif(not FAULTY.exists(), reason="the faulty build of core is not there")
@pytest.mark.parametrize("case,fault", [
    (lambda calm: beside.slow_services(calm, 2, each=((20, 8),)), "unshared"),
    (lambda calm: beside.slow_services(calm, 2, each=((2, 90),)), "unbounded"),
    (lambda calm: beside.hanging_amojo(calm, 2), "unshared"),
    (lambda calm: beside.hanging_history(calm, 5), "unshared"),
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


def test_what_is_late_in_one_round_of_three_is_seen():
    def rounds(*late):
        of = iter(late)
        quick = {"in": [10.0] * 100, "out": [10.0] * 100}
        return beside.pooled(lambda: {"a case": (quick, {"in": quick["in"], "out": [next(of)] * 2 + [10.0] * 98}, quick)}, 3)

    assert rounds(49, 50, 50)["a case"].within()
    assert not rounds(10, 51, 51)["a case"].within()
    # one in fifty of one round is not one in a hundred of all; of two rounds it is
    assert rounds(10, 10, 2000)["a case"].within()
    # what the machine does to both of them is not a fault
    slow = {"in": [300.0] * 100, "out": [300.0] * 100}
    assert beside.Figure().add(slow, slow, slow).within()
    assert not beside.Figure().add({"in": [10.0], "out": [10.0]}, slow, slow).within()
