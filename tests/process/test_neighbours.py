"""A connector at full speed takes nothing from its neighbours, and what it can make grow has an end."""
import re
import time

import pytest

import neighbours
from kit import DEADLINE
from stack import wait_for

# shares that a flood of a second or two fills
SMALL = {"AMO_SHARE_COMMANDS": "500", "AMO_SHARE_QUEUE_S": "10", "AMO_SHARE_QUARANTINE": "300", "AMO_SHARE_BYTES": "24MiB",
         "AMO_SHARE_PERCENT": "1", "AMO_SCOPE_RATE": "20", "AMO_SCOPE_BURST": "20",
         "AMO_EGRESS_CONCURRENCY": "16"}


@pytest.fixture
def stack(request):
    with neighbours.place(**{**SMALL, **getattr(request, "param", {})}) as s:
        yield s


def judge(found, status):
    assert found.rounds >= 4
    for name, flood in found.floods.items():
        assert flood.answers[status] and flood.retry_after and 0 < max(flood.retry_after) <= 3600, (name, flood.answers)
    assert not found.too_large


def test_a_loud_connector_costs_its_neighbour_nothing(stack):
    found = neighbours.present(stack, 8, 0.5, until_refused=True)
    judge(found, 429)
    assert {"waiting", "bytes", "queue"} <= found.over, found.over
    people_read_who_it_is(stack)


def people_read_who_it_is(stack):
    """amoctl's words say the same as its JSON, as a table."""
    done = stack.operator("connector", "show", "svc", columns=200)
    assert (done.returncode, done.stderr) == (0, "") and "\nshares\n" in done.stdout, done
    title, *rows = [re.split(r" {2,}", line.strip()) for line in done.stdout.split("\nshares\n")[1].split("\n\n")[0].splitlines()]
    assert title[:5] == ["SHARE", "USED", "LIMIT", "OVER SINCE", "REFUSED"] and title[5:] in ([], ["COUNTED"])
    shares = neighbours.shares(stack)
    assert [row[0] for row in rows] == list(shares)
    waiting = dict(zip(title, rows[list(shares).index("waiting")]))
    waiting.pop("COUNTED", None)  # of another share
    assert waiting == {"SHARE": "waiting", "USED": str(shares["waiting"]["used"]), "LIMIT": str(shares["waiting"]["limit"]),
                       "OVER SINCE": shares["waiting"]["over_since"], "REFUSED": "statuses, edits and reactions hear 429"}
    quiet = stack.operator("connector", "show", "other", columns=200).stdout
    assert "OVER SINCE\n" in quiet and "hear 429" not in quiet


@pytest.mark.parametrize("stack", [{"AMO_INGRESS_SPOOL_MAX_BYTES": "64MiB", "AMO_INGRESS_SPOOL_MAX_EVENTS": "4000"}],
                         indirect=True)
def test_a_loud_connector_costs_its_neighbour_nothing_while_core_is_away(stack):
    judge(neighbours.away(stack, 4, 0.5, until_refused=True), 503)


@pytest.mark.parametrize("stack", [{"AMO_SCOPE_RATE": "0", "AMO_CORE_COMMANDS_MAX": "2000"}], indirect=True)
def test_what_was_accepted_without_core_is_taken_and_then_the_share_holds(stack):
    stack.control("account.pause", scope_id=stack.scope)
    stack["core"].kill()
    for n in range(900):
        assert stack.call("POST", "messages", neighbours.message(n, "early"))[0] == 202
    stack.start("core")
    wait_for(lambda: neighbours.shares(stack)["queue"]["over_since"], "the share to be over")
    wait_for(lambda: stack.figure("ingress", "amo_spool_events") == 0, "all of it to be taken")
    refused = wait_for(lambda: (a := stack.call("POST", "messages", neighbours.message(1000, "late")))[0] == 429 and a, "429")
    assert refused[1]["error"]["code"] == "over_share" and int(refused[2]["Retry-After"]) > 0
    assert stack.call("GET", "messages/loud-1")[0] == 200
    # the other one is not refused, and core's next life knows what the last one knew
    assert stack.call("POST", "messages", neighbours.message(1, "quiet"), connector="other", token=stack.quiet_token)[0] == 202
    stack.start_over("core")
    wait_for(lambda: neighbours.shares(stack)["queue"]["over_since"], "the share to be over still")
    # and once an eighth of it is free it may send again
    stack.control("account.resume", scope_id=stack.scope)
    wait_for(lambda: stack.call("POST", "messages", neighbours.message(1000, "late"))[0] in (200, 202), "room")
    assert not neighbours.shares(stack)["queue"]["over_since"]


@pytest.mark.parametrize("stack", [{"AMO_SCOPE_RATE": "0", "AMO_CORE_COMMANDS_MAX": "2000", "AMO_SHARE_COMMANDS": "100"}],
                         indirect=True)
def test_who_is_over_is_refused_until_there_is_room_however_soon_it_may_ask_again(stack):
    stack.control("account.pause", scope_id=stack.scope)  # so there is none
    taken, again, end = 0, set(), time.monotonic() + DEADLINE
    while stack.call("POST", "messages", neighbours.message(taken, "one by one"))[0] == 202 and time.monotonic() < end:
        taken += 1
    # longer than core waits until it tells the list again, twice; it allows a call each second
    answers, end = [], time.monotonic() + 11
    while time.monotonic() < end:
        status, _, headers = stack.call("POST", "messages", neighbours.message(10_000 + len(answers), "and again"))
        answers.append(status)
        again.add(headers.get("Retry-After"))
        time.sleep(0.02)
    assert set(answers) == {429}, {a: answers.count(a) for a in set(answers)}
    assert again == {"1"}
    wait_for(lambda: stack.figure("ingress", "amo_spool_events") == 0, "all of it to be taken")
    assert neighbours.shares(stack)["queue"]["used"] == taken


@pytest.mark.parametrize("stack", [{"AMO_SCOPE_RATE": "0", "AMO_CORE_COMMANDS_MAX": "400", "AMO_INGRESS_SPOOL_MAX_EVENTS": "200"}],
                         indirect=True)
def test_small_events_of_a_time_without_core_do_not_fill_the_queue(stack):
    stack.control("account.pause", scope_id=stack.scope)
    stack["core"].kill()
    taken = 0
    while taken < 600 and (answer := stack.call("POST", "messages", neighbours.message(taken, "early")))[0] == 202:
        taken += 1
    # behind all of these in the spool
    theirs = {"id": "quiet", "source": "wa1", "conversation": {"id": "1"}, "sender": {"id": "1"}, "type": "text", "text": "behind"}
    assert stack.call("POST", "messages", theirs, connector="other", token=stack.quiet_token)[0] == 202
    stack.start("core")
    stack.wait("amojo.message", text="behind")
    assert (taken, answer[0], answer[1]["error"]["code"]) == (100, 503, "spool_share")
    assert stack.figure("ingress", "amo_spool_events") == 0


def test_the_limits_are_what_the_page_says():
    text = neighbours.PAGE.read_text(encoding="utf-8")
    default = dict(re.findall(r"^\| `([\w/]+)` \| `(\w+)` \|", text, re.MULTILINE))
    with neighbours.place() as stack:
        for name in ("svc", "other"):  # one account each, and half of the queue for the two of them
            limits = {share: s["limit"] for share, s in neighbours.shares(stack, name).items()}
            rate, whole = int(default["scope/rate"]), int(default["core/commands_max"])
            part = whole * int(default["share/percent"]) // 100
            # what one may leave in a spool fits its part, and what all may leave fits beside theirs
            assert int(default["ingress/spool_max_events"]) // 2 <= part
            assert int(default["ingress/spool_max_events"]) * 2 + whole // 2 < whole
            assert limits["queue"] == max(int(default["share/commands"]), min(rate * int(default["share/queue_s"]), part, whole // 4))
            assert limits["waiting"] == 100_000 * int(default["share/percent"]) // 100
            assert limits["quarantine"] == limits["reports"] == int(default["share/quarantine"])
            assert default["share/bytes"] == "512MiB" and limits["bytes"] == 512 << 20
