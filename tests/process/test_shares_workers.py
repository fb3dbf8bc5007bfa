"""Whoever is slow, hangs or refuses has a share of the workers, and is nobody else's matter; the long runs are ./dev bench
shares. Each case is run some times, on a bridge of its own beside one where all is calm, and all of them are judged as one: none
may be left out."""
import time

import beside
from stack import Stack, wait_for


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


def test_a_quick_service_has_as_many_places_as_one_that_takes_longer():
    with Stack(env={**beside.UNLIMITED, "AMO_EGRESS_CONCURRENCY": "16"}) as stack:  # of which one direction has 12
        stack.up(register=False)
        both = beside.Neighbours(stack, ["steady", "quick"], 40)
        for name, ms in (("quick", 80), ("steady", 800)):
            stack.fault(on="service.message.created", match=f'"to {name}', delay_ms=ms)
        both.write(600)

        def under_way():
            rows = {row["destination"]: row["under_way"] for row in stack.control("queue") if row["waiting"] > 24}
            return [rows.get(f"connector:{name}", 0) for name in ("quick", "steady")]

        wait_for(lambda: sum(under_way()) >= 11 and min(under_way()) >= 4, "places to be even")
        found = []
        for _ in range(40):
            found.append(under_way())
            time.sleep(0.05)
        quick, steady = (sum(of) for of in zip(*found))
        print(f"on average {quick / 40:.1f} and {steady / 40:.1f}")
        assert all(under_way()), "one of them has had nothing more to send"
        assert quick > 0.6 * steady and steady > 0.6 * quick


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
