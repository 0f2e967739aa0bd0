"""Turns: what is due in Redis goes to the engine, and the engine's work is one turn under its lease."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from bot.logs import reference
from jobs.core.ids import kind_of_turn, subject_of_turn
from jobs.evals.running import EvalRunner
from jobs.outbox.worker import LEASE as LANE_LEASE
from jobs.queue.engine import Engine, UnknownWork, Work
from jobs.queue.lease import kept
from jobs.state.store import Store
from jobs.training.sweep import LEASE as SWEEP_LEASE

JOB_LEASE: Final = 60.0
CLAIMS: Final = 100

log: Final = structlog.get_logger(__name__)


async def hand_over_due(store: Store, engine: Engine) -> None:
    """Claim the platforms, jobs, evals and others whose turn it is and give them to the engine."""
    for claim in await store.claim("sweeps", lease=SWEEP_LEASE, limit=CLAIMS):
        await engine.submit("sweep", claim.id, claim.token)
    for claim in await store.claim("due", lease=JOB_LEASE, limit=CLAIMS):
        try:
            await engine.submit(kind_of_turn(claim.id), claim.id, claim.token)
        except UnknownWork as work:
            # While versions change, a newer bot may have planned what this one does not know.
            log.warning("turn.unknown_here", work=str(work))


async def hand_over_outbox(store: Store, engine: Engine) -> None:
    """Claim the lanes in which something waits and give them to the engine."""
    for claim in await store.claim("outbox", lease=LANE_LEASE, limit=CLAIMS):
        await engine.submit("deliver", claim.id, claim.token)


def job_turn(take: Callable[[str, int, str], Awaitable[None]], store: Store) -> Work:
    """Return the work of a turn of a job, or of what belongs to one, with its log lines tagged.

    Args:
        take: called with the job's id, how many turns began since the last that finished, and the reference under
            which a fault is found in the log.
        store: where the lease is.
    """

    async def turn(turn_id: str, token: str) -> None:
        found_by, job_id = reference(), subject_of_turn(turn_id)
        with structlog.contextvars.bound_contextvars(job=job_id, turn=found_by):
            async with kept(store, turn_id, token, JOB_LEASE):
                await take(job_id, await store.starts(turn_id), found_by)

    return turn


def eval_turn(runner: EvalRunner, store: Store) -> Work:
    """Return the work of one eval's turn, which renews its lease by itself, with its log lines tagged."""

    async def turn(eval_id: str, token: str) -> None:
        found_by = reference()
        with structlog.contextvars.bound_contextvars(evaluation=eval_id, turn=found_by):
            await runner.turn(eval_id, token, await store.starts(eval_id), found_by)

    return turn


def named_turn(take: Callable[[str], Awaitable[None]], store: Store) -> Work:
    """Return the work of one turn of what its id names, with its log lines tagged and its faults referenced."""

    async def turn(turn_id: str, token: str) -> None:
        with structlog.contextvars.bound_contextvars(about=turn_id, turn=reference()):
            async with kept(store, turn_id, token, JOB_LEASE):
                await take(turn_id)

    return turn
