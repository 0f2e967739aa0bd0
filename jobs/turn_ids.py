"""The ids of turns: a job's or an eval's turn has its own id, every other one `<kind>:<id of what it is about>`.

What the engine does for each kind is wired in `bot/abilities.py`.
"""

from typing import Final

from jobs.ledger import is_eval

APPROVAL: Final = "approval"
EVIDENCE: Final = "evidence"
MOVE: Final = "move"
WEBHOOK: Final = "webhook"
DIGEST: Final = "digest"
QUIET: Final = "quiet"


def approval_turn(subject: str) -> str:
    """Return the id of the turns of an approval: its reminder and its end."""
    return f"{APPROVAL}:{subject}"


def evidence_turn(job: str) -> str:
    """Return the id of the turns that gather a job's evidence: beside the job's own turns, not among them."""
    return f"{EVIDENCE}:{job}"


def proposal_turn(proposal: str) -> str:
    """Return the id of the turns of a proposed rollback, or of the review of one."""
    return f"{MOVE}:{proposal}"


def webhook_turn(call: str) -> str:
    """Return the id of the turns of a webhook call."""
    return f"{WEBHOOK}:{call}"


def digest_turn(channel: str) -> str:
    """Return the id of the turns of a channel's daily digest."""
    return f"{DIGEST}:{channel}"


def quiet_turn(record: str) -> str:
    """Return the id of the turn at which a channel hears what its quiet hours kept back."""
    return f"{QUIET}:{record}"


def kind_of_turn(turn_id: str) -> str:
    """Return the kind of work that a turn is: of a job, of an eval, or what stands before the colon of its id."""
    kind, colon, _ = turn_id.partition(":")
    if colon:
        return kind
    return "eval" if is_eval(turn_id) else "turn"


def subject_of_turn(turn_id: str) -> str:
    """Return the id of what a turn is about."""
    kind, colon, subject = turn_id.partition(":")
    return subject if colon else kind
