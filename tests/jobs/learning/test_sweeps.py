"""A sweep launches its jobs once, follows them, and says what their evidence shows."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import InvalidRequest
from jobs.core.ids import learning_item
from jobs.core.records import JobState
from jobs.evals.records import Answer, Arm
from jobs.evidence.records import EvidenceState, Figure
from jobs.learning.records import Sweep
from jobs.learning.service import Sweeps
from jobs.state.change import Change, Versioned
from jobs.state.store import AlreadyTaken, Store
from tests.jobs.evals.answers import an_eval
from tests.jobs.evidence.on_file import OnFile
from tests.jobs.tasks.folder import line, write_folder
from tests.jobs.training.launch_office import SCHEMA, Office, open_office
from tests.records import a_candidate, a_checkpoint, an_evidence
from tests.working import planned_work

SIZES = (4, 8, 16)


class Scene:
    """Sweeps on an office whose platform trains nothing; how the jobs end is written down by hand."""

    def __init__(self, office: Office) -> None:
        self.office, self.answers = office, dict[str, list[Answer]]()

    @property
    def sweeps(self) -> Sweeps:
        return Sweeps(self.office.store, self.office.jobs.launcher, OnFile(self.answers), self.office.clock)

    async def launch(self, **changes: Any) -> Sweep:
        sizes, seeds, more = (
            changes.pop(key, usual) for key, usual in (("sizes", SIZES), ("seeds", 2), ("more", None))
        )
        return await self.sweeps.launch(self.office.request(**changes), sizes, seeds, more)

    async def end(self, job_id: str, *means: float, state: JobState = JobState.SUCCEEDED, **parts: str) -> None:
        """Let a job have ended, its checkpoints 1, 2, ... with these mean rewards on twelve items."""
        store, held = self.office.store, await self.office.held(job_id)
        kept = tuple(replace(a_checkpoint(step), model_id=f"{job_id}:{step}") for step, _ in enumerate(means, 1))
        records: list[Versioned[object]] = [Versioned(replace(held.value, state=state, checkpoints=kept), held.version)]
        if means:
            named = f"eval-{job_id}"
            reward = held.value.reward
            self.answers[named] = [
                Answer(f"i{item}", f"{job_id}:{step}", 1, "{}", {reward: mean + 0.01 * (item % 3)})
                for step, mean in enumerate(means, 1)
                for item in range(12)
            ]
            arms = tuple(Arm(f"{job_id}:{step}") for step, _ in enumerate(means, 1))
            found = an_eval(id=named, arms=arms, items=12, runs=1, reward=reward, graders=(reward,))
            candidates = [a_candidate(None, f1=0.2)]
            for step, mean in enumerate(means, 1):
                valid = {reward: Figure(mean + 0.01)}
                candidates.append(a_candidate(step, model=f"{job_id}:{step}", checkpoint=f"ckpt-{step}", valid=valid))
            base = replace(candidates[0], valid={reward: Figure(0.2)})
            evidence = an_evidence(
                job=job_id,
                state=EvidenceState.READY,
                valid_eval=named,
                candidates=(base, *candidates[1:]),
                parts={"dataset": "d", "graders": "g"} | parts,
            )
            records += [Versioned(found, 0), Versioned(evidence, 0)]
        await store.commit(Change(records=tuple(records)))

    async def turn(self, sweep: Sweep) -> Sweep:
        await self.sweeps.turn(sweep.id)
        return await self.sweeps.view(sweep.id)


@pytest.fixture
async def scene(store: Store, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_office(store, tmp_path) as office:
        rows = "".join(line(f"t{n}", text_input=f"text {n}", reference_answer="fish") for n in range(20))
        write_folder(tmp_path / "tasks", {"train.jsonl": rows, "response_format.json": json.dumps(SCHEMA)})
        yield Scene(office)


async def test_a_job_for_each_size_and_seed_is_launched_once(scene: Scene) -> None:
    sweep = await scene.launch()
    jobs = [await scene.office.job(each.job) for each in sweep.jobs]
    assert [(job.train_items, job.request.seed) for job in jobs] == [(4, 1), (4, 2), (8, 1), (8, 2), (16, 1), (16, 2)]
    assert (await scene.launch()).jobs == sweep.jobs, "the command delivered twice"
    assert len(await scene.office.jobs.newest(20)) == 6
    assert sweep.more == 8
    with pytest.raises(AlreadyTaken):
        await scene.launch(trigger="typed twice")
    assert len(await scene.office.jobs.newest(20)) == 6
    assert learning_item(sweep.id) in await planned_work(scene.office.store)


async def test_each_larger_part_holds_the_smaller_ones(scene: Scene) -> None:
    catalogue = scene.office.jobs.launcher.tasks
    task = catalogue.load("small")
    parts = [set(catalogue.training_rows(task, "train", None, size).splitlines()) for size in (4, 8, 16, None)]
    assert [len(part) for part in parts] == [4, 8, 16, 20]
    assert parts[0] < parts[1] < parts[2] < parts[3]
    assert catalogue.training_rows(task, "train") == catalogue.training_rows(task, "train", None, 99)


async def test_what_is_uploaded_is_the_part(scene: Scene) -> None:
    job = await scene.office.jobs.launch(scene.office.request(items=5))
    await scene.office.until(job.id, JobState.WATCHING)
    (train,) = [f for f in scene.office.platform.runner.files.list() if "train" in f.filename]
    assert scene.office.platform.runner.files.path(train.id).read_bytes().count(b"\n") == 5


async def test_it_says_what_more_items_would_bring_once_every_job_is_evaluated(scene: Scene) -> None:
    sweep = await scene.launch()
    for each in sweep.jobs[:-1]:
        await scene.end(each.job, 0.3, 0.6 - 0.5 / each.items**0.5)
    under_way = await scene.turn(sweep)
    assert (under_way.result, len(under_way.ended)) == (None, 5)
    await scene.end(sweep.jobs[-1].job, 0.3, 0.6 - 0.5 / 4)
    result = (await scene.turn(sweep)).result
    assert result is not None
    assert result.text.startswith("More data pays: another 8 items would bring about +0.02 (0.01 to 0.03).")
    assert "Best checkpoints scored 0.36 with 4, 0.43 with 8 and 0.49 with 16 training items." in result.text
    assert (result.base, len(result.points)) == (0.2, 6)
    assert result.promised is not None
    assert result.promised[0] == 24
    assert await scene.sweeps.turn(sweep.id) is None
    lanes = await scene.office.store.connection.redis.zrange(f"{{proctor}}:lane:card:{sweep.id}", 0, -1)
    assert set(lanes) == {f"learning:{sweep.id}:card", f"learning:{sweep.id}:result"}


async def test_jobs_that_failed_are_left_out_and_named(scene: Scene) -> None:
    sweep = await scene.launch()
    lost = sweep.jobs[0].job
    await scene.end(lost, state=JobState.FAILED)
    for each in sweep.jobs[1:]:
        await scene.end(each.job, 0.4)
    result = (await scene.turn(sweep)).result
    assert result is not None
    assert result.text.startswith("More data hardly pays: another 8 items would bring about 0.00 (0.000 to 0.000).")
    assert f"Left out: {lost} failed, without a checkpoint." in result.text


async def test_too_few_sizes_or_changed_files_allow_no_answer(scene: Scene) -> None:
    sweep = await scene.launch()
    for each in sweep.jobs:
        await scene.end(each.job, 0.4, graders="other" if each.items == 4 else "g")
    result = (await scene.turn(sweep)).result
    assert result is not None
    assert result.text.startswith("Can't tell whether more data pays. Files of the task were changed in between")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sizes": (4, 8)}, "three sizes or more"),
        ({"sizes": (10, 12, 14)}, "at least twice the smallest"),
        ({"sizes": (4, 8, 21)}, "items=21 is more than small has: 20 training items"),
        ({"seeds": 9}, "3 sizes x 9 seeds are 27 jobs, more than 24"),
    ],
)
async def test_what_allows_no_curve_launches_nothing(scene: Scene, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        await scene.launch(**changes)
    assert await scene.office.jobs.newest() == ()
