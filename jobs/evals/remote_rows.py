"""Rows of evals behind an address that fsspec knows (`s3://`, `gs://`, `abfs://`, ...), where nothing can be appended.

<base>/<eval id>/answers-<number>-<writer>.jsonl    what was put on file at once; many small ones are merged
<base>/<eval id>/items.jsonl
"""

import importlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol, cast
from uuid import uuid4

from jobs.core.errors import ConfigurationError, NotFound
from jobs.evals.records import Answer
from jobs.evals.rows import Item, each_once, line_of, read_answers, read_items

MANY: Final = 64
"""So many parts, and they become one: each costs a request when the answers are read."""


class FileSystem(Protocol):
    """What is used of an fsspec file system."""

    def cat_file(self, path: str) -> bytes:
        """Return a file's bytes."""
        ...

    def pipe_file(self, path: str, value: bytes) -> None:
        """Write a whole file."""
        ...

    def exists(self, path: str) -> bool:
        """Tell whether there is such a file."""
        ...

    def find(self, path: str) -> list[str]:
        """Return every file under a folder; none where there is no folder."""
        ...

    def rm_file(self, path: str) -> None:
        """Remove a file."""
        ...

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a folder and those above it, where the file system has folders."""
        ...

    def invalidate_cache(self) -> None:
        """Forget listings."""
        ...


class RemoteRows:
    """A RowStore at an address; see `jobs.evals.rows.RowStore`. That only one adds is for the caller's lease to see to.

    Args:
        files: the file system.
        base: the folder in it that holds one folder an eval.
    """

    def __init__(self, files: FileSystem, base: str) -> None:
        self._files = files
        self._base = base.rstrip("/")

    def open(self, eval_id: str) -> "RemoteRowFile":
        """See `RowStore.open`."""
        return RemoteRowFile(self._files, f"{self._base}/{eval_id}")

    def answers(self, eval_id: str) -> Iterator[Answer]:
        """See `RowStore.answers`."""
        paths = parts_of(self._files, f"{self._base}/{eval_id}")
        return each_once(answer for path in paths for answer in read_answers(_lines(self._files, path)))

    def keep_items(self, eval_id: str, items: Iterable[Item]) -> None:
        """See `RowStore.keep_items`. They are held at once while they are sent."""
        path = f"{self._base}/{eval_id}/items.jsonl"
        if not self._files.exists(path):
            self._files.makedirs(f"{self._base}/{eval_id}", exist_ok=True)
            self._files.pipe_file(path, b"".join(map(line_of, items)))

    def items(self, eval_id: str) -> Iterator[Item]:
        """See `RowStore.items`."""
        path = f"{self._base}/{eval_id}/items.jsonl"
        if not self._files.exists(path):
            raise NotFound(f"The items of {eval_id} are not in {self._base}.")
        return read_items(_lines(self._files, path))


class RemoteRowFile:
    """A RowFile at an address; each `append` is a file of its own."""

    def __init__(self, files: FileSystem, folder: str) -> None:
        self._files = files
        self._folder = folder
        self._writer = uuid4().hex[:8]
        files.makedirs(folder, exist_ok=True)
        self._merge()
        known = parts_of(files, folder)
        self._next = _number(known[-1]) + 1 if known else 1

    def append(self, answers: Sequence[Answer]) -> None:
        """See `RowFile.append`."""
        self._files.pipe_file(self._path(self._next), b"".join(map(line_of, answers)))
        self._next += 1

    def close(self) -> None:
        """See `RowFile.close`."""
        self._merge()

    def _merge(self) -> None:
        """Make one part of many. Ended in between, answers are on file twice, and read once."""
        parts = parts_of(self._files, self._folder)
        if len(parts) < MANY:
            return
        merged = b"".join(line for path in parts for line in _lines(self._files, path))
        self._files.pipe_file(self._path(_number(parts[-1]) + 1), merged)
        for path in parts:
            self._files.rm_file(path)

    def _path(self, number: int) -> str:
        return f"{self._folder}/answers-{number:08d}-{self._writer}.jsonl"


def remote_rows(url: str) -> RemoteRows:
    """Return the rows at an address such as `s3://bucket/evals`.

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
    return RemoteRows(cast("FileSystem", files), base)


def parts_of(files: FileSystem, folder: str) -> list[str]:
    """Return the parts of an eval's answers, in the order in which they were written."""
    files.invalidate_cache()
    try:
        found = files.find(folder)
    except FileNotFoundError:
        return []
    return sorted((path for path in found if "/answers-" in path), key=lambda path: (_number(path), path))


def _number(path: str) -> int:
    return int(path.rpartition("/")[2].split("-")[1])


def _lines(files: FileSystem, path: str) -> list[bytes]:
    return [line for line in files.cat_file(path).splitlines(keepends=True) if line.endswith(b"\n")]
