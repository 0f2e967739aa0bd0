"""A data set that a person uploaded: checked, and made a split of a new version of a task. Nothing in it is executed.

Blocks; callers on the event loop use `asyncio.to_thread`.
"""

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.core.errors import InvalidRequest
from jobs.core.nearest import quoted
from jobs.tasks import Task, TaskCatalogue
from jobs.tasks.datasets.labels import REFERENCE, label_counts
from jobs.tasks.datasets.shapes import shape_of
from jobs.tasks.datasets.versions import split_file, title_of, write_version
from jobs.tasks.files import MIB, decoded, parsed
from jobs.tasks.rows import read_rows

LARGEST_UPLOAD = 64 * MIB
_SPLIT = re.compile(r"[a-z][a-z0-9_]{0,31}")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"
_TEXT = "text_input"
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was uploaded for a split of a task."""

    task: str
    split: str
    file_name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Ingested:
    """The new version that an upload became."""

    task: str
    """Its name."""
    source: str
    split: str
    rows: int
    labels: Mapping[str, int]
    """Label to rows; for the picture."""
    unknown: tuple[str, ...]
    """Labels that the response format does not allow."""
    is_new: bool = True
    """False where the very same version was there already."""

    @property
    def title(self) -> str:
        """The version's name, and whether it is new."""
        return title_of(self.task, is_new=self.is_new)

    @property
    def sentence(self) -> str:
        """What was made, in words."""
        said = f"{self.task} is {self.source} with {self.rows:,} uploaded rows as {self.split}."
        if self.unknown:
            more = " …" if len(self.unknown) > _NAMED else ""
            listed = ", ".join(quoted(label) for label in self.unknown[:_NAMED])
            said += f" Its response format does not allow {len(self.unknown)} of the labels: {listed}{more}."
        return said


def check_size(size: int, file_name: str) -> None:
    """Raise InvalidRequest for an upload of so many bytes where it is too large; ask before it is downloaded."""
    if size > LARGEST_UPLOAD:
        raise InvalidRequest(
            f"{quoted(file_name)} has {size / MIB:.1f} MiB; an upload has at most {LARGEST_UPLOAD // MIB} MiB."
        )


def ingest(catalogue: TaskCatalogue, upload: Upload) -> Ingested:
    """Check an upload, write it as a split of a new version of its task, and return what it became.

    A file called *.csv is read as CSV with a heading line, any other as JSONL.

    Raises:
        UserError: one sentence, with the line where it is about one.
    """
    if not _SPLIT.fullmatch(upload.split):
        raise InvalidRequest(
            f"split={quoted(upload.split)} is no name for a split; take one such as train, valid or test "
            "(lower-case letters, digits and _)."
        )
    task = catalogue.load(upload.task)
    text = _text(upload)
    if upload.file_name.lower().endswith(".csv"):
        text = _as_jsonl(text, upload.file_name, many=_takes_many(task))
    elif text.lstrip().startswith("["):
        raise InvalidRequest(f"{quoted(upload.file_name)} is one JSON list; write one object a line (JSONL) instead.")
    rows = read_rows(text.encode(), upload.file_name, upload.split)
    shape, labels = shape_of(task.response_format), label_counts(rows)
    choices = shape.choices if shape else ()
    version = write_version(task, "data", {split_file(upload.split): text.encode(), "README.md": _readme(task, upload)})
    unknown = tuple(label for label in labels if label not in choices) if choices else ()
    return Ingested(version.name, task.name, upload.split, len(rows), labels, unknown, version.is_new)


def _text(upload: Upload) -> str:
    check_size(len(upload.content), upload.file_name)
    where = quoted(upload.file_name)
    if upload.content.startswith(_UTF16):
        raise InvalidRequest(f"{where} is UTF-16 text; save it as UTF-8.")
    at = upload.content.find(b"\0")
    if at >= 0:
        line = upload.content.count(b"\n", 0, at) + 1
        raise InvalidRequest(f"{where} line {line} holds a null byte, so it is no text; upload JSONL or CSV as UTF-8.")
    return decoded(upload.content.removeprefix(_BOM), upload.file_name)


def _takes_many(task: Task) -> bool:
    shape = shape_of(task.response_format)
    return shape is not None and shape.many


def _as_jsonl(text: str, where: str, *, many: bool) -> str:
    """Return CSV with a heading line as JSONL; each column is a field of the item."""
    heading_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=heading_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    written: list[str] = []
    first_line: dict[str, int] = {}
    try:
        heading = _heading(next(reader, []), where)
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            at = f"{where} line {reader.line_num}"
            if len(fields) != len(heading):
                raise InvalidRequest(f"{at} has {len(fields)} fields; the heading has {len(heading)}.")
            item = _item(dict(zip(heading, fields, strict=True)), at, many=many)
            if row_id := str(item.get("id", "")):
                if row_id in first_line:
                    raise InvalidRequest(
                        f"{at}: the id {quoted(row_id)} is on line {first_line[row_id]} too; ids must differ."
                    )
                first_line[row_id] = reader.line_num
            written.append(json.dumps({"item": item}, ensure_ascii=False) + "\n")
    except csv.Error as error:
        raise InvalidRequest(f"{where} line {reader.line_num} is not CSV: {error}.") from error
    return "".join(written)


def _heading(fields: list[str], where: str) -> list[str]:
    heading = [field.strip() for field in fields]
    for needed in (_TEXT, REFERENCE):
        if needed not in heading:
            raise InvalidRequest(f"{where} line 1 needs the columns {_TEXT} and {REFERENCE}; {needed} is missing.")
    if "" in heading or len(set(heading)) < len(heading):
        raise InvalidRequest(f"{where} line 1 has a column without a name, or two of the same name.")
    return heading


def _item(fields: Mapping[str, str], at: str, *, many: bool) -> dict[str, object]:
    if not fields[_TEXT].strip():
        raise InvalidRequest(f"{at}: {_TEXT} is blank.")
    given: dict[str, object] = {key: value for key, value in fields.items() if value or key == REFERENCE}
    return {**given, REFERENCE: _reference(fields[REFERENCE].strip(), at, many=many)}


def _reference(cell: str, at: str, *, many: bool) -> object:
    """A cell is one label; several are divided by | or ;, or written as a JSON list."""
    if cell.startswith("["):
        return parsed(cell, f"{at}: {REFERENCE}", line=1)
    if not many:
        return cell
    return [label.strip() for label in re.split(r"[|;]", cell) if label.strip()]


def _readme(task: Task, upload: Upload) -> bytes:
    return (
        f"# {task.title}\n\nA copy of the task `{task.name}`, version {task.version}, with `{upload.split}.jsonl` from "
        f"an uploaded file.\n"
    ).encode()
