import json
from dataclasses import replace

import pytest

from jobs.checks import Level
from jobs.platforms.profiles import PROFILES
from tests.jobs.checks.conftest import TRAIN, Check
from tests.jobs.tasks.datasets.labelled_task import NAMES, schema, split, text

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROFILE = PROFILES[0]


def line(row_id: str, said: str, labels: list[str], **more: object) -> str:
    return json.dumps({"id": row_id, "text_input": said, "reference_answer": labels, **more}) + "\n"


async def test_sound_rows_pass(check: Check) -> None:
    found = await check(profile=PROFILE)
    for name in ("platform_rows", "repeats_within", "repeats_across", "balance", "names", "allowed_labels"):
        assert found[name].level is Level.OK, found[name]
    assert found["platform_rows"].text == "Local platform takes the rows: train 40, valid 8."


async def test_what_the_profile_refuses_blocks(check: Check) -> None:
    small = replace(PROFILE, min_rows=100, grader_types=frozenset({"string_check"}))
    finding = (await check(profile=small))["platform_rows"]
    assert finding.level is Level.BLOCK
    assert "40 training rows are too few for Local platform, which takes 100 or more." in finding.text
    assert "uses a grader of type 'python', which Local platform does not run." in finding.text


async def test_a_missing_split_and_a_missing_prompt_block(check: Check) -> None:
    finding = (await check(changes={"valid.jsonl": None, "prompts/v1.md": None}))["platform_rows"]
    assert finding.level is Level.BLOCK
    assert "goods has no valid.jsonl" in finding.text
    assert "40 rows of train have no messages, and the task has no prompt; add prompts/v1.md." in finding.text


async def test_a_task_without_rows_to_train_on_is_one_for_evals(check: Check) -> None:
    found = await check(changes={"train.jsonl": None})
    assert found["platform_rows"].level is Level.NOTE
    assert "goods has no train.jsonl: it can be evaluated; a job needs a train" in found["platform_rows"].text
    assert "valid rows" in found["balance"].text
    assert found["balance"].split == "valid"
    unseen = await check(changes={"train.jsonl": None, "response_format.json": schema([*NAMES, "zinc"])})
    assert "1 labels of the response format have no valid row: 'zinc'." in unseen["balance"].text


async def test_more_rows_than_the_api_takes_block(check: Check) -> None:
    rows = "".join(line(str(n), f"w{n}", ["fish"]) for n in range(1001))
    finding = (await check(changes={"valid.jsonl": rows}))["platform_rows"]
    assert finding.level is Level.BLOCK
    assert "goods/valid.jsonl has more than 1,000 rows" in finding.text


async def test_roles_and_reserved_fields_are_noted(check: Check) -> None:
    own: dict[str, object] = {"reference_answer": ["fish"]}
    own |= {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a question of its own"}]}
    rows = split(TRAIN) + json.dumps(own | {"tools": ["hammer"]}) + "\n"
    finding = (await check(changes={"train.jsonl": rows}))["platform_rows"]
    assert finding.level is Level.NOTE
    assert "1 rows have a message with role 'system'" in finding.text
    assert "fields tools" in finding.text


async def test_a_text_twice_in_a_split_is_told_with_its_other_reference(check: Check) -> None:
    rows = split(TRAIN) + line("twin", text(3).upper(), ["fish"])
    finding = (await check(changes={"train.jsonl": rows}))["repeats_within"]
    assert finding.level is Level.WARN
    assert finding.text.startswith("1 row repeats one (1 exactly) of the same split: train/twin = train/r3.")
    assert "have another reference than their twin" in finding.text
    assert finding.numbers == {"rows": 1, "other_reference": 1}


async def test_a_text_in_two_splits_blocks_from_a_twentieth_on(check: Check) -> None:
    leaked = line("leak", text(0), TRAIN[0])
    finding = (await check(changes={"valid.jsonl": split([["fish"]] * 8, 40) + leaked}))["repeats_across"]
    assert (finding.level, finding.numbers["rows"]) == (Level.BLOCK, 1)
    assert "valid/leak = train/r0. That is 11% of valid" in finding.text
    finding = (await check(changes={"valid.jsonl": split([["fish"]] * 40, 40) + leaked}))["repeats_across"]
    assert finding.level is Level.WARN


async def test_a_pool_repeats_nothing(check: Check) -> None:
    found = await check(changes={"pool.jsonl": split(TRAIN)})
    assert found["repeats_across"].level is Level.OK


async def test_uneven_labels_are_told_with_their_counts(check: Check) -> None:
    train = [["fish"]] * 9 + [["iron"]] * 2
    finding = (await check(train=train))["balance"]
    assert finding.level is Level.WARN
    assert (finding.counts, finding.numbers["ratio"], finding.numbers["unseen"]) == ({"fish": 9, "iron": 2}, 4.5, 6)
    assert "/proctor dataset balance task=goods makes it as even as the rows allow" in finding.text


async def test_labels_without_a_row_are_noted(check: Check) -> None:
    finding = (await check(changes={"response_format.json": schema([*NAMES, "zinc"])}))["balance"]
    assert finding.level is Level.NOTE
    assert "1 labels of the response format have no train row: 'zinc'." in finding.text


async def test_codes_where_names_belong_are_told(check: Check) -> None:
    codes = [f"10014{n}" for n in range(8)]
    train = [[codes[n % 8], codes[(n + 3) % 8]] for n in range(24)]
    found = await check(train=train, valid=[["100140"]], changes={"response_format.json": schema(codes)})
    assert found["names"].level is Level.WARN
    assert found["names"].text.startswith("8 of 8 labels are codes ('100140', '100141'")


async def test_a_label_that_the_format_does_not_allow_blocks(check: Check) -> None:
    finding = (await check(train=[*TRAIN, ["gold", "silver"], ["gold"]]))["allowed_labels"]
    assert finding.level is Level.BLOCK
    assert finding.numbers == {"labels": 2, "rows": 2}
    assert "'gold', 'silver'; 2 rows have one." in finding.text


async def test_labels_that_differ_in_their_unicode_form_alone_are_said_to(check: Check) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    train = [[decomposed], ["fish"]] * 10
    found = await check(train=train, changes={"response_format.json": schema([composed, *NAMES])})
    assert found["allowed_labels"].level is Level.WARN
    assert "1 label of the references differs from the response format in its Unicode form alone" in (
        found["allowed_labels"].text
    )
    assert found["balance"].counts == {composed: 10, "fish": 10}


async def test_fields_of_a_grader_that_nobody_knows_are_named(check: Check) -> None:
    definition = {"type": "python", "source": "def grade(sample, item):\n    return 1.0\n", "owner": "team"}
    found = await check(changes={"graders/kind.json": json.dumps(definition)})
    assert (
        "The grader kind has fields that I do not know and pass on as they are: owner." in found["platform_rows"].text
    )


async def test_an_instruction_that_all_rows_share_is_no_repeat(check: Check) -> None:
    instruction = "Combine every number exactly once with plus, minus, times or divide to reach the wanted amount. " * 6
    asked = [f"{instruction} Wanted: {n * 37 % 83}. Numbers: {n}, {n * 7 % 61}, {n * 13 % 59}." for n in range(40)]
    rows = ["".join(line(f"r{n}", asked[n], ["fish"]) for n in part) for part in (range(30), range(30, 40))]
    found = await check(changes={"train.jsonl": rows[0], "valid.jsonl": rows[1]})
    assert found["repeats_within"].level is found["repeats_across"].level is Level.OK


async def test_near_repeats_across_splits_are_told_and_do_not_block(check: Check) -> None:
    near = " ".join([*text(0).split()[:-1], "otherwise"])
    found = (await check(changes={"valid.jsonl": line("near", near, ["fish"])}))["repeats_across"]
    assert (found.level, found.numbers["rows"]) == (Level.WARN, 1)


async def test_tools_that_a_platform_makes_nothing_of_are_named(check: Check) -> None:
    tool = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
    rows = "".join(line(f"r{n}", text(n), ["fish"], tools=[tool]) for n in range(20))
    found = await check(changes={"train.jsonl": rows, "valid.jsonl": line("v", text(50), ["fish"])}, profile=PROFILE)
    said = found["platform_rows"].text
    assert "20 rows offer tools, which evals and training send as they are; graders" in said
    assert "20 rows offer tools: Local platform takes them, but its models call no tool." in said


def turns(*said: str) -> list[dict[str, str]]:
    return [{"role": role, "content": words} for role, words in zip(("user", "assistant", "user"), said, strict=False)]


def talks(ends: str) -> str:
    rows = [{"id": f"r{n}", "messages": turns(text(n), ends), "reference_answer": ["fish"]} for n in range(20)]
    return "".join(json.dumps(row) + "\n" for row in rows)


async def test_rows_that_end_with_the_assistants_turn_are_carried_where_they_can_be(check: Check) -> None:
    changes = {"train.jsonl": talks("Let me think."), "valid.jsonl": line("v", text(50), ["fish"])}
    found = (await check(changes=changes, profile=PROFILE))["platform_rows"]
    assert found.level is Level.NOTE
    assert found.text.startswith("20 rows end with an assistant's turn, from which models go on.")
    refusing = replace(PROFILE, title="OpenAI", last_roles=("user",))
    found = (await check(changes=changes, profile=refusing))["platform_rows"]
    assert found.level is Level.BLOCK
    assert found.text.startswith(
        "20 rows end with a turn that OpenAI does not train on; the first is train/r0, with role 'assistant'. Its rows "
        "end with role 'user'; evals take the others."
    )


async def test_rows_that_show_the_model_their_own_reference_block(check: Check) -> None:
    found = (await check(changes={"train.jsonl": talks('["fish"]')}))["platform_rows"]
    assert found.level is Level.BLOCK
    assert found.text.startswith("20 rows end with their own reference_answer as the assistant's turn, so that every")


async def test_a_reward_that_grades_calls_blocks_where_models_call_no_tool(check: Check) -> None:
    called = "{{sample.output_tools[0].function.name}}"
    named = {"type": "string_check", "name": "exact", "operation": "eq", "input": called, "reference": "find"}
    tool = {"type": "function", "function": {"name": "find"}}
    rows = "".join(line(f"r{n}", text(n), ["fish"], tools=[tool]) for n in range(20))
    changes = {"train.jsonl": rows, "graders/exact.json": json.dumps(named)}
    found = (await check(changes=changes, profile=PROFILE))["platform_rows"]
    assert found.level is Level.BLOCK
    assert (
        "exact grades what an answer calls (`sample.output_tools`), and the models of Local platform call" in found.text
    )
    found = (await check(changes=changes, profile=replace(PROFILE, calls_tools=True)))["platform_rows"]
    assert found.level is Level.NOTE
