"""The labels in a row's reference answer: read, counted, renamed.

A reference is a list of texts or whole numbers, one text, a list of objects such as `{"code": "100142"}`, or one of
these lists under a single key. Anything else holds no labels.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from jobs.tasks import Row

LABEL_KEYS = ("code", "id", "label", "name")
"""Under which of its keys an object holds its label; the first that is there counts."""
REFERENCE = "reference_answer"


def labels_of(reference: object) -> tuple[str, ...] | None:
    """Return the labels of a reference, each once, in its order; None where it holds something else."""
    match reference:
        case str():
            return (reference.strip(),) if reference.strip() else ()
        case list() | tuple():
            found = [_label_of(each) for each in reference]
            labels = [label for label in found if label is not None]
            return tuple(dict.fromkeys(labels)) if len(labels) == len(found) else None
        case Mapping() if len(reference) == 1:
            inner = next(iter(reference.values()))
            return labels_of(inner) if isinstance(inner, list) else None
    return None


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
    if not any(isinstance(row.item.get(REFERENCE), str) for row in rows):
        return bool(distinct)
    return 0 < len(distinct) <= max(2, len(rows) // 2)


def renamed(reference: object, name_of: Callable[[str], str]) -> object:
    """Return the reference with every label renamed, in the shape it had."""
    match reference:
        case str():
            return name_of(reference.strip()) if reference.strip() else reference
        case list() | tuple():
            return [_renamed_one(each, name_of) for each in reference]
        case Mapping() if len(reference) == 1:
            ((key, inner),) = reference.items()
            return {key: renamed(inner, name_of)}
    return reference


def _label_of(value: object) -> str | None:
    if isinstance(value, Mapping):
        value = next((value[key] for key in LABEL_KEYS if key in value), None)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) and value.strip() else None


def _renamed_one(value: object, name_of: Callable[[str], str]) -> object:
    label = _label_of(value)
    if label is None:
        return value
    if not isinstance(value, Mapping):
        return name_of(label)
    key = next(key for key in LABEL_KEYS if key in value)
    return {**value, key: name_of(label)}
