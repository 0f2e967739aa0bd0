"""Who works on an eval: one bot at a time, as long as it gives a sign of life."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from uuid import uuid4

from jobs.state.store import Store


@dataclass(frozen=True, slots=True)
class Timing:
    """How often one looks up from the work, in seconds."""

    look: float = 0.5
    """Between two looks for a person's cancel; well below the two seconds they are promised."""
    progress: float = 2.0
    """Between two times that the progress is written down."""
    lease: float = 30.0
    """Without a sign of life, another bot goes on after this long."""
    renew: float = 5.0
    """Between two signs of life."""
    grace: float = 4.0
    """What is under way when the bot stops has this long to come in; with the line below, less than a bot is given."""
    grading: float = 1.5
    """What has come in when an eval is cancelled has this long to be graded."""
    busy: float = 3.0
    """Until an eval that finds no room is looked at again."""

    @property
    def longest_end(self) -> float:
        """Seconds in which work in hand comes to a clean end when the bot stops."""
        return self.grace + self.grading + 1.0


class Lease:
    """The right to work on an eval; also guards against the same turn being handed to two workers.

    Args:
        store: where the lease is.
        eval_id: the eval.
        token: of the claim that the turn was handed over under.
        timing: how long it lasts and how often it is renewed.
        clock: seconds that only go forward.
    """

    def __init__(
        self, store: Store, eval_id: str, token: str, timing: Timing, clock: Callable[[], float] = monotonic
    ) -> None:
        self._store = store
        self._eval_id = eval_id
        self._token = token
        self._mine = uuid4().hex
        self._timing = timing
        self._clock = clock
        self._renewed = -math.inf
        self._told_further = False

    @property
    def is_valid(self) -> bool:
        """True while nobody else can have it; needs no answer from the store."""
        return self._clock() < self._renewed + self._timing.lease

    async def take(self) -> bool:
        """Take it; False where another worker has it."""
        return await self._hold(self._token, further=False)

    async def keep(self, *, further: bool) -> bool:
        """Renew it where that is due; False where it is lost.

        Args:
            further: the work got further since the lease was taken.
        """
        news = further and not self._told_further
        if not news and self._clock() < self._renewed + self._timing.renew:
            return True
        return self.is_valid and await self._hold(self._mine, further=further)

    async def _hold(self, token: str, *, further: bool) -> bool:
        asked = self._clock()
        held = await self._store.hold(self._eval_id, token, self._mine, lease=self._timing.lease, further=further)
        if held:
            self._renewed = asked
            self._told_further = self._told_further or further
        return held
