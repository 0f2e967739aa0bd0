"""Child processes that do not outlive the process that started them, and waiting for what they do."""

import asyncio
import fcntl
import os
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

# Runs in the child, before the program itself. A program of its own rather than a `preexec_fn`: code between fork and
# exec of a process with threads may deadlock.
_TETHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
if os.getppid() != int(sys.argv[1]):  # the parent died before the line above
    sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


def tethered(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the command line that runs `argv` and gets SIGTERM when the starting thread ends, even by SIGKILL.

    Start it from the main thread: Linux ties the child to the thread. Where Linux's prctl is missing, `argv` itself.

    Args:
        argv: the program's absolute path and its arguments.
    """
    if sys.platform != "linux":
        return tuple(argv)
    return (sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()), *argv)


async def stop_processes(processes: Iterable[Process], seconds: float) -> None:
    """End processes: ask, wait up to `seconds` for all of them together, then kill."""
    running = [process for process in processes if process.returncode is None]
    for process in running:
        process.terminate()
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(process.wait() for process in running))
    except TimeoutError:
        for process in running:
            if process.returncode is None:
                process.kill()
        await asyncio.gather(*(process.wait() for process in running))


async def becomes_true(condition: Callable[[], Awaitable[bool]], seconds: float, pause: float = 0.02) -> bool:
    """Ask until `condition` holds; False when it does not within `seconds`. Other processes cannot set our events."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(pause)
    return True


async def lock_within(path: Path, seconds: float, give_up: Callable[[], bool] = lambda: False) -> int | None:
    """Return what `try_lock` does once the lock is free; None when it is not within `seconds`, or `give_up` says so."""
    deadline = asyncio.get_running_loop().time() + seconds
    while (lock := try_lock(path)) is None:
        if give_up() or asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(0.02)
    return lock


def try_lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock on `path` as long as it is open anywhere; None where it is taken."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
