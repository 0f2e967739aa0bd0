"""What is being worked off, known to whatever is committed meanwhile."""

from contextvars import ContextVar
from typing import Final

IN_HAND: Final[ContextVar[str]] = ContextVar("in_hand", default="")
"""Id of the envelope (see `jobs.queue.envelopes`) that a commit marks as having taken effect; empty for none."""
