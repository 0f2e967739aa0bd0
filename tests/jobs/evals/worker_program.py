"""`python -m tests.jobs.evals.worker_program REDIS_URL ENDPOINT FOLDER`: takes turns of evals until it is ended."""

import asyncio
import sys
import time
from dataclasses import replace
from pathlib import Path

from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.evals.answer_store import LocalAnswerStore
from jobs.evals.run import EvalRunner
from jobs.graders import GraderRuntime
from jobs.platforms.gateway import Gateway
from jobs.platforms.sampling import Sampler
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from tests.jobs.evals.laboratory import QUICK, a_profile, only

TIMING = replace(QUICK, lease=1.0)


async def main(redis_url: str, endpoint: str, folder: Path) -> None:
    """Work for good."""
    store = Store(Redis.from_url(redis_url, decode_responses=True), KINDS)
    async with Gateway(a_profile(endpoint), "any") as gateway, GraderRuntime() as graders:
        runner = EvalRunner(
            store,
            TaskCatalogue(folder / "tasks"),
            only(gateway),
            lambda _: Sampler(gateway, 8),
            graders,
            LocalAnswerStore(folder / "evals"),
            clock=time.time,
            timing=TIMING,
        )
        while True:
            for claim in await store.claim("due", lease=1.0, limit=1):
                await runner.turn(claim.id, claim.token, await store.attempts(claim.id), "reference")
            await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
