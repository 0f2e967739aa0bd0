import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from jobs.checks import Level
from jobs.core.errors import BotError, InvalidRequest, PlatformRejected, PlatformUnavailable
from jobs.core.series import JsonObject
from jobs.platforms.parse import GraderTrial
from jobs.platforms.profiles import PROFILES
from tests.jobs.checks.conftest import F1, Check

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEAD = "def grade(sample, item):\n"
SAFE = F1.replace("def grade", "def f1") + "\n" + HEAD


class Answers:
    """A platform that says one thing about every grader."""

    def __init__(self, answer: GraderTrial | BotError) -> None:
        self.answer = answer

    async def check_grader(self, definition: JsonObject, item: JsonObject, sample: str) -> GraderTrial:
        del definition, item, sample
        if isinstance(self.answer, BotError):
            raise self.answer
        return self.answer


async def test_a_sound_grader_passes(check: Check) -> None:
    found = await check()
    for name in ("right_answers", "odd_answers", "odd_references", "range"):
        assert found[name].level is Level.OK, found[name]


async def test_a_grader_that_fails_on_good_answers_blocks(check: Check) -> None:
    found = await check(HEAD + "    return item['label']")
    assert found["right_answers"].level is Level.BLOCK
    assert "fails on 40 of 40 well-formed answers; on row r0: KeyError: 'label'" in found["right_answers"].text


async def test_a_right_answer_that_is_not_paid_in_full_is_told(check: Check) -> None:
    found = await check(SAFE + "    return f1(sample, item) / 2")
    assert found["right_answers"].level is Level.WARN
    assert found["right_answers"].numbers == {"mean": 0.5, "lowest": 0.5, "graded": 40}


@pytest.mark.parametrize(
    ("guard", "what"),
    [
        ("len(sample['output_text'])", "an empty answer"),
        ("sample['output_json'] != {}", "{}"),
        ("sample['output_json'] is not None or not sample['output_text'].startswith('null')", "null"),
        ("sample['output_json'] != []", "[]"),
        ("sample['output_json'] != {'labels': 7}", "a number as labels"),
    ],
)
async def test_answers_that_make_it_raise_are_named(check: Check, guard: str, what: str) -> None:
    found = await check(SAFE + f"    1 / ({guard})\n    return f1(sample, item)")
    assert found["odd_answers"].level is Level.WARN
    assert f"exact on {what}: ZeroDivisionError" in found["odd_answers"].text


async def test_a_grader_that_never_ends_on_an_odd_answer_blocks(check: Check) -> None:
    found = await check(SAFE + "    while sample['output_text'] == '{}': pass\n    return f1(sample, item)")
    assert found["odd_answers"].level is Level.BLOCK
    assert "does not come to an end on an answer such as {}: exact took longer than 1 s" in found["odd_answers"].text


async def test_an_empty_reference_that_breaks_it_matters_where_a_row_has_one(check: Check) -> None:
    source = SAFE + "    item['reference_answer'][0]\n    return f1(sample, item)"
    assert (await check(source))["odd_references"].level is Level.NOTE
    found = await check(source, train=[["fish"]] * 3 + [[]] + [["iron", "wool"]] * 6)
    assert found["odd_references"].level is Level.WARN
    assert found["odd_references"].text.endswith(
        "1 row of the train split is like that: r3 has an empty list as reference."
    )


@pytest.mark.parametrize(("factor", "says"), [("* 3", "from 0.00 to 3.00"), ("- 0.5", "from -0.50 to 0.50")])
async def test_rewards_outside_0_to_1_of_which_nothing_says_how_far_they_may_are_told(
    check: Check, factor: str, says: str
) -> None:
    found = await check(SAFE + f"    return f1(sample, item) {factor}")
    assert found["range"].level is Level.WARN
    assert says in found["range"].text
    assert found["range"].text.endswith("`ranges: {exact: [lowest, highest]}` in task.yaml does.")
    assert "cale" not in found["range"].text


async def test_a_grader_of_another_range_is_judged_on_its_own_scale(check: Check) -> None:
    source = SAFE + "    return 5 * f1(sample, item)"
    found = await check(source, changes={"task.yaml": "reward: exact\nranges: {exact: [0, 5]}\n"})
    assert found["range"].level is Level.OK
    assert "lie from 0.00 to 5.00, all finite and within the grader's range of 0 to 5." in found["range"].text
    assert found["right_answers"].level is Level.OK
    assert found["exploitable"].level is Level.NOTE
    assert found["exploitable"].numbers["all_labels"] > 0.5, "little, of 5"
    found = await check(source, changes={"task.yaml": "reward: exact\nranges: {exact: [0, 2]}\n"})
    assert found["range"].level is Level.WARN
    assert found["range"].text.endswith("beyond the range of 0 to 2 that the task gives for exact.")


async def test_all_or_nothing_is_noticed_on_any_scale(check: Check) -> None:
    source = SAFE + "    return 5 * (f1(sample, item) == 1)"
    found = await check(source, changes={"task.yaml": "reward: exact\nranges: {exact: [0, 5]}\n"})
    assert found["binary"].text.startswith("The grader exact gives only 0 and 5.")


REMOTE: dict[str, dict[str, object]] = {
    "lambda": {"type": "lambda", "name": "far", "lambda": {"function": "arn:aws:lambda:us-west-2:1:function:f"}},
    "endpoint": {"type": "endpoint", "name": "far", "url": "https://example.org/grade"},
}


@pytest.mark.parametrize(
    ("kind", "who"), [("lambda", "Amazon Bedrock"), ("endpoint", "OpenAI and Azure, in a preview,")]
)
async def test_a_reward_that_only_some_platforms_run_is_named_and_its_stand_in_is_checked(
    check: Check, kind: str, who: str
) -> None:
    changes = {"task.yaml": "reward: far\n", "graders/far.json": json.dumps(REMOTE[kind])}
    local, there = PROFILES[0], replace(PROFILES[0], title="There", grader_types=frozenset({kind}))

    found = await check(changes=changes, profile=local)
    assert found["platform_rows"].level is Level.BLOCK
    assert (
        f"The reward uses a grader of type '{kind}', which Local platform does not run." in found["platform_rows"].text
    )

    found = await check(changes=changes, profile=there)
    assert found["platform_rows"].level is Level.NOTE
    assert f"far is a grader of type '{kind}', which only {who}" in found["platform_rows"].text
    assert "can run. Answers here are measured by exact." in found["platform_rows"].text
    assert found["right_answers"].text == "The reference answer earns 1.00 or more on each of 40 rows."


async def test_where_no_grader_runs_here_that_is_said_and_nothing_else_is_claimed(check: Check) -> None:
    there = replace(PROFILES[0], title="There", grader_types=frozenset({"lambda"}))
    far = json.dumps(REMOTE["lambda"] | {"name": "exact"})
    found = await check(changes={"graders/exact.json": far}, profile=there)
    assert "goods has no grader that runs here: its checkpoints cannot be measured." in found["platform_rows"].text
    assert not {"right_answers", "odd_answers", "range", "constant", "exploitable"} & set(found)


@pytest.mark.parametrize("value", ["nan", "inf"])
async def test_a_reward_that_is_no_finite_number_blocks(check: Check, value: str) -> None:
    found = await check(HEAD + f"    return float('{value}')")
    assert found["right_answers"].level is Level.BLOCK
    assert f"exact returned {value}" in found["right_answers"].text
    assert "range" not in found


@pytest.mark.parametrize(
    ("answer", "level", "says"),
    [
        (GraderTrial(1.0), Level.OK, "without an error flag and gives the same reward, 1.00"),
        (GraderTrial(0.25), Level.WARN, "gives 0.25 for an answer that earns 1.00 here"),
        (
            GraderTrial(None, ("python_grader_server_error",), "unauthorized_error"),
            Level.BLOCK,
            "raised python_grader_server_error: unauthorized_error.",
        ),
        (PlatformRejected("no such path", code="not_found"), Level.NOTE, "cannot try graders"),
        (PlatformRejected("The grader is malformed.", code="x"), Level.BLOCK, "The grader is malformed."),
        (PlatformUnavailable("It is down."), Level.NOTE, "Not checked on the platform: It is down."),
        (InvalidRequest("It needs a key."), Level.NOTE, "Not checked on the platform: It needs a key."),
    ],
)
async def test_what_the_platform_makes_of_the_grader(
    check: Check, answer: GraderTrial | BotError, level: Level, says: str
) -> None:
    finding = (await check(profile=PROFILES[0], platform=Answers(answer)))["platform_grader"]
    assert finding.level is level
    assert says in finding.text


async def test_graders_beside_the_reward_are_tried_too(check: Check) -> None:
    source = HEAD + "    return 1 / len(sample['output_text'])"
    fragile = json.dumps({"type": "python", "name": "fragile", "source": source})
    changes: Mapping[str, str] = {"graders/fragile.json": fragile}
    found = await check(changes=changes)
    assert "fragile on an empty answer: ZeroDivisionError" in found["odd_answers"].text


async def test_a_grader_beside_the_reward_that_fails_blocks(check: Check) -> None:
    source = HEAD + "    return float(item['reference_answer']['name'] == 1)"
    stale = json.dumps({"type": "python", "name": "stale", "source": source})
    finding = (await check(changes={"task.yaml": "reward: exact\n", "graders/stale.json": stale}))["other_graders"]
    assert finding.level is Level.BLOCK
    assert "The grader stale fails on 20 of 20 well-formed answers; on row r0: TypeError" in finding.text
