"""The only door to the platforms, and the only file that imports openai: requests out, plain JSON or a failure back.

Answers are read as JSON, not through the SDK's models: those turn `"error": {}` into a truthy error, read a `multi`
grader as a string check, and hand out a bare string where a proxy answers with a page.
The SDK retries by itself, new jobs included, and sends no idempotency key; so it may retry nothing here. What is safe
to repeat is repeated by `Client.ask`; what would happen twice if sent twice is sent once.

To import the SDK would be a quarter of the bot's start; so a thread does it, with the first request or with `load`.
"""

import asyncio
import json
import random
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from email.utils import parsedate_to_datetime
from functools import cache
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import httpx2

from jobs.core.errors import InvalidRequest, PlatformUnavailable
from jobs.core.series import JsonObject
from jobs.platforms.errors import Failure, Meaning, NoAnswer, Refusal, Request, platform_error, scrub
from jobs.platforms.parse import text
from jobs.platforms.profiles import Profile

if TYPE_CHECKING:
    import openai

READ_ATTEMPTS = 3
LONGEST_WAIT = 20.0
"""Seconds a read waits before it is tried again; a platform that asks for more is asked at the next poll instead."""
ANSWER_SECONDS = 30.0
"""From the question to the last byte of the answer."""
CONNECT_SECONDS = 5.0
PAGE = 100
CONNECTIONS = 50
"""For everything but questions to models, which have as many again as the profile allows at once."""

Items = list[dict[str, Any]]
Kinds = tuple[type[Exception], ...]
Sleep = Callable[[float], Awaitable[None]]


def load() -> None:
    """Import the SDK, so that the first request need not; takes some tenths of a second of this thread."""
    import openai  # noqa: F401, PLC0415 - see the module's docstring


@cache
def meanings() -> Mapping[type[Exception], Meaning]:
    """Return what each exception of the SDK says about the request; anything else it raises is a bug of ours."""
    import openai  # noqa: PLC0415 - see the module's docstring

    return {
        openai.APIStatusError: "refused",
        openai.APIConnectionError: "no_answer",
        openai.APIResponseValidationError: "unreadable",
        openai.APIError: "unreadable",
        openai.LengthFinishReasonError: "cut_short",
        openai.ContentFilterFinishReasonError: "cut_short",
        openai.InvalidWebhookSignatureError: "not_genuine",
        openai.WebSocketConnectionClosedError: "no_answer",
        openai.WebSocketQueueFullError: "no_answer",
        aiohttp.ClientError: "no_answer",  # what the SDK's aiohttp transport leaves unmapped, as a malformed answer
        TimeoutError: "no_answer",  # the deadline over a whole answer; the SDK's own counts from one read to the next
    }


class Client:
    """Puts requests to one platform through the OpenAI SDK.

    `http` is an HTTP client to use instead of one of its own, closed with this one; `answer_seconds` is how long an
    answer may take, unless the request says so itself.
    """

    def __init__(
        self, profile: Profile, api_key: str, http: httpx2.AsyncClient | None, *, sleep: Sleep, answer_seconds: float
    ) -> None:
        self._profile = profile
        self._key = api_key.strip()
        self._sleep = sleep
        self._answer_seconds = answer_seconds
        self.http = http
        self._sdk: openai.AsyncOpenAI | None = None

    async def sdk(self) -> "openai.AsyncOpenAI":
        """Return the SDK's client of this platform, made when it is first needed."""
        if self._sdk is None:
            await asyncio.to_thread(load)
        if self._sdk is None:  # nobody else has made it meanwhile
            self.http, self._sdk = _made(self._profile, self._key, self.http)
        return self._sdk

    async def aclose(self) -> None:
        """Close the connections."""
        if self.http:
            await self.http.aclose()

    async def ask(self, request: Request) -> JsonObject:
        """Return the answer to a request. What may be repeated is tried again when the platform is unavailable.

        Raises:
            PlatformUnavailable: no usable answer came.
            PlatformRejected: the platform said no.
            InvalidRequest: there is no key to ask with.
        """
        self.require_key()
        attempt = 1
        while True:
            try:
                return await self.send(request)
            except NoAnswer as failure:
                error = platform_error(self._profile, request, failure.failure)
            if not isinstance(error, PlatformUnavailable) or request.once or attempt == READ_ATTEMPTS:
                raise error
            wait = error.retry_after or 0.5 * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)
            if wait > LONGEST_WAIT:
                raise error
            await self._sleep(wait)
            attempt += 1

    async def pages(self, request: Request, first: int = PAGE) -> AsyncGenerator[Items, None]:
        """Yield the pages of a listing, entries with an id only; `first` is how many entries the first page has.

        Ends where the platform says so, and also where it pages in circles.
        """
        query = {**request.query, "limit": first}
        cursors: set[str] = set()
        while True:
            answer = await self.ask(replace(request, query=query))
            found = items(answer)
            yield found
            after = found[-1]["id"] if found else None
            if after is None or after in cursors or answer.get("has_more") is False:
                return
            cursors.add(after)
            query = {**request.query, "limit": PAGE, "after": after}

    async def send(self, request: Request) -> JsonObject:
        """Send a request once and return the answer; raises NoAnswer."""
        sdk = await self.sdk()
        try:
            async with asyncio.timeout(request.seconds or self._answer_seconds):
                body = (await _sent(sdk, request)).text
        except tuple(meanings()) as error:
            # without its cause: that one holds the request, and the request holds the key
            raise NoAnswer(self._failure(error)) from None
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise NoAnswer(Failure("unreadable"))
        return answer

    async def lines(self, file_id: str) -> AsyncGenerator[bytes, None]:
        """Yield the lines of an uploaded file that are not blank; raises NoAnswer where it does not come in whole."""
        rest, sdk = b"", await self.sdk()
        # while the content comes in, the SDK maps nothing of the HTTP client's
        broken: Kinds = (*meanings(), httpx2.HTTPError)
        try:
            async with sdk.files.with_streaming_response.content(file_id) as answer:
                async for chunk in answer.iter_bytes():
                    *whole, rest = (rest + chunk).split(b"\n")
                    for line in filter(bytes.strip, whole):
                        yield line
        except broken:
            raise NoAnswer(Failure("unreadable")) from None
        if rest.strip():
            yield rest

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

    def _failure(self, error: Exception) -> Failure:
        """Return what happened.

        The SDK's aiohttp transport turns a refused and a dropped connection into the same time-out; only aiohttp's own
        exception beneath tells them apart. Nothing was sent only where it is certain that no connection was made.
        """
        import openai  # noqa: PLC0415 - see the module's docstring

        beneath = tuple(_causes(error))
        if any(isinstance(each, aiohttp.ClientError) for each in beneath):
            unmade: Kinds = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
            late: Kinds = (TimeoutError,)
        else:
            unmade = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
            late = (TimeoutError, httpx2.TimeoutException)
        return Failure(
            meaning_of(error),
            _refusal(error, self._key) if isinstance(error, openai.APIStatusError) else None,
            reached=not any(isinstance(each, unmade) for each in beneath),
            timed_out=any(isinstance(each, late) for each in beneath),
        )


def items(answer: JsonObject) -> Items:
    """Return the entries of a listing that have an id."""
    data = answer.get("data")
    return [each for each in data if isinstance(each, dict) and text(each, "id")] if isinstance(data, list) else []


def meaning_of(error: Exception) -> Meaning:
    """Return what an exception named in `meanings`, or derived from one there, says about the request."""
    known = meanings()
    return next(known[kind] for kind in type(error).__mro__ if kind in known)


def _made(
    profile: Profile, key: str, http: httpx2.AsyncClient | None
) -> tuple[httpx2.AsyncClient, "openai.AsyncOpenAI"]:
    """Return a client on aiohttp, or on `http`. A platform on this machine is never asked through a proxy."""
    import openai  # noqa: PLC0415 - see the module's docstring

    connections = CONNECTIONS + profile.max_concurrency
    is_here = urlsplit(profile.base_url).hostname in {"127.0.0.1", "::1", "localhost"}
    used = http or openai.DefaultAioHttpClient(
        trust_env=not is_here,
        limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
    )
    timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
    return used, openai.AsyncOpenAI(
        base_url=profile.base_url, api_key=key or "none", max_retries=0, timeout=timeout, http_client=used
    )


async def _sent(sdk: "openai.AsyncOpenAI", request: Request) -> httpx2.Response:
    # past the SDK's typed methods: their models cost more than the request, and misread what they get
    path, answer = request.path, httpx2.Response
    match request.method:
        case "GET":
            return await sdk.get(path, cast_to=answer, options={"params": request.query})
        case "DELETE":
            return await sdk.delete(path, cast_to=answer)
        case "POST" if request.file:
            multipart = {"Content-Type": "multipart/form-data"}
            return await sdk.post(
                path,
                cast_to=answer,
                body=request.body,
                files={"file": request.file},
                options={"headers": multipart},
            )
    return await sdk.post(path, cast_to=answer, body=request.body)


def _refusal(error: "openai.APIStatusError", key: str) -> Refusal:
    body = error.body if isinstance(error.body, dict) else {}
    return Refusal(
        status=error.status_code,
        message=scrub(text(body, "message") or "", key),
        code=text(body, "code"),
        kind=text(body, "type"),
        param=text(body, "param"),
        retry_after=_retry_after(error.response.headers),
        asks_again=error.response.headers.get("x-should-retry") == "true",
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that Retry-After, a number or a date, asks to wait; None where it asks nothing."""
    said = headers.get("retry-after", "")
    with suppress(ValueError):
        seconds = float(said)
        return seconds if 0 < seconds < float("inf") else None
    with suppress(ValueError):
        return max(parsedate_to_datetime(said).timestamp() - time(), 0.0) or None
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
