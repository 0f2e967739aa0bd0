"""Labels in references and answers: where they stand, read, counted and renamed.

A set of labels is a JSON list of texts or whole numbers (`["law", "finance"]`, `[3221]`), or of objects that hold one
(`[{"code": "3221", "why": "..."}]`), alone or as a field of an object (`{"domains": [...]}`), or either as JSON text.
Labels that differ in their Unicode form alone are the same: all are read in NFC.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from jobs.tasks.records import Row

REFERENCE: Final = "reference_answer"
LABEL_KEYS: Final = ("code", "id", "label", "name")
"""The keys under which an object may hold its label; the first one present counts."""
_DEEPEST = 3

Labels = frozenset[str]


def labels_of(reference: object) -> tuple[str, ...] | None:
    """Return the labels of a reference, each once, in its order; None where it holds something else.

    A reference is one set of labels, or a single text, whole number, true or false, which is one label. Blank labels
    do not count.
    """
    if isinstance(reference, str):
        value = _decoded(reference)
        if not isinstance(value, list | dict):
            return (as_label(reference),) if reference.strip() else ()
        reference = value
    if isinstance(reference, int):
        return (json.dumps(reference),)
    lists = [entries for _path, entries in _lists(reference, "")]
    if len(lists) != 1:
        return None
    found = [_label(entry) for entry in lists[0]]
    labels = [label for label in found if label is not None]
    return tuple(dict.fromkeys(filter(None, labels))) if len(labels) == len(found) else None


def as_label(text: str) -> str:
    """Return a text as the label that it is: without spaces around it, in the Unicode form NFC."""
    return unicodedata.normalize("NFC", text.strip())


def reference_labels(reference: object) -> Labels | None:
    """Return the set of labels of a reference, or None where it is no set: a single value may as well be prose."""
    labels = None if is_single(reference) else labels_of(reference)
    return None if labels is None else frozenset(labels)


def is_single(reference: object) -> bool:
    """Tell whether a reference is a whole number, true or false, or a text that holds no list or object as JSON."""
    if isinstance(reference, str):
        return not isinstance(_decoded(reference), list | dict)
    return isinstance(reference, int)


def answer_lists(text: str) -> Mapping[str, Labels]:
    """Return every set of labels in an answer by the path of its field (`""` for a bare list); {} if it is not JSON.

    Models write what they like: entries that are no labels are left out.
    """
    lists = _lists(_decoded(text), "")
    return {path: frozenset(label for label in map(_label, entries) if label) for path, entries in lists}


def answer_values(text: str) -> Mapping[str, Labels]:
    """Return every single value of an answer as a label by the path of its field; of free text, all of it (`""`)."""
    value = _decoded(text)
    if not isinstance(value, dict):
        return {"": frozenset(filter(None, [as_label(value if isinstance(value, str) else text)]))}
    fields = {str(key): inner for key, inner in value.items() if isinstance(inner, str | int)}
    return {key: frozenset(labels_of(inner) or ()) for key, inner in fields.items()}


def classes_of(references: Mapping[str, object]) -> dict[str, Labels]:
    """Return each reference as the one label that it is; {} unless all are single values that come again and again."""
    values = {item: labels_of(reference) if is_single(reference) else None for item, reference in references.items()}
    known = {item: frozenset(labels) for item, labels in values.items() if labels}
    distinct = set().union(*known.values())
    return known if len(known) == len(references) and 2 * len(distinct) <= len(known) else {}


def renamed(reference: object, name_of: Callable[[str], str]) -> object:
    """Return the reference with every label renamed, in the shape it had."""
    if isinstance(reference, str):
        value = _decoded(reference)
        if isinstance(value, list | dict):
            return json.dumps(renamed(value, name_of), ensure_ascii=False)
        return name_of(as_label(reference)) if reference.strip() else reference
    if isinstance(reference, int):
        name = name_of(json.dumps(reference))
        return reference if name == json.dumps(reference) else name
    lists = [entries for _path, entries in _lists(reference, "")]
    if len(lists) != 1:
        return reference
    return _with(reference, lists[0], [_renamed_one(entry, name_of) for entry in lists[0]])


def relabelled(reference: object, labels: Sequence[str]) -> object:
    """Return a reference with other labels in the form it has; as it is where that form cannot hold them."""
    if isinstance(reference, str):
        value = _decoded(reference)
        if isinstance(value, list | dict):
            return json.dumps(relabelled(value, labels), ensure_ascii=False)
        return labels[0] if len(labels) == 1 else reference
    if isinstance(reference, int):
        value = _decoded(labels[0]) if len(labels) == 1 else None
        return value if isinstance(value, int) else reference
    lists = [entries for _path, entries in _lists(reference, "")]
    if len(lists) != 1:
        return reference
    known = {_label(entry): entry for entry in lists[0]}
    pattern = lists[0][0] if lists[0] else ""
    return _with(reference, lists[0], [known[each] if each in known else _entry(each, pattern) for each in labels])


def _entry(label: str, pattern: object) -> object:
    """Return a label as an entry of a list that has entries like `pattern`."""
    if isinstance(pattern, Mapping):
        return {next(key for key in LABEL_KEYS if key in pattern): label}
    return int(label) if isinstance(pattern, int) and label.lstrip("-").isdecimal() else label


def _decoded(text: str) -> object:
    """Return what a text holds as JSON, None if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # not JSON, or nested so deeply that it was not meant to be read
        return None


# -- rows -------------------------------------------------------------------------------------------------------------


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
    """Tell whether the references are labels: all of them readable as such, and single values come again.

    Free texts differ from one another, so they are no labels even though each could be one.
    """
    found = [row_labels(row) for row in rows]
    if any(labels is None for labels in found):
        return False
    distinct = {label for labels in found for label in labels or ()}
    if not any(is_single(row.item.get(REFERENCE)) for row in rows):
        return bool(distinct)
    return 0 < len(distinct) <= max(2, len(rows) // 2)


# -- where labels stand -----------------------------------------------------------------------------------------------


def _lists(value: object, path: str, depth: int = 0) -> Iterator[tuple[str, Sequence[object]]]:
    """Yield the lists in which something is a label, and the empty ones, by the path of their field."""
    if isinstance(value, list | tuple):
        if not value or any(_label(entry) is not None for entry in value):
            yield path, value
    elif isinstance(value, Mapping) and depth < _DEEPEST:
        for key, inner in value.items():
            yield from _lists(inner, f"{path}.{key}" if path else str(key), depth + 1)


def _label(entry: object) -> str | None:
    """Return what an entry of a list is called, "" where it is blank; None where it is no label at all."""
    if isinstance(entry, Mapping):
        entry = next((entry[key] for key in LABEL_KEYS if key in entry), None)
    if isinstance(entry, int) and not isinstance(entry, bool):
        return str(entry)
    return as_label(entry) if isinstance(entry, str) else None


def _with(value: object, old: Sequence[object], new: object) -> object:
    """Return a value with one list in it exchanged."""
    if value is old:
        return new
    return {key: _with(inner, old, new) for key, inner in value.items()} if isinstance(value, Mapping) else value


def _renamed_one(entry: object, name_of: Callable[[str], str]) -> object:
    label = _label(entry)
    if not label:
        return entry
    if not isinstance(entry, Mapping):
        return name_of(label)
    key = next(key for key in LABEL_KEYS if key in entry)
    return {**entry, key: name_of(label)}
