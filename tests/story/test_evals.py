"""Evals from a slash command to a browsable result, and through a stop in the middle."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.story.colleagues import Json, Workspace, eventually, in_thread, pictures, said
from tests.story.conftest import House

pytestmark = [pytest.mark.story, pytest.mark.shared_bot]


async def result_of(workspace: Workspace) -> Json:
    """Wait for an eval's result in its thread."""
    return await workspace.reply_with("Result of eval-")


async def report_of(workspace: Workspace) -> Json:
    """Wait for the browsable report in the thread."""

    async def look() -> Json | None:
        return next((m for m in await workspace.thread() if m.get("files")), None)

    return await eventually(look, "the report")


def answers_on_file(house: House) -> Counter[tuple[str, str, int]]:
    """Return how often each item, arm and run stands in the row files."""
    found: Counter[tuple[str, str, int]] = Counter()
    for file in Path(house.home / "evals").glob("eval-*/answers.jsonl"):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            found[row["item"], row["arm"], row["run"]] += 1
    return found


async def test_an_eval_goes_from_a_command_to_its_result(house: House) -> None:
    house.copy_eurovoc()
    workspace = house.workspace
    async with house.bot():
        await workspace.type_command("alice", "/eval", "run task=eurovoc runs=3 limit=20")
        await workspace.told("alice", "60 answers")
        result = await result_of(workspace)
        report = await report_of(workspace)
        card = await workspace.card_with("60 of 60 answers")
        await workspace.type_command("bob", "/eval", "list")
        await workspace.told("bob", "newest eval")
        eval_id = str(said(result)).split("Result of ")[1].split(".")[0].split(" ")[0]
        await workspace.type_command("bob", "/eval", f"show {eval_id}")
        await workspace.told("bob", f"Result of {eval_id}")
        await workspace.type_command("bob", "/eval", f"export {eval_id}")
        await workspace.told("bob", f"The Inspect log of `{eval_id}`")
        await workspace.reply_with("an Inspect log")
    assert result["thread_ts"] == report["thread_ts"] == card["ts"]
    assert pictures(result)
    for word in ("local-policy-1", "95% interval", "Worst items", "precision", "recall"):
        assert word in said(result)
    assert report["files"][0]["name"] == f"{eval_id}.html"
    assert len([m for m in await workspace.messages() if not in_thread(m)]) == 1
    assert set(answers_on_file(house).values()) == {1}


async def test_two_validation_splits_stand_side_by_side_with_their_slices(house: House) -> None:
    folder = house.copy_eurovoc()
    rows = [json.loads(line) for line in (folder / "valid.jsonl").read_text("utf-8").splitlines()]
    for split, start in (("valid", 0), ("valid_natural", 20)):
        some = rows[start : start + 20]
        items = [{**row["item"], "language": "de" if at % 2 else "en"} for at, row in enumerate(some)]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps({"item": each}) + "\n" for each in items), "utf-8")
    workspace = house.workspace
    async with house.bot():
        await workspace.type_command("alice", "/eval", "run task=eurovoc split=valid,valid_natural")
        await workspace.told("alice", "(valid_natural)")
        result = await workspace.reply_with("*Next to `eval-")
        evals = [str(said(card)).split("`")[1] for card in await workspace.channel() if not in_thread(card)]
        await workspace.type_command("bob", "/eval", f"compare {' '.join(evals)}")
        side_by_side = await workspace.told("bob", "valid_natural")
    for words in ("macro F1", "*By slice*, F1", "language=en  10", "language=de  10"):
        assert words in said(result)
    assert "do not disagree beyond chance" in side_by_side or "scores" in side_by_side


async def test_a_variance_study_says_whether_there_is_headroom(house: House) -> None:
    house.copy_eurovoc()
    async with house.bot():
        await house.workspace.type_command("alice", "/eval", "variance task=eurovoc")
        result = await result_of(house.workspace)
    assert pictures(result)
    assert any(verdict in said(result) for verdict in ("READY", "CAN'T TELL"))
    assert "headroom" in said(result)


@pytest.mark.own_bot
async def test_an_eval_that_is_stopped_goes_on_with_what_is_missing(house: House) -> None:
    house.copy_eurovoc()
    workspace = house.workspace
    async with house.bot():
        await workspace.type_command("alice", "/eval", "run task=eurovoc runs=20")
        await eventually(lambda: _some_answers(house), "the first answers on file")
    before = answers_on_file(house)
    async with house.bot():
        await result_of(workspace)
    after = answers_on_file(house)
    assert set(after.values()) == {1}
    assert len(after) == 20 * 60
    assert set(before) <= set(after)


async def _some_answers(house: House) -> bool:
    return bool(answers_on_file(house))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("run task=eurovok", "did you mean 'eurovoc'?"),
        ("run task=eurovoc split=vald", "did you mean 'valid'?"),
        ("run task=eurovoc runs=99", "a whole number from 1 to 50"),
        ("run task=eurovoc effort=huge", "one of default, low, medium, high"),
        ("run task=eurovoc platform=locl", "did you mean 'local'?"),
        ("compare eval-nothing", "There is no eval 'eval-nothing'"),
        ("show eval-nothing", "There is no eval 'eval-nothing'"),
        ("rum task=eurovoc", "did you mean 'run'?"),
    ],
)
async def test_what_cannot_be_evaluated_is_said(house: House, text: str, sentence: str) -> None:
    house.copy_eurovoc()
    async with house.bot():
        await house.workspace.type_command("alice", "/eval", text)
        await house.workspace.told("alice", sentence)
    assert await house.workspace.messages() == []
