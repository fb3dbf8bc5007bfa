"""Nothing is answered before it is on disk; a full spool makes ingress refuse, and accept again later."""
import re
import shutil
import socket
import threading

import pytest

from ingress_harness import hook, message, wait_for


def refused(ingress):
    try:
        socket.create_connection(("127.0.0.1", ingress.port), 5).close()
        return False
    except ConnectionRefusedError:
        return True


def test_a_full_spool_answers_503_closes_and_opens_again(make):
    core = make.core()
    ingress = make(amo_ingress_spool_max_bytes=512 << 10)
    ingress.wait_log("what=registry.new")
    core.close()
    held = ingress.connect()
    accepted = 0
    for i in range(100):
        answer = ingress.amo(hook(f"m-{i}", text="x" * 20000), connection=held)
        if answer.status != 200:
            break
        accepted += 1
    assert answer.status == 503 and answer.code == "spool_full"
    assert answer.headers["Retry-After"].isdigit()
    assert 20 <= accepted <= 26
    wait_for(lambda: refused(ingress), "the listener to close")
    again = ingress.service(connection=held)
    assert again.status == 503 and again.headers["Retry-After"].isdigit()
    ready = ingress.admin("/readyz")
    assert ready.status == 503 and b"spool full" in ready.body
    assert sum(f.stat().st_blocks * 512 for f in ingress.spool_dir.glob("*.seg")) <= 700 << 10
    ingress.wait_log("what=spool.full")
    back = make.core()
    back.wait_events(accepted)
    wait_for(lambda: not refused(ingress), "the listener to open")
    told = wait_for(lambda: [h.body for h in back.heartbeats if "closed" not in h.body and "closed_to_ms" in h.body], "that it was closed")[-1]
    assert told["closed_why"] == "spool full" and told["closed_from_ms"] <= told["closed_to_ms"] and told["spool_max"] == 512 << 10
    assert 0 < told["disk_free"] <= told["disk_size"]
    assert ingress.admin("/readyz").status == 200
    assert ingress.amo(hook("after")).status == 200
    back.wait_events(accepted + 1)
    assert [n for n, _, _ in back.events] == list(range(1, accepted + 2))


def test_a_full_spool_stays_full_over_a_restart(make):
    core = make.core()
    ingress = make(amo_ingress_spool_max_bytes=256 << 10)
    ingress.wait_log("what=registry.new")
    core.close()
    held = ingress.connect()
    n = 0
    while ingress.amo(hook(f"m-{n}", text="x" * 20000), connection=held).status == 200:
        n += 1
    held.close()
    ingress.kill()
    ingress.start()
    assert ingress.amo(hook("more", text="x" * 60000)).status == 503
    back = make.core()
    back.take = False
    wait_for(lambda: [h for h in back.heartbeats if h.body.get("closed") and h.body["state"].startswith("spool full\n")], "its reason")
    back.close()
    back = make.core()
    back.wait_events(n)
    wait_for(lambda: not refused(ingress) and ingress.amo(hook("after")).status == 200, "room")


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_no_200_leaves_before_the_flush(make):
    core = make.core()
    trace = make.path / "strace.txt"
    ingress = make(wrap=["strace", "-f", "-qq", "-o", str(trace), "-e",
                         "trace=fdatasync,pwrite64,sendto,sendmsg,writev,write,accept,close"])
    ingress.wait_log("what=registry.new")
    bodies = [hook(f"m-{i}") for i in range(5)]
    connection = ingress.connect()
    for body in bodies:
        assert ingress.amo(body, connection=connection).status == 200
    assert ingress.service(message("s")).status == 202
    assert ingress.amo(b"{", connection=connection).status == 400
    core.wait_events(7)
    ingress.stop()
    unsynced, answers, flushes = False, 0, 0
    for line in trace.read_text(errors="replace").splitlines():
        if "pwrite64(" in line and "AMSR" in line:
            unsynced = True
        if re.search(r"fdatasync(\(\d+\)| resumed>\))\s+= 0", line):
            flushes += unsynced
            unsynced = False
        if re.search(r"HTTP/1\.1 (200|202|400)", line):
            assert not unsynced, line
            answers += 1
            assert flushes >= min(answers, 7), f"an answer without a flush: {line}"
    assert answers == 7 and flushes == 7


def test_one_flush_serves_many_requests(pair):
    ingress, core = pair
    n, each = 32, 40
    start = threading.Barrier(n)

    def client(k):
        c = ingress.connect()
        start.wait()
        for i in range(each):
            assert ingress.amo(hook(f"{k}-{i}"), connection=c).status == 200
        c.close()

    threads = [threading.Thread(target=client, args=(k,)) for k in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    events = ingress.metric("amo_flushed_events_total")
    flushes = ingress.metric("amo_flushes_total")
    assert events == n * each
    assert flushes < events, f"{flushes} flushes for {events} events"
    core.wait_events(n * each)
    assert sorted(e["message_id"] for _, e, _ in core.events) == sorted(f"{k}-{i}" for k in range(n) for i in range(each))


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_a_failed_flush_answers_503_and_ends_the_process(make):
    core = make.core()
    ingress = make()
    ingress.wait_log("what=registry.new")
    ingress.stop()
    # every sync from the first event on fails; the ones of start-up are fsync
    ingress.wrap = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync",
                    "-e", "inject=fdatasync:error=EIO:when=1+"]
    ingress.start()
    answer = ingress.amo(hook("lost"))
    assert answer.status == 503 and answer.code == "spool_failed"
    assert ingress.wait_end(20) == 75
    ingress.wrap = []
    ingress.start()
    assert ingress.amo(hook("kept")).status == 200
    wait_for(lambda: any(e["message_id"] == "kept" for _, e, _ in core.events), "the event")


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_a_full_disk_closes_the_door_and_is_no_failed_flush(make):
    core = make.core()
    ingress = make(amo_ingress_spool_max_bytes=4 << 20)
    ingress.wait_log("what=registry.new")
    core.close()
    ingress.stop()
    ingress.wrap = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fallocate",
                    "-e", "inject=fallocate:error=ENOSPC:when=1+"]
    ingress.start()
    held = ingress.connect()
    answer = ingress.amo(hook("m"), connection=held)
    assert answer.status == 503 and answer.code == "spool_full"
    assert b"disk full" in ingress.admin("/readyz").body
    ingress.wait_log("what=spool.disk_full")
    assert ingress.alive


def test_a_damaged_record_is_stepped_over_and_its_file_kept(make):
    core = make.core()
    ingress = make(amo_ingress_spool_max_bytes=1 << 20)
    ingress.wait_log("what=registry.new")
    core.close()
    held = ingress.connect()
    for i in range(30):
        assert ingress.amo(hook(f"m-{i}", text="x" * 20000), connection=held).status == 200
    held.close()
    ingress.kill()
    files = sorted(ingress.spool_dir.glob("*.seg"))
    assert len(files) >= 3
    data = bytearray(files[1].read_bytes())
    data[len(data) // 2] ^= 0xff
    files[1].write_bytes(data)
    ingress.start()
    back = make.core()
    back.wait_events(29)
    assert len({n for n, _, _ in back.events}) == 29
    ingress.wait_log("what=spool.lost")
    assert ingress.metric("amo_spool_lost_events") == 1
    assert ingress.amo(hook("after")).status == 200
    back.wait_events(30)
    wait_for(lambda: (ingress.spool_dir / (files[1].stem + ".bad")).exists(), "the file set aside")
