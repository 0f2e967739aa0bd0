"""Files: those that people attach to messages, and those that the bot uploads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from jobs.core.errors import Conflict, NotAllowed, NotFound
from jobs.core.nearest import quoted
from jobs.tasks.datasets.uploads import check_size

GONE: Final = frozenset({"tombstone", "hidden_by_limit"})
"""Modes of files whose bytes Slack no longer hands out."""
UNSEEN: Final = frozenset({"file_not_found", "file_deleted", "not_visible", "access_denied"})
CHUNK: Final = 1 << 18
DOWNLOAD: Final = aiohttp.ClientTimeout(total=300.0, sock_connect=30.0, sock_read=30.0)


@dataclass(frozen=True, slots=True)
class SlackFile:
    """A file of a message; `size` is in bytes, None where Slack did not say it."""

    id: str
    name: str
    size: int | None
    url: str


def files_of(message: Mapping[str, Any]) -> tuple[SlackFile, ...]:
    """Return the files of a message that can be downloaded.

    Raises:
        NotFound: it has none; in a sentence that says what to do.
    """
    attached = message.get("files") or []
    if not attached:
        raise NotFound("This message has no file. Use the shortcut on a message with a JSONL or CSV file.")
    kept = tuple(_read(file) for file in attached if file.get("mode") not in GONE and not file.get("is_external"))
    if not kept:
        raise NotFound("The file of this message was deleted, or is kept outside Slack. Upload the file itself.")
    return kept


async def look_up(client: AsyncWebClient, file_id: str) -> SlackFile:
    """Return what a file is now; raises NotFound where it is gone or the bot cannot see it."""
    try:
        answer = await client.files_info(file=file_id)
    except SlackApiError as error:
        if error.response.get("error") in UNSEEN:
            raise NotFound("I cannot see that file any more: it was deleted, or I am not in its channel.") from None
        raise
    return files_of({"files": [answer["file"]]})[0]


async def download(client: AsyncWebClient, file: SlackFile) -> bytes:
    """Return the bytes of a file; it may be as large as an uploaded data set.

    The token goes to Slack's own file host only, and no redirect is followed.

    Raises:
        InvalidRequest: it is too large; found out before the rest is read.
        NotAllowed: it is stored elsewhere, or Slack wants somebody to sign in.
        Conflict: the download failed; trying again may help.
    """
    check_size(file.size or 0, file.name)
    if not is_files_host(file.url, client.base_url):
        raise NotAllowed(f"{quoted(file.name)} is not kept by Slack itself, and I download from nowhere else.")
    headers = {"Authorization": f"Bearer {client.token}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=DOWNLOAD, headers=headers) as session,
            session.get(file.url, allow_redirects=False) as answer,
        ):
            _require_file(answer, file)
            content = bytearray()
            async for chunk in answer.content.iter_chunked(CHUNK):
                content += chunk
                check_size(len(content), file.name)
            return bytes(content)
    except (aiohttp.ClientError, TimeoutError) as failure:
        why = str(failure) or type(failure).__name__
        raise Conflict(
            f"{quoted(file.name)} could not be downloaded from Slack ({why}). Use the shortcut again."
        ) from failure


async def upload(client: AsyncWebClient, name: str, content: bytes, *, seconds: float, alt: str | None = None) -> str:
    """Upload a file within so many seconds; nobody sees it until its id is given to `files_completeUploadExternal`.

    Raises:
        SlackApiError, aiohttp.ClientError, TimeoutError: as Slack or the connection failed.
    """
    ticket = await client.files_getUploadURLExternal(filename=name, length=len(content), alt_txt=alt)
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds)) as session,
        session.post(str(ticket["upload_url"]), data=content) as answer,
    ):
        answer.raise_for_status()
    return str(ticket["file_id"])


async def hand_over(client: AsyncWebClient, user: str, name: str, content: bytes, words: str) -> None:
    """Put a file into a person's conversation with the bot, under a line that says what it is.

    Raises:
        Conflict: Slack did not take the file; trying again may help.
    """
    line = await client.chat_postMessage(channel=user, text=words)
    try:
        file = await upload(client, name, content, seconds=120)
    except (aiohttp.ClientError, TimeoutError) as failure:
        raise Conflict("Slack did not take the file. Ask for it again.") from failure
    await client.files_completeUploadExternal(
        files=[{"id": file, "title": name}], channel_id=str(line["channel"]), thread_ts=str(line["ts"])
    )


def is_files_host(url: str, api_url: str) -> bool:
    """Tell whether an address belongs to the host of Slack's Web API or to its `files.` neighbour."""
    try:
        given, api = urlsplit(url), urlsplit(api_url)
        same_door = (given.scheme, given.port) == (api.scheme, api.port)
    except ValueError:
        return False
    host = (api.hostname or "").removeprefix("www.")
    return same_door and given.hostname in {host, f"files.{host}"}


def _read(file: Mapping[str, Any]) -> SlackFile:
    size = file.get("size")
    return SlackFile(
        id=str(file["id"]),
        name=str(file.get("name") or file.get("title") or file["id"]),
        size=size if isinstance(size, int) else None,
        url=str(file.get("url_private") or ""),
    )


def _require_file(answer: aiohttp.ClientResponse, file: SlackFile) -> None:
    # Without the right to a file Slack does not say no: it shows its page to sign in.
    if answer.status in range(300, 400) or answer.content_type == "text/html":
        raise NotAllowed(
            f"Slack does not hand out {quoted(file.name)} to me. Does the app have the scope files:read, and is it in "
            "the file's channel?"
        )
    if answer.status != 200:
        raise Conflict(
            f"{quoted(file.name)} could not be downloaded: Slack answered {answer.status}. Use the shortcut again."
        )
