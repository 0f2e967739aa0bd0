"""Child processes: how a trainer is started, and how it ends when the server does."""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.platform.records import JobFolder

ROOT = Path(__file__).parents[2]
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "LANG", "HOME")
"""What a Python process may need to start; everything else of the environment stays with the server."""
ONE_THREAD: Mapping[str, str] = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""The matrices are small: threads would only contend, and summing in another order would change the last bit."""

_PR_SET_PDEATHSIG = 1


async def start_trainer(folder: JobFolder, pace: float) -> asyncio.subprocess.Process:
    """Start the trainer of the job in `folder`; its stderr goes to the job's log."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    with folder.log.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "local.platform.trainer", str(folder.path.resolve())),
            *("--pace", str(pace), "--parent", str(os.getpid())),
            cwd=ROOT,
            env={**environment, **ONE_THREAD},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def die_with(parent: int) -> bool:
    """Have this process killed when `parent` ends; return False where it has ended already.

    Only Linux can do that. Elsewhere a trainer whose server is gone trains on, and `hold` keeps a second one waiting.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == parent


@contextlib.contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock at `path`, waiting for whoever has it; it is let go when the process ends, however it ends."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
