"""Training in this process, with a small grading stand-in: it learns, it overfits, and its figures are honest."""

import asyncio
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from jobs.graders import Grade, Grader, GraderErrorKind, Sample
from local.platform.job_request import JobRequest, RequestedHyperparameters
from local.platform.job_store import Checkpoint, EventLog, JobFailed, JobFolder, JobStore, Status, best_checkpoints
from local.platform.numpy_policy.train_step import Item
from local.platform.numpy_policy.trainer import train
from local.platform.numpy_policy.weights import load_state, save_state
from tests.local.platform.small_task import F1, method, rows
from tests.task_from_pool import NO_POOL, pool_path


@dataclass
class Overlap:
    """Grades by the F1 of the labels; stops training after `stop_after` batches where that is set."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    stop_after: int | None = None
    batches: int = 0
    failing: float = 0.0
    """Share of each batch on which it breaks."""

    async def grade(self, grader: Grader, batch: Sequence[tuple[Sample, Item]]) -> list[Grade]:
        self.batches += 1
        if self.batches == self.stop_after:
            self.stop.set()
        broken = int(len(batch) * self.failing)
        return [self._broken(grader)] * broken + [self._grade(*pair) for pair in batch[broken:]]

    def _broken(self, grader: Grader) -> Grade:
        kinds = {grader.parts[0].name: (GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR,)}
        return Grade(0.0, errors=kinds, detail="line 3: KeyError: 'nothing'")

    def _grade(self, sample: Sample, item: Item) -> Grade:
        said = json.loads(sample.output_text)
        got, meant = set(said["labels"]), item["reference_answer"]
        assert isinstance(meant, list)
        precision = len(got & set(meant)) / len(got) if got else 0.0
        recall = len(got & set(meant)) / len(meant)
        scores = {"precision": precision, "recall": recall}
        seconds = {"precision": 0.002, "recall": 0.001}
        return Grade(2 * precision * recall / max(precision + recall, 1e-9), scores, {}, seconds)


def a_job(
    home: Path,
    hyperparameters: RequestedHyperparameters,
    training: bytes,
    validation: bytes,
    response_format: Mapping[str, object] | None = None,
    seed: int = 5,
) -> JobFolder:
    """The folder of a job that is ready to train."""
    request = JobRequest.model_validate(
        {
            "model": "local-policy-1",
            "training_file": "file-t",
            "validation_file": "file-v",
            "seed": seed,
            "method": method(hyperparameters.model_dump(), F1, response_format),
        }
    )
    store = JobStore(home)
    record = store.add(request, training, validation)
    resolved = hyperparameters.resolved(len(training.splitlines()))
    store.put(dataclasses.replace(record, status=Status.RUNNING, hyperparameters=resolved))
    return store.folder(record.id)


SMALL = RequestedHyperparameters(n_epochs=4, batch_size=8, eval_interval=3)


def data_of(folder: JobFolder) -> list[dict[str, object]]:
    return [dict(event.data) for event in EventLog(folder.events).events() if event.data is not None]


def curve_of(folder: JobFolder) -> list[tuple[object, object]]:
    return [(one["train_mean_reward"], one.get("full_valid_mean_reward")) for one in data_of(folder)]


async def test_a_policy_learns(tmp_path: Path) -> None:
    folder = a_job(tmp_path, RequestedHyperparameters(), rows(48), rows(20, start=1000))

    assert await train(folder, Overlap(), 0.0, asyncio.Event())

    rewards = [float(str(one["train_mean_reward"])) for one in data_of(folder)]
    assert len(rewards) == 99
    assert 0.05 < rewards[0] < 0.6
    assert fmean(rewards[-5:]) > 0.9


async def test_the_same_seed_makes_the_same_curve_and_another_seed_another(tmp_path: Path) -> None:
    curves = []
    for number, seed in enumerate((3, 3, 4)):
        folder = a_job(tmp_path / str(number), SMALL, rows(20), rows(6, start=1000), seed=seed)
        await train(folder, Overlap(), 0.0, asyncio.Event())
        curves.append(curve_of(folder))

    assert curves[0] == curves[1]
    assert curves[0] != curves[2]


async def test_training_stops_after_the_step_at_hand_and_goes_on_from_there(tmp_path: Path) -> None:
    whole = a_job(tmp_path / "whole", SMALL, rows(20), rows(6, start=1000))
    await train(whole, Overlap(), 0.0, asyncio.Event())
    parts = a_job(tmp_path / "parts", SMALL, rows(20), rows(6, start=1000))

    for stop_after in (1, 2, 5):
        grading = Overlap(stop_after=stop_after)
        assert not await train(parts, grading, 0.0, grading.stop)
    assert await train(parts, Overlap(), 0.0, asyncio.Event())

    assert curve_of(parts) == curve_of(whole)


async def test_events_saved_but_not_written_are_written_at_the_next_start(tmp_path: Path) -> None:
    folder = a_job(tmp_path, SMALL, rows(20), rows(6, start=1000))
    grading = Overlap(stop_after=4)
    await train(folder, grading, 0.0, grading.stop)
    written = folder.events.read_bytes()
    folder.events.write_bytes(written[: len(written) // 2])
    state = load_state(folder.state)
    assert state is not None

    await train(folder, Overlap(), 0.0, asyncio.Event())

    steps = [one["step"] for one in data_of(folder)]
    assert steps[-1] == 12
    assert steps.count(state.weights.step) == 1
    assert len(steps) == len(set(steps))


async def test_an_unchanged_state_is_written_once_however_often_it_is_started(tmp_path: Path) -> None:
    folder = a_job(tmp_path, SMALL, rows(20), rows(6, start=1000))
    for _ in range(3):
        await train(folder, Overlap(), 0.0, asyncio.Event())

    assert [one["step"] for one in data_of(folder)] == list(range(1, 13))


async def test_a_grader_that_breaks_now_and_then_is_forgiven(tmp_path: Path) -> None:
    folder = a_job(tmp_path, SMALL, rows(16), rows(4, start=1000))

    assert await train(folder, Overlap(failing=0.4), 0.0, asyncio.Event())


@pytest.mark.parametrize("failing", [0.5, 1.0])
async def test_a_grader_that_breaks_on_half_a_step_ends_the_job(tmp_path: Path, failing: float) -> None:
    folder = a_job(tmp_path, SMALL, rows(16), rows(4, start=1000))

    with pytest.raises(JobFailed) as failed:
        await train(folder, Overlap(failing=failing), 0.0, asyncio.Event())

    assert failed.value.error.code == "grader_error"
    assert failed.value.error.message == (
        f"The grader failed on {failing:.0%} of a step's samples. line 3: KeyError: 'nothing'"
    )


async def test_compute_multiplier_scales_the_rollouts_and_eval_samples_the_draws(tmp_path: Path) -> None:
    seen: list[int] = []

    class Counting(Overlap):
        async def grade(self, grader: Grader, batch: Sequence[tuple[Sample, Item]]) -> list[Grade]:
            seen.append(len(batch))
            return await super().grade(grader, batch)

    hyperparameters = RequestedHyperparameters(
        n_epochs=1, batch_size=4, compute_multiplier=0.25, eval_interval=2, eval_samples=7
    )
    folder = a_job(tmp_path, hyperparameters, rows(10), rows(3, start=1000))

    await train(folder, Counting(), 0.0, asyncio.Event())

    # Three steps of 4, 4 and 2 examples with 4 rollouts each; validation after the second and after the last.
    assert seen == [16, 16, 21, 8, 21]


async def test_a_pace_is_the_least_time_of_a_step_and_is_reported(tmp_path: Path) -> None:
    folder = a_job(tmp_path, RequestedHyperparameters(n_epochs=1, batch_size=8), rows(16), rows(2, start=1000))

    await train(folder, Overlap(), 0.2, asyncio.Event())

    timings = [one["timing"] for one in data_of(folder)]
    for timing in timings:
        assert isinstance(timing, dict)
        assert timing["step"]["full_iteration"] >= 0.199


def test_the_best_three_are_kept_and_of_equal_ones_the_earlier() -> None:
    def at(step: int, reward: float) -> Checkpoint:
        return Checkpoint(step, 0.0, reward, 0, 0.0, 0.0)

    kept = best_checkpoints([at(5, 0.5), at(10, 0.7), at(15, 0.5), at(20, 0.6), at(25, 0.5)])

    assert [checkpoint.step for checkpoint in kept] == [5, 10, 20]


async def test_displaced_checkpoints_leave_the_disk(tmp_path: Path) -> None:
    folder = a_job(tmp_path, SMALL.model_copy(update={"eval_interval": 1}), rows(20), rows(6, start=1000))
    await train(folder, Overlap(), 0.0, asyncio.Event())

    kept = {folder.weights(checkpoint.step) for checkpoint in folder.checkpoints()}

    assert len(kept) == 3
    assert set(folder.path.glob("weights-*.npz")) == kept


@pytest.mark.parametrize(
    ("examples", "hyperparameters", "steps"),
    [
        (100, RequestedHyperparameters(), 98),
        (24, RequestedHyperparameters(), 100),
        (400, RequestedHyperparameters(), 100),
        (5, RequestedHyperparameters(), 50),
        (50_000, RequestedHyperparameters(), 3125),
        (10, RequestedHyperparameters(batch_size=4, n_epochs=3), 9),
    ],
)
def test_steps_are_epochs_times_batches(examples: int, hyperparameters: RequestedHyperparameters, steps: int) -> None:
    assert hyperparameters.resolved(examples).total_steps(examples) == steps


def test_one_rollout_alone_would_teach_nothing() -> None:
    resolved = RequestedHyperparameters(compute_multiplier=0.01).resolved(10)

    assert resolved.rollouts == 2


def acts(count: int, seed: int) -> tuple[bytes, bytes, dict[str, object]]:
    """`count` training and 50 validation rows of real EU acts, and their response format."""
    pool = pool_path()
    if pool is None:
        pytest.skip(NO_POOL)
    items = [json.loads(line)["item"] for line in pool.read_text().splitlines()]
    order = np.random.default_rng(seed).permutation(len(items)).tolist()
    labels = sorted({label for item in items for label in item["reference_answer"]})
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"labels": {"type": "array", "items": {"enum": labels}}},
        "required": ["labels"],
    }

    def lines(places: Sequence[int]) -> bytes:
        asked = ({"messages": [{"role": "user", "content": items[p]["text_input"]}], **items[p]} for p in places)
        return "".join(json.dumps(one) + "\n" for one in asked).encode()

    described: dict[str, object] = {"type": "json_schema", "json_schema": {"name": "acts", "schema": schema}}
    return lines(order[50 : 50 + count]), lines(order[:50]), described


@pytest.mark.thorough
async def test_on_real_acts_few_examples_are_learned_by_heart_and_many_are_understood(tmp_path: Path) -> None:
    gaps = {}
    for count in (24, 400):
        training, validation, described = acts(count, seed=1)
        folder = a_job(tmp_path / str(count), RequestedHyperparameters(), training, validation, described)
        await train(folder, Overlap(), 0.0, asyncio.Event())
        steps = data_of(folder)
        assert 0.05 < float(str(steps[0]["train_mean_reward"])) < 0.4
        valid = [float(str(one["full_valid_mean_reward"])) for one in steps if "full_valid_mean_reward" in one]
        assert valid[-1] > valid[0] + 0.05
        gaps[count] = fmean(float(str(one["train_mean_reward"])) for one in steps[-10:]) - valid[-1]

    assert gaps[24] > 0.3
    assert gaps[400] < 0.12


def test_a_state_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    folder = a_job(tmp_path, SMALL, rows(8), rows(2, start=1000))
    asyncio.run(train(folder, Overlap(), 0.0, asyncio.Event()))
    state = load_state(folder.state)
    assert state is not None
    again = tmp_path / "again.npz"

    save_state(again, state)

    loaded = load_state(again)
    assert loaded is not None
    assert (loaded.weights.linear == state.weights.linear).all()
    assert (loaded.weights.second_moment == state.weights.second_moment).all()
    assert (loaded.weights.step, loaded.checkpoints, loaded.events) == (4, state.checkpoints, state.events)
