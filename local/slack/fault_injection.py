"""Faults asked for over the control API: what goes wrong, with which method, how many times; and how it strikes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from aiohttp import web

from local.slack.errors import ControlError
from local.slack.traffic_log import TrafficLog

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
MethodFaultKind: TypeAlias = Literal["error", "ratelimited", "server_error", "drop_before", "drop_after", "delay"]
SocketFaultKind: TypeAlias = Literal["refuse_sockets", "lose_envelopes", "repeat_envelopes"]

_KNOWN = (*get_args(MethodFaultKind), "disconnect", "drop_sockets", "redeliver", *get_args(SocketFaultKind), "clear")


@dataclass(frozen=True, slots=True)
class MethodFault:
    """One thing that goes wrong with the next `times` calls of a Web API method.

    `method` may also be `response_url`, `upload`, `download` (of a file by the app) or `*` (any Web API method).
    `error` answers `{"ok": false}` with the given error; `ratelimited` answers 429; `server_error` answers 503;
    `drop_before` closes the connection without doing anything; `drop_after` does it and then closes the connection;
    `delay` waits `seconds` first.
    """

    method: str
    kind: MethodFaultKind
    times: int = 1
    error: str = "internal_error"
    retry_after: int = 1
    seconds: float = 1.0


@dataclass(slots=True)
class Faults:
    """The faults still to come."""

    traffic: TrafficLog
    _methods: list[MethodFault] = field(default_factory=list)
    _counts: dict[SocketFaultKind, int] = field(default_factory=dict)

    def add(self, fault: MethodFault) -> None:
        """Line a fault up behind those already asked for."""
        self._methods.append(fault)

    def set_count(self, kind: SocketFaultKind, times: int) -> None:
        """Let the next `times` handshakes or envelopes go wrong; 0 ends it."""
        self._counts[kind] = times

    def strikes(self, kind: SocketFaultKind) -> bool:
        """Whether this handshake or envelope goes wrong; counts it."""
        left = self._counts.get(kind, 0)
        self._counts[kind] = max(0, left - 1)
        return left > 0

    def reset(self) -> None:
        """From now on all is well."""
        self._methods.clear()
        self._counts.clear()

    def wrap(self, handler: Handler, name: str = "") -> Handler:
        """The same handler, unless a fault strikes.

        Args:
            handler: what happens when all is well.
            name: `upload`, `download` or `response_url`; without it, the Web API method of the request.
        """

        async def handle(request: web.Request) -> web.StreamResponse:
            method = name or request.match_info["method"]
            fault = self._take(method)
            if fault is None:
                return await handler(request)
            self.traffic.note("to_app", "fault", method, fault=fault.kind)
            if fault.kind == "delay":
                await asyncio.sleep(fault.seconds)
                return await handler(request)
            # Whatever is said instead, the client gets to finish sending first.
            await (handler(request) if fault.kind == "drop_after" else request.read())
            return _failure(fault, request, error_status=500 if name else 200)

        return handle

    def _take(self, method: str) -> MethodFault | None:
        for index, fault in enumerate(self._methods):
            if fault.method in (method, "*"):
                left = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                self._methods[index : index + 1] = left
                return fault
        return None


def method_fault(body: Mapping[str, Any]) -> MethodFault:
    """Read a fault as asked for over the control API."""
    kind: Any = body.get("fault")
    if kind not in get_args(MethodFaultKind):
        raise ControlError(f"No fault is called {kind!r}. There are: {', '.join(_KNOWN)}.")
    if not isinstance(body.get("method"), str):
        raise ControlError(f"Fault {kind} needs a method, such as chat.postMessage.")
    try:
        return MethodFault(
            method=body["method"],
            kind=kind,
            times=int(body.get("times", 1)),
            error=str(body.get("error", "internal_error")),
            retry_after=int(body.get("retry_after", 1)),
            seconds=float(body.get("seconds", 1.0)),
        )
    except (TypeError, ValueError) as error:
        raise ControlError(f"times, retry_after and seconds are numbers: {error}.") from None


def rate_limited(seconds: int) -> web.Response:
    """Slack's 429."""
    headers = {"Retry-After": str(seconds)}
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)


def _failure(fault: MethodFault, request: web.Request, *, error_status: int) -> web.Response:
    if fault.kind == "ratelimited":
        return rate_limited(fault.retry_after)
    if fault.kind == "server_error":
        return web.json_response({"ok": False, "error": "service_unavailable"}, status=503)
    if fault.kind == "error":
        return web.json_response({"ok": False, "error": fault.error}, status=error_status)
    # Close the connection under the client; the response made here is never sent.
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
