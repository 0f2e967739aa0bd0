"""Is this process alive, and can it do its work: /healthz, /readyz and the client of `python -m bot health`.

/healthz answers 200 as long as the event loop turns; a supervisor restarts a process that does not answer. /readyz runs
the checks it was given and answers 503 when one of them fails; nobody should be killed for that, Redis may be away.
"""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bot.stopping import LAST_REQUESTS
from jobs.core.errors import ConfigurationError

log = structlog.stdlib.get_logger(__name__)

CHECK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Condition:
    """What one check found.

    Args:
        ok: whether work can be done.
        detail: what it is that was found, for a person: an age in seconds, a name, a reason.
    """

    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One named question, such as "does Redis answer"; an exception counts as no."""

    name: str
    ask: Callable[[], Awaitable[Condition]]


def health_app(checks: Sequence[Check], *, seconds: float = CHECK_SECONDS) -> web.Application:
    """Return the application with both pages.

    Args:
        checks: what /readyz asks, all at once.
        seconds: how long one check may take before it counts as failed.
    """
    app = web.Application()

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_request: web.Request) -> web.Response:
        found = await asyncio.gather(*(_condition(check, seconds) for check in checks))
        ready = all(condition.ok for condition in found)
        body = {
            "status": "ready" if ready else "not ready",
            "checks": {
                check.name: {"ok": condition.ok, "detail": condition.detail}
                for check, condition in zip(checks, found, strict=True)
            },
        }
        return web.json_response(body, status=200 if ready else 503)

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    return app


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int, *, named: str = "the port") -> AsyncIterator[int]:
    """Serve an application as long as the context lasts; yield its port (a free one where `port` is 0).

    Args:
        app: what is served.
        host: name or address to listen on.
        port: where on it.
        named: the setting the port comes from, for the sentence of the error.

    Raises:
        ConfigurationError: nothing can listen there.
    """
    logger = logging.getLogger(__name__)
    logger.addFilter(_is_about_us)
    runner = web.AppRunner(app, access_log=None, logger=logger, auto_decompress=False, shutdown_timeout=LAST_REQUESTS)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as refused:
            raise ConfigurationError(f"{named}: cannot listen on {host}:{port}: {_reason(refused)}") from None
        address: tuple[str, int] = runner.addresses[0]
        yield address[1]
    finally:
        await runner.cleanup()


async def ask_health(
    port: int, *, page: str = "/healthz", host: str = "127.0.0.1", seconds: float = 5.0
) -> tuple[bool, str]:
    """Ask the bot on `port` for one of its pages; return whether the answer is yes and a line to print."""
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{host}:{port}{page}") as response,
        ):
            return response.status == 200, await response.text()
    except (aiohttp.ClientError, TimeoutError) as failed:
        return False, f"no answer from {host}:{port} ({type(failed).__name__})"


def _is_about_us(record: logging.LogRecord) -> bool:
    """Leave out that somebody sent what is no HTTP: they were answered 400, and the log is not theirs to fill."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError | web.RequestPayloadError))


def _reason(refused: OSError) -> str:
    """Return the system's word for it: asyncio puts a sentence of its own around that, a failed look-up does not."""
    known = refused.errno in errno.errorcode and not isinstance(refused, socket.gaierror)
    return os.strerror(refused.errno).lower() if known and refused.errno else str(refused.strerror or refused)


async def _condition(check: Check, seconds: float) -> Condition:
    try:
        async with asyncio.timeout(seconds):
            return await check.ask()
    except TimeoutError:
        return Condition(ok=False, detail=f"no answer in {seconds:g} s")
    except Exception as failed:  # a check that breaks has failed; that is an answer, not a broken page
        log.warning("check_failed", check=check.name, exc_info=failed)
        return Condition(ok=False, detail=type(failed).__name__)
