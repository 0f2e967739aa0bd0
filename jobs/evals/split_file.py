"""The items of a split, read from its file one by one, so that memory does not grow with their number."""

import hashlib
import json
import os
from array import array
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO, Final, Literal, Self

from jobs.core.errors import Conflict, InvalidRequest
from jobs.evals.answer_store import Item
from jobs.tasks import Row, Task, TaskCatalogue
from jobs.tasks.datasets.answer_shape import may_hold_many
from jobs.tasks.files import decoded, parsed
from jobs.tasks.rows import OTHER_SPLITS_LIMIT, ROW_LIMITS, rows_of
from jobs.tasks.split_formats import entries_of, is_json_lines

BOM: Final = b"\xef\xbb\xbf"
LONGEST_VALUE: Final = 40
"""Characters of a field by which items are divided into slices."""
HEAD: Final = 1024 * 1024
"""Bytes in which the first line of a split ends, or all of it is looked at."""


class SplitFile:
    """The first items of a split that the task catalogue has read and accepted. Calls block; any thread may read.

    Args:
        task: the task the split belongs to.
        split: its name.
        items: how many items count; None for all.

    Raises:
        Conflict: the file is not the one that `task` was read from.
    """

    def __init__(self, task: Task, split: str, items: int | None = None) -> None:
        path = task.splits[split]
        self._split = split
        self._unit: Literal["line", "row"] = "line"
        self._where = f"{task.name}/{path.name}"
        self._starts, self._sizes, self._numbers = array("Q"), array("L"), array("L")
        self._file: IO[bytes] = path.open("rb")
        digest = self._index(items) if _has_lines(self._file, path.name) else self._rewrite(task, items)
        if digest != task.digests[path.name] or len(self) < (items or 1):
            self._file.close()
            raise Conflict(f"{self._where} was changed while the eval was about to read it; start the eval again.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._starts)

    def size(self, place: int) -> int:
        """Return the bytes of the item at `place`, counted from 0."""
        return self._sizes[place]

    def row(self, place: int) -> Row:
        """Return the item at `place`, counted from 0."""
        line = os.pread(self._file.fileno(), self._sizes[place], self._starts[place])
        number = self._numbers[place]
        value = parsed(decoded(line, self._where), self._where, line=number)
        (row,) = rows_of([(number, value)], self._where, self._split, unit=self._unit)
        return row

    def __iter__(self) -> Iterator[Row]:
        return map(self.row, range(len(self)))

    def _index(self, items: int | None) -> str:
        """Note where each item's line begins; return the SHA-256 of the file's bytes, without a byte order mark."""
        digest, position = hashlib.sha256(), 0
        for number, line in enumerate(self._file, start=1):
            text = line.removeprefix(BOM) if number == 1 else line
            digest.update(text)
            position += len(line)
            if (items is None or len(self) < items) and text.decode(errors="replace").strip():
                self._starts.append(position - len(text))
                self._sizes.append(len(text))
                self._numbers.append(number)
        return digest.hexdigest()

    def _rewrite(self, task: Task, items: int | None) -> str:
        """Write a split of another format as JSON lines into a file of our own; return the SHA-256 of its bytes."""
        with self._file as file:
            content = file.read().removeprefix(BOM)
        self._file = TemporaryFile()  # noqa: SIM115  # open for as long as the items are read
        entries = entries_of(content, self._where, many=may_hold_many(task.response_format))
        self._unit = entries.unit
        for number, value in entries.values:
            if items is None or len(self) < items:
                line = json.dumps(value, ensure_ascii=False).encode() + b"\n"
                self._starts.append(self._file.tell())
                self._sizes.append(len(line))
                self._numbers.append(number)
                self._file.write(line)
        self._file.flush()
        return hashlib.sha256(content).hexdigest()


def _has_lines(file: IO[bytes], name: str) -> bool:
    """Tell whether a split's file can be read line by line; one that cannot is held as a whole."""
    if not name.endswith(".jsonl"):
        return False
    head = file.read(HEAD).removeprefix(BOM).lstrip()
    first, ends, _ = head.partition(b"\n")
    if ends and first.startswith(b"{") and is_json_lines(first.decode(errors="replace")) and _is_json(first):
        file.seek(0)
        return True
    whole = head + file.read()
    file.seek(0)
    return is_json_lines(whole.decode(errors="replace"))


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def check_rows(catalogue: TaskCatalogue, task: Task, split: str) -> tuple[int, Row]:
    """Return how many items a split has, and the first, after reading every line. Blocks; needs little memory.

    Raises:
        UserError: an item cannot be read, or two have the same id; says which.
    """
    try:
        with SplitFile(task, split) as rows:
            ids = {row.id for row in rows}
            if len(ids) == len(rows) <= ROW_LIMITS.get(split, OTHER_SPLITS_LIMIT):
                return len(rows), rows.row(0)
    except InvalidRequest:
        pass
    found = catalogue.rows(task, split)  # holds all of them at once, and says which line is wrong
    return len(found), found[0]


def item_of(row: Row) -> Item:
    """Return the item to keep for a row: its id, the text the model is shown, its reference, and its short fields."""
    return Item(row.id, _shown(row), row.item.get("reference_answer"), _fields(row))


def _fields(row: Row) -> dict[str, str]:
    """Return the fields that hold one short value: a text, a whole number, true or false."""
    others = {name: value for name, value in row.item.items() if name not in {"id", "text_input", "reference_answer"}}
    texts = {name: _value(value) for name, value in others.items() if isinstance(value, str | int)}
    return {name: text for name, text in texts.items() if 0 < len(text) <= LONGEST_VALUE}


def _value(value: str | int) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value)


def _shown(row: Row) -> str:
    if row.messages is None:
        return str(row.item["text_input"])
    texts = []
    for message in row.messages:
        content = message.content
        parts = [content] if isinstance(content, str) else [part.get("text") for part in content]
        texts += [f"{message.role}: {part if isinstance(part, str) else '[image]'}" for part in parts if part != ""]
        if calls := message.more.get("tool_calls"):
            texts.append(f"{message.role} calls: {json.dumps(calls, ensure_ascii=False)}")
    return "\n".join(texts)
