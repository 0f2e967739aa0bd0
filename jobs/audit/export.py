"""The trail as a file: JSON lines that can be verified elsewhere, or CSV for a spreadsheet."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final, Literal, get_args

from jobs.trail.entry import SealedEntry

Format = Literal["jsonl", "csv"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
COLUMNS: Final = ("id", "time", "who", "act", "task", "subject", "why", "where", "details", "previous", "hash")
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula."""


def line_of(sealed: SealedEntry, form: Format) -> str:
    """Return one entry as a line with its end.

    A JSON line carries the entry's text as it was sealed: `hash` is SHA-256, or with a key HMAC-SHA256, over
    `previous`, a line feed and `text`.
    """
    return _json(sealed) if form == "jsonl" else _csv(_cells(sealed))


def head_of(form: Format) -> str:
    """Return what a file begins with: the names of the columns, or nothing."""
    return _csv(dict(zip(COLUMNS, COLUMNS, strict=True))) if form == "csv" else ""


def utc(at: float) -> str:
    """Return unix seconds as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(sealed: SealedEntry) -> str:
    entry = sealed.readable
    plain = {
        "id": sealed.id,
        "time": utc(entry.at if entry else sealed.written_at),
        "entry": asdict(entry) if entry else None,
        "text": sealed.text,
        "previous": sealed.previous,
        "hash": sealed.hash,
    }
    return json.dumps(plain, ensure_ascii=False) + "\n"


def _cells(sealed: SealedEntry) -> Mapping[str, str]:
    sealed_as = {"id": sealed.id, "previous": sealed.previous, "hash": sealed.hash}
    entry = sealed.readable
    if entry is None:
        return {**sealed_as, "time": utc(sealed.written_at), "details": sealed.text}
    return {
        **sealed_as,
        "time": utc(entry.at),
        "who": entry.who,
        "act": entry.act.value,
        "task": entry.task,
        "subject": entry.subject,
        "why": entry.why,
        "where": entry.where,
        "details": json.dumps(dict(entry.details), ensure_ascii=False) if entry.details else "",
    }


def _csv(cells: Mapping[str, str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(_harmless(cells.get(column, "")) for column in COLUMNS)
    return line.getvalue()


def _harmless(cell: str) -> str:
    """Return the cell as text that no spreadsheet computes: an apostrophe stands before what looks like a formula."""
    return f"'{cell}" if cell.lstrip(" ").startswith(FORMULA) else cell
