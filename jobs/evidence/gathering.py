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

from jobs.approvals.opening import invalidated, open_approval
from jobs.approvals.recording import with_approval
from jobs.approvals.records import Approval
from jobs.audit.entries import eval_cancelled
from jobs.audit.records import BOT
from jobs.changes import Change, Versioned
from jobs.errors import BotError, Conflict, NotFound
from jobs.evals.planning import EvalPlanner
from jobs.evals.records import Eval
from jobs.evals.service import report_posting
from jobs.evidence.answers import EvalFile
from jobs.evidence.digest import changed_parts
from jobs.evidence.outcome import failed, ready, trouble
from jobs.evidence.preparing import Preparer
from jobs.evidence.reading import Reading, Terms, read_evidence
from jobs.evidence.records import Evidence, EvidenceState
from jobs.evidence.rounds import (
    ASKED_AGAIN,
    a_round,
    asked,
    check_again,
    in_words,
    is_examined,
    joined,
    planned,
    prices_of,
    readable_now,
    said,
    why_not,
)
from jobs.planning import PlatformOf
from jobs.platforms import Profile
from jobs.postings import card_posting, summary_posting
from jobs.records import Job
from jobs.store import Store, VersionConflict
from jobs.tasks import TaskCatalogue
from jobs.turn_ids import evidence_turn

MOST_STARTS: Final = 3
"""Turns that may die before the evidence is given up: it must not kill its worker for ever."""
MOST_TRIES: Final = 10
"""Times that a turn begins anew because somebody else, who votes say, changed a record first."""
LOOK: Final = 2.0
"""Seconds between two looks at evals that are under way; they also wake who waits for them when they end."""
LOOK_AGAIN: Final = 600.0
"""Seconds between two looks at what open approvals rest on."""

GOES_ON: Final = "{} goes on training; its checkpoints are evaluated again when it stops."
WENT_ON: Final = "{} went on training before its checkpoints were evaluated."

log: Final = structlog.get_logger(__name__)


class Examiner:
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
            held = await self._store.job(job_id)
            if held is None:
                raise NotFound(f"There is no job '{job_id}'.")
            job = held.value
            if not is_examined(job):
                raise Conflict(why_not(job))
            evidence = await self._store.record(Evidence, job.id)
            approval = await self._store.approval(job.id)
            check_again(job, evidence.value if evidence else None, approval.value if approval else None)
            try:
                return await self._begin(job, evidence, approval, ASKED_AGAIN, by=by)
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
            held = await self._store.job(job_id)
            if held is None:
                return
            try:
                await self._step(held.value, starts, reference)
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
            job = await self._store.job(job_id)
            evidence = await self._store.record(Evidence, job_id)
            approval = await self._store.approval(job_id)
            if not (job and evidence and approval and approval.value.evidence) or approval.value.settled:
                return
            changed = changed_parts(evidence.value.parts, await self._preparer.parts(job.value))
            if not changed or evidence.value.state is EvidenceState.GATHERING:
                return
            try:
                await self._begin(job.value, evidence, approval, in_words(changed))
            except VersionConflict:
                continue
            else:
                return

    async def _step(self, job: Job, starts: int, reference: str) -> None:
        evidence = await self._store.record(Evidence, job.id)
        approval = await self._store.approval(job.id)
        if not is_examined(job):
            await self._withdraw(job, evidence, approval)
        elif starts > MOST_STARTS:
            fault = f"A fault of mine stops me from evaluating {job.id} (reference {reference})."
            await self._fail(
                job, evidence, approval, evidence.value if evidence else a_round(job, None, self._clock()), fault
            )
        elif evidence is None:
            await self._begin(job, None, approval, "")
        elif set(evidence.value.checkpoints) != {each.id for each in job.checkpoints}:
            await self._begin(job, evidence, approval, f"{job.id} has other checkpoints now.")
        elif evidence.value.state is EvidenceState.WITHDRAWN:
            await self._begin(job, evidence, approval, WENT_ON.format(job.id))
        elif evidence.value.state is EvidenceState.GATHERING:
            await self._follow(job, evidence, approval)
        else:
            await self._look_again(job, evidence, approval)

    # -- a round -------------------------------------------------------------------------------------------------

    async def _begin(
        self,
        job: Job,
        held: Versioned[Evidence] | None,
        approval: Versioned[Approval] | None,
        reason: str,
        *,
        by: str | None = None,
    ) -> Evidence:
        """Start a round's evals, and take back the votes on the round before; nothing starts twice.

        Args:
            job: whose checkpoints.
            held: the evidence until now.
            approval: the approval until now.
            reason: why there is a new round, as a sentence.
            by: who asked for it, where a person did.
        """
        previous = held.value if held else None
        new = a_round(job, previous, self._clock())
        try:
            plan = await self._preparer.plan(job, new.round, previous, anew=by is not None)
        except BotError as failure:
            new = replace(new, parts=await self._preparer.parts(job))
            return await self._fail(job, held, approval, new, str(failure))
        evidence = planned(new, plan)
        change = Change(
            also=(Versioned(evidence, held.version if held else 0), *plan.started),
            wake={each.value.id: 0.0 for each in plan.started},
            turn_of=evidence_turn(job.id),
            next_turn=LOOK if plan.started else 0.0,
            postings=(
                card_posting(job),
                *((summary_posting(job, urgent=True),) if approval else ()),
                *said(job, evidence, by),
            ),
            audit=asked(job, self._clock(), by),
        )
        if approval:
            now = self._clock()
            change = with_approval(change, approval, invalidated(approval.value, reason, now), now)
        await self._store.commit(change)
        log.info("evidence.begun", job=job.id, round=evidence.round, evals=[each.value.id for each in plan.started])
        return evidence

    async def _follow(self, job: Job, held: Versioned[Evidence], approval: Versioned[Approval] | None) -> None:
        """Look at a round's evals: show how far they are, or conclude when they are over."""
        evidence = held.value
        evals = [await self._eval(each) for each in (evidence.valid_eval, evidence.test_eval) if each]
        if all(each.state.is_final for each in evals):
            await self._conclude(job, held, approval, evals)
            return
        answered = sum(each.progress.answered for each in evals)
        further = replace(evidence, answered=answered)
        changed = further != evidence
        await self._store.commit(
            Change(
                also=(Versioned(further, held.version),) if changed else (),
                turn_of=evidence_turn(job.id),
                next_turn=LOOK,
                postings=(card_posting(job),) if changed else (),
            )
        )

    async def _conclude(
        self, job: Job, held: Versioned[Evidence], approval: Versioned[Approval] | None, evals: list[Eval]
    ) -> None:
        """Write down what a round came to, and open the approval on it."""
        evidence, (valid, *rest) = held.value, evals
        changed = changed_parts(evidence.parts, await self._preparer.parts(job))
        if changed:
            await self._begin(job, held, approval, in_words(changed))
            return
        problem = trouble(valid)
        if problem:
            await self._fail(job, held, approval, evidence, problem)
            return
        test = rest[0] if rest and trouble(rest[0]) is None else None
        reading = await self._read(job, evidence, valid, test)
        if rest and test is None:
            evidence = replace(evidence, note=joined(evidence.note, f"On the test split: {trouble(rest[0])}"))
        done = ready(evidence, reading, (valid, test) if test else (valid,), self._clock())
        await self._write(job, held, approval, done, evals)

    async def _read(self, job: Job, evidence: Evidence, valid: Eval, test: Eval | None) -> Reading:
        profile, _ = self._platform_of(job.platform)
        looked_at = len((await self._store.series(job.id)).valid)
        terms = Terms(job.guardrails, evidence.alias_model, prices_of(evidence, job, profile), looked_at)
        return await asyncio.to_thread(read_evidence, evidence.candidates, valid, test, self._file, terms)

    async def _fail(
        self,
        job: Job,
        held: Versioned[Evidence] | None,
        approval: Versioned[Approval] | None,
        evidence: Evidence,
        reason: str,
    ) -> Evidence:
        """Say why there is no evidence, with the platform's own figures in its place."""
        done = failed(evidence, job, self._profile(job), reason, self._clock())
        await self._write(job, held, approval, done)
        return done

    async def _write(
        self,
        job: Job,
        held: Versioned[Evidence] | None,
        approval: Versioned[Approval] | None,
        done: Evidence,
        evals: Sequence[Eval] = (),
    ) -> None:
        """Write down evidence that is done, together with the approval it opens and the messages that show both."""
        now = self._clock()
        change = Change(
            also=(Versioned(done, held.version if held else 0),),
            turn_of=evidence_turn(job.id),
            next_turn=LOOK_AGAIN,
            postings=(
                summary_posting(job, urgent=True),
                card_posting(job, urgent=True),
                *(report_posting(each) for each in evals),
            ),
        )
        opened = open_approval(job, done, approval.value if approval else None, now)
        await self._store.commit(with_approval(change, approval, opened, now))
        log.info("evidence.done", job=job.id, round=done.round, state=done.state.value, note=done.note)

    # -- afterwards ----------------------------------------------------------------------------------------------

    async def _look_again(self, job: Job, held: Versioned[Evidence], approval: Versioned[Approval] | None) -> None:
        """See whether what an open approval rests on is still so; once it is settled, nobody needs to."""
        if approval and approval.value.settled:
            await self._plan(job, -1.0)
            return
        changed = changed_parts(held.value.parts, await self._preparer.parts(job))
        if changed:
            await self._begin(job, held, approval, in_words(changed) if held.value.parts else readable_now(job))
        elif approval is None or not approval.value.evidence:
            await self._write(job, held, approval, held.value)
        else:
            await self._plan(job, LOOK_AGAIN)

    async def _withdraw(self, job: Job, held: Versioned[Evidence] | None, approval: Versioned[Approval] | None) -> None:
        """Take back the votes on checkpoints of a job that goes on, and stop their evals: they may be displaced."""
        change = Change(turn_of=evidence_turn(job.id), next_turn=-1.0)
        now, reason = self._clock(), GOES_ON.format(job.id)
        if held and held.value.state is EvidenceState.GATHERING:
            stopped = await self._stopped(held.value)
            change = replace(
                change,
                also=(Versioned(replace(held.value, state=EvidenceState.WITHDRAWN), held.version), *stopped),
                audit=tuple(replace(eval_cancelled(each.value, now), why=reason) for each in stopped),
            )
        if approval:
            taken_back = invalidated(approval.value, reason, now)
            if taken_back != approval.value:
                change = replace(change, postings=(summary_posting(job, urgent=True),))
            change = with_approval(change, approval, taken_back, now)
        await self._store.commit(change)

    async def _stopped(self, evidence: Evidence) -> tuple[Versioned[Eval], ...]:
        """Return a round's evals that still run, each as cancelled; whoever works on them sees it within seconds."""
        held = [await self._store.evaluation(each) for each in (evidence.valid_eval, evidence.test_eval) if each]
        return tuple(
            Versioned(replace(each.value, cancelled_by=BOT), each.version)
            for each in held
            if each and not each.value.state.is_final and not each.value.cancelled_by
        )

    async def _plan(self, job: Job, after: float) -> None:
        await self._store.commit(Change(turn_of=evidence_turn(job.id), next_turn=after))

    # -- inside --------------------------------------------------------------------------------------------------

    def _profile(self, job: Job) -> Profile | None:
        try:
            return self._platform_of(job.platform)[0]
        except BotError:
            return None

    async def _eval(self, eval_id: str) -> Eval:
        held = await self._store.evaluation(eval_id)
        assert held is not None, "an eval is written with the evidence that names it"
        return held.value
