"""The worker and core: results kept, sessions lost, credit, silence, stopping."""
import signal
import threading
import time

import pytest

import bus
import kit
from egress_harness import (DONE, UNKNOWN, UNSTARTED, accepted, message, outcome, registry, wait_for)


def held(core):
    return bus.unpairs(core.hellos[-1].body.get("held", b""))


def test_hello_says_who_it_is_and_what_it_can_hold(bench):
    _, core, worker = bench.up(worker={"name": "egress-2", "egress/concurrency": 8})
    hello = core.hellos[0]
    assert hello.body["role"] == bus.ROLES["egress"] and hello.body["name"] == "egress-2"
    assert hello.body["credit"] == 16 and hello.body["credit_bytes"] == 8 << 20 and held(core) == []
    core.settle()
    assert core.heartbeats[-1].body["credit"] == 16 and core.heartbeats[-1].body["registry_version"] == 1
    assert worker.admin("/readyz")[0] == 200 and worker.admin("/healthz")[0] == 200


def test_without_core_it_lives_and_is_not_ready(bench):
    worker = bench.worker()
    assert worker.admin("/healthz")[0] == 200
    status, words = worker.admin("/readyz")
    assert status == 503 and "core" in words
    assert worker.stop() == 0


def test_a_result_is_kept_until_taken_and_sent_again_to_a_new_core(bench):
    remote, core, _ = bench.up()
    core.push(message(7, attempt=3))
    first = core.results(1, take=False)[0]
    core.restart()
    core.wait_hello()
    assert held(core) == [(7, 3)]
    again = core.results(1, take=False)[0]
    assert again == first and len(remote.requests) == 1
    core.taken(again)
    core.settle()
    core.restart()
    core.wait_hello()
    assert held(core) == []
    core.quiet(0.5)


def test_attempts_under_way_go_on_when_core_is_lost_and_hello_lists_them(bench):
    remote, core, _ = bench.up(lambda request: [1.5, accepted(request)])
    core.push(message(1), message(2))
    remote.wait_requests(2)
    core.restart()
    core.wait_hello()
    assert sorted(held(core)) == [(1, 1), (2, 1)]
    results = core.results(2)
    assert {outcome(r) for r in results} == {(DONE, "none")} and len(remote.requests) == 2


def test_a_command_pushed_twice_is_attempted_once(bench):
    remote, core, _ = bench.up(lambda request: [0.3, accepted(request)])
    core.push(message(1), message(1))
    core.push(message(1))
    assert core.result()["id"] == 1
    core.quiet(0.6)
    assert len(remote.requests) == 1
    core.push(message(1, attempt=2))
    assert core.result()["attempt"] == 2 and len(remote.requests) == 2


def test_a_command_pushed_again_after_its_result_gets_the_result_again(bench):
    remote, core, _ = bench.up()
    core.push(message(1))
    first = core.results(1, take=False)[0]
    core.push(message(1))
    assert core.result() == first and len(remote.requests) == 1


def test_a_result_that_is_never_taken_is_offered_again(bench):
    _, core, _ = bench.up()
    core.push(message(1))
    first = core.results(1, take=False)[0]
    again = core.results(1, 15, take=True)[0]
    assert again == first


def test_what_cannot_start_in_time_is_handed_back_unstarted(bench):
    remote, core, _ = bench.up(lambda request: [1.0, accepted(request)], worker={"egress/concurrency": 1})
    core.push(message(1))
    remote.wait_requests(1)
    core.push(message(2, start_within_ms=200))
    result = core.result()
    assert result["id"] == 2 and result["outcome"] == UNSTARTED
    assert core.result()["id"] == 1 and len(remote.requests) == 1


def test_concurrency_is_the_most_that_is_under_way(bench):
    answering = threading.Event()
    remote, core, worker = bench.up(lambda request: answering.wait(10) and accepted(request), worker={"egress/concurrency": 4})
    core.push(*[message(i) for i in range(1, 9)])
    remote.wait_requests(4)
    wait_for(lambda: (worker.metric("amo_attempts_running"), worker.metric("amo_attempts_queued")) == (4, 4), "all eight")
    kit.holds(lambda: len(remote.requests) == 4, 0.1, "a fifth attempt")
    answering.set()
    assert len(core.results(8)) == 8 and remote.connections == 4


def test_more_than_the_credit_goes_back_at_once(bench):
    remote, core, _ = bench.up(lambda request: [0.5, accepted(request)], worker={"egress/concurrency": 2})
    core.push(*[message(i) for i in range(1, 7)])
    results = core.results(6)
    assert sorted(r["id"] for r in results if r["outcome"] == UNSTARTED) == [5, 6]
    assert sorted(r["id"] for r in results if r["outcome"] == DONE) == [1, 2, 3, 4]
    assert len(remote.requests) == 4


def test_a_core_silent_for_half_a_lease_gets_nothing_started(bench):
    remote, core, _ = bench.up(lambda request: [1.5, accepted(request)], worker={"egress/concurrency": 1},
                               lease_ms=1600)
    core.push(message(1))
    core.push(message(2))
    remote.wait_requests(1)
    time.sleep(1.3)         # core's silence is the test: nobody serves its socket, heartbeats stay unanswered
    results = core.results(2)
    assert {(r["id"], r["outcome"]) for r in results} == {(1, DONE), (2, UNSTARTED)}
    assert len(remote.requests) == 1
    core.settle()
    core.push(message(3))
    assert core.result(5)["outcome"] == DONE


def test_a_worker_started_before_core_gets_to_work(bench):
    remote = bench.remote()
    worker = bench.worker()
    assert worker.admin("/readyz")[0] == 503  # it has looked for core in vain
    core = bench.start_core(registry(remote.url))
    core.wait_hello()
    core.push(message(1))
    assert outcome(core.result()) == (DONE, "none")


def test_a_registry_that_is_nonsense_leaves_the_old_one_in_place(bench):
    _, core, worker = bench.up()
    core.send(core.peer, "REGISTRY", {"channels": [{"id": 7}]})
    core.send(core.peer, "COMMAND_PUSH", b"\xc1")
    core.push(message(1))
    assert outcome(core.result()) == (DONE, "none")
    assert "registry.malformed" in worker.log() and "frame.malformed" in worker.log()


def test_a_frame_of_another_session_is_ignored(bench):
    remote, core, _ = bench.up()
    boot, core.boot = core.boot, b"x" * 16
    core.push(message(1))
    core.boot = boot
    core.quiet(0.5)
    assert remote.requests == []


def test_sigterm_finishes_what_is_under_way_and_starts_nothing(bench):
    remote, core, worker = bench.up(lambda request: [1.0, accepted(request)], worker={"egress/concurrency": 2})
    core.push(*[message(i) for i in range(1, 5)])
    remote.wait_requests(2)
    worker.terminate()
    results = core.results(4)
    assert {(r["id"], r["outcome"]) for r in results} == {(1, DONE), (2, DONE), (3, UNSTARTED), (4, UNSTARTED)}
    assert worker.wait_end(5) == 0
    assert len(remote.requests) == 2 and core.credits[-1].get("credit", 0) == 0


def test_a_stopping_worker_hands_new_commands_back(bench):
    remote, core, worker = bench.up(lambda request: [1.0, accepted(request)])
    core.push(message(1))
    remote.wait_requests(1)
    worker.terminate()
    worker.wait_line("what=stopping", 10)
    core.push(message(2))
    assert {(r["id"], r["outcome"]) for r in core.results(2)} == {(1, DONE), (2, UNSTARTED)}
    assert worker.wait_end(5) == 0


def test_sigterm_cuts_off_at_the_deadline_and_says_what_is_unknown(bench):
    remote, core, worker = bench.up(lambda request: [30], worker={"drain_ms": 500})
    core.push(message(1))
    remote.wait_requests(1)
    worker.terminate()
    assert outcome(core.result(5)) == (UNKNOWN, "timeout")
    assert worker.wait_end(5) == 0


def test_an_idle_worker_stops_at_once_and_needs_little_memory(bench):
    _, core, worker = bench.up()
    core.push(message(1))
    core.result()
    core.settle()
    memory = worker.private_kib()
    began = time.monotonic()
    assert worker.stop() == 0 and time.monotonic() - began < 2
    assert memory <= 8 << 10 or "asan" in str(worker.args), memory


def test_two_of_one_name_refuse_and_two_names_share_the_work(bench):
    _, core, worker = bench.up()
    second = kit.run("amo-egress", env=kit.environment(AMO_RUN_DIR=bench.dir, AMO_DATA_DIR=bench.dir + "/data"), timeout=10)
    assert second.returncode == 1 and "another process named egress is running" in second.stderr
    bench.worker(name="egress-b")
    core.wait_hello()
    assert {h.body["name"] for h in core.hellos} == {"egress", "egress-b"}


@pytest.mark.parametrize("stamped", [True, False], ids=["stamped", "of-an-older-core"])
def test_a_command_that_lay_in_the_socket_is_as_old_as_it_is(bench, stamped):
    """The worker stands still with it in hand: read at last, it is not young again."""
    remote, core, worker = bench.up()
    core.settle()
    if stamped:
        core.stamp = True
        core.settle()
    worker.signal(signal.SIGSTOP)
    core.push(message(1, start_within_ms=600, finish_within_ms=2000))
    time.sleep(1.2)  # stands still for longer than the command may be started
    worker.signal(signal.SIGCONT)
    assert outcome(core.result()) == (UNSTARTED, "none")
    assert remote.requests == []
    core.push(message(2))
    assert outcome(core.result()) == (DONE, "none")


def test_frames_that_lay_in_the_socket_are_no_sign_of_life(bench):
    """Half of the lease is counted from when core was surely there, not from when that was read."""
    remote, core, worker = bench.up(lease_ms=4000)
    core.stamp = True
    core.settle()
    worker.signal(signal.SIGSTOP)
    core.push(message(1, start_within_ms=60000, finish_within_ms=60000))
    time.sleep(2.5)  # stands still for more than half of the lease
    worker.signal(signal.SIGCONT)
    time.sleep(0.5)  # core stays silent: only what is read now could speak for it
    assert outcome(core.result()) == (UNSTARTED, "none")
    assert remote.requests == []
