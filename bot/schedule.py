"""The scheduler: a few fixed ticks, in memory, in every bot process.

What is due, and who does it, is decided in Redis under a lease; a tick only asks. So any number of processes may tick,
and nothing about a job is lost with the scheduler.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from bot.outages import Outages

log = structlog.stdlib.get_logger(__name__)

MOST_JITTER = 0.5
"""Seconds; so that several processes do not ask in the same instant."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Something done again and again.

    Args:
        name: names it in the log and in /readyz.
        seconds: from one start to the next; a run that takes longer makes the next one wait for the one after.
        work: called without arguments; may fail, and is then tried again at the next turn.
    """

    name: str
    seconds: float
    work: Callable[[], Awaitable[object]]
    asks_redis: bool = True
    """Whether a turn that ends well has had an answer of Redis."""


class Ticks:
    """Runs each tick in its rhythm from `start` to `stop`, the first time at once.

    Args:
        ticks: what is done.
        outages: is told when Redis is away and when it answers again.
        ping: raises while Redis does not take what is written; asked before an outage counts as over.
        now: the time of day.
    """

    def __init__(
        self,
        ticks: Sequence[Tick],
        *,
        outages: Outages | None = None,
        ping: Callable[[], Awaitable[object]] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        names = [tick.name for tick in ticks]
        if len(set(names)) != len(names):
            raise ValueError(f"two ticks share a name: {names}")
        self._ticks = tuple(ticks)
        self._outages = outages or Outages(())
        self._ping = ping
        self._now = now
        self._last: dict[str, datetime] = {}
        self._under_way: set[str] = set()
        # One more instance than ever runs: the scheduler would complain of each turn that finds another under way.
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 2, "misfire_grace_time": None}
        )

    def start(self) -> None:
        """Start ticking on the running event loop."""
        started = self._now()
        for tick in self._ticks:
            self._last[tick.name] = started
            self._scheduler.add_job(
                self._turn,
                "interval",
                args=(tick,),
                id=tick.name,
                seconds=tick.seconds,
                jitter=min(MOST_JITTER, tick.seconds / 10),
                next_run_time=datetime.now(UTC),
            )
        self._scheduler.start()

    def stop(self) -> None:
        """Start no further turn; one that is under way is cancelled at its next await."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def ages(self) -> dict[str, float]:
        """Return for each tick the seconds since it last ended without an error, or since the start."""
        now = self._now()
        return {name: (now - last) / timedelta(seconds=1) for name, last in self._last.items()}

    def late(self, slack: float = 30.0) -> tuple[str, ...]:
        """Return the ticks that have not ended well for three turns and `slack` seconds; empty when all is well."""
        ages = self.ages()
        return tuple(t.name for t in self._ticks if ages.get(t.name, 0.0) > 3 * t.seconds + slack)

    async def _turn(self, tick: Tick) -> None:
        if tick.name in self._under_way:
            return
        self._under_way.add(tick.name)
        asked_at = self._outages.clock()
        try:
            await tick.work()
            if tick.asks_redis and self._ping and self._outages.under_way:
                await self._ping()
        except Exception as failed:  # the boundary of a tick: the next turn tries again
            if not self._outages.noticed(failed):
                log.error("tick_failed", tick=tick.name, exc_info=failed)
        else:
            self._last[tick.name] = self._now()
            if tick.asks_redis:
                self._outages.answered(asked_at)
        finally:
            self._under_way.discard(tick.name)


def next_daily(at: int, zone: str, after: float) -> float:
    """Return when a time of day comes next in a time zone: once on each of its days, also when its clocks change.

    A time that the clocks leave out comes as late as if they had not; of one that they repeat the first counts.

    Args:
        at: minutes after midnight.
        zone: IANA name.
        after: unix seconds; what is returned is later.
    """
    hour, minute = divmod(at, 60)
    place = ZoneInfo(zone)
    # The trigger counts on a clock that never changes: on one that does, it leaves out a day now and then, or hangs.
    trigger = CronTrigger(hour=hour, minute=minute, timezone=UTC)
    wall = datetime.fromtimestamp(after, place).replace(tzinfo=UTC, fold=0)
    while True:
        comes: datetime | None = trigger.get_next_fire_time(None, wall)
        assert comes is not None, "every day has this time"
        found = comes.replace(tzinfo=place).timestamp()
        if found > after:
            return found
        wall = comes + timedelta(seconds=1)
