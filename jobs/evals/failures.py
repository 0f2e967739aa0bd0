"""Requests that brought no answer, in words: how many, why, and whether asking again may help."""

from collections.abc import Mapping
from typing import Final

from charts.wording import counted, joined

PASSING: Final = frozenset({408, 409, 429})
"""Refusals that may be none the next time."""


def status_of(reason: str) -> int | None:
    """Return the HTTP status that a reason begins with (`400 bad_request`, `HTTP 500`); None where there was none."""
    first = reason.removeprefix("HTTP ").partition(" ")[0]
    return int(first) if len(first) == 3 and first.isdecimal() else None


def is_permanent(reason: str) -> bool:
    """Tell whether a request that failed for this reason fails again, however often it is sent."""
    status = status_of(reason)
    return status is not None and 400 <= status < 500 and status not in PASSING


def told(failures: Mapping[str, int]) -> str:
    """Return `88 requests refused (HTTP 400 bad_request) and 2 requests failed (time-out)`."""
    return joined([_told(count, reason) for reason, count in failures.items()])


def _told(count: int, reason: str) -> str:
    why = reason if status_of(reason) is None or reason.startswith("HTTP ") else f"HTTP {reason}"
    return f"{counted(count, 'request')} {'refused' if is_permanent(reason) else 'failed'} ({why})"
