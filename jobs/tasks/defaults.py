"""What launches and evals of a task use where nobody says otherwise, as people set it in Slack; it can be undone.

It comes after what is typed and before task.yaml, which stays as it is.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from jobs.core.errors import Conflict, InvalidRequest, NotFound
from jobs.core.nearest import nearest
from jobs.core.records import Effort, Posting
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, retried_on_conflict
from jobs.tasks.catalogue import TaskCatalogue
from jobs.trail.entry import Act, AuditEntry

MOST_CHANGES: Final = 50
"""The newest are kept for undoing; the audit trail keeps all."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen for a task; None leaves it to task.yaml and the platform."""

    effort: Effort | None = None
    prompt: str | None = None

    @property
    def words(self) -> str:
        """What is chosen, for people: `effort low, prompt v1`; "" for nothing."""
        chosen = (f"effort {self.effort}" if self.effort else "", f"prompt {self.prompt}" if self.prompt else "")
        return ", ".join(filter(None, chosen))


@dataclass(frozen=True, slots=True)
class Chosen:
    """One time that somebody chose; `choice` holds from then on, as a whole."""

    choice: Choice
    by: str
    """Slack user id."""
    at: float
    why: str = ""
    """The eval that it rests on, if one."""

    @property
    def stamp(self) -> int:
        """What tells it from the other changes of its task: when it was made, in milliseconds."""
        return round(self.at * 1000)


@dataclass(frozen=True, slots=True)
class TaskDefaults:
    """What was chosen for a task, the newest last."""

    task: str
    changes: tuple[Chosen, ...] = ()

    @property
    def choice(self) -> Choice:
        """What holds now."""
        return self.changes[-1].choice if self.changes else Choice()

    @property
    def before(self) -> Choice:
        """What held before the newest change."""
        return self.changes[-2].choice if len(self.changes) > 1 else Choice()


async def chosen_for(store: Store, task: str) -> TaskDefaults:
    """Return what was chosen for a task."""
    held = await store.record(TaskDefaults, task)
    return held.value if held else TaskDefaults(task)


@dataclass(frozen=True, slots=True)
class DefaultsDesk:
    """Sets and undoes what is chosen for tasks."""

    store: Store
    tasks: TaskCatalogue
    clock: Callable[[], float]
    """Unix seconds."""

    async def choose(
        self,
        task: str,
        changed: Callable[[Choice], Choice],
        *,
        by: str,
        where: str,
        why: str = "",
        postings: tuple[Posting, ...] = (),
    ) -> TaskDefaults:
        """Change what is chosen for a task, and note in the audit trail who did; return it.

        `postings` are the messages that show it.

        Raises:
            NotFound: there is no such task, or it has no such prompt.
            InvalidRequest: it is chosen already.
        """
        known = await asyncio.to_thread(self.tasks.load, task)

        def check(before: TaskDefaults) -> Choice:
            choice = changed(before.choice)
            if choice.prompt and choice.prompt not in known.prompts:
                raise NotFound(f"{task} has no prompt '{choice.prompt}'; {nearest(choice.prompt, known.prompts)}")
            if choice == before.choice:
                raise InvalidRequest(f"That is how it is: {task} uses {choice.words or 'what its task.yaml says'}.")
            return choice

        return await self._write(task, check, by=by, where=where, why=why, postings=postings)

    async def undo(
        self, task: str, *, by: str, where: str, only: int | None = None, postings: tuple[Posting, ...] = ()
    ) -> TaskDefaults:
        """Take the newest change back, and note in the audit trail who did; return what holds then.

        Args:
            task: its name.
            by: Slack user id.
            where: Slack channel id.
            only: the stamp of the change that was seen as the newest; None takes back whichever that is now.
            postings: the messages that show it.

        Raises:
            Conflict: nothing was changed, or what was seen is not the newest change any more.
        """

        def before(held: TaskDefaults) -> Choice:
            if not held.changes:
                raise Conflict(f"Nothing was set for {task} here, so there is nothing to undo.")
            if only is not None and held.changes[-1].stamp != only:
                raise Conflict(
                    f"The defaults of {task} were changed since; now it uses "
                    f"{held.choice.words or 'what its task.yaml says'}. `/proctor default {task} undo` takes that back."
                )
            return held.before

        return await self._write(task, before, by=by, where=where, undoes=True, postings=postings)

    @retried_on_conflict
    async def _write(
        self,
        task: str,
        choice_after: Callable[[TaskDefaults], Choice],
        *,
        by: str,
        where: str,
        why: str = "",
        undoes: bool = False,
        postings: tuple[Posting, ...] = (),
    ) -> TaskDefaults:
        held = await self.store.record(TaskDefaults, task) or Versioned(TaskDefaults(task), 0)
        choice, before = choice_after(held.value), held.value.choice
        # What is undone is gone, so that undoing again goes one further back.
        kept = held.value.changes[:-1] if undoes else (*held.value.changes, Chosen(choice, by, self.clock(), why))
        after = replace(held.value, changes=kept[-MOST_CHANGES:])
        details = {"now": choice.words or "task.yaml", "before": before.words or "task.yaml", "rests on": why}
        entry = AuditEntry(
            at=self.clock(),
            who=by,
            act=Act.DEFAULT,
            task=task,
            subject=task,
            where=where,
            why="undone" if undoes else "",
            details={name: value for name, value in details.items() if value},
        )
        change = Change(records=(Versioned(after, held.version),), audit=(entry,), postings=postings)
        await self.store.commit(change)
        return after
