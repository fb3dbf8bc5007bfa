"""The checker itself: it is silent about a clean run and names each kind of fault."""
from checker import check


def arrived(*texts, **more):
    return [{"seq": i + 1, "text": t, "effects": 1, "webhook_ids": 1, "conversation": "c", **more}
            for i, t in enumerate(texts)]


def kinds(**case):
    run = {"inbound": [("c", "a"), ("c", "b")], "outbound": [("c", "x", True), ("c", "y", False)],
           "amo_messages": arrived("a", "b"), "service_messages": arrived("x")}
    run.update(case)
    return sorted({kind for kind, _ in check(**run)})


def test_a_clean_run_has_no_problems():
    assert kinds() == []


def test_a_lost_message_is_reported_only_when_it_was_accepted():
    assert kinds(amo_messages=arrived("a")) == ["lost"]
    assert kinds(service_messages=[]) == ["lost"]


def test_two_effects_are_reported():
    assert kinds(amo_messages=arrived("a", "b", "b")) == ["double"]
    assert kinds(service_messages=arrived("x", webhook_ids=2)) == ["double"]


def test_an_overtaking_is_reported():
    assert kinds(amo_messages=arrived("b", "a")) == ["overtaken"]


def test_a_stranger_is_reported():
    assert kinds(service_messages=arrived("x", "z")) == ["stranger"]
