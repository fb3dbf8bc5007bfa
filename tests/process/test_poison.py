"""What must not be taken for poison, and what must not kill."""
import json
import os
import subprocess
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
            try:
                while True:
                    os.write(ballast, b"x" * 4096)
            except OSError:
                os.close(ballast)  # full
            for n in range(5):
                stack.client_writes(f"in-{n}", conversation=f"7900000000{n}")
                stack.manager_writes(f"out-{n}", chat)
            wait_for(lambda: not stack["core"].alive, "core's end on the full disk")
            for _ in range(6):
                stack["core"].start()
                wait_for(lambda: not stack["core"].alive, "core's end on the full disk")
                assert stack["core"].child.returncode == 75
            os.unlink(data / "ballast")
            stack.start("core")
            for n in range(5):
                stack.wait("amojo.message", text=f"in-{n}")
                stack.wait("service.message", text=f"out-{n}")
            assert stack.control("quarantine.list") == []
            assert stack.control("dead.list") == []
        finally:
            stack["core"].kill()
            subprocess.run(["umount", str(data)], check=False)
