"""People say in Slack whether grades are right; it stands next to the grader's score, in thread, report and trail."""

import pytest

from tests.story.colleagues import Json, Workspace, buttons, eventually, said
from tests.story.conftest import House

pytestmark = [pytest.mark.story, pytest.mark.shared_bot]


async def form_after(workspace: Workspace, user: str, message: Json, action: Json) -> Json:
    """Click, and wait for the form."""
    await workspace.click(user, message, action)
    return await eventually(lambda: workspace.form_of(user), f"the form of {user}")


async def shown_to(workspace: Workspace, user: str) -> str:
    """Return everything that only this person was shown."""
    found: list[Json] = (await workspace._get(f"ephemerals/{user}"))["ephemerals"]
    return "\n".join(map(said, found))


async def test_a_wrong_grade_is_said_in_the_thread_and_changed_and_contradicted(house: House) -> None:
    house.copy_eurovoc()
    workspace = house.workspace
    async with house.bot():
        await workspace.type_command("alice", "/eval", "run task=eurovoc runs=1 limit=12")
        result = await workspace.reply_with("Result of eval-")
        eval_id = said(result).split("Result of ")[1].split(".")[0].split(" ")[0].strip("'")
        check = buttons(result, "check_grade")[0]

        form = await form_after(workspace, "alice", result, check)
        for words in ("*Reference*", "*Answer of local-policy-1*", "*F1 0.00*", "Is this grade right?"):
            assert words in str(form)
        refused = await workspace.fill("alice", {"says": "wrong", "score": "much", "note": ""})
        assert "'much' is not a number" in str(refused), refused
        await workspace.fill("alice", {"says": "wrong", "score": "0.8", "note": "a synonym"})
        await workspace.told("alice", "Kept: F1 0.00 is wrong, 0.80 would be right")
        shown = await workspace.reply_with("(a synonym)")
        assert shown["ts"] == result["ts"], "it stands in the result itself"

        await form_after(workspace, "bob", shown, check)
        await workspace.fill("bob", {"says": "right", "score": "", "note": ""})
        await workspace.reply_with("On 1 grade of f1 people disagree with each other")
        form = await form_after(workspace, "alice", shown, check)
        assert "Checked already" in str(form)
        await workspace.fill("alice", {"says": "right", "score": "", "note": ""})
        await workspace.reply_with("Grades of f1 that 2 people checked are right: 1 of 1 (100%)")
        await workspace.type_command("carol", "/proctor", f"audit {eval_id}")
        trail = await eventually(lambda: shown_to(workspace, "carol"), "the trail")
    assert "checked a grade in" in trail
    assert "saying that 0.00 is wrong, 0.80 would be right" in trail


async def test_grades_are_drawn_and_said_by_command(house: House) -> None:
    house.copy_eurovoc()
    workspace = house.workspace
    async with house.bot():
        await workspace.type_command("alice", "/eval", "run task=eurovoc runs=1 limit=12")
        result = await workspace.reply_with("Result of eval-")
        eval_id = said(result).split("Result of ")[1].split(".")[0].split(" ")[0].strip("'")
        await workspace.type_command("bob", "/eval", f"review {eval_id}")
        await workspace.told("bob", "5 grades by F1")
        item = str(buttons(result, "check_grade")[0]["value"]).split('"item": "')[1].split('"')[0]
        await workspace.type_command("bob", "/eval", f"review {eval_id} item={item} says=0.7")
        await workspace.told("bob", "0.70 would be right")
        await workspace.type_command("bob", "/eval", f"review {eval_id} item={item} says=perhaps")
        await workspace.told("bob", "`says=` takes right, wrong or a score, not 'perhaps'")
        await workspace.type_command("bob", "/eval", f"review {eval_id} item={item} says=7")
        await workspace.told("bob", "f1 goes from 0 to 1; 7 is outside it.")
        await workspace.type_command("bob", "/eval", f"review {eval_id} item=nothing says=wrong")
        await workspace.told("bob", "has no item 'nothing'")
        await workspace.type_command("bob", "/eval", f"review {eval_id} says=wrong")
        await workspace.told("bob", "`says=` is about one grade")
        await workspace.reply_with("0.70 would be right")
