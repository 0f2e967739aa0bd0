"""What the job runner asks of this engine: whether it can train a job, to train it, and to keep its last weights."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from jobs.graders import Grader, Sample, parse_grader
from local.platform.disk import write_atomically
from local.platform.file_store import BadRow, Row, Split, split_rows
from local.platform.job_request import JobRequest
from local.platform.job_store import JobError, JobFailed, JobFolder
from local.platform.numpy_policy.answer_schema import AnswerPlan, NothingToChoose, answers_to_try
from local.platform.numpy_policy.free_text import CANNOT_WRITE
from local.platform.numpy_policy.job_plan import plan_of_job
from local.platform.numpy_policy.train_step import AnswerGrader, is_broken
from local.platform.numpy_policy.weights import load_state

ROWS_TRIED = 8
"""Evenly spread training rows, on which a job whose answers are known from the rows alone is tried beforehand."""
ROOT = Path(__file__).parents[3]
ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "LANG", "HOME")
"""What a Python process may need to start; everything else in the environment stays with the server."""
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""The matrices are small: threads would only contend, and summing in another order would change the last bit."""


async def refusal(request: JobRequest, training: bytes, graders: AnswerGrader) -> str | None:
    """Return why a job over these training rows would have nothing to learn, and what to do; None for one that has.

    Rows that cannot be read are left to `validate_files`, and a grader that breaks to training.
    """
    try:
        rows = await asyncio.to_thread(split_rows, training, "training")
        plan = await asyncio.to_thread(plan_of_job, request.reinforcement, rows)
    except BadRow:
        return None
    except NothingToChoose as nothing:
        return str(nothing)
    if plan.frame is None or await _earns(request, plan, rows, graders):
        return None
    return f"No answer that the policy can choose earns a reward on the training rows. {CANNOT_WRITE}"


async def _earns(request: JobRequest, plan: AnswerPlan, rows: Sequence[Row], graders: AnswerGrader) -> bool:
    """Return whether some answer that the policy can give earns a reward, or breaks the grader, on a few rows."""
    some = rows[:: -(-len(rows) // ROWS_TRIED)]
    tried = [(Sample(answer), row) for row in some for answer in answers_to_try(plan, row)]
    grades = await graders.grade(parse_grader(request.reinforcement.grader), tried)
    return any(grade.reward > 0 or is_broken(grade) for grade in grades)


def validate_files(folder: JobFolder, request: JobRequest) -> int:
    """Return how many training examples a job has, after a look at everything that its training will need.

    Raises:
        JobFailed: naming the file, and the line where one line is wrong.
    """
    grader = parse_grader(request.reinforcement.grader)
    training = _rows(folder.training, "training", grader)
    _rows(folder.validation, "validation", grader)
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


def _rows(path: Path, split: Split, grader: Grader) -> tuple[Row, ...]:
    try:
        return split_rows(path.read_bytes(), split, grader)
    except BadRow as bad:
        raise JobFailed(JobError(f"invalid_{split}_file", str(bad), f"{split}_file")) from None
