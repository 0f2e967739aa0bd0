"""What training costs: a usual job end to end over the API, its memory, and how much of a step is not the policy."""

import asyncio
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from openai import AsyncOpenAI
from openai.types.fine_tuning import FineTuningJob

from local.platform.server import Platform, serve
from tests.local.platform.small_task import ended, launch, rows, step_data

EXAMPLES, VALIDATIONS, ASKED = 100, 50, 200
AUTO = "auto"


async def figures(full: bool) -> dict[str, float]:  # noqa: ARG001 - one size serves both
    """Return the platform's figures: 100 training and 50 validation rows, 98 steps of 16 x 16 rollouts, two graders."""
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as home:
        async with serve(Path(home)) as platform, AsyncOpenAI(base_url=platform.url, api_key="local") as client:
            began, spent = time.perf_counter(), _seconds_of_children()
            job, memory = await _train(platform, client)
            seconds = time.perf_counter() - began
            return {
                "platform_job_seconds": seconds,
                "platform_job_cpu_seconds": _seconds_of_children() - spent,
                "platform_job_peak_mb": memory,
                **_of_steps(await step_data(client, job.id)),
                **await _of_answers(client, str(job.fine_tuned_model)),
            }


async def _train(platform: Platform, client: AsyncOpenAI) -> tuple[FineTuningJob, float]:
    """Trains one job; the job, and the most memory its trainer and graders held together, in MB."""
    train, valid = rows(EXAMPLES), rows(VALIDATIONS, start=5000)
    job = await launch(client, train=train, valid=valid, n_epochs=AUTO, batch_size=AUTO, eval_interval=AUTO)
    peak = 0.0

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, *(sum(map(_megabytes, _family(pid))) for pid in platform.runner.trainers.values()), 0.0)
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    try:
        job = await ended(client, job.id)
        return job, peak
    finally:
        watching.cancel()


def _of_steps(data: list[dict[str, Any]]) -> dict[str, float]:
    timings = [one["timing"]["step"] for one in data]
    whole = sum(timing["full_iteration"] for timing in timings)
    update = sum(timing["training"] for timing in timings)
    return {
        "platform_steps_per_second": len(data) / whole,
        "platform_step_ms": 1000 * float(np.median([timing["full_iteration"] for timing in timings])),
        "platform_update_ms": 1000 * float(np.median([timing["training"] for timing in timings])),
        "platform_update_share_ratio": update / whole,
    }


async def _of_answers(client: AsyncOpenAI, model: str) -> dict[str, float]:
    began = time.perf_counter()
    for number in range(ASKED):
        await client.responses.create(model=model, input=f"Ship {number} landed cod.", temperature=0)
    return {"platform_answer_ms": 1000 * (time.perf_counter() - began) / ASKED}


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = (task / "children").read_text().split()
        except OSError:  # it ended between the two looks
            continue
        for child in children:
            yield from _family(int(child))


def _megabytes(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it ended between the two looks
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def _seconds_of_children() -> float:
    """CPU seconds of every child process that has ended and been waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
