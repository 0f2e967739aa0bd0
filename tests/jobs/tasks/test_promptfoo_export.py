"""A task as a Promptfoo project keeps its meaning: back again as a task, and in Promptfoo's own hands."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from jobs.core.errors import InvalidRequest
from jobs.graders import Grade, GraderRuntime, Sample, parse_grader
from jobs.tasks import Task, TaskCatalogue, conversation
from jobs.tasks.imports.draft import ImportOptions
from jobs.tasks.imports.given import given_files
from jobs.tasks.imports.read import import_task
from jobs.tasks.promptfoo_export import CONFIG, Exported, export_to_promptfoo
from tests.jobs.tasks.folder import line, write_folder
from tests.jobs.tasks.promptfoo_itself import answer_with, evaluated, run_promptfoo, with_promptfoo

LENGTH = (
    "def grade(sample, item):\n    return min(1.0, len(sample['output_text']) / (4 * len(item['reference_answer'])))\n"
)
EQUAL = {"type": "string_check", "name": "Equal label", "input": "{{sample.output_text}}", "operation": "eq"}
EQUAL["reference"] = "{{ item.reference_answer }}"
PRECISION = "def grade(sample, item):\n    return float(sample['output_json'] is not None)\n"
JUDGE = {
    "type": "score_model",
    "name": "judge",
    "model": "gpt-4.1",
    "input": [{"role": "user", "content": 'Is "{{sample.output_text}}" like {{item.reference_answer}}?'}],
    "range": [0, 5],
}
FREE_TEXT = {
    "response_format.json": None,
    "graders/exact.json": None,
    "task.yaml": "title: Labels\nreward: both\n",
    "prompts/v1.md": "Name the {{label}} of {% this %}.",
    "prompts/v2.md": "Label?",
    "valid.jsonl": line("c", reference_answer="ab", n=3, many=["x", "y"]) + line("d", reference_answer='it\'s "q"'),
    "graders/both.json": json.dumps(
        {
            "type": "multi",
            "name": "both",
            "graders": {"equal": EQUAL, "length": {"type": "python", "name": "length", "source": LENGTH}},
            "calculate_output": "0.75 * equal + length / 4",
        }
    ),
    "graders/judge.json": json.dumps(JUDGE),
}
ANSWERS = ("ab", 'it\'s "q"', "", "a much longer answer")


def exported(root: Path, name: str = "small", **options: str) -> tuple[Task, Exported]:
    catalogue = TaskCatalogue(root)
    task = catalogue.load(name)
    return task, export_to_promptfoo(catalogue, task, **options)


def back(root: Path, files: Exported) -> Task:
    """The project as a task again."""
    made = import_task(root, given_files(files.files.items()), ImportOptions(name="back"))
    return TaskCatalogue(root).load(made.task)


def asked(root: Path, task: Task, prompt: str | None = None) -> list[list[tuple[str, object]]]:
    rows = TaskCatalogue(root).rows(task, "valid")
    return [[(m.role, m.content) for m in conversation(task, row, prompt)] for row in rows]


async def grades(root: Path, task: Task, answers: Sequence[str]) -> list[list[Grade]]:
    """For each row of valid, what each answer gets."""
    grader = parse_grader(task.reward_grader, task.reward)
    async with GraderRuntime() as graders:
        rows = TaskCatalogue(root).rows(task, "valid")
        return [await graders.grade(grader, [(Sample(answer), row.item) for answer in answers]) for row in rows]


async def test_out_and_in_again_asks_and_scores_alike(tmp_path: Path) -> None:
    root = write_folder(tmp_path, FREE_TEXT)
    task, files = exported(root)
    again = back(root, files)
    assert (again.prompts, again.default_prompt, again.title) == (task.prompts, "v2", "Labels")
    assert [asked(root, again, prompt) for prompt in ("v1", "v2")] == [asked(root, task, p) for p in ("v1", "v2")]
    mine, theirs = await grades(root, task, ANSWERS), await grades(root, again, ANSWERS)
    assert [[g.reward for g in row] for row in theirs] == [[pytest.approx(g.reward) for g in row] for row in mine]
    assert {name: g.rstrip() for name, g in _python(again)} == {name: g.rstrip() for name, g in _python(task)}
    assert again.graders["judge"] == JUDGE


def _python(task: Task) -> list[tuple[str, str]]:
    parts = task.reward_grader["graders"]
    assert isinstance(parts, dict)
    return [(part["name"], part["source"]) for part in parts.values() if part["type"] == "python"]


async def test_structured_answers_and_a_formula_over_python_parts_survive(tmp_path: Path) -> None:
    part = {"type": "python", "name": "p", "source": PRECISION}
    formula = {"a": part, "b": {**part, "name": "q"}}
    f1 = {"type": "multi", "name": "f1", "graders": formula, "calculate_output": "2 * a * b / max(a + b, 1e-9) ^ 1"}
    root = write_folder(tmp_path, {"graders/exact.json": json.dumps(f1), "task.yaml": "reward: f1\n"})
    task, files = exported(root)
    again = back(root, files)
    assert again.response_format == task.response_format
    answers = ('{"label": "a"}', "prose")
    assert [g.reward for g in (await grades(root, again, answers))[0]] == [1.0, 0.0]
    assert [g.reward for g in (await grades(root, task, answers))[0]] == [1.0, 0.0]


async def test_a_field_of_an_answer_is_compared_on_both_sides(tmp_path: Path) -> None:
    grader = {**EQUAL, "input": "{{ sample.output_json.label }}"}
    root = write_folder(tmp_path, {"graders/exact.json": json.dumps(grader), "task.yaml": "reward: Equal label\n"})
    _task, files = exported(root)
    assert b"transform: output.label" in files.files[CONFIG]
    assert back(root, files).reward_grader["input"] == "{{sample.output_json.label}}"


def test_rows_that_bring_their_messages_keep_them(tmp_path: Path) -> None:
    said = [
        {"role": "user", "content": "1 {{n}}"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    root = write_folder(tmp_path, {"valid.jsonl": line("c", messages=said[2:]) + line("d", messages=said[1:])})
    task, files = exported(root)
    assert asked(root, back(root, files)) == asked(root, task)
    braces = write_folder(tmp_path / "b", {"valid.jsonl": line("c", messages=[said[0]])})
    _, files = exported(braces)
    assert any(each.startswith("row 'c' as it is") for each in files.left_out)


def test_judges_and_embeddings_go_out_as_what_they_are(tmp_path: Path) -> None:
    label = {**JUDGE, "type": "label_model", "name": "polite", "labels": ["yes", "no"], "passing_labels": ["yes"]}
    label.pop("range")
    cosine = {**EQUAL, "type": "text_similarity", "name": "like", "evaluation_metric": "cosine", "embedding_model": "e"}
    cosine.pop("operation")
    rouge = {**EQUAL, "type": "text_similarity", "name": "rouge", "evaluation_metric": "rouge_1", "pass_threshold": 0.4}
    rouge.pop("operation")
    odd = {**EQUAL, "name": "odd", "reference": "{{sample.output_json.a}}"}
    graders = {f"graders/{each['name']}.json": json.dumps(each) for each in (label, cosine, rouge, odd)}
    _, files = exported(write_folder(tmp_path, {**FREE_TEXT, **graders}), model="openai:chat:gpt-4.1")
    config = yaml.safe_load(files.files[CONFIG])
    found = {each["metric"]: each for each in config["defaultTest"]["assert"]}
    assert (found["like"]["type"], found["like"]["provider"]) == ("similar", "openai:embeddings:e")
    assert (found["rouge"]["type"], found["rouge"]["threshold"]) == ("rouge-n", 0.4)
    assert (
        "Choose one of 'yes', 'no'. Score 1 for 'yes', else 0."
        in json.loads(found["polite"]["rubricPrompt"])[-1]["content"]
    )
    assert {name: each["weight"] for name, each in found.items() if each["weight"]} == {
        "Equal label": 0.75,
        "length": 0.25,
    }
    assert config["providers"] == [{"id": "openai:chat:gpt-4.1"}]
    assert any(said.startswith("grader odd: its template names {{sample.output_json.a}}") for said in files.left_out)


def test_a_formula_that_is_no_mean_is_named(tmp_path: Path) -> None:
    parts = {"a": EQUAL, "b": {"type": "python", "name": "length", "source": LENGTH}}
    worst = {"type": "multi", "name": "both", "graders": parts, "calculate_output": "min(a, b)"}
    _, files = exported(write_folder(tmp_path, {**FREE_TEXT, "graders/both.json": json.dumps(worst)}))
    assert any(said.startswith("formula min(a, b) of both: Promptfoo's score is the mean") for said in files.left_out)


def test_a_reward_without_an_equal_is_refused_and_a_side_grader_is_named(tmp_path: Path) -> None:
    fuzzy = {**EQUAL, "type": "text_similarity", "name": "fuzzy", "evaluation_metric": "fuzzy_match"}
    fuzzy.pop("operation")
    root = write_folder(tmp_path, {"graders/fuzzy.json": json.dumps(fuzzy)})
    _, files = exported(root)
    assert "grader fuzzy: Promptfoo has no assertion that means the same" in files.left_out
    root = write_folder(tmp_path, {"task.yaml": "reward: fuzzy\n", "graders/fuzzy.json": json.dumps(fuzzy)})
    with pytest.raises(InvalidRequest, match="The reward of small has no equal in Promptfoo"):
        exported(root)


@pytest.mark.thorough
@with_promptfoo
async def test_promptfoo_itself_loads_the_project_and_scores_as_we_do(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "tasks", {**FREE_TEXT, "graders/judge.json": None})
    task, files = exported(root)
    project = tmp_path / "project"
    for name, content in files.files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes(content)
    run_promptfoo(project, "validate", "config", "-c", CONFIG)
    config = yaml.safe_load((project / CONFIG).read_text())
    (project / CONFIG).write_text(yaml.safe_dump({**config, "providers": ["file://answers.js"]}))
    answer_with(project, f"() => '{ANSWERS[0]}'")
    results = evaluated(project, CONFIG)
    of_row = {
        row.id: grade[0]
        for row, grade in zip(TaskCatalogue(root).rows(task, "valid"), await grades(root, task, ANSWERS), strict=True)
    }
    assert len(results) == 2 * len(task.prompts)
    for result in results:
        grade = of_row[result["vars"]["id"]]
        assert result["score"] == pytest.approx(grade.reward)
        assert result["namedScores"] == {name: pytest.approx(score) for name, score in grade.scores.items()}
    said = {json.loads(result["prompt"]["raw"])[0]["content"] for result in results}
    assert said == set(task.prompts.values())
