"""Bad input, and what it gets: a clear sentence to the person who asked, nothing launched, nothing lost."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.core.records import Job
from jobs.state.connection import Connection
from jobs.state.store import Store
from tests.lossy_way import lossy_way
from tests.story.colleagues import eventually, in_thread
from tests.story.conftest import House
from tests.working import make_due, waiting_lanes

pytestmark = pytest.mark.story
BUNDLED = Path(__file__).parents[2] / "tasks" / "eurovoc"

Break = Callable[[Path], object]


def copy_task(house: House, name: str, damage: Break | None = None) -> None:
    """Put a copy of the bundled task where the bot finds it, with something about it broken."""
    shutil.copytree(BUNDLED, house.tasks / name)
    if damage:
        damage(house.tasks / name)


def write(file: str, content: str) -> Break:
    return lambda folder: (folder / file).write_text(content, "utf-8")


def replace_in(file: str, old: str, new: str) -> Break:
    def damage(folder: Path) -> None:
        text = (folder / file).read_text("utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new), "utf-8")

    return damage


def replace_line(file: str, number: int, row: object) -> Break:
    def damage(folder: Path) -> None:
        lines = (folder / file).read_text("utf-8").splitlines()
        lines[number - 1] = row if isinstance(row, str) else json.dumps(row)
        (folder / file).write_text("\n".join(lines), "utf-8")

    return damage


def grade_with(*lines: str) -> Break:
    """Give the task a reward grader whose `grade` has these lines."""
    source = "\n    ".join(("def grade(sample, item):", *lines))
    definition = {"type": "python", "name": "f1", "source": source}
    return write("graders/f1.json", json.dumps(definition))


async def on_the_platform(house: House) -> tuple[list[str], list[str]]:
    """Return the status of every job, and the name of every file, that the platform has."""
    session, url = house.workspace.session, house.environment["LOCAL_PLATFORM_URL"]
    headers = {"Authorization": "Bearer local"}
    async with session.get(f"{url}/fine_tuning/jobs", headers=headers) as answer:
        jobs = [str(job["status"]) for job in (await answer.json())["data"]]
    async with session.get(f"{url}/files", headers=headers) as answer:
        return jobs, [str(file["filename"]) for file in (await answer.json())["data"]]


MISTYPED = {
    "launch task=eurovok": "There is no task 'eurovok'; did you mean 'eurovoc'?",
    "launch task=eurovoc model=gpt-9": "local cannot tune 'gpt-9'; known: local-policy-1.",
    "launch task=eurovoc platform=lokal": "There is no platform 'lokal'; did you mean 'local'?",
    "launch task=eurovoc prompt=v7": "eurovoc has no prompt 'v7'; did you mean 'v1'?",
    "launch task=eurovoc epoch=3": "`/rft launch` takes no 'epoch='; did you mean 'epochs'?",
    "launch task=eurovoc epochs=many": "`epochs=many` does not work: epochs is a whole number from 1 to 50.",
    "launch task=eurovoc batch=0": "`batch=0` does not work: batch is a whole number from 1 to 256.",
    "launch task=eurovoc effort=huge": "`effort=huge` does not work: effort is one of default, low, medium, high.",
    "launch task=eurovoc compute=-1": "`compute=-1` does not work: compute is a number above 0.00001 and up to 10.",
    "launch task=eurovoc seed=x": "`seed=x` does not work: seed is a whole number from 0 to 2147483647.",
    "launch task=": "'task=' has no value.",
    "launch eurovoc": "`/rft launch` needs `task=`. Did you mean `task=eurovoc`?",
    "lanuch task=eurovoc": "`/rft` has no command 'lanuch'; did you mean 'launch'?",
    'launch task="eurovoc': "A quotation mark is not closed.",
    "status rft-nowhere": "There is no job 'rft-nowhere'; there is none yet.",
}

MALFORMED: dict[str, tuple[Break, str]] = {
    "not-yaml": (
        write("task.yaml", "title: [unclosed\nreward: f1\n"),
        "not-yaml/task.yaml line 2",
    ),
    "unknown-field": (
        replace_in("task.yaml", "quorum: 2", "quorm: 2"),
        "unknown-field/task.yaml line 8: 'quorm' is not a key of task.yaml; did you mean 'quorum'?",
    ),
    "field-twice": (
        replace_in("task.yaml", "quorum: 2", "reward: f1"),
        "field-twice/task.yaml line 8: 'reward' is written twice.",
    ),
    "no-such-reward": (
        replace_in("task.yaml", "reward: f1", "reward: f2"),
        "no-such-reward/task.yaml line 6: 'reward' names 'f2', which is no grader of this task; did you mean 'f1'?",
    ),
    "row-not-json": (
        replace_line("train.jsonl", 7, '{"item": {"id": 7, '),
        "row-not-json/train.jsonl line 7, column",
    ),
    "no-user-message": (
        replace_line("train.jsonl", 5, {"item": {"id": "x", "reference_answer": ["law"]}}),
        "no-user-message/train.jsonl line 5 has neither 'text_input' nor 'messages': there is no user message to",
    ),
    "answer-last": (
        replace_line(
            "valid.jsonl",
            3,
            {
                "item": {
                    "id": "y",
                    "messages": [{"role": "user", "content": "?"}, {"role": "developer", "content": "!"}],
                }
            },
        ),
        "answer-last/valid.jsonl line 3: the last of 'messages' must have role 'user', 'tool' or 'assistant', not",
    ),
    "empty-split": (
        write("valid.jsonl", "\n"),
        "empty-split/valid.jsonl has no rows; a split needs at least one.",
    ),
    "no-valid-split": (
        lambda folder: (folder / "valid.jsonl").unlink(),
        "no-valid-split has no valid.jsonl; a job needs a train and a valid split.",
    ),
    "schema-not-json": (
        write("response_format.json", "domains: list"),
        "schema-not-json/response_format.json line 1, column 1 is not JSON",
    ),
    "no-schema": (
        write("response_format.json", '{"type": "objekt"}'),
        "no-schema/response_format.json is not a JSON Schema, at type: 'objekt' is not valid",
    ),
    "grader-no-python": (
        grade_with("return ("),
        "grader-no-python/graders/f1.json: grader",
    ),
}
"""What is wrong with a folder: how to break it, and how the sentence names file, line and field."""

UNUSABLE: dict[str, tuple[Break, str]] = {
    "grader-fails": (grade_with("return 1 / 0"), "The grader f1 fails: ZeroDivisionError"),
    "grader-reads": (grade_with("return item['no_such_field']"), "the grader f1 reads item.no_such_field"),
    "grader-text": (grade_with("return 'good'"), "The grader f1 fails: "),
    "grader-loops": (grade_with("import time", "time.sleep(999)"), "The grader f1 fails: "),
}
"""Graders that only show when they are run: before anything is sent."""


async def test_what_is_mistyped_or_malformed_gets_a_sentence_and_launches_nothing(house: House) -> None:
    workspace = house.workspace
    copy_task(house, "eurovoc")
    for name, (damage, _) in {**MALFORMED, **UNUSABLE}.items():
        copy_task(house, name, damage)
    async with house.bot():
        for typed, words in MISTYPED.items():
            await workspace.type_command("alice", "/rft", typed)
            await workspace.told("alice", words)

        for name, (_, words) in MALFORMED.items():
            await workspace.type_command("bob", "/rft", f"launch task={name}")
            await workspace.told("bob", words)

        for name in UNUSABLE:
            await workspace.type_command("carol", "/rft", f"launch task={name}")
            await workspace.told("carol", f"Launching *{name}*")
        for name, (_, words) in UNUSABLE.items():
            assert words in await workspace.told("carol", f"{name} was not launched.")
        assert "text" in await workspace.told("carol", "grader-text was not launched")
        assert "10 s" in await workspace.told("carol", "grader-loops was not launched")

        # Nobody else saw any of it, and nothing is left anywhere.
        assert await workspace.whispers("dave") == []
        assert await workspace.messages() == []
        assert await on_the_platform(house) == ([], [])

        # And after all that, what is right still works.
        await workspace.type_command("alice", "/rft", "launch task=eurovoc")
        await workspace.card_with("rft-")
        assert len((await on_the_platform(house))[0]) == 1


async def test_a_platform_that_is_away_at_launch_is_waited_for_and_nothing_is_done_twice(house: House) -> None:
    workspace, typed = house.workspace, "launch task=eurovoc seed=4"
    copy_task(house, "eurovoc")
    async with lossy_way(house.environment["LOCAL_PLATFORM_URL"]) as way:
        direct, house.environment["LOCAL_PLATFORM_URL"] = house.environment["LOCAL_PLATFORM_URL"], way.url
        async with house.bot():
            house.environment["LOCAL_PLATFORM_URL"] = direct
            way.lose("POST /files", None, "refused")
            await workspace.type_command("alice", "/rft", typed)
            await workspace.told("alice", "eurovoc was not launched.")

            async def nothing_left() -> bool:
                return await on_the_platform(house) == ([], [])

            await eventually(nothing_left, "a platform without leftovers")

            # The very same, asked again within seconds, is no slip of the finger, and waits while nothing answers.
            await way.close()
            await workspace.type_command("alice", "/rft", typed)
            said = await workspace.told("alice", " waits. ")
            assert "Local platform cannot be reached at 127.0.0.1:" in said
            assert await on_the_platform(house) == ([], [])
            assert await workspace.messages() == []

            # Away in the middle as well: the second file has arrived, and its answer was lost.
            way.lose("POST /files", None, "answer lost")
            passed = len(way.passed)
            await way.open()
            card = await workspace.card_with("rft-")
            jobs, files = await on_the_platform(house)
            assert (len(jobs), len(files)) == (1, 2)
            assert way.passed[passed:].count("POST /files") == 2
            assert [m["ts"] for m in await workspace.messages() if not in_thread(m)] == [card["ts"]]
            assert sum(" waits. " in text for text in await workspace.whispers("alice")) == 1


@pytest.mark.shared_bot
async def test_where_slack_takes_no_posts_the_launcher_is_told_and_the_thread_follows_later(
    house: House, redis: Redis
) -> None:
    """Case 18: the bot counts as a member, and Slack refuses all the same."""
    house.copy_eurovoc(runs=1)
    workspace, store = house.workspace, Store(Connection(redis), KINDS)
    async with house.bot():
        await workspace.fault(fault="error", method="chat.postMessage", error="restricted_action", times=400)
        await workspace.type_command("alice", "/rft", "launch task=eurovoc seed=1 epochs=1")
        told = await workspace.told("alice", "Slack refuses what I post in <#")
        assert "(`restricted_action`)" in told
        assert "The job goes on" in told
        (job,) = await store.records(Job, 1)
        await workspace.type_command("alice", "/rft", f"status {job.id}")
        await workspace.told("alice", "eurovoc")

        async def is_over() -> bool:
            return (await store.records(Job, 1))[0].state.is_final

        await eventually(is_over, "the end of the job")
        assert await workspace.messages() == []
        assert sum("Slack refuses" in each for each in await workspace.whispers("alice")) == 1

        # An hour later the bot may post: what waits for its card brings that along.
        await workspace.fault(fault="clear")
        for lane in await waiting_lanes(store):
            await make_due(store, f"deliver:{lane}")
        card = await workspace.card_with("eurovoc on local-policy-1")
        finish = await workspace.reply_with("Finished at step")
        assert finish["thread_ts"] == card["ts"]
