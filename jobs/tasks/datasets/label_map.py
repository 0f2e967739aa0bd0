"""A label map gives labels such as `100142` the names that a model can understand, such as `trade`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from charts.wording import listed
from jobs.core.errors import InvalidRequest
from jobs.core.nearest import kind, quoted
from jobs.tasks import Row, Task
from jobs.tasks.files import MIB, TaskFolder, csv_records, decoded, parsed
from jobs.tasks.labels import REFERENCE, label_counts, renamed

LONGEST_MAP = 1 * MIB
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\.(json|csv)")


def read_label_map(content: bytes, where: str) -> dict[str, str]:
    """Read a label map: a JSON object `{"id": "name"}`, or CSV lines `id,name` without a heading.

    Args:
        content: the file's bytes, UTF-8.
        where: what sentences call the file.

    Raises:
        InvalidRequest: it cannot be read, an id is given twice, or two labels would get the same name.
    """
    if len(content) > LONGEST_MAP:
        raise InvalidRequest(
            f"{where} has {len(content) / MIB:.1f} MiB; a label map has at most {LONGEST_MAP // MIB} MiB."
        )
    text = decoded(content, where)
    pairs = _json_pairs(text, where) if text.lstrip().startswith("{") else _csv_pairs(text, where)
    names: dict[str, str] = {}
    by_name: dict[str, str] = {}
    for label, name in pairs:
        if not label or not name:
            raise InvalidRequest(f"{where} has an id or a name that is empty.")
        if label in names:
            raise InvalidRequest(f"{where} has {quoted(label)} twice.")
        if name in by_name:
            both = f"{quoted(by_name[name])} and {quoted(label)}"
            raise InvalidRequest(f"{where} gives {both} the same name, {quoted(name)}; they could not be told apart.")
        names[label], by_name[name] = name, label
    if not names:
        raise InvalidRequest(f"{where} is empty; a label map needs at least one id with its name.")
    return names


def label_map_of(task: Task, file: str) -> dict[str, str]:
    """Read the label map that lies in a task's folder; blocks.

    Raises:
        InvalidRequest: there is no such .json or .csv file in the folder, or it is no label map.
    """
    if not _FILE.fullmatch(file):
        raise InvalidRequest(f"{quoted(file)} is no label map: name a .json or .csv file in the folder of {task.name}.")
    folder = TaskFolder(task.folder.parent, task.name)
    return read_label_map(folder.read(file, LONGEST_MAP), folder.called(file))


def rename_rows(rows: Iterable[Row], names: Mapping[str, str]) -> tuple[Row, ...]:
    """Return the rows with the labels of their references renamed.

    Raises:
        InvalidRequest: the map leaves out a label that occurs.
    """
    every = tuple(rows)
    missing = [label for label in label_counts(every) if label not in names and label not in names.values()]
    if missing:
        unnamed = listed([quoted(label) for label in missing], 5)
        raise InvalidRequest(f"The label map has no name for {unnamed}; add one for every label.")
    return tuple(_renamed_row(row, names) for row in every)


def rename_choices(response_format: Mapping[str, object], names: Mapping[str, str]) -> dict[str, object]:
    """Return a response format with the ids renamed wherever an enum offers them; the rest stays as it is."""
    return {key: _renamed_enums(value, names) for key, value in response_format.items()}


def _renamed_row(row: Row, names: Mapping[str, str]) -> Row:
    if REFERENCE not in row.item:
        return row
    reference = renamed(row.item[REFERENCE], lambda label: names.get(label, label))
    return replace(row, item={**row.item, REFERENCE: reference})


def _renamed_enums(value: object, names: Mapping[str, str]) -> object:
    if isinstance(value, list):
        return [_renamed_enums(each, names) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: [names.get(each, each) if isinstance(each, str) else each for each in inner]
        if key == "enum" and isinstance(inner, list)
        else _renamed_enums(inner, names)
        for key, inner in value.items()
    }


def _json_pairs(text: str, where: str) -> list[tuple[str, str]]:
    value = parsed(text, where)
    if not isinstance(value, dict):
        raise InvalidRequest(f"{where} must hold a JSON object of ids with their names, not {kind(value)}.")
    for label, name in value.items():
        if not isinstance(name, str):
            raise InvalidRequest(f"{where}: the name of {quoted(label)} must be text, not {kind(name)}.")
    return [(label.strip(), name.strip()) for label, name in value.items()]


def _csv_pairs(text: str, where: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for line, fields in csv_records(text, where):
        if len(fields) != 2:
            raise InvalidRequest(f"{where} line {line} has {len(fields)} fields; it needs an id and a name.")
        pairs.append((fields[0], fields[1]))
    return pairs
