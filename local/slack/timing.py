"""How long things last in the workspace, in seconds. Slack's own figures; tests shorten the ones they wait for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Returns the time in Unix seconds; a test of expiry or rate limits passes its own."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Deadlines and delays, all in seconds."""

    ack: float = 3.0
    """An envelope not acked by then has timed out."""
    trigger: float = 3.0
    """A trigger_id opens one view until then."""
    socket_url: float = 30.0
    """A Socket Mode address connects once until then."""
    response_url: float = 1800.0
    """A response_url takes five posts until then."""
    event_retries: tuple[float, ...] = (0.0, 60.0, 300.0)
    """Waits before an event that was not acked is sent again."""
    file_processing: float = 0.3
    """Until then a completed upload has no mimetype and no shares, and no block may show it."""
    stream_heartbeat: float = 15.0
    """Between two signs of life on the page's stream of changes."""
