"""Core may be away, come back, die with events in hand; ingress goes on."""
import os
import shutil
import signal

import kit
from ingress_harness import Ingress, bus, hook, message, registry, wait_for


def accept(ingress, n, prefix="m"):
    connection = ingress.connect()
    for i in range(n):
        assert ingress.amo(hook(f"{prefix}-{i}"), connection=connection).status == 200
    return [f"{prefix}-{i}" for i in range(n)]


def both(make, take=True, **credit):
    """Ingress and a core that it has its registry from; the core acknowledges nothing unless it may @take."""
    core = make.core(**credit)
    core.take = take
    ingress = make()
    ingress.wait_log("what=registry.new")
    return ingress, core


def ids(core):
    return [event["message_id"] for _, event, _ in core.events]


def test_core_goes_and_comes_back_and_has_everything_in_order(make):
    ingress, core = both(make)
    first = accept(ingress, 5, "before")
    core.wait_events(5)
    core.close()
    away = accept(ingress, 20, "away")
    ready = ingress.request("GET", "/readyz")
    assert ready.status == 200
    back = make.core()
    back.wait_events(20)
    assert ids(core) == first and ids(back) == away
    wait_for(lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")


def test_ingress_starts_and_verifies_without_core(make):
    ingress, core = both(make)
    core.close()
    ingress.stop()
    ingress.start()
    assert ingress.amo(hook("alone")).status == 200
    assert ingress.amo(hook("alone"), signature="0" * 40).status == 401
    assert ingress.service(message("alone")).status == 202
    ready = ingress.request("GET", "/readyz")
    assert ready.status == 200 and b"core is away" in ready.body
    assert ingress.admin("/readyz").status == 200
    back = make.core()
    assert back.wait_events(2) and ids(back) == ["alone", "alone"]


def test_the_sealed_copy_shows_no_secrets_and_a_broken_one_is_left(make):
    ingress, core = both(make)
    core.close()
    folder = ingress.dir / "data" / "ingress"
    sealed = (folder / "registry.sealed").read_bytes()
    assert b"mobilon" not in sealed
    for name in ("registry.key", "registry.sealed"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    ingress.stop()
    (folder / "registry.sealed").write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    ingress.start()
    ingress.wait_log("what=registry.copy_unreadable")
    assert ingress.amo().status == 503


def test_what_was_answered_200_survives_kill_9(make):
    ingress, core = both(make)
    core.close()
    for life in range(3):
        accept(ingress, 10, f"life{life}")
        ingress.kill()
        ingress.start()
    core = make.core()
    core.wait_events(30)
    assert [n for n, _, _ in core.events] == list(range(1, 31))
    assert ids(core) == [f"life{l}-{i}" for l in range(3) for i in range(10)]


def test_taken_events_are_not_sent_again_and_untaken_ones_are(make):
    ingress, core = both(make, take=False)
    accept(ingress, 10)
    core.wait_events(10)
    peer, spool, _ = core.pending[0]
    core.order(lambda: core.core.send(peer, "EVENT_TAKEN", {"spool": spool, "pairs": bus.pairs([(2, 4), (8, 8)])}))
    wait_for(lambda: ingress.metric("amo_spool_events") == 6, "six events")
    core.pending = []
    core.order(core.core.restart)
    core.wait_events(16)
    assert [n for n, _, _ in core.events[10:]] == [1, 5, 6, 7, 9, 10]
    # the low mark core was told never passes an untaken event, and never goes back
    assert core.lows == sorted(core.lows) and max(core.lows) == 1


def test_a_crash_of_ingress_asks_core_what_it_has(make):
    ingress, core = both(make)
    accept(ingress, 10)
    core.wait_events(10)
    wait_for(lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")
    ingress.kill()
    core.welcome["mark"] = 10
    core.welcome["taken"] = bus.pairs([(1, 10)])
    ingress.start()
    core.wait_hello(2)
    hello = core.hellos[-1]
    assert hello["next"] == 11 and 1 <= hello["low"] <= 11
    accept(ingress, 1, "later")
    core.wait_events(11)
    assert [n for n, _, _ in core.events] == list(range(1, 12))


def test_a_restored_spool_takes_a_new_id_before_it_sends(make):
    ingress, core = both(make)
    accept(ingress, 3)
    core.wait_events(3)
    ingress.stop()
    old = core.hellos[-1]["spool"]
    base = core._welcome

    def answer(hello):
        body = base(hello)
        if hello.body["spool"] == old:
            body["mark"] = 100
        return body

    core.order(lambda: setattr(core.core, "welcome", answer))
    ingress.start()
    wait_for(lambda: core.hellos[-1]["spool"] != old, "a HELLO with a new id")
    accept(ingress, 1, "new")
    wait_for(lambda: "new-0" in ids(core), "the new event")
    new = core.hellos[-1]["spool"]
    assert (ingress.spool_dir / "spool.id").read_bytes() == new
    ingress.stop()
    ingress.start()
    core.wait_hello(len(core.hellos))
    wait_for(lambda: core.hellos[-1]["spool"] == new, "the same id")


def test_what_core_leaves_unanswered_goes_again(make):
    """A frame, or its answer, got lost on the way, and both sides live on."""
    ingress, core = both(make, take=False)
    accept(ingress, 3)
    core.wait_events(3)
    core.pending = []
    core.take = True
    ingress.wait_log(r"what=event.unanswered events=3")
    core.wait_events(6)
    assert ids(core) == ["m-0", "m-1", "m-2"] * 2 and len(core.hellos) == 1
    wait_for(lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")


def test_a_spool_refused_in_words_takes_a_new_id(make):
    ingress, core = both(make)
    accept(ingress, 3)
    core.wait_events(3)
    ingress.stop()
    old = core.hellos[-1]["spool"]
    base = core._welcome

    def answer(hello):
        if hello.body["spool"] != old:
            return base(hello)
        core.hellos.append(hello.body)
        core.core.send(hello.peer, "SPOOL_REFUSED", {"spool": old, "reason": "another one has it"})
        return None

    core.order(lambda: setattr(core.core, "welcome", answer))
    ingress.start()
    ingress.wait_log("what=spool.refused reason=another_one_has_it")
    wait_for(lambda: core.hellos[-1]["spool"] != old, "a HELLO with a new id")
    accept(ingress, 1, "new")
    wait_for(lambda: "new-0" in ids(core), "the new event")


def test_events_leave_within_credit(make):
    ingress, core = both(make, take=False, credit=4)
    accept(ingress, 10)
    core.wait_events(4)
    assert ingress.amo(hook("one more")).status == 200
    assert len(core.events) == 4
    core.take_all()
    core.wait_events(11)
    assert all(len(f) <= 4 for f in core.frames)


def test_one_event_larger_than_the_credit_travels_alone(make):
    ingress, core = both(make, take=False, credit=100, credit_bytes=20000)
    accept(ingress, 1, "small")
    assert ingress.amo(hook("large", text="x" * 300000)).status == 200
    accept(ingress, 1, "after")
    core.wait_events(1)
    assert ids(core) == ["small-0"]
    core.order(core._say)
    core.wait_events(2)
    assert ids(core) == ["small-0", "large"]
    core.order(core._say)
    core.wait_events(3)
    assert ids(core)[2] == "after-0"


def test_an_event_that_kills_core_travels_alone_and_then_marked(make):
    ingress, core = both(make, take=False)
    accept(ingress, 3)
    core.wait_events(3)
    core.restart()                      # first loss: all three again
    core.wait_events(6)
    assert not any(s for _, _, s in core.events)
    core.restart()                      # second: one at a time from now on
    core.wait_events(7)
    assert ids(core)[6:] == ["m-0"] and not core.events[6][2]
    core.restart()                      # it died with m-0 alone in hand: that may be chance
    core.wait_events(8)
    assert ids(core)[7:] == ["m-0"] and not core.events[7][2]
    core.restart()                      # and again
    core.wait_events(9)
    assert core.events[8][1]["message_id"] == "m-0" and core.events[8][2] is True
    core.take_all()
    core.wait_events(11)
    assert ids(core)[9:] == ["m-1", "m-2"] and not core.events[9][2] and not core.events[10][2]
    accept(ingress, 2, "after")
    core.wait_events(13)


def go_in_order(core, body):
    """Core says GOING, and another one begins."""
    core.order(lambda: [core.core.send(p, "GOING", body) for p in list(core.core.peers)])
    core.restart()


def test_orderly_ends_with_the_same_event_in_hand_count_in_the_end(make):
    ingress, core = both(make, take=False)
    accept(ingress, 3)
    core.wait_events(3)
    for n in (6, 9):
        go_in_order(core, {"counts": True})
        core.wait_events(n)
        assert ids(core)[n - 3:] == ["m-0", "m-1", "m-2"]
    go_in_order(core, {"counts": True})   # three times m-0 was the first: one by one from now on
    core.wait_events(10)
    assert ids(core)[9:] == ["m-0"]
    core.take_all()                       # m-0 is innocent
    core.wait_events(12)
    assert ids(core)[10:] == ["m-1", "m-2"] and not any(s for _, _, s in core.events)


def test_the_event_that_core_gives_up_over_again_and_again_is_marked(make):
    ingress, core = both(make, take=False)
    accept(ingress, 2)
    core.wait_events(2)
    for n in (4, 6, 7, 8, 9):
        go_in_order(core, {"counts": True})
        core.wait_events(n)
    assert ids(core)[6:] == ["m-0"] * 3 and not any(s for _, _, s in core.events)
    go_in_order(core, {"counts": True})
    core.wait_events(10)
    assert core.events[9][1]["message_id"] == "m-0" and core.events[9][2] is True
    core.take_all()
    core.wait_events(11)
    assert ids(core)[10:] == ["m-1"] and not core.events[10][2]


def test_plain_ends_and_full_disks_count_nothing(make):
    ingress, core = both(make, take=False)
    accept(ingress, 2)
    core.wait_events(2)
    for n in range(7):
        go_in_order(core, {})
        core.wait_events(4 + 2 * n)
    assert not any(s for _, _, s in core.events) and all(len(f) == 2 for f in core.frames[2:])


def test_a_session_lost_without_a_death_counts_nothing(make):
    ingress, core = both(make, take=False)
    accept(ingress, 2)
    core.wait_events(2)
    for n in range(4):
        core.order(lambda: [core.core.send(p, "HELLO_AGAIN", {}) for p in list(core.core.peers)])
        core.wait_events(4 + 2 * n)
    assert not any(s for _, _, s in core.events)
    assert all(len(f) == 2 for f in core.frames[2:])


def test_drain_delivers_the_spool_of_a_dead_host(make):
    ingress, core = both(make)
    core.close()
    accept(ingress, 50)
    ingress.kill()
    copied = make.path / "from-the-dead-host"
    shutil.copytree(ingress.spool_dir, copied)
    core = make.core()
    env = dict(ingress.environment(), AMO_DATA_DIR=str(make.path / "data2"))
    done = kit.run("amo-ingress", "--drain", copied, env=env)
    assert done.returncode == 0, done.stderr
    assert ids(core) == [f"m-{i}" for i in range(50)]
    again = kit.run("amo-ingress", "--drain", make.path / "nowhere", env=env)
    assert again.returncode == 1 and "no such spool" in again.stderr
    assert not (make.path / "nowhere").exists()


def test_a_second_process_may_not_have_the_same_spool(make):
    ingress = make()
    env = dict(ingress.environment(), AMO_NAME="other")
    second = kit.run("amo-ingress", env=env)
    assert second.returncode == 1 and "another process has it" in second.stderr


def test_sigterm_finishes_what_was_begun(make):
    ingress, core = both(make)
    idle = ingress.connect()
    assert ingress.amo(hook("idle"), connection=idle).status == 200
    busy = ingress.connect()
    body = hook("busy")
    from ingress_harness import SCOPE, sign
    busy.putrequest("POST", f"/messages/{SCOPE}")
    busy.putheader("X-Signature", sign(body))
    busy.putheader("Content-Length", str(len(body)))
    busy.endheaders()
    busy.send(body[:10])
    wait_for(lambda: ingress.metric("amo_connections") >= 2, "two connections")
    os.kill(ingress.pid, signal.SIGTERM)
    ingress.wait_log("what=stopping")
    busy.send(body[10:])
    answer = busy.getresponse()
    assert answer.status == 200 and answer.headers["Connection"].lower() == "close"
    assert ingress.wait_end(10) == 0
    core.wait_events(2)


def test_sighup_takes_the_new_log_level(make):
    config = make.path / "amo.conf"
    config.write_text("log\n    level = error\n")
    ingress = Ingress.__new__(Ingress)
    Ingress.__init__(ingress, make.path, args=["--config", str(config)], amo_log_level="info")
    try:
        os.kill(ingress.pid, signal.SIGHUP)
        ingress.wait_log("what=config.reloaded")
        config.write_text("log\n    lewel = error\n")
        os.kill(ingress.pid, signal.SIGHUP)
        ingress.wait_log("what=config.not_reloaded")
        assert ingress.request("GET", "/healthz").status == 200
    finally:
        ingress.close()


def test_tap_shows_what_is_sent(pair):
    import zmq
    ingress, core = pair
    tap = zmq.Context.instance().socket(zmq.SUB)
    tap.setsockopt(zmq.LINGER, 0)
    tap.connect(f"ipc://{ingress.dir}/run/tap-ingress")
    tap.setsockopt(zmq.SUBSCRIBE, b"EVENT_PUSH")
    try:
        n = 0

        def seen():
            nonlocal n
            n += 1
            ingress.amo(hook(f"tap-{n}"))
            return tap.poll(50)
        wait_for(seen, "a frame on the tap")
        parts = tap.recv_multipart()
        assert parts[0] == b"EVENT_PUSH" and parts[1] == b"ingress" and parts[3] == b">"
    finally:
        tap.close(0)


def test_registry_unused(make):
    """A registry frame that is not understood changes nothing."""
    ingress, core = both(make)
    core.send_registry(b"\xc1")
    ingress.wait_log("what=registry.malformed")
    assert ingress.amo().status == 200
    core.send_registry(registry(7))
    ingress.wait_log("what=registry.new version=7")
