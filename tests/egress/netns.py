"""A network namespace with addresses, names and a name server of the test's own, so that what must never be dialled
is really there to be dialled."""
import ctypes
import os
import shutil
import socket
import struct
import subprocess
import threading
import uuid
from pathlib import Path

import pytest

CLONE_NEWNET = 0x40000000
A, AAAA = 1, 28


class Namespace:
    """Every address of @addresses is a local one in it; @hosts is its /etc/hosts, @resolver more of its resolv.conf."""

    def __init__(self, addresses=(), hosts="", resolver="options timeout:1 attempts:1\n"):
        self.name = "amo-" + uuid.uuid4().hex[:8]
        self.etc = Path("/etc/netns") / self.name
        self.addresses, self.hosts, self.resolver = addresses, hosts, resolver
        self.prefix, self.made = ["ip", "netns", "exec", self.name], []

    def _ip(self, *args):
        subprocess.run(["ip", *args], check=True, capture_output=True)

    def start(self):
        self._ip("netns", "add", self.name)
        self._ip("-n", self.name, "link", "set", "lo", "up")
        for address in self.addresses:
            size = 128 if ":" in address else 32
            more = ["nodad"] if ":" in address else []
            self._ip("-n", self.name, "address", "add", f"{address}/{size}", "dev", "lo", *more)
        self.etc.mkdir(parents=True)
        self.made = [p for p in (Path("/etc/resolv.conf"), Path("/etc/hosts")) if not p.exists()]
        for p in self.made:
            p.touch()  # ours is mounted over it, and a bare Debian has none
        (self.etc / "resolv.conf").write_text("nameserver 127.0.0.1\n" + self.resolver)
        (self.etc / "hosts").write_text("127.0.0.1 localhost\n" + self.hosts)

    def stop(self):
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)
        shutil.rmtree(self.etc, ignore_errors=True)
        for p in self.made:
            p.unlink(missing_ok=True)

    def run_inside(self, make):
        """What make() returns when called by a thread that lives in the namespace."""
        got = []

        def body():
            fd = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(fd, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            os.close(fd)
            got.append(make())

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        return got[0]


def lent(namespace):
    """For a fixture: the namespace while it is needed, or no test where there can be none."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("network namespaces need root and iproute2")
    try:
        namespace.start()
    except (subprocess.CalledProcessError, OSError) as error:
        namespace.stop()
        pytest.skip(f"no network namespace here: {error}")
    yield namespace
    namespace.stop()


class NameServer:
    """Answers each name with what the test says at that moment: names[name] is a list of addresses, or a function of
    how often it was asked. It is asked twice for each resolution: for A and for AAAA."""

    def __init__(self):
        self.names, self.asked = {}, []
        self.swallows = ()  # kinds of question that get no answer
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.socket.close()

    def times(self, name):
        """How often the name was resolved."""
        return self.asked.count((name, A))

    def _serve(self):
        while True:
            try:
                question, peer = self.socket.recvfrom(512)
                answer = self._answer(question)
                if self.asked[-1][1] not in self.swallows:
                    self.socket.sendto(answer, peer)
            except OSError:
                return

    def _answer(self, question):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode("latin-1"))
            at += 1 + question[at]
        kind = struct.unpack_from("!H", question, at + 1)[0]
        name = ".".join(labels).lower()
        self.asked.append((name, kind))
        known = self.names.get(name)
        addresses = known(self.times(name)) if callable(known) else known or []
        records = b""
        n = 0
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            if kind != (AAAA if ":" in address else A):
                continue
            packed = socket.inet_pton(family, address)
            records += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(packed)) + packed
            n += 1
        flags = 0x8180 if known is not None else 0x8183  # no such name
        return question[:2] + struct.pack("!HHHHH", flags, 1, n, 0, 0) + question[12:at + 5] + records
