"""What people decide about suspect labels, and the version of the task that is made of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from jobs.core.errors import NotFound
from jobs.evals.postings import suspects_posting
from jobs.evals.suspects import Choice, Decision, SuspectLabels
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, retried_on_conflict
from jobs.tasks import TaskCatalogue
from jobs.tasks.datasets.corrections import Corrected, Corrections, as_typed, correct, read_reference
from jobs.trail.entry import Act, AuditEntry

DONE: Final = {"keep": "kept", "drop": "dropped", "fix": "fixed"}
MOST_NOTED: Final = 200
"""Characters of a new reference in the audit trail; the list, and the new version's README, have all of it."""


@dataclass(frozen=True, slots=True)
class SuspectDecisions:
    """Decisions about suspect labels; each is shown where the items are listed."""

    store: Store
    tasks: TaskCatalogue
    clock: Callable[[], float]
    """Unix seconds."""

    async def of(self, eval_id: str) -> SuspectLabels:
        """Return the suspect labels that a variance study found, with what was decided; raises NotFound."""
        return (await self._held(eval_id)).value

    async def fix(self, eval_id: str, item: str, user: str, typed: str) -> SuspectLabels:
        """Write down an item's new reference as a person typed it.

        Raises:
            NotFound: the study listed no such item.
            UserError: that is no reference that the task could have.
        """
        found = await self.of(eval_id)
        suspect = next((each for each in found.suspects if each.item == item), None)
        if suspect is None:
            raise NotFound(f"{eval_id} has no suspect item '{item}'.")
        task = await asyncio.to_thread(self.tasks.load, found.task)
        reference = read_reference(typed, suspect.reference, task.response_format)
        return await self.decide(eval_id, item, "fix", user, reference)

    @retried_on_conflict
    async def decide(
        self, eval_id: str, item: str, choice: Choice, user: str, reference: object = None
    ) -> SuspectLabels:
        """Write down what a person decides about an item, in place of what was decided before.

        The same decision again changes nothing. Raises NotFound.
        """
        held = await self._held(eval_id)
        decision = Decision(item, choice, user, self.clock(), reference)
        before = held.value.decision(item)
        if before and replace(before, at=decision.at) == decision:
            return held.value
        new = replace(held.value, decisions=held.value.decided(decision))
        return await self._write(held, new, _entry(held.value, decision))

    async def make_version(self, eval_id: str) -> Corrected:
        """Write the version of the task that the decisions so far make; asked again, the same one.

        Raises:
            UserError: nothing is decided that changes something, or the task has changed since.
        """
        found = await self.of(eval_id)
        made = await asyncio.to_thread(correct, self.tasks, corrections(found))
        await self._note(eval_id, made.task)
        return made

    @retried_on_conflict
    async def _note(self, eval_id: str, version: str) -> None:
        held = await self._held(eval_id)
        if version not in held.value.made:
            await self._write(held, replace(held.value, made=(*held.value.made, version)))

    async def _write(self, held: Versioned[SuspectLabels], new: SuspectLabels, *entries: AuditEntry) -> SuspectLabels:
        shown = suspects_posting(new.evaluation, new.channel, urgent=True)
        await self.store.commit(Change(records=(Versioned(new, held.version),), postings=(shown,), audit=entries))
        return new

    async def _held(self, eval_id: str) -> Versioned[SuspectLabels]:
        held = await self.store.record(SuspectLabels, eval_id)
        if held is None:
            raise NotFound(f"{eval_id} has no suspect labels on record.")
        return held


def _entry(found: SuspectLabels, decision: Decision) -> AuditEntry:
    """Return what the audit trail says of a decision."""
    became = f": {as_typed(decision.reference)[:MOST_NOTED]}" if decision.choice == "fix" else ""
    return AuditEntry(
        at=decision.at,
        who=decision.user,
        act=Act.LABEL_DECIDED,
        task=found.task,
        subject=found.evaluation,
        where=found.channel,
        details={"item": decision.item, "said": f"it is {DONE[decision.choice]}{became}"},
    )


def corrections(found: SuspectLabels) -> Corrections:
    """Return what the decisions about suspect labels change in their split."""
    by_choice = {choice: [each for each in found.decisions if each.choice == choice] for choice in DONE}
    return Corrections(
        task=found.task,
        version=found.task_version,
        split=found.split,
        why=f"the variance study `{found.evaluation}` of {found.arm}",
        dropped={each.item: each.user for each in by_choice["drop"]},
        fixed={each.item: (each.reference, each.user) for each in by_choice["fix"]},
        kept={each.item: each.user for each in by_choice["keep"]},
    )
