from jobs.tasks.labels import imbalance, is_labelled, label_counts
from tests.jobs.tasks.datasets.labelled_task import rows_of


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
    assert is_labelled(rows_of('["a"]', '["b"]', '["c"]'))
    assert not is_labelled(rows_of(["a"], None))
    assert not is_labelled([])
