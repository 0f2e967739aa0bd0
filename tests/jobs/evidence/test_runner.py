"""Evidence is gathered once, whatever crashes, repeats or changes meanwhile; the approval follows it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.kinds import KINDS
from jobs.aliases.records import Alias, AliasMove, MoveKind, Target
from jobs.approvals.records import Approval, Decision, Ending, Settlement, Verdict
from jobs.core.errors import Conflict, NotFound
from jobs.core.records import Hyperparameters, JobState
from jobs.evals.plan import eval_id
from jobs.evals.records import SCORING, Eval, EvalState
from jobs.evals.verdict import Verdict as Change_
from jobs.evidence.plan import changed_parts
from jobs.evidence.records import EvidenceState, Role
from jobs.platforms.prompt_hash import prompt_hash
from jobs.queue.due import MOST_RAISED
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.store import Store
from jobs.trail.entry import BOT, Act
from tests.jobs.evals.laboratory import valid_rows
from tests.jobs.evals.model_endpoint import refusing
from tests.jobs.evidence.scene import BASE, ITEMS, MANY_ITEMS, Scene, a_kept, grader, open_scene, runner_on
from tests.records import ALICE, BOB, CAROL, a_request
from tests.working import bury, make_due
from tests.working import held as held_item


@pytest.fixture
async def scene(store: Store, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(store, tmp_path) as opened:
        yield opened


@pytest.fixture
async def large_scene(store: Store, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(store, tmp_path, MANY_ITEMS) as opened:
        yield opened


async def vote(scene: Scene, user: str = BOB, choice: str = "ckpt-20") -> None:
    held = await scene.store.record(Approval, "rft-abc234")
    assert held is not None
    decision = Decision(user, Verdict.APPROVE, choice, "good", 3_000.0, held.value.evidence[choice])
    voted = replace(held.value, decisions=(*held.value.decisions, decision))
    await scene.store.commit(Change(records=(Versioned(voted, held.version),)))


async def settle(scene: Scene, ending: Ending) -> None:
    held = await scene.store.record(Approval, "rft-abc234")
    assert held is not None
    settled = replace(held.value, settled=Settlement(ending, "ckpt-20", 3_000.0))
    await scene.store.commit(Change(records=(Versioned(settled, held.version),)))


async def production(scene: Scene, model: str, platform: str = "local") -> None:
    target = Target(model, platform, "rft-before", "ckpt-9", 9, "rft-before")
    move = AliasMove(1, target, MoveKind.APPROVED, BOB, 2_000.0, "first")
    await scene.store.commit(Change(records=(Versioned(Alias("small@production", "small", (move,)), 0),)))


# -- a job that has ended ------------------------------------------------------------------------------------------


async def test_every_checkpoint_and_the_base_are_evaluated_on_both_splits(large_scene: Scene) -> None:
    job = await large_scene.job()
    evidence = await large_scene.turn()
    assert evidence is not None
    assert (evidence.state, evidence.answered, evidence.total) == (EvidenceState.GATHERING, 0, 2 * 3 * MANY_ITEMS * 2)
    valid, test = await large_scene.evals()
    assert {(each.split, each.runs, each.request.job) for each in (valid, test)} == {
        ("valid", 2, job.id),
        ("test", 2, job.id),
    }
    assert [arm.model for arm in valid.arms] == [BASE, "tuned-10", "tuned-20"]
    assert [arm.label for arm in valid.arms] == [None, f"step 10 of {job.id}", f"step 20 of {job.id}"]

    evidence = await large_scene.gathered()
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
    task_parts = {"dataset", "test", "natural", "graders", "prompt", "schema", "scoring"}
    assert set(evidence.parts) == task_parts | {"valid_eval", "test_eval", "natural_eval"}
    assert (evidence.constrained, evidence.scoring) == (True, SCORING)


async def test_a_natural_validation_split_is_evaluated_as_well(scene: Scene) -> None:
    scene.edit("valid_natural.jsonl", valid_rows(6).replace("act ", "natural act "))
    await scene.job()
    evidence = await scene.gathered()
    assert list(evidence.evals) == ["valid", "test", "valid_natural"]
    assert evidence.candidates[1].natural["exact"].mean >= 0
    lanes = await scene.lanes()
    assert lanes["reports:rft-abc234"] == [f"eval:{each}:report" for each in evidence.evals.values()]


async def test_evidence_of_before_the_natural_split_stands(scene: Scene) -> None:
    await scene.job()
    evidence = await scene.gathered()
    older = {part: value for part, value in evidence.parts.items() if not part.startswith("natural")}
    assert changed_parts(older, {**evidence.parts, "natural": "new"}) == ()
    assert changed_parts(evidence.parts, {**evidence.parts, "natural": "new"}) == ("natural",)


async def test_the_approval_is_opened_with_the_evidence_in_one_change(scene: Scene) -> None:
    await scene.job()
    evidence = await scene.gathered()
    approval = await scene.approval()
    assert approval.evidence == {each.checkpoint: each.digest for each in evidence.candidates if each.checkpoint}
    assert len(set(approval.evidence.values())) == 2
    assert (approval.launched_by, approval.quorum, approval.broken) == (ALICE, 2, {})
    lanes = await scene.lanes()
    reports = [f"eval:{each}:report" for each in (evidence.valid_eval, evidence.test_eval)]
    assert lanes.pop("reports:rft-abc234") == reports
    assert set(lanes) == {"card:rft-abc234", "summary:rft-abc234"}, "the evals say nothing else of their own"
    due = await scene.due_in()
    assert due is not None
    assert due > 500


async def test_what_a_job_was_trained_with_is_what_it_is_evaluated_with(scene: Scene) -> None:
    scene.edit("prompts/v2.md", "Say the label, and why.\n")
    effort = a_request(hyperparameters=Hyperparameters(reasoning_effort="high"))
    await scene.job(request=effort, prompt="v1")
    await scene.turn()
    valid, _ = await scene.evals()
    assert (valid.prompt, {arm.effort for arm in valid.arms}) == ("v1", {"high"})
    evidence = await scene.gathered()
    assert evidence.state is EvidenceState.READY
    assert evidence.candidates[1].valid


async def test_without_a_test_split_it_is_left_out_and_said(scene: Scene) -> None:
    (scene.lab.folder / "tasks" / "small" / "test.jsonl").unlink()
    await scene.job()
    evidence = await scene.gathered()
    assert (evidence.test_eval, evidence.parts["test"]) == (None, "")
    assert evidence.note == "small has no test split: nothing was held out from the choice."
    assert evidence.candidates[1].test == {}


async def test_progress_is_written_down_and_shown_on_the_card(scene: Scene) -> None:
    await scene.job()
    first = await scene.turn()
    assert first is not None
    assert first.valid_eval is not None
    held = await scene.store.record(Eval, first.valid_eval)
    assert held is not None
    further = replace(held.value, progress=replace(held.value.progress, answered=50))
    await scene.store.commit(Change(records=(Versioned(further, held.version),)))
    evidence = await scene.turn()
    assert evidence is not None
    assert evidence.answered == 50
    held_evidence = await scene.store.record(type(evidence), "rft-abc234")
    await scene.turn()
    assert await scene.store.record(type(evidence), "rft-abc234") == held_evidence, "nothing new, nothing written"


async def test_an_eval_that_waits_for_its_platform_is_shown_on_the_card_until_it_begins(scene: Scene) -> None:
    await scene.job()
    begun = await scene.turn()
    assert begun is not None
    scene.lab.endpoint.listing_faults = [refusing(503)] * 6
    for _ in range(2):
        await (await scene.lab.begin_turn(scene.lab.runner()))
    waiting = await scene.turn()
    assert waiting is not None
    assert "has a problem of its own (HTTP 503)" in str(waiting.waits)
    assert "card:rft-abc234" in await scene.lanes()
    for waits in filter(None, (begun.valid_eval, begun.test_eval)):
        await make_due(scene.store, waits)
    evidence = await scene.gathered()
    assert (evidence.state, evidence.waits) == (EvidenceState.READY, None)


async def test_the_end_of_an_eval_wakes_who_waits_for_it(scene: Scene) -> None:
    await scene.job()
    evidence = await scene.turn()
    assert evidence is not None
    await scene.run_evals(evidence)
    assert (await scene.due_in() or 0.0) <= 0.0


# -- what production runs ------------------------------------------------------------------------------------------


async def test_what_the_alias_points_at_is_evaluated_beside_and_guards_are_against_it(large_scene: Scene) -> None:
    await production(large_scene, "live")
    await large_scene.job(guardrails={"exact": -0.02})
    evidence = await large_scene.gathered()
    live = evidence.candidates[-1]
    assert (live.role, live.model, live.name) == (Role.ALIAS, "live", "small@production")
    assert (evidence.alias, evidence.alias_model) == ("small@production", "live")
    ten, twenty = evidence.candidates[1:3]
    assert twenty.versus_alias is not None
    assert twenty.versus_alias.verdict is Change_.BETTER
    assert [guard.against for guard in twenty.guards] == [Role.ALIAS]
    assert twenty.broken_guards == ()
    assert (await large_scene.approval()).broken == ({"ckpt-10": ("exact",)} if ten.broken_guards else {})


async def test_an_alias_that_points_at_one_of_them_is_not_evaluated_twice(scene: Scene) -> None:
    await production(scene, "tuned-10")
    await scene.job()
    evidence = await scene.gathered()
    base, ten, twenty = evidence.candidates
    assert evidence.alias_model == "tuned-10"
    assert ten.versus_alias is None
    assert twenty.versus_alias is not None
    assert base.versus_alias is not None


async def test_an_alias_on_another_platform_is_said_not_to_be_compared(scene: Scene) -> None:
    await production(scene, "live", platform="openai")
    await scene.job()
    evidence = await scene.gathered()
    assert [each.role for each in evidence.candidates] == [Role.BASE, Role.CHECKPOINT, Role.CHECKPOINT]
    assert evidence.alias_model is None
    assert "small@production points at a model of openai, so nothing is compared with it." in str(evidence.note)


# -- where it cannot be had ----------------------------------------------------------------------------------------


async def test_a_model_that_cannot_be_asked_leaves_the_platforms_figures_and_takes_an_override(scene: Scene) -> None:
    scene.lab.endpoint.models.remove("tuned-20")
    await scene.job()
    evidence = await scene.gathered()
    assert evidence.state is EvidenceState.FAILED
    assert "has no model 'tuned-20'" in str(evidence.note)
    assert "`/rft checkpoints rft-abc234 again=yes` tries once more." in str(evidence.note)
    for candidate in evidence.candidates:
        assert candidate.role is Role.CHECKPOINT
        assert candidate.valid["exact"].mean == 0.5
        assert candidate.valid["exact"].low is None
        assert candidate.broken_guards == ("evidence",)
        assert candidate.digest
    assert (await scene.approval()).broken == {"ckpt-10": ("evidence",), "ckpt-20": ("evidence",)}


async def test_answers_that_all_fail_are_no_evidence(scene: Scene) -> None:
    scene.lab.endpoint.always = refusing(400, "this model takes no questions")
    await scene.job()
    evidence = await scene.gathered()
    assert evidence.state is EvidenceState.FAILED
    assert "this model takes no questions" in str(evidence.note)
    assert " requests refused (HTTP 400 invalid_request_error)." in str(evidence.note)


async def test_answers_that_are_missing_are_said(scene: Scene) -> None:
    scene.lab.endpoint.faults.append(refusing(400, "this question is too long"))
    await scene.job()
    evidence = await scene.gathered()
    assert evidence.state is EvidenceState.READY
    assert str(evidence.note).startswith("Missing on the ")
    assert str(evidence.note).endswith(f" split: 1 of {3 * ITEMS * 2} answers (400 invalid_request_error).")


async def test_an_eval_that_a_person_cancels_is_no_evidence(scene: Scene) -> None:
    await scene.job()
    evidence = await scene.turn()
    assert evidence is not None
    await scene.lab.evals.cancel(str(evidence.valid_eval), BOB)
    evidence = await scene.gathered()
    assert evidence.state is EvidenceState.FAILED
    assert f"{evidence.valid_eval} was cancelled." in str(evidence.note)


async def test_a_grader_beside_the_reward_that_broke_is_left_out_and_said(scene: Scene) -> None:
    await scene.job()
    stale = {"type": "string_check", "name": "stale", "operation": "eq", "input": "{{sample.output_text}}"}
    scene.edit("task.yaml", "reward: exact\n")
    scene.edit("graders/stale.json", json.dumps(stale | {"reference": "{{item.reference_answer.name}}"}))
    evidence = await scene.gathered()
    assert evidence.state is EvidenceState.READY
    assert all(set(each.valid) == {"exact"} for each in evidence.candidates)
    for split in ("valid", "test"):
        assert f"small/{split}.jsonl line 1: the grader stale reads item.reference_answer.name" in str(evidence.note)
    assert "Left out for that: stale; the rest is measured." in str(evidence.note)


async def test_a_test_split_that_cannot_be_read_any_more_is_left_out_and_said(scene: Scene) -> None:
    await scene.job()
    scene.edit("test.jsonl", '{"item": {"wanted": 5}}\n')
    evidence = await scene.gathered()
    assert evidence.state is EvidenceState.READY
    assert "The test split is left out: small/test.jsonl line 1 has neither 'text_input'" in str(evidence.note)
    assert (evidence.test_eval, evidence.candidates[1].test) == (None, {})


async def test_a_test_split_that_fails_is_said_and_the_rest_stands(scene: Scene) -> None:
    await scene.job()
    evidence = await scene.turn()
    assert evidence is not None
    await scene.lab.evals.cancel(str(evidence.test_eval), BOB)
    evidence = await scene.gathered()
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
async def test_a_task_that_is_not_what_it_was_is_said(scene: Scene, changes: dict[str, object], said: str) -> None:
    await scene.job(**changes)
    evidence = await scene.turn()
    assert evidence is not None
    assert evidence.state is EvidenceState.FAILED
    assert said in str(evidence.note)
    assert "The figures here are those of local." in str(evidence.note)
    assert ("again=yes" in str(evidence.note)) != ("imported" in changes)
    assert await scene.evals() == ()
    assert set((await scene.approval()).evidence) == {"ckpt-10", "ckpt-20"}
    held = await scene.store.record(type(evidence), "rft-abc234")
    await scene.turn()
    assert await scene.store.record(type(evidence), "rft-abc234") == held, "it is not tried again by itself"


async def test_a_split_that_went_is_said(scene: Scene) -> None:
    await scene.job()
    await scene.gathered()
    (scene.lab.folder / "tasks" / "small" / "valid.jsonl").unlink()
    evidence = await scene.turn()
    assert evidence is not None
    assert evidence.state is EvidenceState.FAILED
    assert "small has no valid.jsonl any more; checkpoints are evaluated on it." in str(evidence.note)


async def test_a_job_launched_elsewhere_is_evaluated_as_its_tasks_with_what_may_differ(scene: Scene) -> None:
    remark = "The job's prompt is not known; its checkpoints are asked with v1 of small."
    await scene.job(imported=True, prompt_hash="", remarks=(remark,))
    evidence = await scene.gathered()
    assert (evidence.state, evidence.note) == (EvidenceState.READY, remark)
    assert (await scene.approval()).broken == {}


async def test_the_platforms_reward_is_called_by_the_grader_that_was_climbed(scene: Scene) -> None:
    bare = replace(a_kept(10), scores={})
    await scene.job(imported=True, trained_on="speed", prompt_hash="other", checkpoints=(bare,))
    evidence = await scene.gathered()
    assert evidence.state is EvidenceState.FAILED
    assert set(evidence.candidates[0].valid) == {"speed"}


async def test_a_job_launched_elsewhere_whose_task_is_named_late_is_evaluated_then(scene: Scene) -> None:
    job = await scene.job(imported=True, task="nightly", task_version="")
    assert (await scene.gathered()).state is EvidenceState.FAILED
    await vote(scene)
    await scene.change(replace(job, task="small", task_version=scene.lab.catalogue.load("small").version))
    evidence = await scene.gathered()
    assert (evidence.state, evidence.round) == (EvidenceState.READY, 2)
    approval = await scene.approval()
    assert (approval.decisions, approval.broken, approval.task) == ((), {}, "small")
    assert approval.renewed_why == (
        "It is known now that rft-abc234 is a job of small, which says how checkpoints are evaluated."
    )


async def test_a_platform_that_is_no_more_is_said(scene: Scene) -> None:
    await scene.job(platform="gone")
    evidence = await scene.turn()
    assert evidence is not None
    assert "There is no platform 'gone'" in str(evidence.note)
    assert evidence.candidates


async def test_evidence_that_kills_its_worker_is_given_up(scene: Scene) -> None:
    await scene.job()
    await scene.store.connection.redis.hset("{proctor}:raised", "evidence:rft-abc234", MOST_RAISED)
    evidence = await scene.turn()
    assert evidence is not None
    assert evidence.state is EvidenceState.FAILED
    assert "(reference reference)" in str(evidence.note)
    assert (await scene.approval()).broken["ckpt-10"] == ("evidence",)


async def test_graders_that_changed_since_the_launch_count_as_they_are_now_and_that_is_said(scene: Scene) -> None:
    await scene.job(task_version="before")
    evidence = await scene.gathered()
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
async def test_a_crash_at_any_commit_starts_and_opens_nothing_twice(scene: Scene, end: int, before: bool) -> None:
    await scene.job()
    mortal = MortalStore(Connection(scene.store._redis), KINDS)
    mortal.end, mortal.before = end, before
    evidence_runner = runner_on(scene.lab, mortal)
    for _ in range(3):
        try:
            await scene.turn(evidence_runner)
        except ProcessEnded:
            await bury(scene.store)
            evidence_runner = runner_on(scene.lab, scene.store)
            await scene.turn(evidence_runner)
        evidence = await scene.evidence()
        assert evidence is not None
        await scene.run_evals(evidence)
    evidence = await scene.evidence()
    assert evidence is not None
    assert evidence.state is EvidenceState.READY
    assert (len(await scene.evals()), (await scene.approval()).round) == (2, 1)
    assert [entry.entry.act for entry in await scene.store.trail()] == [Act.REQUESTED]


async def test_two_bots_at_once_begin_it_once(scene: Scene) -> None:
    await scene.job()
    item = held_item("evidence:rft-abc234")
    others = [runner_on(scene.lab, Store(Connection(scene.store._redis), KINDS)) for _ in range(4)]
    await asyncio.gather(*(each.turn("rft-abc234", item, "reference") for each in others))
    evidence = await scene.evidence()
    assert evidence is not None
    assert (evidence.round, len(await scene.evals())) == (1, 2)


async def test_a_vote_in_the_same_moment_does_not_lose_the_turn(scene: Scene) -> None:
    await scene.job()
    await scene.gathered()
    scene.edit("graders/exact.json", NEW_GRADER)
    busy = BusyStore(scene)
    await scene.turn(runner_on(scene.lab, busy))
    approval = await scene.approval()
    assert (approval.round, approval.decisions, approval.evidence) == (2, (), {})


class BusyStore(Store):
    """A store in which somebody votes before the first commit."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene.store.connection, KINDS)
        self._scene: Scene | None = scene

    async def commit(self, change: Change) -> None:
        scene, self._scene = self._scene, None
        if scene:
            await vote(scene)
        await super().commit(change)


async def test_a_short_id_that_is_another_evals_is_not_taken(scene: Scene) -> None:
    wanted = eval_id("evidence:rft-abc234:1:valid")
    theirs = replace(await scene.lab.start(), id=wanted)
    await scene.store.commit(Change(records=(Versioned(theirs, 0),)))
    await scene.job()
    evidence = await scene.turn()
    assert evidence is not None
    assert evidence.valid_eval != wanted
    assert (await scene.lab.eval(str(evidence.valid_eval))).request.job == "rft-abc234"


# -- what it rests on changes --------------------------------------------------------------------------------------

NEW_GRADER = grader("like")


async def test_another_grader_takes_the_votes_back_and_gathers_anew(scene: Scene) -> None:
    await scene.job()
    first = await scene.gathered()
    await vote(scene)
    scene.edit("graders/exact.json", NEW_GRADER)
    evidence = await scene.turn()
    assert evidence is not None
    assert (evidence.state, evidence.round) == (EvidenceState.GATHERING, 2)
    approval = await scene.approval()
    assert (approval.decisions, approval.evidence, approval.renewed_why) == ((), {}, "The graders changed.")
    second = await scene.gathered()
    assert second.state is EvidenceState.READY
    renewed = (await scene.approval()).evidence
    assert renewed.keys() == {"ckpt-10", "ckpt-20"}
    assert not set(renewed.values()) & {each.digest for each in first.candidates}
    assert [entry.entry.act for entry in await scene.store.trail()] == [Act.REQUESTED, Act.INVALIDATED, Act.REQUESTED]


@pytest.mark.parametrize(
    ("edits", "cause"),
    [
        ({"prompts/v1.md": "Say it otherwise.\n"}, "The prompt changed: the text of v1 is another one now."),
        ({"prompts/v1.md": None, "prompts/v2.md": "Say it otherwise.\n"}, "The prompt changed: v1 to v2."),
        (
            {"prompts/v1.md": "Otherwise.\n", "graders/exact.json": NEW_GRADER},
            "The graders and the prompt (the text of v1 is another one now) changed.",
        ),
        ({"valid.jsonl": None}, "small can no longer be used. small has no valid.jsonl any more"),
    ],
)
async def test_votes_that_become_void_name_the_cause(scene: Scene, edits: Mapping[str, str | None], cause: str) -> None:
    task = scene.lab.catalogue.load("small")
    await scene.job(prompt="v1", prompt_hash=prompt_hash(task.prompts["v1"], task.response_format))
    await scene.gathered()
    await vote(scene)
    for file, content in edits.items():
        if content is None:
            (task.folder / file).unlink()
        else:
            scene.edit(file, content)
    evidence = await scene.turn()
    assert evidence is not None
    approval = await scene.approval()
    assert approval.decisions == ()
    assert approval.renewed_why.startswith(cause), approval.renewed_why
    (told,) = [each.entry.why for each in await scene.store.trail() if each.entry.act is Act.INVALIDATED]
    assert told == approval.renewed_why
    assert evidence.state is EvidenceState.FAILED
    assert (await scene.turn()) == evidence, "it is not tried again by itself"


async def test_another_test_set_opens_that_and_does_not_ask_the_validation_split_again(scene: Scene) -> None:
    await scene.job()
    first = await scene.gathered()
    scene.edit("test.jsonl", valid_rows(20).replace("act ", "fresh act "))
    second = await scene.gathered()
    assert second.round == 2
    assert second.valid_eval == first.valid_eval
    assert second.test_eval != first.test_eval
    assert (await scene.approval()).round == 2


async def test_other_files_of_the_task_change_nothing(scene: Scene) -> None:
    await scene.job()
    await scene.gathered()
    scene.edit("prompts/v9.md", "Another way to ask.\n")
    scene.edit("train.jsonl", valid_rows(3))
    evidence = await scene.turn()
    assert evidence is not None
    assert (evidence.round, (await scene.approval()).round) == (1, 1)


async def test_a_change_while_it_is_gathered_begins_anew(scene: Scene) -> None:
    await scene.job()
    first = await scene.turn()
    assert first is not None
    await scene.run_evals(first)
    scene.edit("graders/exact.json", NEW_GRADER)
    evidence = await scene.turn()
    assert evidence is not None
    assert (evidence.round, evidence.state) == (2, EvidenceState.GATHERING)
    assert (await scene.gathered()).state is EvidenceState.READY


async def test_once_it_is_settled_nobody_looks_again(scene: Scene) -> None:
    await scene.job()
    await scene.gathered()
    await settle(scene, Ending.APPROVED)
    scene.edit("graders/exact.json", NEW_GRADER)
    evidence = await scene.turn()
    assert evidence is not None
    assert evidence.round == 1
    assert await scene.due_in() is None


# -- paused, resumed, ended ----------------------------------------------------------------------------------------


async def test_a_paused_job_is_evaluated_on_the_validation_split_only(scene: Scene) -> None:
    await scene.job(state=JobState.PAUSED)
    evidence = await scene.gathered()
    assert (evidence.state, evidence.test_eval, evidence.note) == (EvidenceState.READY, None, None)
    assert [each.split for each in await scene.evals()] == ["valid"]
    assert (await scene.approval()).evidence


async def test_a_job_that_goes_on_takes_its_approval_back_and_its_end_gives_a_new_one(scene: Scene) -> None:
    job = await scene.job(state=JobState.PAUSED)
    await scene.gathered()
    await vote(scene)
    job = await scene.change(replace(job, state=JobState.WATCHING))
    await scene.turn()
    approval = await scene.approval()
    assert (approval.decisions, approval.evidence) == ((), {})
    assert "rft-abc234 goes on training" in approval.renewed_why
    assert await scene.due_in() is None
    kept = (a_kept(20), replace(a_kept(10), id="ckpt-30", step=30))
    await scene.change(replace(job, state=JobState.SUCCEEDED, checkpoints=kept))
    evidence = await scene.gathered()
    assert (evidence.round, evidence.checkpoints) == (2, ("ckpt-20", "ckpt-30"))
    assert set((await scene.approval()).evidence) == {"ckpt-20", "ckpt-30"}


async def test_a_job_that_goes_on_while_it_is_evaluated_has_its_evals_stopped(scene: Scene) -> None:
    job = await scene.job(state=JobState.PAUSED)
    await scene.turn()
    await scene.change(replace(job, state=JobState.WATCHING))
    evidence = await scene.turn()
    assert evidence is not None
    assert evidence.state is EvidenceState.WITHDRAWN
    await scene.run_evals(evidence)
    (stopped,) = await scene.evals()
    assert (stopped.state, stopped.cancelled_by, stopped.progress.answered) == (EvalState.CANCELLED, BOT, 0)
    newest = (await scene.store.trail())[-1].entry
    assert (newest.who, newest.act, newest.subject) == (BOT, Act.CANCEL, stopped.id)
    assert newest.why == "rft-abc234 goes on training; its checkpoints are evaluated again when it stops."
    assert await scene.turn() == evidence, "it is stopped once"
    assert await scene.store.record(Approval, job.id) is None

    await scene.change(job)
    evidence = await scene.gathered()
    assert (evidence.state, evidence.round) == (EvidenceState.READY, 2)
    assert evidence.valid_eval != stopped.id
    assert (await scene.approval()).evidence


async def test_a_paused_job_that_is_cancelled_opens_the_test_split_and_asks_nothing_twice(scene: Scene) -> None:
    job = await scene.job(state=JobState.PAUSED)
    first = await scene.gathered()
    await scene.change(replace(job, state=JobState.CANCELLED))
    second = await scene.gathered()
    assert second.valid_eval == first.valid_eval
    assert second.test_eval is not None
    assert [each.split for each in await scene.evals()] == ["valid", "test"]
    assert (await scene.approval()).evidence


async def test_a_job_paused_again_with_the_same_checkpoints_has_its_approval_back(scene: Scene) -> None:
    job = await scene.job(state=JobState.PAUSED)
    await scene.gathered()
    await scene.change(replace(job, state=JobState.WATCHING))
    await scene.turn()
    await scene.change(job)
    await scene.turn()
    assert set((await scene.approval()).evidence) == {"ckpt-10", "ckpt-20"}
    assert len(await scene.evals()) == 1


@pytest.mark.parametrize(
    "changes", [{"state": JobState.WATCHING}, {"checkpoints": ()}, {"state": JobState.NOT_LAUNCHED}]
)
async def test_nothing_is_gathered_where_nothing_can_be_approved(scene: Scene, changes: dict[str, object]) -> None:
    job = await scene.job(**changes)
    assert await scene.turn() is None
    assert await scene.due_in() is None
    with pytest.raises(Conflict, match=r"evaluated when it ends or is paused|has no checkpoint to evaluate"):
        await scene.evidence_runner.again(job.id, BOB)


async def test_a_turn_of_a_job_that_never_was_does_nothing(scene: Scene) -> None:
    await scene.evidence_runner.turn("rft-never", held_item("evidence:rft-never"), "reference")
    with pytest.raises(NotFound, match="There is no job 'rft-never'"):
        await scene.evidence_runner.again("rft-never", BOB)


# -- again ---------------------------------------------------------------------------------------------------------


async def test_again_asks_the_validation_split_once_more_and_leaves_the_test_split_closed(scene: Scene) -> None:
    await scene.job()
    first = await scene.gathered()
    await vote(scene)
    begun = await scene.evidence_runner.again("rft-abc234", CAROL)
    assert (begun.state, begun.round) == (EvidenceState.GATHERING, 2)
    assert (await scene.approval()).decisions == ()
    second = await scene.gathered()
    assert second.valid_eval != first.valid_eval
    assert second.test_eval == first.test_eval
    assert (await scene.lanes())["thread:rft-abc234"][0] == "job:rft-abc234:evidence:2"
    who = [(entry.entry.act, entry.entry.who) for entry in await scene.store.trail()]
    assert (Act.REQUESTED, CAROL) in who


async def test_again_after_a_failure_tries_once_more(scene: Scene) -> None:
    scene.lab.endpoint.models.remove("tuned-20")
    await scene.job()
    assert (await scene.gathered()).state is EvidenceState.FAILED
    scene.lab.endpoint.models.append("tuned-20")
    await scene.evidence_runner.again("rft-abc234", BOB)
    assert (await scene.gathered()).state is EvidenceState.READY
    assert (await scene.approval()).broken == {}


async def test_again_makes_no_sense_while_it_is_under_way_or_when_one_is_approved(scene: Scene) -> None:
    await scene.job()
    await scene.turn()
    with pytest.raises(Conflict, match=rf"evaluated right now; 0 of {2 * 3 * ITEMS * 2} answers are in\."):
        await scene.evidence_runner.again("rft-abc234", BOB)
    await scene.gathered()
    await settle(scene, Ending.APPROVED)
    with pytest.raises(Conflict, match=r"A checkpoint of rft-abc234 is approved; there is nothing left"):
        await scene.evidence_runner.again("rft-abc234", BOB)


async def test_again_after_a_rejection_opens_a_new_round(scene: Scene) -> None:
    await scene.job()
    await scene.gathered()
    await settle(scene, Ending.REJECTED)
    await scene.evidence_runner.again("rft-abc234", BOB)
    await scene.gathered()
    approval = await scene.approval()
    assert (approval.settled, approval.round) == (None, 2)


# -- before it is settled ------------------------------------------------------------------------------------------


async def test_what_changed_since_the_last_turn_is_seen_before_anything_is_approved(scene: Scene) -> None:
    job = await scene.job()
    await scene.evidence_runner.recheck(job.id)
    assert await scene.evidence() is None
    await scene.gathered()
    await vote(scene)
    await scene.evidence_runner.recheck(job.id)
    assert len((await scene.approval()).decisions) == 1
    scene.edit("graders/exact.json", NEW_GRADER)
    await scene.evidence_runner.recheck(job.id)
    assert ((await scene.approval()).decisions, (await scene.approval()).evidence) == ((), {})
    evidence = await scene.evidence()
    assert evidence is not None
    assert (evidence.state, evidence.round) == (EvidenceState.GATHERING, 2)
    await scene.evidence_runner.recheck(job.id)
    assert len(await scene.evals()) == 4
