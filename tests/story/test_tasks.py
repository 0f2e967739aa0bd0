"""Looking at a task before money is spent, and making a balanced version of it."""

import json
from collections import Counter

import pytest

from tests.story.conftest import House

pytestmark = [pytest.mark.story, pytest.mark.shared_bot]


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


async def test_ids_become_names_by_a_label_map_in_the_tasks_folder(house: House) -> None:
    folder = house.copy_eurovoc("coded")
    schema = json.loads((folder / "response_format.json").read_text())
    labels = schema["properties"]["domains"]["items"]["enum"]
    codes = {label: f"1001{number:02d}" for number, label in enumerate(labels)}
    for file in [*folder.glob("*.jsonl"), folder / "response_format.json"]:
        text = file.read_text()
        for label, code in codes.items():
            text = text.replace(json.dumps(label), json.dumps(code))
        file.write_text(text)
    (folder / "names.json").write_text(json.dumps({code: label for label, code in codes.items()}))
    async with house.bot():
        await house.workspace.type_command("alice", "/proctor", "dataset balance task=coded size=90 names=names.json")
        told = await house.workspace.told("alice", "60 training and 30 validation rows")
    rows = [json.loads(line) for line in (house.tasks / told.split()[0] / "train.jsonl").read_text().splitlines()]
    assert {label for row in rows for label in (row.get("item") or row)["reference_answer"]} <= set(labels)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dataset balance task=eurovoc names=../secret.json", "is no label map"),
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
