"""Where evals keep their answers and items: a line of JSON each, written once, never changed.

On this machine, under the eval's id in one folder:

    answers.jsonl                         one Answer a line, appended as soon as it is graded or has failed
    items.jsonl                           one Item a line, as it was when the eval began

At an address that fsspec knows (`s3://`, `gs://`, `abfs://`, ...), where nothing can be appended:

    answers-<number>-<writer>.jsonl       the answers of one append; many small files are merged
    items.jsonl

A line that was cut off by a crash is left out on reading; its answer is asked for again.
"""

import fcntl
import importlib
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final, Literal, Protocol, TypeVar, cast
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from jobs.core.errors import ConfigurationError, NotFound
from jobs.evals.records import Answer

PRIVATE: Final = 0o700
"""Answers may quote private data, and the machine may be shared."""
MOST_FILES: Final = 64
"""As many remote files are merged into one: each costs a request when the answers are read."""

T = TypeVar("T")
Kind = Literal["answers", "items"]


@dataclass(frozen=True, slots=True)
class Item:
    """An item of an eval; kept with the answers, because the task may change and the report must not."""

    id: str
    input: str
    """The text that the model was shown after the prompt."""
    reference: object = None
    """The item's `reference_answer` as JSON; None if it has none."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Its other fields that hold one short value, by which items are divided into slices."""


ANSWER: Final = TypeAdapter(Answer)
ITEM: Final = TypeAdapter(Item)


class AlreadyOpen(Exception):
    """Another process has the answers open for appending."""


class AnswerFile(Protocol):
    """The answers of one eval, open for appending. Calls block."""

    def append(self, answers: Sequence[Answer]) -> None:
        """Write answers; when this returns they survive the end of this process and of the machine."""

    def close(self) -> None:
        """Append nothing more."""


class AnswerReader(Protocol):
    """Reads the answers and items of an eval. Calls block."""

    def answers(self, eval_id: str, /) -> Iterable[Answer]:
        """Return every answer in the order it was written; each item, arm and run once."""

    def items(self, eval_id: str, /) -> Iterable[Item]:
        """Return the items; raises NotFound if they are not available."""


class AnswerStore(ABC):
    """Keeps the answers and items of evals. Calls block: use a thread."""

    place = "on this machine"
    """Where they are kept, for people."""

    @abstractmethod
    def open(self, eval_id: str) -> AnswerFile:
        """Open an eval's answers for appending; raises AlreadyOpen if another process has them open."""

    def answers(self, eval_id: str) -> Iterator[Answer]:
        """See `AnswerReader.answers`. Of two answers to one question (two bots overlapped) the first counts."""
        seen: set[tuple[str, str, int]] = set()
        for answer in _parsed(ANSWER, self._read(eval_id, "answers") or ()):
            cell = (answer.item, answer.arm, answer.run)
            if cell not in seen:
                seen.add(cell)
                yield answer

    def items(self, eval_id: str) -> Iterator[Item]:
        """See `AnswerReader.items`."""
        lines = self._read(eval_id, "items")
        if lines is None:
            raise NotFound(f"The items of {eval_id} are not {self.place}.")
        return _parsed(ITEM, lines)

    def keep_items(self, eval_id: str, items: Iterable[Item]) -> None:
        """Write the items as they are now, unless they are on file already."""
        if self._read(eval_id, "items") is None:
            self._write_items(eval_id, _lines(ITEM, items))

    @abstractmethod
    def _read(self, eval_id: str, kind: Kind) -> Iterable[bytes] | None:
        """Return the lines on file, or None if there is no file."""

    @abstractmethod
    def _write_items(self, eval_id: str, lines: Iterable[bytes]) -> None:
        """Write all of them or, if the process dies, none."""


def _parsed(adapter: TypeAdapter[T], lines: Iterable[bytes]) -> Iterator[T]:
    for line in lines:
        try:
            yield adapter.validate_json(line)
        except ValidationError:
            continue  # cut off by a crash, or by two writers that overlapped for a moment


def _lines(adapter: TypeAdapter[T], values: Iterable[T]) -> Iterator[bytes]:
    return (adapter.dump_json(value) + b"\n" for value in values)


# -- on this machine --------------------------------------------------------------------------------------------------


class LocalAnswerStore(AnswerStore):
    """Keeps answers in a folder on this machine, created when first needed."""

    def __init__(self, base: Path) -> None:
        self._base = base

    def open(self, eval_id: str) -> "LocalAnswerFile":
        """See `AnswerStore.open`."""
        return LocalAnswerFile(self._folder(eval_id) / "answers.jsonl")

    def _folder(self, eval_id: str) -> Path:
        folder = self._base / eval_id
        folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        return folder

    def _read(self, eval_id: str, kind: Kind) -> Iterable[bytes] | None:
        path = self._base / eval_id / f"{kind}.jsonl"
        return _file_lines(path) if path.exists() else None

    def _write_items(self, eval_id: str, lines: Iterable[bytes]) -> None:
        unfinished = self._folder(eval_id) / "items.part"
        with unfinished.open("wb") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(unfinished.with_suffix(".jsonl"))


def _file_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


class LocalAnswerFile:
    """An AnswerFile on this machine."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+b")
        self._one_at_a_time = threading.Lock()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise AlreadyOpen(str(path)) from None
        if self._file.seek(0, os.SEEK_END) and os.pread(self._file.fileno(), 1, self._file.tell() - 1) != b"\n":
            self._file.write(b"\n")  # ends what a crash cut off, so that what follows begins a line

    def append(self, answers: Sequence[Answer]) -> None:
        """See `AnswerFile.append`."""
        with self._one_at_a_time:
            self._file.write(b"".join(_lines(ANSWER, answers)))
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """See `AnswerFile.close`; what another thread is writing is finished first."""
        with self._one_at_a_time:
            self._file.close()


# -- at an address ----------------------------------------------------------------------------------------------------


class _FileSystem(Protocol):
    """The part of fsspec's `AbstractFileSystem` that is used; `find` may raise FileNotFoundError."""

    def cat_file(self, path: str) -> bytes: ...
    def pipe_file(self, path: str, value: bytes) -> None: ...
    def find(self, path: str) -> list[str]: ...
    def rm_file(self, path: str) -> None: ...
    def makedirs(self, path: str, exist_ok: bool = False) -> None: ...
    def invalidate_cache(self) -> None: ...


class RemoteAnswerStore(AnswerStore):
    """Keeps answers at an address. The caller's lease must ensure that only one process appends."""

    def __init__(self, files: _FileSystem, base: str) -> None:
        self._files = files
        self._base = base.rstrip("/")
        self.place = f"in {self._base}"

    def open(self, eval_id: str) -> "RemoteAnswerFile":
        """See `AnswerStore.open`."""
        return RemoteAnswerFile(self._files, f"{self._base}/{eval_id}")

    def _read(self, eval_id: str, kind: Kind) -> Iterable[bytes] | None:
        paths = _paths(self._files, f"{self._base}/{eval_id}", kind)
        return chain.from_iterable(self._files.cat_file(path).splitlines() for path in paths) if paths else None

    def _write_items(self, eval_id: str, lines: Iterable[bytes]) -> None:
        """Hold the items in memory while they are sent."""
        folder = f"{self._base}/{eval_id}"
        self._files.makedirs(folder, exist_ok=True)
        self._files.pipe_file(f"{folder}/items.jsonl", b"".join(lines))


class RemoteAnswerFile:
    """An AnswerFile at an address; each `append` is a file of its own."""

    def __init__(self, files: _FileSystem, folder: str) -> None:
        self._files = files
        self._folder = folder
        self._writer = uuid4().hex[:8]
        files.makedirs(folder, exist_ok=True)
        paths = _paths(files, folder, "answers")
        self._next = 1 + int(paths[-1].rpartition("/")[2].split("-")[1]) if paths else 1
        self._merge()

    def append(self, answers: Sequence[Answer]) -> None:
        """See `AnswerFile.append`."""
        self._write(b"".join(_lines(ANSWER, answers)))

    def close(self) -> None:
        """See `AnswerFile.close`."""
        self._merge()

    def _merge(self) -> None:
        """Make one file of many. Interrupted, answers are on file twice, and read once."""
        paths = _paths(self._files, self._folder, "answers")
        if len(paths) < MOST_FILES:
            return
        self._write(b"".join(self._files.cat_file(path) for path in paths))
        for path in paths:
            self._files.rm_file(path)

    def _write(self, content: bytes) -> None:
        self._files.pipe_file(f"{self._folder}/answers-{self._next:08d}-{self._writer}.jsonl", content)
        self._next += 1


def _paths(files: _FileSystem, folder: str, kind: Kind) -> list[str]:
    """Return an eval's files of this kind, in the order in which they were written: their numbers have 8 digits."""
    files.invalidate_cache()
    try:
        return sorted(path for path in files.find(folder) if path.rpartition("/")[2].startswith(kind))
    except FileNotFoundError:
        return []


def remote_answer_store(url: str) -> RemoteAnswerStore:
    """Return the store at an address such as `s3://bucket/evals`.

    Raises:
        ConfigurationError: fsspec, or its part for this kind of address, is not installed, or does not know it.
    """
    try:
        fsspec = importlib.import_module("fsspec")
        files, base = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise ConfigurationError(
            f"EVALS_URL: this address cannot be used ({error}); install fsspec with the package for this kind of "
            "address, or leave it out to keep the answers under PROCTOR_HOME"
        ) from error
    return RemoteAnswerStore(cast("_FileSystem", files), base)
