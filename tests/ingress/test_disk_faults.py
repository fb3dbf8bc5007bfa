"""What a disk does to the spool: reads and writes that fail once or for ever, no room, files left half-way."""
import os
import re
import shutil
import socket
import subprocess

import pytest

import kit
from ingress_harness import BIN, hook, message, registry, wait_for

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")


def faulty(inject, path=None, log="/dev/null", trace=None):
    """strace in front of the process, with this fault."""
    calls = trace or inject.split(":")[0]
    where = ["-P", str(path)] if path else []
    return ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={calls}", *where, "-e", f"inject={inject}"]


def fill(ingress, n, prefix="m", size=20000):
    c = ingress.connect()
    for i in range(n):
        assert ingress.amo(hook(f"{prefix}-{i}", text="x" * size), connection=c).status == 200
    c.close()


def ids(core):
    return [event["message_id"] for _, event, _ in core.events]


def refused(ingress):
    try:
        socket.create_connection(("127.0.0.1", ingress.port), 5).close()
        return False
    except ConnectionRefusedError:
        return True


@pytest.fixture
def filled(make):
    """27 events in several segments, the process stopped, core away."""
    core = make.core()
    ingress = make(amo_ingress_spool_max_bytes=1 << 20)
    ingress.wait_log("what=registry.new")
    core.close()
    fill(ingress, 27)
    ingress.stop()
    return ingress


def segments(ingress):
    return sorted(ingress.spool_dir.glob("*.seg"))


# --- what was not flushed ----------------------------------------------------------------------------------------


def test_what_a_failed_flush_left_is_written_anew_before_anybody_relies_on_it(make):
    core = make.core()
    ingress = make()
    ingress.wait_log("what=registry.new")
    core.close()
    assert ingress.service(message("before")).status == 202
    ingress.stop()
    segment = segments(ingress)[-1]
    ingress.wrap = faulty("fdatasync:error=EIO:when=1", segment)
    ingress.start()
    assert ingress.service(message("gate")).status == 503
    assert ingress.wait_end(20) == 75
    trace = make.path / "second-life.txt"
    ingress.wrap = ["strace", "-f", "-qq", "-yy", "-o", str(trace), "-e", "trace=pwrite64,fsync,fdatasync,sendto,sendmsg,writev,write"]
    ingress.start()
    again = ingress.service(message("gate"))
    assert again.status == 200 and again.json["status"] == "duplicate", again.body
    ingress.stop()
    written = synced = None
    for n, line in enumerate(trace.read_text(errors="replace").splitlines()):
        if "pwrite64(" in line and segment.name in line and "AMSR" in line:
            written = n
        if re.search(r" f(data)?sync\(", line) and segment.name in line and written is not None:
            synced = n
        if "HTTP/1.1 200" in line:
            break
    else:
        raise AssertionError("no answer in the trace")
    assert written is not None and synced is not None, "answered 200 for bytes that were not written again"


# --- room --------------------------------------------------------------------------------------------------------


def test_a_full_disk_lets_go_of_what_core_has(make):
    """The few bytes of the log of repeats must not keep a spool of taken events on the disk."""
    core = make.core()
    ingress = make(amo_ingress_spool_max_bytes=1 << 20)
    ingress.wait_log("what=registry.new")
    core.close()
    ingress.stop()
    ingress.wrap = faulty("pwrite64:error=ENOSPC:when=1+", ingress.spool_dir / "repeat.log")
    ingress.start()
    c = ingress.connect()
    n = 0
    while ingress.service(message(f"m-{n}", text="x" * 20000), connection=c).status == 202:
        n += 1
    while ingress.amo(hook(f"a-{n}", text="x" * 20000), connection=c).status == 200:  # a service leaves room for it
        n += 1
    c.close()
    wait_for(lambda: refused(ingress), "the listener to close")
    back = make.core()
    back.wait_events(n)
    wait_for(lambda: not refused(ingress), "the listener to open")
    assert len(segments(ingress)) == 1
    ingress.wait_log(r"what=repeat.not_synced error=28 words=\"No space left on device\"")
    assert ingress.service(message("m-0", text="x" * 20000)).status == 200   # known all the same
    assert ingress.service(message("after")).status == 202


def test_an_empty_last_segment_on_a_full_disk_is_no_failed_flush(make):
    core = make.core()
    ingress = make(amo_ingress_spool_max_bytes=4 << 20)
    ingress.wait_log("what=registry.new")
    fill(ingress, 2)
    wait_for(lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")
    core.send_all("SPOOL_ROTATE", {"number": 1})       # an erasure leaves an empty last segment
    wait_for(lambda: [s.name for s in segments(ingress)] == ["00000000000000000003.seg"], "the turn")
    ingress.stop()
    ingress.wrap = faulty("fallocate:error=ENOSPC:when=1..20")  # for so many looks that the reason can be read
    ingress.start()
    held = ingress.connect()
    answer = ingress.amo(hook("full"), connection=held)
    assert answer.status == 503 and answer.code == "spool_full"
    wait_for(lambda: b"disk full" in ingress.admin("/readyz").body, "the reason")
    wait_for(lambda: not refused(ingress) and ingress.amo(hook("later")).status == 200, "room")
    assert ingress.alive
    core.wait_events(3)
    assert ids(core)[-1] == "later" and core.events[-1][0] == 3


def test_a_file_left_over_by_a_creation_that_failed_is_no_failed_flush(make):
    """No room for the segment, and its empty file cannot be removed either."""
    core = make.core()
    ingress = make(amo_ingress_spool_max_bytes=1 << 20)
    ingress.wait_log("what=registry.new")
    core.close()
    fill(ingress, 1)
    ingress.stop()
    ingress.wrap = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fallocate,unlinkat",
                    "-e", "inject=fallocate:error=ENOSPC:when=2", "-e", "inject=unlinkat:error=EIO:when=1"]
    ingress.start()
    c = ingress.connect()
    said = [ingress.amo(hook(f"m-{i}", text="x" * 20000), connection=c).status for i in range(8)]
    assert 503 in said
    wait_for(lambda: not refused(ingress) and ingress.amo(hook("later")).status == 200, "room")
    assert ingress.alive


def small_disk(directory, size="1m"):
    directory.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)], capture_output=True)
    if done.returncode:
        pytest.skip("no right to mount a small file system")


def test_on_a_full_disk_a_spool_can_take_a_new_id_all_the_same(make):
    """Or it could never get rid of what fills the disk."""
    small_disk(make.path / "spool")
    try:
        core = make.core()
        ingress = make(amo_ingress_spool_max_bytes=512 << 10)
        ingress.wait_log("what=registry.new")
        fill(ingress, 3)
        core.wait_events(3)
        wait_for(lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")
        old = core.hellos[-1]["spool"]
        core.close()
        fill(ingress, 2, "away")
        ingress.stop()
        with open(ingress.spool_dir / "somebody-elses", "wb") as f:
            with pytest.raises(OSError):
                while True:
                    os.write(f.fileno(), bytes(4096))
        ingress.start()
        back = make.core()
        base = back._welcome
        back.order(lambda: setattr(back.core, "welcome",
                                   lambda h: {**base(h), **({"mark": 1000} if h.body["spool"] == old else {})}))
        wait_for(lambda: back.hellos and back.hellos[-1]["spool"] != old, "a new id")
        wait_for(lambda: ids(back)[-2:] == ["away-0", "away-1"], "the events under the new id")
        wait_for(lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")
        ingress.stop()
        said = len(back.hellos)
        ingress.start()
        back.wait_hello(said + 1)
        assert back.hellos[-1]["spool"] == (ingress.spool_dir / "spool.id").read_bytes() != old
        assert len(back.hellos[-1]["lives"]) >= 32
        ingress.stop()
        back.close()
    finally:
        subprocess.run(["umount", "-l", str(make.path / "spool")], check=False)


def test_a_disk_with_hardly_any_room_keeps_the_file_it_has(make):
    """A new one in its place, for the sake of shares, might find no room, and then the listener would close."""
    small_disk(make.path / "spool", "240k")
    try:
        core = make.core()
        ingress = make(amo_ingress_spool_max_bytes=1 << 20, amo_ingress_spool_max_events=8)
        ingress.wait_log("what=registry.new")
        core.close()
        answers = [ingress.service(message(f"m-{n}")).status for n in range(5)]
        assert answers == [202, 202, 202, 202, 503]
        fill(ingress, 1)
        assert len(segments(ingress)) == 1
        ingress.stop()
    finally:
        subprocess.run(["umount", "-l", str(make.path / "spool")], check=False)


# --- a failure is noticed wherever it comes up -------------------------------------------------------------------


def test_a_file_that_cannot_be_closed_for_an_erasure_ends_the_process(make):
    core = make.core()
    core.take = False
    ingress = make()
    ingress.wait_log("what=registry.new")
    fill(ingress, 1)
    core.wait_events(1)
    ingress.stop()
    ingress.wrap = faulty("fdatasync:error=EIO:when=1", segments(ingress)[-1])
    ingress.start()
    core.wait_events(2)
    core.send_all("SPOOL_ROTATE", {"number": 1})
    assert ingress.wait_end(20) == 75
    assert re.search(r"what=spool.flush_failed error=5 words=\"Input/output error\" in=seal file=0+1\.seg", ingress.log())


@pytest.mark.parametrize("call", ["fsync", "fallocate", "ftruncate", "pread64", "mkdir"])
def test_a_start_that_meets_one_error_of_the_disk_asks_to_be_started_again(make, call):
    """Or does without; never the exit that means: do not try again."""
    core = make.core()
    ingress = make()
    ingress.wait_log("what=registry.new")
    fill(ingress, 3)
    core.wait_events(3)
    ingress.stop()
    path = None if call == "mkdir" else segments(ingress)[-1]
    done = kit.run(*faulty(f"{call}:error=EIO:when=1", path), BIN / "amo-ingress", "--drain", ingress.spool_dir,
                   env=ingress.environment())
    said = done.stderr
    if call == "pread64":
        assert done.returncode == 0, said        # a read is tried again
    else:
        assert done.returncode == 75 and "Input/output error" in said, (done.returncode, said)


def test_a_registry_that_could_not_be_saved_is_saved_later(make):
    core = make.core()
    ingress = make()
    ingress.wait_log("what=registry.new")
    ingress.stop()
    sealed = ingress.dir / "data" / "ingress" / "registry.sealed"
    before = sealed.read_bytes()
    ingress.wrap = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat",
                    "-e", "inject=renameat:error=EIO:when=4..5"]   # spool.lives, .id and .fresh come first
    core.welcome["registry"] = registry(9, tokens=("the-new-token-000000000000000000000",))
    ingress.start()
    ingress.wait_log("what=registry.not_saved error=5 words=\"Input/output error\"")
    assert sealed.read_bytes() == before
    ingress.wait_log("what=registry.saved")
    core.close()
    ingress.kill()
    ingress.wrap = []
    ingress.start()
    assert ingress.service(message("new"), token="the-new-token-000000000000000000000").status == 202


def test_the_sealed_registry_outlives_a_read_that_fails_for_a_moment(make):
    core = make.core()
    ingress = make()
    ingress.wait_log("what=registry.new")
    core.close()
    ingress.stop()
    ingress.wrap = faulty("read:error=EIO:when=1..2", ingress.dir / "data" / "ingress" / "registry.sealed")
    ingress.start()
    assert ingress.amo(hook("alone")).status == 200


def test_a_log_of_repeats_that_the_disk_does_not_read_shuts_no_door(make):
    core = make.core()
    ingress = make(amo_ingress_spool_max_bytes=1 << 20)
    ingress.wait_log("what=registry.new")
    for i in range(12):
        assert ingress.service(message(f"r-{i}", text="x" * 20000)).status == 202
    wait_for(lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")
    ingress.stop()
    ingress.wrap = faulty("pread64:error=EIO:when=1+", ingress.spool_dir / "repeat.log")
    ingress.start()
    ingress.wait_log("what=repeat.unreadable")
    assert ingress.service(message("after")).status == 202
    core.wait_events(13)


def test_new_folders_are_on_disk_before_anything_is_promised_in_them(make):
    core = make.core()
    trace = make.path / "first-life.txt"
    ingress = make(wrap=["strace", "-f", "-qq", "-yy", "-o", str(trace), "-e",
                         "trace=mkdir,fsync,sendto,sendmsg,writev,write"],
                   amo_ingress_spool=make.path / "far" / "away" / "spool")
    ingress.wait_log("what=registry.new")
    assert ingress.amo(hook("first")).status == 200
    ingress.stop()
    made, synced = set(), set()
    for line in trace.read_text(errors="replace").splitlines():
        folder = re.search(r'mkdir\("([^"]+)", \d+\)\s+= 0', line)
        sync = re.search(r"fsync\(\d+<([^>]+)>\)\s+= 0", line)
        if folder:
            made.add(os.path.dirname(os.path.abspath(folder[1])))
        if sync:
            synced.add(sync[1])
        if "HTTP/1.1 200" in line:
            break
    assert str(make.path / "far") in made and made <= synced, made - synced
    assert core.wait_events(1)


# --- what cannot be read -----------------------------------------------------------------------------------------


def test_a_file_that_the_disk_does_not_read_stops_nothing_behind_it(filled, make):
    ingress = filled
    first = segments(ingress)[0]
    held = first.read_bytes().count(b"AMSR")
    ingress.wrap = faulty("pread64:error=EIO:when=1+", first)
    ingress.start()
    back = make.core()
    back.wait_events(27 - held)
    assert ids(back) == [f"m-{i}" for i in range(held, 27)]
    ingress.wait_log(f"what=spool.lost file={first.name} low=1 high={held} events={held}")
    wait_for(lambda: first.with_suffix(".bad").exists(), "the file set aside")
    ready = ingress.admin("/readyz")
    assert ready.status == 200 and f"{held} events could not be read".encode() in ready.body
    assert ingress.log().count("what=spool.unreadable") == 1
    assert ingress.log().count("what=event.push_failed") <= 1
    assert ingress.amo(hook("after")).status == 200
    back.wait_events(28 - held)


def test_one_sector_that_the_disk_does_not_read_costs_only_what_lies_in_it(filled, make):
    """The rest of the window is read piece by piece."""
    ingress = filled
    first = segments(ingress)[0]
    # of the first segment, the third piece of 4 KiB is bad: the large read of all, then that one piece, twice
    lib = make.path / "badsector.so"
    code = make.path / "badsector.c"
    code.write_text("""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
ssize_t pread(int fd, void *to, size_t n, off_t at)
{
    ssize_t (*real)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, "pread");
    char link[64], name[PATH_MAX] = "";
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (readlink(link, name, sizeof(name) - 1) > 0 && strstr(name, "00000000000000000001.seg") &&
        at < 12288 && at + (off_t)n > 8192) {
        errno = EIO;
        return -1;
    }
    return real(fd, to, n, at);
}
ssize_t pread64(int fd, void *to, size_t n, off_t at) { return pread(fd, to, n, at); }
""")
    if subprocess.run(["cc", "-shared", "-fPIC", "-o", str(lib), str(code), "-ldl"], capture_output=True).returncode:
        pytest.skip("needs a compiler")
    ingress.start(ld_preload=lib)
    back = make.core()
    back.wait_events(26)
    assert ids(back) == [f"m-{i}" for i in range(1, 27)]     # the first event lies on the bad piece
    wait_for(lambda: ingress.metric("amo_spool_lost_events") == 1, "the count")


def test_a_read_that_fails_for_a_moment_loses_nothing(filled, make):
    ingress = filled
    ingress.wrap = faulty("pread64:error=EIO:when=1..3", segments(ingress)[0])
    ingress.start()
    back = make.core()
    back.wait_events(27)
    assert ids(back) == [f"m-{i}" for i in range(27)]
    assert ingress.metric("amo_spool_lost_events") == 0
    wait_for(lambda: len(segments(ingress)) == 1, "the files to go")
    assert not list(ingress.spool_dir.glob("*.bad"))


def test_a_segment_that_is_gone_stops_nothing_behind_it(filled, make):
    ingress = filled
    ingress.start()
    gone = segments(ingress)[1]
    gone.unlink()
    back = make.core()
    back.wait_events(20)
    wait_for(lambda: ids(back)[-1] == "m-26", "the last event")
    assert ingress.metric("amo_spool_lost_events") == 27 - len(back.events)


def test_ingress_starts_although_the_last_file_cannot_be_read(filled, make):
    ingress = filled
    last = segments(ingress)[-1]
    held = int(last.stem) - 1
    before = last.read_bytes()
    ingress.wrap = faulty("pread64:error=EIO:when=1+", last)
    ingress.start()
    assert ingress.amo(hook("after")).status == 200
    back = make.core()
    back.wait_events(held + 1)
    assert ids(back)[:held] == [f"m-{i}" for i in range(held)] and ids(back)[held] == "after"
    ingress.wait_log(f"what=spool.damaged file={last.name} unreadable=yes")
    kept = last.with_suffix(".bad")
    wait_for(lambda: kept.exists() or last.read_bytes() == before, "the file kept as it was")
    assert b"spool damaged" in ingress.admin("/readyz").body
