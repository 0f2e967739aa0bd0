"""Suspect labels: found where the truth is known, and not where the model is the likelier culprit."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import Conflict, InvalidRequest, NotFound
from jobs.evals.answer_store import Item
from jobs.evals.records import Answer, Eval
from jobs.evals.suspects import MOST_TEXT, SuspectLabels, find_suspects
from jobs.tasks import Task
from jobs.trail.entry import Act
from tests.jobs.evals.laboratory import Laboratory, valid_rows
from tests.jobs.evals.mislabelled import FAIR, GOOD, ONE_BLIND_SPOT, STUDY, WEAK, Model, Trial, a_task, a_trial
from tests.jobs.tasks.folder import line
from tests.records import ALICE, BOB

SEEDS = 6


def trials(tmp_path: Path, model: Model, *, many: bool) -> list[Trial]:
    task = a_task(tmp_path, many=many)
    return [a_trial(task, model, seed, many=many) for seed in range(SEEDS)]


def share_found(tried: Sequence[Trial]) -> float:
    return sum(each.hits for each in tried) / sum(len(each.planted) for each in tried)


def false_alarms(tried: Sequence[Trial]) -> float:
    """Return the share of the clean items that are listed."""
    return sum(each.false for each in tried) / sum(each.found.items - len(each.planted) for each in tried)


# -- with known truth: 200 items, 10 of them planted with a wrong label, 9 runs ---------------------------------------


@pytest.mark.parametrize("many", [False, True], ids=["one label", "sets of labels"])
@pytest.mark.parametrize(
    ("model", "least_found", "most_false"),
    [
        pytest.param(GOOD, 0.97, 0.03, id="a good model: 2% of items mistaken"),
        pytest.param(FAIR, 0.95, 0.10, id="a fair one: 8% of items mistaken"),
        pytest.param(ONE_BLIND_SPOT, 0.90, 0.04, id="a good one that never says one of the labels"),
    ],
)
def test_wrong_labels_are_found_and_few_others(
    tmp_path: Path, model: Model, least_found: float, most_false: float, *, many: bool
) -> None:
    tried = trials(tmp_path, model, many=many)
    assert share_found(tried) >= least_found
    assert false_alarms(tried) <= most_false


def test_of_a_weak_model_it_is_said_that_the_mistakes_are_probably_its_own(tmp_path: Path) -> None:
    task = a_task(tmp_path, many=True)
    assert "expect most to be its own mistakes" in a_trial(task, WEAK, 1, many=True).found.sentence
    assert "its own mistakes" not in a_trial(task, GOOD, 1, many=True).found.sentence


def test_a_clean_data_set_and_a_model_that_knows_it_list_nothing(tmp_path: Path) -> None:
    found = a_trial(a_task(tmp_path, many=False), Model(slips=0.05, mistaken=0.0), 1, many=False, wrong=0.0).found
    assert found.suspects == ()
    assert found.alike == found.agreed > 180


# -- one item at a time -----------------------------------------------------------------------------------------------


def answered(item: str, *texts: str, reward: float = 0.0) -> list[Answer]:
    return [Answer(item, "base", run, text=text, scores={"f1": reward}) for run, text in enumerate(texts, start=1)]


def labels(*names: str) -> str:
    return json.dumps({"label": [*names]})


def studied(task: Task, items: Sequence[Item], answers: Sequence[Answer], **changes: Any) -> SuspectLabels:
    return find_suspects(replace(STUDY, items=len(items), **changes), task, items, answers, 1.0)


def sound(count: int) -> tuple[list[Item], list[Answer]]:
    """Items of which the model knows the labels."""
    items = [Item(f"s{number}", "text", ["law", "trade"]) for number in range(count)]
    return items, [each for item in items for each in answered(item.id, *[labels("law", "trade")] * 9, reward=1.0)]


def test_what_the_runs_say_is_proposed_in_the_form_of_the_reference(tmp_path: Path) -> None:
    items, answers = sound(20)
    items.append(Item("x", "an act", ["trade", "finance"]))
    answers += answered("x", *[labels("law", "trade")] * 8, labels("energy"))
    found = studied(a_task(tmp_path, many=True), items, answers)
    (suspect,) = found.suspects
    assert (suspect.item, suspect.proposed) == ("x", ["trade", "law"])
    assert suspect.why == "no run gives finance, 8 of 9 runs say law"
    assert "1 of these disagrees with the reference, which may be wrong" in found.sentence


@pytest.mark.parametrize(
    "texts",
    [
        [labels("law")] * 7 + [labels("finance")] * 2,
        [labels("law", "trade")] * 2,
        ["no JSON"] * 9,
    ],
    ids=["7 of 9 runs agree", "two runs", "nothing that can be read"],
)
def test_runs_that_do_not_agree_make_no_item_suspect(tmp_path: Path, texts: list[str]) -> None:
    items, answers = sound(20)
    items.append(Item("x", "an act", ["finance"]))
    answers += answered("x", *texts)
    assert studied(a_task(tmp_path, many=True), items, answers).suspects == ()


def test_an_item_without_a_reference_and_other_arms_do_not_count(tmp_path: Path) -> None:
    items, answers = sound(20)
    items += [Item("x", "an act", None), Item("y", "an act", ["finance"])]
    answers += answered("x", *[labels("law")] * 9)
    answers += [replace(each, arm="another") for each in answered("y", *[labels("law", "trade")] * 9)]
    assert studied(a_task(tmp_path, many=True), items, answers).suspects == ()


def test_free_text_is_suspect_where_all_runs_say_the_same_and_it_earns_little(tmp_path: Path) -> None:
    graded = {"exact": {"type": "string_check", "reference": "{{item.reference_answer}}"}}
    task = replace(a_task(tmp_path, many=False), response_format=None, graders=graded)
    items = [Item(f"s{number}", "2 + 2", f"word {number}") for number in range(20)] + [Item("x", "3 + 4", "8")]
    answers = [each for item in items for each in answered(item.id, *[str(item.reference)] * 5, reward=1.0)][:-5]
    answers += answered("x", "7", " 7 ", "7", "7", "7\n", reward=0.0)
    (suspect,) = studied(task, items, answers).suspects
    assert (suspect.item, suspect.proposed, suspect.why) == ("x", "7", "5 of 5 runs answer 7")
    long = [*answers[:-5], *answered("x", *["seven " * 5_000] * 5, reward=0.0)]
    (suspect,) = studied(task, items, long).suspects
    assert len(suspect.why) < 2 * MOST_TEXT, "it is kept to be shown, and there are many suspects"
    graded_well = [replace(each, scores={"f1": 1.0}) for each in answers]
    assert studied(task, items, graded_well).suspects == ()
    blind = replace(task, graders={"exact": {"type": "score_model", "input": "Is {{sample.output_text}} polite?"}})
    assert studied(blind, items, answers).suspects == (), "a reward that does not look at the reference"


# -- from the study to the new version --------------------------------------------------------------------------------


async def a_study(lab: Laboratory, **changes: Any) -> Eval:
    """Run a study of 12 items, of which i0 and i1 have a wrong reference."""
    wrong = {0: "coal", 1: "fish"}
    rows = valid_rows(12).splitlines(keepends=True)
    rows[0] = line("i0", text_input="act 0 on fish", reference_answer=wrong[0], note="kept")
    rows[1] = line("i1", text_input="act 1 on wine", reference_answer=wrong[1])
    lab.write_task({"valid.jsonl": "".join(rows)})
    started = await lab.start(**{"purpose": "variance", "runs": 3, **changes})
    return await lab.run(started.id)


async def test_a_study_lists_them_and_people_decide_and_a_version_is_made(lab: Laboratory) -> None:
    ended = await a_study(lab)
    decisions = lab.evals.suspects
    found = await decisions.of(ended.id)
    assert {each.item: each.proposed for each in found.suspects} == {"i0": "fish", "i1": "wine"}
    assert f"eval:{ended.id}:suspects" in await lab.postings(f"result:{ended.id}")

    await decisions.decide(ended.id, "i0", "drop", ALICE)
    await decisions.decide(ended.id, "i1", "keep", ALICE)
    await decisions.fix(ended.id, "i1", BOB, "wine")
    first = await decisions.fix(ended.id, "i0", BOB, "fish")
    again = await decisions.fix(ended.id, "i0", BOB, "fish")
    assert first == again, "the same click twice changes nothing"
    await decisions.decide(ended.id, "i1", "drop", ALICE)

    trail = [each.entry for each in await lab.store.trail() if each.entry.act is Act.LABEL_DECIDED]
    assert [(each.who, each.details["item"], each.details["said"]) for each in trail] == [
        (ALICE, "i0", "it is dropped"),
        (ALICE, "i1", "it is kept"),
        (BOB, "i1", "it is fixed: wine"),
        (BOB, "i0", "it is fixed: fish"),
        (ALICE, "i1", "it is dropped"),
    ]

    made = await decisions.make_version(ended.id)
    twice = await decisions.make_version(ended.id)
    assert (made.task, made.rows, made.dropped, made.fixed, made.is_new) == ("small-data-1", 11, 1, 1, True)
    assert (twice.task, twice.is_new) == ("small-data-1", False)
    assert made.sentence == (
        "small-data-1 is small with valid corrected: 10 rows kept as they were, 1 dropped, 1 fixed."
    )
    task = lab.catalogue.load("small-data-1")
    rows = {row.id: row.item for row in lab.catalogue.rows(task, "valid")}
    assert "i1" not in rows
    assert (rows["i0"]["reference_answer"], rows["i0"]["note"]) == ("fish", "kept")
    readme = (task.folder / "README.md").read_text("utf-8")
    assert f"`i0` fixed by {BOB}: coal became fish" in readme
    assert f"`i1` dropped by {ALICE}: fish" in readme
    assert ended.id in readme
    assert (await decisions.of(ended.id)).made == ("small-data-1",)


async def test_nothing_is_made_of_what_changes_nothing_or_of_a_task_that_has_changed(lab: Laboratory) -> None:
    ended = await a_study(lab)
    await lab.evals.suspects.decide(ended.id, "i0", "keep", ALICE)
    with pytest.raises(InvalidRequest, match="no new version to make"):
        await lab.evals.suspects.make_version(ended.id)
    await lab.evals.suspects.decide(ended.id, "i0", "drop", ALICE)
    lab.write_task({"valid.jsonl": valid_rows(12)})
    with pytest.raises(Conflict, match="changed since"):
        await lab.evals.suspects.make_version(ended.id)
    with pytest.raises(NotFound):
        await lab.evals.suspects.fix(ended.id, "i7", ALICE, "fish")


async def test_an_eval_that_is_no_study_and_a_study_of_a_sound_set_list_nothing(lab: Laboratory) -> None:
    no_study = await a_study(lab, purpose="run")
    lab.write_task({"valid.jsonl": valid_rows(12)})
    started = await lab.start(purpose="variance", runs=3, trigger="trigger-2")
    for ended in (no_study, await lab.run(started.id)):
        with pytest.raises(NotFound):
            await lab.evals.suspects.of(ended.id)
        assert f"eval:{ended.id}:suspects" not in await lab.postings(f"result:{ended.id}")
