"""Gathers the evidence for a job's checkpoints by itself: evaluates them, reads what came of it, opens the approval.

    job ends or is paused ──> gathering ──> ready ──────────> (looked at again while the approval is open)
                                  │                                │
                                  ├───────> failed                 └── what it rests on changed ──> gathering, round + 1
                                  └───────> withdrawn: the job went on; gathering, round + 1, when it stands still

Its turns are its own, beside those of the job and of the evals. A turn may run twice: a round's evals have ids that
follow from job and round, and everything that a turn changes is written at once.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import structlog

from jobs.approvals.records import Approval
from jobs.core.errors import BotError, Conflict, NotFound
from jobs.core.records import Job
from jobs.evals.planning import EvalPlanner
from jobs.evals.records import Eval
from jobs.evidence.answers import EvalFile
from jobs.evidence.changing import LOOK_AGAIN, Case, begun, done, followed, planned_again, withdrawn
from jobs.evidence.digest import changed_parts
from jobs.evidence.outcome import failed, ready, trouble
from jobs.evidence.preparing import Preparer
from jobs.evidence.reading import Reading, Terms, read_evidence
from jobs.evidence.records import Evidence, EvidenceState
from jobs.evidence.rounds import (
    ASKED_AGAIN,
    a_round,
    check_again,
    in_words,
    is_examined,
    joined,
    planned,
    prices_of,
    readable_now,
    why_not,
)
from jobs.platforms.gateway import PlatformOf
from jobs.platforms.profiles import Profile
from jobs.state.change import Versioned
from jobs.state.store import Store, VersionConflict
from jobs.tasks import TaskCatalogue

MOST_STARTS: Final = 3
"""Turns that may die before the evidence is given up: it must not kill its worker for ever."""
MOST_TRIES: Final = 10
"""Times that a turn begins anew because somebody else, who votes say, changed a record first."""
WENT_ON: Final = "{} went on training before its checkpoints were evaluated."

log: Final = structlog.get_logger(__name__)


class EvidenceRunner:
    """Has checkpoints evaluated and their approval opened on what that shows.

    Args:
        store: where everything is kept.
        tasks: the tasks of the jobs.
        planner: plans the evals.
        file: has the evals' answers.
        platform_of: profile and gateway by name.
        clock: unix seconds.
    """

    def __init__(
        self,
        store: Store,
        tasks: TaskCatalogue,
        planner: EvalPlanner,
        file: EvalFile,
        platform_of: PlatformOf,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._file = file
        self._platform_of = platform_of
        self._clock = clock
        self._preparer = Preparer(store, tasks, planner, platform_of, clock)

    async def again(self, job_id: str, by: str) -> Evidence:
        """Evaluate a job's checkpoints once more, as a person asks; return the new round's evidence as it begins.

        Votes on the evidence until now count no more. The test split is not opened again where nothing about it has
        changed.

        Args:
            job_id: the job.
            by: Slack user id of who asks.

        Raises:
            NotFound: there is no such job.
            Conflict: it still trains, has no checkpoint, is being evaluated, or one of its checkpoints is approved.
        """
        for _ in range(MOST_TRIES):
            case = await self._case(job_id)
            if case is None:
                raise NotFound(f"There is no job '{job_id}'.")
            if not is_examined(case.job):
                raise Conflict(why_not(case.job))
            check_again(case.job, case.evidence, case.approval.value if case.approval else None)
            try:
                return await self._begin(case, ASKED_AGAIN, by=by)
            except VersionConflict:
                continue
        raise AssertionError(f"{job_id} changed {MOST_TRIES} times while it was evaluated again")

    async def turn(self, job_id: str, starts: int, reference: str) -> None:
        """Take one turn of a job's evidence: begin it, look at its evals, conclude, or see whether it still holds.

        Args:
            job_id: whose evidence.
            starts: turns begun since the last one that finished, this one included.
            reference: finds this turn in the log, should it fail.
        """
        for _ in range(MOST_TRIES):
            case = await self._case(job_id)
            if case is None:
                return
            try:
                await self._step(case, starts, reference)
            except VersionConflict:
                continue  # somebody voted, cancelled or resumed meanwhile: decide anew on what is so now
            else:
                return

    async def recheck(self, job_id: str) -> None:
        """See whether what an open approval rests on is still so, and begin anew where it is not.

        For whoever is about to settle the approval, so that nothing is approved on what changed since the last turn.

        Raises:
            BotError: what it rests on cannot be read.
        """
        for _ in range(MOST_TRIES):
            case = await self._case(job_id)
            approval = case.approval.value if case and case.approval else None
            if case is None or case.evidence is None or not (approval and approval.evidence) or approval.settled:
                return
            changed = changed_parts(case.evidence.parts, await self._preparer.parts(case.job))
            if not changed or case.evidence.state is EvidenceState.GATHERING:
                return
            try:
                await self._begin(case, in_words(changed))
            except VersionConflict:
                continue
            else:
                return

    async def _case(self, job_id: str) -> Case | None:
        job = await self._store.record(Job, job_id)
        if job is None:
            return None
        return Case(job.value, await self._store.record(Evidence, job_id), await self._store.record(Approval, job_id))

    async def _step(self, case: Case, starts: int, reference: str) -> None:
        job, evidence = case.job, case.evidence
        if not is_examined(job):
            await self._withdraw(case)
        elif starts > MOST_STARTS:
            fault = f"A fault of mine stops me from evaluating {job.id} (reference {reference})."
            await self._fail(case, evidence or a_round(job, None, self._clock()), fault)
        elif evidence is None:
            await self._begin(case, "")
        elif set(evidence.checkpoints) != {each.id for each in job.checkpoints}:
            await self._begin(case, f"{job.id} has other checkpoints now.")
        elif evidence.state is EvidenceState.WITHDRAWN:
            await self._begin(case, WENT_ON.format(job.id))
        elif evidence.state is EvidenceState.GATHERING:
            await self._follow(case, evidence)
        else:
            await self._look_again(case, evidence)

    # -- a round -------------------------------------------------------------------------------------------------

    async def _begin(self, case: Case, reason: str, *, by: str | None = None) -> Evidence:
        """Start a round's evals, and take back the votes on the round before; nothing starts twice.

        Args:
            case: as it was read.
            reason: why there is a new round, as a sentence.
            by: who asked for it, where a person did.
        """
        job, now = case.job, self._clock()
        new = a_round(job, case.evidence, now)
        try:
            plan = await self._preparer.plan(job, new.round, case.evidence, anew=by is not None)
        except BotError as failure:
            new = replace(new, parts=await self._preparer.parts(job))
            return await self._fail(case, new, str(failure))
        evidence = planned(new, plan)
        await self._store.commit(begun(case, evidence, plan.started, reason, now, by=by))
        log.info("evidence.begun", job=job.id, round=evidence.round, evals=[each.value.id for each in plan.started])
        return evidence

    async def _follow(self, case: Case, evidence: Evidence) -> None:
        """Look at a round's evals: show how far they are, or conclude when they are over."""
        evals = [each.value for each in await self._evals(evidence)]
        if all(each.state.is_final for each in evals):
            await self._conclude(case, evidence, evals)
            return
        answered = sum(each.progress.answered for each in evals)
        await self._store.commit(followed(case, replace(evidence, answered=answered)))

    async def _conclude(self, case: Case, evidence: Evidence, evals: list[Eval]) -> None:
        """Write down what a round came to, and open the approval on it."""
        valid, *rest = evals
        changed = changed_parts(evidence.parts, await self._preparer.parts(case.job))
        if changed:
            await self._begin(case, in_words(changed))
            return
        problem = trouble(valid)
        if problem:
            await self._fail(case, evidence, problem)
            return
        test = rest[0] if rest and trouble(rest[0]) is None else None
        reading = await self._read(case.job, evidence, valid, test)
        if rest and test is None:
            evidence = replace(evidence, note=joined(evidence.note, f"On the test split: {trouble(rest[0])}"))
        read = ready(evidence, reading, (valid, test) if test else (valid,), self._clock())
        await self._write(case, read, evals)

    async def _read(self, job: Job, evidence: Evidence, valid: Eval, test: Eval | None) -> Reading:
        profile, _ = self._platform_of(job.platform)
        looked_at = len((await self._store.series(job.id)).valid)
        terms = Terms(job.guardrails, evidence.alias_model, prices_of(evidence, job, profile), looked_at)
        return await asyncio.to_thread(read_evidence, evidence.candidates, valid, test, self._file, terms)

    async def _fail(self, case: Case, evidence: Evidence, reason: str) -> Evidence:
        """Say why there is no evidence, with the platform's own figures in its place."""
        without = failed(evidence, case.job, self._profile(case.job), reason, self._clock())
        await self._write(case, without)
        return without

    async def _write(self, case: Case, evidence: Evidence, evals: Sequence[Eval] = ()) -> None:
        await self._store.commit(done(case, evidence, evals, self._clock()))
        log.info("evidence.done", job=case.job.id, round=evidence.round, state=evidence.state.value, note=evidence.note)

    # -- afterwards ----------------------------------------------------------------------------------------------

    async def _look_again(self, case: Case, evidence: Evidence) -> None:
        """See whether what an open approval rests on is still so; once it is settled, nobody needs to."""
        job, approval = case.job, case.approval.value if case.approval else None
        if approval and approval.settled:
            await self._store.commit(planned_again(job, -1.0))
            return
        changed = changed_parts(evidence.parts, await self._preparer.parts(job))
        if changed:
            await self._begin(case, in_words(changed) if evidence.parts else readable_now(job))
        elif approval is None or not approval.evidence:
            await self._write(case, evidence)
        else:
            await self._store.commit(planned_again(job, LOOK_AGAIN))

    async def _withdraw(self, case: Case) -> None:
        """Take back the votes on checkpoints of a job that goes on, and stop their evals: they may be displaced."""
        evidence = case.evidence
        evals = await self._evals(evidence) if evidence and evidence.state is EvidenceState.GATHERING else []
        await self._store.commit(withdrawn(case, evals, self._clock()))

    # -- inside --------------------------------------------------------------------------------------------------

    def _profile(self, job: Job) -> Profile | None:
        try:
            return self._platform_of(job.platform)[0]
        except BotError:
            return None

    async def _evals(self, evidence: Evidence) -> list[Versioned[Eval]]:
        """Return the evals of a round, the one on the validation split first."""
        evals = []
        for eval_id in filter(None, (evidence.valid_eval, evidence.test_eval)):
            held = await self._store.record(Eval, eval_id)
            assert held is not None, "an eval is written with the evidence that names it"
            evals.append(held)
        return evals
