"""Evidence is gathered by itself, once, whatever crashes, repeats or changes meanwhile; the approval follows it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.kinds import KINDS
from jobs.aliases.records import Alias, AliasMove, MoveKind, Target
from jobs.approvals.records import Approval, Decision, Ending, Settlement, Verdict
from jobs.core.errors import Conflict, NotFound
from jobs.core.records import Hyperparameters, JobState
from jobs.evals.plan import eval_id
from jobs.evals.records import Eval, EvalState
from jobs.evals.stats.verdict import Verdict as Change_
from jobs.evidence.records import EvidenceState, Role
from jobs.evidence.runner import MOST_ATTEMPTS
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.trail.entry import BOT, Act
from tests.jobs.evals.laboratory import valid_rows
from tests.jobs.evals.model_endpoint import refusing
from tests.jobs.evidence.examining_room import BASE, ITEMS, MANY_ITEMS, Room, a_kept, grader, open_room, runner_on
from tests.records import ALICE, BOB, CAROL, a_request


@pytest.fixture
async def room(store: Store, tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(store, tmp_path) as opened:
        yield opened


@pytest.fixture
async def large_room(store: Store, tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(store, tmp_path, MANY_ITEMS) as opened:
        yield opened


async def vote(room: Room, user: str = BOB, choice: str = "ckpt-20") -> None:
    held = await room.store.record(Approval, "rft-abc234")
    assert held is not None
    decision = Decision(user, Verdict.APPROVE, choice, "good", 3_000.0, held.value.evidence[choice])
    voted = replace(held.value, decisions=(*held.value.decisions, decision))
    await room.store.commit(Change(records=(Versioned(voted, held.version),)))


async def settle(room: Room, ending: Ending) -> None:
    held = await room.store.record(Approval, "rft-abc234")
    assert held is not None
    settled = replace(held.value, settled=Settlement(ending, "ckpt-20", 3_000.0))
    await room.store.commit(Change(records=(Versioned(settled, held.version),)))


async def production(room: Room, model: str, platform: str = "local") -> None:
    target = Target(model, platform, "rft-before", "ckpt-9", 9, "rft-before")
    move = AliasMove(1, target, MoveKind.APPROVED, BOB, 2_000.0, "first")
    await room.store.commit(Change(records=(Versioned(Alias("small@production", "small", (move,)), 0),)))


# -- a job that has ended ------------------------------------------------------------------------------------------


async def test_every_checkpoint_and_the_base_are_evaluated_on_both_splits(large_room: Room) -> None:
    job = await large_room.job()
    evidence = await large_room.turn()
    assert evidence is not None
    assert (evidence.state, evidence.answered, evidence.total) == (EvidenceState.GATHERING, 0, 2 * 3 * MANY_ITEMS * 2)
    valid, test = await large_room.evals()
    assert {(each.split, each.runs, each.request.job) for each in (valid, test)} == {
        ("valid", 2, job.id),
        ("test", 2, job.id),
    }
    assert [arm.model for arm in valid.arms] == [BASE, "tuned-10", "tuned-20"]

    evidence = await large_room.gathered()
    base, ten, twenty = evidence.candidates
    assert evidence.state is EvidenceState.READY
    assert (evidence.answered, evidence.note, evidence.round) == (evidence.total, None, 1)
    assert (base.role, base.versus_base, base.digest) == (Role.BASE, None, "")
    assert twenty.valid["exact"].mean > ten.valid["exact"].mean > base.valid["exact"].mean
    assert twenty.versus_base is not None
    assert twenty.versus_base.verdict is Change_.BETTER
    assert twenty.test_versus_base is not None
    assert (twenty.answers, twenty.failures, twenty.reasoning_tokens) == (MANY_ITEMS * 2, 0, 5.0)
    assert twenty.fixed
    assert twenty.fixed[0].text.startswith("act ")
    assert evidence.bias is not None
    assert set(evidence.parts) == {"dataset", "test", "graders", "prompt", "schema", "valid_eval", "test_eval"}


async def test_the_approval_is_opened_with_the_evidence_in_one_change(room: Room) -> None:
    await room.job()
    evidence = await room.gathered()
    approval = await room.approval()
    assert approval.evidence == {each.checkpoint: each.digest for each in evidence.candidates if each.checkpoint}
    assert len(set(approval.evidence.values())) == 2
    assert (approval.launched_by, approval.quorum, approval.broken) == (ALICE, 2, {})
    lanes = await room.lanes()
    reports = [f"eval:{each}:report" for each in (evidence.valid_eval, evidence.test_eval)]
    assert lanes.pop("reports:rft-abc234") == reports
    assert set(lanes) == {"card:rft-abc234", "summary:rft-abc234"}, "the evals say nothing else of their own"
    due = await room.due_in()
    assert due is not None
    assert due > 500


async def test_what_a_job_was_trained_with_is_what_it_is_evaluated_with(room: Room) -> None:
    room.edit("prompts/v2.md", "Say the label, and why.\n")
    effort = a_request(hyperparameters=Hyperparameters(reasoning_effort="high"))
    await room.job(request=effort, prompt="v1")
    await room.turn()
    valid, _ = await room.evals()
    assert (valid.prompt, {arm.effort for arm in valid.arms}) == ("v1", {"high"})
    evidence = await room.gathered()
    assert evidence.state is EvidenceState.READY
    assert evidence.candidates[1].valid


async def test_without_a_test_split_it_is_left_out_and_said(room: Room) -> None:
    (room.lab.folder / "tasks" / "small" / "test.jsonl").unlink()
    await room.job()
    evidence = await room.gathered()
    assert (evidence.test_eval, evidence.parts["test"]) == (None, "")
    assert evidence.note == "small has no test split: nothing was held out from the choice."
    assert evidence.candidates[1].test == {}


async def test_progress_is_written_down_and_shown_on_the_card(room: Room) -> None:
    await room.job()
    first = await room.turn()
    assert first is not None
    assert first.valid_eval is not None
    held = await room.store.record(Eval, first.valid_eval)
    assert held is not None
    further = replace(held.value, progress=replace(held.value.progress, answered=50))
    await room.store.commit(Change(records=(Versioned(further, held.version),)))
    evidence = await room.turn()
    assert evidence is not None
    assert evidence.answered == 50
    held_evidence = await room.store.record(type(evidence), "rft-abc234")
    await room.turn()
    assert await room.store.record(type(evidence), "rft-abc234") == held_evidence, "nothing new, nothing written"


async def test_the_end_of_an_eval_wakes_who_waits_for_it(room: Room) -> None:
    await room.job()
    evidence = await room.turn()
    assert evidence is not None
    await room.run_evals(evidence)
    assert (await room.due_in() or 0.0) <= 0.0


# -- what production runs ------------------------------------------------------------------------------------------


async def test_what_the_alias_points_at_is_evaluated_beside_and_guards_are_against_it(large_room: Room) -> None:
    await production(large_room, "live")
    await large_room.job(guardrails={"exact": -0.02})
    evidence = await large_room.gathered()
    live = evidence.candidates[-1]
    assert (live.role, live.model, live.name) == (Role.ALIAS, "live", "small@production")
    assert (evidence.alias, evidence.alias_model) == ("small@production", "live")
    ten, twenty = evidence.candidates[1:3]
    assert twenty.versus_alias is not None
    assert twenty.versus_alias.verdict is Change_.BETTER
    assert [guard.against for guard in twenty.guards] == [Role.ALIAS]
    assert twenty.broken_guards == ()
    assert (await large_room.approval()).broken == ({"ckpt-10": ("exact",)} if ten.broken_guards else {})


async def test_an_alias_that_points_at_one_of_them_is_not_evaluated_twice(room: Room) -> None:
    await production(room, "tuned-10")
    await room.job()
    evidence = await room.gathered()
    base, ten, twenty = evidence.candidates
    assert evidence.alias_model == "tuned-10"
    assert ten.versus_alias is None
    assert twenty.versus_alias is not None
    assert base.versus_alias is not None


async def test_an_alias_on_another_platform_is_said_not_to_be_compared(room: Room) -> None:
    await production(room, "live", platform="openai")
    await room.job()
    evidence = await room.gathered()
    assert [each.role for each in evidence.candidates] == [Role.BASE, Role.CHECKPOINT, Role.CHECKPOINT]
    assert evidence.alias_model is None
    assert "small@production points at a model of openai, so nothing is compared with it." in str(evidence.note)


# -- where it cannot be had ----------------------------------------------------------------------------------------


async def test_a_model_that_cannot_be_asked_leaves_the_platforms_figures_and_takes_an_override(room: Room) -> None:
    room.lab.endpoint.models.remove("tuned-20")
    await room.job()
    evidence = await room.gathered()
    assert evidence.state is EvidenceState.FAILED
    assert "has no model 'tuned-20'" in str(evidence.note)
    assert "`/rft checkpoints rft-abc234 again=yes` tries once more." in str(evidence.note)
    for candidate in evidence.candidates:
        assert candidate.role is Role.CHECKPOINT
        assert candidate.valid["exact"].mean == 0.5
        assert candidate.valid["exact"].low is None
        assert candidate.broken_guards == ("evidence",)
        assert candidate.digest
    assert (await room.approval()).broken == {"ckpt-10": ("evidence",), "ckpt-20": ("evidence",)}


async def test_answers_that_all_fail_are_no_evidence(room: Room) -> None:
    room.lab.endpoint.always = refusing(400, "this model takes no questions")
    await room.job()
    evidence = await room.gathered()
    assert evidence.state is EvidenceState.FAILED
    assert "answers in a row failed" in str(evidence.note)


async def test_answers_that_are_missing_are_said(room: Room) -> None:
    room.lab.endpoint.faults.append(refusing(400, "this question is too long"))
    await room.job()
    evidence = await room.gathered()
    assert evidence.state is EvidenceState.READY
    assert str(evidence.note).startswith("Missing on the ")
    assert str(evidence.note).endswith(f" split: 1 of {3 * ITEMS * 2} answers (400 invalid_request_error).")


async def test_an_eval_that_a_person_cancels_is_no_evidence(room: Room) -> None:
    await room.job()
    evidence = await room.turn()
    assert evidence is not None
    await room.lab.evals.cancel(str(evidence.valid_eval), BOB)
    evidence = await room.gathered()
    assert evidence.state is EvidenceState.FAILED
    assert f"{evidence.valid_eval} was cancelled." in str(evidence.note)


async def test_a_test_split_that_fails_is_said_and_the_rest_stands(room: Room) -> None:
    await room.job()
    evidence = await room.turn()
    assert evidence is not None
    await room.lab.evals.cancel(str(evidence.test_eval), BOB)
    evidence = await room.gathered()
    assert evidence.state is EvidenceState.READY
    assert evidence.note == f"On the test split: {evidence.test_eval} was cancelled."
    assert evidence.candidates[1].test == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"imported": True, "task_version": ""}, "rft-abc234 was launched elsewhere"),
        ({"task": "gone"}, "There is no task"),
        ({"prompt_hash": "other"}, "the response format of small was changed since rft-abc234 was launched"),
    ],
)
async def test_a_task_that_is_not_what_it_was_is_said(room: Room, changes: dict[str, object], said: str) -> None:
    await room.job(**changes)
    evidence = await room.turn()
    assert evidence is not None
    assert evidence.state is EvidenceState.FAILED
    assert said in str(evidence.note)
    assert "The figures here are those of local." in str(evidence.note)
    assert ("again=yes" in str(evidence.note)) != ("imported" in changes)
    assert await room.evals() == ()
    assert set((await room.approval()).evidence) == {"ckpt-10", "ckpt-20"}
    held = await room.store.record(type(evidence), "rft-abc234")
    await room.turn()
    assert await room.store.record(type(evidence), "rft-abc234") == held, "it is not tried again by itself"


async def test_a_split_that_went_is_said(room: Room) -> None:
    await room.job()
    await room.gathered()
    (room.lab.folder / "tasks" / "small" / "valid.jsonl").unlink()
    evidence = await room.turn()
    assert evidence is not None
    assert evidence.state is EvidenceState.FAILED
    assert "small has no valid.jsonl any more; checkpoints are evaluated on it." in str(evidence.note)


async def test_a_job_launched_elsewhere_is_evaluated_as_its_tasks_with_what_may_differ(room: Room) -> None:
    remark = "The job's prompt is not known; its checkpoints are asked with v1 of small."
    await room.job(imported=True, prompt_hash="", remarks=(remark,))
    evidence = await room.gathered()
    assert (evidence.state, evidence.note) == (EvidenceState.READY, remark)
    assert (await room.approval()).broken == {}


async def test_the_platforms_reward_is_called_by_the_grader_that_was_climbed(room: Room) -> None:
    bare = replace(a_kept(10), scores={})
    await room.job(imported=True, trained_on="speed", prompt_hash="other", checkpoints=(bare,))
    evidence = await room.gathered()
    assert evidence.state is EvidenceState.FAILED
    assert set(evidence.candidates[0].valid) == {"speed"}


async def test_a_job_launched_elsewhere_whose_task_is_named_late_is_evaluated_then(room: Room) -> None:
    job = await room.job(imported=True, task="nightly", task_version="")
    assert (await room.gathered()).state is EvidenceState.FAILED
    await vote(room)
    await room.change(replace(job, task="small", task_version=room.lab.catalogue.load("small").version))
    evidence = await room.gathered()
    assert (evidence.state, evidence.round) == (EvidenceState.READY, 2)
    approval = await room.approval()
    assert (approval.decisions, approval.broken, approval.task) == ((), {}, "small")
    assert approval.renewed_why == (
        "It is known now that rft-abc234 is a job of small, which says how checkpoints are evaluated."
    )


async def test_a_platform_that_is_no_more_is_said(room: Room) -> None:
    job = await room.job(platform="gone")
    await room.evidence_runner.turn(job.id, 1, "reference")
    evidence = await room.evidence()
    assert evidence is not None
    assert "There is no platform 'gone'" in str(evidence.note)
    assert evidence.candidates


async def test_evidence_that_kills_its_worker_is_given_up(room: Room) -> None:
    await room.job()
    evidence = await room.turn(starts=MOST_ATTEMPTS + 1)
    assert evidence is not None
    assert evidence.state is EvidenceState.FAILED
    assert "(reference reference)" in str(evidence.note)
    assert (await room.approval()).broken["ckpt-10"] == ("evidence",)


async def test_graders_that_changed_since_the_launch_count_as_they_are_now_and_that_is_said(room: Room) -> None:
    await room.job(task_version="before")
    evidence = await room.gathered()
    assert evidence.state is EvidenceState.READY
    assert "Files of small were changed since rft-abc234 was launched" in str(evidence.note)


# -- crash, repetition, other bots ---------------------------------------------------------------------------------


class ProcessEnded(BaseException):
    """Stands for the process that ends."""


class MortalStore(Store):
    """A store in a process that ends at its commit number `end`: before it or after."""

    end, before, commits = 0, True, 0

    async def commit(self, change: Change) -> None:
        self.commits += 1
        if self.commits == self.end and self.before:
            raise ProcessEnded
        await super().commit(change)
        if self.commits == self.end:
            raise ProcessEnded


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("end", [1, 2, 3])
async def test_a_crash_at_any_commit_starts_and_opens_nothing_twice(room: Room, end: int, before: bool) -> None:
    await room.job()
    mortal = MortalStore(room.store._redis, KINDS)
    mortal.end, mortal.before = end, before
    evidence_runner = runner_on(room.lab, mortal)
    for _ in range(3):
        try:
            await evidence_runner.turn("rft-abc234", 1, "reference")
        except ProcessEnded:
            evidence_runner = runner_on(room.lab, room.store)
            await evidence_runner.turn("rft-abc234", 2, "reference")
        evidence = await room.evidence()
        assert evidence is not None
        await room.run_evals(evidence)
    evidence = await room.evidence()
    assert evidence is not None
    assert evidence.state is EvidenceState.READY
    assert (len(await room.evals()), (await room.approval()).round) == (2, 1)
    assert [entry.entry.act for entry in await room.store.trail()] == [Act.REQUESTED]


async def test_two_bots_at_once_begin_it_once(room: Room) -> None:
    await room.job()
    others = [runner_on(room.lab, Store(room.store._redis, KINDS)) for _ in range(4)]
    await asyncio.gather(*(each.turn("rft-abc234", 1, "reference") for each in others))
    evidence = await room.evidence()
    assert evidence is not None
    assert (evidence.round, len(await room.evals())) == (1, 2)


async def test_a_vote_in_the_same_moment_does_not_lose_the_turn(room: Room) -> None:
    job = await room.job()
    await room.gathered()
    room.edit("graders/exact.json", NEW_GRADER)
    busy = BusyStore(room)
    await runner_on(room.lab, busy).turn(job.id, 1, "reference")
    approval = await room.approval()
    assert (approval.round, approval.decisions, approval.evidence) == (2, (), {})


class BusyStore(Store):
    """A store in which somebody votes before the first commit."""

    def __init__(self, room: Room) -> None:
        super().__init__(room.store._redis, KINDS)
        self._room: Room | None = room

    async def commit(self, change: Change) -> None:
        room, self._room = self._room, None
        if room:
            await vote(room)
        await super().commit(change)


async def test_a_short_id_that_is_another_evals_is_not_taken(room: Room) -> None:
    wanted = eval_id("evidence:rft-abc234:1:valid")
    theirs = replace(await room.lab.start(), id=wanted)
    await room.store.commit(Change(records=(Versioned(theirs, 0),)))
    await room.job()
    evidence = await room.turn()
    assert evidence is not None
    assert evidence.valid_eval != wanted
    assert (await room.lab.eval(str(evidence.valid_eval))).request.job == "rft-abc234"


# -- what it rests on changes --------------------------------------------------------------------------------------

NEW_GRADER = grader("like")


async def test_another_grader_takes_the_votes_back_and_gathers_anew(room: Room) -> None:
    await room.job()
    first = await room.gathered()
    await vote(room)
    room.edit("graders/exact.json", NEW_GRADER)
    evidence = await room.turn()
    assert evidence is not None
    assert (evidence.state, evidence.round) == (EvidenceState.GATHERING, 2)
    approval = await room.approval()
    assert (approval.decisions, approval.evidence, approval.renewed_why) == ((), {}, "The graders changed.")
    second = await room.gathered()
    assert second.state is EvidenceState.READY
    renewed = (await room.approval()).evidence
    assert renewed.keys() == {"ckpt-10", "ckpt-20"}
    assert not set(renewed.values()) & {each.digest for each in first.candidates}
    assert [entry.entry.act for entry in await room.store.trail()] == [Act.REQUESTED, Act.INVALIDATED, Act.REQUESTED]


async def test_another_test_set_opens_that_and_does_not_ask_the_validation_split_again(room: Room) -> None:
    await room.job()
    first = await room.gathered()
    room.edit("test.jsonl", valid_rows(20).replace("act ", "fresh act "))
    second = await room.gathered()
    assert second.round == 2
    assert second.valid_eval == first.valid_eval
    assert second.test_eval != first.test_eval
    assert (await room.approval()).round == 2


async def test_other_files_of_the_task_change_nothing(room: Room) -> None:
    await room.job()
    await room.gathered()
    room.edit("prompts/v9.md", "Another way to ask.\n")
    room.edit("train.jsonl", valid_rows(3))
    evidence = await room.turn()
    assert evidence is not None
    assert (evidence.round, (await room.approval()).round) == (1, 1)


async def test_a_change_while_it_is_gathered_begins_anew(room: Room) -> None:
    await room.job()
    first = await room.turn()
    assert first is not None
    await room.run_evals(first)
    room.edit("graders/exact.json", NEW_GRADER)
    evidence = await room.turn()
    assert evidence is not None
    assert (evidence.round, evidence.state) == (2, EvidenceState.GATHERING)
    assert (await room.gathered()).state is EvidenceState.READY


async def test_once_it_is_settled_nobody_looks_again(room: Room) -> None:
    await room.job()
    await room.gathered()
    await settle(room, Ending.APPROVED)
    room.edit("graders/exact.json", NEW_GRADER)
    evidence = await room.turn()
    assert evidence is not None
    assert evidence.round == 1
    assert await room.due_in() is None


# -- paused, resumed, ended ----------------------------------------------------------------------------------------


async def test_a_paused_job_is_evaluated_on_the_validation_split_only(room: Room) -> None:
    await room.job(state=JobState.PAUSED)
    evidence = await room.gathered()
    assert (evidence.state, evidence.test_eval, evidence.note) == (EvidenceState.READY, None, None)
    assert [each.split for each in await room.evals()] == ["valid"]
    assert (await room.approval()).evidence


async def test_a_job_that_goes_on_takes_its_approval_back_and_its_end_gives_a_new_one(room: Room) -> None:
    job = await room.job(state=JobState.PAUSED)
    await room.gathered()
    await vote(room)
    job = await room.change(replace(job, state=JobState.WATCHING))
    await room.turn()
    approval = await room.approval()
    assert (approval.decisions, approval.evidence) == ((), {})
    assert "rft-abc234 goes on training" in approval.renewed_why
    assert await room.due_in() is None
    kept = (a_kept(20), replace(a_kept(10), id="ckpt-30", step=30))
    await room.change(replace(job, state=JobState.SUCCEEDED, checkpoints=kept))
    evidence = await room.gathered()
    assert (evidence.round, evidence.checkpoints) == (2, ("ckpt-20", "ckpt-30"))
    assert set((await room.approval()).evidence) == {"ckpt-20", "ckpt-30"}


async def test_a_job_that_goes_on_while_it_is_evaluated_has_its_evals_stopped(room: Room) -> None:
    job = await room.job(state=JobState.PAUSED)
    await room.turn()
    await room.change(replace(job, state=JobState.WATCHING))
    evidence = await room.turn()
    assert evidence is not None
    assert evidence.state is EvidenceState.WITHDRAWN
    await room.run_evals(evidence)
    (stopped,) = await room.evals()
    assert (stopped.state, stopped.cancelled_by, stopped.progress.answered) == (EvalState.CANCELLED, BOT, 0)
    newest = (await room.store.trail())[-1].entry
    assert (newest.who, newest.act, newest.subject) == (BOT, Act.CANCEL, stopped.id)
    assert newest.why == "rft-abc234 goes on training; its checkpoints are evaluated again when it stops."
    assert await room.turn() == evidence, "it is stopped once"
    assert await room.store.record(Approval, job.id) is None

    await room.change(job)
    evidence = await room.gathered()
    assert (evidence.state, evidence.round) == (EvidenceState.READY, 2)
    assert evidence.valid_eval != stopped.id
    assert (await room.approval()).evidence


async def test_a_paused_job_that_is_cancelled_opens_the_test_split_and_asks_nothing_twice(room: Room) -> None:
    job = await room.job(state=JobState.PAUSED)
    first = await room.gathered()
    await room.change(replace(job, state=JobState.CANCELLED))
    second = await room.gathered()
    assert second.valid_eval == first.valid_eval
    assert second.test_eval is not None
    assert [each.split for each in await room.evals()] == ["valid", "test"]
    assert (await room.approval()).evidence


async def test_a_job_paused_again_with_the_same_checkpoints_has_its_approval_back(room: Room) -> None:
    job = await room.job(state=JobState.PAUSED)
    await room.gathered()
    await room.change(replace(job, state=JobState.WATCHING))
    await room.turn()
    await room.change(job)
    await room.turn()
    assert set((await room.approval()).evidence) == {"ckpt-10", "ckpt-20"}
    assert len(await room.evals()) == 1


@pytest.mark.parametrize(
    "changes", [{"state": JobState.WATCHING}, {"checkpoints": ()}, {"state": JobState.NOT_LAUNCHED}]
)
async def test_nothing_is_gathered_where_nothing_can_be_approved(room: Room, changes: dict[str, object]) -> None:
    job = await room.job(**changes)
    assert await room.turn() is None
    assert await room.due_in() is None
    with pytest.raises(Conflict, match=r"evaluated when it ends or is paused|has no checkpoint to evaluate"):
        await room.evidence_runner.again(job.id, BOB)


async def test_a_turn_of_a_job_that_never_was_does_nothing(room: Room) -> None:
    await room.evidence_runner.turn("rft-never", 1, "reference")
    with pytest.raises(NotFound, match="There is no job 'rft-never'"):
        await room.evidence_runner.again("rft-never", BOB)


# -- again ---------------------------------------------------------------------------------------------------------


async def test_again_asks_the_validation_split_once_more_and_leaves_the_test_split_closed(room: Room) -> None:
    await room.job()
    first = await room.gathered()
    await vote(room)
    begun = await room.evidence_runner.again("rft-abc234", CAROL)
    assert (begun.state, begun.round) == (EvidenceState.GATHERING, 2)
    assert (await room.approval()).decisions == ()
    second = await room.gathered()
    assert second.valid_eval != first.valid_eval
    assert second.test_eval == first.test_eval
    assert (await room.lanes())["thread:rft-abc234"][0] == "job:rft-abc234:evidence:2"
    who = [(entry.entry.act, entry.entry.who) for entry in await room.store.trail()]
    assert (Act.REQUESTED, CAROL) in who


async def test_again_after_a_failure_tries_once_more(room: Room) -> None:
    room.lab.endpoint.models.remove("tuned-20")
    await room.job()
    assert (await room.gathered()).state is EvidenceState.FAILED
    room.lab.endpoint.models.append("tuned-20")
    await room.evidence_runner.again("rft-abc234", BOB)
    assert (await room.gathered()).state is EvidenceState.READY
    assert (await room.approval()).broken == {}


async def test_again_makes_no_sense_while_it_is_under_way_or_when_one_is_approved(room: Room) -> None:
    await room.job()
    await room.turn()
    with pytest.raises(Conflict, match=rf"evaluated right now; 0 of {2 * 3 * ITEMS * 2} answers are in\."):
        await room.evidence_runner.again("rft-abc234", BOB)
    await room.gathered()
    await settle(room, Ending.APPROVED)
    with pytest.raises(Conflict, match=r"A checkpoint of rft-abc234 is approved; there is nothing left"):
        await room.evidence_runner.again("rft-abc234", BOB)


async def test_again_after_a_rejection_opens_a_new_round(room: Room) -> None:
    await room.job()
    await room.gathered()
    await settle(room, Ending.REJECTED)
    await room.evidence_runner.again("rft-abc234", BOB)
    await room.gathered()
    approval = await room.approval()
    assert (approval.settled, approval.round) == (None, 2)


# -- before it is settled ------------------------------------------------------------------------------------------


async def test_what_changed_since_the_last_turn_is_seen_before_anything_is_approved(room: Room) -> None:
    job = await room.job()
    await room.evidence_runner.recheck(job.id)
    assert await room.evidence() is None
    await room.gathered()
    await vote(room)
    await room.evidence_runner.recheck(job.id)
    assert len((await room.approval()).decisions) == 1
    room.edit("graders/exact.json", NEW_GRADER)
    await room.evidence_runner.recheck(job.id)
    assert ((await room.approval()).decisions, (await room.approval()).evidence) == ((), {})
    evidence = await room.evidence()
    assert evidence is not None
    assert (evidence.state, evidence.round) == (EvidenceState.GATHERING, 2)
    await room.evidence_runner.recheck(job.id)
    assert len(await room.evals()) == 4
