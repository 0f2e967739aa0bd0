"""One workspace, platform, Redis and bot for many tests of a process, in a thread of their own, emptied between two."""

import asyncio
import shutil
import threading
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import aiohttp
from redis.asyncio import Redis

from bot.app import Bot, running
from bot.settings import load_settings
from local.platform.server import serve as serve_platform
from local.slack.server import serve as serve_workspace

START_SECONDS: Final = 60.0
CARD_SECONDS: Final = "0.5"
PICTURE_STEPS: Final = "40"
"""Few curves are drawn that nobody looks at: each costs a fifth of a second."""
QUIET_SECONDS: Final = 0.15
"""Without traffic between bot and workspace for this long, what an earlier test started has ended."""


class SharedHouse:
    """Runs until `close`; tests reach it over HTTP and Redis only, as they would another process.

    Args:
        folder: where its parts keep their files.
        redis_url: of a server that nobody else empties.
    """

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.tasks, self.home = folder / "tasks", folder / "home"
        self.redis_url = redis_url
        self.environment: dict[str, str] = {}
        self.workspace_url = ""
        self._folder = folder
        self._bot: Bot | None = None
        self._failure: BaseException | None = None
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="shared-house", daemon=True)
        self._thread.start()
        assert self._started.wait(START_SECONDS), "the shared bot did not start"
        if self._failure:
            raise self._failure

    @property
    def bot(self) -> Bot:
        """The bot that runs."""
        assert self._bot is not None, "it runs from the start to `close`"
        return self._bot

    def close(self) -> None:
        """Stop all of it."""
        if self._loop and self._stop:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_SECONDS)

    async def empty(self) -> None:
        """Take away all that an earlier test left: records and messages, tasks, answers, faults."""
        async with Redis.from_url(self.redis_url, decode_responses=True) as redis:
            await self._forget(redis)
            async with aiohttp.ClientSession() as session:
                await self._until_quiet(session)
                await self._forget(redis)
                async with session.post(f"{self.workspace_url}/_control/reset", json={}) as answer:
                    assert answer.status == 200
        for folder in (self.tasks, self.home / "evals"):
            shutil.rmtree(folder, ignore_errors=True)
        self.tasks.mkdir()

    async def _forget(self, redis: Redis) -> None:
        """Drop the bot's records, and what is due; what it works on just then it loses, and stops."""
        kept = {"{proctor}:schema", "{proctor}:secret:reports"}
        keys = [key async for key in redis.scan_iter("{proctor}:*", count=1000) if key not in kept]
        if keys:
            await redis.delete(*keys)

    async def _until_quiet(self, session: aiohttp.ClientSession) -> None:
        seen, since = -1, time.monotonic()
        while time.monotonic() < since + QUIET_SECONDS:
            async with session.get(f"{self.workspace_url}/_control/log") as answer:
                count = len((await answer.json())["log"])
            if count != seen:
                seen, since = count, time.monotonic()
            await asyncio.sleep(QUIET_SECONDS / 5)

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as failure:
            self._failure = failure
            raise
        finally:
            self._started.set()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with AsyncExitStack() as stack:
            slack = await stack.enter_async_context(serve_workspace(self._folder / "slack"))
            platform = await stack.enter_async_context(serve_platform(self._folder / "platform", pace=0.0))
            self.tasks.mkdir()
            self.workspace_url = slack.url
            self.environment = {
                "SLACK_BOT_TOKEN": "xoxb-local-proctor",
                "SLACK_APP_TOKEN": "xapp-local-proctor",
                "SLACK_API_URL": slack.api_url,
                "REDIS_URL": self.redis_url,
                "LOCAL_PLATFORM_URL": platform.url,
                "PROCTOR_HOME": str(self.home),
                "PROCTOR_TASKS": str(self.tasks),
                "CARD_SECONDS": CARD_SECONDS,
                "PICTURE_STEPS": PICTURE_STEPS,
            }
            self._bot = await stack.enter_async_context(running(load_settings(self.environment), self._give_up))
            self._started.set()
            await self._stop.wait()

    def _give_up(self) -> None:
        raise AssertionError("the bot lost its connection to Slack for good")
