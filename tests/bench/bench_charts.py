"""What a picture costs: against plain matplotlib in the same run, in memory, and to who waits for an ack beside it."""

import asyncio
import io
import os
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult

from charts import ChartPool, RewardCurve
from charts.drawing import draw

ROUNDS = 40
RENDERS = 1_000
WARM_UP = 50
"""Renders after which caches are full and memory should stay."""
TICK = 0.005
ACKS_A_SECOND = 50
ACKS = 500
"""In each of the phases, which take turns: p99 rests on the slowest 1 in 100 of them."""
PHASES = 2
STATM = Path("/proc/self/statm")

_noise = random.Random(1)
TRAIN = tuple((step, 0.3 + step / 600 + _noise.gauss(0, 0.04)) for step in range(200))
VALID = tuple((step, 0.3 + step / 800 + _noise.gauss(0, 0.02)) for step in range(200))
CURVE = RewardCurve(
    "Validation reward 0.55, up 0.25",
    "eurovoc, step 200 of 200",
    TRAIN,
    VALID,
    checkpoints=(150,),
    alerts=(120,),
    total_steps=200,
)
FULL = replace(CURVE, epoch_steps=7, valid_error=0.02)
"""With what a real job adds: the mean of an epoch and the band of the standard error."""
COMMAND = {
    "type": "slash_commands",
    "command": "/acknowledge",
    "text": "",
    "team_id": "T0BENCH",
    "user_id": "U0BENCH",
    "channel_id": "C0BENCH",
    "trigger_id": "1",
    "response_url": "http://127.0.0.1:1/",
}


async def figures(full: bool) -> dict[str, float]:
    """Return the chart figures: 2 x 200 points, 1000 pixels wide."""
    return (
        _against_plain()
        | _memory_growth(RENDERS if full else RENDERS // 10)
        | await _pool()
        | await _acks(ACKS if full else ACKS // 4)
    )


def plain_matplotlib() -> bytes:
    """Return the same data as anybody would draw it: a new Figure, savefig with its defaults."""
    figure = Figure(figsize=(10, 6), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(*zip(*TRAIN, strict=True), label="train")
    axes.plot(*zip(*VALID, strict=True), label="validation")
    axes.set(title=CURVE.title, xlabel="step", ylabel="mean reward")
    axes.grid(visible=True)
    axes.legend()
    out = io.BytesIO()
    figure.savefig(out)
    return out.getvalue()


def _against_plain() -> dict[str, float]:
    """Take turns, so that whatever slows the machine down slows both."""
    ours, full, plain = [], [], []
    for _ in range(ROUNDS):
        plain.append(_seconds(plain_matplotlib))
        ours.append(_seconds(lambda: draw(CURVE, "light")))
        full.append(_seconds(lambda: draw(FULL, "light")))
    return {
        "charts.curve_ms": round(1000 * median(ours), 1),
        "charts.plain_matplotlib_ms": round(1000 * median(plain), 1),
        "charts.curve_over_plain_ratio": round(median(ours) / median(plain), 3),
        "charts.curve_with_band_over_plain_ratio": round(median(full) / median(plain), 3),
        "charts.curve_bytes": len(draw(CURVE, "light")),
    }


def _memory_growth(renders: int) -> dict[str, float]:
    if not STATM.exists():
        return {}
    for _ in range(WARM_UP):
        draw(FULL, "light")
    before = _resident()
    for _ in range(renders):
        draw(FULL, "light")
    return {f"charts.memory_growth_mib_{renders}_renders": round(_resident() - before, 2)}


async def _pool() -> dict[str, float]:
    """Measure the pool as the bot uses it, with the event loop's latest tick while it draws back to back."""
    started = time.perf_counter()
    async with ChartPool() as pool:
        await pool.render(FULL)
        first = time.perf_counter() - started
        lags: list[float] = []
        watch = asyncio.create_task(_watch(lags))
        took = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            await pool.render(FULL)
            took.append(time.perf_counter() - begun)
        watch.cancel()
    return {
        "charts.pool_first_picture_ms": round(1000 * first, 1),
        "charts.pool_picture_ms": round(1000 * median(took), 1),
        "charts.pool_loop_lag_p99_ms": round(1000 * sorted(lags)[int(0.99 * len(lags))], 1),
    }


async def _acks(count: int) -> dict[str, float]:
    """Measure how long commands wait for their ack, 50 a second, with and without a picture drawn all the time."""
    app = AsyncApp(authorize=_authorized)

    @app.command("/acknowledge")
    async def acknowledge(ack: AsyncAck) -> None:
        await ack()

    quiet: list[float] = []
    drawing: list[float] = []
    async with ChartPool() as pool:
        await pool.render(FULL)
        await _answered(app, WARM_UP)
        for _ in range(PHASES):
            quiet += await _answered(app, count)
            painter = asyncio.create_task(_draw_on(pool))
            drawing += await _answered(app, count)
            painter.cancel()
            await asyncio.gather(painter, return_exceptions=True)
    return {
        "acks.p50_ms": round(1000 * _percentile(quiet, 0.5), 2),
        "acks.p99_ms": round(1000 * _percentile(quiet, 0.99), 2),
        "acks.p99_while_drawing_ms": round(1000 * _percentile(drawing, 0.99), 2),
        "acks.p99_drawing_over_quiet_ratio": round(_percentile(drawing, 0.99) / _percentile(quiet, 0.99), 2),
    }


async def _authorized() -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=None, team_id="T0BENCH", bot_token="xoxb-bench", bot_user_id="U0BOT")


async def _answered(app: AsyncApp, count: int) -> list[float]:
    """Send `count` commands at fixed times; return the seconds from when each was due to its ack."""
    began = time.perf_counter()
    waits: list[float] = []
    for number in range(count):
        due = began + number / ACKS_A_SECOND
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        answer = await app.async_dispatch(AsyncBoltRequest(body=COMMAND, mode="socket_mode"))
        assert answer.status == 200, answer.body
        waits.append(time.perf_counter() - due)
    return waits


async def _draw_on(pool: ChartPool) -> None:
    while True:
        await pool.render(FULL)


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


async def _watch(lags: list[float]) -> None:
    while True:
        due = time.perf_counter() + TICK
        await asyncio.sleep(TICK)
        lags.append(time.perf_counter() - due)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _resident() -> float:
    """Return this process's resident memory in MiB."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
