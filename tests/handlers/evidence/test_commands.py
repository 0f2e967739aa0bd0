"""`/rft checkpoints` and the menu: typed or clicked, shown to the one person who asked."""

from dataclasses import replace
from pathlib import Path

import pytest

from charts import Chart
from handlers.evidence.commands import shown_to_one
from handlers.evidence.summary import chart_of, no_link
from handlers.slack.images import Pictures
from jobs.core.errors import Conflict, InvalidRequest, NotFound
from jobs.core.records import JobState
from jobs.evidence.records import Evidence, EvidenceState
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.training.postings import card_posting, summary_posting
from local.slack.blocks import validate
from tests.handlers import evidence_shown as shown
from tests.handlers.conftest import Scene
from tests.handlers.evidence_shown import JOB, action_ids, text_of, view
from tests.handlers.known_people import ALICE, RFT
from tests.handlers.posting_desk import open_desk
from tests.records import a_request
from tests.story.colleagues import Json, eventually, pictures, said


class NoPictures(Pictures):
    """Draws nothing: its messages say everything in words."""

    def __init__(self) -> None:
        """Need nothing for that."""

    async def file_of(self, chart: Chart, name: str) -> str | None:
        """Return no file."""


async def test_the_preferred_one_comes_first_with_the_reason() -> None:
    found = await shown_to_one(view(), "recall", NoPictures(), no_link)
    told = text_of(found)
    assert "Step 95 is preferred for recall: 0.800 (0.720 to 0.880)." in told
    assert told.index("*Step 95*") < told.index("*Step 85*") < told.index("*Step 60*")
    assert action_ids(found) == []
    assert validate(list(found.blocks), "message") == []
    assert "Approve or reject in the job's thread." in told
    by_step = text_of(await shown_to_one(view(approval=shown.APPROVED), None, NoPictures(), no_link))
    assert by_step.index("*Step 60*") < by_step.index("*Step 85*")
    assert "Approve or reject in the job's thread." not in by_step


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (None, "have not been evaluated, so none can be preferred"),
        (shown.GATHERING, "are being evaluated: 300 of 1,350 answers so far. Ask again when that is done."),
        (
            replace(shown.GATHERING, state=EvidenceState.WITHDRAWN),
            "are evaluated when it stops; it goes on training. Ask again then.",
        ),
        (shown.FAILED, "could not be evaluated, so none can be preferred. local refuses"),
        (replace(shown.FAILED, note=None), "`/rft checkpoints rft-abc234 again=yes` tries once more."),
    ],
)
async def test_what_was_not_evaluated_cannot_be_preferred(evidence: Evidence | None, words: str) -> None:
    with pytest.raises(Conflict, match="The checkpoints of rft-abc234") as refused:
        await shown_to_one(view(evidence), "f1", NoPictures(), no_link)
    assert words in str(refused.value)


async def test_a_need_that_there_is_not_is_answered_with_the_nearest() -> None:
    with pytest.raises(InvalidRequest, match=r"'recal'.*recall"):
        await shown_to_one(view(), "recal", NoPictures(), no_link)


async def test_a_job_without_checkpoints_has_none_to_show() -> None:
    with pytest.raises(NotFound, match="kept no checkpoint"):
        await shown_to_one(view(job=replace(JOB, checkpoints=())), None, NoPictures(), no_link)
    running = replace(JOB, checkpoints=(), state=JobState.WATCHING)
    with pytest.raises(NotFound, match="is still training"):
        await shown_to_one(view(job=running), None, NoPictures(), no_link)


async def test_the_picture_is_kept_while_people_decide_and_drawn_anew_with_new_evidence(
    store: Store, tmp_path: Path
) -> None:
    job = replace(JOB, request=a_request(channel=RFT))
    async with open_desk(store, tmp_path) as desk:
        change = Change(
            records=(Versioned(job, 0), Versioned(shown.WAITING, 0), Versioned(shown.WHOLE, 0)),
        )
        await desk.store.commit(change)
        posting = summary_posting(job)
        entry = await desk.poster.post(posting, await desk.poster.post(card_posting(job), None))
        await desk.store.commit(Change(records=(Versioned(shown.ONE_VOTE, 1),)))
        voted = await desk.poster.edit(posting, entry)
        assert voted.file == entry.file is not None
        assert len(desk.pool.drawn) == 1

        await desk.store.commit(Change(records=(Versioned(shown.GATHERING, 1),)))
        bare = await desk.poster.edit(posting, voted)
        assert bare.file is None
        later = replace(shown.PLAIN, finished_at=bare.at + 1, round=2)
        await desk.store.commit(Change(records=(Versioned(later, 2),)))
        renewed = await desk.poster.edit(posting, voted)
        assert renewed.file not in {None, entry.file}
        assert desk.pool.drawn[-1] == chart_of(view(later, job=job))


async def whispered(scene: Scene, user: str, words: str) -> Json:
    """Wait until a person is shown something with these words; return all of it."""

    async def look() -> Json | None:
        ephemerals: list[Json] = (await scene.workspace._get(f"ephemerals/{user}"))["ephemerals"]
        return next((one for one in ephemerals if words in said(one)), None)

    return await eventually(look, f"'{words}' for {user}")


def chosen(summary: Json, need: str) -> Json:
    """Return the choice of a need in the summary's menu, as a click names it."""
    (block,) = [each for each in summary["blocks"] if str(each.get("block_id")).startswith("prefer:")]
    (menu,) = block["elements"]
    (option,) = [each for each in menu["options"] if each["value"].endswith(f"|{need}")]
    return {"action_id": menu["action_id"], "block_id": block["block_id"], "selected_option": option}


async def test_the_command_and_the_menu_show_one_person_what_they_need(scene: Scene) -> None:
    job = replace(JOB, request=a_request(requested_by=ALICE, channel=RFT), task="gone")
    await scene.add(job, shown.WAITING)
    await scene.store.commit(Change(records=(Versioned(shown.WHOLE, 0),)))
    await scene.workspace.type_command("dave", "/rft", f"checkpoints {job.id} prefer=precision")
    typed = await whispered(scene, "dave", "is preferred for precision")
    assert pictures(typed)
    summary = await scene.summary()
    await scene.workspace.click("dave", summary, chosen(summary, "recall"))
    assert pictures(await whispered(scene, "dave", "is preferred for recall"))
    await scene.workspace.type_command("dave", "/rft", f"checkpoints {job.id} prefer=cheapest")
    (picture,) = pictures(await whispered(scene, "dave", "is preferred for cost"))
    assert "against reasoning tokens of an answer, with 95% intervals" in picture["alt_text"]
    await scene.workspace.type_command("dave", "/rft", f"checkpoints {job.id} again=no")
    await whispered(scene, "dave", "`again=` takes only `yes`")
    await scene.workspace.type_command("dave", "/rft", f"checkpoints {job.id} again=yes")
    await whispered(scene, "dave", f"can have the checkpoints of {job.id} evaluated again. It costs model calls")
    await scene.workspace.type_command("alice", "/rft", f"checkpoints {job.id} again=yes")
    await whispered(scene, "alice", f"I evaluate 3 checkpoints of `{job.id}` and the base model again.")
    assert await scene.failures() == []
