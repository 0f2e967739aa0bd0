"""A whole team at work: the local workspace, the local platform, a Redis, and bots that can be started and stopped."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis

from bot.app import Bot, running
from bot.settings import load_settings
from local.platform.server import serve as serve_platform
from local.slack.server import serve as serve_workspace
from tests.conftest import redis_of_its_own
from tests.shared_house import CARD_SECONDS, PICTURE_STEPS, SharedHouse
from tests.story.colleagues import Workspace
from tests.task_from_pool import NO_POOL, pool_path, write_task

BUNDLED = Path(__file__).parents[2] / "tasks" / "eurovoc"


@dataclass
class House:
    """Everything a story needs; `bot()` runs a bot as long as its context lasts."""

    workspace: Workspace
    tasks: Path
    home: Path
    environment: dict[str, str]
    shared: SharedHouse | None = None
    """Where the bot of this house runs already, and goes on for the next test."""

    @asynccontextmanager
    async def bot(self) -> AsyncIterator[Bot]:
        """Run one bot in this process."""
        if self.shared:
            await self.workspace.hears_the_bot()
            yield self.shared.bot
            return

        def give_up() -> None:
            raise AssertionError("the bot lost its connection to Slack for good")

        async with running(load_settings(self.environment), give_up) as bot:
            if bot.http_port is None:
                await self.workspace.hears_the_bot()
            yield bot

    def copy_eurovoc(self, name: str = "eurovoc", *, runs: int = 3) -> Path:
        """Take a copy of the bundled task whose checkpoints answer each item `runs` times; returns its folder."""
        folder = shutil.copytree(BUNDLED, self.tasks / name)
        manifest = folder / "task.yaml"
        manifest.write_text(manifest.read_text("utf-8").replace("\n  runs: 3 ", f"\n  runs: {runs} "), "utf-8")
        return folder

    def write_acts(self, train: int, name: str = "acts") -> None:
        """Build a task from real EU acts that is soon evaluated; skips the test where they are absent."""
        pool = pool_path()
        if pool is None:
            pytest.skip(NO_POOL)
        write_task(self.tasks / name, pool, train=train, test=20)
        with (self.tasks / name / "task.yaml").open("a", encoding="utf-8") as manifest:
            manifest.write("evidence:\n  runs: 1\n")


@asynccontextmanager
async def furnished(
    tmp_path: Path, redis_server: str, redis: Redis, *, http_port: int | None = None
) -> AsyncIterator[House]:
    """Set up everything but the bot; with `http_port` the workspace sends signed requests to a bot there."""
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    request_url = f"http://127.0.0.1:{http_port}/slack/events" if http_port else None
    async with (
        serve_workspace(tmp_path / "slack", request_url=request_url) as slack,
        serve_platform(tmp_path / "platform", pace=0.0) as platform,
        aiohttp.ClientSession() as session,
    ):
        assert await redis.dbsize() == 0
        environment = {
            "SLACK_BOT_TOKEN": "xoxb-local-proctor",
            "SLACK_APP_TOKEN": "xapp-local-proctor",
            "SLACK_API_URL": slack.api_url,
            "REDIS_URL": redis_server,
            "LOCAL_PLATFORM_URL": platform.url,
            "PROCTOR_HOME": str(tmp_path / "home"),
            "PROCTOR_TASKS": str(tasks),
            "CARD_SECONDS": CARD_SECONDS,
            "PICTURE_STEPS": PICTURE_STEPS,
        }
        if http_port:
            environment |= {
                "SLACK_MODE": "http",
                "HTTP_PORT": str(http_port),
                "SLACK_SIGNING_SECRET": "local-signing-secret",
            }
        yield House(Workspace(slack.url, session), tasks, tmp_path / "home", environment)


@pytest.fixture(scope="session")
def shared_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedHouse]:
    """The house that tests marked `shared_bot` have in common."""
    with redis_of_its_own() as redis_url:
        house = SharedHouse(tmp_path_factory.mktemp("shared-house"), redis_url)
        yield house
        house.close()


def shares_a_bot(request: pytest.FixtureRequest) -> bool:
    """Tell whether a test can do with the bot that many tests have in common."""
    return request.node.get_closest_marker("shared_bot") is not None and not request.node.get_closest_marker("own_bot")


@pytest.fixture
def house_redis_url(request: pytest.FixtureRequest) -> str:
    """The URL of the Redis that the bot of this test uses."""
    if shares_a_bot(request):
        shared: SharedHouse = request.getfixturevalue("shared_house")
        return shared.redis_url
    url: str = request.getfixturevalue("redis_server")
    return url


@pytest.fixture
async def redis(request: pytest.FixtureRequest, house_redis_url: str) -> AsyncIterator[Redis]:
    """A client of the bot's server, empty but for what a shared bot needs."""
    async with Redis.from_url(house_redis_url, decode_responses=True) as client:
        if not shares_a_bot(request):
            await client.flushall()
        yield client


@pytest.fixture
async def house(
    request: pytest.FixtureRequest, tmp_path: Path, house_redis_url: str, redis: Redis
) -> AsyncIterator[House]:
    """A house of the test's own, or the shared one, emptied."""
    if not shares_a_bot(request):
        async with furnished(tmp_path, house_redis_url, redis) as house:
            yield house
        return
    shared: SharedHouse = request.getfixturevalue("shared_house")
    await shared.empty()
    async with aiohttp.ClientSession() as session:
        yield House(
            Workspace(shared.workspace_url, session), shared.tasks, shared.home, dict(shared.environment), shared
        )
