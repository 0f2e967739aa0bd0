"""Evidence gathered for real: a store, a small endpoint whose models answer as they are told, a job that has ended."""

import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from jobs.aliases.move import in_production
from jobs.approvals.open import approval_of
from jobs.approvals.records import Approval
from jobs.core.ids import evidence_item
from jobs.core.records import Checkpoint, Job, JobState
from jobs.evals.plan import EvalPlanner
from jobs.evals.records import Eval
from jobs.evidence.plan import RoundPlanner
from jobs.evidence.records import Evidence, EvidenceState
from jobs.evidence.runner import EvidenceRunner
from jobs.platforms.prompt_hash import prompt_hash
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from tests.jobs.evals.laboratory import Laboratory, open_laboratory, valid_rows
from tests.jobs.evals.model_endpoint import Heard
from tests.records import a_job
from tests.working import due_in, step, waiting_lanes

BASE = "small"
SKILL = {BASE: 4, "tuned-10": 7, "tuned-20": 9, "live": 6}
"""Of ten questions, how many a model gets right."""
ITEMS = 8
MANY_ITEMS = 30
"""Enough to tell the models apart."""


def grader(operation: str) -> str:
    """Return the file of the grader `exact`: it needs no process, so that a round of evidence costs little."""
    check = {"input": "{{sample.output_json.label}}", "reference": "{{item.reference_answer}}"}
    return json.dumps({"type": "string_check", "name": "exact", "operation": operation, **check})


def says(heard: Heard) -> str:
    """Answer rightly as often as the model is able to: the same question always alike."""
    *_, label = heard.text.split()
    draw = int(hashlib.sha256(heard.text.encode()).hexdigest(), 16) % 10
    return json.dumps({"label": label if draw < SKILL[str(heard.body["model"])] else "none"})


@dataclass
class Scene:
    """Takes the turns of evidence and of its evals, as bots do."""

    lab: Laboratory
    store: Store
    evidence_runner: EvidenceRunner

    def edit(self, file: str, content: str) -> None:
        """Write one file of the task."""
        (self.lab.folder / "tasks" / "small" / file).write_text(content, "utf-8")

    async def job(self, **changes: Any) -> Job:
        """Write down a job of the task `small` that has ended with two checkpoints, and have its evidence due."""
        task = self.lab.catalogue.load("small")
        job = a_job(
            state=JobState.SUCCEEDED,
            task="small",
            task_version=task.version,
            prompt="v1",
            reward="exact",
            model=BASE,
            evidence_runs=2,
            prompt_hash=prompt_hash(task.prompts["v1"], task.response_format),
            checkpoints=(a_kept(10), a_kept(20)),
        )
        return await self.change(replace(job, **changes))

    async def change(self, job: Job) -> Job:
        """Write a job down as it is now."""
        held = await self.store.record(Job, job.id)
        schedule = {evidence_item(job.id): 0.0}
        await self.store.commit(Change(records=(Versioned(job, held.version if held else 0),), schedule=schedule))
        return job

    async def turn(self, runner: EvidenceRunner | None = None) -> Evidence | None:
        """Take the next turn of the evidence although it may not be due yet, and return what it is then."""
        taking = (runner or self.evidence_runner).turn
        await step(self.store, evidence_item("rft-abc234"), lambda item: taking("rft-abc234", item, "reference"))
        return await self.evidence()

    async def evidence(self) -> Evidence | None:
        """Return the evidence."""
        held = await self.store.record(Evidence, "rft-abc234")
        return held.value if held else None

    async def approval(self) -> Approval:
        """Return the approval; there must be one."""
        held = await self.store.record(Approval, "rft-abc234")
        assert held is not None
        return held.value

    async def gathered(self) -> Evidence:
        """Take turns until the evidence is ready or has failed."""
        evidence = await self.turn()
        assert evidence is not None
        if evidence.state is EvidenceState.GATHERING:
            await self.run_evals(evidence)
            evidence = await self.turn()
        assert evidence is not None
        assert evidence.state is not EvidenceState.GATHERING
        return evidence

    async def run_evals(self, evidence: Evidence) -> None:
        """Let the evals of the evidence run to their end."""
        runner = self.lab.runner()
        for eval_id in evidence.evals.values():
            while not (await self.lab.eval(eval_id)).state.is_final:
                await (await self.lab.begin_turn(runner))

    async def evals(self) -> tuple[Eval, ...]:
        """Return every eval there is, oldest first."""
        return tuple(reversed(await self.store.records(Eval)))

    async def lanes(self) -> dict[str, list[str]]:
        """Return the postings that wait, by lane."""
        return {lane: await self.lab.postings(lane) for lane in await waiting_lanes(self.store)}

    async def due_in(self) -> float | None:
        """Return the seconds until the evidence's next turn, or None where there is none."""
        return await due_in(self.store, evidence_item("rft-abc234"))


def a_kept(step: int) -> Checkpoint:
    return Checkpoint(f"ckpt-{step}", f"tuned-{step}", step, valid_reward=0.5, scores={"exact": 0.5})


@asynccontextmanager
async def open_scene(store: Store, folder: Path, items: int = ITEMS) -> AsyncIterator[Scene]:
    """Open a scene on an empty store: the task `small` has a validation split and a test split of so many items."""
    async with open_laboratory(store, folder) as lab:
        lab.endpoint.models = list(SKILL)
        lab.endpoint.says = says
        rows = valid_rows(items)
        splits = {"valid.jsonl": rows, "test.jsonl": rows.replace("act ", "test act ")}
        lab.write_task({"graders/exact.json": grader("eq"), **splits})
        yield Scene(lab, store, runner_on(lab, store))


def runner_on(lab: Laboratory, store: Store) -> EvidenceRunner:
    """Return another bot's evidence_runner on the same store."""
    evals = EvalPlanner(lab.catalogue, lab.platform_of, "local", time.time)
    planner = RoundPlanner(store, lab.catalogue, evals, lab.platform_of, partial(in_production, store), time.time)
    return EvidenceRunner(store, planner, lab.rows, lab.platform_of, partial(approval_of, store), time.time)
