"""Faults asked for over the control API: what goes wrong, with which method, how many times."""

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, get_args

from local.slack.wire import ControlError, Json

MethodFaultKind: TypeAlias = Literal["error", "ratelimited", "server_error", "drop_before", "drop_after", "delay"]
SocketFaultKind: TypeAlias = Literal[
    "disconnect", "drop_sockets", "refuse_sockets", "lose_envelopes", "repeat_envelopes"
]

METHOD_FAULTS: tuple[str, ...] = get_args(MethodFaultKind)
SOCKET_FAULTS: tuple[str, ...] = get_args(SocketFaultKind)


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

    _methods: list[MethodFault] = field(default_factory=list)
    _counts: dict[SocketFaultKind, int] = field(default_factory=dict)

    def add(self, fault: MethodFault) -> None:
        """Line a fault up behind those already asked for."""
        self._methods.append(fault)

    def take(self, method: str) -> MethodFault | None:
        """The fault that hits this call, if one does; it is used up by that."""
        for index, fault in enumerate(self._methods):
            if fault.method in (method, "*"):
                if fault.times > 1:
                    self._methods[index] = replace(fault, times=fault.times - 1)
                else:
                    del self._methods[index]
                return fault
        return None

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


def method_fault(body: Json) -> MethodFault:
    """Read a fault as asked for over the control API."""
    kind = body.get("fault")
    if kind not in METHOD_FAULTS:
        known = ", ".join((*METHOD_FAULTS, *SOCKET_FAULTS, "clear"))
        raise ControlError(f"No fault is called {kind!r}. There are: {known}.")
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
