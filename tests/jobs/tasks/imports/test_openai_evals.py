"""What people exported from OpenAI's platform becomes a task that asks and grades as before."""

import json
from pathlib import Path

import pytest

from jobs.core.errors import BotError, Conflict
from jobs.graders import GraderRuntime, Sample, parse_grader
from jobs.tasks import TaskCatalogue, conversation
from tests.jobs.tasks.imports.exports import (
    ITEMS,
    JUDGE,
    LABEL,
    TEMPLATE,
    Json,
    dashboard_row,
    hosted_eval,
    imported,
    item_lines,
    items_of,
    jsonl,
    output_item,
    run,
    task_of,
)


def asked(root: Path, name: str, split: str = "valid") -> list[list[tuple[str, object]]]:
    """The messages that each row's model gets."""
    catalogue = TaskCatalogue(root)
    task = catalogue.load(name)
    return [[(m.role, m.content) for m in conversation(task, row)] for row in catalogue.rows(task, split)]


CSV = "ticket_text,correct_label\n" + "".join(f"{item['ticket_text']},{item['correct_label']}\n" for item in ITEMS)
SENT = [[("developer", "Hardware, Software or Other?"), ("user", item["ticket_text"])] for item in ITEMS]


async def test_an_eval_with_its_run_and_items_asks_and_grades_as_before(tmp_path: Path) -> None:
    made = imported(tmp_path, {"eval.json": hosted_eval(), "run.json": run(), "tickets.jsonl": item_lines(*ITEMS)})
    task = task_of(tmp_path, made)
    assert (task.title, task.reward, dict(made.rows)) == ("IT tickets", "Match the label", {"valid": 3})
    assert task.prompts == {"first": "Hardware, Software or Other?"}
    assert asked(tmp_path, task.name) == SENT
    items = items_of(tmp_path, made)
    assert [item["reference_answer"] for item in items] == ["Hardware", "Software", "Other"]
    async with GraderRuntime() as graders:
        batch = [(Sample("Software"), item) for item in items]
        grades = await graders.grade(parse_grader(task.reward_grader), batch)
    assert [grade.reward for grade in grades] == [0.0, 1.0, 0.0]
    said = " ".join(made.left_out)
    assert "model gpt-4.1 of run 'first'" in said
    assert "temperature 0.2, seed 42 of run 'first'" in said


@pytest.mark.parametrize(
    "files",
    [
        {"all.json": {"eval": hosted_eval(), "runs": [run()], "items": [{"item": item} for item in ITEMS]}},
        {"all.json": {"object": "list", "data": [hosted_eval()]}, "r.json": [run()], "d.jsonl": item_lines(*ITEMS)},
        {
            "eval.json": hosted_eval(),
            "run.json": run(source={"type": "file_content", "content": [{"item": item} for item in ITEMS]}),
        },
        {
            "eval.json": hosted_eval(),
            "items.json": {"object": "list", "data": [output_item(item, n) for n, item in enumerate(ITEMS)]},
        },
        {"eval.json": hosted_eval(), "items.jsonl": jsonl(*(output_item(item, n) for n, item in enumerate(ITEMS)))},
        {
            "eval.json": hosted_eval(),
            "rows.jsonl": jsonl(
                *({"item": item, "sample": output_item(item, n)["sample"]} for n, item in enumerate(ITEMS))
            ),
        },
        {"eval.json": hosted_eval(), "run.json": run(), "bare.jsonl": jsonl(*ITEMS)},
        {
            "eval.json": hosted_eval(),
            "run.json": run(),
            "rows.csv": CSV,
        },
    ],
    ids=[
        "one file",
        "lists",
        "in the run",
        "output items",
        "output item lines",
        "item and sample",
        "bare items",
        "csv",
    ],
)
def test_however_it_was_saved_the_same_is_asked(tmp_path: Path, files: dict[str, object]) -> None:
    made = imported(tmp_path, files)
    assert asked(tmp_path, made.task) == SENT
    assert [item["correct_label"] for item in items_of(tmp_path, made)] == ["Hardware", "Software", "Other"]


def test_lines_of_the_dashboard_hold_each_item_once_for_every_run(tmp_path: Path) -> None:
    twice = [ITEMS[0], ITEMS[1], ITEMS[0]]
    lines = [dashboard_row(item, n, run_id) for run_id in ("evalrun_1", "evalrun_2") for n, item in enumerate(twice)]
    with pytest.raises(BotError, match="graded by Match the label; the eval's own JSON says how"):
        imported(tmp_path, {"results.jsonl": jsonl(*lines)}, input="ticket_text")
    made = imported(tmp_path, {"results.jsonl": jsonl(*lines), "eval.json": hosted_eval(), "run.json": run()})
    assert asked(tmp_path, made.task) == [SENT[0], SENT[1], SENT[0]]
    assert "6 answers with results: a task holds no results of earlier runs" in made.left_out


def test_what_two_runs_sent_are_two_prompts(tmp_path: Path) -> None:
    second = [{**output_item(item, n, "Which kind?"), "run_id": "r2"} for n, item in enumerate(ITEMS)]
    lines = [*(output_item(item, n) for n, item in enumerate(ITEMS)), *second]
    made = imported(tmp_path, {"e.json": hosted_eval(), "items.jsonl": jsonl(*lines)})
    task = task_of(tmp_path, made)
    assert task.prompts == {"sent": "Hardware, Software or Other?", "r2": "Which kind?"}
    assert asked(tmp_path, task.name) == SENT


def test_graders_of_one_name_are_both_kept(tmp_path: Path) -> None:
    files = {
        "r.json": run(),
        "rows.jsonl": item_lines(*ITEMS),
        "a.json": LABEL,
        "b.json": {**LABEL, "operation": "like"},
    }
    made = imported(tmp_path, files, reward="Match the label-2")
    assert made.graders == ("Match the label", "Match the label-2")


def test_graders_whose_names_make_one_file_are_all_kept(tmp_path: Path) -> None:
    criteria: list[Json] = [{**LABEL, "name": name} for name in ("a b", "a/b", "A_B")]
    criteria = [{**each, "operation": how} for each, how in zip(criteria, ("eq", "ne", "like"), strict=True)]
    files = {"eval.json": hosted_eval(*criteria), "r.json": run(), "rows.jsonl": item_lines(*ITEMS)}
    task = task_of(tmp_path, imported(tmp_path, files, reward="a b"))
    assert {name: each["operation"] for name, each in task.graders.items()} == {"a b": "eq", "a/b": "ne", "A_B": "like"}


def test_of_several_jobs_the_grader_of_the_first_is_the_reward_each_time(tmp_path: Path) -> None:
    files: dict[str, object] = {"cows_train.jsonl": jsonl({"messages": MESSAGES, "reference_answer": "farm"})}
    for number in range(8):
        files[f"job{number}.json"] = job = json.loads(json.dumps(JOB))
        grader = job["method"]["reinforcement"]["grader"]
        grader.update(name=f"exact{number}", reference=f"{{{{item.reference_answer}}}}{number}")
    assert imported(tmp_path, files).reward == "exact0"


def test_ids_that_repeat_or_are_none_are_told_apart(tmp_path: Path) -> None:
    ids = ["a", "a", 7, {"x": 1}, None]
    rows = item_lines(*({"id": given, **ITEMS[0]} for given in ids))
    made = imported(tmp_path, {"e.json": hosted_eval(), "r.json": run(), "rows.jsonl": rows})
    assert [item.get("id") for item in items_of(tmp_path, made)] == ["a", "a-2", 7, None, None]
    assert any(said.startswith("id: 2 rows had one that another row has") for said in made.changed)


def test_several_criteria_count_as_hosted_evals_count_them_and_each_can_be_the_reward(tmp_path: Path) -> None:
    long: Json = {"type": "score_model", "name": "Long", "model": "gpt-4.1", "input": TEMPLATE[:1], "range": [1, 7]}
    files: dict[str, object] = {
        "eval.json": hosted_eval(LABEL, JUDGE, long),
        "run.json": run(),
        "rows.jsonl": item_lines(*ITEMS),
    }
    made = imported(tmp_path, files)
    reward = task_of(tmp_path, made).reward_grader
    assert reward["calculate_output"] == "min(match_the_label, polite, (long - 1) / 6)"
    assert "the worst of 3 criteria" in " ".join(made.changed)
    other = imported(tmp_path, files, name="polite", reward="Polite")
    assert (other.reward, other.graders) == ("Polite", ("Match the label", "Polite", "Long"))


def test_runs_that_differ_in_the_instruction_are_prompt_versions_and_others_are_named(tmp_path: Path) -> None:
    shorter = [{"role": "system", "content": "Which kind?"}, TEMPLATE[1]]
    other = [{"role": "user", "content": "Sort: {{item.ticket_text}}"}]
    runs = [
        run(),
        run(shorter, id="r2", name="second", created_at=1743022196),
        run(other, id="r3", name="third", created_at=1743022194),
    ]
    made = imported(tmp_path, {"e.json": hosted_eval(), "runs.json": runs, "rows.jsonl": item_lines(*ITEMS)})
    task = task_of(tmp_path, made)
    assert (task.default_prompt, task.prompts["first"]) == ("second", "Hardware, Software or Other?")
    assert "prompt 'third'" in " ".join(made.left_out)


def test_a_template_of_more_turns_comes_with_each_row(tmp_path: Path) -> None:
    shots = [
        {"role": "user", "content": "The fan is loud"},
        {"role": "assistant", "content": "Hardware"},
        {"role": "user", "content": "{{item.ticket_text}}"},
    ]
    made = imported(tmp_path, {"e.json": hosted_eval(), "r.json": run(shots), "rows.jsonl": item_lines(*ITEMS)})
    assert asked(tmp_path, made.task)[1][2] == ("user", "I'm in vim and can't quit")
    assert task_of(tmp_path, made).prompts == {}


def test_a_run_may_name_the_items_own_messages_and_the_form_of_answers(tmp_path: Path) -> None:
    said = [{"role": "user", "content": [{"type": "input_text", "text": "A"}, {"type": "input_text", "text": "B"}]}]
    form = {"type": "json_schema", "name": "kind", "schema": {"type": "object", "properties": {}}, "strict": False}
    source: Json = {
        "type": "responses",
        "input_messages": {"type": "item_reference", "item_reference": "item.said"},
        "sampling_params": {"text": {"format": form}},
    }
    chat = {**run(), "data_source": source}
    rows = item_lines({"said": said, "correct_label": "x"})
    made = imported(tmp_path, {"e.json": hosted_eval(), "r.json": chat, "rows.jsonl": rows})
    assert asked(tmp_path, made.task) == [[("user", "A\nB")]]
    assert task_of(tmp_path, made).response_format is not None
    source["sampling_params"] = {"response_format": {"type": "json_object"}}
    made = imported(tmp_path, {"e.json": hosted_eval(), "r.json": chat, "rows.jsonl": rows}, name="any")
    assert task_of(tmp_path, made).response_format is None
    assert "response_format json_object: it asks for JSON of any shape; give a JSON Schema" in made.left_out
    source["input_messages"] = {
        "type": "template",
        "template": [{"role": "user", "content": "{{item.gone}}"}],
    }
    with pytest.raises(BotError, match=r"A run's template cannot be filled from an item: there is no item\.gone"):
        imported(tmp_path, {"e.json": hosted_eval(), "r.json": chat, "rows.jsonl": rows})


def test_rows_whose_split_is_not_told_are_asked_about(tmp_path: Path) -> None:
    files: dict[str, object] = {"e.json": hosted_eval(), "r.json": run(), "a.jsonl": item_lines(*ITEMS)}
    assert dict(imported(tmp_path, files, split="test").rows) == {"test": 3}
    with pytest.raises(BotError, match=r"Which splits are a\.jsonl, b\.jsonl\? Call them train\.jsonl"):
        imported(tmp_path, {**files, "b.jsonl": item_lines(*ITEMS)})
    with pytest.raises(BotError, match=r"would be the split 'valid'; 'val\.jsonl' is one"):
        imported(tmp_path, {**files, "val.jsonl": item_lines(*ITEMS)})
    with pytest.raises(BotError, match="There is no grader 'Macth' for the reward; did you mean 'Match the label'"):
        imported(tmp_path, files, reward="Macth")


def test_what_the_files_do_not_say_is_asked_for_and_not_guessed(tmp_path: Path) -> None:
    files: dict[str, object] = {"eval.json": hosted_eval(), "rows.jsonl": item_lines(*ITEMS)}
    with pytest.raises(BotError, match=r"do not say what a model is asked.*items have ticket_text, correct_label"):
        imported(tmp_path, files)
    made = imported(tmp_path, files, input="ticket_text")
    assert asked(tmp_path, made.task)[0] == [("user", "My monitor won't turn on")]
    with pytest.raises(BotError, match=r"no rows in what was given; add the content of file-abc123"):
        imported(tmp_path, {"eval.json": hosted_eval(), "run.json": run()})
    with pytest.raises(BotError, match="no grader that can be carried over"):
        imported(tmp_path, {"run.json": run(), "rows.jsonl": item_lines(*ITEMS)})
    two = [hosted_eval(), hosted_eval(id="eval_2", name="Other tickets")]
    with pytest.raises(BotError, match=r"hold 2 evals; say which one is meant: 'IT tickets', 'Other tickets'"):
        imported(tmp_path, {**files, "eval.json": two})
    assert imported(tmp_path, {**files, "eval.json": two}, input="ticket_text", pick="eval_2").task == "Other-tickets"


def test_a_template_of_braces_without_end_is_said_at_once(tmp_path: Path) -> None:
    files: dict[str, object] = {"r.json": run(), "rows.jsonl": item_lines(*ITEMS)}
    with pytest.raises(BotError, match="more than 100 times"):
        imported(tmp_path, {**files, "e.json": hosted_eval({**LABEL, "reference": "{{" * 200_000})})
    endless = [{"role": "user", "content": "{{" * 200_000}]
    with pytest.raises(BotError, match="more than 100 times"):
        imported(tmp_path, {**files, "e.json": hosted_eval(), "r.json": run(endless)})


def test_a_criterion_without_an_equal_is_named_with_its_reason(tmp_path: Path) -> None:
    cosine = {**LABEL, "name": "Like", "type": "text_similarity", "evaluation_metric": "cosine", "operation": None}
    files = {"e.json": hosted_eval(LABEL, cosine), "r.json": run(), "rows.jsonl": item_lines(*ITEMS)}
    made = imported(tmp_path, files)
    assert made.graders == ("Match the label",)
    assert any(
        said.startswith("grader 'Like': evaluation_metric: cosine compares embeddings") for said in made.left_out
    )


MESSAGES = [{"role": "developer", "content": "Sort."}, {"role": "user", "content": "A cow"}]
JOB = {
    "object": "fine_tuning.job",
    "id": "ftjob-1",
    "model": "o4-mini-2025-04-16",
    "user_provided_suffix": "cows",
    "method": {
        "type": "reinforcement",
        "reinforcement": {
            "grader": {**LABEL, "name": "exact", "reference": "{{item.reference_answer}}"},
            "hyperparameters": {"n_epochs": 3, "batch_size": "auto", "reasoning_effort": "default"},
        },
    },
}


def test_a_training_file_with_its_job_is_trained_on_as_before(tmp_path: Path) -> None:
    row = {"messages": MESSAGES, "reference_answer": "farm", "id": 7}
    files: dict[str, object] = {
        "cows_train.jsonl": jsonl(row),
        "cows_val.jsonl": jsonl({**row, "id": 8}),
        "job.json": JOB,
    }
    made = imported(tmp_path, files)
    task = task_of(tmp_path, made)
    assert (task.name, task.reward, dict(made.rows)) == ("cows", "exact", {"train": 1, "valid": 1})
    assert task.defaults.hyperparameters.n_epochs == 3
    assert asked(tmp_path, task.name, "train") == [[("developer", "Sort."), ("user", "A cow")]]
    assert items_of(tmp_path, made, "train")[0]["messages"] == MESSAGES
    assert made.left_out == ("model o4-mini-2025-04-16: name one with model= at a launch",)


def test_the_build_hours_project_layout_is_read_and_its_code_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    models = "from pydantic import BaseModel\n\nclass Mood(BaseModel):\n    mood: str\n    why: list[str] | None\n"
    grader = {
        "type": "string_check",
        "input": "{{ sample.output_json.mood }}",
        "reference": "{{item.reference_answer}}",
    }
    rows = item_lines({"id": "1", "text_input": "I love it", "reference_answer": "good"})
    files: dict[str, object] = {
        "moods/data/moods_train.jsonl": rows,
        "moods/data/moods_val.jsonl": rows,
        "moods/prompts/developer/v2.md": "Name the mood.",
        "moods/prompts/developer/v10.md": "Name the mood in a word.",
        "moods/graders_saved/mood.json": {**grader, "operation": "eq"},
        "moods/structured_outputs/base_models.py": models,
        "moods/pipelines/pipeline.py": f"open({str(tmp_path / 'executed')!r}, 'w')\n",
        "moods/eval_runs/run_1/outputs.jsonl": jsonl({"score": 1}),
    }
    made = imported(tmp_path / "tasks", files)
    task = task_of(tmp_path / "tasks", made)
    assert (task.name, task.reward, task.default_prompt) == ("moods", "mood", "v10")
    assert dict(made.rows) == {"train": 1, "valid": 1}
    assert task.response_format is not None
    assert "'required': ['mood', 'why']" in str(task.response_format)
    assert not (tmp_path / "executed").exists()
    assert {said.partition(":")[0] for said in made.left_out} == {"moods/pipelines/pipeline.py", "eval_runs/"}


@pytest.mark.parametrize(
    "field",
    ["x: str = 'a'", "x: dict[str, int]", "def f(self): ...", "x: 'Other'", "x: Answer"],
)
def test_models_that_say_more_than_plain_fields_are_not_read_by_half(tmp_path: Path, field: str) -> None:
    source = f"class Answer(BaseModel):\n    {field}\n"
    files = {"e.json": hosted_eval(), "r.json": run(), "rows.jsonl": item_lines(*ITEMS), "models.py": source}
    made = imported(tmp_path, files)
    assert task_of(tmp_path, made).response_format is None
    assert any(said.startswith("models.py: code is not executed") for said in made.left_out)


def test_a_second_import_makes_nothing_and_never_overwrites(tmp_path: Path) -> None:
    files: dict[str, object] = {"e.json": hosted_eval(), "r.json": run(), "rows.jsonl": item_lines(*ITEMS)}
    first = imported(tmp_path, files)
    again = imported(tmp_path, files)
    assert (again.task, again.is_new, again.title) == (first.task, False, "IT-tickets is there already")
    (tmp_path / first.task / "prompts" / "first.md").write_text("Mine.\n")
    third = imported(tmp_path, files)
    assert third.task == "IT-tickets-2"
    assert "The name IT-tickets is taken by another task." in third.sentence
    assert (tmp_path / first.task / "prompts" / "first.md").read_text() == "Mine.\n"
    with pytest.raises(Conflict, match="There is a task IT-tickets already, and it is another one"):
        imported(tmp_path, files, name="IT-tickets")
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["IT-tickets", "IT-tickets-2"]
