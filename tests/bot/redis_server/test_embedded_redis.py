"""The embedded server, by breaking it: killed servers, killed keepers, two on one folder, data of another server."""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.redis_server.embedded_redis import Patience, answers, embedded_redis
from bot.redis_server.server_binary import ServerBinary, find_server
from jobs.core.errors import ConfigurationError

KEEPER = """
import asyncio, sys
from pathlib import Path
from bot.redis_server.embedded_redis import embedded_redis

async def main():
    async with embedded_redis(Path(sys.argv[1]), started=lambda pid: print("pid", pid, flush=True)):
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - another process cannot set an event of ours
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended but that nobody has waited for yet does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # not Linux, or it has just gone
        return sys.platform != "linux"


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Redis]:
    redis = Redis.from_url(url, decode_responses=True)
    try:
        yield redis
    finally:
        await redis.aclose()


async def _up_to(start: bytes, lines: asyncio.StreamReader) -> AsyncIterator[bytes]:
    async for line in lines:
        yield line
        if line.startswith(start):
            return


@asynccontextmanager
async def keeper_process(home: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Another process that keeps the server of `home`; yields it with the server's process id."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KEEPER, str(home), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        lines = [line async for line in _up_to(b"pid ", process.stdout)]
        yield process, int(lines[-1].split()[1])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_data_outlives_a_clean_stop_and_the_server_does_not(tmp_path: Path) -> None:
    pids: list[int] = []
    async with embedded_redis(tmp_path, started=pids.append) as url, client(url) as redis:
        await redis.set("job", "j1")
    async with embedded_redis(tmp_path, started=pids.append) as url, client(url) as redis:
        assert await redis.get("job") == "j1"

    assert len(set(pids)) == 2
    assert not any(alive(pid) for pid in pids)


async def test_it_is_set_up_to_keep_everything_and_to_be_private(tmp_path: Path) -> None:
    async with embedded_redis(tmp_path) as url, client(url) as redis:
        config = await redis.config_get("append*", "maxmemory-policy", "save", "port")

        assert config["appendonly"] == "yes"
        assert config["appendfsync"] == "always"
        assert config["maxmemory-policy"] == "noeviction"
        assert config["save"] == ""
        assert config["port"] == "0"
        assert (tmp_path / "redis" / "redis.sock").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "redis").stat().st_mode & 0o777 == 0o700


async def test_a_killed_server_comes_back_with_every_answered_write(tmp_path: Path) -> None:
    pids: list[int] = []
    async with embedded_redis(tmp_path, started=pids.append) as url, client(url) as redis:
        for n in range(200):
            await redis.set(f"key:{n}", n)
        os.kill(pids[0], signal.SIGKILL)
        await until(lambda: len(pids) == 2)

        assert await redis.dbsize() == 200
        assert pids[1] != pids[0]


async def test_a_server_dies_with_its_killed_keeper_and_the_next_one_finds_the_data(tmp_path: Path) -> None:
    async with keeper_process(tmp_path) as (keeper, first):
        async with client(f"unix://{tmp_path}/redis/redis.sock") as redis:
            await redis.set("job", "j1")
        keeper.kill()
        await keeper.wait()

        # at once: the old server is still on its way out and must neither be used nor be raced for its data
        pids: list[int] = []
        async with embedded_redis(tmp_path, started=pids.append) as url, client(url) as redis:
            assert await redis.get("job") == "j1"
            if sys.platform == "linux":
                assert pids[0] != first
                await until(lambda: not alive(first))


async def test_a_second_process_shares_the_server_and_takes_over_when_its_keeper_leaves(tmp_path: Path) -> None:
    pids: list[int] = []
    async with (
        keeper_process(tmp_path) as (keeper, first),
        embedded_redis(tmp_path, started=pids.append) as url,
        client(url) as redis,
    ):
        assert pids == [first]
        await redis.set("job", "j1")
        keeper.kill()
        await until(lambda: len(pids) == 2)

        assert pids[1] != first
        assert await redis.get("job") == "j1"
    assert not alive(pids[1])


async def test_leaving_a_shared_server_does_not_stop_it(tmp_path: Path) -> None:
    async with embedded_redis(tmp_path) as url:
        async with embedded_redis(tmp_path) as same:
            assert same == url
        assert await answers(tmp_path / "redis" / "redis.sock")


async def test_a_path_too_long_for_a_socket_gets_a_short_private_one(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30) / "with space"
    async with embedded_redis(home) as url, client(url) as redis:
        socket = Path(url.removeprefix("unix://"))
        await redis.set("job", "j1")

        assert len(str(socket)) < 100
        assert socket.parent.stat().st_mode & 0o777 == 0o700
        assert (home / "redis" / "appendonlydir").is_dir()
    socket.parent.rmdir()


async def test_a_path_with_unusual_characters_works(tmp_path: Path) -> None:
    async with embedded_redis(tmp_path / "a b?c#d%e") as url, client(url) as redis:
        assert await redis.ping()


async def test_a_private_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    async with embedded_redis(home) as url:
        folder = Path(url.removeprefix("unix://")).parent
    folder.chmod(0o777)
    try:
        with pytest.raises(ConfigurationError, match=r"is not a private folder of this user.*shorten PROCTOR_HOME"):
            async with embedded_redis(home):
                pass
    finally:
        folder.rmdir()


async def test_data_of_a_newer_server_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    async with embedded_redis(tmp_path) as url, client(url) as redis:
        await redis.set("job", "j1")
    (tmp_path / "redis" / "version").write_text("valkey 99.0.0\n")

    with pytest.raises(ConfigurationError, match=r"was written by valkey 99\.0\.0"):
        async with embedded_redis(tmp_path):
            pass

    (tmp_path / "redis" / "version").write_text("valkey 9.1.2\n")
    async with embedded_redis(tmp_path) as url, client(url) as redis:
        assert await redis.get("job") == "j1"


async def test_a_server_that_does_not_start_is_said_with_its_own_last_words(tmp_path: Path) -> None:
    async with embedded_redis(tmp_path) as url, client(url) as redis:
        await redis.set("job", "j1")
    for manifest in (tmp_path / "redis" / "appendonlydir").glob("*.manifest"):
        manifest.write_text("nonsense\n")

    with pytest.raises(ConfigurationError, match=r"did not start: .*manifest"):
        async with embedded_redis(tmp_path):
            pass


async def test_without_a_server_program_the_way_out_is_said(tmp_path: Path) -> None:
    def none() -> ServerBinary:
        raise ConfigurationError("REDIS_URL is missing and there is no server to run instead")

    with pytest.raises(ConfigurationError, match="REDIS_URL is missing"):
        async with embedded_redis(tmp_path, find=none):
            pass
    async with embedded_redis(tmp_path) as url, client(url) as redis:  # nothing is left locked behind
        assert await redis.ping()


async def test_an_orphan_that_stays_is_adopted_and_stopped_at_the_end(tmp_path: Path) -> None:
    data = tmp_path / "redis"
    data.mkdir(mode=0o700)
    lock = os.open(data / "server.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    options = ("--port", "0", "--unixsocket", "redis.sock", "--pidfile", "redis.pid")
    orphan = await asyncio.create_subprocess_exec(
        find_server().path, *options, cwd=data, pass_fds=[lock], stdout=asyncio.subprocess.DEVNULL
    )
    os.close(lock)
    pids: list[int] = []
    async with (
        embedded_redis(tmp_path, started=pids.append, patience=Patience(leaving=0.5)) as url,
        client(url) as redis,
    ):
        assert await redis.ping()
        assert pids == [orphan.pid]

    assert await orphan.wait() == 0


async def test_a_keeper_without_an_answering_server_is_said(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir(mode=0o700)
    keeper = os.open(tmp_path / "redis" / "keeper.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(keeper, fcntl.LOCK_EX)
    with pytest.raises(ConfigurationError, match=r"another process keeps the Redis of .* set PROCTOR_HOME"):
        async with embedded_redis(tmp_path, patience=Patience(answering=0.1)):
            pass
    os.close(keeper)


async def test_a_server_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    pids: list[int] = []
    async with embedded_redis(tmp_path, started=pids.append, patience=Patience(stopping=0.1)):
        os.kill(pids[0], signal.SIGSTOP)

    assert not alive(pids[0])


async def test_a_server_that_cannot_come_back_is_tried_again_until_it_can(tmp_path: Path) -> None:
    pids: list[int] = []
    tries = 0

    def find() -> ServerBinary:
        nonlocal tries
        tries += 1
        if tries in (2, 3):
            raise ConfigurationError("the disk with the program is away")
        return find_server()

    async with embedded_redis(tmp_path, started=pids.append, find=find):
        os.kill(pids[0], signal.SIGKILL)
        await until(lambda: len(pids) == 2)

    assert tries == 4
