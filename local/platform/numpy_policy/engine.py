"""What the job runner asks of this engine: whether it can train a job, to train it, and to keep its last weights."""

import asyncio
import os
import sys
from pathlib import Path

from local.platform.disk import write_atomically
from local.platform.file_store import BadRow, Row, Split, split_rows
from local.platform.job_request import JobRequest
from local.platform.job_store import JobError, JobFailed, JobFolder
from local.platform.numpy_policy.answer_schema import NothingToChoose
from local.platform.numpy_policy.job_plan import plan_of_job
from local.platform.numpy_policy.weights import load_state

ROOT = Path(__file__).parents[3]
ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "LANG", "HOME")
"""What a Python process may need to start; everything else in the environment stays with the server."""
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""The matrices are small: threads would only contend, and summing in another order would change the last bit."""


def refusal(request: JobRequest, training: bytes) -> str | None:
    """Return why a job over these training rows would have nothing to learn, and what to do; None for one that has.

    Rows that cannot be read are left to `validate_files`.
    """
    try:
        plan_of_job(request.reinforcement, split_rows(training, "training"))
    except BadRow:
        return None
    except NothingToChoose as nothing:
        return str(nothing)
    return None


def validate_files(folder: JobFolder, request: JobRequest) -> int:
    """Return how many training examples a job has, after a look at everything that its training will need.

    Raises:
        JobFailed: naming the file, and the line where one line is wrong.
    """
    training = _rows(folder.training, "training")
    _rows(folder.validation, "validation")
    try:
        plan_of_job(request.reinforcement, training)
    except NothingToChoose as nothing:
        raise JobFailed(JobError("nothing_to_learn", str(nothing), "training_file")) from None
    return len(training)


async def start_trainer(folder: JobFolder, pace: float) -> asyncio.subprocess.Process:
    """Start the trainer of the job in `folder`; its stderr goes to the job's log."""
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    with folder.log.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "local.platform.numpy_policy.trainer", str(folder.path.resolve())),
            *("--pace", str(pace), "--parent", str(os.getpid())),
            cwd=ROOT,
            env={**environment, **ONE_THREAD},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def step_reached(folder: JobFolder) -> int:
    """Return the last step that a job has finished; 0 before the first."""
    state = load_state(folder.state)
    return 0 if state is None else state.weights.step


def keep_weights(folder: JobFolder, step: int) -> None:
    """Keep the weights of a job whose last step was `step`."""
    write_atomically(folder.weights(step), folder.state.read_bytes())


def _rows(path: Path, split: Split) -> tuple[Row, ...]:
    try:
        return split_rows(path.read_bytes(), split)
    except BadRow as bad:
        raise JobFailed(JobError(f"invalid_{split}_file", str(bad), f"{split}_file")) from None
