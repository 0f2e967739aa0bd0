"""Whether a decision counts and what it settles. Values in, values out.

open ── approvals of one choice < quorum ──> open
  ├──── approvals of one choice = quorum ──> settled: approved
  ├──── one rejection, or a quorum of them ─> settled: rejected
  ├──── nobody settled it in time ─────────> settled: expired
  └──── the evidence changed ──────────────> open, next round, nobody has voted
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from jobs.approvals.records import Approval, Decision, Ending, Settlement, Verdict


class Outcome(StrEnum):
    """The result of a click on an approval."""

    OPEN = "open"
    """It may be decided by this person."""
    RECORDED = "recorded"
    """The decision counts; more are needed."""
    REPEATED = "repeated"
    """The same person had said the same before."""
    SETTLED = "settled"
    """This decision settled it."""
    ALREADY_SETTLED = "already_settled"
    EXPIRED = "expired"
    """Nobody settled it in time."""
    OWN_JOB = "own_job"
    """Who launched a job, or proposed a move, does not approve it."""
    NOT_APPROVER = "not_approver"
    LOST_ROLE = "lost_role"
    """They decided before, as an approver, and are not one any more."""
    NO_EVIDENCE = "no_evidence"
    """There is no evidence for the choice now; it is being gathered again."""
    STALE = "stale"
    """The click came from a copy that showed other evidence than stands now."""
    NEEDS_OVERRIDE = "needs_override"
    """The choice breaks guardrails that were not set aside one by one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a click, with the approval as it now stands."""

    outcome: Outcome
    approval: Approval
    discounted: tuple[str, ...] = ()
    """Whose earlier decisions were dropped, because they are not approvers any more."""


def objection(approval: Approval, decision: Decision, entitled: Collection[str]) -> Outcome | None:
    """Return why this decision cannot be taken, or None if it can; guardrails are not looked at.

    Args:
        approval: as it stands.
        decision: who wants to decide what, on which evidence, and when.
        entitled: who is an approver now.
    """
    if approval.has_lapsed(decision.at):
        return Outcome.EXPIRED
    if approval.settled:
        return Outcome.EXPIRED if approval.settled.ending is Ending.EXPIRED else Outcome.ALREADY_SETTLED
    if decision.user in approval.barred:
        return Outcome.OWN_JOB
    if decision.user not in entitled:
        had_a_say = any(earlier.user == decision.user for earlier in approval.decisions)
        return Outcome.LOST_ROLE if had_a_say else Outcome.NOT_APPROVER
    if not approval.evidence:
        return Outcome.NO_EVIDENCE
    return None if decision.evidence == approval.basis(decision.choice) else Outcome.STALE


def decide(approval: Approval, decision: Decision, entitled: Collection[str]) -> Answer:
    """Return the approval with one person's decision counted.

    A person has one decision; a later one replaces it until the approval is settled. Decisions of people who are not
    `entitled` any more are dropped with it. What settles is `quorum` approvals of one choice by different people who
    may decide, on the evidence that stands now; or a rejection, or `quorum` of them if the task says that one is
    not enough.

    Args:
        approval: as it stands.
        decision: what one person says.
        entitled: who is an approver now, of this person and of all who decided before.
    """
    refused = objection(approval, decision, entitled)
    if refused:
        return Answer(refused, approval)
    broken = _broken(approval, decision)
    if not set(broken) <= set(decision.overrides):
        return Answer(Outcome.NEEDS_OVERRIDE, approval)
    decision = replace(decision, overrides=broken)
    discounted = tuple(d.user for d in approval.decisions if d.user not in entitled)
    standing = tuple(d for d in approval.decisions if d.user in entitled)
    if not discounted and any(_is_same(decision, earlier) for earlier in standing):
        return Answer(Outcome.REPEATED, approval)
    others = tuple(d for d in standing if d.user != decision.user)
    counted = replace(approval, decisions=(*others, decision))
    settlement = _settlement(counted, decision)
    outcome = Outcome.SETTLED if settlement else Outcome.RECORDED
    return Answer(outcome, replace(counted, settled=settlement), discounted)


def would_settle(approval: Approval, decision: Decision) -> bool:
    """Tell whether the decision would settle the approval if everybody who decided before still may."""
    voters = {decision.user, *(earlier.user for earlier in approval.decisions)}
    return decide(approval, decision, voters).outcome is Outcome.SETTLED


def lapsed(approval: Approval, now: float) -> Approval:
    """Return the approval as it ends if nobody settled it in time."""
    return replace(approval, settled=Settlement(Ending.EXPIRED, "", now))


def _broken(approval: Approval, decision: Decision) -> tuple[str, ...]:
    return approval.broken.get(decision.choice, ()) if decision.verdict is Verdict.APPROVE else ()


def _is_same(decision: Decision, earlier: Decision) -> bool:
    return replace(decision, reason="", at=0.0) == replace(earlier, reason="", at=0.0)


def _settlement(approval: Approval, decision: Decision) -> Settlement | None:
    """Return what the newest decision settles, if anything."""
    needed = approval.quorum
    if decision.verdict is Verdict.REJECT:
        said, ending = [d for d in approval.decisions if d.verdict is Verdict.REJECT], Ending.REJECTED
        needed = 1 if approval.policy.one_rejection_settles else needed
    else:
        said, ending = [d for d in approval.votes_for(decision.choice) if _counts(approval, d)], Ending.APPROVED
    enough = len({each.user for each in said}) >= needed
    return Settlement(ending, decision.choice, decision.at) if enough else None


def _counts(approval: Approval, vote: Decision) -> bool:
    """Tell whether an approval given earlier holds for the evidence and the guardrails as they are now."""
    return (
        vote.user not in approval.barred
        and vote.evidence == approval.basis(vote.choice)
        and set(_broken(approval, vote)) <= set(vote.overrides)
    )
