"""A new reference that a person types: read in the form of the old one, refused where the task has no such answer."""

import json

import pytest

from jobs.core.errors import InvalidRequest
from jobs.tasks.datasets.corrections import as_typed, read_reference


def a_format(held: dict[str, object]) -> dict[str, object]:
    schema = {"type": "object", "properties": {"label": held}, "required": ["label"], "additionalProperties": False}
    return {"type": "json_schema", "json_schema": {"name": "small", "strict": True, "schema": schema}}


ONE = a_format({"type": "string", "enum": ["fish", "iron", "milk"]})
SET = a_format({"type": "array", "maxItems": 2, "items": {"type": "string", "enum": ["fish", "iron", "milk"]}})
NUMBER = a_format({"type": "integer", "enum": [0, 1, 2]})


@pytest.mark.parametrize(
    ("typed", "old", "form", "new"),
    [
        (" iron ", "fish", ONE, "iron"),
        ('["iron", "milk"]', ["fish"], SET, ["iron", "milk"]),
        ("iron | milk", ["fish"], SET, ["iron", "milk"]),
        ("iron\nmilk", ["fish"], SET, ["iron", "milk"]),
        ("iron", ["fish"], SET, ["iron"]),
        ("[]", ["fish"], SET, []),
        ("0", 2, NUMBER, 0),
        ("any text", "other text", None, "any text"),
        ('{"label": "iron"}', {"label": "fish"}, ONE, {"label": "iron"}),
        ('["iron"]', '["fish"]', SET, '["iron"]'),
    ],
)
def test_it_is_read_in_the_form_of_the_old_one(
    typed: str, old: object, form: dict[str, object] | None, new: object
) -> None:
    assert read_reference(typed, old, form) == new
    assert read_reference(as_typed(new), old, form) == new


@pytest.mark.parametrize(
    ("typed", "old", "form", "words"),
    [
        ("irn", "fish", ONE, "no 'irn'; did you mean 'iron'"),
        ('["iron", "gold"]', ["fish"], SET, "no 'gold'"),
        ('["iron", "milk", "fish"]', ["fish"], SET, "no answer with 3 labels"),
        ('{"label": "iron"}', ["fish"], SET, "is a list, so the new one must be too; this is an object"),
        ('["iron"', ["fish"], SET, "is not JSON"),
        ("7", 2, NUMBER, "no '7'"),
        ("many", 2, NUMBER, "is not JSON"),
        ('{"label": "gold"}', {"label": "fish"}, ONE, "does not match the task's response format"),
        ("  ", "fish", ONE, "A reference is needed"),
    ],
)
def test_what_the_task_has_no_answer_for_is_refused(
    typed: str, old: object, form: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_reference(typed, old, form)
    assert words in str(refused.value), json.dumps(str(refused.value))
