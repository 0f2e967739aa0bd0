"""What is due, and who works on it: the one table of work items in Redis.

    {proctor}:pools               set of the pools that have something due
    {proctor}:due:<pool>          sorted set, work item by the time it is due (ms)
    {proctor}:pool_of             hash work item -> its pool, where that depends on its record
    {proctor}:leases              sorted set, work item by the end of the lease of who works on it (ms)
    {proctor}:holders             hash work item -> "<member>/<nonce> <pool>"
    {proctor}:members             sorted set, process by its last sign of life (ms)
    {proctor}:leaving:<member>    the process was told to stop, 10 min
    {proctor}:deaths              hash work item -> deaths of which only it can be the cause; suspects have an entry
    {proctor}:raised              hash work item -> times that it failed since it was done or got further; 0 if an
                                  attempt was left unfinished
    {proctor}:taken:<token>       what was taken, 30 s, should the reply be lost

A commit writes when its subject is due next, in the same script as the state. Work is taken only by a process with a
free slot for it, at the moment it begins. An item that is wanted again while it is worked on is due again after that.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from secrets import token_hex
from typing import Final, cast

import structlog

from jobs.state.connection import CLIENT_NAME, REFUSED, Connection, key

LEASE: Final = 28.0
"""Seconds for which an item stays with a process that gives no sign of life: one may stand still for 25 s."""
FRESH: Final = 10
"""Seconds after its start in which a server says nothing about who is gone: they are about to connect again."""
MOST_RAISED: Final = 3
"""Failures in a row after which an item is set aside."""
MOST_DEATHS: Final = 12
"""Deaths of processes, caused by nothing else, after which an item is set aside: more than a clumsy deploy causes."""


log: Final = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """How the work on an item ended."""

    DONE = "done"
    PAUSED = "paused"
    """Done, and not to be done again before its time, even if it was wanted meanwhile."""
    ASIDE = "aside"
    """Given up for now: the next attempt may be the one more that sets it aside again."""
    LEFT = "left"
    """Not finished, through no fault of the item."""
    RAISED = "raised"


@dataclass(frozen=True, slots=True)
class Taken:
    """A work item that this process holds."""

    item: str
    token: str
    pool: str
    raised: int | None = None
    """Times that it failed since it was last done or got further; None if no attempt since was left unfinished."""
    deaths: int | None = None
    """Deaths of processes that only it can have caused; None if it is not suspected of any."""

    @property
    def again(self) -> bool:
        """Whether an earlier attempt did not finish."""
        return self.raised is not None or self.deaths is not None

    @property
    def is_exhausted(self) -> bool:
        """Whether it failed so often that it should be given up."""
        return (self.raised or 0) >= MOST_RAISED or self.is_deadly

    @property
    def is_deadly(self) -> bool:
        """Whether it keeps killing the processes that work on it."""
        return (self.deaths or 0) >= MOST_DEATHS


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the table found."""

    taken: tuple[Taken, ...]
    soonest: float | None
    """Seconds until something else is due."""
    others: frozenset[str]
    """Other processes that hold something."""


class DueItems:
    """The table of what is due, as one process uses it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._unanswered = ""
        """The token of the last look, if its answer was lost: the next one asks for that."""
        self._take, self._renew, self._end = (connection.script("queue", name) for name in ("take", "renew", "end"))

    @property
    def member(self) -> str:
        """The name of this process."""
        return self._connection.member

    async def take(
        self,
        slots: Mapping[str, int],
        *,
        early: Sequence[tuple[str, str]] = (),
        dead: Iterable[str] = (),
        suspects: bool = True,
        lease: float = LEASE,
    ) -> Look:
        """Take what is due, as far as there are slots for it; give back what the dead held.

        Args:
            slots: free slots by pool, or by kind of pool (what stands before its colon) for each that is not named;
                what comes first is done soonest, and so tried first where only one suspect may be taken.
            early: item and pool of what is to be taken although it is not due yet.
            dead: processes that are known to be gone.
            suspects: whether an item that may have killed a process may be taken; one at a time is.
            lease: seconds without a sign of life after which others may take it.
        """
        token = self._unanswered = self._unanswered or f"{self.member}/{token_hex(6)}"
        request = json.dumps({"slots": list(slots.items()), "early": list(early), "dead": list(dead)})
        found = json.loads(str(await self._take(token, int(lease * 1000), int(suspects), request)))
        self._unanswered = ""
        if found["strange"]:
            log.error("work.strange", set_aside=list(found["strange"]))
        taken = (
            Taken(item, token, pool, None if raised < 0 else raised, None if deaths < 0 else deaths)
            for item, pool, raised, deaths in found["taken"]
        )
        soonest = found["soonest"] / 1000
        return Look(tuple(taken), soonest if soonest >= 0 else None, frozenset(found["others"]))

    async def renew(self, held: Mapping[Taken, bool], *, lease: float = LEASE) -> frozenset[str]:
        """Keep items for `lease` seconds from now; return those that are held no more.

        Args:
            held: each with whether it got further, so that what failed before does not count.
            lease: in seconds.
        """
        each = [part for taken, further in held.items() for part in (taken.item, taken.token, int(further))]
        return frozenset(cast("list[str]", await self._renew(self.member, int(lease * 1000), *each)))

    async def end(self, taken: Taken, outcome: Outcome = Outcome.DONE, again_in: float | None = None) -> bool:
        """Give an item back; False if it is held no more.

        Args:
            taken: the item.
            outcome: how the work ended.
            again_in: seconds until it is due again, unless it is wanted earlier.
        """
        after = -1 if again_in is None else int(again_in * 1000)
        return bool(await self._end(taken.item, taken.token, outcome.value, after))

    async def leave(self) -> None:
        """Say that this process was told to stop: its end is nobody's fault."""
        await self._connection.redis.set(key(f"leaving:{self.member}"), 1, px=600_000)

    async def connected(self) -> frozenset[str]:
        """Return the processes that are connected now; empty if the server cannot tell, or not yet."""
        redis = self._connection.redis
        try:
            server = cast("Mapping[str, object]", await redis.info("server"))
            clients = await redis.client_list(_type="normal")
        except REFUSED:
            return frozenset()
        if int(str(server.get("uptime_in_seconds", 0))) < FRESH:
            return frozenset()
        names = (client.get("name", "") for client in clients)
        found = frozenset(name.removeprefix(CLIENT_NAME) for name in names if name.startswith(CLIENT_NAME))
        return found if self.member in found else frozenset()

    async def oldest(self, pool: str) -> float:
        """Return for how many seconds the item that waits longest in a pool has been due; 0 if none is."""
        first = await self._connection.redis.zrange(key(f"due:{pool}"), 0, 0, withscores=True)
        seconds, micros = await self._connection.redis.time()
        return max(0.0, seconds + micros / 1e6 - float(first[0][1]) / 1000) if first else 0.0
