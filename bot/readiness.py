"""What /readyz asks: Redis, Slack, the schedule, the engine, and the messages that wait."""

from typing import Final

from bot.health import Check, Condition
from bot.listening import Listener
from bot.schedule import Ticks
from jobs.queue.engine import DocketEngine
from jobs.state.store import Store

OLDEST_OUTBOX: Final = 120.0
"""Seconds a message may wait to go out before the bot counts as not ready."""


def readiness(store: Store, listener: Listener, ticks: Ticks, engine: DocketEngine) -> tuple[Check, ...]:
    """Return the checks of a bot's parts."""

    async def redis() -> Condition:
        await store.ping()
        return Condition(ok=True)

    async def slack() -> Condition:
        return Condition(ok=await listener.is_connected())

    async def schedule() -> Condition:
        late = ticks.late()
        return Condition(ok=not late, detail=", ".join(late))

    async def work() -> Condition:
        return Condition(ok=engine.is_working)

    async def outbox() -> Condition:
        age = await store.outbox_age()
        return Condition(ok=age < OLDEST_OUTBOX, detail=f"{age:.1f} s")

    return (
        Check("redis", redis),
        Check("slack", slack),
        Check("schedule", schedule),
        Check("engine", work),
        Check("outbox", outbox),
    )
