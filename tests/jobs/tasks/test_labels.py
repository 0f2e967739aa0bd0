"""Where labels are found in references and answers, and how they are renamed."""

import json

import pytest

from jobs.tasks.labels import answer_lists, labels_of, reference_labels, renamed


@pytest.mark.parametrize(
    ("reference", "labels"),
    [
        (["b", "a", "b"], ("b", "a")),
        ([" a "], ("a",)),
        ("law", ("law",)),
        ("  ", ()),
        ([], ()),
        ([{"code": "1", "why": "x"}, {"code": "2"}], ("1", "2")),
        ([7, 8], ("7", "8")),
        ({"level1": [{"code": "1"}]}, ("1",)),
        ({"level1": ["a"], "note": "clear"}, ("a",)),
        ('["b", "a"]', ("b", "a")),
        ('{"domains": ["a"]}', ("a",)),
        ('"3', ('"3',)),
        (["a", " ", ""], ("a",)),
        (["a", 1.5], None),
        ({"text": "prose"}, None),
        ('{"a": ["b"], "c": ["d"]}', None),
        ({"a": ["b"], "c": ["d"]}, None),
        ([["a"]], None),
        ([True], None),
        (None, None),
        (3.5, None),
        (0, ("0",)),
        (False, ("false",)),
    ],
)
def test_labels_are_read_from_every_usual_shape(reference: object, labels: tuple[str, ...] | None) -> None:
    assert labels_of(reference) == labels


@pytest.mark.parametrize(
    ("reference", "labels"),
    [
        (["law", " finance ", ""], {"law", "finance"}),
        ([], set()),
        ('["law"]', {"law"}),
        ({"domains": ["law"], "note": "clear"}, {"law"}),
        ([{"code": "3221", "why": "it says so"}, {"code": "44"}], {"3221", "44"}),
        ([{"id": 7}, {"id": 9}], {"7", "9"}),
        ([3221, 44], {"3221", "44"}),
        (("law", "law"), {"law"}),
    ],
)
def test_a_reference_that_is_a_set_of_labels_is_read(reference: object, labels: set[str]) -> None:
    assert reference_labels(reference) == frozenset(labels)


@pytest.mark.parametrize(
    "reference",
    ["Paris", None, 4, {"a": ["x"], "b": ["y"]}, {"answer": "law"}, [[1.5, 2.5]], [1.5], [True], "[" * 100_000],
)
def test_any_other_reference_is_none(reference: object) -> None:
    assert reference_labels(reference) is None


def test_lists_in_an_answer_are_found_by_their_field() -> None:
    answer = {"domains": ["law"], "because": {"quotes": []}, "sure": [0.4], "n": 3}

    assert answer_lists(json.dumps(answer)) == {"domains": {"law"}, "because.quotes": frozenset()}
    assert answer_lists("I think it is law.") == {}
    assert answer_lists("null") == {}


@pytest.mark.parametrize(
    ("reference", "after"),
    [
        (["1", "2"], ["one", "2"]),
        ("1", "one"),
        ("", ""),
        ([{"code": 1, "why": "x"}, {"other": 2}], [{"code": "one", "why": "x"}, {"other": 2}]),
        ({"level1": [1]}, {"level1": ["one"]}),
        ({"note": "1", "level1": {"codes": [1]}}, {"note": "1", "level1": {"codes": ["one"]}}),
        ('["1", "2"]', '["one", "2"]'),
        ({"a": ["1"], "b": ["1"]}, {"a": ["1"], "b": ["1"]}),
        (None, None),
    ],
)
def test_renaming_keeps_the_shape(reference: object, after: object) -> None:
    assert renamed(reference, lambda label: {"1": "one"}.get(label, label)) == after
