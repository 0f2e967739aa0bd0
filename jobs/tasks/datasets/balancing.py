"""Makes a balanced version of a task: an even train and validation split from a pool, and a natural one next to them.

Blocks; callers on the event loop use `asyncio.to_thread`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from charts.wording import listed
from jobs.core.errors import InvalidRequest
from jobs.core.nearest import nearest, quoted
from jobs.tasks import Row, Task, TaskCatalogue
from jobs.tasks.datasets.duplicates import places_to_keep, text_of
from jobs.tasks.datasets.label_map import rename_choices, rename_rows
from jobs.tasks.datasets.stratify import draw_balanced, draw_plainly, split_evenly
from jobs.tasks.datasets.versions import SCHEMA_FILE, jsonl, schema_file, split_file, title_of, write_version
from jobs.tasks.labels import imbalance, is_labelled, label_counts, row_labels
from jobs.tasks.records import NATURAL, TRAINING_SPLITS
from jobs.tasks.rows import ROW_LIMITS

POOL = "pool"
"""The split that rows are drawn from where a task has it."""
NATURAL_SHARE = 0.2
"""At most so much of the pool stays natural."""
_RATIO = re.compile(r"([0-9]{1,3}):([0-9]{1,3})")


@dataclass(frozen=True, slots=True)
class BalanceRequest:
    """What a person asked for."""

    task: str
    size: int = 150
    """Rows of the train and the validation split together."""
    train_parts: int = 2
    valid_parts: int = 1
    seed: int = 0
    pool: str | None = None
    """The split to draw from; None is `pool` where the task has it, else train and valid together."""
    names: Mapping[str, str] = field(default_factory=dict)
    """A label map, see `read_label_map`; empty leaves the labels as they are."""


@dataclass(frozen=True, slots=True)
class Balanced:
    """A balanced version that was made. Counts are label to rows, for the picture."""

    task: str
    """Its name."""
    source: str
    seed: int
    pool_rows: int
    rows: Mapping[str, int]
    """Split to rows, of the new splits."""
    before: Mapping[str, int]
    """Of the pool."""
    train: Mapping[str, int]
    """A label of the pool that found no row counts 0."""
    valid: Mapping[str, int]
    repeats: int
    """Rows left out because they say the same as another, or as a row of a split that was kept."""
    unlabelled: int
    """Rows left out because they have no label."""
    is_new: bool
    """False where the very same version was there already."""

    @property
    def after(self) -> Mapping[str, int]:
        """Counts of the train and the validation split together."""
        return {label: self.train[label] + self.valid[label] for label in self.before}

    @property
    def title(self) -> str:
        """The version's name, and whether it is new."""
        return title_of(self.task, is_new=self.is_new)

    @property
    def sentence(self) -> str:
        """What was made, in words."""
        natural = f"; {NATURAL} keeps {self.rows[NATURAL]} rows as they come" if NATURAL in self.rows else ""
        said = (
            f"{self.task} has {self.rows['train']} training and {self.rows['valid']} validation rows out of "
            f"{self.pool_rows}{natural}. The most frequent label has {_times(self.before)} the rows of the rarest in "
            f"the pool, {_times(self.after)} in the new splits."
        )
        left_out = [f"{self.repeats} that repeat another text"] if self.repeats else []
        left_out += [f"{self.unlabelled} without a label"] if self.unlabelled else []
        missing = [label for label, count in self.valid.items() if not count]
        if left_out:
            said += f" Left out: {', '.join(left_out)}."
        return f"{said} Without a validation row: {listed(missing, 5)}." if missing else said


@dataclass(frozen=True, slots=True)
class _Pool:
    """What rows are drawn from: each has a label, and no text comes twice."""

    splits: tuple[str, ...]
    rows: tuple[Row, ...]
    repeats: int
    unlabelled: int


def read_ratio(text: str) -> tuple[int, int]:
    """Read `2:1`, training to validation rows; raise InvalidRequest if it is not a ratio."""
    match = _RATIO.fullmatch(text.strip())
    train, valid = (int(match[1]), int(match[2])) if match else (0, 0)
    if not train or not valid:
        raise InvalidRequest(f"split={quoted(text)} is no ratio; write training to validation rows, such as split=2:1.")
    return train, valid


def balance(catalogue: TaskCatalogue, request: BalanceRequest) -> Balanced:
    """Make the balanced version of a task that was asked for, as a new task; the same request finds it again.

    The natural split is drawn first, each row as likely as any other, because what a balanced choice leaves over is
    natural no more. A task that has such a split keeps it. Rows that repeat another are left out, so that no text is in
    two splits.

    Raises:
        UserError: the task, its labels or its pool do not allow it.
    """
    task = catalogue.load(request.task)
    pool = _pool(catalogue, task, request.pool)
    sizes = _sizes(request)
    kept = NATURAL in task.splits and NATURAL not in pool.splits
    natural_size = 0 if kept else min(sizes["valid"], int(len(pool.rows) * NATURAL_SHARE))
    _check_size(request, pool, natural_size)

    natural = draw_plainly(len(pool.rows), natural_size, request.seed)
    rest = [row for place, row in enumerate(pool.rows) if place not in set(natural)]
    drawn = [rest[place] for place in draw_balanced(_labels(rest), request.size, request.seed)]
    parts = split_evenly(_labels(drawn), tuple(sizes.values()), request.seed)
    new = {split: tuple(drawn[place] for place in part) for split, part in zip(sizes, parts, strict=True)}
    if natural:
        new[NATURAL] = tuple(pool.rows[place] for place in natural)
    return _written(catalogue, task, request, pool, new)


def _pool(catalogue: TaskCatalogue, task: Task, named: str | None) -> _Pool:
    splits = _pool_splits(task, named)
    every = tuple(chain.from_iterable(catalogue.rows(task, split) for split in splits))
    labelled = [row for row in every if row_labels(row)]
    if not is_labelled(labelled):
        raise InvalidRequest(
            f"The references of {task.name} are no labels, so there is nothing to balance; a reference_answer must be "
            "a list of texts, or a text that other rows have too."
        )
    elsewhere = [text_of(row) for kept in _kept_splits(task, splits) for row in catalogue.rows(task, kept)]
    keep = places_to_keep([text_of(row) for row in labelled], elsewhere)
    rows = tuple(labelled[place] for place in keep)
    return _Pool(splits, rows, repeats=len(labelled) - len(rows), unlabelled=len(every) - len(labelled))


def _pool_splits(task: Task, named: str | None) -> tuple[str, ...]:
    if named is not None and named not in task.splits:
        raise InvalidRequest(f"{task.name} has no split {quoted(named)} to draw from; {nearest(named, task.splits)}")
    if named is not None or POOL in task.splits:
        return (named or POOL,)
    found = tuple(split for split in TRAINING_SPLITS if split in task.splits)
    if not found:
        raise InvalidRequest(
            f"{task.name} has neither pool.jsonl nor train.jsonl; name the split to draw from, pool=<split>."
        )
    return found


def _kept_splits(task: Task, pool: Sequence[str]) -> tuple[str, ...]:
    """Return the splits that go into the new version as they are."""
    return tuple(split for split in task.splits if split not in {*pool, POOL, *TRAINING_SPLITS})


def _sizes(request: BalanceRequest) -> dict[str, int]:
    valid = max(1, round(request.size * request.valid_parts / (request.train_parts + request.valid_parts)))
    sizes = {"train": request.size - valid, "valid": valid}
    for split, rows in sizes.items():
        if not 1 <= rows <= ROW_LIMITS[split]:
            raise InvalidRequest(
                f"size={request.size} gives the {split} split {rows} rows; it takes 1 to {ROW_LIMITS[split]:,}."
            )
    return sizes


def _check_size(request: BalanceRequest, pool: _Pool, natural: int) -> None:
    most = len(pool.rows) - natural
    if request.size > most:
        raise InvalidRequest(
            f"size={request.size} is more than the pool of {request.task} has: of "
            f"{len(pool.rows) + pool.repeats + pool.unlabelled} rows {pool.repeats} repeat another text, "
            f"{pool.unlabelled} have no label and {natural} stay natural; ask for at most {most}."
        )


def _labels(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    return [row_labels(row) or () for row in rows]


def _written(
    catalogue: TaskCatalogue, task: Task, request: BalanceRequest, pool: _Pool, new: Mapping[str, tuple[Row, ...]]
) -> Balanced:
    changed, before, changes = new, label_counts(pool.rows), dict[str, bytes]()
    if request.names:
        kept = [split for split in _kept_splits(task, pool.splits) if split not in new]
        changed = {**new, **{split: catalogue.rows(task, split) for split in kept}}
        changed = {split: rename_rows(rows, request.names) for split, rows in changed.items()}
        before = label_counts(rename_rows(pool.rows, request.names))
        if task.response_format is not None:
            changes[SCHEMA_FILE] = schema_file(rename_choices(task.response_format, request.names))
    changes |= {split_file(split): jsonl(rows) for split, rows in changed.items()}
    sizes = {split: len(rows) for split, rows in new.items()}
    changes["README.md"] = _readme(task, request, pool.splits, sizes)
    left_out = {task.splits[split].name for split in {*pool.splits, POOL} & task.splits.keys() if split not in new}
    version = write_version(task, "balanced", changes, left_out)
    train, valid = ({**dict.fromkeys(before, 0), **label_counts(changed[split])} for split in TRAINING_SPLITS)
    return Balanced(
        task=version.name,
        source=task.name,
        seed=request.seed,
        pool_rows=len(pool.rows),
        rows=sizes,
        before=before,
        train=train,
        valid=valid,
        repeats=pool.repeats,
        unlabelled=pool.unlabelled,
        is_new=version.is_new,
    )


def _times(counts: Mapping[str, int]) -> str:
    ratio = imbalance(counts) or 1.0
    return "more than any multiple of" if ratio == float("inf") else f"{ratio:.1f} times"


def _readme(task: Task, request: BalanceRequest, pool: Sequence[str], sizes: Mapping[str, int]) -> bytes:
    ratio = f"{request.train_parts}:{request.valid_parts}"
    natural = f"\n`{NATURAL}.jsonl` keeps the pool's own distribution; judge by it what production will see.\n"
    return (
        f"# {task.title}, balanced\n\n"
        f"Drawn from {' and '.join(pool)} of the task `{task.name}`, version {task.version}, with "
        f"size={request.size} split={ratio} seed={request.seed}"
        f"{' and a label map' if request.names else ''}.\n\n"
        "| split | rows |\n|---|---|\n"
        + "".join(f"| {split} | {rows} |\n" for split, rows in sizes.items())
        + "\nRows were chosen so that the labels are as even as the pool allows. Scores on `valid` are therefore those "
        "of an even mix of labels.\n" + (natural if NATURAL in sizes else "")
    ).encode()
