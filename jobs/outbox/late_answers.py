"""Answers that could not be given at once: posted by the outbox, seen by one person."""

from typing import Final

from jobs.core.records import Posting, PostingKind

LATE_ANSWERS: Final = "answer"
"""What the ids of late answers begin with; their ledgers are dropped after a week."""


def is_late_answer(posting: Posting) -> bool:
    """Tell whether this is one of `late_answer`, whose text is in Slack's markup."""
    return posting.subject.startswith(f"{LATE_ANSWERS}:")


def late_answer(name: str, text: str, *, user: str, channel: str) -> Posting:
    """Return a sentence that one person sees when it could not be said at once.

    Args:
        name: of what they asked; there is one such answer to it.
        text: in Slack's markup.
        user: Slack user id.
        channel: where they asked; their own id for their conversation with the bot.
    """
    posting_id = f"{LATE_ANSWERS}:{name}"
    return Posting(
        id=posting_id,
        kind=PostingKind.ANSWER,
        lane=posting_id,
        subject=posting_id,
        channel=channel,
        user=user,
        text=text,
    )
