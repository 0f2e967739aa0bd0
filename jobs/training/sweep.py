"""Covers very many jobs with few requests: a sweep lists a platform's jobs, and wakes those whose status changed.

Each platform with watched jobs is swept every `idle_poll_seconds`. Running jobs are still polled, since no list shows
new steps. The quiet ones (queued, paused, ...) are not: each sweep defers their polls. Should the sweeps stop, those
polls come due again, spread over a while.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import structlog

from jobs.core.errors import BotError, PlatformUnavailable
from jobs.core.ids import launches_on, looks_at
from jobs.core.records import Job
from jobs.platforms.gateway import Gateway, PlatformOf
from jobs.state.sweep_entry import SweepEntry, SweepPosition
from jobs.training.sweep_state import SweepState

FEW: Final = 10
"""Up to so many quiet jobs are always polled one by one, which reads their events too and is no slower."""
MOST_REQUESTS: Final = 150
"""For one sweep: pages of the list, and the polls of unlisted jobs after it."""
LEAST_POLLS: Final = 10
REQUESTS_PER_POLL: Final = 2
LISTING_SECONDS: Final = 240.0
WOKEN_PER_SECOND: Final = 20.0
"""So that a platform on which everything changed at once is not flooded with requests."""
COVERED_FOR: Final = 15.0
"""Sweeps that may be missed before quiet jobs are polled one by one again, spread over as long a time again."""
STATUS_HOLDS_FOR: Final = 3.0
"""Sweeps that may be missed before a job that runs asks for its status again."""
LEFT_ALONE: Final = 900.0
"""Seconds: a job whose next poll is planned no sooner is not woken by sweeps either."""
UNKNOWN_PACE: Final = 300.0
"""Seconds between two sweeps of a platform that the bot does not know any more."""

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a platform's list says, as far as it was read."""

    statuses: Mapping[str, str]
    """Status by the platform's job id."""
    pages: int
    retry_after: float = 0.0
    """Seconds for which the platform asked to be left alone."""


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Sweeps platforms."""

    state: SweepState
    platform_of: PlatformOf

    async def sweep(self, platform: str) -> float | None:
        """Sweep a platform once; return the seconds until the next sweep, None if there is nothing left to sweep.

        The cheaper of two ways is taken. If there are few quiet jobs, or fewer than the pages that the list took last
        time, each is polled on its own. Otherwise the list is read until every job was in it. Jobs that are not in it
        (too old, deleted), or all of them if the platform cannot list, are polled in rotation, as many after each sweep
        as `MOST_REQUESTS` leaves room for.
        """
        watched, position = await self.state.watched(platform)
        quiet = [each.job for each in watched if each.is_quiet]
        gateway: Gateway | None = None
        pause = UNKNOWN_PACE
        try:
            profile, gateway = self.platform_of(platform)
            pause = profile.idle_poll_seconds
        except BotError as failure:
            log.warning("sweep.no_platform", platform=platform, reason=str(failure))
        if len(quiet) <= max(FEW, position.pages):
            # Those that a sweep deferred are polled again; the list is read again once there are more.
            await self.state.plan(platform, quiet, within=pause)
            left = SweepPosition(pages=position.pages if quiet else 0)
            return pause if await self.state.swept(platform, left) else None
        await self.state.defer_quiet(platform, after=COVERED_FOR * pause)
        listing = await _list(gateway, {each.remote_id for each in watched}) if gateway else Listing({}, 0)
        pause = max(pause, listing.retry_after)
        left = await self._follow_up(platform, watched, listing, position.cursor, pause)
        holds = STATUS_HOLDS_FOR * pause if listing.statuses else 0.0
        return pause if await self.state.swept(platform, left, holds=holds) else None

    async def _follow_up(
        self, platform: str, watched: Sequence[SweepEntry], listing: Listing, cursor: str, pause: float
    ) -> SweepPosition:
        """Wake what changed and a few of what was not listed; return where the next sweep goes on."""
        # Those without a known status have a poll that is due already.
        changed = [
            each.job
            for each in watched
            if each.status and listing.statuses.get(each.remote_id, each.status) != each.status
        ]
        await self.state.plan(platform, changed, within=len(changed) / WOKEN_PER_SECOND, ask=True)
        unlisted = [each for each in watched if each.remote_id not in listing.statuses]
        # Running ones are polled anyway; the poll must ask for their status.
        running = [each.job for each in unlisted if not each.is_quiet]
        await self.state.plan(platform, running, within=COVERED_FOR * pause, ask=True)
        room = max(LEAST_POLLS, (MOST_REQUESTS - listing.pages) // REQUESTS_PER_POLL)
        chosen = rotated(sorted(each.job for each in unlisted if each.is_quiet), cursor)[:room]
        await self.state.plan(platform, chosen, within=pause)
        log.debug("sweep.done", pages=listing.pages, listed=len(listing.statuses), changed=len(changed))
        return SweepPosition(pages=max(1, listing.pages), cursor=chosen[-1] if chosen else "")


def rotated(jobs: Sequence[str], cursor: str) -> list[str]:
    """Return sorted ids beginning with the one after `cursor`, those up to it at the end."""
    return [*(job for job in jobs if job > cursor), *(job for job in jobs if job <= cursor)]


async def _list(gateway: Gateway, wanted: set[str]) -> Listing:
    """Return the statuses that a platform lists, newest first, until every wanted one or the most pages are read.

    If it stops answering in between, what was read until then counts.
    """
    statuses: dict[str, str] = {}
    pages, retry_after = 0, 0.0
    try:
        async with asyncio.timeout(LISTING_SECONDS), aclosing(gateway.statuses()) as listing:
            async for page in listing:
                pages += 1
                statuses.update(page)
                wanted.difference_update(page)
                if not wanted or pages >= MOST_REQUESTS:
                    break
    except (BotError, TimeoutError) as failure:
        retry_after = (failure.retry_after or 0.0) if isinstance(failure, PlatformUnavailable) else 0.0
        log.warning("sweep.cut_short", pages=pages, reason=str(failure) or "it takes too long")
    return Listing(statuses, pages, retry_after)


def sweep_entry(job: Job, next_poll: float) -> SweepEntry | None:
    """Return the entry of a job whose next poll is in so many seconds, or None if the platform never had it.

    It is not active if sweeps have nothing to do: the job is not polled any more, or is to be left alone.
    """
    if not job.remote_id:
        return None
    is_active = 0 <= next_poll < LEFT_ALONE and not job.state.is_final and job.state.is_on_platform
    is_wanted = next_poll == 0 or job.pending  # what a person waits for is not put off
    status = "" if is_wanted else job.platform_status or ""
    return SweepEntry(job.id, job.platform, job.remote_id, status, is_active)


def pool_of_job(job: Job) -> str:
    """Return the pool of a job's work items: launching it is long work, looking at it is short."""
    is_there = job.state.is_on_platform and not job.state.is_final
    return looks_at(job.platform) if is_there else launches_on(job.platform)
