"""How what people do reaches the app: the port behind which Socket Mode and HTTP requests stand."""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from local.slack.wire import Json

EnvelopeKind: TypeAlias = Literal["events_api", "slash_commands", "interactive"]
FailureReason: TypeAlias = Literal["operation_timeout", "dispatch_failed"]


@dataclass(frozen=True, slots=True)
class Acked:
    """The app answered in time; `payload` is what it sent along (empty for a bare ack)."""

    payload: Json


@dataclass(frozen=True, slots=True)
class NotAcked:
    """The app did not answer in time, or nothing of it was reachable."""

    reason: FailureReason


Outcome: TypeAlias = Acked | NotAcked


@dataclass(frozen=True, slots=True)
class Envelope:
    """One delivery to the app; `retry_attempt` counts from 0."""

    kind: EnvelopeKind
    payload: Json
    accepts_response: bool = True
    retry_attempt: int = 0
    retry_reason: str = ""


class Delivery(Protocol):
    """Carries one envelope to the app and waits for its ack, no longer than the ack deadline."""

    async def deliver(self, envelope: Envelope) -> Outcome:
        """The app's ack, or why there is none."""
        ...
