"""What is kept how long; the rest is removed in small pieces, each of them all or nothing.

    for good                  jobs, approvals, evidence, aliases, proposals, the audit trail, evals of checkpoints
    RETENTION_DAYS            a job's steps and its ledger, but for its card and summary; other evals, with their ledger
    30 days                   digests, what quiet hours kept back and was told, what Slack refused

Days count from the last thing that happened: a job's end, its evaluation, its approval. What an alias points at now,
what waits for approval and what is being evaluated is left alone. A card that Slack refused stays known as refused: its
thread would otherwise be waited for.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from jobs.aliases.records import Alias
from jobs.approvals.records import Approval
from jobs.core.errors import UnreadableRecord
from jobs.core.ids import card_id, is_eval
from jobs.core.records import Job, Posting
from jobs.evals.records import Eval
from jobs.evidence.records import Evidence, EvidenceState
from jobs.notifications.records import Digest, HeldBack
from jobs.outbox.worker import IN_THREAD
from jobs.state.change import Versioned
from jobs.state.store import Removal, Store
from jobs.training.postings import summary_posting

DAY: Final = 86_400.0
RETENTION_DAYS: Final = 180
POSTED_DAYS: Final = 30
"""Days for digests, what was held back, and what Slack refused."""
PAGE: Final = 100
"""Records looked at in one question to Redis: far below a millisecond of its time."""
ROOTS: Final = 2
"""Lines that stay of a job's ledger: its card and its summary."""
MOST_ALIASES: Final = 10_000
EVERY: Final = 3600.0
"""Seconds from one pass to the next, over all bots."""

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A job with what else says whether it still matters."""

    job: Job
    approval: Approval | None
    evidence: Evidence | None
    is_pointed_at: bool
    """An alias points at one of its checkpoints now."""


def job_ended(facts: JobFacts) -> float | None:
    """Return when the last thing happened to a job (unix seconds); None where more may come of it."""
    job, approval, evidence = facts.job, facts.approval, facts.evidence
    if not job.state.is_final or facts.is_pointed_at:
        return None
    if (approval and approval.settled is None) or (evidence and evidence.state is EvidenceState.GATHERING):
        return None
    settled = approval.settled.at if approval and approval.settled else None
    times = (job.created_at, job.finished_at, settled, evidence.finished_at if evidence else None)
    return max(at for at in times if at is not None)


def eval_ended(evaluation: Eval) -> float | None:
    """Return when an eval ended (unix seconds); None where it goes on, or is part of a job's evidence."""
    if not evaluation.state.is_final or evaluation.request.job:
        return None
    return evaluation.finished_at or evaluation.created_at


@dataclass(frozen=True, slots=True)
class Retention:
    """Removes what was kept long enough."""

    store: Store
    days: int = RETENTION_DAYS
    """For which a job's steps and ledger, and evals, are kept after the last thing that happened to them."""
    clock: Callable[[], float] = time.time

    async def tick(self) -> None:
        """Take one pass where none of the bots took one within the hour; one that breaks off costs nothing."""
        if await self.store.reserve("retention", interval=EVERY) == 0:
            removed = await self.clean_up()
            if removed:
                log.info("retention.removed", records=removed)

    async def clean_up(self) -> int:
        """Take one pass; return how many records, ledgers and postings were removed."""
        removed = await self._stuck()
        removed += await self._refused()
        removed += await self._jobs()
        removed += await self._each(Eval, self._eval, self.clock() - self.days * DAY)
        removed += await self._each(Digest, self._digest)
        return removed + await self._each(HeldBack, self._held_back)

    # -- jobs ----------------------------------------------------------------------------------------------------

    async def _jobs(self) -> int:
        until, offset, removed = self.clock() - self.days * DAY, 0, 0
        pointed_at = {alias.current.target.job for alias in await self.store.records(Alias, MOST_ALIASES)}
        while ids := await self.store.listed(Job, offset=offset, limit=PAGE, until=until):
            sizes = await self.store.sizes(ids)
            for job_id, (steps, lines) in zip(ids, sizes, strict=True):
                if steps or lines > ROOTS:
                    removed += await _tried(self._job(job_id, is_pointed_at=job_id in pointed_at))
            offset += len(ids)  # jobs stay listed
        return removed

    async def _job(self, job_id: str, *, is_pointed_at: bool) -> bool:
        found = await self.store.records_of(job_id, Job, Approval, Evidence)
        held, approval, evidence = found.of(Job), found.of(Approval), found.of(Evidence)
        if held is None:
            return False
        facts = JobFacts(
            held.value, approval.value if approval else None, evidence.value if evidence else None, is_pointed_at
        )
        if not self._is_past(job_ended(facts), self.days):
            return False
        guards = (
            (f"job:{job_id}", held.version),
            (f"approval:{job_id}", approval.version if approval else 0),
            (f"evidence:{job_id}", evidence.version if evidence else 0),
        )
        stay = (card_id(job_id), summary_posting(held.value).id)
        return await self.store.drop(Removal(guards, gone=(f"steps:{job_id}",), pared=((f"ledger:{job_id}", stay),)))

    # -- whole records -------------------------------------------------------------------------------------------

    async def _each(self, kind: type, remove: Callable[[str], Awaitable[bool]], until: float | None = None) -> int:
        """Try to remove every record of a kind, page by page; return how many went."""
        offset, removed = 0, 0
        while ids := await self.store.listed(kind, offset=offset, limit=PAGE, until=until):
            gone = [await _tried(remove(record_id)) for record_id in ids]
            removed += sum(gone)
            offset += len(ids) - sum(gone)  # those that went moved the others up
        return removed

    async def _eval(self, eval_id: str) -> bool:
        held = await self.store.record(Eval, eval_id)
        if held is None or not self._is_past(eval_ended(held.value), self.days):
            return False
        return await self._whole(held, eval_id, eval_id, card_id(eval_id))

    async def _digest(self, record_id: str) -> bool:
        held = await self.store.record(Digest, record_id)
        if held is None or not self._is_past(held.value.until, POSTED_DAYS):
            return False
        return await self._whole(held, record_id, f"digest:{record_id}", f"digest:{record_id}")

    async def _held_back(self, record_id: str) -> bool:
        held = await self.store.record(HeldBack, record_id)
        if held is None or not held.value.notified or not self._is_past(held.value.ends, POSTED_DAYS):
            return False
        return await self._whole(held, record_id, f"quiet:{record_id}", f"quiet:{record_id}")

    async def _whole(self, held: Versioned[object], record_id: str, subject: str, posting: str) -> bool:
        """Remove a record and the ledger of its subject, unless a posting still waits."""
        kind = self.store.kind_of(held.value)
        key = kind.key_of(record_id)
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
            cursor, page = await self.store.refused_since(cursor, PAGE)
            # A refused card stays known as refused: its thread would otherwise be waited for.
            others = (each for each in page if each.posting.id != card_id(each.posting.subject))
            old = [each.posting.id for each in others if self._is_past(each.at, POSTED_DAYS)]
            await self.store.forget_refused(old)
            removed += len(old)
            if not cursor:
                return removed

    async def _stuck(self) -> int:
        """Remove what waits for a thread that Slack refused to begin, of subjects that are over."""
        offset, removed = 0, 0
        while page := await self.store.waiting(offset=offset, limit=PAGE):
            for posting in page:
                is_rootless = posting.kind in IN_THREAD and await self._is_rootless(posting)
                if is_rootless and await _tried(self._is_over(posting)):
                    await self.store.refuse(posting, "Slack refused the first message of its thread")
                    removed += 1
            offset += PAGE
        return removed

    async def _is_rootless(self, posting: Posting) -> bool:
        root = card_id(posting.subject)
        return await self.store.is_refused(root) and await self.store.ledger(posting.subject, root) is None

    async def _is_over(self, posting: Posting) -> bool:
        if is_eval(posting.subject):
            evaluation = await self.store.record(Eval, posting.subject)
            return evaluation is None or self._is_past(eval_ended(evaluation.value), self.days)
        found = await self.store.records_of(posting.subject, Job, Approval)
        job, approval = found.of(Job), found.of(Approval)
        if job is None:
            return False
        facts = JobFacts(job.value, approval.value if approval else None, None, is_pointed_at=False)
        return self._is_past(job_ended(facts), self.days)

    def _is_past(self, at: float | None, days: float) -> bool:
        return at is not None and self.clock() - at > days * DAY


async def _tried(done: Awaitable[bool]) -> bool:
    """Return the result; False for a record that only a newer version can read."""
    try:
        return await done
    except UnreadableRecord:
        return False
