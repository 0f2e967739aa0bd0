import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.schedule import Tick, Ticks


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
