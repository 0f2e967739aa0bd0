"""The demo as a supervisor, with small stand-ins for its parts and the real Redis server."""

import asyncio
import json
import os
import shlex
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis

from bot.demo.stack import Programs, run_demo
from bot.demo.supervisor import PartFailed
from bot.settings import load_demo_settings
from jobs.core.errors import ConfigurationError
from tests.bot.demo.demo_of_standins import PROGRAMS


@dataclass(frozen=True, slots=True)
class Running:
    home: Path
    said: list[str]

    def run(self) -> dict[str, object]:
        content: dict[str, object] = json.loads((self.home / "run.json").read_text())
        return content

    def pids(self) -> dict[str, int]:
        content: dict[str, int] = json.loads((self.home / "run.json").read_text())["pids"]
        return content

    def bots(self) -> list[int]:
        content: list[int] = json.loads((self.home / "run.json").read_text())["bot"]
        return content


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - another process cannot set an event of ours
            await asyncio.sleep(0.02)


async def killed_and_replaced(pid: Callable[[], int]) -> None:
    old = pid()
    os.kill(old, signal.SIGKILL)
    await until(lambda: pid() != old)


@asynccontextmanager
async def demo(home: Path, **env: str) -> AsyncIterator[Running]:
    """Run a demo of stand-ins until it is ready, then until the block ends."""
    said: list[str] = []
    settings = load_demo_settings({"PROCTOR_HOME": str(home), "PORT": "0", **env})
    task = asyncio.create_task(run_demo(settings, said.append, PROGRAMS))
    try:
        await until(lambda: task.done() or any("Proctor runs" in line for line in said))
        if task.done():
            await task
        yield Running(home, said)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def environment_of(address: str) -> dict[str, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{address}/environment") as response:
        content: dict[str, str] = await response.json()
        return content


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_it_starts_every_part_tells_where_and_stops_them(tmp_path: Path) -> None:
    async with demo(tmp_path, BOTS="2", PACE="0") as running:
        run = running.run()
        pids = [*running.bots(), *running.pids().values()]

        assert set(run) == {"page", "platform", "redis", "bot", "health", "pids"}
        assert len(running.bots()) == 2
        assert set(running.pids()) == {"redis", "platform", "slack"}
        assert all(runs(pid) for pid in pids)
        assert str(run["page"]) in running.said[-1]
        assert (await environment_of(str(run["page"])))["PACE"] == "0"
        redis = Redis.from_url(str(run["redis"]))
        assert await redis.ping()
        await redis.aclose()

    assert not any(runs(pid) for pid in pids)
    assert not (tmp_path / "run.json").exists()
    assert not (tmp_path / "env").exists()


async def test_a_bot_can_be_started_by_itself_with_the_env_file(tmp_path: Path) -> None:
    async with demo(tmp_path) as running:
        lines = (tmp_path / "env").read_text().splitlines()
        given = dict(shlex.split(line)[1].split("=", 1) for line in lines)
        health = running.run()["health"]
        assert isinstance(health, list)
        bot = await environment_of(health[0])

        assert given["SLACK_BOT_TOKEN"] == "xoxb-local-proctor"
        assert given["SLACK_APP_TOKEN"] == "xapp-local-proctor"
        assert given["SLACK_API_URL"] == f"{running.run()['page']}/api/"
        assert given["REDIS_URL"] == running.run()["redis"]
        assert given["LOCAL_PLATFORM_URL"] == running.run()["platform"]
        assert given["HEALTH_PORT"] == "0"
        assert given.items() - {("HEALTH_PORT", "0")} <= bot.items()
        assert (tmp_path / "env").stat().st_mode & 0o777 == 0o600


async def test_a_part_that_dies_comes_back_at_the_same_address(tmp_path: Path) -> None:
    async with demo(tmp_path) as running:
        before = running.run()
        await killed_and_replaced(lambda: running.pids()["platform"])
        await killed_and_replaced(lambda: running.pids()["slack"])
        await killed_and_replaced(lambda: running.pids()["redis"])
        await killed_and_replaced(lambda: running.bots()[0])

        after = running.run()
        assert {key: after[key] for key in ("page", "platform", "redis", "health")} == {
            key: before[key] for key in ("page", "platform", "redis", "health")
        }
        assert "  platform was ended by SIGKILL; starting it again" in running.said


async def test_the_next_run_keeps_the_addresses_and_the_data(tmp_path: Path) -> None:
    async with demo(tmp_path) as running:
        first = running.run()
        redis = Redis.from_url(str(first["redis"]), decode_responses=True)
        await redis.set("job", "j1")
        await redis.aclose()
    env = {"PORT": ""}
    async with demo(tmp_path, **env) as running:
        second = running.run()
        redis = Redis.from_url(str(second["redis"]), decode_responses=True)
        assert await redis.get("job") == "j1"
        await redis.aclose()

    assert second["page"] == first["page"]
    assert second["platform"] == first["platform"]


async def test_a_second_demo_on_the_same_folder_is_told_so(tmp_path: Path) -> None:
    async with demo(tmp_path) as running:
        with pytest.raises(ConfigurationError, match=r"a demo already runs on .* its page is http://127.*PROCTOR_HOME"):
            async with demo(tmp_path):
                pass
        assert running.pids()


async def test_a_busy_port_is_said_with_a_free_one(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"PORT={port} is in use by another program.*make demo PORT=\d+"):
            async with demo(tmp_path, PORT=str(port)):
                pass


async def test_the_port_asked_for_is_taken(tmp_path: Path) -> None:
    port = free_port()
    async with demo(tmp_path, PORT=str(port)) as running:
        assert running.run()["page"] == f"http://127.0.0.1:{port}"


async def test_a_part_that_cannot_run_ends_the_demo_with_its_last_words(tmp_path: Path) -> None:
    wrong = Programs(
        platform=PROGRAMS.platform,
        slack=PROGRAMS.slack,
        bot=(sys.executable, "-c", "import sys; print('SLACK_BOT_TOKEN is missing'); sys.exit(78)"),
    )
    settings = load_demo_settings({"PROCTOR_HOME": str(tmp_path), "PORT": "0"})
    with pytest.raises(PartFailed, match=r"bot cannot run: it ended with exit code 78\.\n  SLACK_BOT_TOKEN is missing"):
        await run_demo(settings, lambda _text: None, wrong)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends child processes with their killed parent")
async def test_after_a_kill_the_next_demo_waits_for_the_old_parts_and_goes_on(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bot.demo.demo_of_standins", str(tmp_path), stdout=asyncio.subprocess.DEVNULL
    )
    await until((tmp_path / "run.json").exists)
    old = Running(tmp_path, []).pids()
    process.kill()
    await process.wait()

    async with demo(tmp_path) as running:
        assert not set(old.values()) & set(running.pids().values())


async def test_a_redis_of_ones_own_is_used_and_left_alone(tmp_path: Path) -> None:
    async with demo(tmp_path / "first") as first:
        url = str(first.run()["redis"])
        async with demo(tmp_path / "second", REDIS_URL=url) as second:
            assert second.run()["redis"] == url
            assert second.run()["pids"] == second.pids() | {"redis": None}
        assert runs(first.pids()["redis"])


async def _make_demo(home: Path, port: int) -> asyncio.subprocess.Process:
    env = os.environ | {"PROCTOR_HOME": str(home), "PORT": str(port)}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "bot.demo", env=env, stdout=pipe, stderr=pipe)


async def test_the_program_stops_at_ctrl_c_without_an_error(tmp_path: Path) -> None:
    process = await _make_demo(tmp_path, free_port())
    await until((tmp_path / "run.json").exists)
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()

    assert (process.returncode, err) == (0, b"")
    assert out.endswith(b"Stopped; make demo goes on from here.\n")


async def test_the_program_says_in_one_line_what_to_change(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = await _make_demo(tmp_path, taken.getsockname()[1])
        out, err = await process.communicate()

    assert (process.returncode, out) == (78, b"")
    assert b"is in use by another program" in err
    assert err.count(b"\n") == 1
