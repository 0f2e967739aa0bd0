"""A model in production for real: its checkpoint was evaluated, an alias points at it, and a schedule measures it."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.schedule import next_daily
from bot.worker import named_work
from jobs.aliases.records import Alias, AliasMove, MoveKind, Target
from jobs.core.ids import schedule_item
from jobs.evals.plan import EvalPlanner
from jobs.evals.records import Eval
from jobs.schedules.baseline import Baselines
from jobs.schedules.measure import ScheduleRunner
from jobs.schedules.records import Schedule
from jobs.schedules.service import Made, ScheduleRequest, Schedules
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from tests.jobs.aliases.team import Clock
from tests.jobs.evals.model_endpoint import Heard
from tests.jobs.evidence.scene import Scene, open_scene
from tests.permitted import permissions
from tests.records import ALICE, BOB, CHANNEL
from tests.working import step

ALIAS = "small@production"
DAY = 86_400.0
ITEMS = 18
"""Enough to tell a model that knows little from one that knows a lot."""


@dataclass
class Production:
    """What is in production, and the schedule that measures it."""

    scene: Scene
    clock: Clock = field(default_factory=Clock)

    @property
    def store(self) -> Store:
        return self.scene.store

    def runner(self, store: Store | None = None) -> ScheduleRunner:
        """Return what takes the turns of schedules; each stands for a bot."""
        lab, store = self.scene.lab, store or self.store
        planner = EvalPlanner(lab.catalogue, lab.platform_of, "local", self.clock)
        return ScheduleRunner(store, planner, Baselines(store, lab.catalogue, lab.rows), next_daily, self.clock)

    @property
    def schedules(self) -> Schedules:
        return Schedules(self.store, self.runner(), permissions(BOB), self.clock)

    async def approve(self) -> None:
        """Have the checkpoints of a job evaluated, and point the alias at the last of them."""
        await self.scene.job()
        await self.scene.gathered()
        await self.move("ckpt-20", "tuned-20", 20)

    async def move(self, checkpoint: str, model: str, at_step: int) -> None:
        """Point the alias at a checkpoint, as approved on its evidence."""
        evidence = await self.scene.evidence()
        candidate = evidence.of(checkpoint) if evidence else None
        assert candidate is not None
        target = Target(model, "local", "rft-abc234", checkpoint, at_step, "rft-abc234", candidate.digest)
        held = await self.store.record(Alias, ALIAS)
        before = held.value.moves if held else ()
        move = AliasMove(len(before) + 1, target, MoveKind.APPROVED, BOB, self.clock(), "because")
        alias = Alias(ALIAS, "small", (*before, move))
        await self.store.commit(Change(records=(Versioned(alias, held.version if held else 0),)))

    async def make(self, **changes: Any) -> Made:
        """Have the alias's model measured, as alice asks."""
        usual = ScheduleRequest("small", "production", 1, None, "Europe/Berlin", None, CHANNEL, ALICE, "trigger-9")
        return await self.schedules.make(replace(usual, **changes))

    async def schedule(self) -> Schedule:
        """Return the newest schedule."""
        (found,) = await self.store.records(Schedule, 1)
        return found

    async def turn(self, runner: ScheduleRunner | None = None) -> Schedule:
        """Take the schedule's next turn, due or not."""
        schedule = await self.schedule()
        await step(self.store, schedule_item(schedule.id), named_work((runner or self.runner()).turn))
        return await self.schedule()

    async def measured(self) -> Schedule:
        """Begin the measurement that is due, let its evals run, and return the schedule once it is over."""
        schedule = await self.turn()
        while schedule.pending:
            await self.scene.lab.run(schedule.pending)
            schedule = await self.turn()
        return schedule

    async def evals(self) -> list[Eval]:
        """Return the evals of schedules, oldest first."""
        return [each for each in await self.scene.evals() if each.request.schedule]

    async def said(self) -> list[tuple[str, bool]]:
        """Return what waits to be said in the schedule's thread, and whether the channel hears it."""
        schedule, found = await self.schedule(), []
        for posting in await self.scene.lab.postings(f"result:{schedule.id}"):
            value = await self.store.connection.redis.hget(f"{{proctor}}:posting:{posting}", "value")
            said = json.loads(str(value))
            found.append((str(said["text"]), bool(said["broadcast"])))
        return found

    def knows(self, right: int, model: str = "tuned-20") -> None:
        """Let a model get so many of ten questions right from now on."""
        before = self.scene.lab.endpoint.says

        def says(heard: Heard) -> str:
            if heard.body["model"] != model:
                return before(heard)
            draw = int(hashlib.sha256(heard.text.encode()).hexdigest(), 16) % 10
            return json.dumps({"label": heard.text.split()[-1] if draw < right else "none"})

        self.scene.lab.endpoint.says = says


@asynccontextmanager
async def in_production(store: Store, folder: Path) -> AsyncIterator[Production]:
    """Have a checkpoint approved on its evidence, and an alias point at it."""
    async with open_scene(store, folder, ITEMS) as scene:
        (folder / "tasks" / "small" / "test.jsonl").unlink()  # nothing here is about it
        production = Production(scene)
        await production.approve()
        yield production
