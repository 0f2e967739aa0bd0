"""Writes a changed copy of a task next to it, as a task of its own. What is there already is never touched."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jobs.core.errors import Conflict, InvalidRequest
from jobs.tasks import Row, Task, TaskCatalogue
from jobs.tasks.files import SPLIT_FILE, TaskFolder

SCHEMA_FILE = "response_format.json"
_MANIFEST = "task.yaml"
_VERSION = re.compile(r"-(?:balanced|named|data)-[0-9]+$")
_LONGEST_NAME = 64
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Version:
    """A changed copy of a task: `<task>-<kind>-<n>`."""

    name: str
    is_new: bool
    """Whether it was written now; else the very same copy was there already."""


def write_version(task: Task, kind: str, changes: Mapping[str, bytes], leave_out: Collection[str] = ()) -> Version:
    """Write a copy of a task with some files changed, or return the one that has just these files already.

    Asking twice, by hand or because a request was delivered again, therefore makes one version.

    Its response format keeps its name, which platforms see too, so models are asked exactly as before.
    It appears whole or not at all: it is written under a hidden name, read as a task, and then renamed. A version of a
    version takes the first task's name. Blocks; callers on the event loop use `asyncio.to_thread`.

    Args:
        task: what is copied: its manifest, prompts, graders, response format and splits.
        kind: what was done to it: `balanced`, `named` or `data`.
        changes: file (relative to the folder) to its new content; may add files.
        leave_out: files that are not copied.

    Raises:
        Conflict: a file of the task has changed since it was read.
        InvalidRequest: the copy would not be a task, or cannot be written.
    """
    root, base = task.folder.parent, base_name(task.name)
    if task.response_format is not None:
        changes = {SCHEMA_FILE: schema_file(task.response_format), **changes}
    replaced = {path.name for split, path in task.splits.items() if split_file(split) in changes}
    content = {**_copied(task, {*leave_out, *replaced, *changes}), **changes}
    return _made(root, base, content, _Names(f"{base}-{kind}", bare=False))


def publish(root: Path, name: str, content: Mapping[str, bytes], *, may_number: bool) -> Version:
    """Write a task of these files, or return the one that has just these files already; as `write_version` does.

    Args:
        root: the folder of all tasks.
        name: what the task is called.
        content: file (relative to the folder) to its content.
        may_number: whether it may be called `<name>-2` where the name is taken.

    Raises:
        Conflict: the name is taken by another task.
        InvalidRequest: the files are no task, or cannot be written.
    """
    return _made(root, name, content, _Names(name, bare=True, numbered=may_number))


def _made(root: Path, base: str, content: Mapping[str, bytes], names: "_Names") -> Version:
    try:
        making = Path(tempfile.mkdtemp(prefix=".making-", dir=root))
        try:
            _write(making / base, content)
            _read_back(TaskCatalogue(making), base)
            return _published(making / base, root, names, content)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    except OSError as error:
        raise InvalidRequest(f"The tasks folder cannot be written to ({os.strerror(error.errno or 0)}).") from error


def base_name(task: str) -> str:
    """Return the name of the task that a version was made of, in the end; of a task that is none, its own."""
    return _VERSION.sub("", task)


def title_of(name: str, *, is_new: bool) -> str:
    """Return what stands above a message about a version: that it is new, or that nothing was made."""
    return f"New task {name}" if is_new else f"{name} is there already"


def jsonl(rows: Iterable[Row]) -> bytes:
    """Return the rows as a split's file, each with an id; an id that was used before gets a number appended."""
    taken: set[str] = set()
    written: list[str] = []
    for row in rows:
        row_id, again = row.id, 2
        while row_id in taken:
            row_id, again = f"{row.id}-{again}", again + 1
        taken.add(row_id)
        item = {"id": row_id, **{key: value for key, value in row.item.items() if key != "id"}}
        written.append(json.dumps({"item": item}, ensure_ascii=False) + "\n")
    return "".join(written).encode()


def split_file(split: str) -> str:
    """Return the file of a split, relative to its task's folder."""
    return f"{split}.jsonl"


def schema_file(response_format: Mapping[str, object]) -> bytes:
    """Return a response format as the content of its file, with the name it has."""
    return (json.dumps(response_format, ensure_ascii=False, indent=2) + "\n").encode()


def _copied(task: Task, without: Collection[str]) -> dict[str, bytes]:
    folder = TaskFolder(task.folder.parent, task.name)
    content: dict[str, bytes] = {}
    for file in (_MANIFEST, *task.digests):
        if file in without:
            continue
        content[file] = folder.read(file, SPLIT_FILE)
        if file != _MANIFEST and folder.digests[file] != task.digests[file]:
            raise Conflict(f"{folder.called(file)} has changed since the task was read; ask again.")
    return content


@dataclass(frozen=True, slots=True)
class _Names:
    """The names that a task may get: `<stem>-1`, `<stem>-2` and so on; with `bare`, the stem stands for the first."""

    stem: str
    bare: bool
    numbered: bool = True

    def name(self, number: int) -> str:
        return self.stem if self.bare and number == 1 else f"{self.stem}-{number}"

    def taken(self, root: Path) -> dict[int, Path]:
        """Return the folders that have one of the names, by number."""
        numbered = re.compile(rf"{re.escape(self.stem)}-([0-9]+)")
        bare = {1: root / self.stem} if self.bare and (root / self.stem).exists() else {}
        found = [(path, numbered.fullmatch(path.name)) for path in root.iterdir() if self.numbered]
        return {int(known[1]): path for path, known in found if known} | bare


def _found(root: Path, names: _Names, content: Mapping[str, bytes]) -> tuple[str, bool]:
    """Return the task with just this content and True, or the next free name and False; one look at both."""
    taken = names.taken(root)
    same = next((path.name for _number, path in sorted(taken.items()) if _holds(path, content)), None)
    if same is None and taken and not names.numbered:
        raise Conflict(f"There is a task {names.stem} already, and it is another one; choose another name.")
    return same or names.name(max(taken, default=0) + 1), same is not None


def _holds(folder: Path, content: Mapping[str, bytes]) -> bool:
    """Tell whether a folder has these files and no other; hidden ones, such as a file manager's, do not count."""
    try:
        there = {
            path.relative_to(folder).as_posix(): path
            for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }
        return there.keys() == content.keys() and all(
            there[file].stat().st_size == len(data) and there[file].read_bytes() == data
            for file, data in content.items()
        )
    except OSError:  # it cannot be read, so nobody can use it
        return False


def _write(folder: Path, content: Mapping[str, bytes]) -> None:
    for file, data in content.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _read_back(catalogue: TaskCatalogue, name: str) -> None:
    made = catalogue.load(name)
    for split in made.splits:
        catalogue.rows(made, split)


def _published(folder: Path, root: Path, names: _Names, content: Mapping[str, bytes]) -> Version:
    """Rename the folder to the next free name.

    Of two that are written at once one comes too late for its number, and looks again: at the first one's content too.
    """
    for _ in range(_TRIES):
        name, is_same = _found(root, names, content)
        if is_same:
            return Version(name, is_new=False)
        if len(name) > _LONGEST_NAME:
            raise InvalidRequest(
                f"The task would be called {name}, with {len(name)} characters; at most {_LONGEST_NAME} "
                "are allowed. Rename the task's folder."
            )
        try:
            folder.rename(root / name)
        except OSError:
            if not (root / name).exists():
                raise
        else:
            return Version(name, is_new=True)
    raise Conflict("Other versions of this task are being written at the same time; ask again.")
