"""Looking at a task before money is spent, and making a balanced version of it."""

import json
from collections import Counter

import pytest

from tests.story.conftest import House

pytestmark = pytest.mark.story


async def test_a_sound_task_is_checked_and_its_labels_are_drawn(house: House) -> None:
    house.copy_eurovoc()
    async with house.bot():
        await house.workspace.type_command("alice", "/proctor", "check eurovoc")
        told = await house.workspace.told("alice", "Check of eurovoc.")
    assert "Must be mended" not in told


async def test_a_grader_that_any_answer_satisfies_is_found_out(house: House) -> None:
    folder = house.copy_eurovoc("generous")
    grader = {"type": "python", "name": "f1", "source": "def grade(sample, item):\n    return 1.0\n"}
    (folder / "graders" / "f1.json").write_text(json.dumps(grader))
    async with house.bot():
        await house.workspace.type_command("alice", "/proctor", "check generous")
        told = await house.workspace.told("alice", "Check of generous.")
    assert "Must be mended" in told


async def test_a_balanced_version_stands_beside_the_task_it_came_from(house: House) -> None:
    folder = house.copy_eurovoc()
    before = {file.name: file.read_bytes() for file in folder.glob("*.jsonl")}
    async with house.bot():
        await house.workspace.type_command("alice", "/proctor", "dataset balance task=eurovoc size=90 seed=3")
        told = await house.workspace.told("alice", "60 training and 30 validation rows")
        name = told.split()[0]
        await house.workspace.type_command("alice", "/proctor", f"task {name}")
        await house.workspace.told("alice", "train 60 items")
    assert {file.name: file.read_bytes() for file in folder.glob("*.jsonl")} == before
    rows = [json.loads(line) for line in (house.tasks / name / "train.jsonl").read_text().splitlines()]
    counts = Counter(label for row in rows for label in (row.get("item") or row)["reference_answer"])
    assert len(counts) == 21


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("check eurovok", "did you mean 'eurovoc'?"),
        ("dataset balanse task=eurovoc", "did you mean 'balance'?"),
        ("dataset balance", "needs `task=`"),
        ("dataset balance task=eurovoc split=2", "is no ratio"),
        ("dataset balance task=eurovoc size=40000", "rows"),
    ],
)
async def test_what_cannot_be_done_is_said(house: House, text: str, sentence: str) -> None:
    house.copy_eurovoc()
    async with house.bot():
        await house.workspace.type_command("alice", "/proctor", text)
        await house.workspace.told("alice", sentence)
