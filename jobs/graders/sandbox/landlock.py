"""Landlock: which files the grading process may touch, asked of the kernel through its three system calls.

https://docs.kernel.org/userspace-api/landlock.html holds the numbers. The calls are numbered alike on every machine.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG = 1
PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_CHAR, MAKE_DIR, MAKE_REG = 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 8
MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM, REFER, TRUNCATE, IOCTL_DEV = (1 << bit for bit in range(9, 16))
TCP = 0b11
SCOPES = 0b11
"""Abstract unix sockets and signals stay inside."""

READ = READ_FILE | READ_DIR
SCRATCH = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_FIFO | MAKE_SYM | REFER | TRUNCATE
_ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
_RIGHTS_BY_VERSION = (0, 13, 14, 15, 15, 16)

Rule = tuple[str, int]
"""A folder or file, and what may be done beneath it."""


def restrict(rules: Iterable[Rule]) -> None:
    """From here on this thread and what it starts may only do what `rules` allow; paths that do not exist are skipped.

    Raises:
        OSError: the kernel has no Landlock, or the container does not let it be used; nothing was restricted.
    """
    version = libc_call("syscall", CREATE_RULESET, 0, 0, VERSION_FLAG)
    handled = (1 << _RIGHTS_BY_VERSION[min(version, len(_RIGHTS_BY_VERSION) - 1)]) - 1
    attributes = struct.pack("<QQQ", handled, TCP if version >= 4 else 0, SCOPES if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = libc_call("syscall", CREATE_RULESET, attributes, size, 0)
    try:
        for path, rights in rules:
            _allow(ruleset, path, rights & handled)
        libc_call("syscall", RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(beneath).st_mode):
            rights &= _ON_FILES
        libc_call("syscall", ADD_RULE, ruleset, PATH_BENEATH, struct.pack("<Qi", rights, beneath), 0)
    finally:
        os.close(beneath)


def libc_call(name: str, *arguments: int | bytes) -> int:
    """The result of a function of the C library.

    Raises:
        OSError: it is below 0; the error says why.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    words = [ctypes.c_char_p(value) if isinstance(value, bytes) else ctypes.c_long(value) for value in arguments]
    result = int(getattr(libc, name)(*words))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
