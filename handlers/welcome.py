"""What the bot says when it is invited to a channel, and when somebody mentions it."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from handlers.help import Commands, ways_to_begin
from handlers.slack.blocks import Message, section
from handlers.slack.listeners import Listeners
from handlers.slack.replies import whisper

GREETING: Final = (
    "I am Proctor. I evaluate models, launch reinforcement fine-tuning jobs and watch them here, and take your team's "
    "approval before a model goes to production."
)
ALIKE: Final = 0.75
"""How much of a word and a verb must agree: ordinary words are near to short verbs."""
MOST_WORD: Final = 40
MOST_SAID: Final = 60
"""Words that are looked at."""
MENTION: Final = re.compile(r"<@[UW][A-Z0-9]+(\|[^>]*)?>")


def register(listeners: Listeners) -> None:
    """Listen to invitations and to mentions."""
    listeners.event("member_joined_channel", greet_channel)
    listeners.event("app_mention", answer_mention)


async def greet_channel(
    ack: AsyncAck, event: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient, again: bool
) -> None:
    """Say what the bot does when it is the bot that joined a channel."""
    await ack()
    if event.get("user") == context.bot_user_id and not again:
        shown = greeting()
        await client.chat_postMessage(channel=str(event["channel"]), text=shown.text, blocks=list(shown.blocks))


async def answer_mention(ack: AsyncAck, event: dict[str, Any], client: AsyncWebClient, commands: Commands) -> None:
    """Answer a mention: with the command that was probably meant, or with what the bot does."""
    await ack()
    said = MENTION.sub(" ", str(event.get("text") or ""))
    meant = command_meant(said, commands)
    await whisper(client, greeting(meant), str(event["user"]), str(event["channel"]), event.get("thread_ts"))


def greeting(meant: str | None = None) -> Message:
    """Return what the bot does, with the three ways to begin; `meant` is a command to say first."""
    text = f"I listen to commands: type `{meant}`." if meant else GREETING
    return Message(text, (section(text), ways_to_begin("welcome:begin")))


def command_meant(said: str, commands: Commands) -> str | None:
    """Return the command whose verb is among the words, or nearest to one of them; None if none is near."""
    verbs = {verb.name: f"{slash} {verb.name}" for slash, known in commands.items() for verb in known}
    words = [word.strip(".,:;?!`").lower() for word in said.split()[:MOST_SAID]]
    exact = next((word for word in words if word in verbs), None)
    name = exact or _nearest(words, list(verbs))
    return verbs[name] if name else None


def _nearest(words: Sequence[str], names: Sequence[str]) -> str | None:
    alike = ((SequenceMatcher(None, word[:MOST_WORD], name).ratio(), name) for word in words for name in names)
    likeness, name = max(alike, default=(0.0, ""))
    return name if likeness >= ALIKE else None
