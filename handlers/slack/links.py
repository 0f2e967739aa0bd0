"""Links to our own messages in Slack."""

from typing import Final

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from jobs.core.ids import card_id
from jobs.state.store import Store

MOST_KNOWN: Final = 2_000
KnownLinks = dict[tuple[str, str], str]
"""Links by channel and timestamp, for whoever asks for the same ones again and again; a link never changes."""


async def link_to(
    store: Store, client: AsyncWebClient, subject: str, *postings: str, known: KnownLinks | None = None
) -> str | None:
    """Return a link to the first of a subject's postings that still stands in Slack; None if all are gone.

    Slack is not asked for what is `known`, and what it says is noted there.
    """
    known = {} if known is None else known
    for posting in postings:
        entry = await store.ledger(subject, posting)
        if entry is None or not entry.ts:
            continue
        if (at := (entry.channel, entry.ts)) in known:
            return known[at]
        try:
            found = await client.chat_getPermalink(channel=entry.channel, message_ts=entry.ts)
        except SlackApiError:
            continue  # deleted by hand, or Slack is busy: the line with the link is worth showing without it
        if len(known) >= MOST_KNOWN:
            known.clear()
        known[at] = str(found["permalink"])
        return known[at]
    return None


async def card_link(store: Store, client: AsyncWebClient, subject: str, known: KnownLinks | None = None) -> str | None:
    """Return a link to the card of a job or an eval."""
    return await link_to(store, client, subject, card_id(subject), known=known)


async def approval_link(
    store: Store, client: AsyncWebClient, subject: str, known: KnownLinks | None = None
) -> str | None:
    """Return a link to the message with an approval's buttons, or else to its thread."""
    return await link_to(store, client, subject, f"job:{subject}:summary", card_id(subject), known=known)


def linked(link: str | None) -> str:
    """Return the end of a line that links to a message, as mrkdwn."""
    return f" <{link}|Open>" if link else ""
