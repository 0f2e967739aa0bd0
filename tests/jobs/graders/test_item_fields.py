"""What a grader reads of a row, found before an answer is graded to nothing for want of it."""

import pytest

from jobs.graders import Grader, lacking, parse_grader

BODY = "def grade(sample, item):\n    "


def python(body: str) -> Grader:
    return parse_grader({"type": "python", "name": "exact", "source": BODY + body})


def template(reference: str) -> Grader:
    compared = {"operation": "eq", "input": "{{ sample.output_text }}", "reference": reference}
    return parse_grader({"type": "string_check", "name": "exact", **compared})


READS = (
    template("{{ item.reference_answer }}"),
    template("{{item.reference_answer}} and {{ item.id }}"),
    python("return float(sample['output_text'] == item['reference_answer'])"),
    python("return float(sample['output_text'] == item.get('reference_answer'))"),
    python("return float(sample['output_text'] in (item.get('reference_answer') or []))"),
    python("return float(sample['output_text'] in item.get('reference_answer', []))"),
    python("right = item.get('reference_answer') if isinstance(item, dict) else None\n    return float(bool(right))"),
    python("return float(any(each == item['reference_answer'] for each in [sample['output_text']]))"),
)


@pytest.mark.parametrize("grader", READS)
@pytest.mark.parametrize("value", [0, False, "", [], {}, "a"])
def test_any_value_but_null_is_a_reference(grader: Grader, value: object) -> None:
    assert lacking(grader, {"id": "a", "reference_answer": value}) is None


@pytest.mark.parametrize("grader", READS)
@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({"id": "a", "reference_answer": None}, "which is null."),
        ({"id": "a", "text_input": "x"}, "which is not there; there is id, text_input."),
        ({"id": "a", "refrence_answer": "x"}, "which is not there; did you mean item.refrence_answer?"),
        ({"id": "a", "meta": {"reference_answer": "x"}}, "is not there; did you mean item.meta.reference_answer?"),
    ],
)
def test_a_reference_that_cannot_be_found_is_named(grader: Grader, item: dict[str, object], says: str) -> None:
    said = lacking(grader, item)
    assert said is not None
    assert said.startswith("the grader exact reads item.reference_answer, ")
    assert said.endswith(says)


@pytest.mark.parametrize(
    "grader",
    [
        template("{{ item.meta.gold[0].code }}"),
        python("return float(sample['output_text'] == item['meta']['gold'])"),
        python("return float(sample['output_text'] == (item.get('meta') or {}).get('gold', ''))"),
    ],
)
def test_nested_fields_are_followed(grader: Grader) -> None:
    assert lacking(grader, {"meta": {"gold": [{"code": 1}]}}) is None
    assert "item.meta.gold" in (lacking(grader, {"meta": {"other": 1}}) or "")
    assert "did you mean item.gold?" in (lacking(grader, {"gold": 1}) or "") or "code" in str(grader.definition)


@pytest.mark.parametrize(
    "body",
    [
        "return float(item.get('reference_answer') or item.get('answer') or 0)",
        "return item['reference_answer'] if 'reference_answer' in item else 1.0",
        "if 'reference_answer' not in item:\n        return 1.0\n    return item['reference_answer']",
        "return float(item.get('weight', 1.0))",
        "return float(len(item.get('hint') or ''))",
        "return item['reference_answer'] if item['kind'] == 'a' else item['answer']",
        "return float(len(sample['output_text']) < 9)",
        "return dict(item)['reference_answer']",
    ],
)
def test_what_a_grader_can_do_without_is_not_asked_for(body: str) -> None:
    assert lacking(python(body), {"kind": "b", "answer": 1}) is None


def test_each_part_of_a_multi_grader_is_looked_at() -> None:
    parts = {"fine": python("return 1.0").definition, "e": template("{{ item.gold }}").definition}
    definition = {"type": "multi", "name": "sum", "graders": parts, "calculate_output": "fine + e"}
    parts["fine"] = {**parts["fine"], "name": "fine"}
    assert "the grader exact reads item.gold" in (lacking(parse_grader(definition), {"id": "a"}) or "")
