import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.evals.grade import EvalGraders
from jobs.graders import GraderRuntime, Sample
from jobs.tasks import Task, TaskCatalogue
from tests.jobs.graders.definitions import F1, PRECISION, RECALL, multi, python
from tests.jobs.tasks.folder import write_folder

RIGHT, HALF = '{"labels": ["a", "b"]}', '{"labels": ["a"]}'
ITEM = {"reference_answer": ["a", "b"]}


@pytest.fixture
async def runtime() -> AsyncIterator[GraderRuntime]:
    async with GraderRuntime() as graders:
        yield graders


def task(folder: Path, *graders: dict[str, Any]) -> Task:
    files = {f"graders/{grader['name']}.json": json.dumps(grader) for grader in graders}
    manifest = f"reward: {graders[0]['name']}\n"
    root = write_folder(folder, {"graders/exact.json": None, "task.yaml": manifest, **files})
    return TaskCatalogue(root).load("small")


async def test_a_grader_that_is_part_of_another_is_run_there_only(runtime: GraderRuntime, tmp_path: Path) -> None:
    precision = python(PRECISION, "precision") | {"pass_threshold": 0.5}
    graders = EvalGraders(runtime, task(tmp_path, multi(F1), precision, python(RECALL, "recall")))
    assert [grader.name for grader in graders.run] == ["f1"]
    assert set(graders.names) == {"f1", "precision", "recall"}
    right, half = await graders.grade([(Sample(RIGHT), ITEM), (Sample(HALF), ITEM)])
    assert right.scores == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert half.scores == {"precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3)}


async def test_a_grader_of_the_same_name_and_other_source_is_run_by_itself(
    runtime: GraderRuntime, tmp_path: Path
) -> None:
    other = python("def grade(sample, item):\n    return 0.25\n", "precision")
    graders = EvalGraders(runtime, task(tmp_path, multi(F1), other))
    (half,) = await graders.grade([(Sample(HALF), ITEM)])
    assert half.scores["precision"] == 0.25


async def test_a_grader_that_fails_is_absent_and_takes_the_formula_with_it(
    runtime: GraderRuntime, tmp_path: Path
) -> None:
    broken = multi(F1, precision=PRECISION, recall="def grade(sample, item):\n    raise ValueError('no')\n")
    graders = EvalGraders(runtime, task(tmp_path, broken, python(PRECISION, "precision")))
    (half,) = await graders.grade([(Sample(HALF), ITEM)])
    assert half.scores == {"precision": 1.0}
    assert half.errors == {"f1": "python_grader_runtime_error"}
    assert half.stopped is None


async def test_nan_and_infinity_are_errors_and_no_scores(runtime: GraderRuntime, tmp_path: Path) -> None:
    nan = python("def grade(sample, item):\n    return float('nan')\n", "nan")
    inf = python("def grade(sample, item):\n    return float('inf')\n", "inf")
    (graded,) = await EvalGraders(runtime, task(tmp_path, nan, inf)).grade([(Sample(RIGHT), ITEM)])
    assert graded.scores == {}
    assert set(graded.errors) == {"nan", "inf"}


async def test_a_grading_that_had_to_be_stopped_is_told(tmp_path: Path) -> None:
    endless = python("def grade(sample, item):\n    while True:\n        pass\n", "endless")
    async with GraderRuntime(limits=replace(GraderRuntime().limits, seconds=0.3)) as runtime:
        (graded,) = await EvalGraders(runtime, task(tmp_path, endless)).grade([(Sample(RIGHT), ITEM)])
    assert graded.scores == {}
    assert graded.stopped is not None
    assert "endless took longer" in graded.stopped
