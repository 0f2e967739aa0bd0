"""The pool with its real process, and with small programs in its place that break in every way a process can."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from charts import ChartFailed, ChartPool
from charts.values import Theme
from tests.charts.charts_to_draw import CHECKPOINTS, OVERFIT

ROOT = Path(__file__).parents[2]
PNG = b"\x89PNG\r\n"
READY = "import os,sys,time;out=sys.stdout.buffer;say=lambda k,b:(out.write(k+len(b).to_bytes(4,'big')+b),out.flush());"
WARM = READY + "say(b'+',b'');"
ECHO = WARM + "ask=sys.stdin.buffer.read\nwhile head := ask(5): say(b'+', ask(int.from_bytes(head[1:], 'big')))"
"""Answers each question with itself, so that each picture has one answer and a new process costs little."""


def program(source: str) -> tuple[str, ...]:
    return (sys.executable, "-c", source)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[ChartPool]:
    async with ChartPool() as pool:
        await pool.render(OVERFIT)
        yield pool


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def echo() -> AsyncIterator[ChartPool]:
    async with ChartPool(command=program(ECHO)) as pool:
        yield pool


async def until(state: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not state():  # noqa: ASYNC110 - what is waited for happens in another process, which sets no event here
            await asyncio.sleep(0.01)


def gone(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_importing_charts_does_not_import_matplotlib() -> None:
    source = "import sys, charts; sys.exit('matplotlib' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", source], cwd=ROOT, check=False).returncode == 0


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_chart_becomes_a_png(pool: ChartPool, theme: Theme) -> None:
    assert (await pool.render(OVERFIT, theme)).startswith(PNG)
    assert (await pool.render(CHECKPOINTS, theme)).startswith(PNG)


@pytest.mark.asyncio(loop_scope="module")
async def test_many_at_once_each_get_their_own_picture(pool: ChartPool) -> None:
    alone = [await pool.render(OVERFIT), await pool.render(CHECKPOINTS)]
    assert await asyncio.gather(*(pool.render(c) for c in (OVERFIT, CHECKPOINTS) * 3)) == alone * 3


@pytest.mark.asyncio(loop_scope="module")
async def test_a_value_that_cannot_be_drawn_costs_only_its_own_picture(pool: ChartPool) -> None:
    before = pool.pids
    with pytest.raises(ChartFailed, match="KeyError"):
        await pool.render("not a chart")  # type: ignore[arg-type] # what a bug would send
    assert (await pool.render(OVERFIT)).startswith(PNG)
    assert pool.pids == before


@pytest.mark.asyncio(loop_scope="module")
async def test_a_process_killed_between_pictures_is_replaced(echo: ChartPool) -> None:
    picture = await echo.render(OVERFIT)
    (before,) = echo.pids
    os.kill(before, signal.SIGKILL)
    await until(lambda: not echo.pids)
    assert await echo.render(OVERFIT) == picture
    assert echo.pids != (before,)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_process_killed_in_mid_picture_fails_that_picture_only(echo: ChartPool) -> None:
    wanted = await echo.render(OVERFIT)
    (pid,) = echo.pids
    os.kill(pid, signal.SIGSTOP)
    picture = asyncio.create_task(echo.render(OVERFIT))
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ChartFailed, match="exit code -9"):
        await picture
    assert await echo.render(OVERFIT) == wanted


@pytest.mark.asyncio(loop_scope="module")
async def test_a_cancelled_picture_never_becomes_somebody_else_s(echo: ChartPool) -> None:
    wanted = await echo.render(CHECKPOINTS)
    (pid,) = echo.pids
    os.kill(pid, signal.SIGSTOP)
    picture = asyncio.create_task(echo.render(OVERFIT))
    await asyncio.sleep(0)
    picture.cancel()
    with pytest.raises(asyncio.CancelledError):
        await picture
    assert await echo.render(CHECKPOINTS) == wanted


async def test_a_picture_that_takes_too_long_is_given_up_and_its_process_ended() -> None:
    async with ChartPool(render_timeout=0.2, command=program(WARM + "time.sleep(600)")) as pool:
        pool.warm_up()
        await until(lambda: len(pool.pids) == 1)
        (pid,) = pool.pids
        with pytest.raises(ChartFailed, match=r"no picture after 0\.2 s"):
            await pool.render(OVERFIT)
        await until(partial(gone, pid))


async def test_a_process_starts_when_it_is_warmed_up_or_with_its_first_picture() -> None:
    async with ChartPool(command=program(ECHO)) as pool:
        assert len(pool.pids) == 0
        assert await pool.render(OVERFIT)
        before = pool.pids
        pool.warm_up()
        assert await pool.render(OVERFIT)
        assert pool.pids == before
        assert len(before) == 1


async def test_a_process_that_never_gets_warm_is_given_up() -> None:
    async with ChartPool(start_timeout=0.2, command=program("import time; time.sleep(600)")) as pool:
        for _ in range(2):
            with pytest.raises(ChartFailed, match="no picture after"):
                await pool.render(OVERFIT)


async def test_a_program_that_is_not_there_is_a_failed_chart() -> None:
    async with ChartPool(command=("/nonexistent/charts",)) as pool:
        with pytest.raises(ChartFailed, match="cannot start a chart process"):
            await pool.render(OVERFIT)


async def test_a_process_that_dies_at_every_picture_never_blocks_the_pool() -> None:
    async with ChartPool(command=program(WARM + "sys.stdin.buffer.read(5); os._exit(3)")) as pool:
        for _ in range(3):
            with pytest.raises(ChartFailed, match=r"exit code 3|exit code -9"):
                await pool.render(OVERFIT)


async def test_a_process_is_replaced_after_its_share_of_pictures() -> None:
    source = WARM + "sys.stdin.buffer.read(5); say(b'+', str(os.getpid()).encode()); time.sleep(600)"
    async with ChartPool(renders_per_worker=1, command=program(source)) as pool:
        assert await pool.render(OVERFIT) != await pool.render(OVERFIT)


async def test_closing_ends_every_process_and_answers_whoever_waits() -> None:
    source = WARM + "sys.stdin.buffer.read(5); time.sleep(600)"
    async with ChartPool(workers=2, command=program(source)) as pool:
        pool.warm_up()
        await until(lambda: len(pool.pids) == 2)
        pids = pool.pids
        pictures = [asyncio.create_task(pool.render(OVERFIT)) for _ in range(5)]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*pictures, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ChartFailed] * 5
    assert pool.pids == ()
    for pid in pids:
        await until(partial(gone, pid))
    with pytest.raises(ChartFailed, match="not open"):
        await pool.render(OVERFIT)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process ends when it next looks at its closed pipe")
async def test_drawing_processes_die_with_their_parent(tmp_path: Path) -> None:
    # No main guard on purpose: drawing must not run the parent's main module again.
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from charts import ChartPool, RewardCurve\n"
        "async def main():\n"
        "    async with ChartPool() as pool:\n"
        "        await pool.render(RewardCurve('t'))\n"
        "        print(*pool.pids, flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, str(script), stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    os.kill(child, signal.SIGSTOP)  # hung: it will not look at its pipe
    parent.kill()
    await parent.wait()
    await until(partial(gone, child))
