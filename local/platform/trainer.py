"""The child process that trains one job: `python -m local.platform.trainer <folder> --pace <seconds> --parent <pid>`.

It may be killed at any moment. After each step it saves its state, then tells the step's events; started again, it
tells what it had not told and goes on. SIGUSR1 asks it to stop after the step it is at. How it ended is left in
outcome.json; no outcome means that it was killed, or paused.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from jobs.graders import GraderRuntime, parse_grader
from local.platform.checkpoints import Checkpoint, best, save_checkpoints
from local.platform.child import die_with, hold
from local.platform.choices import Plan
from local.platform.disk import read_object, write_object
from local.platform.events import Event, EventLog, metrics, told
from local.platform.examination import job_plan
from local.platform.features import Features, fit
from local.platform.leaning import base_logits
from local.platform.lesson import Course, Examples, Graded, Grading, roll_out, update, validate
from local.platform.names import checkpoint_model
from local.platform.policy import Weights
from local.platform.records import Fault, JobFolder, JobRecord, record_from
from local.platform.report import StepReport, Timing, failing_share, first_detail, result_table
from local.platform.rows import Row, split_rows
from local.platform.weights import State, load_sight, load_state, save_linear, save_sight, save_state

TOO_MANY_FAILURES = 0.5
"""A step in which the grader broke on so large a share of the rollouts ends the job."""
GRADING_PROCESSES = 2


class GraderBroke(Exception):
    """The grader failed on too many rollouts of a step; the text says how."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job's training ended by itself: with a fault, or well."""

    fault: Fault | None = None


def save_outcome(folder: JobFolder, outcome: Outcome) -> None:
    """Leave word of how training ended."""
    write_object(folder.outcome, asdict(outcome))


def load_outcome(folder: JobFolder) -> Outcome | None:
    """Return how training ended; None where it did not end by itself."""
    words = read_object(folder.outcome)
    if words is None:
        return None
    fault = words["fault"]
    return Outcome(Fault(**fault) if isinstance(fault, dict) else None)


async def train(folder: JobFolder, grading: Grading, pace: float, stop: asyncio.Event) -> Outcome | None:
    """Train the job in `folder` from where it stands; return how it ended, or None where `stop` ended it.

    Args:
        folder: the job's files; its record has hyperparameters.
        grading: grades the rollouts.
        pace: seconds that a step takes at least.
        stop: once set, training stops after the step it is at.
    """
    trainee = Trainee(folder, grading, pace, stop)
    try:
        while trainee.state.weights.step < trainee.total_steps:
            if stop.is_set():
                return None
            await trainee.step()
    except GraderBroke as broke:
        return Outcome(Fault("grader_error", str(broke)))
    folder.result.write_bytes(result_table(e.data for e in trainee.log.events() if e.type == "metrics" and e.data))
    return Outcome()


class Trainee:
    """A job while it trains: its course, its state and the log of its events."""

    def __init__(self, folder: JobFolder, grading: Grading, pace: float, stop: asyncio.Event) -> None:
        words = read_object(folder.record)
        assert words is not None
        self.record = record_from(words)
        assert self.record.hyperparameters is not None
        self.course = course_of(folder, self.record)
        self.total_steps = self.record.hyperparameters.total_steps(len(self.course.training.items))
        self.state = load_state(folder.state) or State(self.course.untrained())
        self.log = EventLog(folder.events)
        self._interval = self.record.hyperparameters.eval_interval
        self._folder, self._grading, self._pace, self._stop = folder, grading, pace, stop
        self._tell()

    async def step(self) -> None:
        """Take one step: roll out, learn, validate where it is due, keep the new state and tell it."""
        began = time.monotonic()
        step = self.state.weights.step + 1
        batch = self.course.batch(step)
        train = await roll_out(self.course, self._grading, batch, self.state.weights, step)
        _refuse_broken_grader(train)
        sampled = time.monotonic()
        weights = update(self.course, self.state.weights, batch, train)
        learned = time.monotonic()
        valid = await self._validation(weights)
        ended = time.monotonic()
        await self._wait(self._pace - (ended - began))
        seconds = Timing(
            sampling=sampled - began,
            training=learned - sampled,
            eval=None if valid is None else ended - learned,
            full=time.monotonic() - began,
        )
        self._keep(weights, StepReport(step, self.total_steps, self.course.grader, train, valid, seconds))

    async def _validation(self, weights: Weights) -> Graded | None:
        if weights.step % self._interval and weights.step != self.total_steps:
            return None
        return await validate(self.course, self._grading, weights, weights.step)

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), seconds)

    def _keep(self, weights: Weights, report: StepReport) -> None:
        telling = [metrics(self.record.id, report.step, report.message(), report.data())]
        checkpoints = self.state.checkpoints
        if report.valid is not None:
            checkpoints = best((*checkpoints, _checkpoint(report, report.valid)))
            save_linear(self._folder.weights(report.step), weights.linear)
            if report.step in (checkpoint.step for checkpoint in checkpoints):
                telling.append(self._checkpoint_event(report.step))
        self.state = State(weights, checkpoints, tuple(telling))
        save_state(self._folder.state, self.state)
        self._tell()

    def _tell(self) -> None:
        """Tells what the state has to tell; doing it again changes nothing."""
        self.log.append(self.state.telling)
        save_checkpoints(self._folder, self.state.checkpoints)
        kept = {self._folder.weights(checkpoint.step) for checkpoint in self.state.checkpoints}
        for displaced in set(self._folder.path.glob("checkpoint-*.npz")) - kept:
            displaced.unlink()

    def _checkpoint_event(self, step: int) -> Event:
        model = checkpoint_model(self.record.id, self.record.order.suffix, step)
        said = f"Checkpoint created at step {step} with Snapshot ID: {model}"
        return told(self.record.id, f"checkpoint-{step}", said)


def course_of(folder: JobFolder, record: JobRecord) -> Course:
    """Return what a job trains on; the features are fitted the first time and kept."""
    knobs, order = record.hyperparameters, record.order
    assert knobs is not None
    training = split_rows(folder.training.read_bytes(), "training")
    validation = split_rows(folder.validation.read_bytes(), "validation")
    if not folder.features.exists():
        texts = [row.text for row in (*training, *validation)]
        save_sight(folder.features, fit(texts), job_plan(order, training))
    features, plan = load_sight(folder.features)
    return Course(
        plan=plan,
        grader=parse_grader(order.grader),
        training=_examples(training, features, plan),
        validation=_examples(validation, features, plan),
        batch_size=knobs.batch_size,
        rollouts=knobs.rollouts,
        eval_samples=knobs.eval_samples,
        learning_rate_multiplier=knobs.learning_rate_multiplier,
        seed=order.seed,
    )


def _examples(rows: Sequence[Row], features: Features, plan: Plan) -> Examples:
    texts = [row.text for row in rows]
    return Examples(tuple(row.item for row in rows), features.of(texts), base_logits(plan.choices, texts))


def _checkpoint(report: StepReport, valid: Graded) -> Checkpoint:
    return Checkpoint(
        step=report.step,
        train_reward=report.train_reward,
        valid_reward=float(valid.rewards.mean()),
        created_at=int(time.time()),
        train_tokens=report.train.tokens,
        valid_tokens=valid.tokens,
    )


def _refuse_broken_grader(train: Graded) -> None:
    share = failing_share(train.grades)
    if share >= TOO_MANY_FAILURES:
        raise GraderBroke(f"The grader failed on {share:.0%} of a step's samples. {first_detail(train.grades)}")


async def _main(folder: JobFolder, pace: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, stop.set)
    async with GraderRuntime(workers=GRADING_PROCESSES) as grading:
        outcome = await train(folder, grading, pace, stop)
    if outcome is not None:
        save_outcome(folder, outcome)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Train one job of the local platform.")
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--pace", type=float, required=True)
    arguments.add_argument("--parent", type=int, required=True)
    given = arguments.parse_args()
    if not die_with(given.parent):
        sys.exit("the server that started this trainer is gone")
    with hold(given.folder / "lock"):
        asyncio.run(_main(JobFolder(given.folder), given.pace))
