import json

import pytest

from jobs.graders.example_answers import example_answers, example_samples

ITEM = {"id": "a", "text_input": "A rule on tariffs.", "reference_answer": ["trade", "law"]}
LABELS = ["energy", "law", "trade", "transport"]


def only(schema: object) -> object:
    (answer,) = example_answers(ITEM, {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}})
    return json.loads(answer)


def test_the_answer_obeys_the_schema_with_the_items_own_labels() -> None:
    labels = {"type": "array", "items": {"type": "string", "enum": LABELS}}
    schema = {"type": "object", "properties": {"labels": labels, "main": {"enum": LABELS}, "note": {"type": "string"}}}
    assert only(schema) == {"labels": ["law", "trade"], "main": "law", "note": "text"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"const": 7}, 7),
        ({"enum": [1, 2]}, 1),
        ({"enum": [{"a": 1}]}, {"a": 1}),
        ({"enum": []}, None),
        ({"type": "integer"}, 1),
        ({"type": "number", "minimum": 3}, 3),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["null", "string"]}, "text"),
        ({"type": ["null"]}, None),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, True),
        ({"oneOf": []}, None),
        ({"type": "array", "items": {"type": "string"}, "minItems": 3}, ["text"] * 3),
        ({"type": "array", "items": {"enum": LABELS}, "maxItems": 1}, ["law"]),
        ({"type": "array", "items": {"enum": LABELS}, "minItems": 3}, ["law", "trade", "energy"]),
        ({"type": "array", "items": {"enum": ["x", "y"]}}, ["x"]),
        ({"type": "array"}, [None]),
        ({"properties": {"a": {"type": "boolean"}}}, {"a": True}),
        ({"type": "object"}, {}),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"const": 1}}}, 1),
        ({"$ref": "#/nowhere"}, None),
        ({"type": "array", "items": {"$ref": "#/$defs/l"}, "$defs": {"l": {"enum": LABELS}}}, ["law", "trade"]),
        ({"type": "of no kind"}, None),
        ("no schema", None),
    ],
)
def test_any_schema_is_filled(schema: object, value: object) -> None:
    wrapped = schema if isinstance(schema, dict) else {"properties": {"x": schema}}
    if wrapped is schema:
        assert only(schema) == value
    else:
        assert only(wrapped) == {"x": value}


def test_a_schema_that_contains_itself_comes_to_an_end() -> None:
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    assert '"next": null' in json.dumps(only(schema))


@pytest.mark.parametrize(
    "response_format", [{"schema": {"const": 1}}, {"const": 1}, {"json_schema": {"schema": {"const": 1}}}]
)
def test_a_schema_is_found_nested_flat_and_bare(response_format: dict[str, object]) -> None:
    assert example_answers(ITEM, response_format) == ["1"]


def test_a_response_format_without_a_schema_gives_an_answer_all_the_same() -> None:
    assert example_answers(ITEM, {"json_schema": "?"}) == ["null"]


def test_without_a_response_format_the_reference_answer_is_the_guess() -> None:
    made = example_answers({"reference_answer": "law"}, None)
    assert (made[:2], made[-2:]) == (["law", "Answer: law"], ['"law"', '{"answer": "law"}'])
    assert r"\boxed{law}" in made
    listed = example_answers(ITEM, None)
    assert (listed[0], listed[-1]) == ('["trade", "law"]', '{"answer": ["trade", "law"]}')
    assert example_answers({}, None)[0] == "answer"


FIND = {
    "type": "function",
    "name": "find",
    "parameters": {"type": "object", "properties": {"shelf": {"type": "integer"}, "side": {"enum": ["left", "right"]}}},
}
WAIT = {"type": "function", "function": {"name": "wait"}}


def calls(**item: object) -> list[list[tuple[str, object]]]:
    samples = example_samples({"text_input": "?", "tools": [WAIT, FIND, {"type": "web_search"}], **item}, None)
    called = [[call["function"] for call in sample.tool_calls] for sample in samples if sample.tool_calls]
    return [[(each["name"], json.loads(each["arguments"])) for each in one if isinstance(each, dict)] for one in called]


def test_where_a_row_offers_tools_an_answer_may_call_them_as_the_reference_says_or_their_schema() -> None:
    right = {"name": "find", "arguments": {"shelf": 4}}
    guesses = [[("wait", {})], [("find", {"shelf": 1, "side": "right"})]]
    assert calls(side="right") == guesses
    assert calls(side="right", reference_answer=right) == [[("find", {"shelf": 4})], *guesses[::-1]]
    assert calls(reference_answer=[right, "wait"])[0] == [("find", {"shelf": 4}), ("wait", {})]
    assert calls(reference_answer="wait")[0] == [("wait", {})]
    assert calls(reference_answer={"name": "fly"}) == calls(reference_answer="fly") == calls()


def test_without_tools_there_are_only_texts() -> None:
    assert [sample.output_text for sample in example_samples(ITEM, None)] == example_answers(ITEM, None)
