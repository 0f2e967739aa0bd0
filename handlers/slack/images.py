"""Pictures in messages: drawn, uploaded, and ready to be named in an image block."""

import asyncio
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final
from weakref import WeakValueDictionary

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from charts import Chart, ChartFailed, ChartPool, describe
from handlers.slack.files import upload
from jobs.state.store import Store

FIRST_LOOK: Final = 0.1
"""Seconds; doubles up to a second. Slack processes a file within a few seconds or not at all."""
KEPT: Final = 2 * 24 * 3600.0
"""Seconds for which an uploaded picture is remembered."""

log: Final = structlog.get_logger(__name__)


@dataclass
class Pictures:
    """Turns charts into files that our messages can show; the same chart is drawn and uploaded once."""

    pool: ChartPool
    client: AsyncWebClient
    """Uploads with the same token that posts, or Slack refuses the block."""
    store: Store
    looks: int = 12
    """How often to ask whether Slack has processed a file before doing without it."""
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def file_of(self, chart: Chart, name: str) -> str | None:
        """Draw, upload and wait until Slack can show it; return the file id, or None where that fails.

        A message without its picture gives the numbers in words instead, so nothing is raised. Two messages that want
        one picture at the same moment get the same file.
        """
        key = picture_key(chart)
        async with self._locks.setdefault(key, asyncio.Lock()):
            file = await self.store.picture(key)
            if file is None:
                file = await self._uploaded(chart, name)
                if file is not None:
                    await self.store.keep_picture(key, file, seconds=KEPT)
            return file

    async def _uploaded(self, chart: Chart, name: str) -> str | None:
        try:
            png = await self.pool.render(chart)
            file = await upload(self.client, f"{name}.png", png, seconds=20, alt=describe(chart))
            # Completed without a channel: the file stays private to us until a message of ours shows it.
            await self.client.files_completeUploadExternal(files=[{"id": file, "title": name}])
            await self._until_processed(file)
        except (ChartFailed, SlackApiError, aiohttp.ClientError, TimeoutError) as failure:
            log.warning("picture.failed", name=name, reason=str(failure) or type(failure).__name__)
            return None
        return file

    async def _until_processed(self, file: str) -> None:
        """Wait until Slack knows the file's type; before that an image block naming it is refused."""
        wait = FIRST_LOOK
        for _ in range(self.looks):
            info = await self.client.files_info(file=file)
            if info["file"].get("mimetype"):
                return
            await asyncio.sleep(wait)
            wait = min(1.0, wait * 2)
        raise TimeoutError(f"Slack did not process file {file}")


def picture_key(chart: Chart) -> str:
    """Return what tells a picture from every other: a digest of the values it is drawn from, 32 hex digits."""
    return sha256(repr(chart).encode()).hexdigest()[:32]
