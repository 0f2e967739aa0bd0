"""Rule O1 on jobs that really train: how often it warns, compared with the plain gap and with the true one.

Twenty seeds a size, on the local platform's own trainer and the task's own graders, over real EU acts. The true gap is
what overfitting is: mean reward of the final policy on the items it trained on, less that on acts it never met.
"""

import asyncio
import dataclasses
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

from jobs.core.records import Hyperparameters
from jobs.core.series import Series
from jobs.graders import GraderRuntime
from jobs.platforms.metrics import step_of
from jobs.platforms.parse import read_event
from jobs.rules import JobFacts, RuleInputs, evaluate, facts_of
from jobs.rules.curves import at, epoch_means
from jobs.rules.gap import BASELINE_GAPS
from jobs.rules.overfitting import Overfitting
from jobs.tasks import Task, TaskCatalogue
from local.platform.file_store import split_rows
from local.platform.job_request import JobRequest
from local.platform.job_store import EventLog, JobFolder, JobRecord, JobStore, Status
from local.platform.numpy_policy.policy import Weights
from local.platform.numpy_policy.train_step import Examples, TrainingSetup
from local.platform.numpy_policy.trainer import examples_of, train, training_setup
from local.platform.numpy_policy.weights import load_features, load_state
from tests import records
from tests.task_from_pool import NO_POOL, pool_path, write_task

SEEDS = 20
QUICK_SEEDS = 2
SIZES = (24, 100, 400)
POOL, VALID, FRESH = 700, 50, 300
O1 = Overfitting()
BUNDLED = Path(__file__).parents[2] / "tasks"


@dataclass(frozen=True, slots=True)
class Trained:
    """One job: what warned of it, and the truth."""

    aligned: bool
    """Rule O1."""
    auto: bool
    """The same rule where the platform does not tell its batch size."""
    plain: bool
    """The same rule on the mean train reward of the last epoch less the newest validation reward."""
    critical: bool
    """Rule O2."""
    own: float
    """Mean reward of the final policy on its training items."""
    fresh: float
    """The same on items it never met."""

    @property
    def gap(self) -> float:
        return self.own - self.fresh


async def figures(full: bool) -> dict[str, float]:
    """Return for each size how many of the jobs warned, and their true gaps; {} where the acts are not at hand."""
    pool = pool_path()
    if pool is None:
        sys.stderr.write(f"  left out: {NO_POOL}\n")
        return {}
    seeds = SEEDS if full else QUICK_SEEDS
    found: dict[str, float] = {"overfitting.jobs_per_size": seeds}
    for size in SIZES:
        jobs = await jobs_of(pool, size, seeds)
        found |= _named(f"overfitting.{size}_items", jobs)
        sys.stderr.write(f"  {size} items: {summary(jobs)}\n")
    return found


async def jobs_of(pool: Path, size: int, seeds: int) -> list[Trained]:
    """Return `seeds` trained jobs of `size` training items, each with a draw of acts and a training seed of its own."""
    async with GraderRuntime(workers=2) as grading:
        return [await one_job(pool, size, seed, grading) for seed in range(seeds)]


def summary(jobs: Sequence[Trained]) -> str:
    """Return the rates next to the truth, in a line."""
    gaps = [job.gap for job in jobs]
    return (
        f"{sum(job.aligned for job in jobs)} of {len(jobs)} warn by the aligned gap, "
        f"{sum(job.auto for job in jobs)} without the batch size, "
        f"{sum(job.plain for job in jobs)} by the plain one, {sum(job.critical for job in jobs)} critical; "
        f"true gap {fmean(gaps):.3f} ({min(gaps):.3f} to {max(gaps):.3f})"
    )


def _named(name: str, jobs: Sequence[Trained]) -> dict[str, float]:
    gaps = [job.gap for job in jobs]
    return {
        f"{name}.warn": sum(job.aligned for job in jobs),
        f"{name}.auto_warn": sum(job.auto for job in jobs),
        f"{name}.plain_gap_warn": sum(job.plain for job in jobs),
        f"{name}.critical": sum(job.critical for job in jobs),
        f"{name}.true_gap": round(fmean(gaps), 4),
        f"{name}.true_gap_lowest": round(min(gaps), 4),
        f"{name}.true_gap_highest": round(max(gaps), 4),
        f"{name}.own_reward": round(fmean(job.own for job in jobs), 4),
        f"{name}.fresh_reward": round(fmean(job.fresh for job in jobs), 4),
    }


async def one_job(pool: Path, size: int, seed: int, grading: GraderRuntime) -> Trained:
    """Train one job as the platform does, read its events as the bot does, and measure what it really learned."""
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as home:
        # The pool has 700 acts: next to 400 and 50 of them there are 250 left to be met for the first time.
        fresh = min(FRESH, POOL - VALID - size)
        write_task(Path(home) / "tasks" / "acts", pool, size, VALID, fresh, seed=seed)
        catalogue = TaskCatalogue(Path(home) / "tasks")
        task = catalogue.load("acts")
        folder, record = _ordered(Path(home), catalogue, task, seed)
        assert await train(folder, grading, 0.0, asyncio.Event())
        series, facts = series_of(folder), _facts(record, size)
        own, unmet = await _true_rewards(folder, record, catalogue.training_rows(task, "test"), grading)
        raised_rules = {alert.rule for alert in evaluate(series, facts)}
        auto = bool(O1.alerts(RuleInputs(series, dataclasses.replace(facts, batch_size=None))))
        return Trained("O1" in raised_rules, auto, plain_gap_warns(series, facts), "O2" in raised_rules, own, unmet)


async def trained_bundled(home: Path, grading: GraderRuntime, *, seed: int, **hyperparameters: int) -> Series:
    """Train the bundled task as the platform does, and return what the bot reads of it."""
    catalogue = TaskCatalogue(BUNDLED)
    folder, _ = _ordered(home, catalogue, catalogue.load("eurovoc"), seed, **hyperparameters)
    assert await train(folder, grading, 0.0, asyncio.Event())
    return series_of(folder)


def _ordered(
    home: Path, catalogue: TaskCatalogue, task: Task, seed: int, **hyperparameters: int
) -> tuple[JobFolder, JobRecord]:
    """A job as a launch leaves it on the platform; hyperparameters that are not given are left to the platform."""
    wanted = {"grader": dict(task.reward_grader), "response_format": task.response_format}
    method = {"type": "reinforcement", "reinforcement": wanted | {"hyperparameters": hyperparameters}}
    named = {"model": "local-policy-1", "training_file": "file-t", "validation_file": "file-v", "seed": seed}
    request = JobRequest.model_validate(json.loads(json.dumps({**named, "method": method})))
    store = JobStore(home / "platform")
    rows = catalogue.training_rows(task, "train")
    record = store.add(request, rows, catalogue.training_rows(task, "valid"))
    resolved = request.reinforcement.hyperparameters.resolved(len(rows.splitlines()))
    record = dataclasses.replace(record, status=Status.RUNNING, hyperparameters=resolved)
    store.put(record)
    return store.folder(record.id), record


def series_of(folder: JobFolder) -> Series:
    """Return the job's series out of its events, in the bot's own words."""
    events = (read_event(event.view()) for event in EventLog(folder.events).events())
    steps = (step_of(event.data, kind=event.kind, message=event.message, at=event.at) for event in events)
    return Series.of(step for step in steps if step is not None)


def _facts(record: JobRecord, size: int) -> JobFacts:
    knobs = record.hyperparameters
    assert knobs is not None
    asked = records.a_request(hyperparameters=Hyperparameters(eval_samples=knobs.eval_samples))
    job = records.a_job(request=asked, batch_size=knobs.batch_size, train_items=size, valid_items=VALID, reward="f1")
    return facts_of(job)


async def _true_rewards(
    folder: JobFolder, record: JobRecord, fresh: bytes, grading: GraderRuntime
) -> tuple[float, float]:
    """The final policy's mean reward on its training items and on the fresh ones, with as many draws as validation."""
    state = load_state(folder.state)
    assert state is not None
    setup = training_setup(folder, record)
    features, plan = load_features(folder.features)
    unmet = examples_of(split_rows(fresh, "validation"), features, plan)
    own = await _mean_reward(setup, setup.training, state.weights, grading)
    return own, await _mean_reward(setup, unmet, state.weights, grading)


async def _mean_reward(setup: TrainingSetup, examples: Examples, weights: Weights, grading: GraderRuntime) -> float:
    other = dataclasses.replace(setup, validation=examples)
    return (await other.validate(grading, weights, weights.step + 1)).reward


def plain_gap_warns(series: Series, facts: JobFacts) -> bool:
    """Tell whether the gap between the mean train reward of the last epoch and the newest validation reward grew.

    That is what one does by eye: it lies by more than .05 above the median of the first three, twice running.
    """
    assert facts.epoch_steps is not None
    means = epoch_means(series.train, facts.epoch_steps)
    gaps = [mean - valid for step, valid in series.valid if (mean := at(means, step)) is not None]
    grown = [gap - median(gaps[:BASELINE_GAPS]) > O1.least_drift for gap in gaps[BASELINE_GAPS - 1 :]]
    return any(one and other for one, other in pairwise(grown))
