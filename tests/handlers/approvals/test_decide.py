"""Approving and rejecting, from the click to the answer, where the story does not go."""

import time
from dataclasses import replace

from jobs.approvals.change import with_approval
from jobs.approvals.open import invalidated
from jobs.approvals.records import DAY, Approval
from jobs.core.records import ApprovalPolicy, Job
from jobs.evidence.records import Guard, Role
from jobs.state.change import Change, Versioned
from tests.handlers.conftest import Scene
from tests.handlers.known_people import CAROL, DAVE
from tests.records import a_candidate, a_checkpoint, an_evidence
from tests.story.colleagues import Json, buttons, eventually, said


def approve_step(message: Json, number: int = 0) -> Json:
    return buttons(message, "approve_checkpoint")[number]


async def test_a_reason_that_is_too_short_is_asked_for_again_in_the_form(scene: Scene) -> None:
    _, summary = await scene.finished()
    await scene.form_for("bob", summary, approve_step(summary))
    refused = await scene.workspace.submit("bob", " x ")
    assert refused["errors"] == {"reason": "Give a reason in a few words; it is kept with your name."}
    assert await scene.workspace.form_of("bob")
    assert (await scene.workspace.submit("bob", "best F1 we had"))["ok"]
    await scene.workspace.told("bob", "Recorded. Approved so far by <@U0BOB0001>; 1 more approval needed.")

    # The same again, by the same person, changes nothing and says so.
    await scene.form_for("bob", summary, approve_step(summary))
    await scene.workspace.submit("bob", "I mean it")
    await scene.workspace.told("bob", "You had already decided so")
    assert await scene.failures() == []


async def test_a_button_for_a_checkpoint_that_is_no_longer_kept_says_so(scene: Scene) -> None:
    job, summary = await scene.finished()
    await scene.change(replace(job, checkpoints=(a_checkpoint(15),)))
    await scene.workspace.click("bob", summary, approve_step(summary))
    await scene.workspace.told("bob", "That checkpoint of rft-done22 is no longer kept; use the buttons of the newest")
    await scene.change(replace(job, checkpoints=()))
    await scene.workspace.click("bob", summary, approve_step(summary))
    await scene.workspace.told("bob", "rft-done22 has no checkpoint any more.")
    assert await scene.workspace.form_of("bob") is None
    assert await scene.failures() == []


async def test_one_rejection_settles_it_also_for_who_has_the_form_open(scene: Scene) -> None:
    _, summary = await scene.finished()
    await scene.form_for("carol", summary, approve_step(summary))
    form = await scene.form_for("bob", summary, buttons(summary, "reject_checkpoints")[0])
    assert "One rejection settles it" in str(form)
    await scene.workspace.submit("bob", "recall is too low for us")
    await scene.workspace.told("bob", "Your decision settled it. *All checkpoints were rejected* by <@U0BOB0001>")

    await scene.workspace.submit("carol", "I liked it")
    await scene.workspace.told("carol", "This is settled already. *All checkpoints were rejected*")
    await scene.workspace.click("alice", summary, approve_step(summary))
    await scene.workspace.told("alice", "This is settled already.")

    async def settled() -> Json | None:
        messages = await scene.workspace.messages()
        return next((m for m in messages if m["ts"] == summary["ts"] and "were rejected" in said(m)), None)

    shown = await eventually(settled, "the settled summary")
    assert "recall is too low for us" in said(shown)
    assert buttons(shown, "approve_checkpoint") == buttons(shown, "reject_checkpoints") == []
    assert await scene.failures() == []


async def test_a_form_that_slack_does_not_open_any_more_is_answered_in_words(scene: Scene) -> None:
    _, summary = await scene.finished()
    await scene.workspace.fault(method="views.open", fault="error", error="expired_trigger_id")
    await scene.workspace.click("bob", summary, approve_step(summary))
    await scene.workspace.told("bob", "The form could not be opened in time")

    # One click that is delivered twice opens one form, and nobody hears of the second.
    await scene.workspace.fault(fault="repeat_envelopes", times=1)
    await scene.form_for("bob", summary, approve_step(summary))
    await scene.workspace.fault(method="views.open", fault="error", error="invalid_blocks")
    await scene.workspace.click("carol", summary, approve_step(summary))
    await scene.workspace.told("carol", "Something broke on my side; reference ")
    assert len(await scene.workspace.whispers("bob")) == 1


async def control(scene: Scene, what: str, **body: object) -> Json:
    """Do something in the workspace that is rarely done."""
    async with scene.workspace.session.post(f"{scene.workspace.url}/_control/{what}", json=body) as answered:
        found: Json = await answered.json()
        return found


async def held(scene: Scene, job: Job) -> Versioned[Approval]:
    found = await scene.store.record(Approval, job.id)
    assert found is not None
    return found


async def put(scene: Scene, before: Versioned[Approval], approval: Approval) -> None:
    """Change an approval behind the back of what is shown."""
    await scene.store.commit(with_approval(Change(), before, approval, time.time()))


async def test_a_form_that_was_open_when_the_evidence_changed_counts_for_nothing(scene: Scene) -> None:
    job, summary = await scene.finished()
    await scene.form_for("bob", summary, approve_step(summary))
    before = await held(scene, job)
    gap = invalidated(before.value, "The task's test split changed.", time.time())
    await put(scene, before, gap)
    await scene.workspace.reply_with("The approval starts over: The task's test split changed.")
    await scene.workspace.submit("bob", "best F1 we had")
    await scene.workspace.told("bob", "the evidence is being gathered anew. The task's test split changed.")

    await put(scene, await held(scene, job), replace(gap, evidence={"ckpt-5": "new", "ckpt-10": "new"}))
    await scene.workspace.click("bob", summary, approve_step(summary))
    await scene.workspace.told("bob", "the evidence has changed since this was shown. The task's test split changed.")
    assert (await held(scene, job)).value.decisions == ()
    assert await scene.failures() == []


async def test_a_broken_guardrail_has_to_be_ticked_in_the_form(scene: Scene) -> None:
    job, summary = await scene.finished()
    before = await held(scene, job)
    weak = Guard("recall", -0.02, -0.06, -0.1, Role.BASE, is_broken=True)
    measured = a_candidate(5, guards=(weak,), digest="digest-5")
    evidence = an_evidence(job=job.id, checkpoints=("ckpt-5",), candidates=(measured,))
    await scene.store.commit(Change(records=(Versioned(evidence, 0),)))
    await put(scene, before, replace(before.value, broken={"ckpt-5": ("recall",)}))
    form = await scene.form_for("bob", summary, approve_step(summary))
    assert "Warning: it breaks 1 guardrail." in str(form)
    assert "recall -0.06 against the base model, with 95% confidence no worse than -0.10" in str(form)
    refused = await control(scene, "view_submit", user="bob", values={"reason": "precision matters more"})
    assert list(refused["errors"]) == ["override:recall"]
    ticked = {"reason": "precision matters more", "override:recall": ["recall"]}
    assert (await control(scene, "view_submit", user="bob", values=ticked))["ok"]
    await scene.workspace.told("bob", "Recorded. Approved so far by <@U0BOB0001>")
    assert (await held(scene, job)).value.decisions[0].overrides == ("recall",)
    trail = [sealed.entry for sealed in await scene.store.trail()]
    assert [entry.details["overrides"] for entry in trail if entry.act == "override"] == ["recall"]
    assert await scene.failures() == []


async def test_ones_own_job_may_be_approved_only_where_the_task_says_so_and_it_is_said(scene: Scene) -> None:
    job, summary = await scene.finished()
    before = await held(scene, job)
    await put(scene, before, replace(before.value, policy=ApprovalPolicy(self_approval=True)))
    for user in ("alice", "bob"):
        await scene.form_for(user, summary, approve_step(summary))
        await scene.workspace.submit(user, "best F1 we had")
    await scene.workspace.told("alice", "This is your own job; the task allows that, and it is shown.")
    said_to_all = "<@U0ALICE01> launched this job and approved it as well; the task allows that."
    await scene.workspace.told("bob", said_to_all)
    notice_of_it = await scene.workspace.reply_with("*Step 5 is approved*")
    assert said_to_all in said(notice_of_it)


async def test_who_lost_the_role_is_told_and_their_vote_is_gone(scene: Scene) -> None:
    job, summary = await scene.finished()
    await scene.form_for("bob", summary, approve_step(summary))
    await scene.workspace.submit("bob", "best F1 we had")
    await scene.workspace.told("bob", "Recorded.")
    before = await held(scene, job)
    await put(scene, before, replace(before.value, approvers=(CAROL, DAVE)))
    await scene.workspace.click("bob", summary, approve_step(summary, 1))
    await scene.workspace.told("bob", "You are not among the approvers of this task any more")
    await scene.form_for("carol", summary, approve_step(summary))
    await scene.workspace.submit("carol", "agreed")
    await scene.workspace.told("carol", "<@U0BOB0001> is not among the approvers any more, so their decision no longer")
    assert [d.user for d in (await held(scene, job)).value.decisions] == [CAROL]


async def test_what_lapsed_says_what_to_do_next(scene: Scene) -> None:
    job, summary = await scene.finished()
    before = await held(scene, job)
    await put(scene, before, replace(before.value, expires_at=time.time() - 1))
    await scene.workspace.click("bob", summary, approve_step(summary))
    await scene.workspace.told("bob", "nobody settled it in time. `/rft checkpoints rft-done22 again=yes` gathers")
    await scene.workspace.reply_with("<@U0ALICE01>: *Nobody settled it in time*")


async def test_the_approvers_are_reminded_before_it_lapses(scene: Scene) -> None:
    job, _ = await scene.finished()
    before = await held(scene, job)
    await put(scene, before, replace(before.value, expires_at=time.time() + DAY))
    reminder = await scene.workspace.reply_with("wait for your decision until")
    assert "<!subteam^S0APPROVE>" in said(reminder)
    assert "0 of 2 approvals" in said(reminder)


async def test_what_waits_is_listed_with_a_link_and_whether_it_waits_for_you(scene: Scene) -> None:
    await scene.finished()
    await scene.workspace.type_command("bob", "/proctor", "approvals")
    line = await scene.workspace.told("bob", "1 approval waits")
    assert "`rft-done22`" in line
    assert "0 of 2 approvals, 2 missing" in line
    assert "*It waits for you.*" in line
    assert "|Open>" in line
    await scene.workspace.type_command("alice", "/proctor", "approvals")
    assert "for you" not in await scene.workspace.told("alice", "1 approval waits")


async def test_what_people_write_in_the_thread_counts_for_nothing(scene: Scene) -> None:
    job, summary = await scene.finished()
    for user in ("bob", "carol"):
        for text in ("approve", "LGTM :+1:"):
            await control(scene, "message", channel="rft", user=user, text=text, thread_ts=summary["thread_ts"])
    await scene.workspace.type_command("dave", "/proctor", "approvals")
    assert "0 of 2 approvals" in await scene.workspace.told("dave", "1 approval waits")
    assert (await held(scene, job)).value.decisions == ()
