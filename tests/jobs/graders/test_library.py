"""The ready graders, run as the runtime runs them."""

import json

import pytest

from jobs.core.errors import InvalidRequest
from jobs.graders import GraderRuntime, Sample, parse_grader, training_definition
from jobs.graders.library import Definition, exact_match, f1, f_beta, precision, recall

ITEM = {"reference_answer": ["law", "trade", "energy", "law"]}


async def rewards(runtime: GraderRuntime, definition: Definition, *answers: object) -> list[float]:
    grader = parse_grader(definition)
    batch = [(Sample(one if isinstance(one, str) else json.dumps(one)), ITEM) for one in answers]
    grades = await runtime.grade(grader, batch)
    assert [grade.detail for grade in grades] == [None] * len(grades)
    return [grade.reward for grade in grades]


ANSWERS: tuple[object, ...] = (
    {"labels": ["law", "trade", "energy"]},
    {"labels": ["law", "law", " trade ", "", "sea"]},
    {"labels": []},
    {"labels": None},
    {"labels": "law"},
    {"labels": [{"code": "law", "why": "it is"}, {"code": "trade"}]},
    ["law"],
    "no JSON",
    "null",
)


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (precision("labels"), [1, 2 / 3, 0, 0, 1, 1, 0, 0, 0]),
        (recall("labels"), [1, 2 / 3, 0, 0, 1 / 3, 2 / 3, 0, 0, 0]),
        (f1("labels"), [1, 2 / 3, 0, 0, 1 / 2, 4 / 5, 0, 0, 0]),
        (exact_match("labels"), [1, 0, 0, 0, 0, 0, 0, 0, 0]),
        (f_beta("labels", 2), [1, 2 / 3, 0, 0, 5 / 13, 5 / 7, 0, 0, 0]),
        (f_beta("labels", 0.5), [1, 2 / 3, 0, 0, 5 / 7, 10 / 11, 0, 0, 0]),
    ],
)
async def test_a_ready_grader_gives_its_figure(
    runtime: GraderRuntime, definition: Definition, expected: list[float]
) -> None:
    assert await rewards(runtime, definition, *ANSWERS) == pytest.approx(expected)


async def test_labels_may_lie_deep_or_be_all_there_is(runtime: GraderRuntime) -> None:
    assert await rewards(runtime, recall("result.labels"), {"result": {"labels": ["law"]}}, {"result": []}) == [
        1 / 3,
        0,
    ]
    assert await rewards(runtime, precision(""), ["law", 'a"b'], {"labels": ["law"]}) == [0.5, 0]


async def test_numbers_and_their_texts_are_the_same_label(runtime: GraderRuntime) -> None:
    grader = parse_grader(exact_match("codes", "gold.codes"))
    (grade,) = await runtime.grade(grader, [(Sample('{"codes": [3221, "7"]}'), {"gold": {"codes": ["3221", 7]}})])
    assert grade.reward == 1.0


def test_a_ready_grader_can_be_trained_on_as_it_is() -> None:
    assert training_definition(parse_grader(f1("labels"))) == f1("labels")
    assert f_beta("labels", 0.5)["name"] == "f0.5"
    assert f1("labels", name="reward")["name"] == "reward"


@pytest.mark.parametrize("beta", [0.0, -1.0, float("nan"), float("inf"), 1e200])
def test_a_beta_without_a_meaning_is_refused(beta: float) -> None:
    with pytest.raises(InvalidRequest, match="beta must be a number above 0"):
        f_beta("labels", beta)
