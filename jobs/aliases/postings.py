"""The line that tells of a move of an alias, with the id under which it is posted once."""

from jobs.aliases.records import Alias, AliasMove, MoveKind
from jobs.core.records import Job, Posting, PostingKind

MOST_REASON = 300


def moved_posting(alias: Alias, job: Job) -> Posting:
    """Return the line that tells a job's thread, and the channel, what an alias points at now."""
    move = alias.current
    by_itself = move.kind is not MoveKind.APPROVED
    return Posting(
        id=f"alias:{alias.name}:{move.number}",
        kind=PostingKind.STATUS,
        lane=f"thread:{job.id}",
        subject=job.id,
        channel=job.request.channel,
        user=None if by_itself else move.by,
        text=said(alias),
        broadcast=True,
    )


def said(alias: Alias) -> str:
    """Return in words what the newest move of an alias did."""
    move = alias.current
    before = alias.move(move.number - 1) if move.number > 1 else None
    now = f"now points at {place(move)}"
    points = f"{now} (was {place(before)})" if before else f"{now} (it is new)"
    was = f"{alias.name} {points}"
    why = " ".join(move.reason.split()).rstrip(".")[:MOST_REASON]
    match move.kind:
        case MoveKind.APPROVED:
            return f"moved {alias.name}: it {points}. Reason: {why}"
        case MoveKind.ROLLBACK:
            return f"Rolled back, as approved: {was}. Reason: {why}."
        case MoveKind.EMERGENCY:
            return f"Emergency rollback: {was}. Reason: {why}."
        case MoveKind.RESTORED:
            return f"The review rejected the emergency rollback: {was}. Reason: {why}."


def place(move: AliasMove) -> str:
    """Return where a move points, as people say it."""
    return f"step {move.target.step} of {move.target.job}"
