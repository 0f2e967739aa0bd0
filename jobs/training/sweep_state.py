"""What sweeps read and write in Redis.

{proctor}:watched:<platform>  hash job id -> the platform's id and status of each of its jobs that is not over
{proctor}:sweep:<platform>    hash pages, cursor: what the last sweep left to the next
{proctor}:listed:<platform>   its jobs' statuses were read not long ago
"""

from collections.abc import Sequence
from typing import cast

from jobs.core.ids import looks_at
from jobs.state.connection import Connection, key
from jobs.state.sweep_entry import SweepEntry, SweepPosition


class SweepState:
    """The jobs of each platform that are not over, and when they are looked at."""

    def __init__(self, connection: Connection) -> None:
        self._redis = connection.redis
        self._plan, self._defer, self._swept = (
            connection.script("training", name) for name in ("plan", "defer", "swept")
        )

    async def watched(self, platform: str) -> tuple[tuple[SweepEntry, ...], SweepPosition]:
        """Return every job of a platform that is not over, and what the last sweep left."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(key(f"watched:{platform}"))
        pipe.hgetall(key(f"sweep:{platform}"))
        texts, left = cast("list[dict[str, str]]", await pipe.execute())
        position = SweepPosition(int(left.get("pages", 0)), left.get("cursor", ""))
        return tuple(SweepEntry.read(job, platform, text) for job, text in texts.items()), position

    async def is_listed(self, entry: SweepEntry) -> bool:
        """Tell whether a recent sweep found a job in the status of this entry."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.exists(key(f"listed:{entry.platform}"))
        pipe.hget(key(f"watched:{entry.platform}"), entry.job)
        is_fresh, text = await pipe.execute()
        return bool(is_fresh) and text == entry.text

    async def plan(self, platform: str, jobs: Sequence[str], *, within: float, ask: bool = False) -> None:
        """Let the next looks at jobs come within so many seconds, spread over them in their order, or earlier.

        `ask` says that they must ask for the job itself, because the list says something else of it, or nothing.
        """
        if jobs:
            await self._plan(platform, looks_at(platform), int(within * 1000), int(ask), *jobs)

    async def defer_quiet(self, platform: str, *, after: float) -> None:
        """Put off the looks at a platform's quiet jobs, to `after` seconds from now and up to twice as many."""
        await self._defer(platform, looks_at(platform), int(after * 1000))

    async def swept(self, platform: str, position: SweepPosition, *, holds: float = 0.0) -> bool:
        """Note what a sweep leaves to the next; the statuses that it read count as known for `holds` seconds.

        Return whether anything is left to sweep.
        """
        return bool(await self._swept(platform, position.pages, position.cursor, int(holds * 1000)))
