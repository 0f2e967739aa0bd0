"""A turn that takes long keeps its lease, so that no other bot begins the same one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from jobs.state.store import Store

LONGEST: Final = 1800.0
"""Seconds after which a turn is taken to hang, and may be begun anew: three uploads at their longest."""

log: Final = structlog.get_logger(__name__)


@asynccontextmanager
async def kept(store: Store, job_id: str, token: str, lease: float) -> AsyncIterator[None]:
    """Renew the lease of a claimed turn as long as the context lasts, at most `LONGEST` seconds.

    Args:
        store: where the lease is.
        job_id: whose turn it is.
        token: of the claim.
        lease: seconds that the claim was made for.
    """
    renewing = asyncio.create_task(_renew(store, job_id, token, lease), name=f"lease of {job_id}")
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)


async def _renew(store: Store, job_id: str, token: str, lease: float) -> None:
    for _ in range(int(LONGEST * 3 / lease)):
        await asyncio.sleep(lease / 3)
        # A turn that has written its result gave the lease back with it.
        if not await store.hold(job_id, token, token, lease=lease, further=False):
            return
    log.warning("turn.hangs", job=job_id, seconds=LONGEST)
