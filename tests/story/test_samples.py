"""A job that trains for real: its answers are read at any step, and before and after stand side by side."""

import pytest

from tests.story.colleagues import buttons, said
from tests.story.conftest import House


@pytest.mark.thorough
async def test_answers_before_and_after_are_read_at_a_step_and_at_the_end(house: House) -> None:
    house.copy_eurovoc(runs=3)
    async with house.bot():
        await house.workspace.type_command("alice", "/rft", "launch task=eurovoc epochs=2 eval_interval=4 seed=21")
        card = await house.workspace.card_with("Finished")
        job = buttons(card, "act_on_job:curve")[0]["value"].split("|")[1]
        await house.workspace.type_command("bob", "/rft", f"samples {job} step=14 from=5")
        await house.workspace.told("bob", f"Answers of {job} at step 4 and at step 12: 5 of 60 validation items")
        await house.workspace.type_command("bob", "/rft", f"samples {job} step=3")
        await house.workspace.told("bob", "There was no evaluation at step 3; they were every 4 steps, from 4 to ")
        summary = await house.workspace.reply_with("Before and after on validation, 60 items x 3 answers: items always")
        await house.workspace.click("bob", summary, buttons(summary, "act_on_eval:train")[0])
        result = await house.workspace.reply_with(
            "Before and after on train, 180 items x 3 answers: items always at 0: "
        )
        assert "In short, " in said(result)
