"""Finds task folders under one root and reads them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from jobs.core.errors import Conflict, InvalidRequest, NotFound
from jobs.core.nearest import nearest, quoted
from jobs.core.validation import YamlFile
from jobs.graders import parse_grader, run_elsewhere, with_names
from jobs.tasks.datasets.answer_shape import may_hold_many
from jobs.tasks.files import SPLIT_FILE, TaskFolder, digest
from jobs.tasks.manifest import Manifest, check_graders, no_such_grader, read_manifest
from jobs.tasks.records import LaunchDefaults, Row, Task, headline_of
from jobs.tasks.rows import drawn, read_rows, write_training_rows
from jobs.tasks.schema import response_format

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_USUAL_SPLITS = ("train", "valid", "test")  # in this order; any others follow
_ENDINGS = ("jsonl", "json", "csv")
_MANIFEST, _SCHEMA = "task.yaml", "response_format.json"


class TaskCatalogue:
    """The tasks under one folder; every call reads the files again, so an edited task needs no restart."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def root(self) -> Path:
        """The folder of all tasks."""
        return self._root

    def names(self) -> tuple[str, ...]:
        """Names of all folders with a task.yaml, sorted; a broken task is listed too, so that it can be explained."""
        return tuple(name for name in self._candidates() if _NAME.fullmatch(name))

    def load(self, name: str) -> Task:
        """Read one task; raise NotFound naming the nearest task, or InvalidRequest naming file, line and field."""
        folder = self._folder(name)
        manifest, file = read_manifest(folder.text(_MANIFEST), folder.called(_MANIFEST))
        wanted = _response_format(folder)
        prompts, graders, splits = _prompts(folder), _graders(folder), _splits(folder)
        trained_by = _reward(manifest, graders, file)
        check_graders(manifest, graders, trained_by, file)
        reward = _measured_by(manifest, graders, trained_by, file)
        if manifest.invalid_grade is not None:
            graders[reward] = {**graders[reward], "invalid_grade": manifest.invalid_grade}
        defaults = manifest.defaults
        digests = {relative: sha for relative, sha in folder.digests.items() if relative != _MANIFEST}
        return Task(
            name=name,
            title=manifest.title or name,
            description=manifest.description or "",
            folder=folder.path,
            splits=splits,
            prompts=prompts,
            default_prompt=_default_prompt(manifest, prompts, file),
            response_format=wanted,
            graders=graders,
            reward=reward,
            headline=headline_of(reward, graders, manifest.headline),
            slice_fields=manifest.slice_fields,
            trained_by=trained_by,
            ranges=manifest.ranges,
            defaults=LaunchDefaults(defaults.model, defaults.platform, defaults.hyperparameters.record),
            approvers=manifest.approvers,
            quorum=manifest.quorum,
            digests=digests,
            version=digest(json.dumps([trained_by, sorted(digests.items()), *manifest.scoring]).encode())[:12],
            alerts=manifest.alerts,
            held_out_graders=manifest.held_out_graders,
            guardrails=manifest.guardrails,
            alias=manifest.alias,
            approval=manifest.approval.policy,
            evidence_runs=manifest.evidence.runs,
            lenient_json=manifest.lenient_json,
            calls_a_day=manifest.traffic.calls_per_day,
            instead_of=manifest.traffic.instead_of or "",
            stronger_model=manifest.stronger_model,
            plain_model=manifest.plain_model,
        )

    def rows(self, task: Task, split: str) -> tuple[Row, ...]:
        """Read a split of a loaded task; raise Conflict where the file has changed since the task was loaded."""
        if split not in task.splits:
            raise NotFound(f"{task.name} has no split {quoted(split)}; {nearest(split, task.splits)}")
        folder, file = TaskFolder(self._root, task.name), task.splits[split].name
        content = folder.read(file, SPLIT_FILE)
        if folder.digests[file] != task.digests[file]:
            raise Conflict(f"{folder.called(file)} has changed since the task was read; ask again.")
        return read_rows(content, folder.called(file), split, many=may_hold_many(task.response_format))

    def training_rows(self, task: Task, split: str, prompt: str | None = None, most: int | None = None) -> bytes:
        """Return a split as the JSONL file that reinforcement fine-tuning takes.

        `prompt` None is the task's default; `most` takes so many rows, see `drawn`.
        """
        return write_training_rows(task, drawn(self.rows(task, split), most), prompt)

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


def _response_format(folder: TaskFolder) -> dict[str, object] | None:
    if not folder.listing(_SCHEMA):
        return None
    return response_format(folder.json_object(_SCHEMA), folder.called(_SCHEMA), folder.name)


def _prompts(folder: TaskFolder) -> dict[str, str]:
    prompts = {PurePosixPath(file).stem: folder.text(file).strip() for file in folder.listing("prompts/*.md")}
    for version, text in prompts.items():
        if not text:
            raise InvalidRequest(f"{folder.called(f'prompts/{version}.md')} is empty.")
    return {version: prompts[version] for version in sorted(prompts, key=natural)}


def natural(version: str) -> list[tuple[int, str]]:
    """Return a key that sorts v2 before v10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", version)]


def _default_prompt(manifest: Manifest, prompts: Mapping[str, str], file: YamlFile) -> str:
    named = manifest.prompt
    if named is None:
        return list(prompts)[-1] if prompts else ""
    if named not in prompts:
        missing = f"prompts/{named}.md is missing"
        raise file.error(("prompt",), f"names {quoted(named)}, but {missing}; {nearest(named, prompts)}")
    return named


def _graders(folder: TaskFolder) -> dict[str, Mapping[str, object]]:
    graders: dict[str, Mapping[str, object]] = {}
    for file in folder.listing("graders/*.json"):
        where = folder.called(file)
        definition = with_names(folder.json_object(file), PurePosixPath(file).stem)
        name = parse_grader(definition, f"{where}: grader").name
        if name in graders:
            raise InvalidRequest(f"{where}: field 'name' is {quoted(name)}, which another grader of this task has.")
        graders[name] = definition
    if not graders:
        raise InvalidRequest(f"{folder.called('graders')} has no grader; add one as graders/<name>.json.")
    return graders


def _reward(manifest: Manifest, graders: Mapping[str, object], file: YamlFile) -> str:
    reward = manifest.reward
    if reward is None:
        if len(graders) == 1:
            return next(iter(graders))
        raise InvalidRequest(f"{file.where} needs 'reward': one of {', '.join(graders)}.")
    if reward not in graders:
        raise no_such_grader(file, "reward", reward, graders)
    return reward


def _measured_by(
    manifest: Manifest, graders: Mapping[str, Mapping[str, object]], trained_by: str, file: YamlFile
) -> str:
    """Return the grader by which answers are measured here: the one that training climbs, if it can be run here."""
    here = [name for name, each in graders.items() if run_elsewhere(parse_grader(each, name)) is None]
    named = manifest.measured_by
    if named is not None and (trained_by in here or named not in here):
        why = "which cannot be run here" if named in graders else "which is no grader of this task"
        why = f"but the reward {trained_by} is run here and measures" if trained_by in here else why
        raise file.error(("measured_by",), f"names {quoted(named)}, {why}.")
    if trained_by in here or not here:
        return trained_by
    if named is None and len(here) > 1:
        reason = run_elsewhere(parse_grader(graders[trained_by], trained_by))
        raise InvalidRequest(f"{file.where} needs 'measured_by': one of {', '.join(here)}. {reason}")
    return named or here[0]


def _splits(folder: TaskFolder) -> dict[str, Path]:
    found = {PurePosixPath(file).stem: file for file in folder.listing("*.jsonl")}
    for usual in _USUAL_SPLITS:
        there = [file for ending in _ENDINGS for file in folder.listing(f"{usual}.{ending}")]
        if len(there) > 1:
            raise InvalidRequest(f"{folder.called(there[0])} and {there[1]} are the same split; remove one of them.")
        if not there and folder.listing(f"{usual}.parquet"):
            where = folder.called(f"{usual}.parquet")
            raise InvalidRequest(f"{where} cannot be read; write it as {usual}.jsonl, .json or .csv.")
        found |= dict.fromkeys((usual,), there[0]) if there else {}
    if not found:
        raise InvalidRequest(f"{folder.called('train.jsonl')} is missing; a task needs at least one split.")
    order = dict.fromkeys([*(usual for usual in _USUAL_SPLITS if usual in found), *found])
    for split in order:
        folder.read(found[split], SPLIT_FILE)
    return {split: folder.path / found[split] for split in order}
