"""no_landlock.py PROGRAM ARGUMENT...: runs it as on a kernel before 5.13, which has no such call."""
import ctypes
import errno
import os
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2
CREATE_RULESET = 444  # on every architecture
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ERRNO, ALLOW = 0x00050000, 0x7FFF0000


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def main():
    code = b"".join(struct.pack("<HBBI", *step) for step in [
        (LOAD, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, CREATE_RULESET), (RETURN, 0, 0, ERRNO | errno.ENOSYS), (RETURN, 0, 0, ALLOW)])
    room = ctypes.create_string_buffer(code, len(code))
    program = Program(4, ctypes.cast(room, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    for words in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*words):
            raise OSError(ctypes.get_errno(), "prctl")
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
