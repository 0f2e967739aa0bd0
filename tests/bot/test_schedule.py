import asyncio
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.schedule import Tick, Ticks, next_daily


class Counting:
    """Work that counts its turns and fails in those it is told to."""

    def __init__(self, *failing: int) -> None:
        self.turns = 0
        self._failing = failing
        self._changed = asyncio.Condition()

    async def __call__(self) -> None:
        async with self._changed:
            self.turns += 1
            self._changed.notify_all()
        if self.turns in self._failing:
            raise ConnectionError("Redis is away")

    async def reached(self, turns: int) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: self.turns >= turns)


async def test_each_tick_runs_again_and_again() -> None:
    fast, other = Counting(), Counting()
    ticks = Ticks([Tick("due", 0.02, fast), Tick("outbox", 0.02, other)])
    ticks.start()
    try:
        await fast.reached(3)
        await other.reached(3)
    finally:
        ticks.stop()


async def test_a_failing_tick_goes_on_and_disturbs_no_other() -> None:
    failing, other = Counting(1, 2, 3), Counting()
    ticks = Ticks([Tick("due", 0.02, failing), Tick("outbox", 0.02, other)])
    ticks.start()
    try:
        await failing.reached(5)
        await other.reached(3)
    finally:
        ticks.stop()


async def test_a_tick_never_runs_twice_at_a_time() -> None:
    under_way, most = 0, 0
    turns = Counting()

    async def slow() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.1)
        under_way -= 1
        await turns()

    ticks = Ticks([Tick("due", 0.02, slow)])
    ticks.start()
    try:
        await turns.reached(3)
    finally:
        ticks.stop()
    assert most == 1


async def test_a_tick_that_stops_ending_well_is_found_late() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def clock() -> datetime:
        return now

    good, bad = Counting(), Counting(*range(1, 1000))
    ticks = Ticks([Tick("good", 0.02, good), Tick("bad", 0.02, bad)], now=clock)
    ticks.start()
    try:
        assert ticks.late() == ()
        await bad.reached(1)
        now += timedelta(seconds=40)
        await good.reached(good.turns + 2)

        assert ticks.late() == ("bad",)
        assert ticks.ages() == {"good": 0.0, "bad": 40.0}
    finally:
        ticks.stop()


async def test_stop_may_be_called_without_start_and_twice() -> None:
    ticks = Ticks([])
    ticks.stop()
    ticks.start()
    ticks.stop()
    ticks.stop()


async def test_two_ticks_of_one_name_are_refused() -> None:
    work = Counting()
    with pytest.raises(ValueError, match="share a name"):
        Ticks([Tick("due", 1, work), Tick("due", 2, work)])


PLACES = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Cairo",
)


def local(at: float, zone: str) -> str:
    return datetime.fromtimestamp(at, ZoneInfo(zone)).isoformat()


@pytest.mark.parametrize(
    ("zone", "at", "after", "comes"),
    [
        ("Europe/Berlin", 540, "2026-03-28T12:00", "2026-03-29T09:00:00+02:00"),
        ("Europe/Berlin", 540, "2026-10-24T12:00", "2026-10-25T09:00:00+01:00"),
        ("Europe/Berlin", 150, "2026-03-28T12:00", "2026-03-29T03:30:00+02:00"),
        ("Europe/Berlin", 150, "2026-10-24T12:00", "2026-10-25T02:30:00+02:00"),
        ("Europe/Berlin", 150, "2026-10-25T00:30", "2026-10-26T02:30:00+01:00"),
        ("Europe/Berlin", 0, "2026-03-28T23:00", "2026-03-30T00:00:00+02:00"),
        ("America/New_York", 90, "2026-11-01T05:30", "2026-11-02T01:30:00-05:00"),
        ("Asia/Kolkata", 540, "2026-05-01T03:30", "2026-05-02T09:00:00+05:30"),
        ("Asia/Kolkata", 540, "2026-05-01T03:29", "2026-05-01T09:00:00+05:30"),
    ],
)
def test_a_time_of_day_comes_next(zone: str, at: int, after: str, comes: str) -> None:
    start = datetime.fromisoformat(after).replace(tzinfo=UTC).timestamp()
    assert local(next_daily(at, zone, start), zone) == comes


@pytest.mark.parametrize("zone", PLACES)
@pytest.mark.parametrize("at", [0, 30, 120, 150, 540, 1439])
def test_a_time_of_day_comes_on_each_day_of_a_year_once(zone: str, at: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)).timestamp() - 1
    days = []
    for _ in range(365):
        now = next_daily(at, zone, now)
        days.append(datetime.fromtimestamp(now, ZoneInfo(zone)).date())
    assert days == [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
