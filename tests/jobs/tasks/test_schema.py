"""response_format.json: bare or wrapped, checked before a platform sees it."""

import pytest

from jobs.core.errors import InvalidRequest
from jobs.tasks.schema import response_format
from tests.jobs.tasks.folder import SCHEMA

WHERE = "small/response_format.json"


def inner(name: str, *, strict: bool) -> dict[str, object]:
    return {"type": "json_schema", "json_schema": {"name": name, "strict": strict, "schema": SCHEMA}}


def test_a_bare_schema_takes_the_tasks_name_and_is_strict() -> None:
    assert response_format(SCHEMA, WHERE, "small") == inner("small", strict=True)


@pytest.mark.parametrize(
    "wrapping",
    [
        {"name": "answer", "strict": True, "schema": SCHEMA},
        {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}},
        {"json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}},
        {"name": "answer", "schema": SCHEMA, "strict": None},
    ],
)
def test_a_named_schema_is_read_as_one(wrapping: dict[str, object]) -> None:
    assert response_format(wrapping, WHERE, "small") == inner("answer", strict=True)


def test_a_wrapping_that_leaves_strict_open_is_as_strict_as_its_schema() -> None:
    loose = {"name": "answer", "schema": {"type": "object", "properties": {"label": {"type": "string"}}}}
    read = response_format(loose, WHERE, "small")
    assert read is not None
    assert read["json_schema"] == {**loose, "strict": False}


def test_free_text_is_no_format() -> None:
    assert response_format({"type": "text"}, WHERE, "small") is None


def test_a_property_called_schema_does_not_make_a_wrapping() -> None:
    bare = {"type": "object", "properties": {}, "additionalProperties": False, "schema": {"note": "theirs"}}
    read = response_format(bare, WHERE, "small")
    assert read is not None
    assert read["json_schema"] == {"name": "small", "strict": True, "schema": bare}


def test_both_wrappings_of_the_api_are_unwrapped() -> None:
    nested = {"type": "json_schema", "json_schema": {"name": "labels", "strict": False, "schema": SCHEMA}}
    flat = {"type": "json_schema", "name": "labels", "strict": False, "schema": SCHEMA}
    assert response_format(nested, WHERE, "x") == response_format(flat, WHERE, "x") == inner("labels", strict=False)


def test_what_strict_demands_may_be_left_out_where_strict_is_off() -> None:
    loose = {"type": "json_schema", "name": "a", "strict": False, "schema": {"type": "object"}}
    assert response_format(loose, WHERE, "x")


OPEN_OBJECT = {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"type": "objekt"}, "is not a JSON Schema, at type: 'objekt' is not valid"),
        ({"type": "object", "properties": 3}, "is not a JSON Schema, at properties: "),
        ({"type": "array", "items": {}}, "the schema's top must have type 'object'"),
        ({}, "the schema's top must have type 'object'"),
        ({"type": "json_schema"}, "'schema' is missing."),
        ({"type": "json_object"}, "'json_object' asks for JSON of any shape, which no platform trains on; give"),
        ({"type": "json_schema", "schema": 3}, "'schema' must hold keys of its own, not a number."),
        ({"type": "json_schema", "json_schema": 3}, "'json_schema' must be an object, not a number."),
        ({"type": "json_schema", "schema": SCHEMA, "strict": "yes"}, "'strict' must be true or false, not 'yes'."),
        ({"type": "json_schema", "schema": SCHEMA, "name": "a b"}, "'name' must be 1 to 64 letters, digits"),
        (OPEN_OBJECT, "the top needs 'additionalProperties': false, as strict structured output demands."),
        ({**SCHEMA, "required": []}, "the top must list label under 'required', as strict structured output demands."),
        (
            {**SCHEMA, "properties": {"label": {"type": "array", "items": OPEN_OBJECT}}},
            "an inner schema needs 'additionalProperties': false",
        ),
        ({**SCHEMA, "properties": {"label": OPEN_OBJECT}}, "label needs 'additionalProperties': false"),
        ({**SCHEMA, "$defs": {"thing": OPEN_OBJECT}}, "thing needs 'additionalProperties': false"),
        ({**SCHEMA, "anyOf": [OPEN_OBJECT]}, "an inner schema needs 'additionalProperties': false"),
    ],
)
def test_what_is_wrong_is_named(content: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        response_format(content, WHERE, "small")
    assert str(caught.value).replace(f"{WHERE}: ", "").replace(f"{WHERE} ", "").startswith(sentence)
    assert str(caught.value).startswith(WHERE)


def test_a_property_may_be_left_open_by_true() -> None:
    assert response_format({**SCHEMA, "properties": {"label": True}}, WHERE, "small")


def test_a_schema_too_deep_to_check_is_refused() -> None:
    schema: dict[str, object] = {}
    for _ in range(400):
        schema = {"anyOf": [schema]}
    with pytest.raises(InvalidRequest, match=r"^small/response_format\.json is nested too deeply to be read\.$"):
        response_format({**schema, "type": "object"}, WHERE, "small")
