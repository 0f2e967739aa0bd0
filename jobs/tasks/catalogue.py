"""Finds task folders under one root and reads them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from jobs.core.errors import Conflict, InvalidRequest, NotFound
from jobs.core.nearest import nearest, quoted
from jobs.graders import parse_grader
from jobs.tasks.files import SPLIT_FILE, TaskFolder, digest
from jobs.tasks.manifest import Manifest, read_manifest
from jobs.tasks.oversight import check_graders
from jobs.tasks.records import Row, Task
from jobs.tasks.rows import read_rows, write_training_rows
from jobs.tasks.schema import response_format

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_USUAL_SPLITS = ("train", "valid", "test")  # in this order; any others follow
_MANIFEST, _SCHEMA = "task.yaml", "response_format.json"


class TaskCatalogue:
    """The tasks under one folder; every call reads the files anew, so an edited task needs no restart.

    Args:
        root: the folder that holds one folder a task.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> tuple[str, ...]:
        """Names of all folders with a task.yaml, sorted; a broken task is listed too, so that it can be explained."""
        return tuple(name for name in self._candidates() if _NAME.fullmatch(name))

    def load(self, name: str) -> Task:
        """Read one task; raise NotFound naming the nearest task, or InvalidRequest naming file, line and field."""
        folder = self._folder(name)
        manifest = read_manifest(folder.text(_MANIFEST), folder.called(_MANIFEST), name)
        schema = folder.json_object(_SCHEMA)
        prompts, graders, splits = _prompts(folder), _graders(folder), _splits(folder)
        reward = _reward(manifest, graders, folder)
        check_graders(manifest.oversight, graders, reward, manifest.page)
        digests = {file: sha for file, sha in folder.digests.items() if file != _MANIFEST}
        return Task(
            name=name,
            title=manifest.title,
            description=manifest.description,
            folder=folder.path,
            splits={split: folder.path / file for split, file in splits.items()},
            prompts=prompts,
            default_prompt=_default_prompt(manifest, prompts),
            response_format=response_format(schema, folder.called(_SCHEMA), name),
            graders=graders,
            reward=reward,
            defaults=manifest.defaults,
            approvers=manifest.approvers,
            quorum=manifest.quorum,
            digests=digests,
            version=digest(json.dumps([reward, sorted(digests.items())]).encode())[:12],
            oversight=manifest.oversight,
        )

    def rows(self, task: Task, split: str) -> tuple[Row, ...]:
        """Read a split of a loaded task; raise Conflict where the file has changed since the task was loaded."""
        if split not in task.splits:
            raise NotFound(f"{task.name} has no split {quoted(split)}; {nearest(split, task.splits)}")
        folder, file = TaskFolder(self._root, task.name), task.splits[split].name
        content = folder.read(file, SPLIT_FILE)
        if folder.digests[file] != task.digests[file]:
            raise Conflict(f"{folder.called(file)} has changed since the task was read; ask again.")
        return read_rows(content, folder.called(file), split)

    def training_rows(self, task: Task, split: str, prompt: str | None = None) -> bytes:
        """Return a split as the JSONL file that reinforcement fine-tuning takes; prompt None is the task's default."""
        return write_training_rows(task, self.rows(task, split), prompt)

    def _folder(self, name: str) -> TaskFolder:
        found = self._candidates()
        if name not in found:
            raise NotFound(f"There is no task {quoted(name)}; {nearest(name, self.names())}")
        if not _NAME.fullmatch(name):
            raise InvalidRequest(f"The task folder {quoted(name)} needs a name of letters, digits, '-' and '_' only.")
        return TaskFolder(self._root, name)

    def _candidates(self) -> list[str]:
        if not self._root.is_dir():
            return []
        return sorted(path.parent.name for path in self._root.glob(f"*/{_MANIFEST}"))


def _prompts(folder: TaskFolder) -> dict[str, str]:
    prompts = {PurePosixPath(file).stem: folder.text(file).strip() for file in folder.listing("prompts/*.md")}
    for version, text in prompts.items():
        if not text:
            raise InvalidRequest(f"{folder.called(f'prompts/{version}.md')} is empty.")
    return {version: prompts[version] for version in sorted(prompts, key=_natural)}


def _natural(version: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", version)]


def _default_prompt(manifest: Manifest, prompts: Mapping[str, str]) -> str:
    if manifest.prompt is None:
        return list(prompts)[-1] if prompts else ""
    if manifest.prompt not in prompts:
        manifest.page.refuse(
            "prompt",
            f"names {quoted(manifest.prompt)}, but prompts/{manifest.prompt}.md is missing; "
            f"{nearest(manifest.prompt, prompts)}",
        )
    return manifest.prompt


def _graders(folder: TaskFolder) -> dict[str, Mapping[str, object]]:
    graders: dict[str, Mapping[str, object]] = {}
    for file in folder.listing("graders/*.json"):
        where, definition = folder.called(file), folder.json_object(file)
        name = parse_grader(definition, f"{where}: grader").name
        if name in graders:
            raise InvalidRequest(f"{where}: field 'name' is {quoted(name)}, which another grader of this task has.")
        graders[name] = definition
    if not graders:
        raise InvalidRequest(f"{folder.called('graders')} has no grader; add one as graders/<name>.json.")
    return graders


def _reward(manifest: Manifest, graders: Mapping[str, object], folder: TaskFolder) -> str:
    if manifest.reward is None:
        if len(graders) == 1:
            return next(iter(graders))
        raise InvalidRequest(f"{folder.called(_MANIFEST)} needs 'reward': one of {', '.join(graders)}.")
    if manifest.reward not in graders:
        manifest.page.refuse(
            "reward",
            f"names {quoted(manifest.reward)}, which is no grader of this task; {nearest(manifest.reward, graders)}",
        )
    return manifest.reward


def _splits(folder: TaskFolder) -> dict[str, str]:
    found = {PurePosixPath(file).stem: file for file in folder.listing("*.jsonl")}
    splits = {split: found[split] for split in (*(usual for usual in _USUAL_SPLITS if usual in found), *found)}
    if not splits:
        raise InvalidRequest(f"{folder.called('train.jsonl')} is missing; a task needs at least one split.")
    for file in splits.values():
        folder.read(file, SPLIT_FILE)
    return splits
