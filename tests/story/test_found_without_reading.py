"""What somebody new finds without reading: the Home, the greeting, the forms and the help."""

import json

import pytest

from tests.story.colleagues import Json, Workspace, buttons, eventually
from tests.story.conftest import House

pytestmark = [pytest.mark.story, pytest.mark.shared_bot]


def one_button(view: Json, action_id: str) -> Json:
    return buttons(view, action_id)[0]


async def said(workspace: Workspace, words: str, channel: str) -> Json:
    async def look() -> Json | None:
        found = (m for m in await workspace.messages(channel) if words in json.dumps(m))
        return next(found, None)

    return await eventually(look, words)


async def test_from_an_empty_home_to_a_job_with_nothing_typed_but_what_makes_it_short(house: House) -> None:
    house.copy_eurovoc(runs=1)
    async with house.bot():
        home = await house.workspace.visit_home("alice")
        assert "Nothing of yours runs" in json.dumps(home["blocks"])
        await house.workspace.click_in_view("alice", home, one_button(home, "open_launch_form"))
        form = await house.workspace.form_with("alice", "Launch a job")
        assert {"channel", "task", "model", "epochs", "effort", "seed", "more"} <= set(form["block_ids"])

        wrong = await house.workspace.fill("alice", {"channel": "C0RFT0001", "epochs": "many", "more": ""})
        assert wrong["errors"] == {"epochs": "epochs=many does not work: epochs is a whole number from 1 to 50."}
        wrong = await house.workspace.fill("alice", {"epochs": "1", "more": "epochs=2"})
        assert wrong["errors"] == {"epochs": "epochs= is given twice: here and among the other settings."}
        wrong = await house.workspace.fill("alice", {"epochs": "", "more": "sped=2"})
        assert "did you mean 'seed'?" in wrong["errors"]["more"]
        wrong = await house.workspace.fill("alice", {"more": "", "channel": "C0RANDOM1"})
        assert "I am not in this channel" in wrong["errors"]["channel"]
        sent = await house.workspace.fill("alice", {"channel": "C0RFT0001", "epochs": "1", "seed": "7"})
        assert sent["ok"]
        await house.workspace.told("alice", "Launching *eurovoc*")
        card = await house.workspace.card_with("Finished")
        await house.workspace.visit_home("alice")
        await house.workspace.home_with("alice", "Ended in the last day")

        await house.workspace.click("alice", card, one_button(card, "open_launch_form"))
        filled = await house.workspace.form_with("alice", "Launch a job")
        assert "channel" not in filled["block_ids"], "the card stands in the channel"
        entered = {name: next(iter(field.values())) for name, field in filled["state"]["values"].items()}
        assert entered["seed"]["value"] == "7"
        assert entered["epochs"]["value"] == "1"


async def test_bare_commands_open_forms(house: House) -> None:
    house.copy_eurovoc()
    async with house.bot():
        await house.workspace.type_command("bob", "/rft", "launch epochs=3 batch=8")
        form = await house.workspace.form_with("bob", "Launch a job")
        entered = {name: next(iter(field.values())) for name, field in form["state"]["values"].items()}
        assert (entered["epochs"]["value"], entered["more"]["value"]) == ("3", "batch=8")
        await house.workspace.type_command("bob", "/eval", "")
        await house.workspace.form_with("bob", "New eval")
        wrong = await house.workspace.fill("bob", {"split": "tst", "more": "limit=4"})
        assert "did you mean 'test'?" in next(iter(wrong["errors"].values()))
        sent = await house.workspace.fill(
            "bob", {"split": "valid", "more": "limit=4", "models": ["local|local-policy-1"]}
        )
        assert sent["ok"]
        await house.workspace.told("bob", "4 items of eurovoc (valid)")
        await house.workspace.type_command("bob", "/rft", "launch eurovoc")
        await house.workspace.told("bob", "Did you mean `task=eurovoc`?")
        await house.workspace.type_command("bob", "/eval", "run sedd=3")
        await house.workspace.told("bob", "takes no 'sedd='")


async def test_whoever_invites_or_mentions_the_bot_is_shown_where_to_begin(house: House) -> None:
    async with house.bot():
        await house.workspace.invite_the_bot("dave", "random")
        greeting = await said(house.workspace, "I am Proctor", "random")
        assert [len(buttons(greeting, each)) for each in ("open_launch_form", "open_eval_form")] == [1, 1]
        await house.workspace.say("dave", "@proctor please launhc something")
        await house.workspace.told("dave", "type `/rft launch`")
        known = len(await house.workspace.whispers("dave"))
        await house.workspace.say("dave", "@proctor hello")
        await house.workspace.told("dave", "I am Proctor", after=known)


async def test_a_home_follows_what_happens_and_turns_mentions_off(house: House) -> None:
    async with house.bot():
        home = await house.workspace.visit_home("carol")
        await house.workspace.click_in_view("carol", home, one_button(home, "home_mentions"))
        off = await house.workspace.home_with("carol", "You are mentioned nowhere.")
        await house.workspace.click_in_view("carol", off, one_button(off, "home_mentions"))
        await house.workspace.home_with("carol", "You are mentioned where it concerns you.")


async def test_the_help_is_short_and_explains_one_command_with_an_example(house: House) -> None:
    house.copy_eurovoc()
    async with house.bot():
        await house.workspace.type_command("dave", "/proctor", "help")
        await house.workspace.told("dave", "Topics: ")
        await house.workspace.type_command("dave", "/proctor", "help launch")
        await house.workspace.told("dave", "/rft launch: start a job")
        await house.workspace.type_command("dave", "/proctor", "help lanch")
        await house.workspace.told("dave", "did you mean 'launch'?")
        home = await house.workspace.visit_home("dave")
        await house.workspace.click_in_view("dave", home, one_button(home, "show_help:"))
        window = await house.workspace.form_with("dave", "How it works")
        assert "Put a model into production" in json.dumps(window["blocks"])
