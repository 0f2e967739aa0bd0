"""The child process that trains one job: `python -m ...trainer <folder> --pace <seconds> --parent <pid>`.

It may be killed at any moment. After each step it saves its state, then writes the step's events; started again, it
writes the events it had not written and goes on. SIGUSR1 asks it to stop after the current step. At the end it leaves
result.csv, or error.json; where both are missing, it was killed or paused.
"""

import argparse
import asyncio
import contextlib
import ctypes
import fcntl
import os
import signal
import sys
import time
from pathlib import Path

from jobs.graders import GraderRuntime, parse_grader
from local.platform.disk import write_atomically, write_json
from local.platform.file_store import Row, split_rows, user_text
from local.platform.ids import model_id
from local.platform.job_store import (
    Checkpoint,
    EventLog,
    JobError,
    JobFailed,
    JobFolder,
    JobRecord,
    best_checkpoints,
    new_event,
)
from local.platform.numpy_policy.answer_schema import AnswerPlan
from local.platform.numpy_policy.engine import keep_weights
from local.platform.numpy_policy.job_plan import plan_of_job, prompt_text
from local.platform.numpy_policy.policy import Features, Weights, base_logits, fit
from local.platform.numpy_policy.train_step import (
    AnswerGrader,
    Examples,
    Rollouts,
    StepMetrics,
    TrainingSetup,
    failing_share,
    first_detail,
    result_table,
)
from local.platform.numpy_policy.weights import State, load_features, load_state, save_features, save_state

MOST_FAILURES = 0.5
"""A step in which the grader broke on so large a share of the rollouts ends the job."""
GRADING_PROCESSES = 2

_PR_SET_PDEATHSIG = 1


async def train(folder: JobFolder, graders: AnswerGrader, pace: float, stop: asyncio.Event) -> bool:
    """Train the job in `folder` from where it is; return whether it reached its end, which leaves the result table.

    Args:
        folder: the job's files; its record has hyperparameters.
        graders: grade the rollouts.
        pace: least seconds for a step.
        stop: once set, training stops after the current step.

    Raises:
        JobFailed: if the grader breaks on too many rollouts of a step.
    """
    trainer = _Trainer(folder, graders, pace, stop)
    while trainer.state.weights.step < trainer.total_steps:
        if stop.is_set():
            return False
        await trainer.step()
    steps = (event.data for event in trainer.log.events() if event.data is not None)
    write_atomically(folder.result, result_table(steps))
    return True


class _Trainer:
    """A job while it trains: its setup, its state and the log of its events."""

    def __init__(self, folder: JobFolder, graders: AnswerGrader, pace: float, stop: asyncio.Event) -> None:
        self._folder, self._graders, self._pace, self._stop = folder, graders, pace, stop
        self._record = folder.record()
        self._setup = training_setup(folder, self._record)
        self.total_steps = self._setup.hyperparameters.total_steps(len(self._setup.training.items))
        self.state = load_state(folder.state) or State(self._setup.initial_weights())
        self.log = EventLog(folder.events)
        self._publish()

    async def step(self) -> None:
        """Take one step: roll out, learn, validate where it is due, save the new state and publish it."""
        began = time.monotonic()
        step = self.state.weights.step + 1
        batch = self._setup.batch(step)
        train = await self._setup.roll_out(self._graders, batch, self.state.weights, step)
        _refuse_broken_grader(train)
        sampled = time.monotonic()
        weights = self._setup.update(self.state.weights, batch, train)
        learned = time.monotonic()
        due = step % self._setup.hyperparameters.eval_interval == 0 or step == self.total_steps
        valid = await self._setup.validate(self._graders, weights, step) if due else None
        if valid is not None:
            self._folder.evaluations.mkdir(exist_ok=True)
            write_json(self._folder.evaluation(step), valid.answers())
        ended = time.monotonic()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), self._pace - (ended - began))
        seconds = {
            "sampling": sampled - began,
            "training": learned - sampled,
            "full_iteration": time.monotonic() - began,
        }
        if due:
            seconds["eval"] = ended - learned
        self._save(weights, StepMetrics(step, self.total_steps, self._setup.grader, train, valid, seconds))

    def _save(self, weights: Weights, metrics: StepMetrics) -> None:
        job_id, step = self._record.id, metrics.step
        events = [new_event(job_id, f"step-{step}", metrics.message(), data=metrics.data())]
        checkpoints = self.state.checkpoints
        if metrics.valid is not None:
            checkpoints = best_checkpoints((*checkpoints, _checkpoint(step, metrics.train, metrics.valid)))
            if step in (checkpoint.step for checkpoint in checkpoints):
                model = model_id(job_id, self._record.request.suffix, step)
                said = f"Checkpoint created at step {step} with Snapshot ID: {model}"
                events.append(new_event(job_id, f"checkpoint-{step}", said))
        self.state = State(weights, checkpoints, tuple(events))
        save_state(self._folder.state, self.state)
        self._publish()

    def _publish(self) -> None:
        """Write what the state says where the server reads it; doing so again changes nothing."""
        step, steps = self.state.weights.step, {checkpoint.step for checkpoint in self.state.checkpoints}
        if step in steps:
            keep_weights(self._folder, step)
        write_json(self._folder.checkpoints_file, self.state.checkpoints)
        self.log.append(*self.state.events)
        kept = map(self._folder.weights, steps | set(self._record.snapshots))
        for displaced in set(self._folder.path.glob("weights-*.npz")).difference(kept):
            displaced.unlink()


def training_setup(folder: JobFolder, record: JobRecord) -> TrainingSetup:
    """Return what a job trains on; the features are fitted the first time and kept."""
    assert record.hyperparameters is not None
    request = record.request
    training = split_rows(folder.training.read_bytes(), "training")
    validation = split_rows(folder.validation.read_bytes(), "validation")
    if not folder.features.exists():
        texts = [user_text(row["messages"]) for row in (*training, *validation)]
        save_features(folder.features, fit(texts), plan_of_job(request.reinforcement, training))
    features, plan = load_features(folder.features)
    return TrainingSetup(
        plan=plan,
        grader=parse_grader(request.reinforcement.grader),
        training=examples_of(training, features, plan),
        validation=examples_of(validation, features, plan),
        hyperparameters=record.hyperparameters,
        seed=request.seed,
    )


def examples_of(rows: tuple[Row, ...], features: Features, plan: AnswerPlan) -> Examples:
    """Return the rows as the policy sees them."""
    texts = [user_text(row["messages"]) for row in rows]
    prompts = [prompt_text(row["messages"]) for row in rows]
    return Examples(rows, features.of(texts), base_logits(plan.choices, texts, prompts), tuple(texts))


def _checkpoint(step: int, train: Rollouts, valid: Rollouts) -> Checkpoint:
    return Checkpoint(step, train.reward, valid.reward, int(time.time()), train.tokens, valid.tokens)


def _refuse_broken_grader(train: Rollouts) -> None:
    share = failing_share(train.grades)
    if share >= MOST_FAILURES:
        said = f"The grader failed on {share:.0%} of a step's samples. {first_detail(train.grades)}"
        raise JobFailed(JobError("grader_error", said))


def _die_with(parent: int) -> bool:
    """Have this process killed when `parent` ends; return False where it has ended already.

    Only Linux can do that. Elsewhere a trainer whose server is gone trains on, and the lock keeps a second one waiting.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == parent


async def _main(folder: JobFolder, pace: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, stop.set)
    async with GraderRuntime(workers=GRADING_PROCESSES) as graders:
        try:
            await train(folder, graders, pace, stop)
        except JobFailed as failed:
            write_json(folder.error_file, failed.error)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train one job of the local platform.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pace", type=float, required=True)
    parser.add_argument("--parent", type=int, required=True)
    arguments = parser.parse_args()
    if not _die_with(arguments.parent):
        sys.exit("the server that started this trainer is gone")
    with (arguments.folder / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits for a trainer that is still on its way out
        asyncio.run(_main(JobFolder(arguments.folder), arguments.pace))
