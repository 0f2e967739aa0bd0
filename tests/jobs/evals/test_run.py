"""Evals from the request to the result over a real Redis and a real endpoint, with everything that comes between."""

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import replace

import pytest

from bot.redis_server.subprocesses import tethered
from bot.worker import SLOTS
from handlers.evals.results import result_message
from jobs.core.ids import EVALS
from jobs.evals.answer_store import AnswerFile, LocalAnswerFile
from jobs.evals.records import Answer, Eval, EvalState
from jobs.evals.results import read_comparison
from jobs.evals.transitions import Transitions
from jobs.evals.verdict import Verdict
from jobs.queue.due import MOST_DEATHS, MOST_RAISED, DueItems, Outcome
from jobs.state.change import Change, Versioned
from jobs.views.eval import read_eval
from tests.jobs.evals.laboratory import QUICK, Laboratory, exact, valid_rows
from tests.jobs.evals.model_endpoint import Heard, drop, page, refusing, saying_nothing
from tests.records import BOB
from tests.working import bury, due_in, held, make_due, taken

CHECK_OF_LABEL = json.dumps(
    {
        "type": "string_check",
        "name": "exact",
        "input": "{{sample.output_json.label}}",
        "reference": "{{item.reference_answer}}",
        "operation": "eq",
    }
)
WORKER = "tests.jobs.evals.worker_program"


def talky(heard: Heard) -> str:
    """Answer as `small` does, rightly on every second item and in prose on the others, or as `large`, right on 80%."""
    _, number, _, label = heard.text.split()
    if heard.body["model"] == "large":
        return json.dumps({"label": label if int(number) % 5 else "no such"})
    return json.dumps({"label": label}) if int(number) % 2 == 0 else f"I think it is {label}."


def cells(answers: list[Answer]) -> list[tuple[str, str, int]]:
    return sorted((answer.item, answer.arm, answer.run) for answer in answers)


async def test_every_item_is_answered_by_every_arm_in_every_run_and_summed_up(lab: Laboratory) -> None:
    started = await lab.start(models=("small", "large"), runs=2)

    ended = await lab.run(started.id)

    assert ended.state is EvalState.FINISHED
    assert ended.note is None
    assert len(cells(lab.answers(started.id))) == len(set(cells(lab.answers(started.id)))) == 24
    assert ended.progress.answered == 24
    assert ended.progress.tokens == 24 * 120
    assert ended.progress.rewards == {"small": 1.0, "large": 1.0}
    summary = ended.summary("large")
    assert summary is not None
    exactly = summary.grader("exact")
    assert exactly is not None
    assert (exactly.mean, exactly.graded) == (1.0, 12)
    assert {question.body["model"] for question in lab.endpoint.heard} == {"small", "large"}
    assert [item.id for item in lab.evals.answer_store.items(started.id)] == ["i0", "i1", "i2", "i3", "i4", "i5"]
    assert await lab.postings(f"card:{started.id}") == [f"eval:{started.id}:card"]
    assert await lab.postings(f"result:{started.id}") == [f"eval:{started.id}:result", f"eval:{started.id}:report"]
    assert await due_in(lab.store, started.id) is None


async def test_an_answer_is_kept_with_what_it_cost_and_what_it_scored(lab: Laboratory) -> None:
    lab.endpoint.says = lambda _: '{"label": "fish"}'
    started = await lab.start(limit=2)

    await lab.run(started.id)

    right, wrong = sorted(lab.answers(started.id), key=lambda answer: answer.item)
    assert (right.item, right.arm, right.run, right.text) == ("i0", "small", 1, '{"label": "fish"}')
    assert (right.scores, wrong.scores) == ({"exact": 1.0}, {"exact": 0.0})
    assert (right.input_tokens, right.output_tokens, right.reasoning_tokens) == (100, 20, 5)
    assert right.finish_reason == "stop"
    assert right.latency is not None
    assert right.failure is None


async def test_a_question_says_what_training_says(lab: Laboratory) -> None:
    started = await lab.start(limit=1, efforts=("low",))

    ended = await lab.run(started.id)

    (heard,) = lab.endpoint.heard
    assert heard.path == "/responses"
    assert heard.body["model"] == "small"
    assert heard.body["input"] == [
        {"role": "developer", "content": "Name the label."},
        {"role": "user", "content": "act 0 on fish"},
    ]
    assert heard.body["reasoning"] == {"effort": "low"}
    assert heard.body["store"] is False
    shape = heard.body["text"]["format"]
    assert (shape["type"], shape["name"], shape["strict"]) == ("json_schema", "small", True)
    assert [arm.name for arm in ended.arms] == ["small (low)"]


async def test_an_eval_in_which_not_one_answer_came_has_failed_and_says_why(lab: Laboratory) -> None:
    lab.endpoint.always = refusing(400, "I cannot write prose.", code="nothing_to_learn")
    started = await lab.start(limit=4)

    ended = await lab.run(started.id)

    assert ended.state is EvalState.FAILED
    assert "I cannot write prose." in ended.failure
    assert ended.note == f"{ended.failure} 4 requests refused (HTTP 400 nothing_to_learn)."
    assert ended.conclusion is not None
    assert ended.conclusion.headline == f"Failed: {ended.failure.rstrip('.')}"
    assert ended.progress.failures == {"400 nothing_to_learn": 4}


async def test_failures_are_counted_by_reason_and_never_scored(lab: Laboratory) -> None:
    lab.endpoint.faults = [refusing(400, "too long", code="context_length_exceeded")]
    started = await lab.start()

    ended = await lab.run(started.id)

    assert ended.state is EvalState.FINISHED
    assert ended.progress.failures == {"400 context_length_exceeded": 1}
    summary = ended.summary("small")
    assert summary is not None
    assert summary.failures == {"400 context_length_exceeded": 1}
    exactly = summary.grader("exact")
    assert exactly is not None
    assert (exactly.mean, exactly.graded) == (1.0, 5)
    (failed,) = [answer for answer in lab.answers(started.id) if answer.failure]
    assert (failed.text, failed.scores) == (None, {})


@pytest.mark.parametrize("fault", [refusing(500), refusing(429, headers={"Retry-After": "90"}), page, drop])
async def test_a_fault_that_passes_costs_no_answer(lab: Laboratory, fault: object) -> None:
    lab.endpoint.faults = [fault, fault, fault]  # type: ignore[list-item]  # any of the faults above
    started = await lab.start()

    ended = await lab.run(started.id)

    assert ended.progress.failures == {}
    assert ended.progress.rewards == {"small": 1.0}
    assert len(lab.endpoint.heard) == 9


async def test_an_endpoint_that_is_broken_for_good_ends_the_eval_and_not_the_budget(lab: Laboratory) -> None:
    lab.write_task({"valid.jsonl": valid_rows(200)})
    lab.endpoint.always = page
    started = await lab.start()

    ended = await lab.run(started.id)

    assert ended.state is EvalState.FAILED
    assert ended.note is not None
    assert "is not the API's JSON" in ended.note
    assert f"{len(lab.answers(started.id))} requests failed (" in ended.note
    assert len(lab.answers(started.id)) < 50
    assert await lab.postings(f"result:{started.id}") == [f"eval:{started.id}:result", f"eval:{started.id}:report"]


async def test_what_no_asking_again_mends_ends_the_eval_at_once(lab: Laboratory) -> None:
    lab.endpoint.always = refusing(429, "pay first", code="insufficient_quota")
    started = await lab.start()

    ended = await lab.run(started.id)

    assert ended.state is EvalState.FAILED
    assert ended.note is not None
    assert "out of credit" in ended.note
    assert ended.conclusion is not None
    assert ended.conclusion.headline.startswith("Failed: ")
    assert lab.answers(started.id) == []
    assert len(lab.endpoint.heard) <= 8


async def test_answers_that_break_the_schema_score_what_training_would_give_them(lab: Laboratory) -> None:
    lab.endpoint.says = lambda heard: "no JSON" if "fish" in heard.text else '{"label": "no such"}'
    started = await lab.start()

    ended = await lab.run(started.id)

    summary = ended.summary("small")
    assert summary is not None
    assert summary.failures == {}
    assert summary.grader_errors == {}
    exactly = summary.grader("exact")
    assert exactly is not None
    assert (exactly.mean, exactly.graded, exactly.ungradable) == (0.0, 6, 2)
    remark = "on 2 of 6 answers the grader found nothing to grade"
    assert summary.coverage("exact").remark == ended.progress.coverage["small"].remark == remark


async def test_a_model_that_is_right_in_half_its_answers_and_writes_prose_in_the_others_scores_half(
    lab: Laboratory,
) -> None:
    """Case 12: the prose used to drop out of the mean, which then was 1.000."""
    lab.write_task({"valid.jsonl": valid_rows(30), "graders/exact.json": CHECK_OF_LABEL})
    lab.endpoint.says = talky
    started = await lab.start(models=("small", "large"))

    ended = await lab.run(started.id)

    talked, steady = ended.summary("small"), ended.summary("large")
    assert talked is not None
    assert steady is not None
    means = [found.mean for summary in (talked, steady) if (found := summary.grader("exact"))]
    assert means == [0.5, 0.8]
    assert talked.coverage("exact").remark == "on 15 of 30 answers the grader found nothing to grade"
    assert steady.coverage("exact").remark == ""
    comparison = read_comparison((ended,), lab.rows)
    assert comparison.pairs[0].verdict is Verdict.BETTER
    assert "small: on 15 of 30 answers the grader found nothing to grade." in comparison.notes


USER = [{"role": "user", "content": "act 7 on fish"}]
STALE = "def grade(sample, item):\n    return float(item['reference_answer']['name'] == 'x')\n"


async def test_a_grader_beside_the_reward_that_fails_is_left_out_and_said(lab: Laboratory) -> None:
    stale = json.dumps({"type": "python", "name": "stale", "source": STALE})
    lab.write_task({"task.yaml": "reward: exact\n", "graders/stale.json": stale})
    started = await lab.start()

    ended = await lab.run(started.id)

    assert ended.state is EvalState.FINISHED
    assert (ended.graders, list(ended.left_out)) == (("exact",), ["stale"])
    (summary,) = ended.summaries
    assert ([each.grader for each in summary.graders], summary.grader_errors) == (["exact"], {})
    assert ended.left_out_note is not None
    assert ended.left_out_note.startswith(
        "small/valid.jsonl line 1: the grader stale reads item.reference_answer.name,"
    )
    assert ended.left_out_note.endswith("Left out for that: stale; the rest is measured.")
    shown = result_message(await read_eval(lab.evals, ended), None, None, None)
    assert "Left out for that: stale" in shown.text


async def test_a_row_without_its_reference_is_an_error_with_its_line_and_no_zero(lab: Laboratory) -> None:
    reads = exact().replace('item[\\"reference_answer\\"]', 'item.get(\\"reference_answer\\")')
    rows = valid_rows(3) + json.dumps({"item": {"id": "m", "reference": "fish"}, "messages": USER}) + "\n"
    lab.write_task({"graders/exact.json": reads, "valid.jsonl": rows})

    ended = await lab.run((await lab.start()).id)

    assert (ended.state, lab.endpoint.heard) == (EvalState.REFUSED, [])
    assert ended.note == (
        "small/valid.jsonl line 4: the grader exact reads item.reference_answer, which is not there; "
        "did you mean item.reference?"
    )


async def test_messages_next_to_the_item_are_asked_and_graded_as_those_within(lab: Laboratory) -> None:
    item = {"id": "m", "reference_answer": "fish"}
    rows = (
        json.dumps({"item": item, "messages": USER}) + "\n" + json.dumps({**item, "id": "n", "messages": USER}) + "\n"
    )
    lab.write_task({"valid.jsonl": rows})

    ended = await lab.run((await lab.start()).id)

    assert [(each.grader, each.mean) for each in ended.summaries[0].graders] == [("exact", 1.0)]


async def test_what_a_failing_multi_grader_would_have_run_is_run_alone(lab: Laboratory) -> None:
    part = json.loads(exact())
    broken = {"type": "multi", "name": "broken", "graders": {"exact": part}, "calculate_output": "1 / (exact - exact)"}
    lab.write_task(
        {"task.yaml": "reward: exact\n", "graders/broken.json": json.dumps(broken), "valid.jsonl": valid_rows(4)}
    )
    started = await lab.start()

    ended = await lab.run(started.id)

    assert list(ended.left_out) == ["broken"]
    (summary,) = ended.summaries
    assert [(each.grader, each.mean) for each in summary.graders] == [("exact", 1.0)]


async def test_a_grader_that_works_for_no_answer_is_refused_before_anything_is_asked(lab: Laboratory) -> None:
    lab.write_task({"graders/exact.json": exact().replace("answer[", "anser[")})
    started = await lab.start()

    ended = await lab.run(started.id)

    assert ended.state is EvalState.REFUSED
    assert ended.note is not None
    assert "The grader exact fails" in ended.note
    assert lab.endpoint.heard == []
    assert await lab.told(started.id) == [f"small was not evaluated. {ended.note}"]
    assert await due_in(lab.store, started.id) is None


async def test_a_judge_that_answers_prose_is_a_grader_error_and_no_score(lab: Laboratory) -> None:
    judged = {"result": 0.5, "steps": []}
    verdicts = [json.dumps(judged)]
    lab.endpoint.says = lambda heard: verdicts[-1] if heard.body["model"] == "large" else '{"label": "fish"}'
    asked = {"role": "user", "content": "Is {{ sample.output_text }} right for {{ item.text_input }}?"}
    judge = {"type": "score_model", "name": "judge", "model": "large", "input": [asked], "range": [0, 1]}
    lab.write_task({"graders/judge.json": json.dumps(judge), "valid.jsonl": valid_rows(6)})
    started = await lab.start()
    await (await lab.begin_turn(lab.runner()))
    verdicts.append("Splendid!")

    ended = await lab.run(started.id)

    assert (ended.state, ended.note) == (EvalState.FINISHED, None)
    summary = ended.summary("small")
    assert summary is not None
    assert summary.failures == {}
    assert summary.grader_errors == {"model_grader_parse_error": 6}
    judge_says, exactly = summary.grader("judge"), summary.grader("exact")
    assert judge_says is not None
    assert (judge_says.mean, judge_says.graded) == (None, 0)
    assert exactly is not None
    assert exactly.graded == 6


async def test_a_model_that_the_platform_does_not_have_is_refused_with_the_nearest(lab: Laboratory) -> None:
    started = await lab.start(models=("smal",))

    ended = await lab.run(started.id)

    assert ended.state is EvalState.REFUSED
    assert ended.note == "Endpoint has no model 'smal' that this key has access to; did you mean 'small'?"


# -- stops and restarts -----------------------------------------------------------------------------------------------


async def test_a_bot_that_stops_hands_the_eval_on_and_nothing_is_asked_twice(lab: Laboratory) -> None:
    lab.write_task({"valid.jsonl": valid_rows(40)})
    lab.endpoint.seconds = 0.02
    started = await lab.start(runs=2)
    async with lab.bot():
        await lab.eventually(lambda: len(lab.answers(started.id)) > 10, "some answers")

    left = await lab.eval(started.id)
    assert left.state is EvalState.RUNNING
    on_file = len(lab.answers(started.id))
    assert 10 < on_file < 80
    assert left.progress.answered == on_file
    async with lab.bot():
        await lab.ended(started.id)
    ended = await lab.eval(started.id)
    assert ended.state is EvalState.FINISHED
    assert ended.progress.answered == 80
    assert Counter(lab.endpoint.answered.values()) == {2: 40}


async def test_a_bot_that_dies_in_the_middle_asks_nothing_twice_that_is_on_file(lab: Laboratory) -> None:
    lab.write_task({"valid.jsonl": valid_rows(40)})
    lab.endpoint.seconds = 0.02
    started = await lab.start()
    turn = await lab.under_way(started.id, lab.runner())
    await lab.eventually(lambda: len(lab.answers(started.id)) > 10, "some answers")
    await turn.die()
    on_file = {answer.item for answer in lab.answers(started.id)}
    await bury(lab.store)

    ended = await lab.run(started.id)

    assert ended.state is EvalState.FINISHED
    assert len(cells(lab.answers(started.id))) == 40
    asked = Counter(heard.text.split()[1] for heard in lab.endpoint.heard)
    assert {f"i{number}" for number, times in asked.items() if times > 1} & on_file == set()


async def test_killed_again_it_still_answers_everything_once(lab: Laboratory, redis_server: str) -> None:
    lab.write_task({"valid.jsonl": valid_rows(200)})
    lab.endpoint.seconds = 0.1
    started = await lab.start()
    asked_before: Counter[str] = Counter()
    for _ in range(2):
        on_file = {answer.item for answer in lab.answers(started.id)}
        command = tethered((sys.executable, "-m", WORKER, redis_server, lab.endpoint.url, str(lab.folder)))
        worker = await asyncio.create_subprocess_exec(*command)
        try:
            await lab.answered(started.id, len(on_file) + 12)
        finally:
            worker.kill()
            await worker.wait()
        await bury(lab.store)
        asked = Counter(heard.text.split()[1] for heard in lab.endpoint.heard)
        assert {f"i{number}" for number in asked - asked_before} & on_file == set()
        asked_before = asked
    assert len(lab.answers(started.id)) < 200, "it was ended in the middle"
    lab.endpoint.seconds = 0.0

    ended = await lab.run(started.id)

    assert ended.state is EvalState.FINISHED
    assert len(cells(lab.answers(started.id))) == len(set(cells(lab.answers(started.id)))) == 200
    lines = (lab.folder / "evals" / started.id / "answers.jsonl").read_bytes().splitlines()
    assert len([line for line in lines if line.endswith(b"}")]) == 200, "the last line of one who is killed may be torn"


async def test_two_bots_never_work_on_the_same_eval(lab: Laboratory) -> None:
    lab.endpoint.hold = asyncio.Event()
    started = await lab.start()
    turn = await lab.under_way(started.id, lab.runner())
    await lab.eventually(lambda: len(lab.endpoint.heard) == 6, "questions")

    await lab.store.commit(Change(item=started.id, due_in=0.0))
    assert await taken(lab.store, EVALS) == ()

    lab.endpoint.hold.set()
    await turn
    assert (await lab.eval(started.id)).state is EvalState.FINISHED
    assert len(lab.endpoint.heard) == 6
    assert [again.item for again in await taken(lab.store, EVALS)] == [started.id]


async def test_who_loses_the_eval_stops_and_writes_nothing_more(lab: Laboratory) -> None:
    lab.endpoint.hold = asyncio.Event()
    started = await lab.start()
    async with lab.bot() as bot:
        await lab.eventually(lambda: len(lab.endpoint.heard) == 6, "questions")
        before = await lab.store.record(Eval, started.id)

        await bury(lab.store)
        (theirs,) = await taken(lab.store, EVALS)
        await lab.eventually(lambda: lab.endpoint.under_way == 0, "closed connections")

    assert lab.answers(started.id) == []
    assert await lab.store.record(Eval, started.id) == before
    assert await lab.store.connection.redis.hget("{proctor}:holders", started.id) == f"{theirs.token} evals:local"
    assert bot.failures == []


async def test_who_cannot_know_whether_it_still_has_the_eval_writes_nothing_more(lab: Laboratory) -> None:
    lab.endpoint.hold = asyncio.Event()
    started = await lab.start()
    turn = await lab.under_way(started.id, lab.runner())
    await lab.eventually(lambda: len(lab.endpoint.heard) == 6, "questions")

    turn.held.lose()
    await turn

    await lab.eventually(lambda: lab.endpoint.under_way == 0, "closed connections")
    assert lab.answers(started.id) == []
    assert (await lab.eval(started.id)).state is EvalState.RUNNING


async def test_an_eval_that_was_ended_elsewhere_is_left_as_it_is(lab: Laboratory) -> None:
    lab.endpoint.hold = asyncio.Event()
    started = await lab.start()
    turn = await lab.under_way(started.id, lab.runner())
    await lab.eventually(lambda: len(lab.endpoint.heard) == 6, "questions")
    held = await lab.store.record(Eval, started.id)
    assert held is not None
    ended = replace(held.value, state=EvalState.FAILED, note="ended elsewhere")
    await lab.store.commit(Change(records=(Versioned(ended, held.version),), due_in=-1))

    await turn

    assert await lab.eval(started.id) == ended
    assert lab.answers(started.id) == []


async def test_checked_by_two_bots_it_begins_once(lab: Laboratory) -> None:
    started = await lab.start()
    transitions = Transitions(lab.store, lab.rows, time.time)
    await transitions.begin(started, {})
    begun = await lab.store.record(Eval, started.id)

    await transitions.begin(started, {})
    await transitions.refuse(started, "Too late.")

    assert await lab.store.record(Eval, started.id) == begun
    assert await lab.told(started.id) == []


async def test_a_bot_that_leaves_takes_no_turn(lab: Laboratory) -> None:
    async with lab.bot() as leaving:
        await leaving.pools.stop()
        started = await lab.start()
        await leaving.pools.look()
        assert await due_in(lab.store, started.id) is not None
        assert (await lab.eval(started.id)).state is EvalState.CHECKING
    assert (await lab.run(started.id)).state is EvalState.FINISHED


async def test_a_bot_that_leaves_does_not_wait_for_answers_that_do_not_come(lab: Laboratory) -> None:
    lab.endpoint.hold = asyncio.Event()
    started = await lab.start()
    async with lab.bot(replace(QUICK, grace=0.1, grading=0.1)):
        await lab.eventually(lambda: len(lab.endpoint.heard) == 6, "questions")

    await lab.eventually(lambda: lab.endpoint.under_way == 0, "closed connections")
    lab.endpoint.hold.set()
    assert (await lab.run(started.id)).progress.answered == 6


async def test_a_file_that_another_bot_still_has_open_is_left_alone_and_taken_up_later(lab: Laboratory) -> None:
    started = await lab.start()
    runner = lab.runner()
    while (await lab.eval(started.id)).state is EvalState.CHECKING:
        await (await lab.begin_turn(runner))
    folder = lab.folder / "evals" / started.id
    folder.mkdir(parents=True)
    stuck = LocalAnswerFile(folder / "answers.jsonl")

    for _ in range(5):
        await (await lab.begin_turn(runner))
    assert lab.endpoint.heard == []

    stuck.close()
    assert (await lab.run(started.id, runner)).state is EvalState.FINISHED


async def test_an_eval_that_fails_three_times_in_a_row_ends_in_words(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = await lab.start()

    def torn(eval_id: str) -> AnswerFile:
        raise RuntimeError(f"the disk of {eval_id} is torn")

    monkeypatch.setattr(lab.rows, "open", torn)
    async with lab.bot() as bot:
        for failures in range(1, 4):
            await lab.eventually(lambda: len(bot.failures) >= failures, f"{failures} failures")  # noqa: B023 # at once
            await lab.eventually(lambda: due_in(lab.store, started.id), "another try")
            await make_due(lab.store, started.id)
        await lab.ended(started.id)

    ended = await lab.eval(started.id)
    assert ended.state is EvalState.FAILED
    assert "A fault of mine stops me from going on" in str(ended.note)
    assert "(reference " in str(ended.note)
    assert len(bot.failures) == 3
    assert await due_in(lab.store, started.id) is None


async def test_an_eval_that_kills_its_process_again_and_again_ends_in_words(lab: Laboratory) -> None:
    started = await lab.start()
    for _ in range(MOST_DEATHS):
        await taken(lab.store, EVALS)
        await bury(lab.store)
        await make_due(lab.store, started.id)
        assert (await lab.eval(started.id)).state is EvalState.CHECKING

    ended = await lab.run(started.id)

    assert ended.state is EvalState.FAILED
    assert "(reference reference)" in str(ended.note)
    assert lab.endpoint.heard == []


async def test_what_failed_before_an_eval_got_further_does_not_count_against_it(lab: Laboratory) -> None:
    lab.write_task({"valid.jsonl": valid_rows(40)})
    lab.endpoint.seconds = 0.02
    started = await lab.start()
    redis = lab.store.connection.redis
    turn = await lab.under_way(started.id, lab.runner())
    await turn.die()
    await bury(lab.store)
    await redis.hset("{proctor}:raised", started.id, MOST_RAISED - 1)

    async def is_forgiven() -> bool:
        return not any([await redis.hexists(f"{{proctor}}:{name}", started.id) for name in ("raised", "deaths")])

    async with lab.bot():
        await lab.eventually(lambda: len(lab.answers(started.id)) > 10, "some answers")
        lab.endpoint.hold = asyncio.Event()
        await lab.eventually(is_forgiven, "forgiveness")
        assert (await lab.eval(started.id)).state is EvalState.RUNNING
        lab.endpoint.hold.set()


async def test_a_task_that_changed_meanwhile_fails_in_words(lab: Laboratory) -> None:
    started = await lab.start()
    await (await lab.begin_turn(lab.runner()))
    lab.write_task({"valid.jsonl": valid_rows(7)})

    ended = await lab.run(started.id)

    assert ended.state is EvalState.FAILED
    assert ended.note is not None
    assert "were changed" in ended.note


async def test_a_bot_with_its_hands_full_leaves_the_turn_to_others(lab: Laboratory) -> None:
    lab.endpoint.hold = asyncio.Event()
    async with lab.bot():
        for number in range(SLOTS[EVALS]):
            started = await lab.start(trigger=f"trigger-{number}", limit=number + 1)
            await lab.eventually(lambda: is_running(lab, started.id), "a running eval")  # noqa: B023 # awaited at once
        fifth = await lab.start(trigger="trigger-5", limit=5)
        await lab.eventually(lambda: lab.endpoint.under_way == 8, "questions")
        (offered,) = await taken(lab.store, EVALS)
        assert offered.item == fifth.id
        await DueItems(lab.store.connection).end(offered, Outcome.LEFT, 0.0)

        assert (await lab.eval(fifth.id)).state is EvalState.CHECKING
        lab.endpoint.hold.set()
        await lab.ended(fifth.id)
    assert (await lab.eval(fifth.id)).state is EvalState.FINISHED


async def is_running(lab: Laboratory, eval_id: str) -> bool:
    return (await lab.eval(eval_id)).state is EvalState.RUNNING


# -- cancel and budget ------------------------------------------------------------------------------------------------


async def test_cancelled_it_asks_nothing_more_and_keeps_what_it_has(lab: Laboratory) -> None:
    lab.write_task({"valid.jsonl": valid_rows(40)})
    started = await lab.start()
    turn = await lab.under_way(started.id, lab.runner())
    lab.endpoint.hold = asyncio.Event()
    await lab.eventually(lambda: lab.endpoint.under_way == 8, "questions that wait")

    await lab.evals.cancel(started.id, BOB)
    await turn

    ended = await lab.eval(started.id)
    assert (ended.state, ended.cancelled_by) == (EvalState.CANCELLED, BOB)
    answers = lab.answers(started.id)
    assert ended.note == f"{len(answers)} of 40 answers are on file."
    assert ended.progress.answered == len(answers)
    heard = len(lab.endpoint.heard)
    await lab.eventually(lambda: lab.endpoint.under_way == 0, "closed connections")
    assert len(lab.endpoint.heard) == heard
    assert await due_in(lab.store, started.id) is None
    assert await lab.postings(f"result:{started.id}") == []


async def test_cancelled_while_the_platform_wants_nothing(lab: Laboratory) -> None:
    started = await lab.start()
    lab.endpoint.always = refusing(429, headers={"Retry-After": "0.01"})
    turn = await lab.under_way(started.id, lab.runner())
    await lab.eventually(lambda: len(lab.endpoint.heard) > 3, "questions")

    await lab.evals.cancel(started.id, BOB)
    await turn

    assert (await lab.eval(started.id)).state is EvalState.CANCELLED


async def test_cancelled_before_it_began(lab: Laboratory) -> None:
    started = await lab.start()
    await lab.evals.cancel(started.id, BOB)

    ended = await lab.run(started.id)

    assert ended.state is EvalState.CANCELLED
    assert lab.endpoint.heard == []


async def test_a_cancel_between_two_writes_of_progress_is_not_overwritten(lab: Laboratory) -> None:
    lab.write_task({"valid.jsonl": valid_rows(300)})
    lab.endpoint.seconds = 0.01
    started = await lab.start()
    turn = await lab.under_way(started.id, lab.runner(replace(QUICK, look=0.005, progress=0.005)))
    await lab.eventually(lambda: len(lab.answers(started.id)) > 30, "some answers")

    await lab.evals.cancel(started.id, BOB)
    await turn

    assert (await lab.eval(started.id)).state is EvalState.CANCELLED


async def test_the_budget_is_kept(lab: Laboratory) -> None:
    lab.write_task({"valid.jsonl": valid_rows(100)})
    started = await lab.start(budget=3_000)

    ended = await lab.run(started.id)

    assert ended.state is EvalState.FINISHED
    assert ended.progress.tokens <= 3_000
    assert ended.progress.answered == 25
    assert ended.note == "It stopped at its budget of 3,000 tokens. 25 of 100 answers are on file."


async def test_a_budget_holds_over_a_restart(lab: Laboratory) -> None:
    lab.write_task({"valid.jsonl": valid_rows(100)})
    lab.endpoint.seconds = 0.02
    started = await lab.start(budget=6_000)
    async with lab.bot():
        await lab.eventually(lambda: len(lab.answers(started.id)) > 5, "some answers")

    ended = await lab.run(started.id, lab.runner())

    assert ended.progress.answered == 50
    assert ended.progress.tokens == 6_000


# -- size -------------------------------------------------------------------------------------------------------------


async def test_no_more_is_under_way_than_the_platform_takes(lab: Laboratory) -> None:
    lab.write_task({"valid.jsonl": valid_rows(60)})
    answers = lab.endpoint.hold = asyncio.Event()
    started = await lab.start()
    turn = await lab.under_way(started.id, lab.runner())
    await lab.eventually(lambda: lab.endpoint.most_under_way == 8, "as many questions as the platform takes")
    answers.set()
    await turn
    assert lab.endpoint.most_under_way == 8


async def test_progress_is_written_down_and_shown_while_it_runs(lab: Laboratory) -> None:
    lab.write_task({"valid.jsonl": valid_rows(60)})
    started = await lab.start()
    turn = await lab.under_way(started.id, lab.runner())
    await lab.eventually(lambda: len(lab.answers(started.id)) > 5, "some answers")
    lab.endpoint.hold = asyncio.Event()

    async def written() -> bool:
        return (await lab.eval(started.id)).progress.answered > 0

    await lab.eventually(written, "progress on record")
    lab.endpoint.hold.set()
    await turn


async def test_an_item_of_a_megabyte_and_words_from_everywhere_go_through(lab: Laboratory) -> None:
    words = "حكم 判决 🐟 e\u0301 \u202eabc"
    lab.write_task({"valid.jsonl": valid_rows(3, big="x" * 1_000_000, words=words)})
    lab.endpoint.says = lambda heard: f'{{"label": "{heard.text.split()[-1]}", "words": "{words}"}}'
    started = await lab.start()

    ended = await lab.run(started.id)

    assert ended.progress.rewards == {"small": 1.0}
    assert all(answer.text is not None and words in answer.text for answer in lab.answers(started.id))


async def test_half_a_surrogate_pair_in_an_answer_is_no_text_and_no_crash(lab: Laboratory) -> None:
    lab.endpoint.says = lambda _: '{"label": "fish"} \ud800'
    started = await lab.start(limit=1)

    await lab.run(started.id)

    (answer,) = lab.answers(started.id)
    assert answer.text == '{"label": "fish"} ?'


async def test_a_turn_of_an_eval_that_has_ended_changes_nothing(lab: Laboratory) -> None:
    started = await lab.start(limit=1)
    await lab.run(started.id)
    before = await lab.store.record(Eval, started.id)
    assert before is not None

    await lab.runner().turn(started.id, held(started.id), "reference")
    await lab.runner().turn("eval-nosuch", held("eval-nosuch"), "reference")

    assert await lab.store.record(Eval, started.id) == before


async def test_chat_completions_where_the_profile_says_so(lab: Laboratory) -> None:
    _, gateway = lab.platform_of("local")
    gateway.profile = replace(gateway.profile, api="chat")
    started = await lab.start(limit=2)

    ended = await lab.run(started.id)

    assert {heard.path for heard in lab.endpoint.heard} == {"/chat/completions"}
    assert lab.endpoint.heard[0].body["messages"][0] == {"role": "system", "content": "Name the label."}
    assert lab.endpoint.heard[0].body["response_format"]["type"] == "json_schema"
    assert ended.progress.rewards == {"small": 1.0}


async def test_the_version_of_an_eval_counts_its_changes(lab: Laboratory) -> None:
    started = await lab.start()
    held = await lab.store.record(Eval, started.id)
    assert held == Versioned(started, 1)
    await lab.store.commit(Change(records=(Versioned(replace(started, note="a"), 1),)))
    assert await lab.store.record(Eval, started.id) == Versioned(replace(started, note="a"), 2)


async def test_an_eval_that_was_begun_under_other_rules_of_scoring_does_not_mix_them(lab: Laboratory) -> None:
    started = await lab.start()
    record = await lab.store.record(Eval, started.id)
    assert record is not None
    await lab.store.commit(Change(records=(Versioned(replace(record.value, scoring=1), record.version),)))

    ended = await lab.run(started.id)

    assert ended.state is EvalState.REFUSED
    assert "scored by other rules; start it again" in str(ended.note)


async def test_json_in_a_block_of_code_is_a_format_error_unless_the_task_is_lenient(lab: Laboratory) -> None:
    lab.endpoint.says = lambda heard: f"```json\n{json.dumps({'label': heard.text.split()[-1]})}\n```"
    files = {"graders/exact.json": CHECK_OF_LABEL, "valid.jsonl": valid_rows(6)}
    lab.write_task(files)
    strict = await lab.run((await lab.start()).id)
    lab.write_task({**files, "task.yaml": "title: Small\nreward: exact\nlenient_json: true\n"})
    lenient = await lab.run((await lab.start(trigger="trigger-2", limit=5)).id)

    assert strict.progress.rewards == {"small": 0.0}
    assert strict.progress.coverage["small"].remark == "on 6 of 6 answers the grader found nothing to grade"
    assert lenient.progress.rewards == {"small": 1.0}
    assert lenient.progress.coverage["small"].remark == ""
    assert strict.task_version != lenient.task_version


async def test_a_judges_tokens_count_against_the_budget(lab: Laboratory) -> None:
    """The endpoint's answers cost 120 tokens each, those of its judge as well."""
    judge = {
        "type": "score_model",
        "name": "exact",
        "model": "large",
        "range": [0, 5],
        "input": [{"role": "user", "content": "Rate {{sample.output_json.label}}: 4"}],
    }
    lab.write_task({"graders/exact.json": json.dumps(judge), "valid.jsonl": valid_rows(60)})
    lab.endpoint.says = lambda heard: "4" if "Rate" in heard.text else '{"label": "fish"}'
    started = await lab.start(budget=2_400)

    ended = await lab.run(started.id)

    assert "budget of 2,400 tokens" in str(ended.note)
    assert ended.progress.answered == 10
    assert ended.progress.tokens == 2_400
    summary = ended.summary("small")
    assert summary is not None
    assert (summary.judge_tokens, summary.input_tokens + summary.output_tokens) == (1_200, 1_200)
    figure = summary.grader("exact")
    assert figure is not None
    assert figure.interval is not None
    assert figure.interval.high <= 5


@pytest.mark.parametrize("says", ["refusal", "nothing"])
async def test_a_model_that_says_nothing_has_answered_and_scores_as_in_training(lab: Laboratory, says: str) -> None:
    lab.write_task({"graders/exact.json": CHECK_OF_LABEL, "valid.jsonl": valid_rows(6)})
    lab.endpoint.always = saying_nothing(refused=says == "refusal")
    started = await lab.start()

    ended = await lab.run(started.id)

    assert ended.progress.failures == {}
    assert ended.progress.rewards == {"small": 0.0}
    assert ended.progress.coverage["small"].ungradable == 6
