"""A data set that somebody uploads in Slack becomes a split of a new version of a task."""

import asyncio
import io
import json
import os
import sys
from typing import Any

import aiohttp
import pytest

from bot.redis_server.subprocesses import tethered
from jobs.tasks.datasets.uploads import LARGEST_UPLOAD
from tests.story.colleagues import Json, eventually
from tests.story.conftest import BUNDLED, House

pytestmark = [pytest.mark.story, pytest.mark.shared_bot]

ROWS = (BUNDLED / "train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:40]
GOOD = "".join(ROWS).encode()


async def post_files(house: House, *files: tuple[str, bytes], **fields: str) -> Json:
    """Post a message of alice's with these files."""
    form = aiohttp.FormData({"channel": "rft", "user": "alice", "text": "New rows", **fields}, quote_fields=False)
    for name, content in files:
        form.add_field("file", io.BytesIO(content), filename=name)
    async with house.workspace.session.post(f"{house.workspace.url}/_control/upload", data=form) as answer:
        posted: Json = await answer.json()
    assert posted["ok"], posted
    return posted


async def use_as_data_set(house: House, message: Json, user: str = "alice") -> None:
    used = {"channel": "rft", "messageTs": message["ts"], "user": user, "callback_id": "use_as_data_set"}
    assert (await house.workspace._post("shortcut", used))["ok"]


async def form_for(house: House, message: Json, user: str = "alice") -> Json:
    """Use the shortcut and wait for the form."""
    await use_as_data_set(house, message, user)

    async def look() -> Json | None:
        return await house.workspace.form_of(user)

    return await eventually(look, f"a form for {user}")


async def submit(house: House, user: str = "alice", **values: str) -> Json:
    return await house.workspace._post("view_submit", {"user": user, "values": values})


async def answer_with(house: House, words: str, user: str = "alice") -> Json:
    """Wait for the ephemeral message with these words; returns all of it."""

    async def look() -> Json | None:
        found: list[Json] = (await house.workspace._get(f"ephemerals/{user}"))["ephemerals"]
        return next((one for one in found if words in one["text"]), None)

    return await eventually(look, f"'{words}' for {user}")


async def failures(house: House) -> list[Json]:
    return [entry for entry in await house.workspace.log() if entry["kind"] == "failure"]


async def test_an_uploaded_file_becomes_a_version_with_its_labels_drawn(house: House) -> None:
    folder = house.copy_eurovoc()
    before = {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    async with house.bot():
        form = await form_for(house, await post_files(house, ("train.jsonl", GOOD)))
        assert f"*train.jsonl*, {len(GOOD) / 1024:.1f} KiB" in str(form)
        # The one task and the split that the file is called after stand there already.
        assert (await submit(house))["ok"]
        await house.workspace.told("alice", "Reading *train.jsonl*")
        told = await answer_with(house, "eurovoc-data-1 is eurovoc with 40 uploaded rows as train.")
        picture = next(block for block in told["blocks"] if block["type"] == "image")
        assert "40 rows" in picture["alt_text"]
        await house.workspace.type_command("alice", "/proctor", "task eurovoc-data-1")
        await house.workspace.told("alice", "train 40 items")
    assert await failures(house) == []
    assert {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before
    assert (house.tasks / "eurovoc-data-1" / "train.jsonl").read_bytes() == GOOD
    downloads = [entry for entry in await house.workspace.log() if entry["kind"] == "download"]
    assert len(downloads) == 1


async def test_a_broken_line_is_told_with_file_line_and_field(house: House) -> None:
    house.copy_eurovoc()
    broken = json.loads(ROWS[2])
    (broken.get("item") or broken)["text_input"] = 7
    content = "".join([*ROWS[:2], json.dumps(broken) + "\n", *ROWS[3:]]).encode()
    async with house.bot():
        await form_for(house, await post_files(house, ("mine.jsonl", content)))
        assert (await submit(house))["errors"] == {"split": "Please complete this required field."}
        assert (await submit(house, split="valid"))["ok"]
        told = await house.workspace.told("alice", "mine.jsonl line 3")
    assert "text_input" in told
    assert [folder.name for folder in house.tasks.iterdir()] == ["eurovoc"]
    assert await failures(house) == []


async def test_a_file_that_is_too_large_is_refused_before_it_is_downloaded(house: House) -> None:
    house.copy_eurovoc()
    large = ("large.jsonl", b"x" * (LARGEST_UPLOAD + 1))
    async with house.bot():
        await use_as_data_set(house, await post_files(house, large))
        told = await house.workspace.told("alice", "'large.jsonl' has 64.0 MiB")
        assert "at most 64 MiB" in told
        # Among several it can be chosen; the others may be what is wanted.
        form = await form_for(house, await post_files(house, large, ("valid.jsonl", GOOD)), "bob")
        await submit(house, "bob", file=option(form, "large.jsonl"), split="valid")
        await house.workspace.told("bob", "'large.jsonl' has 64.0 MiB")
    assert not [entry for entry in await house.workspace.log() if entry["kind"] == "download"]


def option(form: Json, file: str) -> str:
    """The id of a file that the form lets one choose."""
    options: list[Json] = form["blocks"][0]["element"]["options"]
    return next(str(one["value"]) for one in options if one["text"]["text"].startswith(f"{file}, "))


async def test_one_of_several_files_is_chosen_and_a_form_sent_twice_counts_once(house: House) -> None:
    house.copy_eurovoc()
    csv = b"text_input,reference_answer\nA cow,agriculture\n"
    async with house.bot():
        root = await post_files(house, ("notes.txt", b"Which rows?"))
        message = await post_files(house, ("train.jsonl", GOOD), ("rows.csv", csv), thread_ts=root["ts"])
        form = await form_for(house, message, "bob")
        await house.workspace.fault(fault="repeat_envelopes", times=1)
        await submit(house, "bob", file=option(form, "rows.csv"), split="pool")
        told = await answer_with(house, "eurovoc-data-1 is eurovoc with 1 uploaded rows as pool.", "bob")
        assert "does not allow 1 of the labels: 'agriculture'" in told["text"]
        assert not [block for block in told["blocks"] if block["type"] == "image"]
        assert told["thread_ts"] == root["ts"]
        await house.workspace.type_command("bob", "/proctor", "tasks")
        await house.workspace.told("bob", "`eurovoc-data-1`")
    assert sorted(folder.name for folder in house.tasks.iterdir()) == ["eurovoc", "eurovoc-data-1"]


@pytest.mark.own_bot
async def test_after_a_kill_in_the_middle_another_bot_makes_the_version_that_was_asked_for(house: House) -> None:
    house.copy_eurovoc()
    message = await post_files(house, ("train.jsonl", GOOD))
    await house.workspace.fault(method="download", fault="delay", seconds=60)
    killed = await asyncio.create_subprocess_exec(
        *tethered((sys.executable, "-m", "bot")), env=os.environ | house.environment, stderr=asyncio.subprocess.DEVNULL
    )
    await house.workspace.hears_the_bot()
    await form_for(house, message)
    await submit(house)
    await house.workspace.told("alice", "Reading *train.jsonl*")

    async def downloading() -> bool:
        return any(entry["kind"] == "download" for entry in await house.workspace.log())

    await eventually(downloading, "a download")
    killed.kill()
    await killed.wait()

    async with house.bot():
        await house.workspace.told("alice", "eurovoc-data-1 is eurovoc with 40 uploaded rows as train.")
    assert len([text for text in await house.workspace.whispers("alice") if "Reading" in text]) == 1
    assert sorted(folder.name for folder in house.tasks.iterdir()) == ["eurovoc", "eurovoc-data-1"]


async def test_messages_and_forms_that_lead_nowhere_are_answered_in_words(house: House) -> None:
    async with house.bot():
        words: dict[str, Any] = {"channel": "rft", "user": "alice", "text": "No file"}
        await use_as_data_set(house, await house.workspace._post("message", words))
        await house.workspace.told("alice", "This message has no file.")
        message = await post_files(house, ("train.jsonl", GOOD))
        await use_as_data_set(house, message)
        await house.workspace.told("alice", "There is no task yet")

        house.copy_eurovoc()
        await house.workspace.fault(method="views.open", fault="error", error="expired_trigger_id")
        await use_as_data_set(house, message)
        await house.workspace.told("alice", "The form could not be opened in time")
        await house.workspace.fault(method="views.open", fault="error", error="invalid_blocks")
        await use_as_data_set(house, message)
        await house.workspace.told("alice", "Something broke on my side; reference ")
        # One use that is delivered twice opens one form, and nobody hears of the second.
        before = len(await house.workspace.whispers("alice"))
        await house.workspace.fault(fault="repeat_envelopes", times=1)
        await form_for(house, message)
        assert len(await house.workspace.whispers("alice")) == before
        for fault, sentence in (
            ({"method": "download", "fault": "server_error"}, "Slack answered 503. Use the shortcut again."),
            ({"method": "download", "fault": "drop_before", "times": 2}, "could not be downloaded from Slack"),
            ({"method": "files.info", "fault": "error", "error": "file_deleted"}, "I cannot see that file any more"),
        ):
            await form_for(house, message)
            await house.workspace.fault(**fault)
            assert (await submit(house))["ok"]
            await house.workspace.told("alice", sentence)
    assert [folder.name for folder in house.tasks.iterdir()] == ["eurovoc"]
