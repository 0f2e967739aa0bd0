"""Gates: found without running a grader, and which of them closed on an answer found by running it once more."""

from typing import Any

import pytest

from jobs.graders import GraderRuntime, Sample, gates_of, parse_grader

GATED = """
def grade(sample, item):
    answer = sample["output_text"]
    if not answer.startswith("Answer: "):
        return 0.0
    try:
        value = float(answer.removeprefix("Answer: "))
    except ValueError:
        return 0.0
    if value < 0:
        return -1.0
    return max(0.0, 1.0 - abs(value - item["reference_answer"]) / 10)
"""
FORM = {"type": "string_check", "name": "form", "input": "{{sample.output_text}}", "operation": "like"}


def python(source: str, name: str = "near") -> dict[str, Any]:
    return {"type": "python", "name": name, "source": source}


def multi(formula: str) -> dict[str, Any]:
    parts = {"form": {**FORM, "reference": "Answer: "}, "near": python(GATED)}
    return {"type": "multi", "name": "reward", "graders": parts, "calculate_output": formula}


def test_early_returns_of_nothing_are_gates() -> None:
    assert gates_of(parse_grader(python(GATED))).names == (
        "not answer.startswith('Answer: ')",
        "except ValueError",
        "value < 0",
    )
    guarded = "def grade(sample, item):\n    return len(sample['x']) / 3 if sample.get('x') else 0.0\n"
    assert gates_of(parse_grader(python(guarded))).names == ("not sample.get('x')",)


@pytest.mark.parametrize(
    "body",
    [
        "return 1.0 if sample['x'] == item['y'] else 0.0",
        "return float(sample['x'] == item['y'])",
        "if sample['x'] == item['y']:\n        return 1.0\n    return 0.0",
        "return len(sample['x']) / 10",
        "def inner():\n        return 0.0\n    return inner() + len(sample['x'])",
        "if sample['x']:\n        return 0.5\n    return len(sample['x'])",
    ],
)
def test_what_is_right_or_wrong_or_computed_throughout_has_none(body: str) -> None:
    assert gates_of(parse_grader(python(f"def grade(sample, item):\n    {body}\n"))).names == ()


def test_a_part_that_settles_the_formula_is_a_gate() -> None:
    assert gates_of(parse_grader(multi("form * (0.2 + 0.8 * near)"))).names[0] == "form"
    assert gates_of(parse_grader(multi("min(form, near)"))).names[0] == "form"
    assert "form" not in gates_of(parse_grader(multi("0.3 * form + 0.7 * near"))).names
    assert "near: value < 0" in gates_of(parse_grader(multi("0.3 * form + 0.7 * near"))).names


async def test_which_gate_closed_is_known_answer_by_answer() -> None:
    grader = parse_grader(multi("form * (0.2 + 0.8 * near)"))
    texts = ("seven", "Answer: seven", "Answer: -1", "Answer: 7", "Answer: 90")
    pairs = [(Sample(text), {"reference_answer": 7}) for text in texts]
    gates = gates_of(grader)
    async with GraderRuntime() as runtime:
        closed = await gates.closed(runtime, pairs, await runtime.grade(grader, pairs))
    assert closed == [
        ("form", "near: not answer.startswith('Answer: ')"),
        ("near: except ValueError",),
        ("near: value < 0",),
        (),
        (),
    ]
