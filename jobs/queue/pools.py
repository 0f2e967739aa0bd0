"""Works on what is due, in pools: each kind of work has slots of its own, so that nothing short waits for what is slow.

Every process that runs this takes its share; what one leaves behind when it dies, the others take up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Final

import structlog

from jobs.core.errors import UnreadableRecord
from jobs.core.ids import kind_of_item
from jobs.queue.due import LEASE, DueItems, Outcome, Taken
from jobs.state.connection import AWAY, answered_within

LOOK: Final = 2.0
"""Seconds between two looks where nothing is held; what is committed here or planned is taken at its time."""
OFTEN: Final = 0.5
"""Seconds between two looks while something is held, here or elsewhere, or the server does not answer."""
HEARTBEAT: Final = 2.0
"""Seconds between two signs of life."""
SURELY_GONE: Final = 1.9
"""Seconds without any connection to the server after which a process counts as dead; what holds work asks `OFTEN`."""
LEAVE: Final = 0.5
"""Seconds to tell the others that this process stops."""
DRAIN: Final = 5.0
"""Seconds that work has to finish when the process stops."""
BREAK_OFF: Final = 0.5
"""Seconds to give back what has not finished then."""
NEWER: Final = 60.0
"""Seconds until work that only a newer version can do is offered again."""
RETRY: Final = 10.0
"""Seconds until work that failed is tried again, doubled each time."""
LONGEST_RETRY: Final = 600.0
SERVER_AWAY: Final = 1.0
"""Seconds until the server, which did not answer, is asked again."""
EARLY: Final = 3.0
"""Seconds for which this process takes an item that it was offered before it is due."""
COALESCE: Final = 0.005
"""Seconds in which several commits lead to one look."""

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Again:
    """How the work on an item ended, and when it is due again."""

    seconds: float | None
    """None leaves that to what is planned, or wanted."""
    outcome: Outcome = Outcome.DONE


class Held:
    """A work item that is being worked on here."""

    def __init__(self, taken: Taken, clock: Callable[[], float]) -> None:
        self.taken = taken
        self.is_leaving = False
        """The process stops: the work should end soon, or leave the rest to another."""
        self.has_advanced = False
        self._clock = clock
        self._renewed = clock()
        self._is_lost = False

    @property
    def item(self) -> str:
        """Its id."""
        return self.taken.item

    @property
    def again(self) -> bool:
        """Whether an earlier attempt did not finish."""
        return self.taken.again

    @property
    def is_exhausted(self) -> bool:
        """Whether it failed so often that it should be given up, in words."""
        return self.taken.is_exhausted

    @property
    def is_valid(self) -> bool:
        """True while nobody else can have it; needs no answer from the server."""
        return not self._is_lost and self._clock() < self._renewed + LEASE

    @property
    def is_suspect(self) -> bool:
        """Whether it may be what killed a process, and has not got further since."""
        return self.taken.deaths is not None and not self.has_advanced

    def advance(self) -> None:
        """Note that the work got further: what failed before does not count against it any more."""
        self.has_advanced = True

    def renew(self, at: float) -> None:
        """Note that it is held for `LEASE` seconds from `at`."""
        self._renewed = at

    def lose(self) -> None:
        """Note that somebody else may have it."""
        self._is_lost = True


Work = Callable[[Held], Awaitable[Again | None]]
"""Works on one item; returns when it is due again, unless its commits say so or it is over."""


class WorkPools:
    """The work of one process.

    Args:
        due: the table.
        work: what is done for each kind of work item.
        slots: how many items of a pool are worked on at once, by pool or kind of pool.
        committed: set whenever this process has committed something that is due.
        failed: called with what a work item raised; returns the reference under which it is found in the log.
    """

    def __init__(
        self,
        due: DueItems,
        work: Mapping[str, Work],
        slots: Mapping[str, int],
        committed: asyncio.Event,
        failed: Callable[[BaseException], object],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._due = due
        self._work = work
        self._slots = slots
        self._committed = committed
        self._failed = failed
        self._clock = clock
        self._tasks: dict[Held, asyncio.Task[None]] = {}
        self._early: dict[str, tuple[str, float]] = {}
        self._others: frozenset[str] = frozenset()
        self._missing: dict[str, float] = {}
        self._follower: asyncio.Task[None] | None = None
        self._next_look: asyncio.TimerHandle | None = None
        self._looking = asyncio.Lock()
        self._stopping = False

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to work; `look` and `keep` must be called every `LOOK` and `HEARTBEAT` seconds from now on."""
        self._follower = asyncio.create_task(self._follow_commits(), name="work pools")

    async def stop(self) -> None:
        """Take nothing more, let the work in hand finish for `DRAIN` seconds, and give the rest back."""
        self._stopping = True
        if self._next_look:
            self._next_look.cancel()
        if self._follower:
            self._follower.cancel()
        with suppress(*AWAY):
            async with answered_within(LEAVE):
                await self._due.leave()
        for held in self._tasks:
            held.is_leaving = True
        for how in (self._wait, self._cancel):
            if self._tasks:
                await how()

    @property
    def is_working(self) -> bool:
        """True while due work is taken."""
        return self._follower is not None and not self._follower.done()

    async def _wait(self) -> None:
        await asyncio.wait(self._tasks.values(), timeout=DRAIN)

    async def _cancel(self) -> None:
        log.warning("work.left", items=[held.item for held in self._tasks])
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=BREAK_OFF)

    # -- taking --------------------------------------------------------------------------------------------------

    def offer(self, items: Iterable[tuple[str, str]]) -> None:
        """Take these (item and pool) as soon as there is a slot, although others may only take them later."""
        until = self._clock() + EARLY
        self._early.update({item: (pool, until) for item, pool in items})
        self._committed.set()

    async def look(self) -> None:
        """Take what is due, as far as there are free slots, and begin to work on it."""
        async with self._looking:
            if self._stopping:
                return
            self._look_in(OFTEN)  # unless this look is answered, and says when
            now, dead = self._clock(), self._dead()
            self._early = {item: each for item, each in self._early.items() if each[1] > now}
            found = await self._due.take(
                self._free(),
                early=[(item, pool) for item, (pool, _) in self._early.items()],
                dead=dead,
                suspects=not any(held.is_suspect for held in self._tasks),
            )
            for taken in found.taken:
                self._begin(taken, now)
            self._others = found.others - dead
            often = OFTEN if self._tasks or self._others else LOOK
            self._look_in(often if found.soonest is None else min(often, found.soonest))

    def _look_in(self, seconds: float) -> None:
        """Plan the next look, if it is to be earlier than the schedule's."""
        if self._next_look:
            self._next_look.cancel()
        if seconds < LOOK:
            self._next_look = asyncio.get_running_loop().call_later(seconds, self._committed.set)

    async def _follow_commits(self) -> None:
        # Python 3.11 may swallow a cancel while a command is being written (asyncio.wait_for in redis-py).
        while not self._stopping:
            await self._committed.wait()
            await asyncio.sleep(COALESCE)
            self._committed.clear()
            try:
                await self.look()
            except AWAY:
                pass  # the next look asks again, and says so
            except Exception as failure:  # noqa: BLE001 # one failure must not end this
                self._failed(failure)

    def _free(self) -> dict[str, int]:
        """Return the free slots of each kind of pool, and of each pool where something is being done."""
        free = dict(self._slots)
        for held in self._tasks:
            pool = held.taken.pool
            free[pool] = free.get(pool, self._slots.get(pool.partition(":")[0], 0)) - 1
        return {pool: max(0, slots) for pool, slots in free.items()}

    # -- keeping -------------------------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Give a sign of life for everything in hand; stop what was lost, and see who else is gone."""
        # Of an item that was ended and taken again before the end was answered, what was taken last is held.
        newest = {each.item: each for each in self._tasks}
        asked, held = self._clock(), {each.taken: each for each in newest.values()}
        try:
            lost = await self._renew(held) if held else frozenset()
            for taken, each in held.items():
                if taken.item in lost:
                    each.lose()
                else:
                    each.renew(asked)
            await self._note_missing()
        finally:
            for each, task in tuple(self._tasks.items()):
                if not each.is_valid:  # each time: before Python 3.12 a cancellation may get lost
                    log.warning("work.lost", item=each.item)
                    task.cancel()

    async def _renew(self, held: Mapping[Taken, Held]) -> frozenset[str]:
        async with answered_within(HEARTBEAT):
            return await self._due.renew({taken: each.has_advanced for taken, each in held.items()})

    async def _note_missing(self) -> None:
        """Note which of the others that hold something are connected no more."""
        connected = await self._due.connected() if self._others else frozenset()
        gone = self._others - connected if connected else frozenset()
        now = self._clock()
        self._missing = {member: self._missing.get(member, now) for member in gone}
        if self._dead():
            self._committed.set()

    def _dead(self) -> frozenset[str]:
        now = self._clock()
        return frozenset(member for member, since in self._missing.items() if now - since >= SURELY_GONE)

    # -- working -------------------------------------------------------------------------------------------------

    def _begin(self, taken: Taken, asked: float) -> None:
        self._early.pop(taken.item, None)
        held = Held(taken, self._clock)
        held.renew(asked)  # the answer may have taken its time
        self._tasks[held] = asyncio.create_task(self._carry_out(held), name=taken.item)

    async def _carry_out(self, held: Held) -> None:
        try:
            outcome, again = await self._outcome(held)
            while held.is_valid:
                with suppress(*AWAY):
                    await self._due.end(held.taken, outcome, again)
                    break
                await asyncio.sleep(SERVER_AWAY)
        finally:
            del self._tasks[held]
            self._committed.set()  # a slot is free

    async def _outcome(self, held: Held) -> tuple[Outcome, float | None]:
        """Work on an item; return how that ended, and the seconds until it is due again."""
        work = self._work.get(kind_of_item(held.item))
        if work is None:
            log.warning("work.unknown_here", item=held.item)
            return Outcome.LEFT, NEWER
        try:
            later = await work(held)
        except UnreadableRecord as newer:
            log.warning("work.left_to_a_newer_bot", item=held.item, reason=str(newer))
            return Outcome.LEFT, NEWER
        except AWAY:
            return Outcome.LEFT, SERVER_AWAY
        except asyncio.CancelledError:  # the process stops, or the item was lost and nothing is written
            return Outcome.LEFT, 0.0
        except Exception as failure:  # noqa: BLE001 # the boundary of a work item: the next attempt is another
            self._failed(failure)
            return Outcome.RAISED, min(LONGEST_RETRY, RETRY * 2.0 ** min(held.taken.raised or 0, 10))
        if later is None:
            return Outcome.DONE, None
        return later.outcome, later.seconds
