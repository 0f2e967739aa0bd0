import json
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from local.platform.numpy_policy.answer_schema import (
    FORM_PATH,
    NO_ANSWERS,
    AnswerPlan,
    Choice,
    NothingToChoose,
    answers_in_plan,
    answers_in_rows,
    plan_of,
)
from local.platform.numpy_policy.policy import base_logits, draw, fit, indices, likeliest, probabilities, width_of
from local.platform.numpy_policy.weights import load_features, save_features

MANY = {"type": "array", "items": {"type": "string", "enum": ["a", "b", "c"]}}
ONE = {"type": "string", "enum": ["x", "y"]}


def an_object(**properties: object) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


SCHEMAS: dict[str, dict[str, object]] = {
    "many": an_object(labels=MANY),
    "one": an_object(label=ONE),
    "both": an_object(labels=MANY, verdict=ONE, sure={"type": "boolean"}),
    "objects in a list": an_object(
        level1={"type": "array", "items": an_object(code={"enum": ["100", "101"]}, why={"type": "string"})}
    ),
    "two choices in a listed object": an_object(
        found={"type": "array", "items": an_object(code={"enum": ["1", "2"]}, sure={"type": "boolean"})}
    ),
    "nested": an_object(inner=an_object(label=ONE, deeper=an_object(labels=MANY))),
    "references": an_object(label={"$ref": "#/$defs/label"}) | {"$defs": {"label": ONE}},
    "alternatives": an_object(label={"anyOf": [{"type": "null"}, ONE]}, kind={"oneOf": [{"const": 1}, {"const": 2}]}),
    "null or one": an_object(label={"type": ["string", "null"], "enum": ["x", None]}),
    "limits": an_object(labels={**MANY, "minItems": 1, "maxItems": 2}),
    "fillers": an_object(
        label=ONE,
        why={"type": "string", "minLength": 3},
        count={"type": "integer", "minimum": 2},
        list={"type": "array", "items": {"type": "number"}, "minItems": 2},
        nothing={"type": "null"},
        version={"const": "v1"},
    ),
    "numbers": an_object(stars={"type": "integer", "enum": [1, 2, 3]}),
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_every_answer_obeys_its_schema(schema: dict[str, object]) -> None:
    plan = plan_of(schema)
    rng = np.random.default_rng(1)
    probs = probabilities(plan.choices, rng.normal(size=(20, width_of(plan.choices))))

    for drawn in (*draw(plan.choices, probs, 5, rng), *likeliest(plan.choices, probs)):
        for answer in drawn:
            jsonschema.validate(json.loads(plan.render(indices(plan.choices, answer))), schema)


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_a_plan_survives_the_disk(schema: dict[str, object], tmp_path: Path) -> None:
    plan = plan_of(schema)

    save_features(tmp_path / "features.npz", fit(["cod"]), plan)

    assert load_features(tmp_path / "features.npz")[1] == plan


def test_choices_know_where_they_stand_and_their_options() -> None:
    assert plan_of(SCHEMAS["both"]).choices == (
        Choice("labels[]", "many", ("a", "b", "c")),
        Choice("verdict", "one", ("x", "y")),
        Choice("sure", "one", (False, True)),
    )
    [listed] = plan_of(SCHEMAS["objects in a list"]).choices
    assert (listed.path, listed.kind, listed.options) == ("level1[].code", "many", ("100", "101"))


@pytest.mark.parametrize(
    ("items", "schema", "options", "answer"),
    [
        ([{"reference_answer": "no"}, {"reference_answer": "yes"}], None, ("no", "yes"), "yes"),
        ([{"label": ["b"]}, {"label": ["a", "c"]}], None, ("a", "b", "c"), '["b"]'),
        ([{"answer": "u"}, {"answer": "v"}], an_object(said={"type": "string"}), ("u", "v"), '{"said": "v"}'),
        (
            [{"target": ["u"]}, {"target": ["v"]}],
            an_object(said={"type": "array", "items": {"type": "string"}}),
            ("u", "v"),
            '{"said": ["v"]}',
        ),
        (
            [{"reference": {"stars": 1, "tone": "dry"}}, {"reference": {"stars": 5, "tone": "dry"}}],
            an_object(stars={"type": "integer"}),
            (1, 5),
            '{"stars": 5}',
        ),
    ],
)
def test_without_an_enum_the_labels_seen_are_the_options(
    items: list[Mapping[str, object]], schema: dict[str, object] | None, options: tuple[object, ...], answer: str
) -> None:
    plan = plan_of(schema, answers_in_rows([*items, *items]))

    assert plan.choices[0].options == options
    assert plan.render([[1]]) == answer


@pytest.mark.parametrize(
    "schema", [None, an_object(), an_object(why={"type": "string"}), an_object(only={"enum": ["x"]}), {"$ref": "#"}]
)
def test_where_nothing_is_open_there_is_nothing_to_learn(schema: dict[str, object] | None) -> None:
    with pytest.raises(NothingToChoose, match="cannot write prose: give a response format with an enum"):
        plan_of(schema, NO_ANSWERS)


def test_the_base_model_leans_towards_options_named_in_the_text() -> None:
    plan: AnswerPlan = plan_of(
        an_object(labels={"type": "array", "items": {"enum": ["trade", "energy policy", "law"]}})
    )

    [logits] = base_logits(plan.choices, ["On trading in electricity and energy."])

    assert logits[0] > logits[2]
    assert logits[1] > logits[2]
    [nothing] = base_logits(plan.choices, ["Whales."])
    assert probabilities(plan.choices, nothing[None]).sum() == pytest.approx(1.0)


def test_a_schema_that_refers_to_itself_over_and_over_is_read_to_an_end() -> None:
    again = {"$ref": "#"}
    plan = plan_of(an_object(label=ONE, a=again, b=again, c=again, d={"type": "array", "items": again}))

    assert plan.choices[0].path == "label"


def test_an_answer_in_prose_is_a_form_around_a_known_answer(tmp_path: Path) -> None:
    known = answers_in_rows([{"answer": "yes"}, {"answer": "no"}, {"answer": "no"}, {"answer": "yes"}])
    plan = plan_of(None, known, ("{}", "\\boxed{{}}", "答案\uff1a{}"))

    assert [plan.render([[form], [1]]) for form in range(3)] == ["yes", "\\boxed{yes}", "答案\uff1ayes"]
    assert [choice.path for choice in plan.choices] == [FORM_PATH, ""]
    save_features(tmp_path / "features.npz", fit(["cod"]), plan)
    assert load_features(tmp_path / "features.npz")[1] == plan
    assert answers_in_plan(plan).all == ("no", "yes")


def test_numbers_and_truths_are_written_as_json_spells_them() -> None:
    known = answers_in_rows([{"answer": 0}, {"answer": 2.5}, {"answer": 0}, {"answer": 2.5}])

    assert plan_of(None, known, ("{}", "#### {}")).render([[1], [0]]) in ("#### 0", "#### 2.5")
    truths = plan_of(None, answers_in_rows([{"answer": False}, {"answer": True}] * 2))
    assert {truths.render([[0]]), truths.render([[1]])} == {"false", "true"}


@pytest.mark.parametrize(
    ("answers", "known"),
    [
        (("a", "b", "a", "b"), ("a", "b")),
        (("a", "b", "a", "c"), ("a", "b", "c")),
        (("a", "b", "c", "d", "a"), ()),
        (("x" * 201, "x" * 201, "b", "b"), ("b",)),
        ((0, 1, 0, 1), (0, 1)),
        (("", "yes", "", "yes"), ("", "yes")),
        ((None, None, "yes", "yes"), ("yes",)),
    ],
)
def test_references_span_a_finite_set_where_half_of_them_are_repeated(
    answers: tuple[object, ...], known: tuple[object, ...]
) -> None:
    assert answers_in_rows([{"reference_answer": answer} for answer in answers]).all == known


def test_a_field_of_prose_takes_nothing_from_the_field_of_labels() -> None:
    rows = [{"label": "ab"[number % 2], "answer_in_full": f"Since {number} it is so."} for number in range(8)]

    assert answers_in_rows(rows).all == ("a", "b")
