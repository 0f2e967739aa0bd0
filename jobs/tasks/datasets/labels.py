"""The labels of a task's rows: read, counted, and whether they are labels at all."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from jobs.core.labels import is_single_text, labels_of
from jobs.tasks import Row

REFERENCE = "reference_answer"


def row_labels(row: Row) -> tuple[str, ...] | None:
    """Return the labels of a row's reference answer; None where it has none or no set of labels."""
    return labels_of(row.item.get(REFERENCE))


def label_counts(rows: Iterable[Row]) -> dict[str, int]:
    """Return each label with how many rows have it, most frequent first; equals by name."""
    counts = Counter(label for row in rows for label in row_labels(row) or ())
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def imbalance(counts: Mapping[str, int]) -> float | None:
    """Return how many times as often the most frequent label occurs as the rarest; None without labels.

    Infinite where a label is counted 0 times.
    """
    if not counts:
        return None
    fewest = min(counts.values())
    return max(counts.values()) / fewest if fewest else float("inf")


def is_labelled(rows: Sequence[Row]) -> bool:
    """Tell whether the references are labels: all of them readable as such, and single texts come again.

    Free texts differ from one another, so they are no labels even though each could be one.
    """
    found = [row_labels(row) for row in rows]
    if any(labels is None for labels in found):
        return False
    distinct = {label for labels in found for label in labels or ()}
    if not any(is_single_text(row.item.get(REFERENCE)) for row in rows):
        return bool(distinct)
    return 0 < len(distinct) <= max(2, len(rows) // 2)
