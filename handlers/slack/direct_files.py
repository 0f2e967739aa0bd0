"""Handing a file to one person, in their own conversation with the bot."""

from typing import Final

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from jobs.core.errors import Conflict

LONGEST: Final = 120.0
"""Seconds that an upload may take."""


async def hand_over(client: AsyncWebClient, user: str, name: str, content: bytes, words: str) -> None:
    """Put a file into a person's conversation with the bot, under a line that says what it is.

    Raises:
        Conflict: Slack did not take the file; trying again may help.
    """
    said = await client.chat_postMessage(channel=user, text=words)
    ticket = await client.files_getUploadURLExternal(filename=name, length=len(content))
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=LONGEST)) as session,
            session.post(str(ticket["upload_url"]), data=content) as answer,
        ):
            answer.raise_for_status()
    except (aiohttp.ClientError, TimeoutError) as failure:
        raise Conflict("Slack did not take the file. Ask for it again.") from failure
    await client.files_completeUploadExternal(
        files=[{"id": str(ticket["file_id"]), "title": name}],
        channel_id=str(said["channel"]),
        thread_ts=str(said["ts"]),
    )
