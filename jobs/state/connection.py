"""The door to Redis or Valkey (>= 6.2): connections that wait for their turn, scripts, and what "away" means."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import resources
from secrets import token_hex
from typing import Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import ClusterDownError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

PREFIX: Final = "{proctor}"
"""Of every key: one hash tag, so that a cluster keeps them together."""
AWAY: Final = (RedisConnectionError, RedisTimeoutError, OutOfMemoryError, ReadOnlyError, ClusterDownError)
"""What is raised while the server does not answer, or takes nothing because it is full or not in charge."""
REFUSED: Final = ResponseError
"""What is raised if the server does not allow a command."""
NOT_NOW: Final = ("MISCONF", "BUSY ", "NOREPLICAS", "LOADING", "MASTERDOWN", "TRYAGAIN")
"""What refusals begin with that are not about what was asked: a full disk, a long script, a replica that is away."""
CONNECTIONS: Final = 40
"""Of one process; who finds them all in use waits."""
QUICK: Final = 5.0
"""Seconds after which a quick connection takes a server to be away that says nothing."""
RETRIES: Final = 3
"""Of a call, and of each connection for it: work survives a server that takes some 3 s to start again."""
CLIENT_NAME: Final = "proctor-"
"""What the names of a bot's connections begin with; then comes the name of the process."""

Script = Callable[..., Awaitable[object]]
"""A Lua script; takes its arguments after the prefix."""


def key(name: str) -> str:
    """Return the key of this name."""
    return f"{PREFIX}:{name}"


class Connection:
    """A client of the server.

    Args:
        redis: with `decode_responses=True`.
        member: names this process among those that share the server; its connections carry it.
    """

    def __init__(self, redis: "Redis", member: str | None = None) -> None:
        self.redis = redis
        self.member = member or token_hex(4)

    def script(self, room: str, name: str) -> Script:
        """Return the script `<name>.lua` of a room of `jobs/`."""
        text = resources.files(f"jobs.{room}").joinpath("lua", f"{name}.lua").read_text("utf-8")
        script = self.redis.register_script(text)

        async def run(*arguments: str | int) -> object:
            try:
                return await script(keys=[key("schema")], args=[PREFIX, *arguments])
            except ResponseError as refusal:
                if str(refusal).startswith(NOT_NOW):
                    raise RedisConnectionError(str(refusal)) from refusal
                raise

        return run


def quick_connection_to(url: str, member: str) -> Connection:
    """Return a connection of its own for whoever waits for nobody else and asks again only once, at once.

    `member` names the process, as for its other connections.
    """
    retry = Retry(NoBackoff(), 1)  # of connections that a restarted server has closed
    redis = Redis.from_url(
        url,
        retry=retry,
        socket_timeout=QUICK,
        socket_connect_timeout=QUICK,
        decode_responses=True,
        encoding_errors="surrogateescape",
        client_name=f"{CLIENT_NAME}{member}",
    )
    return Connection(redis, member)


@asynccontextmanager
async def answered_within(seconds: float) -> AsyncIterator[None]:
    """Take the server for away where what is asked of it in this block takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as late:
        raise RedisTimeoutError(f"no answer within {seconds:g} s") from late


def connection_to(url: str) -> Connection:
    """Return a connection to `redis://`, `rediss://` or `unix://`; nothing is asked yet."""
    member = token_hex(4)
    # Waits where redis-py's usual pool raises what reads as "the server is away".
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=None,
        decode_responses=True,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.1), RETRIES),
        encoding_errors="surrogateescape",  # what others wrote must not break a reply that it is part of
        client_name=f"{CLIENT_NAME}{member}",
    )
    return Connection(Redis.from_pool(pool), member)
