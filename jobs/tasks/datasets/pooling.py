"""Gathers the rows that a balanced version is drawn from: labelled, and each text only once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from jobs.core.errors import InvalidRequest
from jobs.core.nearest import nearest, quoted
from jobs.tasks import Row, Task, TaskCatalogue
from jobs.tasks.datasets.duplicates import places_to_keep
from jobs.tasks.datasets.labels import is_labelled, row_labels
from jobs.tasks.datasets.texts import text_of

POOL = "pool"
"""The split that rows are taken from where a task has it."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What there is to draw from."""

    rows: tuple[Row, ...]
    splits: tuple[str, ...]
    """Where the rows are from."""
    repeats: int
    """Rows left out because they say the same as another, or as a row of a split that is kept."""
    unlabelled: int
    """Rows left out because they have no label."""
    size: int
    """Rows there were."""

    @property
    def labels(self) -> list[tuple[str, ...]]:
        """The labels of each row."""
        return [row_labels(row) or () for row in self.rows]


def gather_pool(catalogue: TaskCatalogue, task: Task, split: str | None) -> Pool:
    """Return the rows to draw from: of `split`, else of `pool` where the task has it, else of train and valid together.

    Raises:
        UserError: there is no such split, or its references are no labels.
    """
    splits = _pool_splits(task, split)
    every = tuple(chain.from_iterable(catalogue.rows(task, each) for each in splits))
    labelled = [row for row in every if row_labels(row)]
    if not is_labelled(labelled):
        raise InvalidRequest(
            f"The references of {task.name} are no labels, so there is nothing to balance; a reference_answer must be "
            "a list of texts, or a text that other rows have too."
        )
    elsewhere = [text_of(row) for kept in kept_splits(task, splits) for row in catalogue.rows(task, kept)]
    keep = places_to_keep([text_of(row) for row in labelled], elsewhere)
    return Pool(
        rows=tuple(labelled[place] for place in keep),
        splits=splits,
        repeats=len(labelled) - len(keep),
        unlabelled=len(every) - len(labelled),
        size=len(every),
    )


def _pool_splits(task: Task, named: str | None) -> tuple[str, ...]:
    if named is not None:
        if named not in task.splits:
            raise InvalidRequest(
                f"{task.name} has no split {quoted(named)} to draw from; {nearest(named, task.splits)}"
            )
        return (named,)
    if POOL in task.splits:
        return (POOL,)
    found = tuple(split for split in ("train", "valid") if split in task.splits)
    if not found:
        raise InvalidRequest(
            f"{task.name} has neither pool.jsonl nor train.jsonl; name the split to draw from, pool=<split>."
        )
    return found


def kept_splits(task: Task, pool: Sequence[str]) -> tuple[str, ...]:
    """Return the splits that go into the new version as they are."""
    return tuple(split for split in task.splits if split not in {*pool, POOL, "train", "valid"})
