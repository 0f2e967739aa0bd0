"""How long a platform that cannot be used now is waited for, and when it is asked again: one rule for everybody.

A launch and the start of an eval write down since when they wait, and so wait over restarts. A question that somebody
waits for is asked again on the spot.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Final, TypeVar

from charts.wording import duration
from jobs.core.errors import BotError, PlatformUnavailable

PATIENCE: Final = 6 * 3600.0
"""Seconds, from the first failure, that a launch or an eval waits. Most outages are over by then, and a place in a full
queue has become free; what begins later than on the day it was asked for would surprise people, and costs money."""
QUESTION_PATIENCE: Final = 30.0
"""The same for a question that somebody sits and waits for, and whose answer holds up what they ask next."""
FIRST_PAUSE: Final = 2.0
LONGEST_PAUSE: Final = 60.0
"""So that what waits is at most a minute late once the platform answers again."""
GROWTH: Final = 0.5
"""A pause is this share of the time waited so far."""
SPREAD: Final = 1.25
"""A pause is up to this many times as long as it need be: those refused at once must not all come back at once."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wait:
    """A platform is to be asked again."""

    since: float
    """The first failure; times are unix seconds."""
    pause: float
    """Seconds until it is asked again."""
    until: float
    """When it is given up."""
    failure: str
    """What it is that does not work, as a sentence."""

    @property
    def sentence(self) -> str:
        """What is waited for and until when."""
        return f"{self.failure} I keep trying until {shown_time(self.until)}."


def wait_for(failure: BotError, since: float | None, now: float, patience: float = PATIENCE) -> Wait | None:
    """Return how to wait after a failure, or None if waiting does not help, or has lasted long enough.

    Pauses grow with the time waited so far, and are never shorter than the platform asks for. The last attempt is made
    when patience runs out.

    Args:
        failure: of the last attempt.
        since: when the first attempt failed (unix seconds); None if this was the first.
        now: unix seconds.
        patience: seconds from the first failure.
    """
    since = now if since is None else since
    left = since + patience - now
    if not isinstance(failure, PlatformUnavailable) or left <= 0 or (failure.retry_after or 0.0) > left:
        return None
    least = max(failure.retry_after or 0.0, min(LONGEST_PAUSE, max(FIRST_PAUSE, GROWTH * (now - since))))
    return Wait(since, min(least * random.uniform(1.0, SPREAD), left), since + patience, str(failure))


def shown_time(at: float) -> str:
    """Return a time (unix seconds) for people, wherever they are."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def given_up(failure: BotError, since: float | None, now: float) -> str:
    """Return why something is given up: its last failure and, if it was waited for, how long; times as `wait_for`."""
    if since is None or not isinstance(failure, PlatformUnavailable):
        return str(failure)
    return f"{failure} I tried for {duration(now - since)}; ask again when the platform answers."


async def answered(
    ask: Callable[[], Awaitable[T]],
    tell: Callable[[str], Awaitable[None]],
    *,
    clock: Callable[[], float] = monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """Return the answer to a question that somebody waits for; they are told, once, that the platform is waited for.

    Args:
        ask: asks; may be called again.
        tell: tells them a sentence.
        clock: seconds.
        sleep: waits for so many seconds.

    Raises:
        PlatformUnavailable: there was no answer within `QUESTION_PATIENCE`.
        Exception: whatever else `ask` raises.
    """
    since: float | None = None
    while True:
        try:
            return await ask()
        except PlatformUnavailable as failure:
            wait = wait_for(failure, since, clock(), QUESTION_PATIENCE)
            if wait is None:
                said = given_up(failure, since, clock())
                raise PlatformUnavailable(said, retry_after=failure.retry_after) from None
            if since is None:
                await tell(f"{failure} I ask again for up to {QUESTION_PATIENCE:.0f} s.")
            since = wait.since
        await sleep(wait.pause)
