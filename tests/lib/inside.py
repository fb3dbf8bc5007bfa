"""Calls of the kernel made inside a running process, as somebody would who has taken it over.

The process is stopped with ptrace (so this needs root, and x86-64), made to run one call after the other with arguments
of the test's own, and let go on as if nothing had been: the call that it was waiting in begins again."""
import ctypes
import os
import platform
import signal
import socket
import struct

import pytest

PTRACE_CONT, PTRACE_SINGLESTEP, PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_DETACH = 7, 9, 12, 13, 17
PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
WALL = 0x40000000
REGISTERS = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base "
             "ds es fs gs").split()
NUMBERS = {"close": 3, "mmap": 9, "socket": 41, "connect": 42, "sendto": 44, "bind": 49, "clone": 56, "execve": 59,
           "kill": 62, "ptrace": 101, "openat": 257, "prlimit64": 302}
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long

needs_root = pytest.mark.skipif(os.geteuid() != 0 or platform.machine() != "x86_64",
                                reason="to act inside another process needs root and x86-64")


def _ptrace(what, pid, data=None, at=None):
    if LIBC.ptrace(what, pid, at, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {what}")


class Inside:
    """with Inside(pid) as p: p.call("socket", socket.AF_INET, socket.SOCK_STREAM, 0) - a descriptor, or -errno."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        _ptrace(PTRACE_SEIZE, self.pid)
        _ptrace(PTRACE_INTERRUPT, self.pid)
        os.waitpid(self.pid, WALL)
        self.before = self._registers()
        self.memory = os.open(f"/proc/{self.pid}/mem", os.O_RDWR)
        self.rip = self.before["rip"] - 2
        assert os.pread(self.memory, 2, self.rip) == b"\x0f\x05", "it was not stopped in a call"
        self.top = self.before["rsp"] - 65536  # far below what it uses of its stack
        return self

    def __exit__(self, *_):
        self._set(self.before)
        os.close(self.memory)
        _ptrace(PTRACE_DETACH, self.pid)

    def _registers(self):
        room = ctypes.create_string_buffer(8 * len(REGISTERS))
        _ptrace(PTRACE_GETREGS, self.pid, ctypes.cast(room, ctypes.c_void_p))
        return dict(zip(REGISTERS, struct.unpack(f"<{len(REGISTERS)}Q", room.raw)))

    def _set(self, registers):
        room = ctypes.create_string_buffer(struct.pack(f"<{len(REGISTERS)}Q", *(registers[r] for r in REGISTERS)))
        _ptrace(PTRACE_SETREGS, self.pid, ctypes.cast(room, ctypes.c_void_p))

    def _given(self, values):
        """Bytes are laid into its memory; where they are."""
        at, given = self.top, []
        for value in values:
            if isinstance(value, bytes):
                os.pwrite(self.memory, value, at)
                given.append(at)
                at += (len(value) + 15) & ~15
            else:
                given.append(value & (1 << 64) - 1)
        return given + [0] * (6 - len(given))

    def call(self, name, *values):
        registers = dict(self.before, rip=self.rip, rax=NUMBERS[name], orig_rax=(1 << 64) - 1)
        registers.update(zip(("rdi", "rsi", "rdx", "r10", "r8", "r9"), self._given(values)))
        self._set(registers)
        _ptrace(PTRACE_SINGLESTEP, self.pid)
        _, status = os.waitpid(self.pid, WALL)
        assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGTRAP, f"{name} ended it: {status:#x}"
        result = self._registers()["rax"]
        return result - (1 << 64) if result >> 63 else result

    def may(self, name, *values):
        """Did it work? A descriptor that it gave is closed again."""
        result = self.call(name, *values)
        if result >= 0 and name in ("socket", "openat"):
            assert self.call("close", result) == 0
        return result >= 0


def inet(port, host="127.0.0.1"):
    """A sockaddr_in."""
    return struct.pack("<H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)


def unix(path):
    """A sockaddr_un."""
    return struct.pack("<H", socket.AF_UNIX) + str(path).encode() + b"\0"
