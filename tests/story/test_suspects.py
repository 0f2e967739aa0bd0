"""A variance study lists labels that may be wrong; people keep, drop or fix them, and a new version is made."""

import pytest

from tests.jobs.evals.laboratory import exact, valid_rows
from tests.jobs.evals.model_endpoint import serving_models
from tests.jobs.tasks.folder import line, write_folder
from tests.story.colleagues import Json, buttons, eventually, said
from tests.story.conftest import House

pytestmark = [pytest.mark.story]


def button(message: Json, action: str, place: int) -> Json:
    return next(each for each in buttons(message, action) if each["value"].endswith(f"|{place}"))


async def test_suspect_labels_become_a_new_version(house: House) -> None:
    rows = valid_rows(12).splitlines(keepends=True)
    for number, right, wrong in ((0, "fish", "coal"), (1, "wine", "fish"), (2, "coal", "wine")):
        rows[number] = line(f"i{number}", text_input=f"act {number} on {right}", reference_answer=wrong)
    write_folder(house.tasks, {"graders/exact.json": exact(), "valid.jsonl": "".join(rows)})
    workspace = house.workspace
    async with serving_models() as endpoint:
        house.environment["LOCAL_PLATFORM_URL"] = endpoint.url
        async with house.bot():
            await workspace.type_command("alice", "/eval", "variance task=small model=small runs=3")
            listed = await workspace.reply_with("Suspect labels of eval-")
            assert "3 of these disagree with the reference" in said(listed)
            assert "Make a new version" not in said(listed)

            for _ in range(2):
                await workspace.click("alice", listed, button(listed, "suspect:drop", 0))
            await workspace.told("alice", "`i0` is dropped already, by you")
            await workspace.click("bob", listed, button(listed, "suspect:keep", 2))
            listed = await workspace.reply_with("Kept by <@U0BOB")
            await workspace.click("bob", listed, button(listed, "suspect:fix", 1))
            form = await eventually(lambda: workspace.form_of("bob"), "the form of bob")
            assert "wine" in str(form), "what the runs say stands there"
            await workspace.fill("bob", {"reference": "wine"})
            listed = await workspace.reply_with("Fixed by <@U0BOB0001>: wine")
            for _ in range(2):
                await workspace.click("alice", listed, buttons(listed, "suspect:make")[0])
            await workspace.told("alice", "New task small-data-1")
            await workspace.told("alice", "10 rows kept as they were, 1 dropped, 1 fixed. small is as it was")
            await workspace.told("alice", "small-data-1 is there already")
            await workspace.reply_with("Made of it: `small-data-1`")
    assert sorted(each.name for each in house.tasks.iterdir()) == ["small", "small-data-1"]
    assert '"i0"' not in (house.tasks / "small-data-1" / "valid.jsonl").read_text("utf-8")
