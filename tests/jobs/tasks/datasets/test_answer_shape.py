import json
from collections.abc import Mapping

import pytest

from jobs.tasks.datasets.answer_shape import shape_of

LIST = {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}


def of(**properties: object) -> Mapping[str, object]:
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": properties}}}


@pytest.mark.parametrize(
    ("response_format", "answer"),
    [
        (of(labels=LIST), {"labels": ["a", "b"]}),
        (of(why={"type": "string"}, labels=LIST), {"why": "text", "labels": ["a", "b"]}),
        (of(label={"type": "string", "enum": ["a", "b"]}), {"label": "a"}),
        (of(deep={"type": "object", "properties": {"labels": LIST}}), {"deep": {"labels": ["a", "b"]}}),
        (of(free={"type": "array", "items": {"type": "string"}}, other={"type": "string"}), None),
        (of(answer={"type": "string"}), {"answer": "a"}),
        (of(labels={"anyOf": [{"type": "null"}, LIST]}), {"labels": ["a", "b"]}),
        (
            of(labels={"type": "array", "items": {"type": "object", "properties": {"code": {"type": "string"}}}}),
            {"labels": [{"code": "a"}, {"code": "b"}]},
        ),
    ],
)
def test_labels_are_put_where_the_format_has_them(response_format: Mapping[str, object], answer: object) -> None:
    shape = shape_of(response_format)
    assert shape is not None
    made = json.loads(shape.answer(["a", "b"]))
    assert made == (answer or {"free": ["a", "b"], "other": "text"})


def test_references_inside_the_schema_are_followed() -> None:
    schema = {
        "type": "object",
        "properties": {"found": {"type": "array", "items": {"$ref": "#/$defs/hit"}}},
        "$defs": {
            "hit": {
                "type": "object",
                "properties": {"why": {"type": "string"}, "label": {"enum": ["x", "y"]}},
            },
        },
    }
    shape = shape_of(schema)
    assert shape is not None
    assert (shape.path, shape.many, shape.key, shape.choices) == (("found",), True, "label", ("x", "y"))
    assert json.loads(shape.answer(["y"])) == {"found": [{"why": "text", "label": "y"}]}


@pytest.mark.parametrize("schema", [of(n={"type": "number"}), {}, of(x={"$ref": "#/properties/x"})])
def test_where_no_text_can_stand_there_is_no_shape(schema: Mapping[str, object]) -> None:
    assert shape_of(schema) is None


def test_no_labels_is_an_answer_too() -> None:
    many, one = shape_of(of(labels=LIST)), shape_of(of(answer={"type": "string"}))
    assert many is not None
    assert one is not None
    assert (many.answer([]), one.answer([])) == ('{"labels": []}', '{"answer": ""}')
