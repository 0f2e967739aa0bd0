import pytest

from jobs.graders import GraderRuntime, Limits, check_grader, parse_grader
from tests.jobs.graders.definitions import multi, python

ITEM = {"id": "a", "text_input": "A rule on tariffs.", "reference_answer": ["trade"]}
FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "labels",
        "schema": {
            "type": "object",
            "properties": {"labels": {"type": "array", "items": {"enum": ["law", "trade"]}}},
        },
    },
}


async def test_a_good_grader_passes(runtime: GraderRuntime) -> None:
    assert await check_grader(runtime, parse_grader(multi()), ITEM, FORMAT) == []


async def test_a_grader_that_raises_only_on_malformed_answers_passes(runtime: GraderRuntime) -> None:
    strict = "def grade(sample, item):\n    return len(sample['output_json']['labels'])"
    assert await check_grader(runtime, parse_grader(python(strict)), ITEM, FORMAT) == []


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            "def grade(sample, item):\n    return item['label'] == 1",
            "The grader p fails: KeyError: 'label' (in p, line 2: `return item['label'] == 1`). It was given a well-",
        ),
        ("def grade(sample, item):\n    return 'good'", "The grader p fails: p returned text ('good')"),
        ("def grade(sample, item):\n    return float('nan')", "The grader p fails: p returned nan"),
        ("1 / 0\ndef grade(sample, item):\n    return 1", "The grader p fails: ZeroDivisionError"),
    ],
)
async def test_a_grader_that_fails_on_a_good_answer_is_told(runtime: GraderRuntime, source: str, says: str) -> None:
    (sentence,) = await check_grader(runtime, parse_grader(python(source)), ITEM, FORMAT)
    assert sentence.startswith(says)


async def test_a_formula_that_fails_on_a_good_answer_is_told(runtime: GraderRuntime) -> None:
    (sentence,) = await check_grader(runtime, parse_grader(multi("precision / (recall - 1)")), ITEM, FORMAT)
    assert sentence.startswith("The grader f1 fails: the formula `precision / (recall - 1)` divides by zero")


async def test_a_grader_that_never_ends_is_told() -> None:
    async with GraderRuntime(limits=Limits(seconds=0.3, timeouts=1)) as runtime:
        endless = parse_grader(python("def grade(sample, item):\n    while True: pass"))
        (sentence,) = await check_grader(runtime, endless, ITEM, FORMAT)
    assert sentence.startswith("The grader p fails: p took longer than 0.3 s and was stopped.")


async def test_a_grader_that_never_ends_on_an_odd_answer_is_told() -> None:
    source = "def grade(sample, item):\n    while not sample['output_text']: pass\n    return 1"
    async with GraderRuntime(limits=Limits(seconds=0.4, timeouts=1)) as runtime:
        (sentence,) = await check_grader(runtime, parse_grader(python(source)), ITEM, FORMAT)
    assert sentence.endswith("It was given an empty answer, which a model may answer.")


async def test_without_a_response_format_one_guess_that_is_graded_is_enough(runtime: GraderRuntime) -> None:
    needs_json = parse_grader(python("def grade(sample, item):\n    return sample['output_json'] == 'trade'"))
    assert await check_grader(runtime, needs_json, {"reference_answer": "trade"}) == []
    never = parse_grader(python("def grade(sample, item):\n    return sample['output_json']['x' * 900]"))
    (sentence,) = await check_grader(runtime, never, {"reference_answer": "t" * 500})
    assert "It was given a well-formed answer: `" + "t" * 200 + "...`." in sentence
