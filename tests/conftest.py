"""What many tests share: a real server for state, and records with defaults."""

import gc
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest
import structlog
from redis.asyncio import Redis

from bot.kinds import KINDS
from bot.redis_server.server_binary import find_server
from bot.redis_server.subprocesses import tethered
from jobs.state.connection import Connection
from jobs.state.store import Store

# `--hypothesis-profile=thorough` tries twenty times as many. No deadlines: they would measure the machine.
hypothesis.settings.register_profile("suite", deadline=None, max_examples=50)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("suite")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep thousands of collected tests out of the garbage collector, which would walk them again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> None:
    """Write bugs to the log without rich's panels: drawing one holds up the event loop for seconds."""
    *before, _renderer = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before, plain])


@contextmanager
def redis_of_its_own() -> Iterator[str]:
    """Run a server; yields the URL of its socket."""
    with tempfile.TemporaryDirectory(prefix="proctor-redis-") as folder:
        socket = Path(folder) / "redis.sock"
        options = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder, "--loglevel", "warning")
        with subprocess.Popen(tethered((str(find_server().path), *options))) as server:
            while not socket.exists():
                assert server.poll() is None, "the server did not start"
                time.sleep(0.01)
            yield f"unix://{socket}"
            server.terminate()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """A server of this test process's own; the URL of its socket."""
    with redis_of_its_own() as url:
        yield url


@pytest.fixture
async def redis(redis_server: str) -> AsyncIterator[Redis]:
    """A client of an empty server."""
    client = Redis.from_url(redis_server, decode_responses=True, encoding_errors="surrogateescape")
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def store(redis: Redis) -> Store:
    """An empty, open store."""
    opened = Store(Connection(redis), KINDS)
    await opened.open()
    return opened
