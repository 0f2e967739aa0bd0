"""Whatever happens to an alias, a rollback goes to what a person would call the model before."""

from dataclasses import replace
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from jobs.aliases.records import (
    Alias,
    AliasMove,
    MoveKind,
    Proposal,
    Target,
    undone_by_rollback,
    was_taken_back,
)
from jobs.aliases.rollback import gone_forward, taken_back
from jobs.approvals.records import Decision, Ending, Settlement, Verdict
from tests.jobs.aliases.team import PRODUCTION
from tests.records import BOB, CAROL, an_approval

Event = Literal["approve", "roll back", "emergency", "emergency, then rejected"]
EVENTS: tuple[Event, ...] = ("approve", "roll back", "emergency", "emergency, then rejected")
REJECTED = an_approval(
    decisions=(Decision(CAROL, Verdict.REJECT, "", "no", 1.0),), settled=Settlement(Ending.REJECTED, "", 1.0)
)


def approved(alias: Alias | None, model: str) -> Alias:
    number = alias.version + 1 if alias else 1
    target = Target(model, "local", f"rft-{model}", "ckpt-1", number, f"rft-{model}")
    move = AliasMove(number, target, MoveKind.APPROVED, BOB, 1.0, "because")
    return Alias(PRODUCTION, "acts", (*(alias.moves if alias else ()), move))


def proposal(alias: Alias, goal: AliasMove, *, emergency: bool) -> Proposal:
    return Proposal(
        "move-1", PRODUCTION, "acts", emergency, alias.version, alias.version, goal.number, BOB, 1.0, "worse", "C"
    )


def after(alias: Alias, event: Event, goal: AliasMove) -> Alias:
    asked = proposal(alias, goal, emergency=event != "roll back")
    back = taken_back(alias, asked, approved_by=(), now=2.0)
    if event == "emergency, then rejected":
        return gone_forward(back, asked, REJECTED, 3.0)
    return back


@given(st.lists(st.sampled_from(EVENTS), max_size=25))
def test_going_back_is_an_undo_of_what_was_approved(events: list[Event]) -> None:
    alias, standing = approved(None, "m0"), ["m0"]
    for number, event in enumerate(events, 1):
        goal = undone_by_rollback(alias)
        assert (goal.target.model if goal else None) == (standing[-2] if len(standing) > 1 else None)
        if event == "approve":
            alias = approved(alias, f"m{number}")
            standing.append(f"m{number}")
        elif goal is not None:
            left = alias.model
            alias = after(alias, event, goal)
            assert was_taken_back(alias, left)
            if event != "emergency, then rejected":
                standing.pop()
        assert alias.model == standing[-1]
        assert [move.number for move in alias.moves] == list(range(1, alias.version + 1))


def test_a_model_that_was_never_left_by_a_rollback_was_not_taken_back() -> None:
    alias = approved(approved(None, "m0"), "m1")
    assert was_taken_back(alias, "m0") is None
    assert undone_by_rollback(replace(alias, moves=alias.moves[:1])) is None
