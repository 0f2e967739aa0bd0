"""What is said of a task depends on whether a right answer is known, and was tried."""

import json
from collections.abc import Mapping

import pytest

from jobs.checks import Level, worst
from tests.jobs.checks.conftest import Check

pytestmark = pytest.mark.asyncio(loop_scope="module")

LABELS = ("yes", "no", "maybe")
NEAR = """
def grade(sample, item):
    made = (sample["output_json"] or {}).get("made")
    return 1.0 if isinstance(made, str) and made == str(item["wanted"]) else 0.0
"""
PROSE = """
import re
def grade(sample, item):
    found = re.search(r"Answer: (\\w+)", sample["output_text"])
    return float(bool(found) and found[1] == item.get("reference_answer"))
"""


def rows(count: int, first: int = 0, fields: Mapping[str, object] | None = None) -> str:
    texts = ("parcel {} left the depot", "well {} was never dug", "shelf {} holds slates")
    made = [
        {"text_input": texts[n % 3].format(f"{n * 37} {n * 53}"), "reference_answer": LABELS[n % 3]}
        | dict(fields or {})
        for n in range(first, first + count)
    ]
    return "".join(json.dumps(row) + "\n" for row in made)


def free_text(source: str, **fields: object) -> Mapping[str, str | None]:
    definition = {"type": "python", "name": "exact", "source": source}
    return {
        "response_format.json": None,
        "graders/exact.json": json.dumps(definition),
        "train.jsonl": rows(24, fields=fields),
        "valid.jsonl": rows(6, 24, fields),
    }


async def test_a_sound_task_of_free_text_has_no_finding(check: Check) -> None:
    found = await check(changes=free_text(PROSE))
    assert worst(found.values()) is Level.NOTE
    assert {name for name, finding in found.items() if finding.level is Level.NOTE} == {"binary"}
    assert found["right_answers"].text == "The reference answer earns 1.00 or more on each of 24 rows."
    assert found["exploitable"].numbers["top_label"] == pytest.approx(1 / 3)


async def test_a_reference_that_earns_nothing_in_any_form_is_no_known_right_answer(check: Check) -> None:
    found = await check(changes=free_text("def grade(sample, item):\n    return 0.0\n"))
    assert found["constant"].level is Level.NOTE
    assert "no right answer is known" in found["constant"].text
    assert "never earns the full reward, bare or in a form such as" in found["right_answers"].text


async def test_a_little_for_the_form_does_not_make_an_answer_right(check: Check) -> None:
    source = "def grade(sample, item):\n    return 0.1 if item['reference_answer'] else 0.0\n"
    found = await check(changes=free_text(source))
    assert found["constant"].level is Level.NOTE
    assert "never earns the full reward" in found["right_answers"].text


async def test_the_same_full_reward_for_any_free_text_blocks(check: Check) -> None:
    found = await check(changes=free_text("def grade(sample, item):\n    return 1.0\n"))
    assert found["constant"].level is Level.BLOCK


async def test_rows_without_a_reference_have_no_known_right_answer(check: Check) -> None:
    schema = {
        "type": "object",
        "properties": {"made": {"type": "string"}, "outcome": {"type": "string"}},
        "required": ["made", "outcome"],
        "additionalProperties": False,
    }
    train = "".join(json.dumps({"text_input": f"wanted {n * 97} of {n * 31}", "wanted": n}) + "\n" for n in range(20))
    changes = {"response_format.json": json.dumps(schema), "train.jsonl": train, "valid.jsonl": train[:60] + "\n"}
    found = await check(NEAR, changes={**changes, "valid.jsonl": train.split("\n")[0] + "\n"})
    assert found["constant"].level is Level.NOTE
    assert "nothing to learn" not in found["constant"].text
    assert "20 rows of the train split have no reference_answer" in found["right_answers"].text


async def test_a_right_answer_may_stand_in_another_field_that_the_grader_reads(check: Check) -> None:
    source = PROSE.replace("reference_answer", "solution")
    lines = [json.loads(line) for line in rows(24).splitlines()]
    moved = "".join(
        json.dumps({"text_input": each["text_input"], "page": n, "solution": each["reference_answer"]}) + "\n"
        for n, each in enumerate(lines)
    )
    found = await check(changes={**free_text(source), "train.jsonl": moved, "valid.jsonl": moved.split("\n")[0] + "\n"})
    assert found["right_answers"].text.endswith("`solution` in the form that it pays best earns 1.00 on average.")
    assert found["constant"].level is Level.OK
    assert "have no" not in found["platform_rows"].text


async def test_zero_and_false_are_references(check: Check) -> None:
    schema = {
        "type": "object",
        "properties": {"label": {"type": "integer", "enum": [0, 1, 2]}},
        "required": ["label"],
        "additionalProperties": False,
    }
    definition = {
        "type": "string_check",
        "name": "exact",
        "input": "{{sample.output_json.label}}",
        "reference": "{{item.reference_answer}}",
        "operation": "eq",
    }
    lines = [json.loads(line) for line in rows(24).splitlines()]
    train = "".join(json.dumps({**row, "reference_answer": n % 3}) + "\n" for n, row in enumerate(lines))
    changes = {
        "response_format.json": json.dumps(schema),
        "graders/exact.json": json.dumps(definition),
        "train.jsonl": train,
        "valid.jsonl": rows(3, 24),
    }
    found = await check(changes=changes)
    assert found["right_answers"].text == "The reference answer earns 1.00 or more on each of 24 rows."
    assert found["odd_answers"].level is Level.OK, "what is no JSON, or has no such field, is at fault itself"
    assert "no reference" not in " ".join(finding.text for finding in found.values() if finding.level is Level.WARN)
    assert found["balance"].counts == {"0": 8, "1": 8, "2": 8}


@pytest.mark.parametrize("value", [0, False, "", []])
async def test_no_value_counts_as_missing(check: Check, value: object) -> None:
    source = "def grade(sample, item):\n    return 0.5 if item['reference_answer'] is not None else 1 / 0\n"
    found = await check(changes=free_text(source, reference_answer=value))
    told = " ".join(finding.text for finding in found.values())
    assert "rows have no reference_answer" not in told
    assert "No row of the train split is like that" in found["odd_references"].text


FIND = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
CALLED = """
def grade(sample, item):
    return float([call["function"]["name"] for call in sample["output_tools"]] == [item["reference_answer"]])
"""


async def test_where_rows_offer_tools_a_call_of_the_reference_may_be_the_right_answer(check: Check) -> None:
    tools = [FIND | {"function": {"name": name}} for name in LABELS]
    found = await check(changes=free_text(CALLED, tools=tools))
    assert found["right_answers"].text == "The reference answer earns 1.00 or more on each of 24 rows."
    assert found["exploitable"].numbers["top_label"] == pytest.approx(1 / 3)
    assert found["odd_answers"].level is Level.OK
    assert found["constant"].level is Level.OK


async def test_a_grader_that_trusts_the_arguments_of_a_call_is_warned_of(check: Check) -> None:
    source = "import json\n" + CALLED.replace(
        "return", "[json.loads(c['function']['arguments']) for c in sample['output_tools']]; return"
    )
    found = await check(changes=free_text(source, tools=[FIND]))
    assert (found["odd_answers"].level, found["odd_answers"].numbers["failed"]) == (Level.WARN, 1)
    assert "a call whose arguments are no JSON" in found["odd_answers"].text


async def test_the_answer_of_another_row_is_another_answer_however_few_there_are(check: Check) -> None:
    yes_or_no = "".join(
        json.dumps({"text_input": f"crate {n * 37} holds {n * 53}", "reference_answer": "yes" if n % 20 else "no"})
        + "\n"
        for n in range(40)
    )
    found = await check(changes={**free_text(PROSE), "train.jsonl": yes_or_no})
    assert found["constant"].level is Level.OK
    assert found["binary"].numbers["wrong"] >= 40
