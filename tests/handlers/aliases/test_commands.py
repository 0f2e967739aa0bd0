"""Moving an alias and taking it back, from the click to the answer."""

from dataclasses import replace
from typing import Any

from redis.asyncio import Redis

from bot.kinds import KINDS
from handlers.aliases.commands import form
from handlers.aliases.messages import NONE_YET, alias_details, alias_list, proposal_message
from jobs.aliases.move import Movable, target_of
from jobs.aliases.records import Alias, AliasMove, MoveKind, ProposalState
from jobs.aliases.rollback import Rollbacks
from jobs.approvals.records import Decision, Ending, Settlement, Verdict
from jobs.core.records import JobState
from jobs.evals.verdict import Verdict as Sign
from jobs.evidence.records import Candidate, Evidence, EvidenceState, Role, Versus
from jobs.state.change import Versioned
from jobs.state.connection import Connection
from jobs.state.store import Store
from tests.handlers.conftest import Scene
from tests.handlers.known_people import ALICE, BOB, CAROL, DAVE, RFT
from tests.jobs.aliases.team import Team, approval_of
from tests.records import a_checkpoint, a_job, a_request, an_approval
from tests.story.colleagues import Json, buttons, eventually, in_thread, said

PRODUCTION = "acts@production"


async def approved(scene: Scene, name: str, step: int) -> Json:
    """Put down a job of alice's of which a checkpoint was approved, and wait for the button that moves an alias."""
    checkpoint = replace(a_checkpoint(step), model_id=f"ft:{name}:{step}")
    job = a_job(
        id=name,
        request=a_request(requested_by=ALICE, channel=RFT),
        state=JobState.SUCCEEDED,
        platform_status="succeeded",
        checkpoints=(checkpoint,),
    )
    votes = tuple(Decision(user, Verdict.APPROVE, checkpoint.id, "good", 3_000.0) for user in (BOB, CAROL))
    settled = Settlement(Ending.APPROVED, checkpoint.id, 3_000.0)
    approval = an_approval(
        subject=name,
        launched_by=ALICE,
        task="acts",
        channel=RFT,
        decisions=votes,
        settled=settled,
        models={checkpoint.id: checkpoint.model_id},
    )
    await scene.add(job, approval)

    async def look() -> Json | None:
        found = [m for m in await scene.workspace.messages() if buttons(m, "move_alias")]
        return next((m for m in found if buttons(m, "move_alias")[0]["value"] == name), None)

    return await eventually(look, f"the button of {name}")


async def fill(scene: Scene, user: str, **values: str) -> Json:
    """Fill the fields of the form on top and send it."""
    return await scene.workspace._post("view_submit", {"user": user, "values": values})


async def move(scene: Scene, user: str, name: str, step: int, reason: str) -> None:
    """Move the usual alias by its form."""
    message = await approved(scene, name, step)
    await scene.form_for(user, message, buttons(message, "move_alias")[0])
    await fill(scene, user, reason=reason)
    await scene.workspace.told(user, f"points at step {step} of {name} now")


async def proposal(scene: Scene, words: str) -> Json:
    """Wait for the message of a proposal that says this."""

    async def look() -> Json | None:
        return next((m for m in await scene.workspace.channel() if not in_thread(m) and words in said(m)), None)

    return await eventually(look, words)


async def decide(scene: Scene, user: str, message: Json, control: str, reason: str) -> None:
    await scene.form_for(user, message, buttons(message, control)[0])
    await scene.workspace.submit(user, reason)


async def ask(scene: Scene, user: str, text: str, words: str) -> str:
    known = len(await scene.workspace.whispers(user))
    await scene.workspace.type_command(user, "/proctor", text)
    return await scene.workspace.told(user, words, after=known)


async def test_an_approver_moves_it_and_everybody_else_hears_why_not(scene: Scene) -> None:
    await ask(scene, "dave", "alias", NONE_YET)
    message = await approved(scene, "rft-first", 45)
    button = buttons(message, "move_alias")[0]
    await scene.workspace.click("alice", message, button)
    await scene.workspace.told("alice", "You launched this job, so you cannot point an alias at its model")
    await scene.workspace.click("dave", message, button)
    await scene.workspace.told("dave", "Only approvers of this task can move its aliases")

    opened = await scene.form_for("bob", message, button)
    assert "acts@production (new)" in str(opened)
    assert "ft:rft-first:45" in str(opened)
    await scene.form_for("carol", message, button)
    short = await fill(scene, "bob", reason=" x ")
    assert short["errors"] == {"reason": "Give a reason in a few words; it is kept with your name."}
    await fill(scene, "bob", reason="best F1 & <recall> we had")
    await scene.workspace.told("bob", "Done: `acts@production` points at step 45 of rft-first now.")
    told = await scene.workspace.reply_with("moved acts@production: it now points at step 45 of rft-first (it is new)")
    assert told.get("subtype") == "thread_broadcast", "the channel hears of it"
    assert "best F1 &amp; &lt;recall&gt; we had" in said(told)

    # Carol had the form open at the same time: one move, and she is told whose it was.
    await fill(scene, "carol", reason="me too")
    await scene.workspace.told("carol", f"points at step 45 of rft-first already. <@{BOB}> moved it")
    assert "points at step 45 of `rft-first`" in await ask(scene, "dave", "alias", "`acts@production`")
    assert await scene.failures() == []


async def test_another_name_can_be_given_and_under_a_wrong_one_the_form_says_why(scene: Scene) -> None:
    message = await approved(scene, "rft-first", 45)
    await scene.form_for("bob", message, buttons(message, "move_alias")[0])
    for name, words in (
        ("Canary!", "cannot be the name of an alias"),
        ("other@canary", "'other@canary' is not an alias of acts"),
    ):
        refused = await fill(scene, "bob", other=name, reason="a tenth of the traffic")
        assert words in refused["errors"]["other"]
    await fill(scene, "bob", other="canary", reason="a tenth of the traffic")
    await scene.workspace.told("bob", "Done: `acts@canary` points at step 45")
    assert await ask(scene, "dave", "alias acts@canary", "`acts@canary` points at")
    await ask(scene, "dave", "alias acts@canari", "There is no alias 'acts@canari'; did you mean 'acts@canary'?")


async def test_a_rollback_is_proposed_decided_in_the_channel_and_then_done(scene: Scene) -> None:
    await move(scene, "bob", "rft-first", 10, "the first")
    await move(scene, "carol", "rft-second", 20, "the second")
    await ask(scene, "dave", f"alias rollback {PRODUCTION}", "Say why, in 3 to 500 characters")
    await ask(scene, "dave", "alias rollback", "Say which")
    await ask(scene, "dave", f'alias rollback {PRODUCTION} reason="why not" emergency=maybe', "it is `yes` or `no`")
    answered = await ask(
        scene, "dave", f'alias rollback {PRODUCTION} reason="it answers in <Latin>"', "Proposed as `move-"
    )
    assert "back to step 10 of rft-first" in answered

    message = await proposal(scene, "Roll back acts@production?")
    for words in ("step 20 of `rft-second`", "step 10 of `rft-first`", "&lt;Latin&gt;", "0 of 2 approvals"):
        assert words in said(message)
    assert "waits for decisions" in await ask(scene, "dave", f"alias {PRODUCTION}", "`acts@production` points at")
    await decide(scene, "bob", message, "approve_checkpoint", "seen it too")
    await scene.workspace.told("bob", "1 more approval needed")
    await decide(scene, "alice", message, "approve_checkpoint", "agreed")

    told = await scene.workspace.reply_with("Rolled back, as approved: acts@production now points at step 10")
    assert told.get("subtype") == "thread_broadcast"
    done = await proposal(scene, "went back to step 10 of `rft-first`")
    assert done["ts"] == message["ts"]
    assert buttons(done, "approve_checkpoint") == []
    history = await ask(scene, "dave", f"alias {PRODUCTION}", "version 3")
    assert "Rolled back; proposed by" in history
    assert "Before that, newest first" in history
    assert await scene.failures() == []


async def test_in_an_emergency_one_approver_acts_the_others_are_called_and_may_undo_it(scene: Scene) -> None:
    await move(scene, "bob", "rft-first", 10, "the first")
    await move(scene, "carol", "rft-second", 20, "the second")
    command = f'alias rollback {PRODUCTION} emergency=yes reason="it leaks names"'
    await ask(scene, "dave", command, "Only an approver of this task can roll back without approval")
    await ask(scene, "bob", command, "Done: `acts@production` points at step 10 of rft-first now.")

    message = await proposal(scene, "Emergency rollback of acts@production")
    assert "<!subteam^" in said(message), "the approvers are called"
    assert "at once and without approval" in said(message)
    await scene.workspace.reply_with("Emergency rollback: acts@production now points at step 10")
    await scene.workspace.click("bob", message, buttons(message, "approve_checkpoint")[0])
    await scene.workspace.told("bob", "You did this rollback, so you cannot review it")
    await decide(scene, "carol", message, "reject_checkpoints", "it was our test data")
    await scene.workspace.reply_with(
        "The review rejected the emergency rollback: acts@production now points at step 20"
    )
    await proposal(scene, "went forward again to step 20 of `rft-second`")
    assert await scene.failures() == []


async def test_words_that_alias_does_not_take_are_answered(scene: Scene) -> None:
    await ask(scene, "dave", "alias a b", "takes an alias, or `rollback &lt;alias&gt; reason=...`")
    await ask(scene, "dave", 'alias reason="x"', "on its own it lists all")
    await ask(scene, "dave", "alias a b c", "takes at most 2 words; 3 words are given")
    await ask(scene, "dave", "alias rollback x reson=y", "did you mean 'reason'?")
    await ask(scene, "dave", "alias rollback acts@x reason=because", "There is no alias 'acts@x'; there is none yet.")


# -- what is shown, without a bot ----------------------------------------------------------------------------------


def movable(**changes: Any) -> Movable:
    job = a_job(checkpoints=(a_checkpoint(45),))
    approval = approval_of(job)
    found = Movable(job, Versioned(approval, 1), target_of(job, approval, job.checkpoints[0].id), None, PRODUCTION, ())
    return replace(found, **changes)


def an_alias(name: str = PRODUCTION, moves: int = 1) -> Alias:
    target = movable().target
    kinds = (MoveKind.APPROVED, MoveKind.EMERGENCY, MoveKind.RESTORED, MoveKind.ROLLBACK)
    made = tuple(
        AliasMove(n + 1, target, kinds[n % 4], BOB, 1_000.0 * n, "because", (CAROL,), restores=1 if n % 4 else None)
        for n in range(moves)
    )
    return Alias(name, "acts", made)


def test_the_form_says_what_the_alias_points_at_and_how_the_new_model_compares() -> None:
    versus = Versus(0.05, 0.01, 0.09, 0.01, Sign.BETTER, 60)
    row = Candidate(Role.CHECKPOINT, "m", "step 45", checkpoint="ckpt-45", versus_alias=versus)
    evidence = Evidence("rft-abc234", EvidenceState.READY, ("ckpt-45",), 1.0, 3, candidates=(row,), alias=PRODUCTION)
    shown = str(form(movable(evidence=evidence, aliases=(an_alias(),)), "C0RFT"))
    assert "`acts@production` points at step 45 of rft-abc234 since" in shown
    assert "pointed at then (F1, 60 items): *better*, +0.05 (0.01 to 0.09)." in shown


def test_the_form_warns_of_a_model_that_was_taken_back_before() -> None:
    first = an_alias().current
    other = replace(first.target, model="another")
    # Whoever's vote settled the rollback took it back, not who proposed it.
    people: Any = {"by": DAVE, "approved_by": (BOB, CAROL)}
    back = replace(first, number=2, target=other, kind=MoveKind.ROLLBACK, reason="it answers in <Latin>", **people)
    alias = replace(an_alias(), moves=(first, back))
    shown = str(form(movable(aliases=(alias,)), "C0RFT"))
    assert f"*`{PRODUCTION}` was taken back from this model* by <@{CAROL}>" in shown
    assert "it answers in &lt;Latin&gt;" in shown
    assert "taken back from" not in str(form(movable(aliases=(an_alias(),)), "C0RFT"))


def test_a_form_with_many_aliases_stays_within_what_slack_takes() -> None:
    many = tuple(an_alias(f"acts@label-{n:03d}-{'x' * 30}") for n in range(90))
    shown: Any = form(movable(aliases=many), "C0RFT")
    assert len(shown["private_metadata"]) <= 3000
    select = next(block for block in shown["blocks"] if block.get("block_id") == "alias")
    assert len(select["element"]["options"]) == 40


def test_a_long_list_and_a_long_history_are_cut_and_say_so() -> None:
    assert "... and 20 more" in alias_list([an_alias(f"acts@{n}") for n in range(60)])
    details = alias_details(an_alias(moves=40), None)
    assert "... and 27 earlier ones" in details
    assert len(details) < 4000
    for words in ("Rolled back in an emergency by", "Taken forward again after the review", "Rolled back; proposed by"):
        assert words in details


async def test_a_proposal_reads_well_in_each_of_its_states(redis: Redis) -> None:
    team = Team(Store(Connection(redis), KINDS))
    await team.moved("rft-first", "rft-second")
    view = await Rollbacks(team.store, team.group, team.clock, notifies=False).begin(PRODUCTION, ALICE, "worse", "t")
    assert "waiting for decisions" in proposal_message(view, "@x").text
    for state, words in {
        ProposalState.DONE: "went back to step 10",
        ProposalState.REJECTED: "stays at step 20",
        ProposalState.EXPIRED: "Nobody settled it in time",
        ProposalState.SUPERSEDED: "was moved in the meantime",
    }.items():
        shown = proposal_message(replace(view, proposal=replace(view.proposal, state=state)), "@x")
        assert words in str(shown.blocks)
        emergency = replace(view.proposal, state=state, emergency=True)
        assert "Emergency rollback" in proposal_message(replace(view, proposal=emergency), "@x").text
