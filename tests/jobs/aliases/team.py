"""Jobs whose checkpoints are approved, and the people who may point aliases at them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jobs.aliases.call import Call, CallOf, calls_of
from jobs.aliases.move import Aliases
from jobs.aliases.records import Alias, Proposal
from jobs.aliases.rollback import Rollbacks
from jobs.approvals.decide import Approvals, Vote
from jobs.approvals.records import Approval, Decision, Ending, Settlement, Verdict
from jobs.approvals.rules import Answer
from jobs.core.ids import proposal_item
from jobs.core.records import Job, JobState
from jobs.platforms.profiles import PROFILES
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from tests.records import ALICE, BOB, CAROL, a_checkpoint, a_job, an_approval

PRODUCTION = "acts@production"


NOTHING_KNOWN: Mapping[str, object] = {
    **Call(address="", api="responses", prompt="v1").as_json(),
    "prompt_text": None,
    "matches_training": False,
}
"""What is said of a call where the task is gone."""


class Group:
    """A directory of one group; people join and leave it."""

    def __init__(self, *members: str) -> None:
        self.members = set(members)

    async def is_any_of(self, user: str, approvers: tuple[str, ...]) -> bool:
        del approvers
        return user in self.members

    async def still(self, users: Collection[str], approvers: tuple[str, ...]) -> frozenset[str]:
        del approvers
        return frozenset(users) & self.members


class Clock:
    """Unix seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1_763_800_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Team:
    """Everything around one store: alice launches, bob and carol approve."""

    store: Store
    group: Group = field(default_factory=lambda: Group(ALICE, BOB, CAROL))
    clock: Clock = field(default_factory=Clock)
    notifies: bool = False
    call_of: CallOf = field(default_factory=lambda: calls_of(TaskCatalogue(Path("no-tasks")), lambda _: PROFILES[0]))

    @property
    def aliases(self) -> Aliases:
        return Aliases(self.store, self.group, self.clock, notifies=self.notifies, call_of=self.call_of)

    @property
    def rollbacks(self) -> Rollbacks:
        return Rollbacks(self.store, self.group, self.clock, notifies=self.notifies)

    async def turn(self, proposal: str) -> None:
        """Take a proposal's turn."""
        await self.rollbacks.turn(proposal_item(proposal))

    async def approved(self, name: str, step: int = 45, **changes: Any) -> Job:
        """Put down a finished job of which a checkpoint was approved by bob and carol."""
        checkpoint = replace(a_checkpoint(step), model_id=f"ft:{name}:{step}")
        job = a_job(id=name, state=JobState.SUCCEEDED, checkpoints=(checkpoint,), **changes)
        await self.store.commit(
            Change(
                records=(Versioned(job, 0), Versioned(approval_of(job), 0)),
            )
        )
        return job

    async def moved(self, *names: str) -> Alias:
        """Point the alias at the approved checkpoint of one job after the other."""
        for number, name in enumerate(names):
            await self.approved(name, step=10 * (number + 1))
            await self.aliases.move(name, "production", BOB, f"reason {number + 1}", seen={PRODUCTION: number})
        return await self.aliases.named(PRODUCTION)

    async def decide(self, proposal: str, user: str, verdict: Verdict = Verdict.APPROVE) -> Answer:
        """Decide on a proposal."""
        held = await self.store.record(Approval, proposal)
        assert held is not None
        choice = next(iter(held.value.evidence)) if verdict is Verdict.APPROVE else ""
        basis = held.value.basis(choice) or ""
        vote = Vote(proposal, user, verdict, choice, basis, "looked at it", where="C0RFT")
        return await Approvals(self.store, self.group, self.clock).decide(vote)

    async def proposal(self, proposal: str) -> Proposal:
        """Return a proposal as it is now."""
        held = await self.store.record(Proposal, proposal)
        assert held is not None
        return held.value

    async def trail(self) -> list[tuple[str, str, str]]:
        """Return act, who and subject of everything in the trail, oldest first."""
        return [(e.entry.act.value, e.entry.who, e.entry.subject) for e in await self.store.trail()]


def approval_of(job: Job) -> Approval:
    """Return the approval of a job's first checkpoint, settled by bob and carol."""
    choice = job.checkpoints[0].id
    votes = tuple(Decision(user, Verdict.APPROVE, choice, "good", 3_000.0) for user in (BOB, CAROL))
    return an_approval(
        subject=job.id,
        task=job.task,
        decisions=votes,
        settled=Settlement(Ending.APPROVED, choice, 3_000.0),
        policy=job.policy,
        models={choice: job.checkpoints[0].model_id},
    )
