"""Links to our own messages in Slack."""

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from jobs.core.ids import card_id
from jobs.state.store import Store


async def link_to(store: Store, client: AsyncWebClient, subject: str, *postings: str) -> str | None:
    """Return a link to the first of a subject's postings that still stands in Slack; None if all are gone."""
    for posting in postings:
        entry = await store.ledger(subject, posting)
        if entry is None or not entry.ts:
            continue
        try:
            found = await client.chat_getPermalink(channel=entry.channel, message_ts=entry.ts)
        except SlackApiError:
            continue  # deleted by hand, or Slack is busy: the line with the link is worth showing without it
        return str(found["permalink"])
    return None


async def card_link(store: Store, client: AsyncWebClient, subject: str) -> str | None:
    """Return a link to the card of a job or an eval."""
    return await link_to(store, client, subject, card_id(subject))


async def approval_link(store: Store, client: AsyncWebClient, subject: str) -> str | None:
    """Return a link to the message with an approval's buttons, or else to its thread."""
    return await link_to(store, client, subject, f"job:{subject}:summary", card_id(subject))


def linked(link: str | None) -> str:
    """Return the end of a line that links to a message, as mrkdwn."""
    return f" <{link}|Open>" if link else ""
