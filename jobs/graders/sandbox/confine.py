"""Locks this process in for good, before it sees a line of a grader's source. Where a part fails, all of it fails."""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys

from . import landlock, seccomp
from .landlock import libc_call

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
SECCOMP_MODE_FILTER = 2
CAPABILITY_VERSION_3 = 0x20080522
OPEN_FILES = 256

SYSTEM_FOLDERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/dev/zero", "/dev/urandom", "/dev/random")


class NotConfined(Exception):
    """This machine cannot hold a grader in; the text says why, for people."""


def unsupported(system: str | None = None, machine: str | None = None) -> str | None:
    """Why a kind of machine, by default this one, cannot confine a grader at all; None if it may be able to."""
    system, machine = system or platform.system(), machine or platform.machine()
    if system != "Linux":
        return f"python graders need Linux to be locked in, and this is {system}; run Proctor in its container image"
    if machine not in seccomp.MACHINES:
        return f"python graders run on {' and '.join(seccomp.MACHINES)}, and this machine is {machine}"
    return None


def die_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends; end it now if that has happened already."""
    libc_call("prctl", PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def confine(scratch: str, memory_bytes: int, file_bytes: int) -> None:
    """Leave this process its memory, its threads, the Python library to read, `scratch` to write to, and nothing else.

    Raises:
        NotConfined: the kernel does not offer some part of that; the process must not run a grader.
    """
    _limit(memory_bytes, file_bytes)
    needs = "Landlock (Linux 5.13 or newer)"
    try:
        libc_call("capset", struct.pack("<Ii", CAPABILITY_VERSION_3, 0), bytes(24))  # for containers that run as root
        libc_call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        landlock.restrict(_rules(scratch))
        needs = "seccomp filters"
        _filter_calls()
    except OSError as failure:
        raise NotConfined(f"python graders need {needs}, and the kernel said: {failure.strerror}") from failure


def _limit(memory_bytes: int, file_bytes: int) -> None:
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, wanted in limits.items():
        _, most = resource.getrlimit(kind)
        value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(kind, (value, value))


def _rules(scratch: str) -> list[landlock.Rule]:
    homes = tuple(prefix.rstrip("/") + "/" for prefix in {sys.prefix, sys.base_prefix})
    library = [path for path in sys.path if path.startswith(homes)]
    readable = [*library, f"{sys.base_prefix}/lib", *SYSTEM_FOLDERS, *SYSTEM_FILES]
    rules = [(path, landlock.READ) for path in readable]
    return [*rules, ("/dev/null", landlock.READ | landlock.WRITE_FILE), (scratch, landlock.SCRATCH)]


def _filter_calls() -> None:
    code = seccomp.program(seccomp.MACHINES[platform.machine()], os.getpid())
    held = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(held))
    libc_call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0)
