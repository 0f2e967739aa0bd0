"""How a split may be written down: JSON lines, one JSON list, an object that holds one, or CSV."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from jobs.core.errors import InvalidRequest
from jobs.core.nearest import kind
from jobs.tasks.files import csv_records, decoded, lines, parsed
from jobs.tasks.labels import REFERENCE

LIST_KEYS: Final = ("data", "rows", "items", "examples")
"""Under which an object may hold the rows of a split."""
_ROW_KEYS: Final = frozenset({"item", "text_input", "messages"})
_TEXT: Final = "text_input"


@dataclass(frozen=True, slots=True)
class Entries:
    """The values of a split's file, each with its number from 1.

    Attributes:
        unit: what is numbered: the file's lines, or its rows where these are no lines.
    """

    unit: Literal["line", "row"]
    values: Iterator[tuple[int, object]]


def entries_of(content: bytes, where: str, *, many: bool = False) -> Entries:
    """Return what a split's file holds; raise InvalidRequest, now or while it is read, saying where it cannot be.

    Args:
        content: the file's bytes, UTF-8.
        where: the file's name, which tells CSV by its ending.
        many: whether a CSV cell may hold several labels.
    """
    text = decoded(content, where)
    if where.lower().endswith(".csv"):
        return Entries("line", ((line, item) for line, item in csv_items(text, where, many=many)))
    if is_json_lines(text):
        return Entries("line", ((number, parsed(line, where, line=number)) for number, line in lines(text)))
    return Entries("row", iter(enumerate(_list_in(parsed(text, where), where), start=1)))


def is_json_lines(text: str) -> bool:
    """Tell whether a text is to be read line by line, and not as one JSON value."""
    first = text.lstrip().partition("\n")[0]
    if first.startswith("["):
        return False
    if first.startswith("{"):
        with suppress(ValueError, RecursionError):
            return _rows_in(json.loads(first)) is None
        with suppress(ValueError, RecursionError):
            return not json.loads(text)  # one object over many lines
    return True


def _rows_in(value: object) -> list[object] | None:
    """Return the list of rows that an object holds; None where it is a row itself."""
    if not isinstance(value, dict) or _ROW_KEYS & value.keys():
        return None
    held = [value[key] for key in LIST_KEYS if isinstance(value.get(key), list)]
    return held[0] if len(held) == 1 else None


def _list_in(value: object, where: str) -> list[object]:
    found = value if isinstance(value, list) else _rows_in(value)
    if found is None:
        raise InvalidRequest(f"{where} must hold rows, one a line or in one list, not {kind(value)}.")
    return found


# -- CSV --------------------------------------------------------------------------------------------------------------


def csv_items(text: str, where: str, *, many: bool) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield each record after the heading as an item, with its line; an empty cell is left out."""
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    records = csv_records(text, where, delimiter)
    heading = _heading(next(records, (1, [])), where)
    for line, fields in records:
        at = f"{where} line {line}"
        if len(fields) != len(heading):
            raise InvalidRequest(f"{at} has {len(fields)} fields; the heading has {len(heading)}.")
        cells = dict(zip(heading, fields, strict=True))
        item: dict[str, object] = {key: cell for key, cell in cells.items() if cell or key == _TEXT}
        yield line, {**item, REFERENCE: _reference(cells[REFERENCE], at, many=many)}


def _heading(record: tuple[int, list[str]], where: str) -> list[str]:
    line, heading = record
    for needed in (_TEXT, REFERENCE):
        if needed not in heading:
            raise InvalidRequest(f"{where} line {line} needs the columns {_TEXT} and {REFERENCE}; {needed} is missing.")
    if "" in heading or len(set(heading)) < len(heading):
        raise InvalidRequest(f"{where} line {line} has a column without a name, or two of the same name.")
    return heading


def _reference(cell: str, at: str, *, many: bool) -> object:
    """A cell is one label; several are divided by | or ;, or written as a JSON list."""
    if cell.startswith("["):
        return parsed(cell, f"{at}: {REFERENCE}", line=1)
    if not many:
        return cell
    return [label.strip() for label in re.split(r"[|;]", cell) if label.strip()]
