"""A split with some rows dropped and some references corrected, as a new version of its task.

Blocks; callers on the event loop use `asyncio.to_thread`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from jsonschema import Draft202012Validator

from charts.wording import counted
from jobs.core.errors import Conflict, InvalidRequest
from jobs.core.nearest import kind, nearest, quoted
from jobs.tasks import Row, Task, TaskCatalogue
from jobs.tasks.datasets.answer_shape import shape_of
from jobs.tasks.datasets.versions import jsonl, split_file, title_of, write_version
from jobs.tasks.files import parsed
from jobs.tasks.labels import REFERENCE, labels_of, relabelled


@dataclass(frozen=True, slots=True)
class Corrections:
    """What is to be changed in a split, and why."""

    task: str
    version: str
    """Of the task that they are about."""
    split: str
    why: str
    """What they rest on, to follow "after": `the variance study eval-abc234`."""
    dropped: Mapping[str, str]
    """Row id to who decided that."""
    fixed: Mapping[str, tuple[object, str]]
    """Row id to its new reference, and to who decided that."""
    kept: Mapping[str, str] = field(default_factory=dict)
    """Rows that were doubted: id to who decided that they are right."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """The new version that corrections became."""

    task: str
    """Its name."""
    source: str
    split: str
    rows: int
    dropped: int
    fixed: int
    is_new: bool = True
    """False where the very same version was there already."""

    @property
    def title(self) -> str:
        """The version's name, and whether it is new."""
        return title_of(self.task, is_new=self.is_new)

    @property
    def sentence(self) -> str:
        """What was made, in words."""
        kept = self.rows - self.fixed
        return f"{self.task} is {self.source} with {self.split} corrected: {_counts(kept, self.dropped, self.fixed)}."


def correct(catalogue: TaskCatalogue, wanted: Corrections) -> Corrected:
    """Write a new version of a task with a corrected split; its README names each change and who decided it.

    Raises:
        UserError: the task has changed since, nothing is to be changed, or nothing would be left.
    """
    if not wanted.dropped and not wanted.fixed:
        raise InvalidRequest("Nothing is to be dropped or fixed, so there is no new version to make.")
    task = catalogue.load(wanted.task)
    if task.version != wanted.version:
        raise Conflict(f"The files of {task.name} were changed since the items were looked at; evaluate it again.")
    before = catalogue.rows(task, wanted.split)
    after = [_fixed(row, wanted) for row in before if row.id not in wanted.dropped]
    if not after:
        raise InvalidRequest(f"No row of {wanted.split} would be left; keep or fix some.")
    fixed = sum(row.id in wanted.fixed for row in after)
    made = Corrected(task.name, task.name, wanted.split, len(after), len(before) - len(after), fixed)
    changes = {split_file(wanted.split): jsonl(after), "README.md": _readme(task, wanted, made, before)}
    version = write_version(task, "data", changes)
    return replace(made, task=version.name, is_new=version.is_new)


def read_reference(text: str, old: object, response_format: Mapping[str, object] | None) -> object:
    """Return what a person typed as a row's new reference, checked against the old one and the response format.

    Args:
        text: JSON; several labels may be divided by |, ; or lines, and a text stands for itself.
        old: the reference that it replaces, whose form it takes.
        response_format: of the task.

    Raises:
        InvalidRequest: in a sentence.
    """
    new = _typed(text.strip(), old)
    if type(new) is not type(old) and not (isinstance(new, int | float) and isinstance(old, int | float)):
        raise InvalidRequest(f"The reference is {kind(old)}, so the new one must be too; this is {kind(new)}.")
    shape = shape_of(response_format)
    labels = labels_of(new)
    if shape and shape.is_sure and labels_of(old) is not None and labels is not None:
        for label in labels:
            if shape.choices and label not in shape.choices:
                raise InvalidRequest(f"The response format has no {quoted(label)}; {nearest(label, shape.choices)}")
        if (len(labels) > 1 and not shape.many) or not _is_valid(json.loads(shape.answer(labels)), response_format):
            raise InvalidRequest(f"The response format allows no answer with {counted(len(labels), 'label')}.")
    elif _is_valid(old, response_format) and not _is_valid(new, response_format):
        raise InvalidRequest("That does not match the task's response format.")
    return new


def as_typed(reference: object) -> str:
    """Return a reference as a person would type it; `read_reference` reads it back."""
    return reference if isinstance(reference, str) else json.dumps(reference, ensure_ascii=False)


def _typed(text: str, old: object) -> object:
    if not text:
        raise InvalidRequest("A reference is needed; to have none of this row, drop it.")
    if isinstance(old, str):
        return text
    if isinstance(old, list) and text[0] not in "[{":
        labels = [label.strip() for label in re.split(r"[|;\n]", text)]
        return relabelled(old, [label for label in labels if label])
    return parsed(text, "The new reference", line=1)


def _is_valid(value: object, response_format: Mapping[str, object] | None) -> bool:
    nested = (response_format or {}).get("json_schema")
    schema = nested.get("schema") if isinstance(nested, Mapping) else None
    return isinstance(schema, Mapping) and Draft202012Validator(dict(schema)).is_valid(value)


def _fixed(row: Row, wanted: Corrections) -> Row:
    if row.id not in wanted.fixed:
        return row
    reference, _ = wanted.fixed[row.id]
    return replace(row, item={**row.item, REFERENCE: reference})


def _counts(kept: int, dropped: int, fixed: int) -> str:
    return f"{counted(kept, 'row')} kept as they were, {dropped:,} dropped, {fixed:,} fixed"


def _readme(task: Task, wanted: Corrections, made: Corrected, before: Sequence[Row]) -> bytes:
    """Return where the version comes from, and each decision; the same for the same decisions."""
    of = f"A copy of the task `{task.name}`, version {task.version}, with `{split_file(wanted.split)}` corrected after"
    lines = [f"# {task.title}\n", f"{of} {wanted.why}: {_counts(made.rows - made.fixed, made.dropped, made.fixed)}.\n"]
    for row in before:
        was = as_typed(row.item.get(REFERENCE))
        if row.id in wanted.fixed:
            reference, who = wanted.fixed[row.id]
            lines.append(f"- `{row.id}` fixed by {who}: {was} became {as_typed(reference)}")
        elif row.id in wanted.dropped:
            lines.append(f"- `{row.id}` dropped by {wanted.dropped[row.id]}: {was}")
        elif row.id in wanted.kept:
            lines.append(f"- `{row.id}` kept by {wanted.kept[row.id]}: {was}")
    return ("\n".join(lines) + "\n").encode()
