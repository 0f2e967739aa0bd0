"""Lets a fault strike a request: before it is worked on, after, or instead."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from local.slack.faults import MethodFault
from local.slack.workspace import Workspace


async def under_faults(
    workspace: Workspace,
    request: web.Request,
    name: str,
    work: Callable[[], Awaitable[web.StreamResponse]],
    *,
    error_status: int = 200,
) -> web.StreamResponse:
    """Do the work, unless a fault asked for with `name` strikes.

    Args:
        workspace: holds the faults still to come.
        request: the connection a fault may close.
        name: a Web API method, `upload`, `download` or `response_url`.
        work: what to do and answer when all is well.
        error_status: the HTTP status that goes with the fault `error` here; the Web API says no with 200.
    """
    fault = workspace.faults.take(name)
    if fault is None:
        return await work()
    workspace.traffic.note("to_app", "fault", name, fault=fault.kind)
    match fault.kind:
        case "delay":
            await asyncio.sleep(fault.seconds)
            return await work()
        case "drop_before":
            return _drop(request)
        case "drop_after":
            await work()
            return _drop(request)
        case "error" | "ratelimited" | "server_error":
            return _said_no(fault, error_status)


def rate_limited(seconds: int) -> web.Response:
    """Slack's 429."""
    headers = {"Retry-After": str(seconds)}
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)


def _said_no(fault: MethodFault, error_status: int) -> web.Response:
    if fault.kind == "ratelimited":
        return rate_limited(fault.retry_after)
    if fault.kind == "server_error":
        return web.json_response({"ok": False, "error": "service_unavailable"}, status=503)
    return web.json_response({"ok": False, "error": fault.error}, status=error_status)


def _drop(request: web.Request) -> web.StreamResponse:
    """Close the connection under the client; the response made here is never sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
