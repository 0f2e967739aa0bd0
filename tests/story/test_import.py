"""Somebody moves in: what they exported from hosted Evals becomes a task that is checked and evaluated."""

import io
import json
import zipfile

import pytest

from tests.jobs.tasks.imports.exports import ITEMS, hosted_eval, item_lines, run
from tests.story.colleagues import Json, eventually
from tests.story.conftest import House
from tests.story.test_upload import answer_with, post_files, submit

pytestmark = [pytest.mark.story, pytest.mark.shared_bot]


async def form_for(house: House, message: Json) -> Json:
    used = {"channel": "rft", "messageTs": message["ts"], "user": "alice", "callback_id": "import_as_task"}
    assert (await house.workspace._post("shortcut", used))["ok"]

    async def look() -> Json | None:
        return await house.workspace.form_of("alice")

    return await eventually(look, "a form")


async def test_an_exported_eval_becomes_a_task_that_is_checked_and_goes_out_again(house: House) -> None:
    files = (
        ("eval.json", json.dumps(hosted_eval()).encode()),
        ("run.json", json.dumps(run()).encode()),
        ("tickets.jsonl", item_lines(*ITEMS)),
    )
    async with house.bot():
        form = await form_for(house, await post_files(house, *files[:1], files[2]))
        assert "*eval.json" in str(form)
        assert (await submit(house))["ok"]
        await house.workspace.told("alice", "The files do not say what a model is asked.")

        await form_for(house, await post_files(house, *files))
        await house.workspace.fault(fault="repeat_envelopes", times=1)
        assert (await submit(house))["ok"]
        told = await answer_with(house, "IT-tickets is made from the hosted eval 'IT tickets': valid 3 rows, 1 grader")
        assert "model gpt-4.1 of run 'first'" in str(told["blocks"])
        await house.workspace.type_command("alice", "/proctor", "check IT-tickets")
        await house.workspace.told("alice", "It can be evaluated")
        await house.workspace.type_command("alice", "/proctor", "task IT-tickets format=promptfoo")
        await house.workspace.told("alice", "`IT-tickets` as a Promptfoo project is in your conversation with me.")

        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as packed:
            for name, content in files:
                packed.writestr(f"export/{name}", content)
        await form_for(house, await post_files(house, ("export.zip", archive.getvalue())))
        assert (await submit(house))["ok"]
        await house.workspace.told("alice", "IT-tickets is there already.")
    assert [folder.name for folder in house.tasks.iterdir()] == ["IT-tickets"]
