"""The whole check, over tasks as people have them."""

import json
from pathlib import Path

import pytest

from jobs.checks import CHECKS, Level, check_task, worst
from jobs.graders import GraderRuntime, JudgeAnswer, JudgeQuestion
from jobs.platforms.gateway import Gateway
from jobs.platforms.profiles import load_profiles
from jobs.tasks import TaskCatalogue
from jobs.tasks.datasets.balancing import BalanceRequest, balance
from local.platform.server import serve
from tests.jobs.checks.conftest import TRAIN, VALID, Check
from tests.jobs.tasks.datasets.labelled_task import copy_of_eurovoc, write_labelled
from tests.task_from_pool import NO_POOL, pool_path, write_task

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_bundled_task_is_sound_each_time_here_and_on_the_local_platform(
    tmp_path: Path, runtime: GraderRuntime
) -> None:
    copy_of_eurovoc(tmp_path)
    catalogue = TaskCatalogue(tmp_path)
    async with serve(tmp_path / "platform", port=0, pace=0.0) as platform:
        profile = load_profiles(None, platform.url)["local"]
        async with Gateway(profile, "local") as gateway:
            findings = await check_task(
                catalogue.load("eurovoc"), catalogue, runtime, profile=profile, platform=gateway
            )
    levels = {finding.check: finding.level for finding in findings}
    assert levels.pop("balance") is Level.WARN
    assert set(levels.values()) == {Level.OK}
    assert len(findings) == len(CHECKS) - 1, "all but the check of judges, of which it has none"
    trivial = next(finding for finding in findings if finding.check == "exploitable").numbers
    assert trivial["empty"] == trivial["no_labels"] == 0
    assert 0.1 < trivial["top_label"] < trivial["neighbour"] < 0.6
    counts = next(finding for finding in findings if finding.check == "balance").counts
    assert (len(counts), min(counts.values())) == (21, 12)
    again = await check_task(catalogue.load("eurovoc"), catalogue, runtime, profile=profile)
    assert again == tuple(finding for finding in findings if finding.check != "platform_grader")


async def test_a_balanced_version_of_the_real_acts_is_no_longer_uneven_beyond_its_rarest_labels(
    tmp_path: Path, runtime: GraderRuntime
) -> None:
    pool = pool_path()
    if pool is None:
        pytest.skip(NO_POOL)
    write_task(tmp_path / "acts", pool, 500)
    catalogue = TaskCatalogue(tmp_path)
    made = balance(catalogue, BalanceRequest("acts", size=60)).task
    before, after = [
        {finding.check: finding for finding in await check_task(catalogue.load(name), catalogue, runtime)}
        for name in ("acts", made)
    ]
    assert before["repeats_across"].level is not Level.OK
    assert after["repeats_across"].level is after["repeats_within"].level is Level.OK
    assert before["balance"].level is Level.WARN
    assert after["balance"].numbers["ratio"] < before["balance"].numbers["ratio"] / 5


async def test_every_check_says_whole_sentences(check: Check) -> None:
    for finding in (await check()).values():
        assert finding.text[0].isupper() or finding.text[0].isdigit(), finding
        assert finding.text.endswith("."), finding


async def test_a_task_of_free_texts_is_checked_as_far_as_it_goes(check: Check) -> None:
    rows = "".join(f'{{"text_input": "q{n}", "reference_answer": "answer {n}"}}\n' for n in range(12))
    free = {"train.jsonl": rows, "valid.jsonl": rows.split("\n")[0] + "\n", "response_format.json": FREE}
    source = (
        "def grade(sample, item):\n"
        "    return float((sample['output_json'] or {}).get('answer') == item.get('reference_answer'))"
    )
    found = await check(source, changes=free)
    assert found["balance"].level is Level.NOTE
    assert found["balance"].text.startswith("The references are no sets of labels")
    assert found["right_answers"].level is Level.OK
    assert found["exploitable"].numbers == {"empty": 0}
    assert found["binary"].level is Level.NOTE
    assert not {"names", "allowed_labels"} & set(found)
    assert found["repeats_across"].level is Level.BLOCK


async def test_a_split_that_cannot_be_read_blocks_and_the_rest_is_checked(check: Check) -> None:
    found = await check(changes={"valid.jsonl": "{oops}\n"})
    assert found["platform_rows"].level is Level.BLOCK
    assert found["platform_rows"].text.startswith("goods/valid.jsonl line 1, column 2 is not JSON")
    assert found["exploitable"].numbers["all_labels"] == pytest.approx(0.4)


async def test_without_a_single_row_only_the_rows_are_spoken_of(check: Check) -> None:
    found = await check(changes={"train.jsonl": "\n", "valid.jsonl": "\n"})
    assert found["platform_rows"].level is Level.BLOCK
    assert worst(found.values()) is Level.BLOCK
    assert not {"right_answers", "balance", "same_prompt", "exploitable"} & set(found)


class Counts:
    """A judge that says 1 to whatever names fish, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def judge(self, question: JudgeQuestion) -> JudgeAnswer:
        said = "".join(message.content for message in question.messages)
        self.asked.append(said)
        return JudgeAnswer(json.dumps({"steps": [], "result": 1.0 if "fish" in said else 0.0}))


async def test_a_grader_that_costs_tokens_is_asked_a_few_times_only(tmp_path: Path) -> None:
    definition = {
        "type": "score_model",
        "name": "exact",
        "model": "some-judge",
        "input": [{"role": "user", "content": "Rate {{sample.output_text}}"}],
        "range": [0, 1],
    }
    write_labelled(tmp_path, TRAIN, VALID, {"graders/exact.json": json.dumps(definition)})
    catalogue, judge = TaskCatalogue(tmp_path), Counts()
    real = {f"r{n}": '{"labels": ["fish"]}' for n in range(40)}
    async with GraderRuntime(judge=judge) as judging:
        found = {
            finding.check: finding
            for finding in await check_task(catalogue.load("goods"), catalogue, judging, answers=real)
        }
    assert len(judge.asked) == 12
    assert found["exploitable"].text.startswith("Each grading asks a model and costs tokens")
    assert found["right_answers"].level is Level.WARN
    assert not {"odd_answers", "odd_references"} & set(found)


async def test_a_judge_that_nobody_can_ask_blocks(tmp_path: Path) -> None:
    definition = {
        "type": "score_model",
        "name": "exact",
        "model": "some-judge",
        "input": [{"role": "user", "content": "Rate {{sample.output_text}}"}],
    }
    write_labelled(tmp_path, TRAIN, VALID, {"graders/exact.json": json.dumps(definition)})
    catalogue = TaskCatalogue(tmp_path)
    async with GraderRuntime() as runtime:
        findings = await check_task(catalogue.load("goods"), catalogue, runtime)
    assert findings[0].level is Level.BLOCK
    assert "it asks some-judge" in findings[0].text


FREE = """{"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"],
"additionalProperties": false}"""
