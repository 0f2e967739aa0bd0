"""Answers that could not be given at once: posted by the outbox, seen by one person."""

from typing import Final

from jobs.core.records import Posting, PostingKind

LATE_ANSWERS: Final = "answer"
"""What the ids of late answers begin with; their ledgers are removed after a week."""


def is_late_answer(posting: Posting) -> bool:
    """Tell whether this is one of `late_answer`, whose text is in Slack's markup."""
    return posting.subject.startswith(f"{LATE_ANSWERS}:")


def late_answer(name: str, text: str, *, user: str, channel: str) -> Posting:
    """Return a sentence that one person sees, if it could not be said at once.

    Args:
        name: of their request, which has one such answer.
        text: in Slack's markup.
        user: Slack user id.
        channel: where they asked; their own user id for their direct messages with the bot.
    """
    posting_id = f"{LATE_ANSWERS}:{name}"
    return Posting(posting_id, PostingKind.ANSWER, posting_id, posting_id, channel, user=user, text=text)
