"""Work items: what is due in Redis goes to the engine, which does each under its lease."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from bot.logs import reference
from jobs.core.ids import kind_of_item, subject_of_item
from jobs.evals.run import EvalRunner
from jobs.outbox.worker import LEASE as LANE_LEASE
from jobs.queue.engine import Engine, UnknownWork, Work
from jobs.queue.lease import kept, left_to_newer
from jobs.state.store import Store
from jobs.training.sweep import LEASE as SWEEP_LEASE

WORK_LEASE: Final = 60.0
CLAIMS: Final = 100

log: Final = structlog.get_logger(__name__)


async def hand_over_due(store: Store, engine: Engine) -> None:
    """Claim the sweeps and work items that are due and give them to the engine."""
    for claim in await store.claim("sweeps", lease=SWEEP_LEASE, limit=CLAIMS):
        await engine.submit("sweep", claim.id, claim.token)
    for claim in await store.claim("due", lease=WORK_LEASE, limit=CLAIMS):
        try:
            await engine.submit(kind_of_item(claim.id), claim.id, claim.token)
        except UnknownWork as work:
            # During an upgrade, a newer bot may have planned what this one does not know.
            log.warning("work.unknown_here", work=str(work))


async def hand_over_outbox(store: Store, engine: Engine) -> None:
    """Claim the outbox lanes with waiting messages and give them to the engine."""
    for claim in await store.claim("outbox", lease=LANE_LEASE, limit=CLAIMS):
        await engine.submit("deliver", claim.id, claim.token)


def job_work(take: Callable[[str, int, str], Awaitable[None]], store: Store) -> Work:
    """Return the work of a job, or of what belongs to one, with its log lines tagged.

    Args:
        take: called with the job's id, the attempts since the last that finished, and the reference under which a
            failure is found in the log.
        store: where the lease is.
    """

    async def work(item: str, token: str) -> None:
        found_by, job_id = reference(), subject_of_item(item)
        with structlog.contextvars.bound_contextvars(job=job_id, turn=found_by):
            async with kept(store, item, token, WORK_LEASE):
                await take(job_id, await store.attempts(item), found_by)

    return work


def eval_work(runner: EvalRunner, store: Store) -> Work:
    """Return the work of one eval, which renews its own lease, with its log lines tagged."""

    async def work(eval_id: str, token: str) -> None:
        found_by = reference()
        with structlog.contextvars.bound_contextvars(evaluation=eval_id, turn=found_by):
            async with left_to_newer(store, eval_id, token, WORK_LEASE):
                await runner.turn(eval_id, token, await store.attempts(eval_id), found_by)

    return work


def named_work(take: Callable[[str], Awaitable[None]], store: Store) -> Work:
    """Return the work of the item that an id names, with its log lines tagged."""

    async def work(item: str, token: str) -> None:
        with structlog.contextvars.bound_contextvars(about=item, turn=reference()):
            async with kept(store, item, token, WORK_LEASE):
                await take(item)

    return work
