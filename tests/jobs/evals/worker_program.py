"""`python -m tests.jobs.evals.worker_program REDIS_URL ENDPOINT FOLDER`: takes turns of evals until it is ended."""

import asyncio
import sys
import time
from pathlib import Path

from bot.kinds import KINDS
from bot.logs import log_bug
from bot.worker import SLOTS, job_work
from jobs.core.ids import EVALS
from jobs.evals.answer_store import LocalAnswerStore
from jobs.evals.run import EvalRunner
from jobs.graders import GraderRuntime
from jobs.platforms.gateway import Gateway
from jobs.platforms.sampling import Sampler
from jobs.queue.due import DueItems
from jobs.queue.pools import WorkPools
from jobs.state.connection import connection_to
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from tests.jobs.evals.laboratory import QUICK, a_profile, only


async def main(redis_url: str, endpoint: str, folder: Path) -> None:
    """Work for good."""
    store = Store(connection_to(redis_url), KINDS)
    async with Gateway(a_profile(endpoint), "any") as gateway, GraderRuntime() as graders:
        runner = EvalRunner(
            store,
            TaskCatalogue(folder / "tasks"),
            only(gateway),
            lambda _: Sampler(gateway, 8),
            graders,
            LocalAnswerStore(folder / "evals"),
            clock=time.time,
            timing=QUICK,
        )
        work = {"eval": job_work(runner.turn, "evaluation")}
        pools = WorkPools(DueItems(store.connection), work, {EVALS: SLOTS[EVALS]}, store.committed, log_bug)
        pools.start()
        while True:
            await pools.look()
            await pools.keep()
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
