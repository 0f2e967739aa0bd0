import pytest

from jobs.graders.sandbox.errors import GradingError
from jobs.graders.sandbox.sample import sample_of
from jobs.graders.sandbox.template import BadTemplate, check_template
from jobs.graders.sandbox.template import fill as fill_template

ITEM = {
    "id": "a",
    "deep": {"list": [1, {"x": "y"}], "none": None, "flag": True, "0": "zero"},
    "sneaky": "{{ item.id }}",
    "a-b": 2.5,
    "words": ["ü", "\u05d0"],
}
SAMPLE = sample_of('{"z": [{"q": "first"}], "n": 3}')


def fill(text: str, output: str | None = None) -> str:
    check_template(text)
    return fill_template(text, SAMPLE if output is None else sample_of(output), ITEM)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain { text } }}", "plain { text } }}"),
        ("{{item.id}}", "a"),
        ("<{{ item.id }}|{{  item.id  }}>", "<a|a>"),
        ("{{ item.deep.list[0] }}", "1"),
        ("{{ item.deep.list[1].x }}", "y"),
        ("{{ item.deep.list.1.x }}", "y"),
        ("{{ item.deep[0] }}", "zero"),
        ("{{ item.deep.none }}", "null"),
        ("{{ item.deep.flag }}", "true"),
        ("{{ item.a-b }}", "2.5"),
        ("{{ item.words }}", '["ü", "\u05d0"]'),
        ("{{ item.sneaky }}", "{{ item.id }}"),
        ("{{ sample.output_json.z[0].q }} of {{ sample.output_json.n }}", "first of 3"),
        ("{{ sample.output_json.z }}", '[{"q": "first"}]'),
        ("{{ sample.choices[0].message.content }}", '{"z": [{"q": "first"}], "n": 3}'),
    ],
)
def test_placeholders_are_filled(text: str, expected: str) -> None:
    assert fill(text) == expected


def test_an_answer_is_never_read_as_a_template() -> None:
    answer = "{{ item.id }} \U0001f600 \u202e \ud83d"
    assert fill("[{{ sample.output_text }}]", answer) == f"[{answer}]"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ }}", "is not a path"),
        ("{{ item. }}", "is not a path"),
        ("{{ item['a'] }}", "is not a path"),
        ("{{ item.list[-1] }}", "is not a path"),
        ('{{"a": 1}}', "is not a path"),
        ("{{ item.id | upper }}", "is not a path"),
        ("{{ reference }}", "must begin with item or sample"),
        ("{{ items.id }}", "must begin with item or sample"),
        ("{{ sample }}", "a sample has choices, output_text"),
        ("{{ sample.text }}", "a sample has choices, output_text"),
        ("{{ sample[0] }}", "a sample has choices, output_text"),
    ],
)
def test_a_placeholder_that_can_never_be_filled_is_found_beforehand(text: str, says: str) -> None:
    with pytest.raises(BadTemplate) as failure:
        check_template(f"before {text} after")
    assert says in str(failure.value)


@pytest.mark.parametrize(
    ("text", "output", "kind", "says"),
    [
        ("{{ item.nope }}", "", "invalid_variable_error", "there is no item.nope; the item has id, deep"),
        ("{{ item.deep.list[2] }}", "", "invalid_variable_error", "no item.deep.list[2]; item.deep.list has 2 entries"),
        ("{{ item.id.x }}", "", "invalid_variable_error", "no item.id.x; item.id has no fields"),
        ("{{ item.words.x }}", "", "invalid_variable_error", "item.words has 2 entries"),
        ("{{ item.deep.none.x }}", "", "invalid_variable_error", "item.deep.none has no fields"),
        ("{{ item.words.\u00b2 }}", "", "invalid_variable_error", "item.words has 2 entries"),
        ("{{ sample.output_json.z }}", "prose", "sample_parse_error", "the answer is not JSON, so it has no sample.ou"),
        ("{{ sample.output_json.q }}", '{"z": 1}', "invalid_variable_error", "sample.output_json has z"),
        ("{{ sample.output_json.z.y }}", '{"z": null}', "invalid_variable_error", "sample.output_json.z has no fields"),
        ("{{ sample.output_json.z }}", "{}", "invalid_variable_error", "sample.output_json has no fields"),
        ("{{ sample.output_tools[0] }}", "", "invalid_variable_error", "sample.output_tools has 0 entries"),
    ],
)
def test_a_value_that_is_not_there_is_an_error_of_its_kind(text: str, output: str, kind: str, says: str) -> None:
    with pytest.raises(GradingError) as failure:
        fill(text, output)
    assert failure.value.kind == kind
    assert says in failure.value.detail
