"""/rft and a card's buttons, from what is typed or clicked to what is shown."""

import shutil
from dataclasses import replace
from pathlib import Path

from jobs.approvals.records import Ending, Settlement
from jobs.core.records import Action, Job, JobState, PendingAction, RaisedAlert
from jobs.state.change import Change, Versioned
from tests.handlers.conftest import Scene
from tests.handlers.known_people import ALICE, RFT
from tests.records import a_job, a_request, a_series, an_approval
from tests.story.colleagues import Json, buttons, eventually, pictures, said
from tests.story.conftest import House

BUNDLED = Path(__file__).parents[3] / "tasks" / "eurovoc"


async def shown(scene: Scene, user: str, words: str, after: int = 0) -> Json:
    """Wait until a person is shown a message with these words in its text or blocks; return all of it."""

    async def look() -> Json | None:
        ephemerals: list[Json] = (await scene.workspace._get(f"ephemerals/{user}"))["ephemerals"]
        return next((one for one in ephemerals[after:] if words in said(one)), None)

    return await eventually(look, f"'{words}' for {user}")


async def asked(scene: Scene, text: str, words: str, user: str = "dave") -> Json:
    """Type after /rft, and wait for the new answer with these words."""
    known = len(await scene.workspace.whispers(user))
    await scene.workspace.type_command(user, "/rft", text)
    return await shown(scene, user, words, after=known)


async def intent_of(scene: Scene, job: Job) -> PendingAction | None:
    held = await scene.store.record(Job, job.id)
    assert held is not None
    return held.value.pending


async def test_what_can_be_asked_of_jobs_is_shown_to_who_asks_and_to_nobody_else(scene: Scene) -> None:
    assert "`/rft launch task=&lt;task&gt;`" in (await asked(scene, " HELP ", "start a job"))["text"]
    assert "task=&lt;task&gt;" in (await asked(scene, "list", "No job yet."))["text"]

    alert = RaisedAlert("O1", "warn", 3, "The gap is <wide>.")
    job = await scene.running(alerts=(alert,), total_steps=100, valid_reward=0.5)
    other = a_job(id="rft-other2", state=JobState.NOT_LAUNCHED, note="The grader <f1> fails.", created_at=2_000.0)
    await scene.store.commit(Change(records=(Versioned(other, 0),)))
    listed = said(await asked(scene, "list", "2 newest jobs"))
    assert listed.index("rft-other2") < listed.index(job.id)
    assert "Training, step 3 of 100" in listed

    await scene.workspace.card_with(job.id)
    status = await asked(scene, "status abc234", "The gap is &lt;wide&gt;.")
    assert "Open its thread" in said(status)
    assert not buttons(status, "act_on_job:pause")
    await asked(scene, "status rft-other2", "The grader &lt;f1&gt; fails.")
    await asked(scene, "status rft-zzz", "There is no job 'rft-zzz'")
    assert len(await scene.workspace.messages()) == 1
    assert await scene.failures() == []


async def test_the_status_of_a_job_whose_card_was_deleted_comes_without_a_link(scene: Scene) -> None:
    job = await scene.running()
    await scene.workspace.card_with(job.id)
    await scene.workspace.fault(method="chat.getPermalink", fault="error", error="message_not_found")
    assert "Open its thread" not in said(await asked(scene, f"status {job.id}", "step 3"))


async def test_a_curve_comes_as_a_picture_and_in_words_where_that_fails(scene: Scene) -> None:
    job = await scene.running(valid_reward=0.5, first_valid_reward=0.2)
    held = await scene.store.record(Job, job.id)
    assert held is not None
    await scene.store.commit(Change(records=(held,), steps=a_series(0.2, 0.5).steps))
    curve = await asked(scene, f"curve {job.id}", "Reward curve of")
    (picture,) = pictures(curve)
    assert "0.5" in picture["alt_text"]
    # What was drawn once is shown again; a further step makes another picture.
    await scene.store.commit(
        Change(records=(Versioned(held.value, held.version + 1),), steps=a_series(0.2, 0.5, 0.5).steps)
    )
    await scene.workspace.fault(method="files.getUploadURLExternal", fault="error")
    worded = await asked(scene, f"curve {job.id}", "*Reward curve*")
    assert not pictures(worded)
    assert "0.5" in worded["text"]


async def test_checkpoints_are_shown_without_controls_as_far_as_there_are_any(scene: Scene) -> None:
    running = await scene.running()
    await asked(scene, f"checkpoints {running.id}", "is still training, and a better checkpoint may displace")
    ended = a_job(id="rft-ended2", state=JobState.CANCELLED)
    await scene.store.commit(Change(records=(Versioned(ended, 0),)))
    await asked(scene, "checkpoints rft-ended2", "rft-ended2 kept no checkpoint.")

    job, _ = await scene.finished()
    found = await asked(scene, f"checkpoints {job.id}", "Approve or reject in the job's thread.")
    assert pictures(found)
    assert not buttons(found, "approve_checkpoint")
    approval = an_approval(
        subject=job.id, launched_by=ALICE, settled=Settlement(Ending.REJECTED, "", 3_000.0), decisions=()
    )
    await scene.store.commit(Change(records=(Versioned(approval, 1),)))
    settled = await asked(scene, f"checkpoints {job.id}", "All checkpoints were rejected")
    assert "Approve or reject in the job's thread." not in said(settled)


async def test_a_job_that_is_not_on_its_platform_has_no_messages_there(scene: Scene) -> None:
    await scene.store.commit(Change(records=(Versioned(a_job(state=JobState.NOT_LAUNCHED, remote_id=None), 0),)))
    await asked(scene, "events rft-abc234", "local does not have rft-abc234, so it says nothing about it.")


async def test_how_a_job_was_run_is_shown_and_handed_over_though_its_platform_does_not_have_it(scene: Scene) -> None:
    job = await scene.running()
    card = await scene.workspace.card_with(job.id)
    await scene.workspace.click("dave", card, buttons(card, "act_on_job:details")[0])
    details = await shown(scene, "dave", "These are what was asked for.")
    assert f"Details of* `{job.id}`" in said(details)
    await asked(scene, f"bundle {job.id}", "The file is in your messages with me; nobody else sees it.")
    assert await scene.failures() == []


async def test_a_wish_is_confirmed_written_down_and_refused_where_it_makes_no_sense(scene: Scene) -> None:
    job = await scene.running()
    card = await scene.workspace.card_with(job.id)
    await asked(scene, f"resume {job.id}", f"{job.id} is not paused; it is running.")

    await scene.workspace.click("bob", card, buttons(card, "act_on_job:pause")[0])
    await shown(scene, "bob", f"I ask local to pause `{job.id}`. Its thread says when that is done.")
    await scene.change(replace(job, state=JobState.SUCCEEDED, pending=None))
    await scene.workspace.click("bob", card, buttons(card, "act_on_job:cancel")[0])
    await shown(scene, "bob", f"{job.id} has finished; there is nothing left to cancel.")

    early = a_job(id="rft-early2", state=JobState.LAUNCHING, request=a_request(requested_by=ALICE, channel=RFT))
    await scene.store.commit(Change(records=(Versioned(early, 0),)))
    await asked(scene, "cancel rft-early2", "`rft-early2` is not on local yet. I stop it before it gets there", "carol")
    await shown(scene, "alice", "acts was not launched. It was cancelled before the launch.")
    assert await scene.failures() == []


async def test_who_neither_launched_nor_approves_can_pause_but_not_cancel(scene: Scene) -> None:
    job = await scene.running()
    card = await scene.workspace.card_with(job.id)
    before, trail = await scene.store.record(Job, job.id), await scene.store.trail()

    await scene.workspace.click("dave", card, buttons(card, "act_on_job:cancel")[0])
    refused = await shown(scene, "dave", f"can cancel {job.id}. A cancelled job cannot be resumed")
    assert f"Only <@{ALICE}>, who launched it, and its approvers (@model-approvers)" in refused["text"]
    assert f"Anybody may pause it meanwhile: `/rft pause {job.id}`." in refused["text"]
    await asked(scene, f"cancel {job.id}", "can cancel")
    assert (await scene.store.record(Job, job.id), await scene.store.trail()) == (before, trail)
    assert await scene.workspace.card_with(job.id) == card

    await asked(scene, f"pause {job.id}", f"I ask local to pause `{job.id}`.")
    assert await scene.failures() == []


async def test_a_real_job_is_paused_resumed_and_cancelled_by_command_and_by_button(house: House, scene: Scene) -> None:
    shutil.copytree(BUNDLED, house.tasks / "eurovoc")
    workspace = scene.workspace
    await workspace.type_command("alice", "/rft", "launch task=eurovoc epochs=50 batch=1 compute=0.5 seed=1")
    card = await workspace.card_with("Training")
    job_id = str(buttons(card, "act_on_job:pause")[0]["value"]).partition("|")[2]

    await workspace.click("bob", card, buttons(card, "act_on_job:pause")[0])
    await workspace.reply_with("<@U0BOB0001> asked the platform to pause it after the step in hand.")
    await workspace.reply_with("A snapshot is kept")
    paused = await workspace.card_with("*Paused*")
    assert buttons(paused, "act_on_job:pause")[0]["value"] == f"{Action.RESUME}|{job_id}"
    await workspace.click("carol", paused, buttons(paused, "act_on_job:pause")[0])
    await workspace.reply_with("<@U0CAROL01> resumed it.")
    await workspace.card_with("Training")
    await asked(scene, f"cancel {job_id}", "I ask local to cancel", "carol")
    await workspace.reply_with("<@U0CAROL01> cancelled it.")
    ended = await workspace.card_with("*Cancelled*")
    assert not buttons(ended, "act_on_job:cancel")
    assert ended["ts"] == card["ts"]
    messages = await asked(scene, f"events {job_id}", "local has said about")
    assert messages["text"].endswith("The newest: The job was cancelled")
    assert "The job was cancelled" in str(messages["blocks"][-2]["text"]["text"]).splitlines()[-1]
    assert await scene.failures() == []
