"""What is kept how long; the rest is removed in small pieces, each of them all or nothing.

    for good                  jobs, approvals, evidence, aliases, proposals, schedules, sweeps, the audit trail,
                              evals of checkpoints; what people say of grades, task defaults, preferences
    RETENTION_DAYS            a job's steps and its ledger, but for its card and summary; other evals, with their
                              ledger; suspect labels
    30 days                   digests, what quiet hours held back once it was posted, runs of the gate, what Slack
                              refused

Days count from the last thing that happened: a job's end, its evaluation, its approval. What an alias points at now,
what waits for approval and what is being evaluated is left alone. A card that Slack refused stays known as refused: its
thread would otherwise be waited for.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from jobs.aliases.records import Alias
from jobs.approvals.records import Approval
from jobs.core.errors import UnreadableRecord
from jobs.core.ids import card_id, is_eval, summary_id
from jobs.core.records import Job, Posting
from jobs.evals.records import Eval
from jobs.evals.suspects import SuspectLabels
from jobs.evidence.records import Evidence, EvidenceState
from jobs.gates.records import GateRun
from jobs.notifications.records import Digest, HeldBack
from jobs.outbox.postings import Outbox
from jobs.outbox.worker import IN_THREAD
from jobs.state.change import Versioned
from jobs.state.store import RecordsOf, Removal, Store

DAY: Final = 86_400.0
RETENTION_DAYS: Final = 180
POSTED_DAYS: Final = 30
"""Days for digests, what was held back, and what Slack refused."""
PAGE: Final = 100
"""Records read in one request to Redis: far below a millisecond of its time."""
ROOTS: Final = 2
"""Lines that stay of a job's ledger: its card and its summary."""
MOST_ALIASES: Final = 10_000
EVERY: Final = 3600.0
"""Seconds from one pass to the next, over all bots."""

OF_A_JOB: Final[Mapping[str, type]] = {"job": Job, "approval": Approval, "evidence": Evidence}
"""The records that share a job's id, by the name of their kind."""

T = TypeVar("T")

log: Final = structlog.get_logger(__name__)


def job_ended(found: RecordsOf, *, is_pointed_at: bool) -> float | None:
    """Return when the last thing happened to a job (unix seconds); None if something may still happen to it.

    Args:
        found: the job with its approval and evidence.
        is_pointed_at: an alias points at one of its checkpoints now.
    """
    job, approval, evidence = found.of(Job), found.of(Approval), found.of(Evidence)
    if job is None or not job.value.state.is_final or is_pointed_at:
        return None
    settled = approval.value.settled if approval else None
    if (approval and settled is None) or (evidence and evidence.value.state is EvidenceState.GATHERING):
        return None
    finished_at = evidence.value.finished_at if evidence else None
    times = (job.value.created_at, job.value.finished_at, settled.at if settled else None, finished_at)
    return max(at for at in times if at is not None)


def eval_ended(evaluation: Eval) -> float | None:
    """Return when an eval ended (unix seconds); None if it goes on, or is part of a job's evidence."""
    if not evaluation.state.is_final or evaluation.request.job:
        return None
    return evaluation.finished_at or evaluation.created_at


@dataclass(frozen=True, slots=True)
class Retention:
    """Removes what was kept long enough."""

    store: Store
    outbox: Outbox
    days: int = RETENTION_DAYS
    """For which a job's steps and ledger, and evals, are kept after the last thing that happened to them."""
    clock: Callable[[], float] = time.time

    async def tick(self) -> None:
        """Make a pass unless one of the bots made one within the hour; one that breaks off costs nothing."""
        if await self.store.reserve("retention", interval=EVERY) == 0:
            removed = await self.clean_up()
            if removed:
                log.info("retention.removed", records=removed)

    async def clean_up(self) -> int:
        """Make one pass; return how many records, ledgers and postings were removed."""
        return (
            await self._stuck()
            + await self._refused()
            + await self._jobs()
            + await self._expired(Eval, eval_ended, self.days, until=self.clock() - self.days * DAY)
            + await self._expired(GateRun, lambda run: run.made_at, POSTED_DAYS, item="gate:")
            + await self._expired(SuspectLabels, lambda found: found.found_at, self.days, item="suspects:")
            + await self._expired(Digest, lambda digest: digest.until, POSTED_DAYS, item="digest:")
            + await self._expired(
                HeldBack, lambda held: held.ends if held.notified else None, POSTED_DAYS, item="quiet:"
            )
        )

    # -- jobs ----------------------------------------------------------------------------------------------------

    async def _jobs(self) -> int:
        until, offset, removed = self.clock() - self.days * DAY, 0, 0
        pointed_at = {alias.current.target.job for alias in await self.store.records(Alias, MOST_ALIASES)}
        while ids := await self.store.listed(Job, offset=offset, limit=PAGE, until=until):
            sizes = await self.store.sizes(ids)
            for job_id, (steps, lines) in zip(ids, sizes, strict=True):
                with suppress(UnreadableRecord):
                    if steps or lines > ROOTS:
                        removed += await self._job(job_id, is_pointed_at=job_id in pointed_at)
            offset += len(ids)  # jobs stay listed
        return removed

    async def _job(self, job_id: str, *, is_pointed_at: bool) -> bool:
        found = await self.store.records_of(job_id, *OF_A_JOB.values())
        if not self._is_past(job_ended(found, is_pointed_at=is_pointed_at), self.days):
            return False
        read = ((f"{name}:{job_id}", found.found.get(kind)) for name, kind in OF_A_JOB.items())
        guards = tuple((key, held.version if held else 0) for key, held in read)
        stay = (card_id(job_id), summary_id(job_id))
        return await self.store.drop(Removal(guards, gone=(f"steps:{job_id}",), pared=((f"ledger:{job_id}", stay),)))

    # -- whole records -------------------------------------------------------------------------------------------

    async def _expired(
        self,
        kind: type[T],
        ended: Callable[[T], float | None],
        days: float,
        *,
        item: str = "",
        until: float | None = None,
    ) -> int:
        """Remove the records of a kind that ended so many days ago, page by page; return how many went.

        Args:
            kind: the type of the records.
            ended: when the last thing happened to a record (unix seconds); None keeps it.
            days: for which it is kept after that.
            item: what stands before the record's id in its subject and its posting; empty for those with a card.
            until: unix seconds; younger records are not read.
        """
        offset, removed = 0, 0
        while ids := await self.store.listed(kind, offset=offset, limit=PAGE, until=until):
            gone = 0
            for record_id in ids:
                with suppress(UnreadableRecord):
                    held = await self.store.record(kind, record_id)
                    if held and self._is_past(ended(held.value), days):
                        gone += await self._drop(held, record_id, f"{item}{record_id}")
            removed += gone
            offset += len(ids) - gone  # those that went moved the others up
        return removed

    async def _drop(self, held: Versioned[object], record_id: str, subject: str) -> bool:
        """Remove a record and the ledger of its subject, unless a posting is still waiting."""
        kind = self.store.kind_of(held.value)
        key = kind.key_of(record_id)
        posting = card_id(subject) if subject == record_id else subject
        return await self.store.drop(
            Removal(
                guards=((key, held.version),),
                absent=(f"posting:{posting}",),
                gone=(key, f"ledger:{subject}"),
                unlisted=((kind.index, record_id),),
            )
        )

    # -- what Slack refused --------------------------------------------------------------------------------------

    async def _refused(self) -> int:
        cursor, removed = 0, 0
        while True:
            cursor, page = await self.outbox.refused_since(cursor, PAGE)
            # A refused card stays known as refused: its thread would otherwise be waited for.
            others = (each for each in page if each.posting.id != card_id(each.posting.subject))
            old = [each.posting.id for each in others if self._is_past(each.at, POSTED_DAYS)]
            await self.outbox.forget_refused(old)
            removed += len(old)
            if not cursor:
                return removed

    async def _stuck(self) -> int:
        """Remove what waits for a thread that Slack refused to begin, of subjects that are over."""
        offset, removed = 0, 0
        while (page := await self.outbox.lanes(offset=offset, limit=PAGE)).count:
            for posting in page.oldest:
                with suppress(UnreadableRecord):
                    if posting.kind in IN_THREAD and await self._is_rootless(posting) and await self._is_over(posting):
                        await self.outbox.drop(posting, "Slack refused the first message of its thread")
                        removed += 1
            offset += PAGE
        return removed

    async def _is_rootless(self, posting: Posting) -> bool:
        root = card_id(posting.subject)
        return await self.outbox.is_refused(root) and await self.store.ledger(posting.subject, root) is None

    async def _is_over(self, posting: Posting) -> bool:
        if is_eval(posting.subject):
            evaluation = await self.store.record(Eval, posting.subject)
            return evaluation is None or self._is_past(eval_ended(evaluation.value), self.days)
        found = await self.store.records_of(posting.subject, *OF_A_JOB.values())
        return self._is_past(job_ended(found, is_pointed_at=False), self.days)

    def _is_past(self, at: float | None, days: float) -> bool:
        return at is not None and self.clock() - at > days * DAY
