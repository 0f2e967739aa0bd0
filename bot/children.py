"""Child processes that do not outlive the process that started them."""

import os
import sys
from collections.abc import Sequence

# Runs in the child, before what it is meant to run. A program of its own rather than a `preexec_fn`: code between fork
# and exec of a process with threads may deadlock.
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
