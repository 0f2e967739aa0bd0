"""The held-out split is asked about once, every look at it is recorded, and evidence says so."""

from pathlib import Path
from shutil import copytree

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from handlers.tasks.imports import hand_over_task
from jobs.evals.held_out import HeldOut, openings, require_evidence_only, split_word
from jobs.evals.records import Eval
from jobs.state.store import Store
from tests.jobs.evals.laboratory import Laboratory, valid_rows
from tests.jobs.evidence.scene import open_scene
from tests.records import ALICE


@pytest.fixture
def with_test(lab: Laboratory) -> Laboratory:
    lab.write_task({"test.jsonl": valid_rows(3)})
    return lab


async def test_the_first_look_is_asked_about_and_nothing_is_written(with_test: Laboratory) -> None:
    with pytest.raises(HeldOut, match=r"only evidence has looked at it\. .* open it with `open=yes`: that is recorded"):
        await with_test.start(split="test")
    assert await with_test.store.records(Eval) == ()
    assert await with_test.store.trail() == ()


async def test_a_look_is_recorded_and_the_next_is_not_asked_about(with_test: Laboratory) -> None:
    first = await with_test.start(split="test", opens=True)
    assert first.opens
    (entry,) = await openings(with_test.store, "small", first.opens)
    assert (entry.who, entry.subject, split_word("small")) == (ALICE, first.id, "small/test")
    (said,) = await with_test.evals.openings(first)
    assert said.startswith(f"The test split was opened once outside evidence, last by {first.id}: ")
    assert len(await with_test.store.trail_about("small/test", 9)) == 1

    second = await with_test.start(trigger="trigger-2", split="test", runs=2)
    assert (await with_test.evals.openings(second))[0].startswith("The test split was opened twice outside evidence")


async def test_a_version_of_the_task_holds_out_the_same_items(with_test: Laboratory) -> None:
    tasks = with_test.folder / "tasks"
    copytree(tasks / "small", tasks / "small-data-1")
    first = await with_test.start(split="test", opens=True)
    second = await with_test.start(trigger="trigger-2", task="small-data-1", split="test")
    assert second.opens == first.opens
    (said,) = await with_test.evals.openings(second)
    assert said.startswith("The test split was opened twice outside evidence")
    assert said.endswith("`/proctor audit small/test` shows who.")


async def test_held_out_items_are_not_handed_out(with_test: Laboratory) -> None:
    task = with_test.catalogue.load("small")
    with pytest.raises(HeldOut, match=r"only evidence has looked at it\. Take `split=valid`"):
        await hand_over_task(
            AsyncWebClient(), ALICE, with_test.catalogue, "small", {"format": "promptfoo", "split": "test"}
        )
    require_evidence_only(task, "valid")
    (with_test.folder / "tasks" / "small" / "valid.jsonl").unlink()
    require_evidence_only(with_test.catalogue.load("small"), "test")


async def test_new_items_are_held_out_again(with_test: Laboratory) -> None:
    await with_test.start(split="test", opens=True)
    with_test.write_task({"test.jsonl": valid_rows(4)})
    with pytest.raises(HeldOut):
        await with_test.start(trigger="trigger-2", split="test")


async def test_other_splits_and_tasks_that_choose_on_nothing_open_nothing(with_test: Laboratory) -> None:
    assert (await with_test.start(trigger="a")).opens == ""
    assert (await with_test.start(trigger="b", split="train")).opens == ""
    (with_test.folder / "tasks" / "small" / "valid.jsonl").unlink()
    assert (await with_test.start(trigger="c", split="test")).opens == ""
    assert await with_test.store.trail_about("small/test", 9) == ()


async def test_evidence_says_how_often_it_was_opened_and_is_no_look_itself(store: Store, tmp_path: Path) -> None:
    async with open_scene(store, tmp_path) as scene:
        await scene.job()
        evidence = await scene.gathered()
        assert evidence.test_eval is not None
        assert "outside evidence" not in (evidence.note or "")
        assert await store.trail_about("small/test", 9) == ()

        await scene.lab.start(split="test", opens=True)
        await scene.evidence_runner.again("rft-abc234", ALICE)
        evidence = await scene.gathered()
        assert "The test split was opened once outside evidence, last by eval-" in (evidence.note or "")
