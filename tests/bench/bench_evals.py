"""What an eval costs: against the time its answers need, to the event loop beside it, in memory and in CPU."""

import asyncio
import gc
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import structlog
from redis.asyncio import Redis

from bot.kinds import KINDS
from bot.redis_server.server_binary import find_server
from bot.redis_server.subprocesses import tethered
from bot.worker import job_work
from jobs.core.ids import EVALS
from jobs.evals.answer_store import LocalAnswerStore
from jobs.evals.plan import EvalPlanner
from jobs.evals.records import EvalRequest
from jobs.evals.run import EvalRunner, Timing
from jobs.evals.service import Evals
from jobs.graders import GraderRuntime
from jobs.platforms.gateway import Gateway
from jobs.platforms.sampling import ModelAnswer, Question, Sampler
from jobs.state.connection import Connection
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from tests.jobs.evals.laboratory import a_profile, a_wish, exact, only, valid_rows
from tests.jobs.tasks.folder import write_folder
from tests.permitted import EVERYBODY_MAY
from tests.working import worked_off

ITEMS, RUNS, CONCURRENCY, ANSWER_SECONDS = 100, 9, 64, 0.2
MANY_ITEMS, MANY_RUNS = 10_000, 3
TICK = 0.002
STATM = Path("/proc/self/statm")
TEXT = "word " * 300


async def figures(full: bool) -> dict[str, float]:
    """Return the eval figures: 100 items x 9 runs at 64 at once and, in full, 10,000 x 3 without waiting."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # the figures alone go to stdout
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as folder, _redis(Path(folder)) as url:
        return await _against_ideal(Path(folder), url) | (await _many(Path(folder), url) if full else {})


async def _against_ideal(folder: Path, url: str) -> dict[str, float]:
    write_folder(folder / "tasks", {"graders/exact.json": exact(), "valid.jsonl": valid_rows(ITEMS, words=TEXT)})
    with _endpoint() as endpoint:
        profile = a_profile(endpoint, max_concurrency=CONCURRENCY)
        async with (
            Gateway(profile, "any") as gateway,
            _bench(folder, url, gateway, Sampler(gateway, CONCURRENCY)) as lab,
        ):
            await lab.run(a_wish("warm-up", limit=CONCURRENCY))
            gc.freeze()  # as the bot does when it starts
            watch = Watch()
            cpu, before = time.process_time(), _resident()
            seconds = await watch.during(lab.run(a_wish("measured", runs=RUNS)))
            cpu = time.process_time() - cpu
    ideal = math.ceil(ITEMS * RUNS / CONCURRENCY) * ANSWER_SECONDS
    return {
        "evals.seconds_over_ideal_ratio": round(seconds / ideal, 3),
        "evals.loop_blocked_most_ms": round(1000 * watch.latest, 1),
        "evals.loop_cpu_between_ticks_most_ms": round(1000 * watch.busiest, 1),
        "evals.memory_growth_mib_900_answers": round(watch.most_resident - before, 1),
        "evals.cpu_ms_per_answer": round(1000 * cpu / (ITEMS * RUNS), 2),
    }


async def _many(folder: Path, url: str) -> dict[str, float]:
    write_folder(folder / "tasks", {"graders/exact.json": exact(), "test.jsonl": valid_rows(MANY_ITEMS, words=TEXT)})
    async with (
        Gateway(a_profile("http://127.0.0.1:1/v1"), "any") as gateway,
        _bench(folder, url, gateway, Sampler(AtOnce(), CONCURRENCY)) as lab,
    ):
        await lab.run(a_wish("warm-up-2", split="test", opens=True, limit=1000))
        watch, before = Watch(), _resident()
        seconds = await watch.during(lab.run(a_wish("many", split="test", opens=True, runs=MANY_RUNS)))
    return {
        "evals.memory_growth_mib_30000_answers": round(watch.most_resident - before, 1),
        "evals.many_loop_blocked_most_ms": round(1000 * watch.latest, 1),
        "evals.many_loop_cpu_between_ticks_most_ms": round(1000 * watch.busiest, 1),
        "evals.many_answers_per_second": round(MANY_ITEMS * MANY_RUNS / seconds),
    }


class AtOnce:
    """A model that takes no time."""

    async def answer(self, question: Question) -> ModelAnswer:
        """Answer with a label."""
        del question
        await asyncio.sleep(0)
        return ModelAnswer('{"label": "fish"}', "stop", 100, 20, 0, 0.0)


class Bench:
    """Runs evals as the worker of a bot does, without Slack."""

    def __init__(self, store: Store, evals: Evals, runner: EvalRunner) -> None:
        self._store = store
        self._evals = evals
        self._runner = runner

    async def run(self, wish: EvalRequest) -> float:
        """Run an eval to its end; return the seconds it took once it had been checked."""
        started = await self._evals.start(wish)
        await self._turn()
        began = time.perf_counter()
        while not (ended := await self._evals.view(started.id)).state.is_final:
            await self._turn()
        assert ended.progress.answered == ended.total, ended.note
        return time.perf_counter() - began

    async def _turn(self) -> None:
        await worked_off(self._store, {"eval": job_work(self._runner.turn, "evaluation")}, EVALS)


class Watch:
    """Looks at the event loop and at memory while something runs.

    `latest` is the longest wait of a tick, `busiest` the most CPU that the loop's thread used between two: where other
    programs want the machine too, only the second says what we did.
    """

    def __init__(self) -> None:
        self.latest = 0.0
        self.busiest = 0.0
        self.most_resident = 0.0

    async def during(self, work: Awaitable[float]) -> float:
        """Await the work and return what it returns."""
        watching = asyncio.create_task(self._watch())
        try:
            return await work
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        while True:
            due, cpu = time.perf_counter() + TICK, time.thread_time()
            await asyncio.sleep(TICK)
            self.busiest = max(self.busiest, time.thread_time() - cpu)
            self.latest = max(self.latest, time.perf_counter() - due)
            self.most_resident = max(self.most_resident, _resident())


@asynccontextmanager
async def _bench(folder: Path, url: str, gateway: Gateway, sampler: Sampler) -> AsyncIterator[Bench]:
    redis = Redis.from_url(url, decode_responses=True)
    store = Store(Connection(redis), KINDS)
    await store.open()
    catalogue, rows, platform_of = TaskCatalogue(folder / "tasks"), LocalAnswerStore(folder / "evals"), only(gateway)
    evals = Evals(store, EvalPlanner(catalogue, platform_of, "local", time.time), rows, EVERYBODY_MAY)
    async with GraderRuntime() as graders:
        runner = EvalRunner(
            store, catalogue, platform_of, lambda _: sampler, graders, rows, clock=time.time, timing=Timing()
        )
        yield Bench(store, evals, runner)
    await redis.aclose()


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    socket = folder / "redis.sock"
    options = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder), "--loglevel", "warning")
    with subprocess.Popen(tethered((str(find_server().path), *options)), stdout=subprocess.DEVNULL) as server:
        while not socket.exists():
            assert server.poll() is None, "the server did not start"
            time.sleep(0.01)
        try:
            yield f"unix://{socket}"
        finally:
            server.terminate()


@contextmanager
def _endpoint() -> Iterator[str]:
    command = (sys.executable, "-m", "tests.bench.slow_endpoint", str(ANSWER_SECONDS))
    with subprocess.Popen(tethered(command), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def _resident() -> float:
    """Return this process's resident memory in MiB; 0 where the machine does not tell."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20 if STATM.exists() else 0.0
