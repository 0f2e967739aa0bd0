"""Sweeps over the number of training items: launched together, followed, and read once every job is evaluated."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final

from charts.wording import counted, joined, number, plural
from jobs.core.errors import InvalidRequest
from jobs.core.ids import SWEEP_PREFIX, learning_item, short_id
from jobs.core.records import Job, LaunchRequest
from jobs.evals.answer_store import AnswerReader
from jobs.evals.records import Eval
from jobs.evals.stats.variance_components import item_means
from jobs.evidence.measure import SplitAnswers
from jobs.evidence.plan import TASK_PARTS
from jobs.evidence.records import Candidate, Evidence, EvidenceState, Role
from jobs.learning.curve import FEWEST_SIZES, Gain, Trained, gain
from jobs.learning.records import Sweep, SweepResult, SweptJob, result_posting, sweep_posting
from jobs.state.change import Change, Versioned
from jobs.state.find import find
from jobs.state.store import Store, retry_on_conflict
from jobs.training.launch import Launcher

FOLLOW_SECONDS: Final = 10.0
MOST_JOBS: Final = 24
EVALUATED: Final = "evaluated"


@dataclass(frozen=True, slots=True)
class Sweeps:
    """The sweeps of this bot."""

    store: Store
    launcher: Launcher
    answers: AnswerReader
    clock: Callable[[], float]
    """Unix seconds."""

    async def launch(self, request: LaunchRequest, sizes: Sequence[int], seeds: int, more: int | None) -> Sweep:
        """Launch a job for each size and seed, smaller ones first; the same trigger launches them once.

        Args:
            request: of each job, but for its items and seed.
            sizes: numbers of training items; each larger part holds the smaller ones.
            seeds: jobs for each size.
            more: items beyond the most that are asked about; None takes the last step between sizes.

        Raises:
            UserError: too few sizes, or the task, platform or rows do not allow one of the jobs; nothing is launched.
            AlreadyTaken: the same person asked for the same within the last seconds.
        """
        sizes = sorted(set(sizes))
        if len(sizes) < FEWEST_SIZES or sizes[0] * 2 > sizes[-1]:
            raise InvalidRequest(
                "A learning curve takes three sizes or more, the largest at least twice the smallest: "
                "`items=50,100,200`."
            )
        if len(sizes) * seeds > MOST_JOBS:
            raise InvalidRequest(
                f"{len(sizes)} sizes x {seeds} seeds are {len(sizes) * seeds} jobs, more than {MOST_JOBS}."
            )
        first, swept = request.seed or 1, replace(request, is_swept=True)
        wanted = [
            replace(swept, items=size, seed=first + number, trigger=f"{request.trigger}:{size}:{number}")
            for size in sizes
            for number in range(seeds)
        ]
        for each in wanted:
            await self.launcher.planned(each)
        launched = [await self.launcher.launch(each) for each in wanted]
        sweep = Sweep(
            id=short_id(SWEEP_PREFIX, request.trigger),
            request=request,
            more=more or sizes[-1] - sizes[-2],
            jobs=tuple(
                SweptJob(each.items or 0, each.seed or 0, job.id) for each, job in zip(wanted, launched, strict=True)
            ),
            created_at=self.clock(),
        )
        if await self.store.record(Sweep, sweep.id) is None:
            await self.store.commit(
                Change(
                    records=(Versioned(sweep, 0),),
                    schedule={learning_item(sweep.id): FOLLOW_SECONDS},
                    postings=(sweep_posting(sweep),),
                )
            )
        return sweep

    async def view(self, reference: str) -> Sweep:
        """Return a sweep by its id, or enough of its beginning; raises NotFound."""
        return (await find(self.store, Sweep, reference, prefix=SWEEP_PREFIX, noun="sweep")).value

    async def turn(self, sweep_id: str) -> float | None:
        """Do the work item of a sweep: see which jobs ended, and once all have, read the result."""

        async def step() -> float | None:
            held = await self.store.record(Sweep, sweep_id)
            if held is None or held.value.result:
                return None
            new = await self._followed(held.value)
            if new != held.value:
                told = (sweep_posting(new), *((result_posting(new),) if new.result else ()))
                await self.store.commit(Change(records=(Versioned(new, held.version),), postings=told))
            return None if new.result else FOLLOW_SECONDS

        return await retry_on_conflict(step)

    async def _followed(self, sweep: Sweep) -> Sweep:
        ended = {each.job: end for each in sweep.jobs if (end := await self._end_of(each.job))}
        sweep = replace(sweep, ended=ended)
        if len(ended) < len(sweep.jobs):
            return sweep
        return replace(sweep, result=await self._result(sweep))

    async def _end_of(self, job_id: str) -> str | None:
        """Return how a job ended, for the sweep; None while it goes on."""
        job, evidence = await self.store.record(Job, job_id), await self.store.record(Evidence, job_id)
        if job is None:
            return "is gone"
        if evidence and evidence.value.state is EvidenceState.READY and job.value.state.is_final:
            return EVALUATED if _best(evidence.value, job.value.reward) else "has no checkpoint with a score"
        if evidence and evidence.value.state is EvidenceState.FAILED and job.value.state.is_final:
            return "could not be evaluated"
        if job.value.state.is_final and not job.value.has_final_checkpoints:
            return f"{job.value.state.value.replace('_', ' ')}, without a checkpoint"
        return None

    async def _result(self, sweep: Sweep) -> SweepResult:
        found = [await self._trained(each) for each in sweep.jobs if sweep.ended[each.job] == EVALUATED]
        lost = [f"{job} {why}" for job, why in sweep.ended.items() if why != EVALUATED]
        notes = [f"Left out: {joined(lost)}."] if lost else []
        points = tuple((each.trained.items, each.trained.mean) for each in found)
        reward = found[0].reward if found else "reward"
        if len({each.measured_by for each in found}) > 1:
            notes.append("Files of the task were changed in between, so that the jobs do not compare.")
            return SweepResult(" ".join(["Can't tell whether more data pays.", *notes]), points, reward=reward)
        read = await asyncio.to_thread(gain, [each.trained for each in found], sweep.more)
        if read is None:
            return SweepResult(
                " ".join([f"Can't tell whether more data pays: {_too_few(points)}", *notes]), points, reward=reward
            )
        scale, base = found[0].scale, found[0].base
        told = [read.verdict(scale[1] - scale[0] if scale else 1.0), _levels(points), *notes]
        return SweepResult(" ".join(told), points, read.curve, _promised(read), base, reward)

    async def _trained(self, swept: SweptJob) -> "_Evaluated":
        held = await self.store.record(Evidence, swept.job)
        assert held is not None, "an evaluated job has its evidence"
        evidence = held.value
        found = await self.store.record(Eval, evidence.valid_eval or "")
        assert found is not None, "evals of evidence are kept"
        best = _best(evidence, found.value.reward)
        assert best is not None, "an evaluated job has a checkpoint with a score"
        rewards = (await asyncio.to_thread(SplitAnswers.read, found.value, self.answers)).rewards(best.model)
        parts = tuple(evidence.parts.get(part, "") for part in TASK_PARTS if part != "test")
        base = evidence.base.valid.get(found.value.reward) if evidence.base else None
        trained = Trained(swept.items, item_means(rewards))
        return _Evaluated(trained, parts, found.value.reward, base.mean if base else None, evidence.scale)


@dataclass(frozen=True, slots=True)
class _Evaluated:
    """A job of a sweep with the scores of its best checkpoint."""

    trained: Trained
    measured_by: tuple[str, ...]
    reward: str
    base: float | None
    scale: tuple[float, float] | None


def _best(evidence: Evidence, reward: str) -> Candidate | None:
    """Return the checkpoint with the highest reward on the validation split, of equals the first; None if none has one.

    What the choice owes to luck is much the same for jobs that keep as many checkpoints, so it drops out of the curve.
    """
    scored = [each for each in evidence.candidates if each.role is Role.CHECKPOINT and reward in each.valid]
    return max(scored, key=lambda each: each.valid[reward].mean, default=None)


def _levels(points: Sequence[tuple[int, float]]) -> str:
    """Return the mean score at each number of items, as a sentence."""
    by_size: dict[int, list[float]] = {}
    for items, score in points:
        by_size.setdefault(items, []).append(score)
    told = [f"{number(fmean(scores))} with {items:,}" for items, scores in sorted(by_size.items())]
    return f"Best checkpoints scored {joined(told)} training items."


def _too_few(points: Sequence[tuple[int, float]]) -> str:
    sizes = len({items for items, _ in points})
    return f"{counted(sizes, 'size')} {plural(sizes, 'has', 'have')} a score, and it takes {FEWEST_SIZES}."


def _promised(read: Gain) -> tuple[int, float, float]:
    """Return the items that were asked about, and between which scores they are expected."""
    items, score = read.curve[-1]
    return round(items), score - read.mean + read.low, score - read.mean + read.high
