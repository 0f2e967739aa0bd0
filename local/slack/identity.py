"""Ids and time stamps: never twice the same, not even over a restart, and predictable in a fresh workspace."""

from local.slack.journal import Journal
from local.slack.timing import Clock

_MICRO = 1_000_000


class Identity:
    """Hands out ids and message time stamps.

    Ids carry the number of the start they were made in, since a bot remembers event and trigger ids longer than this
    process lives.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._table = journal.table("identity")
        self._clock = clock
        self._last_micros = 0
        self._start = 0
        self.next_start()

    def next_start(self) -> None:
        """Begin a new series of ids; called at every start and every reset."""
        row = self._table.get("start") or {"number": 0}
        self._start = int(row["number"]) + 1
        self._counter = 0
        self._table.put("start", {"number": self._start})

    def make(self, prefix: str) -> str:
        """A new id in Slack's look, such as `F0010000001`."""
        self._counter += 1
        return f"{prefix}{self._start:03d}{self._counter:07d}"

    def short(self, prefix: str) -> str:
        """A new id in lower case, for what Slack names by itself (block ids, tokens in addresses)."""
        return self.make(prefix).lower()

    def now(self) -> float:
        """The workspace's time in Unix seconds."""
        return self._clock()

    def stamp(self) -> str:
        """A new message time stamp, later than every one before: `1700000000.000123`."""
        self._last_micros = max(int(self._clock() * _MICRO), self._last_micros + 1)
        return f"{self._last_micros // _MICRO}.{self._last_micros % _MICRO:06d}"

    def seen(self, stamp: str) -> None:
        """Remember a time stamp of an earlier start: new ones come after it."""
        seconds, _, micros = stamp.partition(".")
        self._last_micros = max(self._last_micros, int(seconds) * _MICRO + int(micros))
