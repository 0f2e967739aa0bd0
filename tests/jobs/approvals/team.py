"""People with roles that change, a clock, and an approval that waits for them."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from jobs.approvals.decide import Vote
from jobs.approvals.records import DAY, Approval, Decision, Verdict
from jobs.core.errors import Conflict
from tests.records import CHANNEL, an_approval

JOB = "rft-abc234"
ERIN = "U0ERIN"
"""Asked for the job that alice launched."""
FIRST, SECOND = "ckpt-5", "ckpt-10"
OPENED = 2_000.0


class Group:
    """A group of approvers as Slack has it, and as it was last asked about."""

    def __init__(self, *members: str) -> None:
        self.members = set(members)
        self.remembered = set(members)
        self.is_silent = False

    async def is_any_of(self, user: str, approvers: tuple[str, ...]) -> bool:
        """Answer from memory."""
        return bool(approvers) and user in self.remembered

    async def still(self, users: Collection[str], approvers: tuple[str, ...]) -> frozenset[str]:
        """Ask anew."""
        if self.is_silent:
            raise Conflict("Slack does not tell me who is an approver right now.")
        self.remembered = set(self.members)
        return frozenset(users) & self.members if approvers else frozenset()


class Clock:
    """A clock that is set by hand; unix seconds."""

    def __init__(self, now: float = OPENED + 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def waiting(**changes: Any) -> Approval:
    """Return an open approval of two checkpoints with evidence, launched by alice, asked for by erin."""
    opened = an_approval(
        excluded=(ERIN,),
        task="acts",
        channel=CHANNEL,
        names={FIRST: "step 5", SECOND: "step 10"},
        models={FIRST: "ft:5", SECOND: "ft:10"},
        evidence={FIRST: "e5", SECOND: "e10"},
        expires_at=OPENED + 7 * DAY,
    )
    return replace(opened, **changes)


def decision(user: str, choice: str = FIRST, at: float = OPENED + 1.0, **changes: Any) -> Decision:
    """Return an approval of a choice on the evidence that `waiting` has."""
    shown = {FIRST: "e5", SECOND: "e10"}.get(choice, "")
    return replace(Decision(user, Verdict.APPROVE, choice, "it is good", at, shown), **changes)


def rejection(user: str, approval: Approval, at: float = OPENED + 1.0) -> Decision:
    """Return a rejection of all on the evidence as it stands."""
    return Decision(user, Verdict.REJECT, "", "not for us", at, approval.basis("") or "")


def vote(user: str, choice: str = FIRST, **changes: Any) -> Vote:
    """Return a click that approves a choice on the evidence that `waiting` has."""
    shown = {FIRST: "e5", SECOND: "e10"}.get(choice, "")
    return replace(Vote(JOB, user, Verdict.APPROVE, choice, shown, "it is good", where=CHANNEL), **changes)
