"""The held-out split: what it costs to open it outside evidence, and how often that was done."""

from typing import Final

from jobs.core.errors import InvalidRequest
from jobs.evals.records import Eval
from jobs.state.store import Store
from jobs.tasks import Task
from jobs.tasks.datasets.versions import base_name
from jobs.trail.entry import Act, AuditEntry

CHOOSES: Final = "valid"
"""What checkpoints are chosen on."""
HELD_OUT: Final = "test"
"""What only evidence opens: it says what to expect of the choice on new items."""
DIGITS: Final = 12
MOST_COUNTED: Final = 1_000


class HeldOut(InvalidRequest):
    """A person wants to look at the held-out split and has not said that they know what it costs."""


def opened_by(task: Task, split: str) -> str:
    """Return what an eval on a split opens: a digest of the held-out items; "" where nothing is held out there."""
    if split != HELD_OUT or CHOOSES not in task.splits:
        return ""
    return task.digests[task.splits[split].name][:DIGITS]


def split_word(task: str) -> str:
    """Return the word under which the trail keeps who opened the held-out split of a task, or of its versions.

    Versions of a task hold out the same items until these are changed.
    """
    return f"{base_name(task)}/{HELD_OUT}"


async def openings(store: Store, task: str, items: str) -> tuple[AuditEntry, ...]:
    """Return the evals that opened these held-out items outside evidence, newest first; the trail knows them all.

    Also those of another version of the task that holds out the same items.
    """
    found = [sealed.readable for sealed in await store.trail_about(split_word(task), MOST_COUNTED)]
    return tuple(each for each in found if each and each.act is Act.LAUNCH and each.details.get("items_of") == items)


def require_evidence_only(task: Task, split: str) -> None:
    """Refuse to hand out held-out items, of which nothing would be recorded; raises HeldOut."""
    if opened_by(task, split):
        raise HeldOut(
            f"{split} is held out in {task.name}: only evidence has looked at it. Take `split={CHOOSES}`; who runs the "
            f"bot can export {split} in a shell."
        )


async def require_open(store: Store, evaluation: Eval) -> None:
    """Let an eval open held-out items where its person said so, or somebody opened them before.

    Raises:
        HeldOut: nobody did; says what it costs.
    """
    if not evaluation.opens or evaluation.request.opens or await openings(store, evaluation.task, evaluation.opens):
        return
    raise HeldOut(
        f"{HELD_OUT} is held out in {evaluation.task}: only evidence has looked at it. Once you look, it has a part in "
        f"your choices, and later evidence can say less about new items. Use `split={CHOOSES}`, or open it with "
        "`open=yes`: that is recorded, and evidence will say so."
    )


def opened_sentences(entries: tuple[AuditEntry, ...]) -> tuple[str, ...]:
    """Return how often held-out items were opened outside evidence, as a sentence; () where they never were."""
    if not entries:
        return ()
    times = {1: "once", 2: "twice"}.get(len(entries), f"{len(entries)} times")
    opened = f"The {HELD_OUT} split was opened {times} outside evidence, last by {entries[0].subject}"
    less = "as far as that had a part in a choice, expect less on new items"
    return (f"{opened}: {less}. `/proctor audit {split_word(entries[0].task)}` shows who.",)
