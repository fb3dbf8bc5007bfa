"""Frames of the real processes, read and written by an independent implementation."""
import json
import time
import uuid

import pytest
import zmq

import bus
from wire_edges import (AMO_MESSAGE, AMO_STATUS, DEAD, DONE, RETRY, SCOPE, SECRET, SERVICE_MESSAGE, TOKEN, UNSTARTED,
                        HandIngress, HandWorker, QUICK, Stack, client_says, lonely_core, manager_says,
                        more_accounts, wait_for)

# --- the tap -----------------------------------------------------------------------------------------------------


class Tap:
    def __init__(self, stack, name, *kinds):
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        for kind in kinds or ("",):
            self.socket.setsockopt(zmq.SUBSCRIBE, kind.encode())
        self.socket.connect(f"ipc://{stack.dir}/run/tap-{name}")
        self.name, self.frames = name, []

    def read(self, kind, timeout=10.0):
        """Up to the next frame of this kind."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.socket.poll(100):
                parts = self.socket.recv_multipart()
                assert len(parts) == 6 and len(parts[2]) == 8 and parts[3] in (b"<", b">")
                assert parts[1].decode() == self.name
                frame = bus.Frame(None, parts[4], parts[5])
                assert frame.kind == parts[0].decode()
                frame.tap_number, frame.direction = int.from_bytes(parts[2], "big"), parts[3].decode()
                self.frames.append(frame)
                if frame.kind == kind:
                    return frame
        raise TimeoutError(f"the tap of {self.name} never showed {kind}")

    def opened(self):
        """A subscription takes a moment: until something is heard."""
        self.read("HEARTBEAT")
        return self

    def close(self):
        self.socket.close(0)


def test_the_tap_shows_a_message_on_its_whole_way():
    with Stack(env=QUICK) as stack:
        stack.up()
        taps = {name: Tap(stack, name).opened() for name in ("core", "ingress", "egress-0")}
        stack.client_writes("seen-by-the-tap")
        stack.wait("amojo.message", text="seen-by-the-tap")
        core = taps["core"]
        push = core.read("EVENT_PUSH")
        taken = core.read("EVENT_TAKEN")
        command = core.read("COMMAND_PUSH")
        result = core.read("RESULT_PUSH")
        result_taken = core.read("RESULT_TAKEN")
        assert [f.direction for f in (push, taken, command, result, result_taken)] == ["<", ">", ">", "<", ">"]
        number, event, suspect = push.body["events"][0]
        event = bus.unpack(event)
        assert event["text"] == "seen-by-the-tap" and event["kind"] == 4 and suspect is False
        assert bus.unpairs(taken.body["pairs"]) == [(number, number)] and taken.body["spool"] == push.body["spool"]
        sent = command.body["commands"][0]
        assert sent["kind"] == AMO_MESSAGE and sent["trace"] == event["trace"] and sent["scope"] == stack.scope
        done = result.body["results"][0]
        assert (done["id"], done["attempt"], done["outcome"]) == (sent["id"], sent["attempt"], DONE)
        assert bus.unpairs(result_taken.body["pairs"]) == [(sent["id"], sent["attempt"])]
        # both ends show the same frame; each numbers its own
        assert taps["ingress"].read("EVENT_PUSH").body == push.body
        assert taps["ingress"].read("EVENT_TAKEN").direction == "<"
        assert taps["egress-0"].read("COMMAND_PUSH").body == command.body
        assert taps["egress-0"].read("RESULT_TAKEN").body == result_taken.body
        for tap in taps.values():
            numbers = [f.tap_number for f in tap.frames]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "gaps"
            assert {f.version for f in tap.frames} == {1}
            assert len({f.core_boot for f in tap.frames}) == 1 and len(tap.frames[0].core_boot) == 16
            tap.close()


def test_a_subscription_to_one_kind_shows_only_it():
    with Stack(env=QUICK) as stack:
        stack.up()
        tap, all_of_it = Tap(stack, "core", "RESULT_PUSH"), Tap(stack, "core").opened()
        for n in range(5):
            stack.client_writes(f"m-{n}", conversation=f"7900{n}")
        stack.wait("amojo.messages", count=5)
        seen = []
        while len(seen) < 5:
            seen += tap.read("RESULT_PUSH").body["results"]
        assert {f.kind for f in tap.frames} == {"RESULT_PUSH"} and all_of_it.frames
        tap.close()
        all_of_it.close()


def test_a_tap_that_nobody_reads_stops_nothing():
    with Stack(env=QUICK) as stack:
        stack.up()
        tap = Tap(stack, "core").opened()
        tap.socket.setsockopt(zmq.RCVHWM, 1)
        stack.sandbox("client/writes", {"count": 1500, "spread": 300, "connector": "svc", "source": "wa1",
                                        "conversation": "7900{c}", "text": "m-{n}"})
        stack.wait("amojo.messages", count=1500)
        tap.close()


# --- an ingress by hand ------------------------------------------------------------------------------------------

def amo_texts(worker, n):
    return [worker.command()["text"] for _ in range(n)]


def test_welcome_tells_an_ingress_what_it_needs_and_no_more(core):
    edge = HandIngress(core)
    welcome = edge.hello()
    assert welcome["credit"] == 512 and welcome["credit_bytes"] == 8 << 20 and welcome["lease_ms"] == 20000
    assert welcome["spool"] == edge.spool and welcome.get("mark", 0) == 0 and welcome.get("taken", b"") == b""
    registry = edge.registries[-1]
    assert registry["channels"][0]["secrets"] == [SECRET.encode()]
    assert registry["connectors"][0]["tokens"] == [TOKEN.encode()]
    assert not registry["connectors"][0].get("url") and registry["scopes"][0]["id"] == SCOPE
    worker = HandWorker(core)
    worker.hello()
    registry = worker.registries[-1]
    assert registry["channels"][0]["url"] == "http://127.0.0.1:9" and registry["channels"][0]["secrets"]
    assert registry["connectors"][0]["url"].endswith("/hook") and not registry["connectors"][0].get("tokens")
    before = registry["version"]
    core_control_changes(core, edge)
    for one in (edge, worker):
        assert one.next("REGISTRY").body["version"] > before or one.registries[-1]["version"] > before
        one.close()


def core_control_changes(core, edge):
    """The verb returns once the ingress holds the new registry, so it is asked for from a thread."""
    import threading
    call = threading.Thread(target=lambda: core.control("connector.add", name="another", kind="http",
                                                        url="https://svc.example/x"))
    call.start()
    new = edge.next("REGISTRY").body
    assert "another" in [c["name"] for c in new["connectors"]]
    assert call.is_alive()
    edge.send("HEARTBEAT", {"registry_version": new["version"]})
    call.join(10)
    assert not call.is_alive()
    edge.socket.poll(1000)
    core.control("account.pause", scope_id=SCOPE)  # a further change, for both to hear


def test_ranges_gaps_and_repeats(core, ingress, worker):
    ingress.push((1, client_says("one")), (2, client_says("two")), (5, client_says("five")))
    named = ingress.taken(1, 2, 5)
    assert not any(low <= 3 <= high or low <= 4 <= high for low, high in named)
    assert core.figure("core", "amo_events_total") == 3
    # again, and with what was missing: all are named, what was taken is not applied once more
    ingress.push((1, client_says("one")), (2, client_says("two")), (3, client_says("three")))
    ingress.taken(1, 2, 3)
    assert core.figure("core", "amo_events_total") == 4 and core.figure("core", "amo_events_repeated_total") == 2
    again = HandIngress(core, spool=ingress.spool)
    again.number = 6
    welcome = again.hello()
    assert welcome["mark"] == 5
    assert [p for p in bus.unpairs(welcome["taken"])] == [(1, 3), (5, 5)]
    again.push((4, client_says("four")), low=4)
    again.taken(4)
    got = []
    while len(got) < 5:
        command = worker.command()
        got.append(command["text"])
        worker.settle(command)
    assert got == ["one", "two", "five", "three", "four"]  # the order core took them
    again.close()


def test_a_repeat_under_another_number_is_one_message(core, ingress, worker):
    ingress.push((1, client_says("same", ident="x")), (2, client_says("same", ident="x")), (3, client_says("end")))
    ingress.taken(1, 2, 3)
    first = worker.command()
    worker.settle(first)
    assert (first["text"], worker.command()["text"]) == ("same", "end")


def test_what_was_taken_is_known_after_a_restart_of_core(core, ingress):
    ingress.push((1, client_says("one")), (2, client_says("two")), (9, client_says("nine")))
    ingress.taken(1, 2, 9)
    ingress.close()
    core.start_over("core")
    edge = HandIngress(core, spool=ingress.spool)
    edge.number = 10
    welcome = edge.hello()
    assert welcome["mark"] == 9 and bus.unpairs(welcome["taken"]) == [(1, 2), (9, 9)]
    edge.low = 9
    edge.push((10, client_says("ten")))
    edge.taken(10)
    edge.close()
    edge = HandIngress(core, spool=ingress.spool)
    edge.low, edge.number = 9, 11
    assert bus.unpairs(edge.hello()["taken"]) == [(9, 10)]  # below `low` nothing is kept
    # an older state of the same spool sees that it is one
    old = HandIngress(core, name="restored", spool=ingress.spool)
    old.number = 3
    assert old.hello()["mark"] == 10
    old.close()
    edge.close()


def test_no_low_mark_gives_away_numbers_that_core_never_saw(core, ingress):
    """Neither in HELLO nor in EVENT_PUSH, whoever says it."""
    ingress.push((1, client_says("one")), (2, client_says("two")))
    ingress.taken(1, 2)
    ingress.push((3, client_says("three")), low=2**63)
    ingress.taken(3)
    ingress.close()
    core.start_over("core")        # nobody holds the spool now
    thief = HandIngress(core, name="thief", spool=ingress.spool)
    thief.low, thief.number = 2**63, 2**63
    thief.send("HELLO", {"role": thief.role, "name": thief.name, "version": "by-hand", **thief.holding()}, core_boot=b"")
    assert thief.next("SPOOL_REFUSED"), "it belongs to another name"
    thief.close()
    liar = HandIngress(core, spool=ingress.spool)
    liar.low, liar.number = 2**63, 2**63
    welcome = liar.hello()
    assert welcome["mark"] == 3 and welcome["low"] == 4
    liar.close()
    core.start_over("core")
    edge = HandIngress(core, spool=ingress.spool)
    edge.number = 4
    edge.hello()
    edge.push((4, client_says("four")))
    edge.taken(4)
    assert core.figure("core", "amo_events_total") == 1 and core.figure("core", "amo_events_repeated_total") == 0
    edge.close()


def test_behind_a_number_that_was_refused_nothing_is_taken(core, ingress):
    """There is no room for the gaps: the session ends, and the lane's order stands."""
    for first in range(1, 2049, 512):  # every second number: as many gaps as core can remember
        ingress.push(*((n, {"kind": 77}) for n in range(first, first + 512, 2)))
        ingress.taken(*range(first, first + 512, 2))   # no more are under way than its credit allows
    ingress.push((2048, b"\xc1"), (2051, b"\xc1"), (2050, b"\xc1"))   # the second is one range too many
    ingress.taken(2048)
    assert ingress.next("HELLO_AGAIN")
    ingress.push((2049, b"\xc1"))     # was on its way already
    assert ingress.next("HELLO_AGAIN")
    welcome = ingress.hello()
    assert welcome["mark"] == 2048
    low = 2049                        # what is missing below is missing for good, says the spool
    ingress.push((2049, b"\xc1"), (2050, b"\xc1"), (2051, b"\xc1"), low=low)
    ingress.taken(2049, 2050, 2051)


def test_events_of_another_spool_than_hello_named_are_not_taken(core, ingress):
    right, ingress.spool = ingress.spool, uuid.uuid4().bytes
    ingress.push((1, client_says("whose")))
    ingress.spool = right
    ingress.push((2, client_says("mine")))
    ingress.taken(2)
    assert core.figure("core", "amo_events_total") == 1


def test_one_bad_event_is_quarantined_and_its_neighbours_stand(core, ingress, worker):
    ingress.push((1, client_says("before")), (2, b"\xc1 no msgpack"), (3, {"kind": 4, "text": 77}),
                 (4, {"kind": 77}), (5, client_says("suspicious"), True), (6, client_says("after")))
    ingress.taken(1, 2, 3, 4, 5, 6)
    kept = core.control("quarantine.list")
    assert len(kept) == 4 and [q["reason"] for q in kept].count("suspect") == 1
    first = worker.command()
    worker.settle(first)
    assert (first["text"], worker.command()["text"]) == ("before", "after")


def test_what_a_reader_does_not_know_is_ignored(core, ingress, worker):
    event = {**client_says("from-the-future"), "hologram": {"deep": [1, 2, {"x": b"y"}]}, "expires_at": None}
    ingress.push((1, event), future_field=[1, 2, 3])
    ingress.taken(1)
    command = worker.command()
    assert command["text"] == "from-the-future"
    # seven elements of the envelope, too
    head = bus.unpack(bus.envelope("HEARTBEAT", worker.boot, worker.core_boot)) + ["more"]
    worker.socket.send_multipart([bus.pack(head), bus.pack({"credit": 64, "credit_bytes": 1 << 20, "mood": "good"})])
    assert worker.next("HEARTBEAT_ANSWER")


# --- sessions ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind_of", [HandIngress, HandWorker])
def test_an_unknown_session_is_asked_to_introduce_itself(core, kind_of):
    edge = kind_of(core)
    edge.send("HEARTBEAT", {})
    again = edge.receive(10)
    assert again.kind == "HELLO_AGAIN" and again.edge_boot == edge.boot and len(again.core_boot) == 16
    edge.hello()
    edge.send("HEARTBEAT", edge.figures())
    assert edge.receive(10).kind == "HEARTBEAT_ANSWER"
    edge.send("HEARTBEAT", {}, core_boot=uuid.uuid4().bytes)  # of an older core
    assert edge.receive(10).kind == "HELLO_AGAIN"
    edge.close()


def test_frames_of_an_older_core_are_not_acted_upon(core, ingress):
    core.start_over("core")
    ingress.push((1, client_says("for-the-old-core")))
    assert ingress.next("HELLO_AGAIN")
    assert core.figure("core", "amo_events_total") == 0
    ingress.hello()
    ingress.push((1, client_says("for-the-old-core")))
    ingress.taken(1)
    assert core.figure("core", "amo_events_total") == 1


def test_an_event_that_cannot_be_looked_up_ends_no_verb(core, ingress):
    """No ingress of ours sends a connector's name of 600 bytes; a broken one must not end core with it."""
    said = client_says("hello")
    odd = {"kind": 5, "trace": uuid.uuid4().bytes, "taken_ms": said["taken_ms"], "connector": "c" * 600,
           "message_id": "m" * 500, "status": "delivered"}
    ingress.push((1, said), (2, odd))
    ingress.taken(1, 2)
    assert [k["reason"] for k in core.control("quarantine.list")] == ["failed"]
    for _ in range(2):
        core.control("erase", phone="79005550101", dry_run=True)
    assert core["core"].alive and core["core"].lives == 1


@pytest.mark.parametrize("kind, version, word", [(99, 1, "kind"), ("EVENT_PUSH", 2, "version"), ("HELLO", 0, "version"),
                                                 ("HELLO", 77, "version")])
def test_what_is_not_spoken_is_refused_with_the_reason(core, kind, version, word):
    for kind_of in (HandIngress, HandWorker):
        edge = kind_of(core)
        edge.send(kind, {}, version=version)
        assert word in edge.next("REFUSED").body
        edge.hello()
        edge.close()


def test_a_malformed_hello_is_refused_and_nonsense_ignored(core):
    edge = HandIngress(core)
    for body in ({"role": 3, "name": "x"}, {"role": "one"}, b"\xc1\xc1", b"", {"role": 1, "name": ["a"]}):
        edge.send("HELLO", body, core_boot=b"")
        assert edge.next("REFUSED")
    for parts in ([b""], [b"x"], [b"", b""], [b"\x96\x01", b""], [b"\xc1" * 200, b"x"], [b"a", b"b", b"c", b"d"],
                  [bus.pack([1, 6, "short", b"", b"", 0]), b"\x80"],
                  [bus.pack([1, -6, b"1" * 16, b"", b"", 0]), b"\x80"]):
        edge.socket.send_multipart(parts)
    assert edge.hello()["credit"] == 512
    edge.close()
    assert core["core"].alive


def test_core_survives_nonsense_within_a_session(core, ingress, worker):
    bodies = [b"", b"\xc1", b"\x80", bus.pack([]), bus.pack({"events": 1}),
              bus.pack({"events": [1, [], [1], ["x", 2]]}),
              bus.pack({"spool": b"short", "events": [[1, b""]]}), bus.pack({"results": [1, [], {"id": -1}]}),
              bus.pack({"results": [{"id": 2**64 - 1, "attempt": 1, "outcome": 99}]}), b"\x91" * 3000,
              bus.pack({"spool": ingress.spool, "events": [[2**64 - 1, b"\x80"]]})]
    for body in bodies:
        for edge, kinds in ((ingress, ("EVENT_PUSH", "HEARTBEAT")), (worker, ("RESULT_PUSH", "CREDIT", "HEARTBEAT"))):
            for kind in (*kinds, "COMMAND_PUSH", "WELCOME", "CONTROL_CALL"):
                edge.send(kind, body)
    assert wait_for(lambda: core.control("status"), "core to answer")
    edge = HandIngress(core, name="healthy")
    edge.hello()
    edge.push((1, client_says("after-all-that")))
    edge.taken(1)
    assert core["core"].alive and core["core"].lives == 1
    edge.close()


# --- a worker by hand --------------------------------------------------------------------------------------------

def test_a_command_and_its_result(core, ingress, worker):
    event = client_says("hello")
    ingress.push((1, event))
    command = worker.command()
    assert command["kind"] == AMO_MESSAGE and command["trace"] == event["trace"]
    assert command["scope"] == SCOPE and command["conversation_id"] == "svc-wa1-79005550101"
    assert command["key"] == "svc-id-hello" and command["type"] == "text" and command["text"] == "hello"
    assert command["sender_id"] == "svc-79005550101" and command["source"] == "wa1"
    assert command["finish_within_ms"] == 20000 and command["start_within_ms"] == 5000
    amo_id, chat = str(uuid.uuid4()), str(uuid.uuid4())
    worker.settle(command, amo_message_id=amo_id, amo_chat_id=chat)
    told = core.control("trace", id=amo_id)["message"]
    assert (told["mid"], told["state"]) == ("svc-id-hello", "delivered_to_amo")
    # told twice: named twice, settled once
    worker.result(command, DONE, amo_message_id=amo_id)
    worker.taken(command)
    worker.result(command, DEAD)
    worker.taken(command)
    assert core.control("status")["commands"] == 0 and core.control("dead.list") == []
    ingress.push((2, manager_says("hello-back", chat)))
    command = worker.command()
    assert command["kind"] == SERVICE_MESSAGE and command["conversation"] == "79005550101"
    assert command["key"].startswith("amo-h") and command["connector"] == "svc" and not command.get("write_first")
    worker.settle(command)


def test_one_of_a_lane_at_a_time_and_a_number_never_twice(core, ingress, worker):
    ingress.push(*[(n, client_says(f"m-{n}")) for n in range(1, 4)])
    seen, texts = set(), []
    for outcome in (RETRY, UNSTARTED, DONE, UNSTARTED, DONE, RETRY, DONE):
        command = worker.command()
        assert not worker.inbox and command["attempt"] not in seen
        seen.add(command["attempt"])
        if outcome == DONE:
            texts.append(command["text"])
        worker.settle(command, outcome)
    assert texts == ["m-1", "m-2", "m-3"]
    assert core.control("status")["commands"] == 0


def test_no_worker_gets_more_than_it_makes_at_once(core):
    more_accounts(core, 5)
    ingress, worker = HandIngress(core), HandWorker(core, credit=8)
    ingress.hello()
    worker.hello()
    ingress.push(*[(n, client_says(f"m-{n}", conversation=f"c-{n}", source=f"s-{n % 5 + 1}")) for n in range(1, 31)])
    ingress.taken(*range(1, 31))
    in_hand = [worker.command() for _ in range(5)]  # five eighths: nothing is known of the accounts
    worker.barrier()
    assert not worker.inbox and core.peer("hand-worker")["in_flight"] == 5
    for _ in range(12):
        worker.settle(in_hand.pop(0))
        in_hand += worker.gather()
        assert 5 <= len(in_hand) <= 6  # three quarters: the rest is the services'
    worker.credit = 4
    worker.send("CREDIT", worker.holding())
    for _ in range(3):
        worker.settle(in_hand.pop(0))
    worker.barrier()
    assert not worker.inbox
    ingress.close()
    worker.close()


def test_a_worker_that_does_not_say_how_much_it_makes_at_once_gets_half_its_credit(core, ingress):
    worker = HandWorker(core)
    worker.holding = lambda: {"credit": 16, "credit_bytes": 1 << 20}
    worker.hello()
    ingress.push(*[(n, client_says(f"m-{n}", conversation=f"c-{n}")) for n in range(1, 31)])
    ingress.taken(*range(1, 31))
    in_hand = [worker.command() for _ in range(4)]
    for _ in range(12):
        worker.settle(in_hand.pop(0))
        in_hand += worker.gather()
    assert len(in_hand) == 6  # three quarters of eight
    worker.close()


def test_a_destination_begins_with_few_calls_and_leaves_room_for_others(core):
    more_accounts(core, 2)
    ingress, worker = HandIngress(core), HandWorker(core, credit=16)
    ingress.hello()
    worker.hello()
    ingress.push(*[(n, client_says(f"m-{n}", conversation=f"c-{n}", source="s-1")) for n in range(1, 21)])
    in_hand = [worker.command() for _ in range(4)]
    worker.barrier()
    assert not worker.inbox
    ingress.push((21, client_says("other", conversation="c-99", source="s-2")))
    assert worker.command()["text"] == "other"
    worker.settle(in_hand[0])
    assert [worker.command()["scope"] for _ in range(2)] == 2 * [in_hand[0]["scope"]]  # and has one more then
    worker.barrier()
    assert not worker.inbox
    ingress.close()
    worker.close()


def test_bytes_are_credit_too(core, ingress):
    worker = HandWorker(core)
    worker.holding = lambda: {"credit": 64, "credit_bytes": 10000}
    worker.hello()
    ingress.push(*[(n, client_says(f"m-{n}-" + "x" * 4000, conversation=f"c-{n}")) for n in range(1, 7)])
    ingress.taken(*range(1, 7))
    in_hand = [worker.command(), worker.command()]
    worker.barrier()
    assert not worker.inbox
    ingress.push((7, client_says("y" * 30000, conversation="c-7")))  # one larger command may travel alone
    done = 0
    while done < 7:
        command = in_hand.pop(0) if in_hand else worker.command()
        worker.settle(command)
        done += 1
    worker.close()


def test_a_successor_frees_what_its_predecessor_held(core, ingress, worker):
    ingress.push((1, client_says("held")))
    first = worker.command()
    successor = HandWorker(core, name=worker.name)  # another boot id: the old process is dead
    successor.hello()
    second = successor.command(timeout=3)
    assert second["id"] == first["id"] and second["attempt"] > first["attempt"] and second["key"] == first["key"]
    successor.settle(second)
    successor.close()


def test_the_same_process_in_a_new_session_keeps_what_it_holds(core, ingress, worker):
    ingress.push((1, client_says("mine")), (2, client_says("not-reported", conversation="c2")))
    mine, other = worker.command(), worker.command()
    worker.hello(held=bus.pairs([(mine["id"], mine["attempt"]), (other["id"], other["attempt"])]))
    worker.barrier()
    assert not worker.inbox
    worker.settle(mine)
    worker.settle(other)
    assert core.control("status")["commands"] == 0


def test_what_a_later_socket_does_not_name_goes_again_long_before_its_lease_is_over():
    """Core stood still, so its worker took it for lost and opened another socket: what core sent over the one
    before, and HELLO does not hold, has reached nobody. With this lease nothing else brings it back in time."""
    with lonely_core(AMO_CORE_LEASE_MS="600000") as core:
        ingress, before = HandIngress(core), HandWorker(core)
        ingress.hello()
        before.hello(session=1)
        ingress.push((1, client_says("came")), (2, client_says("came-too-late", conversation="c2")))
        commands = {c["text"]: c for c in (before.command(), before.command())}
        came, late = commands["came"], commands["came-too-late"]
        later = HandWorker(core, boot=before.boot)
        later.hello(session=2, held=bus.pairs([(came["id"], came["attempt"])]))
        again = later.command()
        assert (again["id"], again["key"]) == (late["id"], late["key"]) and again["attempt"] > late["attempt"]
        # read only now, and said before that: it ends no session, and proves nothing
        before.send("HELLO", {"role": before.role, "name": before.name, "session": 1, **before.holding()}, core_boot=b"")
        for one in (came, again):
            later.settle(one)
        later.barrier()
        assert not later.inbox and core.control("status")["commands"] == 0
        for edge in (ingress, before, later):
            edge.close()


def test_the_held_list_over_a_restart_of_core(core, ingress, worker):
    ingress.push((1, client_says("held")), (2, client_says("let-go", conversation="c2")))
    commands = {c["text"]: c for c in (worker.command(), worker.command())}
    held = commands["held"]
    core.start_over("core")
    worker.hello(held=bus.pairs([(held["id"], held["attempt"])]))
    again = worker.command()
    assert again["text"] == "let-go" and again["attempt"] > max(c["attempt"] for c in commands.values())
    worker.settle(again)
    other = HandWorker(core, name="other-worker")
    other.hello()
    other.barrier()
    worker.barrier()
    assert not worker.inbox and not other.inbox
    assert core.control("status")["commands"] == 1
    worker.settle(held)  # the old attempt, told to the new core
    assert core.control("status")["commands"] == 0
    other.close()


def test_after_a_restart_statuses_wait_for_the_workers_core_knew(core, ingress, worker):
    ingress.push((1, client_says("hello")))
    chat = str(uuid.uuid4())
    worker.settle(worker.command(), amo_chat_id=chat)
    ingress.push((2, manager_says("hello-back", chat)))
    out = worker.command()
    worker.settle(out)
    ingress.push((3, {"kind": 5, "trace": uuid.uuid4().bytes, "taken_ms": int(time.time() * 1000), "connector": "svc",
                      "message_id": out["key"], "status": "read"}))
    status = worker.command()
    assert status["kind"] == AMO_STATUS and status["status_code"] == 2
    core.start_over("core")
    other = HandWorker(core, name="other-worker")
    other.hello()
    ingress.hello()
    ingress.push((4, client_says("a-message-goes", conversation="c9")))
    assert other.command()["text"] == "a-message-goes"
    other.barrier()
    assert not other.inbox
    worker.hello(held=bus.pairs([(status["id"], status["attempt"])]))
    worker.settle(status)
    assert core.control("status")["commands"] == 1
    other.close()


def test_a_late_done_of_an_attempt_that_was_given_up_settles():
    with lonely_core(AMO_CORE_LEASE_MS="1500", AMO_EGRESS_ATTEMPT_MS="1000") as core:
        ingress, quick = HandIngress(core), HandWorker(core, name="quick")
        slow = HandWorker(core, name="slow", credit=1)
        ingress.hello()
        slow.hello()
        ingress.push((1, client_says("who-was-it")))
        first = slow.command()
        quick.hello()
        second = quick.command(timeout=10)  # after the lease
        assert second["id"] == first["id"] and second["attempt"] > first["attempt"]
        slow.settle(first)
        assert core.control("status")["commands"] == 0
        quick.settle(second)
        assert core.control("trace", id="id-who-was-it")["message"]["state"] == "delivered_to_amo"
        for edge in (ingress, slow, quick):
            edge.close()


def test_a_stranger_cannot_report_what_it_was_not_given(core, ingress, worker):
    ingress.push((1, client_says("in-hand")))
    command = worker.command()
    worker.result({"id": command["id"], "attempt": command["attempt"] + 1000}, DEAD)
    worker.result({"id": command["id"] + 1000, "attempt": 1}, DONE)
    worker.next_taken()
    assert core.control("dead.list") == [] and core.control("status")["commands"] == 1
    worker.settle(command)


# --- control -----------------------------------------------------------------------------------------------------

def test_control_answers_only_what_it_understands(core):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(f"ipc://{core.dir}/run/control")

    def ask(head, body):
        socket.send_multipart([head, body])
        assert socket.poll(10000)
        answer_head, answer = socket.recv_multipart()
        return bus.unpack(answer_head), answer

    boot = uuid.uuid4().bytes
    call = bus.envelope("CONTROL_CALL", boot)
    for body, code in ((bus.pack({"verb": "status", "args": "{}"}), 0), (bus.pack({"verb": "status"}), 0),
                       (bus.pack({"verb": "nothing", "args": "{}"}), 2), (bus.pack({"verb": "status", "args": "["}), 2),
                       (bus.pack({"verb": "trace", "args": "[]"}), 2)):
        head, answer = ask(call, body)
        answer = bus.unpack(answer)
        assert head[1] == bus.KINDS["CONTROL_ANSWER"] and head[2] == boot and answer.get("code", 0) == code
        assert bool(answer.get("error")) == bool(code)
        if code == 0:
            assert json.loads(answer["json"])["accounts"] == 1
    head, _ = ask(bus.envelope("CONTROL_CALL", boot, version=9), b"\x80")
    assert head[1] == bus.KINDS["REFUSED"]
    socket.close(0)
