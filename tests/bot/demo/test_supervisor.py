import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.demo.supervisor import LARGEST_LOG, Part, PartFailed, Supervisor

SERVES = "import time; print('part ready http://x', flush=True); time.sleep(600)"
ORDERLY = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); " + SERVES
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SERVES


def part(program: str, name: str = "part", announces: str | None = "part ready ") -> Part:
    return Part(name, (sys.executable, "-c", program), dict(os.environ), announces)


@asynccontextmanager
async def supervisor(logs: Path, said: list[str], *, ready_seconds: float = 60.0) -> AsyncIterator[Supervisor]:
    watcher = Supervisor(logs, say=said.append, changed=lambda: None, ready_seconds=ready_seconds, first_pause=0.001)
    try:
        yield watcher
    finally:
        await watcher.stop(list(watcher.pids), seconds=5)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - another process cannot set an event of ours
            await asyncio.sleep(0.02)


async def killed_and_replaced(watcher: Supervisor, how: signal.Signals = signal.SIGKILL) -> None:
    old = watcher.pids["part"]
    os.kill(old, how)
    await until(lambda: watcher.pids["part"] != old)


async def test_a_part_is_started_once_it_says_that_it_is_ready(tmp_path: Path) -> None:
    async with supervisor(tmp_path, []) as watcher:
        await watcher.start(part(SERVES))

        assert (tmp_path / "part.log").read_text() == "part ready http://x\n"
        os.kill(watcher.pids["part"], 0)


async def test_a_killed_part_is_started_again_however_often(tmp_path: Path) -> None:
    said: list[str] = []
    async with supervisor(tmp_path, said) as watcher:
        await watcher.start(part(SERVES))
        for _ in range(8):
            await killed_and_replaced(watcher)

    assert said == ["part was ended by SIGKILL; starting it again"] * 8


async def test_a_part_that_ends_in_order_when_told_to_is_started_again_however_often(tmp_path: Path) -> None:
    said: list[str] = []
    async with supervisor(tmp_path, said) as watcher:
        await watcher.start(part(ORDERLY))
        for times in range(1, 9):
            await killed_and_replaced(watcher, signal.SIGTERM)
            log = tmp_path / "part.log"
            await until(lambda: log.read_text().count("part ready") > times)  # noqa: B023 - asked at once

    assert said == ["part ended with exit code 0; starting it again"] * 8


async def test_a_part_that_keeps_ending_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    said: list[str] = []
    async with supervisor(tmp_path, said) as watcher:
        with pytest.raises(PartFailed, match=r"part cannot run: it ended with exit code 3\.\n  no such luck\n"):
            await watcher.start(part("import sys; print('no such luck'); sys.exit(3)"))

    assert said == ["part ended with exit code 3; starting it again"] * 5


async def test_a_wrong_configuration_is_not_tried_again(tmp_path: Path) -> None:
    said: list[str] = []
    async with supervisor(tmp_path, said) as watcher:
        with pytest.raises(PartFailed, match="exit code 78"):
            await watcher.start(part("import sys; sys.exit(78)"))

    assert said == []


async def test_a_later_failure_is_told_to_who_waits_for_it(tmp_path: Path) -> None:
    go = tmp_path / "go"
    fails_later = (
        "import pathlib, sys, time\nprint('part ready ', flush=True)\n"
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.02)\nsys.exit(78)"
    )
    async with supervisor(tmp_path, []) as watcher:
        await watcher.start(part(fails_later))
        go.touch()

        assert "part cannot run" in await watcher.failure()


async def test_a_part_that_never_gets_ready_is_said(tmp_path: Path) -> None:
    async with supervisor(tmp_path, [], ready_seconds=0.1) as watcher:
        with pytest.raises(PartFailed, match=r"part did not get ready in 0\.1 s"):
            await watcher.start(part("import time; time.sleep(600)"))


async def test_a_part_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    async with supervisor(tmp_path, []) as watcher:
        await watcher.start(part(STUBBORN))
        pid = watcher.pids["part"]
        await watcher.stop(["part"], seconds=0.2)

        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert watcher.pids == {}


async def test_parts_hold_what_they_inherit_and_end_with_their_supervisor(tmp_path: Path) -> None:
    program = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from bot.demo.supervisor import Part, Supervisor\n"
        "async def main():\n"
        f"    watcher = Supervisor(Path({str(tmp_path)!r}), say=print, changed=lambda: None, inherit=[{{fd}}])\n"
        f"    await watcher.start(Part('part', (sys.executable, '-c', {SERVES!r}), dict(os.environ), 'part ready'))\n"
        "    print('started', flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program.format(fd=writing), stdout=asyncio.subprocess.PIPE, pass_fds=[writing]
    )
    os.close(writing)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"started\n"
    process.kill()
    await process.wait()

    if sys.platform == "linux":  # the pipe ends when nobody holds its other side any more
        assert await asyncio.to_thread(os.read, reading, 1) == b""
    os.close(reading)


async def test_a_long_log_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "part.log").write_bytes(b"x" * (LARGEST_LOG + 1))
    async with supervisor(tmp_path, []) as watcher:
        await watcher.start(part(SERVES))

    assert (tmp_path / "part.log.1").stat().st_size == LARGEST_LOG + 1
    assert (tmp_path / "part.log").read_text() == "part ready http://x\n"
