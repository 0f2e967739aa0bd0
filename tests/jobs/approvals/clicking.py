"""A bot process of its own in which many people click in one instant: `python -m tests.jobs.approvals.clicking`."""

import asyncio
import json
import sys
from collections.abc import Sequence

from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.approvals.decide import Approvals, Vote
from jobs.approvals.records import Verdict
from jobs.state.connection import Connection
from jobs.state.store import Store
from tests.jobs.approvals.team import JOB, Clock, Group

READY, GO = "clicking:ready", "clicking:go"
ANSWER = "clicked: "
"""Begins the line that is no line of the log."""
LOOK = 0.01


async def click(redis_url: str, members: Sequence[str], clicks: Sequence[tuple[str, str, str]]) -> list[str]:
    """Open a store, say that it is ready, and when everybody may, click all at once; return what each came to.

    Args:
        redis_url: where the approval is.
        members: the approvers.
        clicks: user, choice (empty rejects all) and digest of each.
    """
    redis = Redis.from_url(redis_url, decode_responses=True)
    store = Store(Connection(redis), KINDS)
    await store.open()
    approvals = Approvals(store, Group(*members), Clock())
    await redis.rpush(READY, "ready")
    while not await redis.exists(GO):  # noqa: ASYNC110 - what is waited for happens in another process
        await asyncio.sleep(LOOK)
    votes = [
        Vote(JOB, user, Verdict.APPROVE if choice else Verdict.REJECT, choice, digest, f"{user} says so")
        for user, choice, digest in clicks
    ]
    answers = await asyncio.gather(*(approvals.decide(vote) for vote in votes))
    await redis.aclose()
    return [answer.outcome.value for answer in answers]


def main() -> None:
    """Do what each line of standard input says, and print a line with what each of its clicks came to."""
    for line in sys.stdin:
        told = json.loads(line)
        found = asyncio.run(click(told["redis"], told["members"], [tuple(each) for each in told["clicks"]]))
        sys.stdout.write(f"\n{ANSWER}{json.dumps(found)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
