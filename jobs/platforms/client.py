"""How a platform is asked: with a deadline, again where asking again is safe, page by page, and read as plain JSON.

Knows HTTP's ways of failing, but not the SDK: which exceptions count and what they say is handed in.
"""

import asyncio
import json
import random
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, Protocol

import aiohttp
import httpx2

from jobs.core.errors import InvalidRequest, PlatformError, PlatformUnavailable
from jobs.core.series import JsonObject
from jobs.platforms.errors import Request, unreadable
from jobs.platforms.parse import text
from jobs.platforms.profiles import Profile

READ_ATTEMPTS = 3
LONGEST_WAIT = 20.0
"""Seconds a read waits before it is tried again; a platform that asks for more is asked at the next poll instead."""
ANSWER_SECONDS = 30.0
"""From the question to the last byte of the answer."""


class Answer(Protocol):
    """The SDK's raw response, as far as it is read here."""

    @property
    def text(self) -> str:
        """The body."""
        ...


Call = Callable[[], Awaitable[Answer]]
Items = list[dict[str, Any]]
Sleep = Callable[[float], Awaitable[None]]


class Asker:
    """Puts requests to one platform.

    Args:
        profile: the platform.
        key: its key; the empty string where none is set.
        failures: the exceptions that say something about the platform.
        explain: turns one of them into the error for the person.
        sleep: waits for a number of seconds.
        answer_seconds: how long an answer may take.
    """

    def __init__(
        self,
        profile: Profile,
        key: str,
        *,
        failures: tuple[type[Exception], ...],
        explain: Callable[[Exception, Request], PlatformError],
        sleep: Sleep,
        answer_seconds: float,
    ) -> None:
        self._profile = profile
        self._key = key
        self._failures = failures
        self._explain = explain
        self._sleep = sleep
        self._answer_seconds = answer_seconds

    async def ask(self, request: Request, call: Call, seconds: float | None = None) -> JsonObject:
        """Return the answer to a request. What may be repeated is tried again when the platform is unavailable.

        Args:
            request: what is asked.
            call: asks it once.
            seconds: how long the answer may take; None for the usual time.

        Raises:
            PlatformUnavailable: no usable answer came.
            PlatformRejected: the platform said no.
            InvalidRequest: there is no key to ask with.
        """
        self.require_key()
        for attempt in range(1, READ_ATTEMPTS):
            try:
                return await self._ask_once(request, call, seconds)
            except PlatformUnavailable as error:
                wait = error.retry_after or 0.5 * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)
                if request.once or wait > LONGEST_WAIT:
                    raise
                await self._sleep(wait)
        return await self._ask_once(request, call, seconds)

    async def pages(
        self, request: Request, fetch: Callable[[str | None], Awaitable[Answer]]
    ) -> AsyncGenerator[Items, None]:
        """Yield the pages of a listing, entries with an id only.

        Ends where the platform says so, and also where it pages in circles.

        Args:
            request: what is asked.
            fetch: asks for the page after an id, or for the first page.
        """
        after: str | None = None
        cursors: set[str] = set()
        while True:
            answer = await self.ask(request, _page(fetch, after))
            found = items(answer)
            yield found
            after = found[-1]["id"] if found else None
            if after is None or after in cursors or answer.get("has_more") is False:
                return
            cursors.add(after)

    async def _ask_once(self, request: Request, call: Call, seconds: float | None) -> JsonObject:
        try:
            async with asyncio.timeout(seconds or self._answer_seconds):
                body = (await call()).text
        except self._failures as error:
            # without its cause: that one holds the request, and the request holds the key
            raise self._explain(error, request) from None
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise unreadable(self._profile, request)
        return answer

    def require_key(self) -> None:
        """Raise InvalidRequest, naming the variable, where there is no key to ask with."""
        where = self._profile.api_key_env or "the platform's api_key_env"
        if not self._key:
            raise InvalidRequest(
                f"{self._profile.title} needs a key, and {where} is not set. Set it and restart the bot, or choose "
                "another platform."
            )
        if not re.fullmatch(r"[!-~]+", self._key):
            raise InvalidRequest(f"The key in {where} holds a space or a sign that no key has. Correct it and restart.")


def items(answer: JsonObject) -> Items:
    """Return the entries of a listing that have an id."""
    data = answer.get("data")
    return [each for each in data if isinstance(each, dict) and text(each, "id")] if isinstance(data, list) else []


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that Retry-After, a number or a date, asks to wait; None where it asks nothing."""
    said = headers.get("retry-after", "")
    with suppress(ValueError):
        seconds = float(said)
        return seconds if 0 < seconds < float("inf") else None
    with suppress(ValueError):
        return max(parsedate_to_datetime(said).timestamp() - time(), 0.0) or None
    return None


def was_reached(error: BaseException) -> bool:
    """Tell whether something may have been sent; False only where it is certain that no connection came about.

    The SDK's aiohttp transport turns a refused and a dropped connection into the same time-out; only aiohttp's own
    exception beneath tells them apart.
    """
    beneath = tuple(_causes(error))
    if any(isinstance(each, aiohttp.ClientError) for each in beneath):
        never: tuple[type[Exception], ...] = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
    else:
        never = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
    return not any(isinstance(each, never) for each in beneath)


def timed_out(error: BaseException) -> bool:
    """Tell whether time ran out, as opposed to a dropped connection."""
    beneath = tuple(_causes(error))
    if any(isinstance(each, aiohttp.ClientError) for each in beneath):
        return any(isinstance(each, TimeoutError) for each in beneath)
    return any(isinstance(each, TimeoutError | httpx2.TimeoutException) for each in beneath)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _page(fetch: Callable[[str | None], Awaitable[Answer]], after: str | None) -> Call:
    return lambda: fetch(after)
