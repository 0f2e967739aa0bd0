"""The composition root: what the bot can do is put together, connected to Slack, and runs until it is told to stop."""

import gc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web
from slack_bolt.app.async_app import AsyncApp

import handlers
from bot.abilities import Abilities, abilities_of
from bot.ground import REDIS_IS_AWAY, Ground
from bot.health import Check, health_app, serving
from bot.listening import Listener, listener_of
from bot.logs import log_bug
from bot.outages import Outages
from bot.platforms import Hide
from bot.readiness import readiness
from bot.schedule import Tick, Ticks
from bot.settings import Settings
from bot.turns import hand_over_due, hand_over_outbox
from handlers.slack.boundary import Boundary
from jobs.cleanup.retention import Retention
from jobs.queue.engine import DocketEngine

RETENTION_TICK: Final = 300.0
"""Seconds after which a bot asks whether anything is to be removed; one of them does it, once an hour."""

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Bot:
    """A bot that runs."""

    health_port: int
    http_port: int | None


@asynccontextmanager
async def running(settings: Settings, give_up: Callable[[], None], hide: Hide = lambda _: None) -> AsyncIterator[Bot]:
    """Run one bot as long as the context lasts.

    Args:
        settings: what it was told.
        give_up: called when it cannot go on and should be started afresh.
        hide: told each secret that must never be seen in the log.

    Raises:
        ConfigurationError: it cannot run with these settings.
    """
    async with AsyncExitStack() as stack:
        able = await abilities_of(settings, hide, stack)
        engine = await stack.enter_async_context(DocketEngine(able.ground.redis_url, able.works()))
        listener, http_port = await listener_of(settings, _app(able), give_up, stack)
        ticks = _ticks(able.ground, engine, listener, stack)
        pages = _pages(able, readiness(able.ground.store, listener, ticks, engine))
        health_port = await stack.enter_async_context(
            serving(pages, settings.bind_host, settings.health_port, named="HEALTH_PORT")
        )
        stack.enter_context(_kept_for_good())
        engine.start()
        ticks.start()
        listener.start()
        log.info("started", health_port=health_port, platforms=list(able.ground.platforms.profiles))
        try:
            yield Bot(health_port, http_port)
        finally:
            await listener.stop()
            ticks.stop()
            await able.evaluating.runner.leave()
            await engine.stop()
            log.info("stopped")


def _app(able: Abilities) -> AsyncApp:
    """Return what is called with all that is heard from Slack."""
    secret = able.ground.settings.slack_signing_secret
    app = AsyncApp(
        client=able.ground.client, signing_secret=secret.get_secret_value() if secret else None, name="proctor"
    )
    handlers.register(app, Boundary(log_bug), able.services())
    return app


def _ticks(ground: Ground, engine: DocketEngine, listener: Listener, stack: AsyncExitStack) -> Ticks:
    """Return what is done again and again."""
    store = ground.store
    outages = Outages(REDIS_IS_AWAY)
    stack.enter_context(outages.in_the_log())
    return Ticks(
        (
            Tick("due jobs", 0.5, lambda: hand_over_due(store, engine)),
            Tick("outbox", 0.25, lambda: hand_over_outbox(store, engine)),
            Tick("slack connection", 5.0, listener.watch, asks_redis=False),
            Tick("retention", RETENTION_TICK, Retention(store, ground.settings.retention_days).tick),
        ),
        outages=outages,
    )


def _pages(able: Abilities, checks: tuple[Check, ...]) -> web.Application:
    """Return what the health port serves."""
    pages = health_app(checks)
    able.evaluating.reports.add_to(pages)
    able.aliases.pages.add_to(pages)
    return pages


@contextmanager
def _kept_for_good() -> Iterator[None]:
    """Tell Python that what was made until here stays.

    Looking through it for garbage, as Python does now and then, would hold up the event loop for a tenth of a second
    and more.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
