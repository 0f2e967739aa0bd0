"""Evaluates a job's checkpoints as soon as it stands still, measures them, and has their approval opened on that.

    job ends or is paused ──> gathering ──> ready ──────────> (looked at again while the approval is open)
                                  │                                │
                                  ├───────> failed                 └── what it rests on changed ──> gathering, round + 1
                                  └───────> withdrawn: the job went on; gathering, round + 1, when it stands still

Its work items are separate from those of the job and of the evals. One may run twice: the ids of a round's evals follow
from job and round, and everything that a work item changes is written at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

import structlog

from jobs.core.errors import BotError, NotFound
from jobs.core.records import Job
from jobs.evals.answer_store import AnswerReader
from jobs.evals.records import Eval
from jobs.evidence.measure import failed, measured, trouble
from jobs.evidence.plan import RoundPlanner
from jobs.evidence.records import Evidence, EvidenceState
from jobs.evidence.round import (
    ASKED_AGAIN,
    RECHECK_SECONDS,
    ApprovalState,
    Case,
    JobApproval,
    begun,
    check_again,
    done,
    followed,
    new_round,
    reason_to_begin,
    withdrawn,
)
from jobs.platforms.gateway import PlatformOf
from jobs.queue.pools import Held
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, retry_on_conflict

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EvidenceRunner:
    """Has checkpoints evaluated, and their approval opened on the result."""

    store: Store
    planner: RoundPlanner
    file: AnswerReader
    platform_of: PlatformOf
    approval_of: Callable[[str], Awaitable[JobApproval]]
    clock: Callable[[], float]
    """Unix seconds."""

    async def turn(self, job_id: str, held: Held, reference: str) -> None:
        """Take the next step of a job's evidence: begin a round, follow it, conclude it, or see whether it still holds.

        Args:
            job_id: whose evidence.
            held: the work item.
            reference: finds this work item in the log, should it fail.
        """

        async def step() -> None:
            case = await self._case(job_id)
            if case:
                await self._commit(case, await self._next(case, held, reference))

        await retry_on_conflict(step)

    async def again(self, job_id: str, by: str) -> Evidence:
        """Evaluate a job's checkpoints again, as a person (Slack user id) asks; return the evidence of the new round.

        Votes on the evidence so far no longer count. The test split is not opened again unless something about it has
        changed.

        Raises:
            NotFound: there is no such job.
            Conflict: it still trains, has no checkpoint, is being evaluated, or one of its checkpoints is approved.
        """

        async def attempt() -> Evidence:
            case = await self._case(job_id)
            if case is None:
                raise NotFound(f"There is no job '{job_id}'.")
            check_again(case)
            change = await self._begin(case, ASKED_AGAIN, by=by)
            await self._commit(case, change)
            written = change.record(Evidence)
            assert written is not None, "a round begins with its evidence"
            return written.value

        return await retry_on_conflict(attempt)

    async def recheck(self, job_id: str) -> None:
        """Begin a new round if something an open approval rests on has changed since the last look.

        For whoever is about to settle the approval.

        Raises:
            BotError: what it rests on cannot be read.
        """

        async def attempt() -> None:
            case = await self._case(job_id)
            if case is None or case.evidence is None or case.approval.state is not ApprovalState.OPEN:
                return
            changed = await self.planner.changed(case.job, case.evidence.parts)
            if changed and case.evidence.state is not EvidenceState.GATHERING:
                await self._commit(case, await self._begin(case, changed))

        await retry_on_conflict(attempt)

    async def _case(self, job_id: str) -> Case | None:
        job = await self.store.record(Job, job_id)
        if job is None:
            return None
        return Case(job.value, await self.store.record(Evidence, job_id), await self.approval_of(job_id))

    async def _commit(self, case: Case, change: Change) -> None:
        await self.store.commit(change)
        written, before = change.record(Evidence), case.evidence
        new = written.value if written else None
        if new and (before is None or (new.round, new.state) != (before.round, before.state)):
            log.info("evidence.changed", job=new.job, round=new.round, state=new.state.value, note=new.note)

    async def _next(self, case: Case, held: Held, reference: str) -> Change:
        job, evidence = case.job, case.evidence
        if not job.has_final_checkpoints:
            return withdrawn(case, await self._evals(evidence), self.clock())
        if held.is_exhausted:
            fault = f"A fault of mine stops me from evaluating {job.id} (reference {reference})."
            return self._failed(case, evidence or new_round(job, None, self.clock()), fault)
        reason = reason_to_begin(job, evidence)
        if evidence is None or reason is not None:
            return await self._begin(case, reason or "")
        if evidence.state is EvidenceState.GATHERING:
            return await self._follow(case, evidence)
        return await self._look_again(case, evidence)

    async def _begin(self, case: Case, reason: str, *, by: str | None = None) -> Change:
        """Start a round's evals and take back the votes on the round before; say why if it cannot be had."""
        new = replace(new_round(case.job, case.evidence, self.clock()), cause=reason)
        try:
            planned, started = await self.planner.plan(case.job, new, case.evidence, reuse_valid=by is None)
        except BotError as failure:
            return self._failed(case, replace(new, parts=await self.planner.parts(case.job)), str(failure))
        return begun(case, planned, started, reason, self.clock(), by)

    async def _follow(self, case: Case, evidence: Evidence) -> Change:
        evals = [each.value for each in await self._evals(evidence)]
        if all(each.state.is_final for each in evals):
            return await self._conclude(case, evidence, evals)
        answered = sum(each.progress.answered for each in evals)
        waits = next((each.note for each in evals if each.waiting_since is not None), None)
        return followed(case, replace(evidence, answered=answered, waits=waits))

    async def _conclude(self, case: Case, evidence: Evidence, evals: list[Eval]) -> Change:
        """Write down what a round measured, unless what it rests on has changed meanwhile."""
        evidence = replace(evidence, waits=None)
        changed = await self.planner.changed(case.job, evidence.parts)
        if changed:
            return await self._begin(case, changed)
        valid = evals[0]
        problem = trouble(valid)
        if problem:
            return self._failed(case, evidence, problem)
        profile, _ = self.platform_of(case.job.platform)
        result = await asyncio.to_thread(
            measured,
            evidence,
            {each.split: each for each in evals},
            self.file,
            guardrails=case.job.guardrails,
            price_of=lambda model: profile.price_of(model, case.job.model),
            evaluations=len((await self.store.series(case.job.id)).valid),
        )
        return done(case, replace(result, finished_at=self.clock()), evals, self.clock())

    def _failed(self, case: Case, evidence: Evidence, reason: str) -> Change:
        try:
            retired = self.platform_of(case.job.platform)[0].retired
        except BotError:
            retired = {}
        now = self.clock()
        return done(case, failed(evidence, case.job, retired, reason, now), (), now)

    async def _look_again(self, case: Case, evidence: Evidence) -> Change:
        """See whether what an open approval rests on still holds; once it is settled, nobody needs to."""
        if case.approval.state in {ApprovalState.APPROVED, ApprovalState.ENDED}:
            return case.change(None, -1.0)
        changed = await self.planner.changed(case.job, evidence.parts)
        if changed:
            return await self._begin(case, changed if evidence.parts else _why_readable(case.job))
        if case.approval.state is ApprovalState.OPEN:
            return case.change(None, RECHECK_SECONDS)
        return done(case, evidence, (), self.clock())

    async def _evals(self, evidence: Evidence | None) -> list[Versioned[Eval]]:
        """Return the evals of a round that is under way, the one on the validation split first."""
        evals = []
        under_way = evidence if evidence and evidence.state is EvidenceState.GATHERING else None
        for eval_id in under_way.evals.values() if under_way else ():
            held = await self.store.record(Eval, eval_id)
            assert held is not None, "an eval is written with the evidence that names it"
            evals.append(held)
        return evals


def _why_readable(job: Job) -> str:
    """Return why there is a round now though nothing of the task could be read before, as a sentence."""
    if job.imported:
        return f"It is known now that {job.id} is a job of {job.task}, which says how checkpoints are evaluated."
    return f"The files of {job.task} can be read again, which say how checkpoints are evaluated."
