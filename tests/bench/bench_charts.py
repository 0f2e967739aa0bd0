"""What a picture costs: against plain matplotlib in the same run, in memory, and to the event loop beside it."""

import asyncio
import io
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from charts import ChartPool, RewardCurve
from charts.drawing import draw
from charts.sheet import Sheet

ROUNDS = 40
RENDERS = 200
TICK = 0.005
STATM = Path("/proc/self/statm")

_noise = random.Random(1)
TRAIN = tuple((step, 0.3 + step / 600 + _noise.gauss(0, 0.04)) for step in range(200))
VALID = tuple((step, 0.3 + step / 800 + _noise.gauss(0, 0.02)) for step in range(200))
CURVE = RewardCurve("Validation reward 0.55, up 0.25", "eurovoc, step 200 of 200", TRAIN, VALID, (150,), (120,), 200)


async def figures() -> dict[str, float]:
    """Return the chart figures: 2 x 200 points, 1000 x 600 pixels."""
    sheet = Sheet("light")
    return _against_plain(sheet) | _memory_growth(sheet) | await _pool()


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


def _against_plain(sheet: Sheet) -> dict[str, float]:
    """Take turns, so that whatever slows the machine down slows both."""
    ours, plain = [], []
    for _ in range(ROUNDS):
        plain.append(_seconds(plain_matplotlib))
        ours.append(_seconds(lambda: draw(sheet, CURVE)))
    return {
        "charts.curve_ms": round(1000 * median(ours), 1),
        "charts.plain_matplotlib_ms": round(1000 * median(plain), 1),
        "charts.curve_over_plain_ratio": round(median(ours) / median(plain), 3),
        "charts.curve_bytes": len(draw(sheet, CURVE)),
    }


def _memory_growth(sheet: Sheet) -> dict[str, float]:
    if not STATM.exists():
        return {}
    for _ in range(RENDERS // 4):
        draw(sheet, CURVE)
    before = _resident()
    for _ in range(RENDERS):
        draw(sheet, CURVE)
    return {"charts.memory_growth_mib_200_renders": round(_resident() - before, 2)}


async def _pool() -> dict[str, float]:
    """Measure the pool as the bot uses it, with the event loop's latest tick while it draws back to back."""
    started = time.perf_counter()
    async with ChartPool() as pool:
        await pool.render(CURVE)
        first = time.perf_counter() - started
        lags: list[float] = []
        watch = asyncio.create_task(_watch(lags))
        took = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            await pool.render(CURVE)
            took.append(time.perf_counter() - begun)
        watch.cancel()
    return {
        "charts.pool_first_picture_ms": round(1000 * first, 1),
        "charts.pool_picture_ms": round(1000 * median(took), 1),
        "charts.pool_loop_lag_p99_ms": round(1000 * sorted(lags)[int(0.99 * len(lags))], 1),
    }


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
