"""What the queue does for each kind of work item, with its log lines tagged."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from bot.logs import reference, reference_of
from handlers.slack.answering import Answering
from jobs.core import ids
from jobs.core.ids import subject_of_item
from jobs.queue.due import Outcome
from jobs.queue.pools import Again, Held, Work

SLOTS: Final[Mapping[str, int]] = {
    ids.FORMS: 64,
    ids.DELIVERIES: 32,
    ids.ANSWERS: 12,
    ids.LOOKS: 16,
    ids.LONG: 8,
    ids.EVALS: 4,
}
"""Work items of a pool that one process works on at once; of each platform's looks, launches and evals, too. What is
done soonest comes first."""

SET_ASIDE: Final = 3600.0
"""Seconds until what keeps killing the bot is tried again."""

log: Final = structlog.get_logger(__name__)


def job_work(take: Callable[[str, Held, str], Awaitable[None]], tag: str = "job") -> Work:
    """Return the work of a job, an eval, or of what belongs to one.

    Args:
        take: called with the id of the job or eval, the work item, and the reference that finds this in the log.
        tag: names the id in the log.
    """

    async def work(held: Held) -> Again | None:
        found_by, subject = reference_of(held.item), subject_of_item(held.item)
        with structlog.contextvars.bound_contextvars(**{tag: subject, "turn": found_by}):
            try:
                await take(subject, held, found_by)
            except Exception as failure:
                # Who gives up on the item after this tells people the same reference, in whatever process that is.
                failure.add_note(f"reference {found_by}")
                raise
        return Again(None, Outcome.ASIDE) if held.taken.is_deadly else None

    return work


def named_work(take: Callable[[str], Awaitable[None]]) -> Work:
    """Return the work of the item that an id names."""

    async def work(held: Held) -> Again | None:
        with structlog.contextvars.bound_contextvars(about=held.item, turn=reference()):
            if held.taken.is_deadly:
                return _set_aside(held)
            await take(held.item)
        return None

    return work


def _set_aside(held: Held) -> Again:
    log.error("work.set_aside", deaths=held.taken.deaths)
    return Again(SET_ASIDE, Outcome.ASIDE)


def answer_work(answering: Answering) -> dict[str, Work]:
    """Return the work on what people asked, by kind."""

    async def work(held: Held) -> Again | None:
        found_by = reference()
        with structlog.contextvars.bound_contextvars(about=held.item, turn=found_by):
            return await answering.work(held, found_by)

    return {ids.ASK: work, ids.ASKS: work}


def repeated_work(take: Callable[[str], Awaitable[float | None]]) -> Work:
    """Return work on a subject that says itself in how many seconds it is due again; None if it is over."""

    async def work(held: Held) -> Again | None:
        with structlog.contextvars.bound_contextvars(about=held.item, turn=reference()):
            if held.taken.is_deadly:
                return _set_aside(held)
            seconds = await take(subject_of_item(held.item))
        return None if seconds is None else Again(seconds)

    return work
