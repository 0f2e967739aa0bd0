import pytest

from jobs.datasets.labels import imbalance, is_labelled, label_counts, labels_of, renamed
from tests.jobs.datasets.labelled_task import rows_of


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
        ({"text": "prose"}, None),
        ({"a": ["b"], "c": ["d"]}, None),
        ([["a"]], None),
        ([True], None),
        (None, None),
        (3.5, None),
    ],
)
def test_labels_are_read_from_every_usual_shape(reference: object, labels: tuple[str, ...] | None) -> None:
    assert labels_of(reference) == labels


def test_labels_are_counted_once_a_row_most_frequent_first() -> None:
    counts = label_counts(rows_of(["a", "b", "a"], ["c"], ["b"], None))
    assert list(counts.items()) == [("b", 2), ("a", 1), ("c", 1)]


def test_imbalance_is_the_most_frequent_over_the_rarest() -> None:
    assert imbalance({"a": 9, "b": 3}) == 3
    assert imbalance({"a": 9, "b": 0}) == float("inf")
    assert imbalance({}) is None


def test_free_texts_are_no_labels() -> None:
    assert not is_labelled(rows_of("one answer", "another", "a third", "a fourth"))
    assert is_labelled(rows_of("yes", "no", "yes", "yes"))
    assert is_labelled(rows_of(["a"], ["b"], ["c"], []))
    assert not is_labelled(rows_of(["a"], None))
    assert not is_labelled([])


@pytest.mark.parametrize(
    ("reference", "after"),
    [
        (["1", "2"], ["one", "2"]),
        ("1", "one"),
        ("", ""),
        ([{"code": 1, "why": "x"}, {"other": 2}], [{"code": "one", "why": "x"}, {"other": 2}]),
        ({"level1": [1]}, {"level1": ["one"]}),
        (None, None),
    ],
)
def test_renaming_keeps_the_shape(reference: object, after: object) -> None:
    assert renamed(reference, lambda label: {"1": "one"}.get(label, label)) == after
