"""Answering the one person who asked."""

from slack_bolt.async_app import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers.blocks import Message


async def answer(respond: AsyncRespond, message: Message) -> None:
    """Answer a command where it was typed."""
    await respond(text=message.text, blocks=list(message.blocks) or None, response_type="ephemeral")


async def whisper(client: AsyncWebClient, message: Message, user: str, channel: str) -> None:
    """Show a message to one person; posted by the bot itself, since a response_url refuses our pictures."""
    await client.chat_postEphemeral(channel=channel, user=user, text=message.text, blocks=list(message.blocks))
