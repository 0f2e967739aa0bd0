"""What every ability of the bot stands on: its memory, the platforms, the tasks, the graders, and Slack."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from slack_sdk.web.async_client import AsyncWebClient

from bot.embedded_redis import embedded_redis
from bot.kinds import KINDS
from bot.platforms import Hide, Platforms
from bot.settings import Settings, audit_key
from charts import ChartPool
from handlers.slack.images import Pictures
from handlers.slack.people import People
from jobs.evals.remote_rows import remote_rows
from jobs.evals.rows import LocalRows, RowStore
from jobs.graders import GraderRuntime
from jobs.platforms.judge import PlatformJudge
from jobs.platforms.profiles import load_profiles
from jobs.queue.engine import with_connections
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue

STORE_CONNECTIONS: Final = 60
SLACK_TIMEOUT: Final = 10
REDIS_IS_AWAY: Final = (RedisConnectionError, RedisTimeoutError)
"""What is raised while Redis does not answer."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What is made once, before anything else, for all who need it."""

    settings: Settings
    redis_url: str
    store: Store
    platforms: Platforms
    tasks: TaskCatalogue
    graders: GraderRuntime
    rows: RowStore
    """Where evals keep their answers."""
    client: AsyncWebClient
    people: People
    pictures: Pictures


async def ground_of(settings: Settings, hide: Hide, stack: AsyncExitStack) -> Ground:
    """Make what everything stands on.

    Args:
        settings: what the bot was told.
        hide: told each secret that must never be seen in the log.
        stack: closes all of it, in turn.

    Raises:
        ConfigurationError: it cannot be had with these settings.
    """
    redis_url = settings.redis_url
    if redis_url is None:
        redis_url = await stack.enter_async_context(embedded_redis(settings.proctor_home))
    store = await _store(redis_url, audit_key(settings.audit_key), stack)
    platforms = Platforms(load_profiles(settings.proctor_platforms, settings.local_platform_url), stack, hide)
    judge = PlatformJudge(
        lambda: platforms.sampler_of(settings.judge_platform),
        lambda: platforms.platform_of(settings.judge_platform)[1],
    )
    graders = await stack.enter_async_context(GraderRuntime(judge=judge, embedder=judge))
    pool = await stack.enter_async_context(ChartPool(workers=settings.chart_workers))
    client = _client(settings)
    return Ground(
        settings=settings,
        redis_url=redis_url,
        store=store,
        platforms=platforms,
        tasks=TaskCatalogue(settings.proctor_tasks),
        graders=graders,
        rows=remote_rows(settings.evals_url) if settings.evals_url else LocalRows(settings.proctor_home / "evals"),
        client=client,
        people=People(client),
        pictures=Pictures(pool, client, store),
    )


async def _store(redis_url: str, key: bytes, stack: AsyncExitStack) -> Store:
    redis = Redis.from_url(with_connections(redis_url, STORE_CONNECTIONS), decode_responses=True)
    stack.push_async_callback(redis.aclose)
    store = Store(redis, KINDS, key)
    await store.open()
    return store


def _client(settings: Settings) -> AsyncWebClient:
    """Return the client that posts: without retries of its own, for a retry inside it posts twice."""
    return AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        timeout=SLACK_TIMEOUT,
        retry_handlers=[],
    )
