"""The file of an eval: every answer as a line of JSON, written as soon as it is graded or has failed, never changed.

    <base>/<eval id>/answers.jsonl       one Answer a line
    <base>/<eval id>/items.jsonl         one Item a line, as it was when the eval began

The last line may be torn by a crash: it is left out on reading and mended before anything is added.
"""

import fcntl
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from jobs.core.errors import NotFound
from jobs.evals.records import Answer

BLOCK: Final = 1024 * 1024
OURS_ONLY: Final = 0o700
"""Answers may quote what is nobody else's business on a shared machine."""

_answers: Final = TypeAdapter(Answer)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Item:
    """What an eval's answers were given to, kept beside them: the task may change, the report must not."""

    id: str
    input: str
    """The text that the model was shown after the prompt."""
    reference: object = None
    """The item's `reference_answer`, as JSON has it; None where it has none."""


_items: Final = TypeAdapter(Item)


class Taken(Exception):
    """Another has the file open for adding."""


class RowFile(Protocol):
    """The answers of one eval, open for adding. Calls block; the loop uses a thread."""

    def append(self, answers: Sequence[Answer]) -> None:
        """Put answers on file; when this returns they survive the end of this process and of the machine."""
        ...

    def close(self) -> None:
        """Add nothing more."""
        ...


class RowStore(Protocol):
    """Where evals keep their rows. Calls block; the loop uses a thread."""

    def open(self, eval_id: str) -> RowFile:
        """Open an eval's answers for adding; raises Taken where another has them open."""
        ...

    def answers(self, eval_id: str) -> Iterator[Answer]:
        """Yield every answer on file, in the order in which they came; each item, arm and run once."""
        ...

    def keep_items(self, eval_id: str, items: Iterable[Item]) -> None:
        """Keep the items as they are now, unless some are kept already."""
        ...

    def items(self, eval_id: str) -> Iterator[Item]:
        """Yield the items that were kept; raises NotFound where there are none."""
        ...


class LocalRows:
    """A RowStore in a folder of this machine.

    Args:
        base: the folder that holds one folder an eval; made when first needed.
    """

    def __init__(self, base: Path) -> None:
        self._base = base

    def open(self, eval_id: str) -> "LocalRowFile":
        """See `RowStore.open`."""
        folder = self._base / eval_id
        folder.mkdir(parents=True, exist_ok=True, mode=OURS_ONLY)
        return LocalRowFile(folder / "answers.jsonl")

    def answers(self, eval_id: str) -> Iterator[Answer]:
        """See `RowStore.answers`."""
        path = self._base / eval_id / "answers.jsonl"
        return each_once(read_answers(_whole_lines(path)) if path.exists() else iter(()))

    def keep_items(self, eval_id: str, items: Iterable[Item]) -> None:
        """See `RowStore.keep_items`."""
        folder = self._base / eval_id
        folder.mkdir(parents=True, exist_ok=True, mode=OURS_ONLY)
        path = folder / "items.jsonl"
        if path.exists():
            return
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as file:
            file.writelines(line_of(item) for item in items)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)

    def items(self, eval_id: str) -> Iterator[Item]:
        """See `RowStore.items`."""
        path = self._base / eval_id / "items.jsonl"
        if not path.exists():
            raise NotFound(f"The items of {eval_id} are not on this machine.")
        return read_items(_whole_lines(path))


class LocalRowFile:
    """A RowFile on this machine; see there."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._one_at_a_time = threading.Lock()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise Taken(str(path)) from None
        _mend(path)

    def append(self, answers: Sequence[Answer]) -> None:
        """See `RowFile.append`."""
        lines = b"".join(map(line_of, answers))
        with self._one_at_a_time:
            self._file.write(lines)
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """See `RowFile.close`; what another thread is writing is finished first."""
        with self._one_at_a_time:
            self._file.close()


def line_of(row: Answer | Item) -> bytes:
    """Return a row as its line."""
    return (_answers.dump_json(row) if isinstance(row, Answer) else _items.dump_json(row)) + b"\n"


def each_once(answers: Iterable[Answer]) -> Iterator[Answer]:
    """Leave out an answer to an item, arm and run that came before: two bots may have overlapped for a moment."""
    seen: set[tuple[str, str, int]] = set()
    for answer in answers:
        cell = (answer.item, answer.arm, answer.run)
        if cell not in seen:
            seen.add(cell)
            yield answer


def read_answers(lines: Iterable[bytes]) -> Iterator[Answer]:
    """Yield the answer of each line, without the lines that were torn."""
    return _read(_answers, lines)


def read_items(lines: Iterable[bytes]) -> Iterator[Item]:
    """Yield the item of each line."""
    return _read(_items, lines)


def _read(adapter: TypeAdapter[T], lines: Iterable[bytes]) -> Iterator[T]:
    for line in lines:
        try:
            yield adapter.validate_json(line)
        except ValidationError:
            continue  # two writers overlapped for a moment; what was cut is asked again


def _whole_lines(path: Path) -> Iterator[bytes]:
    """Yield each line that ends, so without a torn last one."""
    with path.open("rb") as file:
        yield from (line for line in file if line.endswith(b"\n"))


def _mend(path: Path) -> None:
    """Cut off a torn last line, so that what is added next begins a line of its own."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        keep = end
        while keep > 0:
            start = max(0, keep - BLOCK)
            file.seek(start)
            newline = file.read(keep - start).rfind(b"\n")
            if newline >= 0:
                keep = start + newline + 1
                break
            keep = start
        if keep < end:
            file.truncate(keep)
