"""A data set that a person uploaded: checked, and made a split of a new version of a task. Nothing in it is executed.

Blocks; callers on the event loop use `asyncio.to_thread`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from charts.wording import listed
from jobs.core.errors import InvalidRequest
from jobs.core.nearest import quoted
from jobs.graders import parse_grader
from jobs.tasks import Task, TaskCatalogue
from jobs.tasks.datasets.answer_shape import may_hold_many, shape_of
from jobs.tasks.datasets.versions import split_file, title_of, write_version
from jobs.tasks.files import MIB, decoded
from jobs.tasks.labels import label_counts
from jobs.tasks.rows import read_rows, unfed
from jobs.tasks.split_formats import entries_of, is_json_lines

LARGEST_UPLOAD = 64 * MIB
_SPLIT = re.compile(r"[a-z][a-z0-9_]{0,31}")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


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
            unknown = listed([quoted(label) for label in self.unknown], 5)
            said += f" Its response format does not allow {len(self.unknown)} of the labels: {unknown}."
        return said


def check_size(size: int, file_name: str) -> None:
    """Raise InvalidRequest for an upload of so many bytes where it is too large; ask before it is downloaded."""
    if size > LARGEST_UPLOAD:
        raise InvalidRequest(
            f"{quoted(file_name)} has {size / MIB:.1f} MiB; an upload has at most {LARGEST_UPLOAD // MIB} MiB."
        )


def ingest(catalogue: TaskCatalogue, upload: Upload) -> Ingested:
    """Check an upload, write it as a split of a new version of its task, and return what it became.

    A file called *.csv is read as CSV with a heading line, any other as JSON: lines, a list, or an object with one.

    Raises:
        UserError: one sentence, with the line where it is about one.
    """
    if not _SPLIT.fullmatch(upload.split):
        raise InvalidRequest(
            f"split={quoted(upload.split)} is no name for a split; take one such as train, valid or test "
            "(lower-case letters, digits and _)."
        )
    task = catalogue.load(upload.task)
    text, where = _text(upload), upload.file_name
    shape = shape_of(task.response_format)
    many = may_hold_many(task.response_format)
    rows = read_rows(text.encode(), where, upload.split, many=many)
    if missing := next(unfed(parse_grader(task.reward_grader, task.reward), rows), None):
        raise InvalidRequest(missing)
    if not is_json_lines(text) or where.lower().endswith(".csv"):
        items = (value for _number, value in entries_of(text.encode(), where, many=many).values)
        text = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
    labels = label_counts(rows)
    unknown = tuple(label for label in labels if shape and shape.choices and label not in shape.choices)
    version = write_version(task, "data", {split_file(upload.split): text.encode(), "README.md": _readme(task, upload)})
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
    return decoded(upload.content, upload.file_name)


def _readme(task: Task, upload: Upload) -> bytes:
    return (
        f"# {task.title}\n\nA copy of the task `{task.name}`, version {task.version}, with `{upload.split}.jsonl` from "
        f"an uploaded file.\n"
    ).encode()
