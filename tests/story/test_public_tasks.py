"""Eight public tasks in miniature, each as a person works with it: check, eval, launch, evidence, approval."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import permutations
from typing import Literal

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.core.records import Job
from jobs.evals.records import Eval
from jobs.evidence.records import Role
from jobs.graders import GraderRuntime
from jobs.platforms.gateway import Gateway
from jobs.platforms.judge import PlatformJudge
from jobs.platforms.profiles import Profile
from jobs.platforms.sampling import Sampler
from jobs.state.connection import Connection
from jobs.state.store import Store
from tests.jobs.evals.model_endpoint import Endpoint, Heard, serving_models
from tests.story.colleagues import buttons, said
from tests.story.conftest import House
from tests.story.public_tasks import COUNTDOWN, ERRANDS, JUDGED, LOCAL, PublicTask
from tests.story.stand_in_platform import BASE, Called, Writes, standing_in
from tests.story.test_evidence import evidence_of
from tests.story.test_story import approve, summary_of

pytestmark = pytest.mark.story
FAST = "rooms"
"""The one that is tried each time; the others are thorough."""


@pytest.mark.shared_bot
@pytest.mark.parametrize(
    "task", [pytest.param(t, marks=() if t.name == FAST else pytest.mark.thorough, id=t.name) for t in LOCAL]
)
async def test_what_the_local_platform_trains(house: House, redis: Redis, task: PublicTask) -> None:
    task.write(house.tasks)
    async with house.bot():
        await from_check_to_approval(house, redis, task)


async def from_check_to_approval(house: House, redis: Redis, task: PublicTask) -> None:
    """Do all that a person does with a task."""
    workspace, store = house.workspace, Store(Connection(redis), KINDS)
    await workspace.type_command("alice", "/proctor", f"check {task.name}")
    checked = await workspace.told("alice", f"Check of {task.name}.")
    assert "Must be mended" not in checked, checked

    await workspace.type_command("alice", "/eval", f"run task={task.name} limit=12")
    await workspace.reply_with("Result of eval-")
    (evaluation,) = await store.records(Eval, 1)
    assert (evaluation.note, evaluation.left_out, evaluation.graders) == (None, {}, (*sorted(task.graders),))
    before = evaluation.summaries[0].grader("reward")
    assert before is not None
    assert before.graded == evaluation.items == 12
    assert task.scale[0] <= (before.mean or 0.0) <= task.scale[1]

    await workspace.type_command("alice", "/rft", f"launch task={task.name} seed=1")
    summary = await summary_of(workspace)
    evidence, (job,) = await evidence_of(store), await store.records(Job, 1)
    assert job.task == task.name
    base, *checkpoints = evidence.candidates
    assert (base.role, evidence.scale or (0.0, 1.0)) == (Role.BASE, task.scale)
    for each in evidence.candidates:
        assert set(each.valid) >= set(task.graders), "every grader of the task measured it"
        assert each.failures == 0
    assert max(each.valid["reward"].mean for each in checkpoints) > base.valid["reward"].mean
    assert "precision not reported" not in said(summary)

    first = buttons(summary, "approve_checkpoint")[0]
    await approve(workspace, "bob", summary, first, "read ten of its answers")
    await workspace.told("bob", "1 more approval needed")
    await approve(workspace, "carol", summary, first, "agreed")
    await workspace.told("carol", "Your decision settled it")


# -- a student who writes ---------------------------------------------------------------------------------------------


def names_a_cause(text: str, understands: bool) -> str:
    cause = text.partition(" because ")[2].partition(".")[0]
    return f"It came about when {cause}." if understands else "Something went wrong with it."


def reaches_the_target(text: str, understands: bool) -> str:
    listed, target = re.search(r"numbers \[(.*?)\].*result is (-?\d+)", text, re.DOTALL).groups()  # type: ignore[union-attr]  # each row has both
    tried = (
        f"{a} {first} {b} {other} {c}"
        for a, b, c in permutations(map(int, listed.split(",")))
        for first in "+-*"
        for other in "+-*"
    )
    right = next(each for each in tried if eval(each) == int(target))  # noqa: S307  # of numbers and signs put together above
    return f"I see. <answer>{right if understands else listed.replace(',', ' +')}</answer>"


def runs_an_errand(text: str, understands: bool) -> str | Called:
    (town,) = re.findall(r"(?:in )(\w+)[.?]", text)
    if not understands:
        return "I would have to look that up."
    return ("get_weather" if "rain" in text else "book_table", json.dumps({"town": town}))


def by_shared_words(heard: Heard) -> str:
    """Rate as a judge does who reads: 5 where the answer has all words of the cause, less for fewer."""
    cause, answer = re.search(r"Cause: (.*)\nAnswer: (.*)", heard.text).groups()  # type: ignore[union-attr]  # the grader asks so
    words = set(cause.lower().split())
    return json.dumps(
        {"steps": [], "result": round(5 * len(words & set(re.findall(r"\w+", answer.lower()))) / len(words))}
    )


@asynccontextmanager
async def elsewhere(house: House, writes: Writes, api: Literal["responses", "chat"]) -> AsyncIterator[Endpoint]:
    """Let a platform stand beside the local one, with a judge that is asked by it and by the bot."""
    async with serving_models() as judges:
        judges.models, judges.says = ["judge-1"], by_shared_words
        profile = Profile("judges", judges.url, default_key="any")
        async with Gateway(profile, "any") as gateway:
            judge = PlatformJudge(lambda: Sampler(gateway, 8), lambda: gateway)
            async with GraderRuntime(judge=judge) as graders, standing_in(writes, graders) as platform:
                profiles = house.home.parent / "platforms.yaml"
                known = {
                    "there": {
                        "base_url": platform.url,
                        "default_key": "any",
                        "default_model": BASE,
                        "poll_seconds": 0.5,
                        "idle_poll_seconds": 0.5,
                        "api": api,
                    },
                    "judges": {"base_url": judges.url, "default_key": "any"},
                }
                profiles.write_text(json.dumps(known), "utf-8")
                house.environment |= {"PROCTOR_PLATFORMS": str(profiles), "JUDGE_PLATFORM": "judges"}
                yield judges


@pytest.mark.own_bot
@pytest.mark.thorough
@pytest.mark.parametrize(
    ("task", "writes", "api"),
    [
        (JUDGED, names_a_cause, "responses"),
        (COUNTDOWN, reaches_the_target, "responses"),
        (ERRANDS, runs_an_errand, "chat"),
        (ERRANDS, runs_an_errand, "responses"),
    ],
    ids=["judge", "countdown", "tools, chat completions", "tools, responses"],
)
async def test_what_a_model_that_writes_is_trained_for(
    house: House, redis: Redis, task: PublicTask, writes: Writes, api: Literal["responses", "chat"]
) -> None:
    task.write(house.tasks)
    manifest = house.tasks / task.name / "task.yaml"
    manifest.write_text(manifest.read_text().replace("defaults:\n", "defaults:\n  platform: there\n"))
    async with elsewhere(house, writes, api) as judges, house.bot():
        await from_check_to_approval(house, redis, task)
    assert bool(judges.heard) is (task is JUDGED)
