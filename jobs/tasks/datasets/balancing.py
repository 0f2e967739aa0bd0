"""Makes a balanced version of a task: an even train and validation split from a pool, and a natural one beside them.

Blocks; callers on the event loop use `asyncio.to_thread`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from jobs.core.errors import InvalidRequest
from jobs.core.nearest import quoted
from jobs.tasks import Row, Task, TaskCatalogue
from jobs.tasks.datasets.drawing import draw_balanced, draw_plainly, split_evenly
from jobs.tasks.datasets.label_map import rename_choices, rename_rows
from jobs.tasks.datasets.labels import imbalance, label_counts
from jobs.tasks.datasets.pooling import POOL, Pool, gather_pool, kept_splits
from jobs.tasks.datasets.versions import SCHEMA_FILE, jsonl, schema_file, split_file, title_of, write_version
from jobs.tasks.rows import ROW_LIMITS

NATURAL = "valid_natural"
"""The split that keeps the pool's own distribution, as production has it."""
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
    after: Mapping[str, int]
    """Of the train and the validation split together; a label that found no row counts 0."""
    train: Mapping[str, int]
    valid: Mapping[str, int]
    repeats: int
    """Rows left out because they say the same as another, or as a row of a split that was kept."""
    unlabelled: int
    """Rows left out because they have no label."""
    is_new: bool = True
    """False where the very same version was there already."""

    @property
    def title(self) -> str:
        """The version's name, and whether it is new."""
        return title_of(self.task, is_new=self.is_new)

    @property
    def sentence(self) -> str:
        """What was made, in words."""
        left_out = [
            f"{count} {what}"
            for count, what in ((self.repeats, "that repeat another text"), (self.unlabelled, "without a label"))
            if count
        ]
        natural = f"; {NATURAL} keeps {self.rows[NATURAL]} rows as they come" if NATURAL in self.rows else ""
        said = (
            f"{self.task} has {self.rows['train']} training and {self.rows['valid']} validation rows out of "
            f"{self.pool_rows}{natural}. The most frequent label has {_times(self.before)} the rows of the rarest in "
            f"the pool, {_times(self.after)} in the new splits."
        )
        missing = [label for label, count in self.valid.items() if not count]
        if left_out:
            said += f" Left out: {', '.join(left_out)}."
        if missing:
            said += f" Without a validation row: {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}."
        return said


def read_ratio(text: str) -> tuple[int, int]:
    """Read `2:1`, training to validation rows; raise InvalidRequest where it is none."""
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
    pool = gather_pool(catalogue, task, request.pool)
    train_size, valid_size = _sizes(request)
    kept = NATURAL in task.splits and NATURAL not in pool.splits
    natural_size = 0 if kept else min(valid_size, int(len(pool.rows) * NATURAL_SHARE))
    _check_size(request, pool, natural_size)

    natural = draw_plainly(len(pool.rows), natural_size, request.seed)
    rest = sorted(set(range(len(pool.rows))) - set(natural))
    labels = pool.labels
    drawn = [rest[place] for place in draw_balanced([labels[place] for place in rest], request.size, request.seed)]
    parts = split_evenly([labels[place] for place in drawn], (train_size, valid_size), request.seed)
    train, valid = ([pool.rows[drawn[place]] for place in part] for part in parts)
    new = {"train": train, "valid": valid, NATURAL: [pool.rows[place] for place in natural]}
    return _written(catalogue, task, request, pool, {split: rows for split, rows in new.items() if rows})


def _sizes(request: BalanceRequest) -> tuple[int, int]:
    valid = max(1, round(request.size * request.valid_parts / (request.train_parts + request.valid_parts)))
    train = request.size - valid
    for split, rows in (("train", train), ("valid", valid)):
        if not 1 <= rows <= ROW_LIMITS[split]:
            raise InvalidRequest(
                f"size={request.size} gives the {split} split {rows} rows; it takes 1 to {ROW_LIMITS[split]:,}."
            )
    return train, valid


def _check_size(request: BalanceRequest, pool: Pool, natural: int) -> None:
    most = len(pool.rows) - natural
    if request.size > most:
        raise InvalidRequest(
            f"size={request.size} is more than the pool of {request.task} has: of {pool.size} rows "
            f"{pool.repeats} repeat another text, {pool.unlabelled} have no label and {natural} stay natural; "
            f"ask for at most {most}."
        )


def _written(
    catalogue: TaskCatalogue, task: Task, request: BalanceRequest, pool: Pool, new: Mapping[str, Sequence[Row]]
) -> Balanced:
    kept = {split: catalogue.rows(task, split) for split in kept_splits(task, pool.splits) if split not in new}
    changes: dict[str, bytes] = {}
    if request.names:
        new = {split: rename_rows(rows, request.names) for split, rows in new.items()}
        changes = {split_file(split): jsonl(rename_rows(rows, request.names)) for split, rows in kept.items()}
        changes[SCHEMA_FILE] = schema_file(rename_choices(task.response_format, request.names))
    changes |= {split_file(split): jsonl(rows) for split, rows in new.items()}
    before = label_counts(rename_rows(pool.rows, request.names) if request.names else pool.rows)
    train, valid = (_counted(new[split], before) for split in ("train", "valid"))
    made = Balanced(
        task="",
        source=task.name,
        seed=request.seed,
        pool_rows=len(pool.rows),
        rows={split: len(rows) for split, rows in new.items()},
        before=before,
        after={label: train[label] + valid[label] for label in before},
        train=train,
        valid=valid,
        repeats=pool.repeats,
        unlabelled=pool.unlabelled,
    )
    changes["README.md"] = _readme(task, request, pool, made)
    left_out = {split_file(split) for split in {*pool.splits, POOL} if split not in new}
    version = write_version(task, "balanced", changes, left_out)
    return replace(made, task=version.name, is_new=version.is_new)


def _counted(rows: Sequence[Row], labels: Mapping[str, int]) -> dict[str, int]:
    counts = label_counts(rows)
    return {label: counts.get(label, 0) for label in labels}


def _times(counts: Mapping[str, int]) -> str:
    ratio = imbalance(counts) or 1.0
    return "more than any multiple of" if ratio == float("inf") else f"{ratio:.1f} times"


def _readme(task: Task, request: BalanceRequest, pool: Pool, made: Balanced) -> bytes:
    ratio = f"{request.train_parts}:{request.valid_parts}"
    natural = f"\n`{NATURAL}.jsonl` keeps the pool's own distribution; judge by it what production will see.\n"
    return (
        f"# {task.title}, balanced\n\n"
        f"Drawn from {' and '.join(pool.splits)} of the task `{task.name}`, version {task.version}, with "
        f"size={request.size} split={ratio} seed={request.seed}"
        f"{' and a label map' if request.names else ''}.\n\n"
        "| split | rows |\n|---|---|\n"
        + "".join(f"| {split} | {rows} |\n" for split, rows in made.rows.items())
        + "\nRows were chosen so that the labels are as even as the pool allows. Scores on `valid` are therefore those "
        "of an even mix of labels.\n" + (natural if NATURAL in made.rows else "")
    ).encode()
