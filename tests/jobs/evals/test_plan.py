import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from jobs.core.errors import InvalidRequest, NotFound, UserError
from jobs.evals.plan import EvalPlanner, eval_id
from jobs.evals.records import Arm, Eval, EvalState
from jobs.evals.service import Evals
from jobs.platforms.gateway import Gateway
from jobs.platforms.profiles import RETIRED_MODELS
from jobs.platforms.prompt_hash import prompt_hash
from jobs.state.change import Change, Versioned
from jobs.state.store import AlreadyTaken
from jobs.tasks.defaults import Choice
from tests.jobs.evals.laboratory import Laboratory, a_profile, a_wish, exact, only, valid_rows
from tests.jobs.tasks.folder import line
from tests.records import BOB, a_checkpoint, a_job

NOON = 1_793_188_800.0
"""2026-10-28, after o4-mini's end."""


async def planned(lab: Laboratory, **changes: Any) -> Eval:
    return await EvalPlanner(lab.catalogue, lab.platform_of, "local", lambda: NOON).plan(a_wish(**changes))


async def refused(lab: Laboratory, **changes: Any) -> str:
    with pytest.raises(UserError) as failure:
        await planned(lab, **changes)
    return str(failure.value)


async def test_what_nobody_names_has_a_default(lab: Laboratory) -> None:
    evaluation = await planned(lab, models=())
    assert evaluation.state is EvalState.CHECKING
    assert evaluation.arms == (Arm("small"),)
    assert (evaluation.split, evaluation.items, evaluation.runs, evaluation.total) == ("valid", 6, 1, 6)
    assert (evaluation.prompt, evaluation.reward, evaluation.graders) == ("v1", "exact", ("exact",))
    assert (evaluation.platform, evaluation.threshold) == ("local", None)
    assert evaluation.id == eval_id("trigger-1")
    assert evaluation.id.startswith("eval-")
    assert len(evaluation.id) == 11


async def test_a_study_has_nine_runs_and_no_fewer_than_three(lab: Laboratory) -> None:
    assert (await planned(lab, purpose="variance")).runs == 9
    assert (await planned(lab, purpose="variance", runs=3)).runs == 3
    assert await refused(lab, purpose="variance", runs=2) == "runs=2 is outside 3 to 50."


async def test_arms_are_models_times_efforts_each_once(lab: Laboratory) -> None:
    evaluation = await planned(lab, models=("small", "large", "small"), efforts=("low", "high"))
    assert [arm.name for arm in evaluation.arms] == ["small (low)", "small (high)", "large (low)", "large (high)"]
    assert evaluation.total == 24


async def test_prompts_are_arms_and_each_may_be_asked_without_the_format_as_well(lab: Laboratory) -> None:
    lab.write_task({"prompts/v2.md": "Name the label, please."})
    evaluation = await planned(lab, prompts=("v1", "v2"), format="none")
    names = [arm.name.removeprefix("small ") for arm in evaluation.arms]
    assert names == ["(prompt v1)", "(prompt v1, format none)", "(prompt v2)", "(prompt v2, format none)"]
    assert len({arm.prompt_hash for arm in evaluation.arms}) == 4
    assert evaluation.prompt_lengths["v2"] == 23
    assert "did you mean 'v2'?" in await refused(lab, prompts=("v1", "w2"))
    own = {"id": "a", "messages": [{"role": "user", "content": "act 0 on fish"}], "reference_answer": "fish"}
    lab.write_task({"valid.jsonl": json.dumps(own) + "\n"})
    assert "bring their own messages, so its prompts cannot be compared" in await refused(lab, prompts=("v1", "v2"))
    lab.write_task({"response_format.json": json.dumps({"type": "text"})})
    assert "format=none would ask the same twice" in await refused(lab, format="none")


async def test_what_counts_as_good_is_asked_for_or_the_tasks_own(lab: Laboratory) -> None:
    assert (await planned(lab)).margin == 0.02
    assert (await planned(lab, margin=0.1)).margin == 0.1
    lab.write_task({"task.yaml": "reward: exact\nguardrails: {exact: -0.05}\n"})
    assert (await planned(lab)).margin == 0.05


async def test_each_arm_is_asked_with_its_own_prompt_and_format(lab: Laboratory) -> None:
    lab.write_task({"prompts/v2.md": "Name the label, please."})
    started = await lab.start(prompts=("v1", "v2"), format="none", limit=1)
    await lab.run(started.id)
    asked = {(heard.body["input"][0]["content"], "text" in heard.body) for heard in lab.endpoint.heard}
    assert len(asked) == 4
    assert sum(has_format for _, has_format in asked) == 2


async def test_what_was_chosen_holds_where_nothing_is_asked_for(lab: Laboratory) -> None:
    lab.write_task({"prompts/v2.md": "Name the label, please."})
    planner = EvalPlanner(lab.catalogue, lab.platform_of, "local", lambda: NOON)
    chosen = Choice("low", "v1")
    assert [arm.name for arm in (await planner.plan(a_wish(), chosen)).arms] == ["small (low)"]
    assert (await planner.plan(a_wish(), chosen)).prompt == "v1"
    asked = await planner.plan(a_wish(efforts=("high",), prompt="v2"), chosen)
    assert ([arm.name for arm in asked.arms], asked.prompt) == (["small (high)"], "v2")
    compared = await planner.plan(a_wish(prompts=("v2", "v1")), chosen)
    assert [arm.name for arm in compared.arms] == ["small (low, prompt v2)", "small (low, prompt v1)"]
    assert (await planner.plan(a_wish(), Choice(prompt="gone"))).prompt == "v2", "the task has no such prompt any more"


async def test_the_threshold_is_the_reward_graders(lab: Laboratory) -> None:
    lab.write_task({"graders/exact.json": exact(pass_threshold=0.5)})
    assert (await planned(lab)).threshold == 0.5


async def test_the_task_of_another_platform_gives_no_model(lab: Laboratory) -> None:
    lab.write_task({"task.yaml": "reward: exact\ndefaults: {model: theirs, platform: elsewhere}\n"})
    assert (await planned(lab, models=(), platform="local")).arms == (Arm("small"),)
    lab.write_task({"task.yaml": "reward: exact\ndefaults: {model: ours, platform: local}\n"})
    assert (await planned(lab, models=())).arms == (Arm("ours"),)


async def test_what_is_not_there_is_named_with_the_nearest(lab: Laboratory) -> None:
    assert await refused(lab, task="smal") == "There is no task 'smal'; did you mean 'small'?"
    assert await refused(lab, split="vaild") == "small has no split 'vaild'; did you mean 'valid'?"
    assert await refused(lab, prompt="v9") == "small has no prompt 'v9'; did you mean 'v1'?"
    assert await refused(lab, platform="azure") == "There is no platform 'azure'; known: local."


async def test_numbers_out_of_bounds_are_refused(lab: Laboratory) -> None:
    assert await refused(lab, runs=0) == "runs=0 is outside 1 to 50."
    assert await refused(lab, runs=51) == "runs=51 is outside 1 to 50."
    assert await refused(lab, limit=0) == "limit=0 leaves nothing to evaluate; give 1 or more items."
    assert await refused(lab, budget=0) == "budget=0 allows no answer; give a number of tokens."
    assert "13 combinations; one eval takes 12" in await refused(lab, models=tuple(map(str, range(13))))
    assert (await planned(lab, limit=4)).items == 4
    assert (await planned(lab, limit=400)).items == 6


async def test_too_many_answers_for_one_eval_are_refused(lab: Laboratory) -> None:
    lab.write_task({"test.jsonl": valid_rows(4_001)})
    said = await refused(lab, split="test", runs=50)
    assert said.startswith("4,001 items x 50 runs x 1 models are 200,050 answers; one eval takes 200,000.")


async def test_a_model_that_is_gone_is_refused_with_its_date(lab: Laboratory) -> None:
    profile, _ = lab.platform_of("local")
    async with Gateway(replace(profile, retired=RETIRED_MODELS), "any") as gateway:
        planner = EvalPlanner(lab.catalogue, only(gateway), "local", lambda: NOON)
        with pytest.raises(InvalidRequest, match="o4-mini was shut down on Endpoint on 2026-10-23"):
            await planner.plan(a_wish(models=("o4-mini",)))


async def test_a_platform_without_key_or_model_is_refused(lab: Laboratory) -> None:
    profile = a_profile("http://127.0.0.1:1/v1", default_model=None, api_key_env="ENDPOINT_KEY")
    async with Gateway(profile, "") as gateway:
        planner = EvalPlanner(lab.catalogue, only(gateway), "local", lambda: NOON)
        with pytest.raises(InvalidRequest, match="ENDPOINT_KEY is not set"):
            await planner.plan(a_wish())
    async with Gateway(profile, "key") as gateway:
        planner = EvalPlanner(lab.catalogue, only(gateway), "local", lambda: NOON)
        with pytest.raises(InvalidRequest, match="add model=<model>"):
            await planner.plan(a_wish(models=()))


async def test_a_broken_line_is_named(lab: Laboratory) -> None:
    lab.write_task({"valid.jsonl": valid_rows(3) + "\n{broken\n"})
    assert (await refused(lab)).startswith("small/valid.jsonl line 5, column 2 is not JSON")
    lab.write_task({"valid.jsonl": line("a") + line("b") + line("a")})
    assert await refused(lab) == "small/valid.jsonl line 3: field 'id' is 'a', as on line 1; ids must differ."
    lab.write_task({"valid.jsonl": valid_rows(1_001)})
    assert await refused(lab) == "small/valid.jsonl has more than 1,000 rows, the limit for 'valid'."


async def test_a_task_without_prompts_needs_rows_with_messages(lab: Laboratory) -> None:
    lab.write_task({"prompts/v1.md": None})
    (lab.folder / "tasks" / "small" / "prompts" / "v1.md").unlink()
    assert "has no prompt" in await refused(lab)
    own = json.dumps({"id": "m", "messages": [{"role": "user", "content": "hello fish"}]}) + "\n"
    lab.write_task({"prompts/v1.md": None, "valid.jsonl": own})
    assert (await planned(lab)).prompt == ""


def test_equal_prompts_and_formats_have_equal_hashes() -> None:
    one = prompt_hash("Name the label.", {"type": "json_schema", "json_schema": {"name": "a", "strict": True}})
    assert one == prompt_hash("Name the label.", {"json_schema": {"strict": True, "name": "a"}, "type": "json_schema"})
    assert one != prompt_hash("Name the label!", {"type": "json_schema", "json_schema": {"name": "a", "strict": True}})
    assert one != prompt_hash("Name the label.", {"type": "json_schema", "json_schema": {"name": "b", "strict": True}})
    assert len(one) == 12


# -- the service ------------------------------------------------------------------------------------------------------


async def test_the_same_trigger_starts_one_eval(lab: Laboratory) -> None:
    first = await lab.start()
    again = await lab.evals.start(a_wish())
    assert again == first
    assert await lab.evals.newest() == (first,)


async def test_a_checkpoint_of_a_job_is_called_by_its_step_and_job(lab: Laboratory) -> None:
    job = a_job(checkpoints=(a_checkpoint(60),))
    model = job.checkpoints[0].model_id
    await lab.store.commit(Change(records=(Versioned(job, 0),)))
    evaluation = await lab.start(models=(model, "small"), efforts=("low", "high"))
    assert [arm.name for arm in evaluation.arms] == [
        "step 60 of rft-abc234 (low)",
        "step 60 of rft-abc234 (high)",
        "small (low)",
        "small (high)",
    ]
    assert {arm.model for arm in evaluation.arms} == {model, "small"}


async def test_another_evals_short_id_is_never_taken_for_ones_own(lab: Laboratory) -> None:
    first = await lab.start()
    stranger = replace(first, request=replace(first.request, trigger="theirs"))
    held = await lab.store.record(Eval, first.id)
    assert held is not None
    await lab.store.commit(Change(records=(Versioned(stranger, held.version),)))
    again = await lab.start(runs=2)
    assert again.id != first.id
    assert again.request.trigger == first.request.trigger


async def test_the_same_words_a_moment_later_are_a_slip_of_the_finger(lab: Laboratory) -> None:
    first = await lab.start()
    with pytest.raises(AlreadyTaken) as taken:
        await lab.start(trigger="trigger-2")
    assert taken.value.holder == first.id
    other = await lab.start(trigger="trigger-2", runs=2)
    assert await lab.evals.newest() == (other, first)


async def test_after_a_refusal_the_same_may_be_asked_again_at_once(lab: Laboratory) -> None:
    lab.write_task({"graders/exact.json": exact().replace("answer[", "anser[")})
    first = await lab.start()
    assert (await lab.run(first.id)).state is EvalState.REFUSED
    lab.write_task({})
    second = await lab.start(trigger="trigger-2")
    assert second.id != first.id
    with pytest.raises(AlreadyTaken):
        await lab.start(trigger="trigger-3")


async def test_an_eval_is_found_by_its_beginning(lab: Laboratory) -> None:
    started = await lab.start()
    evals: Evals = lab.evals
    assert await evals.view(started.id) == started
    assert await evals.view(started.id[:8]) == started
    assert await evals.view(started.id.removeprefix("eval-")) == started
    with pytest.raises(NotFound, match="There is no eval 'zzz'"):
        await evals.view("zzz")
    with pytest.raises(NotFound):
        await evals.view("")
    for number in range(40):
        await lab.start(trigger=f"more-{number}", runs=number % 50 + 1, limit=number % 6 + 1)
    letters = Counter(each.id.removeprefix("eval-")[0] for each in await evals.newest(41))
    letter, several = letters.most_common(1)[0]
    with pytest.raises(NotFound, match=f"{several} evals begin with '{letter}'"):
        await evals.view(letter)
    with pytest.raises(NotFound, match="There is no eval 'eval-'; known: eval-"):
        await evals.view("eval-")


async def test_the_first_who_cancels_is_the_one_who_cancelled(lab: Laboratory) -> None:
    started = await lab.start()
    assert (await lab.evals.cancel(started.id, BOB)).cancelled_by == BOB
    assert (await lab.evals.cancel(started.id, "U0CAROL")).cancelled_by == BOB
    await lab.run(started.id)
    with pytest.raises(UserError, match="was cancelled; there is nothing left to cancel"):
        await lab.evals.cancel(started.id, BOB)


async def test_items_of_an_eval_that_has_not_begun_are_not_to_be_had(lab: Laboratory) -> None:
    started = await lab.start()
    assert list(lab.evals.answer_store.answers(started.id)) == []
    with pytest.raises(NotFound):
        list(lab.evals.answer_store.items(started.id))
