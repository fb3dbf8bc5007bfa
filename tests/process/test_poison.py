"""What must not be taken for poison, and what must not kill."""
import json
import os
import pathlib
import subprocess
import sys
import time
import uuid

import pytest

from stack import QUICK, Stack, wait_for


def test_a_signed_webhook_with_an_endless_id_is_kept_aside_and_kills_nobody():
    with Stack(env=QUICK) as stack:
        stack.up()
        body = {"account_id": stack.scope.split("_")[1], "time": int(time.time()), "message": {
            "conversation": {"id": str(uuid.uuid4())}, "sender": {"id": "m"}, "receiver": {"id": "c"},
            "timestamp": int(time.time()), "msec_timestamp": int(time.time() * 1000),
            "message": {"id": "x" * 100_000, "type": "text", "text": "too-long-a-name"}}}
        stack.sandbox("webhooks", {"scope_id": stack.scope, "body": json.dumps(body)})
        kept = wait_for(lambda: stack.control("quarantine.list"), "the webhook in quarantine")
        assert [k["reason"] for k in kept] == ["bad_message_id"]
        stack.client_writes("life-goes-on")
        stack.wait("amojo.message", text="life-goes-on")
        assert stack["core"].alive and stack["core"].lives == 1


def mounted(directory, size):
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)],
                          capture_output=True)
    return done.returncode == 0


def test_the_log_of_the_store_leaves_the_room_that_emptying_it_needs():
    """Nobody else is on the disk, and what is kept fits: core must not end on it, let alone at every start."""
    with Stack(env=QUICK) as stack:
        data = stack.dir / "data" / "core"
        data.mkdir(parents=True, mode=0o750)
        if not mounted(data, "4m"):
            pytest.skip("no right to mount a small file system")
        try:
            stack.up()
            for burst in range(5):
                for n in range(60):
                    stack.client_writes(f"{burst}-{n}-" + "y" * 9000, conversation=f"7900{n % 20:07d}")
                stack.settle()
            assert len(stack.list("amojo/messages")) == 300
            assert stack["core"].lives == 1 and stack["core"].alive
        finally:
            stack["core"].kill()
            subprocess.run(["umount", str(data)], check=False)


def locks(process, file):
    """The locks that @process has on @file, as the kernel lists them."""
    ours = (str(process.child.pid), f":{file.stat().st_ino}")
    lines = (line.split() for line in pathlib.Path("/proc/locks").read_text().splitlines())
    return [line for line in lines if line[1] == "POSIX" and line[4] == ours[0] and line[5].endswith(ours[1])]


UNFINISHED = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("PRAGMA wal_autocheckpoint=0")
db.execute("CREATE TABLE more(row)")
db.execute("INSERT INTO more VALUES(zeroblob(300000))")
db.commit()
os._exit(0)  # the log stays
"""


def test_a_commit_that_ran_into_the_end_of_the_disk_does_not_keep_core_from_its_start():
    """What it wrote counts for nothing, and takes the room in which what was committed before is to be moved."""
    with Stack(env=QUICK) as stack:
        data = stack.dir / "data" / "core"
        data.mkdir(parents=True, mode=0o750)
        if not mounted(data, "3m"):
            pytest.skip("no right to mount a small file system")
        try:
            stack.up()
            stack["core"].stop()
            subprocess.run([sys.executable, "-c", UNFINISHED, str(data / "core.db")], check=True)
            log = os.open(data / "core.db-wal", os.O_WRONLY | os.O_APPEND)
            try:
                while True:
                    os.write(log, b"x" * 4096)
            except OSError:
                os.close(log)  # full
            stack.start("core")
            stack.client_writes("there-is-room")
            stack.wait("amojo.message", text="there-is-room")
            assert locks(stack["core"], data / "core.db-shm"), "a backup would begin its index anew"
        finally:
            stack["core"].kill()
            subprocess.run(["umount", str(data)], check=False)


def test_a_full_disk_under_a_restarting_core_makes_no_suspects():
    """Each start finds the disk still full: no event is to blame for that."""
    with Stack(env=QUICK) as stack:
        data = stack.dir / "data" / "core"
        data.mkdir(parents=True, mode=0o750)
        if not mounted(data, "3m"):
            pytest.skip("no right to mount a small file system")
        try:
            stack.up()
            stack.client_writes("before")
            chat = stack.wait("amojo.message", text="before")["item"]["chat"]
            ballast = os.open(data / "ballast", os.O_WRONLY | os.O_CREAT, 0o600)
            n = 0

            def ends_on_the_full_disk():
                """What core gives back is taken at once, and there is always something to write."""
                nonlocal n
                try:
                    while True:
                        os.write(ballast, b"x" * 4096)
                except OSError:
                    pass  # full
                if n < 500:
                    stack.client_writes(f"in-{n}", conversation=f"7900000000{n % 5}")
                    stack.manager_writes(f"out-{n}", chat)
                    n += 1
                return not stack["core"].alive

            wait_for(ends_on_the_full_disk, "core's end on the full disk")
            for _ in range(6):
                stack["core"].start()
                wait_for(ends_on_the_full_disk, "core's end on the full disk")
                assert stack["core"].child.returncode == 75
                stack["core"].wait_line(r'what=store\.failed .*words="No space left on device"')
            assert stack.operator("status").returncode == 3
            os.close(ballast)
            os.unlink(data / "ballast")
            stack.start("core")
            for i in range(n):
                stack.wait("amojo.message", text=f"in-{i}")
                stack.wait("service.message", text=f"out-{i}")
            assert stack.control("quarantine.list") == []
            assert stack.control("dead.list") == []
        finally:
            stack["core"].kill()
            subprocess.run(["umount", str(data)], check=False)
