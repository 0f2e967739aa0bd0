"""Times when Redis does not answer, in the log: one line at the start with the reason, one at the end with the length.

Everything that asks Redis fails meanwhile, again and again, each time with a traceback that says the same; those lines
are left out. Tracebacks are for bugs.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

LEFTOVERS = 2.0
"""Seconds after an outage in which a connection that broke during it may still fail; that is no new one."""

log = structlog.stdlib.get_logger(__name__)


class Outages(logging.Filter):
    """Knows whether Redis is away, from the failures in the log and from the ticks.

    Args:
        kinds: the exceptions that mean that Redis does not answer.
        clock: seconds that only grow.
    """

    def __init__(self, kinds: tuple[type[BaseException], ...], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._kinds = kinds
        self.clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None
        self._over = -LEFTOVERS

    @property
    def under_way(self) -> bool:
        """Whether Redis is away, as far as anybody has noticed."""
        return self._since is not None

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a line pass unless all it says is that Redis does not answer; a bug told to somebody always passes."""
        line = record.msg if isinstance(record.msg, dict) else {}
        if "reference" in line:
            return True
        error = _error_of(line.get("exc_info") or record.exc_info)
        return error is None or not self.noticed(error)

    def noticed(self, error: BaseException) -> bool:
        """Tell whether this error means that Redis does not answer; the first one begins an outage."""
        reason = self._reason(error)
        if reason is None:
            return False
        with self._lock:
            now = self.clock()
            began = self._since is None and now - self._over >= LEFTOVERS
            if began:
                self._since = now
        if began:
            log.warning("redis_unreachable", reason=str(reason) or type(reason).__name__)
        return True

    def answered(self, asked_at: float) -> None:
        """Take note that Redis answered somebody who asked at this time of the clock; that ends an outage before it."""
        with self._lock:
            since = self._since
            if since is None or asked_at <= since:
                return
            self._since, self._over = None, self.clock()
        log.warning("redis_answers_again", after_seconds=round(self._over - since, 1))

    @contextmanager
    def in_the_log(self) -> Iterator[None]:
        """Leave the repetitions out of what this process logs, until the end of the block."""
        handlers = tuple(logging.getLogger().handlers)
        for handler in handlers:
            handler.addFilter(self)
        try:
            yield
        finally:
            for handler in handlers:
                handler.removeFilter(self)

    def _reason(self, error: BaseException) -> BaseException | None:
        """Return what says that Redis does not answer: the error, what it was raised from, or all of a group."""
        if isinstance(error, self._kinds):
            return error
        if isinstance(error, BaseExceptionGroup):
            reasons = [self._reason(each) for each in error.exceptions]
            return reasons[0] if all(reasons) else None
        return self._reason(error.__cause__) if error.__cause__ is not None else None


def _error_of(exc_info: object) -> BaseException | None:
    """Return the exception of a log line, in any of the ways to name it."""
    match exc_info:
        case BaseException():
            return exc_info
        case (_, BaseException() as error, _):
            return error
    return None
