"""Evals for real: a store, a small endpoint that answers, a task folder, and runners that can be stopped."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.kinds import KINDS
from bot.worker import SLOTS, job_work
from jobs.core.errors import NotFound
from jobs.core.ids import EVALS
from jobs.evals.answer_store import LocalAnswerStore
from jobs.evals.plan import EvalPlanner
from jobs.evals.records import Answer, Eval, EvalRequest, EvalState
from jobs.evals.run import EvalRunner, Timing
from jobs.evals.service import Evals
from jobs.graders import GraderRuntime
from jobs.platforms.gateway import Gateway, PlatformOf
from jobs.platforms.judge import PlatformJudge
from jobs.platforms.profiles import Profile
from jobs.platforms.sampling import Sampler
from jobs.queue.due import DueItems
from jobs.queue.pools import Held, WorkPools
from jobs.state.connection import Connection
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from tests.jobs.evals.model_endpoint import Endpoint, serving_models
from tests.jobs.tasks.folder import line, write_folder
from tests.permitted import EVERYBODY_MAY
from tests.records import ALICE, CHANNEL
from tests.working import ended, held, taken

PATIENCE = 60.0
"""Seconds after which a state that does not come is a failure; nothing waits this long when all is well."""
QUICK = Timing(look=0.02, progress=0.05, grace=5.0, grading=5.0, busy=0.05)
LABELS = ("fish", "wine", "coal")
EXACT = """
def grade(sample, item):
    answer = sample["output_json"]
    return 1.0 if answer["label"] == item["reference_answer"] else 0.0
"""


def exact(name: str = "exact", **more: Any) -> str:
    return json.dumps({"type": "python", "name": name, "source": EXACT, **more})


def valid_rows(count: int, **fields: Any) -> str:
    """Rows whose text ends in the label that is right."""
    labels = [LABELS[number % len(LABELS)] for number in range(count)]
    return "".join(
        line(f"i{number}", text_input=f"act {number} on {label}", reference_answer=label, **fields)
        for number, label in enumerate(labels)
    )


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of an eval that is being taken; awaited, it is over."""

    held: Held
    task: asyncio.Task[None]

    def __await__(self) -> Generator[Any, None, None]:
        return self.task.__await__()

    async def die(self) -> None:
        """Break off without a word, as with the process that takes it."""
        self.task.cancel()
        await asyncio.wait({self.task})


@dataclass
class Laboratory:
    """Starts evals and takes their turns."""

    store: Store
    endpoint: Endpoint
    folder: Path
    platform_of: PlatformOf
    sampler: Sampler
    graders: GraderRuntime
    rows: LocalAnswerStore
    evals: Evals
    catalogue: TaskCatalogue
    clock: Callable[[], float] = time.time
    _turns: set[asyncio.Task[None]] = field(default_factory=set)

    def write_task(self, changes: Mapping[str, str | bytes | None]) -> None:
        """Change files of the task `small`."""
        write_folder(self.folder / "tasks", {"graders/exact.json": exact(), **changes})

    def runner(self, timing: Timing = QUICK, store: Store | None = None) -> EvalRunner:
        """Return what takes turns; each stands for a bot."""
        return EvalRunner(
            store or self.store,
            self.catalogue,
            self.platform_of,
            lambda _: self.sampler,
            self.graders,
            self.rows,
            clock=self.clock,
            timing=timing,
        )

    async def start(self, **changes: Any) -> Eval:
        """Start what alice asks for."""
        return await self.evals.start(a_wish(**changes))

    async def eval(self, eval_id: str) -> Eval:
        """Return the eval as it is written down."""
        held = await self.store.record(Eval, eval_id)
        assert held is not None
        return held.value

    @asynccontextmanager
    async def bot(self, timing: Timing = QUICK) -> AsyncIterator["Bot"]:
        """Let a bot take whatever turns are due, until the context ends."""
        bot = Bot(self, timing)
        bot.pools.start()
        working = asyncio.create_task(bot.work())
        try:
            yield bot
        finally:
            await bot.pools.stop()
            await working

    async def begin_turn(self, runner: EvalRunner) -> Turn:
        """Wait for a turn that is due and let `runner` take it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for item in await taken(self.store, EVALS, most=1):
                work = held(item)
                turn = Turn(work, asyncio.create_task(self._turn(runner, work)))
                self._turns.add(turn.task)
                return turn
            await asyncio.sleep(0.01)
        raise AssertionError("no turn became due")

    async def _turn(self, runner: EvalRunner, work: Held) -> None:
        await runner.turn(work.item, work, "reference")
        await DueItems(self.store.connection).end(work.taken, *ended(None))

    async def run(self, eval_id: str, runner: EvalRunner | None = None) -> Eval:
        """Take turns until the eval has ended."""
        runner = runner or self.runner()
        while not (await self.eval(eval_id)).state.is_final:
            await (await self.begin_turn(runner))
        return await self.eval(eval_id)

    async def ended(self, eval_id: str) -> None:
        """Wait until a bot has ended the eval."""

        async def is_over() -> bool:
            return (await self.eval(eval_id)).state.is_final

        await self.eventually(is_over, f"the end of {eval_id}")

    async def under_way(self, eval_id: str, runner: EvalRunner) -> Turn:
        """Take turns until the eval is running, and return the turn it runs in."""
        while (await self.eval(eval_id)).state is EvalState.CHECKING:
            await (await self.begin_turn(runner))
        return await self.begin_turn(runner)

    async def eventually(self, look: Callable[[], Any], what: str) -> None:
        """Wait until `look` (or what it awaits) is true."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = look()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{what} did not come about")

    async def answered(self, eval_id: str, count: int) -> None:
        """Wait until so many answers are on file."""
        await self.eventually(lambda: len(self.answers(eval_id)) >= count, f"{count} answers")

    def answers(self, eval_id: str) -> list[Answer]:
        """Return what is on file."""
        return list(self.evals.answer_store.answers(eval_id))

    async def postings(self, lane: str) -> list[str]:
        """Return the ids of the postings that wait in a lane."""
        return [str(each) for each in await self.store._redis.zrange(f"{{proctor}}:lane:{lane}", 0, -1)]

    async def told(self, eval_id: str) -> list[str]:
        """Return the sentences that wait for the person who started the eval."""
        texts = []
        for posting in await self.postings(f"answer:{eval_id}"):
            value = await self.store._redis.hget(f"{{proctor}}:posting:{posting}", "value")
            texts.append(str(json.loads(value or "{}")["text"]))
        return texts

    async def close(self) -> None:
        """End turns that still run."""
        for turn in self._turns:
            turn.cancel()
        await asyncio.gather(*self._turns, return_exceptions=True)


class Bot:
    """A bot that takes turns of evals, as many at once as it has slots."""

    def __init__(self, laboratory: Laboratory, timing: Timing) -> None:
        self.store = Store(Connection(laboratory.store.connection.redis), KINDS)
        self.failures: list[BaseException] = []
        self.pools = WorkPools(
            DueItems(self.store.connection),
            {"eval": job_work(laboratory.runner(timing, self.store).turn, "evaluation")},
            {EVALS: SLOTS[EVALS]},
            self.store.committed,
            self.failures.append,
        )

    async def work(self) -> None:
        """Look and give signs of life more often than a bot does, until the pools are stopped."""
        while self.pools.is_working:
            await self.pools.look()
            await self.pools.keep()
            await asyncio.sleep(0.02)


def a_wish(trigger: str = "trigger-1", **changes: Any) -> EvalRequest:
    """Return what alice asks for."""
    return replace(EvalRequest("small", ALICE, CHANNEL, trigger, models=("small",)), **changes)


def a_profile(url: str, **changes: Any) -> Profile:
    """Return the platform at `url`."""
    profile = Profile("local", base_url=url, title="Endpoint", default_key="any", default_model="small")
    return replace(profile, **({"max_concurrency": 8} | changes))


@asynccontextmanager
async def open_laboratory(store: Store, folder: Path, **profile: Any) -> AsyncIterator[Laboratory]:
    """Open a laboratory on an empty store, with the task `small` of six valid items."""
    skipping = SkippingClock()
    async with (
        serving_models() as endpoint,
        Gateway(a_profile(endpoint.url, **profile), "any", sleep=skipping.sleep) as gateway,
    ):
        sampler = Sampler(gateway, gateway.profile.max_concurrency, sleep=skipping.sleep, clock=skipping)
        rows, catalogue = LocalAnswerStore(folder / "evals"), TaskCatalogue(folder / "tasks")
        platform_of = only(gateway)
        evals = Evals(store, EvalPlanner(catalogue, platform_of, "local", time.time), rows, EVERYBODY_MAY)
        async with GraderRuntime(judge=PlatformJudge(lambda: sampler, lambda: gateway)) as graders:
            laboratory = Laboratory(store, endpoint, folder, platform_of, sampler, graders, rows, evals, catalogue)
            laboratory.write_task({"valid.jsonl": valid_rows(6)})
            try:
                yield laboratory
            finally:
                await laboratory.close()


def only(gateway: Gateway) -> PlatformOf:
    """Return the way to the only platform there is."""

    def platform_of(name: str) -> tuple[Profile, Gateway]:
        if name != "local":
            raise NotFound(f"There is no platform '{name}'; known: local.")
        return gateway.profile, gateway

    return platform_of


class SkippingClock:
    """Seconds that pass while somebody sleeps, and only then."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let so many seconds have passed."""
        until = self.now + seconds
        await asyncio.sleep(0.001)
        self.now = max(self.now, until)
