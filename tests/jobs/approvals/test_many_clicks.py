"""Fifty people click in one instant, over three bot processes on one Redis: one effect, and everybody is answered."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from bot.redis_server.subprocesses import tethered
from jobs.approvals.change import with_approval
from jobs.approvals.records import Approval, Ending
from jobs.state.change import Change
from jobs.state.store import Store
from jobs.trail.entry import Act
from tests.jobs.approvals.clicking import ANSWER, GO, LOOK, READY
from tests.jobs.approvals.team import ERIN, FIRST, JOB, OPENED, SECOND, waiting
from tests.records import ALICE

BOTS = 3
CLICKS = 50
APPROVERS = [f"U{number:03}" for number in range(44)]
OUTSIDERS = ["UOUT1", "UOUT2", "UOUT3", "UOUT4"]
PEOPLE = [ALICE, ERIN, *OUTSIDERS, *APPROVERS]

Click = tuple[str, str, str]
Bot = subprocess.Popen[str]


@pytest.fixture(scope="module")
def bots() -> Iterator[list[Bot]]:
    """Three bot processes."""
    argv = tethered((sys.executable, "-m", "tests.jobs.approvals.clicking"))
    with ExitStack() as stack:
        yield [
            stack.enter_context(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(BOTS)
        ]


def clicked(bot: Bot, redis_url: str, clicks: Sequence[Click]) -> list[tuple[str, str]]:
    """Have one bot take clicks; return who clicked and what it came to. Blocks."""
    assert bot.stdin is not None
    assert bot.stdout is not None
    told = {"redis": redis_url, "members": [ALICE, ERIN, *APPROVERS], "clicks": clicks}
    bot.stdin.write(f"{json.dumps(told)}\n")
    bot.stdin.flush()
    answer = next(line for line in bot.stdout if line.startswith(ANSWER))
    return list(zip((user for user, *_ in clicks), json.loads(answer.removeprefix(ANSWER)), strict=True))


async def at_once(bots: Sequence[Bot], redis_url: str, redis: Redis, clicks: Sequence[Click]) -> dict[str, str]:
    """Let everybody click at once; return what each was answered."""
    told = [
        asyncio.create_task(asyncio.to_thread(clicked, bot, redis_url, clicks[number::BOTS]))
        for number, bot in enumerate(bots)
    ]
    while await redis.llen(READY) < BOTS and not any(each.done() for each in told):  # noqa: ASYNC110 - in other processes
        await asyncio.sleep(LOOK)
    await redis.set(GO, "go")
    return dict(answer for answers in await asyncio.gather(*told) for answer in answers)


async def settled(store: Store) -> Approval:
    held = await store.record(Approval, JOB)
    assert held is not None
    assert held.value.settled is not None
    assert [sealed.entry.act for sealed in await store.trail()].count(Act.SETTLED) == 1
    return held.value


@pytest.fixture
async def opened(store: Store) -> Approval:
    approval = waiting(quorum=5)
    await store.commit(with_approval(Change(), None, approval, OPENED))
    return approval


async def test_fifty_clicks_on_one_checkpoint_settle_it_once(
    bots: list[Bot], redis_server: str, redis: Redis, store: Store, opened: Approval
) -> None:
    assert len(PEOPLE) == CLICKS
    answers = await at_once(bots, redis_server, redis, [(user, FIRST, opened.evidence[FIRST]) for user in PEOPLE])
    refused = Counter(answers[user] for user in (ALICE, ERIN, *OUTSIDERS))
    assert set(refused) <= {"own_job", "not_approver", "already_settled"}
    counted = Counter(answers[user] for user in APPROVERS)
    assert counted == {"recorded": 4, "settled": 1, "already_settled": len(APPROVERS) - 5}
    approval = await settled(store)
    voters = [decision.user for decision in approval.settling]
    assert len(voters) == len(set(voters)) == 5
    assert {user for user in APPROVERS if answers[user] in {"recorded", "settled"}} == set(voters)


async def test_fifty_clicks_that_want_different_things_settle_it_once(
    bots: list[Bot], redis_server: str, redis: Redis, store: Store, opened: Approval
) -> None:
    wanted = [(FIRST, opened.evidence[FIRST]), (SECOND, opened.evidence[SECOND]), (SECOND, "older"), ("", "")]
    clicks = [
        (user, choice, digest if choice else opened.basis("") or "")
        for number, user in enumerate(PEOPLE)
        for choice, digest in [wanted[min(number % 16, 3) if number % 16 in {2, 3} else number % 2]]
    ]
    answers = await at_once(bots, redis_server, redis, clicks)
    assert len(answers) == CLICKS
    assert Counter(answers.values())["settled"] == 1
    approval = await settled(store)
    assert approval.settled is not None
    if approval.settled.ending is Ending.APPROVED:
        assert len({d.user for d in approval.settling}) == 5
    last = next(user for user, outcome in answers.items() if outcome == "settled")
    assert last in {decision.user for decision in approval.settling}
    kept = {decision.user for decision in approval.decisions}
    assert kept == {user for user, outcome in answers.items() if outcome in {"recorded", "settled"}}
    assert replace(approval, decisions=(), settled=None) == opened
