"""The items of a split, read from its file one by one, so that memory does not grow with their number."""

import hashlib
import os
from array import array
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, Self

from jobs.core.errors import Conflict, InvalidRequest
from jobs.evals.answer_store import Item
from jobs.tasks import Row, Task, TaskCatalogue
from jobs.tasks.rows import OTHER_SPLITS_LIMIT, ROW_LIMITS, read_rows

BOM: Final = b"\xef\xbb\xbf"


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
        self._where = f"{task.name}/{path.name}"
        self._starts, self._sizes, self._line_numbers = array("Q"), array("L"), array("L")
        self._file = path.open("rb")
        if self._index(items) != task.digests[path.name] or len(self) < (items or 1):
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
        (row,) = read_rows(line, self._where, self._split)
        return row if "id" in row.item else replace(row, id=f"{self._split}-{self._line_numbers[place]}")

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
                self._line_numbers.append(number)
        return digest.hexdigest()


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
    """Return the item to keep for a row: its id, the text the model is shown, and its reference."""
    return Item(row.id, _shown(row), row.item.get("reference_answer"))


def _shown(row: Row) -> str:
    if row.messages is None:
        return str(row.item["text_input"])
    texts = []
    for message in row.messages:
        content = message.content
        parts = [content] if isinstance(content, str) else [part.get("text") for part in content]
        texts += [f"{message.role}: {part if isinstance(part, str) else '[image]'}" for part in parts]
    return "\n".join(texts)
