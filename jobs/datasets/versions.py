"""Writes a changed copy of a task beside it, as a task of its own. What is there already is never touched."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from jobs.errors import Conflict, InvalidRequest
from jobs.tasks import Row, Task, TaskCatalogue
from jobs.tasks.files import SPLIT_FILE, TaskFolder

SCHEMA_FILE = "response_format.json"
_MANIFEST = "task.yaml"
_VERSION = re.compile(r"-(?:balanced|named|data)-[0-9]+$")
_LONGEST_NAME = 64
_TRIES = 20


def write_version(task: Task, kind: str, changes: Mapping[str, bytes], leave_out: Collection[str] = ()) -> str:
    """Write a copy of a task with some files changed, and return its name: `<task>-<kind>-<n>`.

    Models are asked by it as by the first: its response format keeps its name, which platforms are sent too.
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
    root, base = task.folder.parent, _VERSION.sub("", task.name)
    changes = {SCHEMA_FILE: schema_file(task.response_format), **changes}
    content = {**_copied(task, {*leave_out, *changes}), **changes}
    name = _free_name(root, base, kind)
    try:
        making = Path(tempfile.mkdtemp(prefix=".making-", dir=root))
    except OSError as error:
        raise _unwritable(error) from error
    try:
        _write(making / name, content)
        _read_back(making, name)
        return _published(making / name, root, base, kind)
    except OSError as error:
        raise _unwritable(error) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)


def jsonl(rows: Iterable[Row]) -> bytes:
    """Return the rows as a split's file, each with an id; one that is there already gets a number behind it."""
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


def _free_name(root: Path, base: str, kind: str) -> str:
    taken = [int(path.name.rpartition("-")[2]) for path in root.glob(f"{base}-{kind}-*") if path.name[-1].isdecimal()]
    name = f"{base}-{kind}-{max(taken, default=0) + 1}"
    if len(name) > _LONGEST_NAME:
        raise InvalidRequest(
            f"A version of this task would be called {name}, with {len(name)} characters; at most {_LONGEST_NAME} are "
            "allowed. Rename the task's folder."
        )
    return name


def _write(folder: Path, content: Mapping[str, bytes]) -> None:
    for file, data in content.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _read_back(making: Path, name: str) -> None:
    catalogue = TaskCatalogue(making)
    made = catalogue.load(name)
    for split in made.splits:
        catalogue.rows(made, split)


def _published(folder: Path, root: Path, base: str, kind: str) -> str:
    """Rename the folder to the next free name; of two that are written at once, one takes the number after."""
    for _ in range(_TRIES):
        name = _free_name(root, base, kind)
        try:
            folder.rename(root / name)
        except OSError:
            if not (root / name).exists():
                raise
        else:
            return name
    raise Conflict("Other versions of this task are being written at the same time; ask again.")


def _unwritable(error: OSError) -> InvalidRequest:
    return InvalidRequest(f"The tasks folder cannot be written to ({os.strerror(error.errno or 0)}).")
