"""Labels in references and answers: where they stand, read, and renamed.

A set of labels is a JSON list of texts or whole numbers (`["law", "finance"]`, `[3221]`), or of objects that hold one
(`[{"code": "3221", "why": "..."}]`), alone or as a field of an object (`{"domains": [...]}`), or either as JSON text.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

LABEL_KEYS: Final = ("code", "id", "label", "name")
"""Under which of its keys an object holds its label; the first that is there counts."""
_DEEPEST = 3

Labels = frozenset[str]


def labels_of(reference: object) -> tuple[str, ...] | None:
    """Return the labels of a reference, each once, in its order; None where it holds something else.

    A reference is one set of labels, or a single text, which is one label. Blank labels do not count.
    """
    if isinstance(reference, str):
        value = decoded(reference)
        if not isinstance(value, list | dict):
            return (reference.strip(),) if reference.strip() else ()
        reference = value
    lists = [entries for _path, entries in _lists(reference, "")]
    if len(lists) != 1:
        return None
    found = [_label(entry) for entry in lists[0]]
    labels = [label for label in found if label is not None]
    return tuple(dict.fromkeys(filter(None, labels))) if len(labels) == len(found) else None


def reference_labels(reference: object) -> Labels | None:
    """Return the set of labels of a reference, or None where it is no set: a single text may as well be prose."""
    labels = None if is_single_text(reference) else labels_of(reference)
    return None if labels is None else frozenset(labels)


def is_single_text(reference: object) -> bool:
    """Tell whether a reference is a text that holds no list or object as JSON."""
    return isinstance(reference, str) and not isinstance(decoded(reference), list | dict)


def label_lists(value: object) -> Mapping[str, Labels]:
    """Return every set of labels in decoded JSON by the path of its field (`""` for a bare list), in order.

    Models write what they like: entries that are no labels are left out.
    """
    return {path: frozenset(label for label in map(_label, entries) if label) for path, entries in _lists(value, "")}


def answer_lists(text: str) -> Mapping[str, Labels]:
    """Return every set of labels in an answer; {} where it is not JSON or has none."""
    return label_lists(decoded(text))


def renamed(reference: object, name_of: Callable[[str], str]) -> object:
    """Return the reference with every label renamed, in the shape it had."""
    if isinstance(reference, str):
        value = decoded(reference)
        if isinstance(value, list | dict):
            return json.dumps(renamed(value, name_of), ensure_ascii=False)
        return name_of(reference.strip()) if reference.strip() else reference
    lists = [entries for _path, entries in _lists(reference, "")]
    if len(lists) != 1:
        return reference
    return _with(reference, lists[0], [_renamed_one(entry, name_of) for entry in lists[0]])


def decoded(text: str) -> object:
    """Return what a text holds as JSON, None if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # not JSON, or nested so deeply that it was not meant to be read
        return None


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
    return entry.strip() if isinstance(entry, str) else None


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
