"""Ids and time stamps: never twice the same, not even over a restart, and predictable in a fresh workspace."""

from local.slack.storage import Storage
from local.slack.timing import Clock

_MICRO = 1_000_000


class Ids:
    """Hands out ids and message time stamps.

    Ids carry the number of the start they were made in, since a bot remembers event and trigger ids longer than this
    process lives.

    Attributes:
        now: the workspace's time in Unix seconds.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self.now = clock
        self._table = storage.table("identity", dict[str, int])
        self._last_micros = 0
        self.new_series()

    def new_series(self) -> None:
        """Begin a new series of ids; called at every start and every reset."""
        self._series = self._table.rows.get("start", {"number": 0})["number"] + 1
        self._counter = 0
        self._table.put("start", {"number": self._series})

    def make(self, prefix: str) -> str:
        """A new id in Slack's look, such as `F0010000001`."""
        self._counter += 1
        return f"{prefix}{self._series:03d}{self._counter:07d}"

    def short(self, prefix: str) -> str:
        """A new id in lower case, for what Slack names (block ids, keys in addresses)."""
        return self.make(prefix).lower()

    def stamp(self) -> str:
        """A new message time stamp, later than every one before: `1700000000.000123`."""
        self._last_micros = max(int(self.now() * _MICRO), self._last_micros + 1)
        return f"{self._last_micros // _MICRO}.{self._last_micros % _MICRO:06d}"

    def seen(self, stamp: str) -> None:
        """Remember a time stamp of an earlier start: new ones come after it."""
        self._last_micros = max(self._last_micros, micros(stamp))


def micros(stamp: str) -> int:
    """A time stamp in whole microseconds: as a float it would lose its last digits."""
    seconds, _, fraction = stamp.partition(".")
    return int(seconds) * _MICRO + int(fraction.ljust(6, "0")[:6])
