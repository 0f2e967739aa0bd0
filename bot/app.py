"""One bot: its parts wired, connected to Slack, with a schedule and pages, until it is told to stop."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web
from slack_bolt.app.async_app import AsyncApp

import handlers
from bot.doctor import Doctor
from bot.health import Check, Condition, health_app, serving
from bot.logs import log_bug
from bot.outages import Outages
from bot.schedule import Tick, Ticks
from bot.settings import Settings
from bot.transport import Transport, open_transport
from bot.wiring import Base, Wiring, wire
from bot.worker import SLOTS, answer_work
from handlers.doctor import Diagnosis
from handlers.slack.answering import Answering
from handlers.slack.boundary import Boundary
from handlers.slack.intake import Intake
from handlers.slack.replies import Answers
from jobs.cleanup.retention import Retention
from jobs.core.ids import DELIVERIES
from jobs.outbox.postings import Outbox
from jobs.platforms.client import load
from jobs.platforms.registry import HideSecret
from jobs.queue.due import DueItems
from jobs.queue.pools import HEARTBEAT, LOOK, WorkPools
from jobs.state.connection import AWAY
from jobs.state.store import Store

RETENTION_TICK: Final = 300.0
"""Seconds between two looks at what is to be removed; one of the bots does it, once an hour."""
OLDEST_OUTBOX: Final = 120.0
"""Seconds that a message may wait to be delivered before the bot counts as not ready."""

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Bot:
    """A running bot."""

    health_port: int
    http_port: int | None


async def examine(settings: Settings, hide: HideSecret) -> tuple[Diagnosis, ...]:
    """Look at every part that a bot with these settings would use, without starting it; raises ConfigurationError."""
    async with AsyncExitStack() as stack:
        wiring = await wire(settings, hide, stack)
        return await Doctor(wiring.base).examine()


@asynccontextmanager
async def running(
    settings: Settings, give_up: Callable[[], None], hide: HideSecret = lambda _: None
) -> AsyncIterator[Bot]:
    """Run one bot as long as the context lasts.

    Args:
        settings: of this bot.
        give_up: called when it cannot go on and should be restarted.
        hide: called with each secret that must not be seen in the log.

    Raises:
        ConfigurationError: it cannot run with these settings.
    """
    async with AsyncExitStack() as stack:
        wiring = await wire(settings, hide, stack)
        base = wiring.base
        app = AsyncApp(client=base.client, name="proctor", process_before_response=True)
        listeners = handlers.register(app, Boundary(log_bug), {**wiring.services(), "examine": Doctor(base).examine})
        answering = Answering(app, listeners, base.envelopes, Answers(base.client, base.store))
        due = DueItems(base.store.connection)
        work = {**wiring.work(), **answer_work(answering)}
        pools = WorkPools(due, work, SLOTS, base.store.committed, log_bug)
        intake = Intake(listeners, base.envelopes, answering, pools.offer, base.client)
        transport, http_port = await open_transport(settings, app, intake.receive, give_up, stack)
        ticks = _ticks(base, pools, transport, stack)
        pages = _pages(wiring, readiness(base.store, due, transport, ticks, pools))
        health_port = await stack.enter_async_context(
            serving(pages, settings.bind_host, settings.health_port, named="HEALTH_PORT")
        )
        if loss := await base.store.durability():
            log.warning("redis.durability", says=loss)
        stack.enter_context(_frozen_garbage())
        pools.start()
        ticks.start()
        transport.start()
        warming = asyncio.create_task(_warm_up(transport, base), name="warm-up")
        log.info("started", health_port=health_port, platforms=list(base.platforms.profiles))
        try:
            yield Bot(health_port, http_port)
        finally:
            warming.cancel()
            await transport.stop()
            ticks.stop()
            await pools.stop()
            log.info("stopped")


async def _warm_up(transport: Transport, base: Base) -> None:
    """Load, once the bot is connected, what the first picture and the first request to a platform would wait for."""
    await transport.first_connected()
    base.charts.warm_up()
    await asyncio.to_thread(load)
    gc.freeze()


def _ticks(base: Base, pools: WorkPools, transport: Transport, stack: AsyncExitStack) -> Ticks:
    store = base.store
    outages = Outages(AWAY)
    stack.enter_context(outages.in_the_log())
    return Ticks(
        (
            Tick("work", LOOK, pools.look),
            Tick("heartbeat", HEARTBEAT, pools.keep, asks_redis=False),  # nothing to ask for where nothing is held
            Tick("slack connection", 5.0, transport.watch, asks_redis=False),
            Tick("retention", RETENTION_TICK, Retention(store, Outbox(store), base.settings.retention_days).tick),
        ),
        outages=outages,
        ping=store.ping,
    )


def _pages(wiring: Wiring, checks: tuple[Check, ...]) -> web.Application:
    pages = health_app(checks)
    wiring.reports.add_to(pages)
    wiring.alias_pages().add_to(pages)
    return pages


def readiness(store: Store, due: DueItems, transport: Transport, ticks: Ticks, pools: WorkPools) -> tuple[Check, ...]:
    """Return what /readyz asks: Redis, Slack, the schedule, the work pools, and how long messages have waited."""

    async def redis() -> Condition:
        await store.ping()
        return Condition(ok=True)

    async def slack() -> Condition:
        return Condition(ok=await transport.is_connected())

    async def schedule() -> Condition:
        late = ticks.late()
        return Condition(ok=not late, detail=", ".join(late))

    async def work() -> Condition:
        return Condition(ok=pools.is_working)

    async def outbox() -> Condition:
        age = await due.oldest(DELIVERIES)
        return Condition(ok=age < OLDEST_OUTBOX, detail=f"{age:.1f} s")

    return (
        Check("redis", redis),
        Check("slack", slack),
        Check("schedule", schedule),
        Check("work", work),
        Check("outbox", outbox),
    )


@contextmanager
def _frozen_garbage() -> Iterator[None]:
    """Exempt everything made so far from garbage collection.

    A full collection over it would hold up the event loop for a tenth of a second and more.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
