"""What an alias is called, where it pointed, and what is proposed for it. Frozen values; times are unix seconds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from jobs.aliases.call import UNKNOWN, Call
from jobs.core.errors import InvalidRequest
from jobs.core.ids import checkpoint_name
from jobs.core.records import Job

LABEL: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
UNFIT: Final = re.compile(r"[^A-Za-z0-9_.-]+")
MOST_TASK: Final = 60


class MoveKind(StrEnum):
    """Why an alias moved."""

    APPROVED = "approved"
    """To a checkpoint that the team approved."""
    ROLLBACK = "rollback"
    """Back to the model before, approved by the team."""
    EMERGENCY = "emergency"
    """Back to the model before, by one approver, and reviewed afterwards."""
    RESTORED = "restored"
    """Forward again, because the review of an emergency rollback rejected it."""


@dataclass(frozen=True, slots=True)
class Target:
    """An approved model: where an alias can point."""

    model: str
    """The id that the platform calls it by."""
    platform: str
    job: str
    checkpoint: str
    step: int
    approval: str
    """Subject of the approval that stands for the model: the job's id."""
    evidence: str = ""
    """Digest of the evidence that it was approved on."""
    call: Call = UNKNOWN
    """How it is to be asked; of moves from before this was taken down nothing is known."""


@dataclass(frozen=True, slots=True)
class AliasMove:
    """One time that an alias began to point at a model."""

    number: int
    """1 for the first; also the alias's version from then on."""
    target: Target
    kind: MoveKind
    by: str
    """Slack user id of who moved or proposed it; "proctor" if a review restored it."""
    at: float
    reason: str
    approved_by: tuple[str, ...] = ()
    """Who approved this move, the last one last: the checkpoint's approvers, or those of the rollback; empty in an
    emergency."""
    proposal: str | None = None
    """Id of the proposal that led to it."""
    restores: int | None = None
    """The number of the earlier move whose model it points at again."""

    @property
    def mover(self) -> str:
        """Who moved it: of a rollback that was approved, whoever's vote settled it."""
        is_voted = self.kind is MoveKind.ROLLBACK and self.approved_by
        return self.approved_by[-1] if is_voted else self.by

    @property
    def place(self) -> str:
        """Where it points, as people say it."""
        return checkpoint_name(self.target.step, self.target.job)


@dataclass(frozen=True, slots=True)
class Alias:
    """A name such as `eurovoc@production`, and every model it pointed at."""

    name: str
    task: str
    moves: tuple[AliasMove, ...]
    """At least one, newest last."""
    proposal: str | None = None
    """Id of the rollback, or the review of one, that waits for decisions."""

    @property
    def version(self) -> int:
        """Grows by one with each move."""
        return len(self.moves)

    @property
    def current(self) -> AliasMove:
        """The move that says where it points now."""
        return self.moves[-1]

    @property
    def model(self) -> str:
        """The id of the model it points at."""
        return self.current.target.model

    def move(self, number: int) -> AliasMove:
        """Return the move with this number."""
        return self.moves[number - 1]

    def before(self, move: AliasMove) -> AliasMove | None:
        """Return the move before one, or None for the first."""
        return self.move(move.number - 1) if move.number > 1 else None

    def as_json(self, move: AliasMove) -> Mapping[str, object]:
        """Return what production is told of a move, in the one form that the page, the shell and the webhook share."""
        return {
            "alias": self.name,
            "model": move.target.model,
            "platform": move.target.platform,
            "job": move.target.job,
            "step": move.target.step,
            "since": datetime.fromtimestamp(int(move.at), UTC).isoformat().replace("+00:00", "Z"),
            "version": move.number,
            **move.target.call.as_json(),
        }


class ProposalState(StrEnum):
    """Where a proposal stands."""

    OPEN = "open"
    DONE = "done"
    """Approved: a rollback has moved the alias, an emergency rollback stands."""
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    """The alias was moved to another model meanwhile."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rollback that waits for approval, or one done in an emergency that waits for its review."""

    id: str
    """`move-` and six letters; also the subject of its approval."""
    alias: str
    task: str
    emergency: bool
    version: int
    """Of the alias when this was proposed; with an emergency, after it had moved."""
    leaves: int
    """Number of the move whose model the alias leaves."""
    returns_to: int
    """Number of the move whose model it goes back to."""
    by: str
    at: float
    reason: str
    channel: str
    state: ProposalState = ProposalState.OPEN
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """One move of an alias on its way to the webhook."""

    id: str
    """`<alias>:<version>`."""
    alias: str
    version: int
    made_at: float
    attempts: int = 0
    last_answer: str | None = None
    delivered_at: float | None = None
    given_up_at: float | None = None


# -- names ---------------------------------------------------------------------------------------------------------


def task_part(task: str) -> str:
    """Return the part of an alias that names its task; characters that do not suit an address become dashes."""
    return UNFIT.sub("-", task).strip("-")[:MOST_TASK] or "task"


def alias_of(job: Job) -> str:
    """Return the alias that a job's approved checkpoint goes to, unless somebody chooses another."""
    return f"{task_part(job.task)}@{job.alias}"


def read_alias(typed: str, task: str) -> str:
    """Return the full name of the alias of a task that was typed, as `production` or `eurovoc@production`.

    Raises:
        InvalidRequest: it is another task's, or no name at all.
    """
    own = task_part(task)
    before, at, label = typed.strip().rpartition("@")
    if at and before != own:
        raise InvalidRequest(f"'{typed.strip()}' is not an alias of {own}; its aliases begin with '{own}@'.")
    if not LABEL.fullmatch(label):
        raise InvalidRequest(
            f"'{label}' cannot be the name of an alias: 1 to 40 lower-case letters, digits, dots, dashes or "
            "underscores, beginning with a letter or digit, such as 'production'."
        )
    return f"{own}@{label}"


# -- undo ----------------------------------------------------------------------------------------------------------


def undone_by_rollback(alias: Alias) -> AliasMove | None:
    """Return the move that a rollback would return to; None if the alias points at the first model it had.

    A rollback is an undo: after an alias went from A to B and back to A, there is nothing before A to go back to, least
    of all B.
    """
    standing: list[int] = []
    for move in alias.moves:
        match move.kind:
            case MoveKind.APPROVED:
                standing.append(move.number)
            case MoveKind.RESTORED:
                assert move.restores is not None, "a restored move names the one it restores"
                standing.append(move.restores)
            case MoveKind.ROLLBACK | MoveKind.EMERGENCY:
                while standing and standing[-1] != move.restores:
                    standing.pop()
    return alias.move(standing[-2]) if len(standing) > 1 else None


def was_taken_back(alias: Alias, model: str) -> AliasMove | None:
    """Return the newest rollback that took the alias away from a model, or None."""
    for move in reversed(alias.moves):
        before = alias.before(move)
        if before and before.target.model == model and move.kind in {MoveKind.ROLLBACK, MoveKind.EMERGENCY}:
            return move
    return None
