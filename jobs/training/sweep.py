"""Looking at very many jobs with few requests: a sweep lists a platform's jobs, and wakes those whose status changed.

Each platform with watched jobs is swept every `idle_poll_seconds`. Running jobs keep their own
looks, since no list tells of new steps. The quiet ones (queued, paused, ...) have none while sweeps look at them:
they are deferred, again and again. Should the sweeps stop, those looks come on their own, spread over a while.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import structlog

from jobs.core.errors import BotError, PlatformUnavailable
from jobs.core.records import Job
from jobs.platforms.gateway import Gateway, PlatformOf
from jobs.platforms.profiles import Profile
from jobs.state.store import Store
from jobs.state.sweep_entry import SweepEntry, SweepPosition

FEW: Final = 10
"""Quiet jobs up to here are asked singly in any case: a look then tells of events too, and comes as soon as ever."""
MOST_REQUESTS: Final = 150
"""For one sweep: pages of the list, and what the jobs that are looked at singly after it take."""
LEAST_SINGLY: Final = 10
REQUESTS_A_LOOK: Final = 2
LISTING_SECONDS: Final = 240.0
LEASE: Final = LISTING_SECONDS + 60.0
"""Seconds for which a sweep is claimed."""
WOKEN_A_SECOND: Final = 20.0
"""So that a platform on which everything changed at once is not flooded with questions."""
COVERED_FOR: Final = 15.0
"""Sweeps that may be missed before quiet jobs are looked at one by one again; they do so over as long a time again."""
STATUS_HOLDS_FOR: Final = 3.0
"""Sweeps that may be missed before a job that runs asks for its status again."""
LEFT_ALONE: Final = 900.0
"""Seconds: a job whose next look is planned no sooner is not woken by sweeps either."""
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

    store: Store
    platform_of: PlatformOf

    async def sweep(self, platform: str, token: str) -> None:
        """Sweep a platform once, and plan the next sweep.

        The cheaper of two ways is taken. Where the quiet jobs are few, or fewer than the pages that the list took the
        last time, each is asked singly, by a look of its own. Otherwise the list is read, at most until every job
        was in it. Jobs that are not in it (too old, deleted), all of them where the platform cannot list, are asked
        singly too, in rotation: so many of them after each sweep as `MOST_REQUESTS` leaves room for.
        """
        watched, position = await self.store.watched(platform)
        quiet = [each.job for each in watched if each.is_quiet]
        profile, gateway = self._found(platform)
        pause = profile.idle_poll_seconds if profile else UNKNOWN_PACE
        if len(quiet) <= max(FEW, position.pages):
            # Those that a sweep put off come back; the list is looked into again when there are more.
            await self.store.plan(platform, quiet, within=pause)
            left = SweepPosition(pages=position.pages if quiet else 0)
            await self.store.swept(platform, token, pause=pause, position=left)
            return
        await self.store.defer_quiet(platform, after=COVERED_FOR * pause)
        listing = await _list(gateway, {each.remote_id for each in watched}) if gateway else Listing({}, 0)
        pause = max(pause, listing.retry_after)
        left = await self._follow_up(platform, watched, listing, position.cursor, pause)
        holds = STATUS_HOLDS_FOR * pause if listing.statuses else 0.0
        await self.store.swept(platform, token, pause=pause, position=left, holds=holds)

    def _found(self, platform: str) -> tuple[Profile | None, Gateway | None]:
        try:
            return self.platform_of(platform)
        except BotError as failure:
            log.warning("sweep.no_platform", platform=platform, reason=str(failure))
            return None, None

    async def _follow_up(
        self, platform: str, watched: Sequence[SweepEntry], listing: Listing, cursor: str, pause: float
    ) -> SweepPosition:
        """Wake what changed and a few of what was not listed; return where the next sweep goes on."""
        changed = [each.job for each in watched if _has_changed(each, listing.statuses)]
        await self.store.plan(platform, changed, within=len(changed) / WOKEN_A_SECOND, ask=True)
        unlisted = [each for each in watched if each.remote_id not in listing.statuses]
        # Running ones have looks of their own, which must ask for their status.
        running = [each.job for each in unlisted if not each.is_quiet]
        await self.store.plan(platform, running, within=COVERED_FOR * pause, ask=True)
        room = max(LEAST_SINGLY, (MOST_REQUESTS - listing.pages) // REQUESTS_A_LOOK)
        chosen = rotated(sorted(each.job for each in unlisted if each.is_quiet), cursor)[:room]
        await self.store.plan(platform, chosen, within=pause)
        log.debug("sweep.done", pages=listing.pages, listed=len(listing.statuses), changed=len(changed))
        return SweepPosition(pages=max(1, listing.pages), cursor=chosen[-1] if chosen else "")


def rotated(jobs: Sequence[str], cursor: str) -> list[str]:
    """Return sorted ids beginning with the one after `cursor`, those up to it at the end."""
    return [*(job for job in jobs if job > cursor), *(job for job in jobs if job <= cursor)]


def _has_changed(watched: SweepEntry, statuses: Mapping[str, str]) -> bool:
    """Tell whether the list says something else of a job than the bot knows; one whose look is due is left to it."""
    return bool(watched.status) and statuses.get(watched.remote_id, watched.status) != watched.status


async def _list(gateway: Gateway, wanted: set[str]) -> Listing:
    """Return the statuses that the platform lists, newest jobs first, until every wanted one is in or room is used up.

    Where it stops answering in between, what was read until then counts.
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


def sweep_entry(job: Job, next_look: float) -> SweepEntry | None:
    """Return the entry of a job whose next look is in so many seconds, or None if the platform never had it.

    It is not active if sweeps have nothing to do: the job is not looked at any more, or is to be left alone.
    """
    if not job.remote_id:
        return None
    is_active = 0 <= next_look < LEFT_ALONE and not job.state.is_final and job.state.is_on_platform
    status = (job.platform_status or "") if next_look else ""
    return SweepEntry(job.id, job.platform, job.remote_id, status, is_active)
