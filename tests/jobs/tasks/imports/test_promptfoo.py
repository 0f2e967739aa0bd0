"""A Promptfoo config becomes a task that asks and scores as Promptfoo does."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.core.errors import BotError
from jobs.graders import GraderRuntime, Sample, parse_grader
from jobs.graders.sandbox.sample import sample_of
from jobs.tasks import Row, TaskCatalogue, conversation
from jobs.tasks.imports import assertion_grader
from jobs.tasks.imports.promptfoo_tests import assertion_from
from tests.jobs.tasks.imports.exports import Json, imported, items_of, jsonl, task_of
from tests.jobs.tasks.promptfoo_itself import answer_with, evaluated, with_promptfoo

CONFIG = "promptfooconfig.yaml"


def config(**changes: object) -> str:
    """A config of two tests, as YAML."""
    whole = {
        "description": "Capitals",
        "prompts": ["Capital of {{country}}?"],
        "providers": ["openai:gpt-4.1-mini"],
        "tests": [
            {"vars": {"country": "France"}, "assert": [{"type": "equals", "value": "Paris"}]},
            {"vars": {"country": "Peru"}, "assert": [{"type": "equals", "value": "Lima"}]},
        ],
    }
    return yaml.safe_dump({**whole, **changes}, sort_keys=False)


async def rewards(root: Path, name: str, *answers: str) -> list[float]:
    """What each answer earns, given to the row in its place."""
    catalogue = TaskCatalogue(root)
    task = catalogue.load(name)
    rows = catalogue.rows(task, "valid")
    if task.reward_grader["type"] == "python":  # the sandbox has tests of its own
        return [
            grade_of(str(task.reward_grader["source"]), answer, row) for answer, row in zip(answers, rows, strict=True)
        ]
    async with GraderRuntime() as graders:
        batch = [(Sample(answer), row.item) for answer, row in zip(answers, rows, strict=True)]
        grades = await graders.grade(parse_grader(task.reward_grader, task.reward), batch)
    assert not any(grade.errors for grade in grades), [grade.detail for grade in grades]
    return [grade.reward for grade in grades]


def grade_of(source: str, answer: str, row: Row) -> float:
    """What a python grader's source gives an answer."""
    names: dict[str, Any] = {}
    code = compile(source, assertion_grader.__file__, "exec")  # so that its lines count as run
    exec(code, names)  # noqa: S102 - it is the source that an import wrote
    return float(names["grade"](sample_of(answer), row.item))


def asked(root: Path, name: str) -> list[list[tuple[str, object]]]:
    catalogue = TaskCatalogue(root)
    task = catalogue.load(name)
    return [[(m.role, m.content) for m in conversation(task, row)] for row in catalogue.rows(task, "valid")]


async def test_prompts_tests_and_assertions_become_messages_rows_and_graders(tmp_path: Path) -> None:
    made = imported(tmp_path, {CONFIG: config()})
    task = task_of(tmp_path, made)
    assert (task.name, task.reward) == ("Capitals", "equals")
    assert task.reward_grader["type"] == "string_check"
    assert asked(tmp_path, "Capitals") == [[("user", "Capital of France?")], [("user", "Capital of Peru?")]]
    assert [item["reference_answer"] for item in items_of(tmp_path, made)] == ["Paris", "Lima"]
    assert await rewards(tmp_path, "Capitals", "Paris", "Paris") == [1.0, 0.0]
    assert made.left_out == ("provider openai:gpt-4.1-mini: choose a model with model= for each eval",)


def assertion_of(kind: str, value: object, **more: object) -> Json:
    return {"type": kind, "value": value, **more}


@pytest.mark.parametrize(
    ("assertion", "right", "wrong"),
    [
        (assertion_of("equals", 7), "7", "7.0"),
        (assertion_of("equals", {"a": [1]}), '{"a": [1]}', '{"a": [1, 2]}'),
        (assertion_of("not-equals", "x"), "y", "x"),
        (assertion_of("contains", "Par"), "in Paris", "in paris"),
        (assertion_of("not-contains", "Par"), "in paris", "in Paris"),
        (assertion_of("icontains", "Par"), "in pARis", "Lima"),
        (assertion_of("contains-any", "Rome, Paris"), "Paris", "Lima"),
        (assertion_of("contains-all", ["{{country}}", "Paris"]), "Paris, France", "Paris"),
        (assertion_of("icontains-any", ["ROME"]), "Rome", "Lima"),
        (assertion_of("icontains-all", ["ROME", "lima"]), "Rome and Lima", "Rome"),
        (assertion_of("starts-with", "The {{country}}"), "The France", "A France"),
        (assertion_of("regex", r"^(?<year>\d{4})-\d\d"), "2026-11", "26-11"),
        (assertion_of("not-regex", "sorry"), "Paris", "I am sorry"),
        (assertion_of("is-json", None), "[1]", "1,"),
        (
            assertion_of("is-json", {"type": "object", "required": ["a"]}),
            '{"a": 1}',
            '{"b": 1}',
        ),
        (assertion_of("contains-json", None), 'Here: {"a": 1}.', "Here: {a}."),
        (assertion_of("levenshtein", "Paris", threshold=1), "Parls", "Perls"),
        (assertion_of("levenshtein", "Paris"), "Pa", "Buenos Aires"),
        (assertion_of("python", "len(output) > 3"), "Paris", "Par"),
        (assertion_of("python", "if 'P' in output:\n  return 1\nreturn {'score': 0}"), "Paris", "Lima"),
        (assertion_of("python", "context['vars']['country'] in output"), "France", "Peru"),
    ],
    ids=lambda value: f"{value['type']} {value['value']}" if isinstance(value, dict) else "",
)
async def test_an_assertion_means_what_it_meant(tmp_path: Path, assertion: Json, right: str, wrong: str) -> None:
    other = {"vars": {"country": "France", "n": 2}, "assert": [assertion]}
    made = imported(tmp_path, {CONFIG: config(tests=[{"vars": {"country": "France"}, "assert": [assertion]}, other])})
    assert await rewards(tmp_path, made.task, right, wrong) == [1.0, 0.0]


async def test_a_reward_is_the_weighted_mean_that_promptfoo_takes(tmp_path: Path) -> None:
    together = [
        {"type": "contains", "value": "Paris", "weight": 2, "metric": "the city"},
        {
            "type": "assert-set",
            "weight": 2,
            "assert": [{"type": "regex", "value": "\\.$"}, {"type": "python", "value": "0.5"}],
        },
        {"type": "icontains", "value": "sorry", "weight": 0, "metric": "apology"},
    ]
    tests = [{"vars": {"country": "France"}}, {"vars": {"country": "Gaul"}}]
    made = imported(tmp_path, {CONFIG: config(tests=tests, defaultTest={"assert": together})})
    assert await rewards(tmp_path, made.task, "Paris", "sorry.") == [
        pytest.approx((2 + 0.5) / 4),
        pytest.approx(1.5 / 4),
    ]
    assert set(made.graders) == {"score", "apology"}


async def test_a_test_whose_assertions_weigh_nothing_scores_nothing_as_with_promptfoo(tmp_path: Path) -> None:
    tests = [
        {"vars": {"country": "France"}, "assert": [{"type": "contains", "value": "Paris", "weight": 0}]},
        {"vars": {"country": "Peru"}, "assert": [{"type": "equals", "value": "Lima"}]},
    ]
    made = imported(tmp_path, {CONFIG: config(tests=tests)})
    assert await rewards(tmp_path, made.task, "Paris", "Lima") == [0.0, 1.0]


async def test_assertions_of_some_tests_only_are_graded_together(tmp_path: Path) -> None:
    tests = [
        {"vars": {"country": "Mars"}, "assert": [{"type": "javascript", "value": "true"}]},
        {"vars": {"country": "France"}, "assert": [{"type": "equals", "value": "Paris"}]},
        {
            "vars": {"country": "Peru"},
            "assert": [{"type": "contains", "value": "Lima", "weight": 3}, {"type": "javascript", "value": "true"}],
        },
        {
            "vars": {"country": "Chile"},
            "assert": [{"type": "icontains", "value": "sant"}, {"type": "regex", "value": "x"}],
        },
        {"vars": {"country": "Nowhere"}},
    ]
    made = imported(tmp_path, {CONFIG: config(tests=tests)})
    assert await rewards(tmp_path, made.task, "Paris", "Cusco", "Santiago") == [1.0, 0.0, 0.5]
    said = " ".join(made.left_out)
    assert "assertion javascript of tests '#1', '#3': JavaScript does not run here" in said
    assert "tests #1: no assertion of theirs can be carried over" in said
    assert "tests #5: nothing is asserted of their answers" in said


def test_prompts_that_differ_in_the_instruction_become_versions(tmp_path: Path) -> None:
    files = {
        CONFIG: config(prompts=["file://prompts/*.json", {"raw": "{% for x in y %}", "label": "loop"}]),
        "prompts/short.json": [{"role": "system", "content": "City?"}, {"role": "user", "content": "{{ country }}"}],
        "prompts/a.json": [
            {"role": "system", "content": "{% raw %}{{}}{% endraw %}"},
            {"role": "user", "content": "{{country}}"},
        ],
    }
    made = imported(tmp_path, files)
    task = task_of(tmp_path, made)
    assert (task.prompts, task.default_prompt) == ({"a": "{{}}", "short": "City?"}, "a")
    assert [item["text_input"] for item in items_of(tmp_path, made)] == ["France", "Peru"]
    assert "prompt 'loop': it uses {% for x in y %}" in made.left_out
    assert imported(tmp_path, files, pick="short", name="other").is_new


@pytest.mark.parametrize(
    "tests",
    [
        {"t.csv": "country,__expected\nFrance,Paris\nPeru,equals:Lima\n"},
        {"t.json": [{"vars": {"country": "France"}, "assert": [{"type": "equals", "value": "Paris"}]},
                    {"vars": {"country": "Peru"}, "assert": [{"type": "equals", "value": "Lima"}]}]},
        {"t.jsonl": jsonl({"vars": {"country": "France"}, "assert": [{"type": "equals", "value": "Paris"}]},
                          {"vars": {"country": "Peru"}, "assert": [{"type": "equals", "value": "Lima"}]})},
        {"t.yaml": "- vars: {country: France}\n  assert: &a\n  - {type: equals, value: Paris}\n"
                   "- vars: {country: Peru}\n  assert: [{type: equals, value: Lima}]\n"},
    ],
    ids=["csv", "json", "jsonl", "yaml"],
)  # fmt: skip
def test_tests_are_read_from_files(tmp_path: Path, tests: Mapping[str, object]) -> None:
    (name,) = tests
    files = {CONFIG: config(tests=f"file://{name}"), **tests}
    made = imported(tmp_path, files)
    items = items_of(tmp_path, made)
    assert [(item["country"], item["reference_answer"]) for item in items] == [("France", "Paris"), ("Peru", "Lima")]


def test_lists_of_values_files_and_references_are_taken_apart(tmp_path: Path) -> None:
    tests = [
        {
            "vars": {"country": ["France", "Peru"], "note": "file://note.txt", "ask": "in {{country}}"},
            "assert": [{"$ref": "#/assertionTemplates/short"}],
        }
    ]
    templates = {"short": {"type": "python", "value": "len(output) < 9"}}
    files = {
        CONFIG: config(prompts=["{{ask}}: {{note}}"], tests=tests, assertionTemplates=templates, env={"A": "b"}),
        "note.txt": "One word.\n",
    }
    made = imported(tmp_path, files)
    assert asked(tmp_path, made.task) == [[("user", "in France: One word.")], [("user", "in Peru: One word.")]]
    assert "env: a task has nothing like it" in made.left_out


def test_every_way_to_write_prompts_is_read(tmp_path: Path) -> None:
    prompts = ["file://two.txt", "file://chat.yaml", "file://lines.jsonl", {"id": "file://note.md", "label": "note"}]
    files = {
        CONFIG: config(prompts=[*prompts, "file://make.py", 7]),
        "two.txt": "City of {{country}}?\n---\nTown of {{country}}?\n",
        "chat.yaml": "- role: user\n  content: '{{country}}?'\n",
        "lines.jsonl": jsonl([{"role": "user", "content": "{{ country }}!"}]),
        "note.md": "{{country}}",
        "make.py": "raise SystemExit\n",
    }
    for number, (pick, said) in enumerate(
        {
            "two-1": "City of Peru?",
            "two-2": "Town of Peru?",
            "chat": "Peru?",
            "lines-1": "Peru!",
            "note": "Peru",
        }.items()
    ):
        made = imported(tmp_path, files, pick=pick, name=f"t{number}")
        assert asked(tmp_path, made.task)[1] == [("user", said)]
        assert {"prompt make.py: code is not executed", "prompt 6: it is neither text nor a file"} <= set(made.left_out)
    with pytest.raises(BotError, match="There is no prompt 'tow-1'; did you mean 'two-1'"):
        imported(tmp_path, files, pick="tow-1")


def test_a_csvs_own_columns_say_what_they_say(tmp_path: Path) -> None:
    heading = "country,__expected1,__expected2,__metric,__prefix,__suffix,__description,__metadata:region,__threshold"
    cells = 'France,"contains-any: Paris, Nice",is-json,named,Hi ,!,first,west,0.5'
    made = imported(
        tmp_path, {CONFIG: config(tests="file://t.csv", prompts=["{{country}}"]), "t.csv": f"{heading}\n{cells}"}
    )
    (item,) = items_of(tmp_path, made)
    assert asked(tmp_path, made.task) == [[("user", "Hi France!")]]
    assert (item["description"], item["metadata"], item["country"]) == ("first", {"region": "west"}, "France")
    assert task_of(tmp_path, made).reward_grader["graders"].keys() == {"named", "named_2"}  # type: ignore[attr-defined] # plain JSON


@pytest.mark.parametrize(
    ("cell", "assertion"),
    [
        ("Paris", {"type": "equals", "value": "Paris"}),
        ("note: Paris", {"type": "equals", "value": "note: Paris"}),
        ("not-contains:x", {"type": "not-contains", "value": "x"}),
        ("levenshtein(3):Paris", {"type": "levenshtein", "value": "Paris", "threshold": 3.0}),
        ("similar:Paris", {"type": "similar", "value": "Paris", "threshold": 0.8}),
        ("grade:is polite", {"type": "llm-rubric", "value": "is polite"}),
        ("contains-all:a, b", {"type": "contains-all", "value": ["a", "b"]}),
        ("is-json", {"type": "is-json"}),
        ("javascript:1", {"type": "javascript", "value": "javascript:1"}),
        ("file://a.js", {"type": "javascript", "value": "file://a.js"}),
        ("file://a.py:check", {"type": "python", "value": "file://a.py:check"}),
    ],
)
def test_a_csv_cell_spells_an_assertion(cell: str, assertion: Json) -> None:
    assert assertion_from(cell) == assertion


async def test_code_and_schemas_in_files_are_carried_as_text(tmp_path: Path) -> None:
    checks = [
        {"type": "python", "value": "file://check.py"},
        {"type": "python", "value": "file://check.py:other"},
        {"type": "is-json", "value": "file://schema.yaml"},
        {"type": "contains", "value": "file://word.txt"},
        {"type": "python", "value": "file://gone.py"},
        {"type": "equals", "value": "x", "transform": "output.trim()"},
        {"type": "is-sql"},
        {"type": "regex", "value": "("},
        {"type": "python", "value": "1 +"},
    ]
    files = {
        CONFIG: config(
            tests=[{"vars": {"country": name}} for name in ("France", "Peru")], defaultTest={"assert": checks}
        ),
        "check.py": f"open({str(tmp_path / 'run')!r}, 'w').close()\n"
        "def get_assert(output, context):\n    return 'true'\n"
        "def other(output, context):\n    return {'score': len(output) / 20}\n",
        "schema.yaml": "type: object\nrequired: [city]\n",
        "word.txt": " city \n",
    }
    (tmp_path / "tasks").mkdir()
    made = imported(tmp_path / "tasks", files)
    assert not (tmp_path / "run").exists()
    assert {said.partition(":")[0] for said in made.left_out if said.startswith("assertion")} == {
        f"assertion {name}" for name in ("python 3", "equals", "is-sql", "regex", "python 4")
    }
    parts = task_of(tmp_path / "tasks", made).reward_grader["graders"]
    assert isinstance(parts, dict)
    (row, _) = TaskCatalogue(tmp_path / "tasks").rows(task_of(tmp_path / "tasks", made), "valid")
    scores = {
        name: grade_of(str(part["source"]), '{"city": 1}', row) for name, part in parts.items() if "source" in part
    }
    assert scores == {"python": 1.0, "python_2": 11 / 20, "is_json": 1.0}
    assert parts["contains"]["reference"] == "city"


def test_metrics_and_embeddings_have_their_equals(tmp_path: Path) -> None:
    checks = [
        {"type": "rouge-n", "value": "{{country}}", "threshold": 0.5},
        {"type": "similar", "value": "{{country}}", "provider": "openai:embeddings:text-embedding-3-large"},
        {"type": "similar:dot", "value": "x"},
    ]
    made = imported(tmp_path, {CONFIG: config(tests=[{"vars": {"country": "Peru"}, "assert": checks}])})
    parts = task_of(tmp_path, made).reward_grader["graders"]
    assert isinstance(parts, dict)
    assert (parts["rouge_n"]["evaluation_metric"], parts["rouge_n"]["pass_threshold"]) == ("rouge_1", 0.5)
    assert (parts["similar"]["embedding_model"], parts["similar"]["pass_threshold"]) == ("text-embedding-3-large", 0.75)
    assert "assertion similar:dot: similar:dot has no equal; cosine has" in made.left_out


def judged(**more: object) -> list[Json]:
    rubric = {"type": "llm-rubric", "value": "Names {{country}}'s capital", **more}
    return [{"vars": {"country": name}, "assert": [rubric]} for name in ("France", "Peru")]


def test_a_rubric_becomes_a_judge_where_a_model_is_named(tmp_path: Path) -> None:
    made = imported(tmp_path, {CONFIG: config(tests=judged(provider="openai:chat:gpt-4.1"))})
    grader = task_of(tmp_path, made).reward_grader
    assert (grader["type"], grader["model"]) == ("score_model", "gpt-4.1")
    assert "Names {{item.country}}'s capital" in str(grader["input"])
    with pytest.raises(BotError, match="it names no model; name a judge"):
        imported(tmp_path, {CONFIG: config(tests=judged())})
    assert (
        task_of(tmp_path, imported(tmp_path, {CONFIG: config(tests=judged())}, judge="o4", name="j")).reward
        == "llm-rubric"
    )
    own = json.dumps([{"role": "system", "content": "Is {{output}} like {{rubric}}?"}])
    made = imported(tmp_path, {CONFIG: config(tests=judged(provider="openai:gpt-4.1", rubricPrompt=own))}, name="own")
    content = "Is {{sample.output_text}} like Names {{item.country}}'s capital?"
    assert task_of(tmp_path, made).reward_grader["input"] == [{"role": "developer", "content": content}]


async def test_answers_in_json_are_parsed_before_they_are_looked_at(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
    provider = {"id": "openai:gpt-4.1", "config": {"response_format": form, "temperature": 0}}
    asserted = [
        {"type": "python", "value": "output['city'] == 'Paris'"},
        {"type": "contains", "value": '{"city":"Paris"}'},
        {"type": "equals", "value": "Paris", "transform": "output.city"},
    ]
    tests = [{"vars": {"country": name}, "assert": asserted} for name in ("France", "Gaul")]
    made = imported(tmp_path, {CONFIG: config(tests=tests, providers=[provider])})
    assert task_of(tmp_path, made).response_format is not None
    assert await rewards(tmp_path, made.task, '{"city": "Paris"}', '{"city": "Rome"}') == [1.0, 0.0]
    assert "temperature of openai:gpt-4.1: evals here ask as the platform does" in made.left_out


MIXED = [
    ("Paris", [{"type": "equals", "value": "Paris"}, {"type": "icontains", "value": "PAR", "weight": 3}]),
    ("Lima", [{"type": "contains-any", "value": ["Rome", "Lima"]}, {"type": "not-contains", "value": "Lima"}]),
    ('{"a": [1, 2]}', [{"type": "is-json", "value": {"required": ["b"]}}, {"type": "contains-json"}]),
    ("Bern!", [{"type": "levenshtein", "value": "Bern", "threshold": 1}, {"type": "regex", "value": "^b"}]),
    ("Oslo", [{"type": "starts-with", "value": "{{answer}}"}, {"type": "python", "value": "len(output) / 8"}]),
    (
        "Rome",
        [
            {
                "type": "assert-set",
                "assert": [{"type": "equals", "value": "Rome"}, {"type": "python", "value": "False"}],
            },
            {"type": "contains-all", "value": "Ro, me"},
            {"type": "python", "value": "1 / 0"},
        ],
    ),
]


@pytest.mark.thorough
@with_promptfoo
async def test_promptfoo_itself_gives_the_scores_that_the_imported_task_gives(tmp_path: Path) -> None:
    tests = [{"vars": {"answer": answer}, "assert": asserted} for answer, asserted in MIXED]
    always = {"assert": [{"type": "regex", "value": "a", "weight": 0.5}]}
    text = config(prompts=["Say {{answer}}"], tests=tests, defaultTest=always, providers=["file://answers.js"])
    project, tasks = tmp_path / "project", tmp_path / "tasks"
    for folder in (project, tasks):
        folder.mkdir()
    (project / CONFIG).write_text(text)
    answer_with(project, "variables => variables.answer")
    made = imported(tasks, {CONFIG: text})
    mine = await rewards(tasks, made.task, *(answer for answer, _ in MIXED))
    assert mine == [pytest.approx(result["score"]) for result in evaluated(project, CONFIG)]
    assert len(set(mine)) > 2


def test_results_of_a_past_eval_stand_for_their_config(tmp_path: Path) -> None:
    tests = yaml.safe_load(config())["tests"]
    results = {
        "evalId": "eval-1",
        "config": {"description": "Capitals", "prompts": ["file://gone.txt"], "tests": "file://gone.csv"},
        "results": {
            "version": 3,
            "prompts": [{"raw": "Capital of {{country}}?", "label": "gone.txt", "provider": "openai:gpt-4.1"}],
            "results": [{"testIdx": n, "testCase": test, "response": {"output": "x"}} for n, test in enumerate(tests)],
        },
    }
    made = imported(tmp_path, {"results.json": results})
    assert asked(tmp_path, made.task) == [[("user", "Capital of France?")], [("user", "Capital of Peru?")]]


@pytest.mark.parametrize("opening", ["{{", "{% raw %}", "{#", "{%"])
def test_what_opens_without_end_is_said_at_once(tmp_path: Path, opening: str) -> None:
    files = {CONFIG: config(prompts=["file://p.txt"]), "p.txt": opening * 200_000}
    with pytest.raises(BotError, match=r"does not close it|it uses \{%"):
        imported(tmp_path, files)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({CONFIG: config(tests="file://../t.csv")}, "leads out of the files that were given"),
        ({CONFIG: config(tests="file:///etc/passwd")}, "leads out of the files that were given"),
        ({CONFIG: config(tests=["file://make.py:tests", "https://x.example/t.csv"])}, "code is not executed"),
        ({CONFIG: config(prompts=["file://prompt.js"])}, "prompt file://prompt.js: code is not executed"),
        ({CONFIG: config(prompts=["file://gone.txt"])}, "prompt file://gone.txt: it was not given"),
        ({CONFIG: "prompts: !!python/object/apply:os.system ['true']\ntests: []\n"}, "is not YAML"),
        (
            {CONFIG: "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
             + "".join(f"{n}: &{n} [{', '.join([f'*{p}'] * 10)}]\n" for n, p in zip("bcdefgh", "abcdefg", strict=True))
             + "prompts: *h\ntests: []\n"},
            "repeats itself to more than 2,000,000 values",
        ),
        ({CONFIG: config(a={"$ref": "#/a"})}, "refers to itself without end"),
        ({CONFIG: config(prompts=["x" * 500_000])}, "too long for YAML"),
        ({"promptfooconfig.json": '{"prompts": ' + '{"a":' * 900 + "1" + "}" * 901}, "nested too deeply|no grader"),
        ({CONFIG: "prompts: &p [*p]\ntests: []\n"}, "YAML|repeats"),
        ({CONFIG: config(tests=[{"vars": {n: list(range(60)) for n in "abcd"}}])}, "make 12,960,000 tests"),
        ({CONFIG: config(), "other/promptfooconfig.yaml": config()}, "There are 2 Promptfoo configs"),
        (
            {CONFIG: config(defaultTest={"assert": [{"type": "python", "value": "file://../x.py"}]})},
            "leads out of the files",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path: Path, files: Mapping[str, object], reason: str) -> None:
    with pytest.raises(BotError, match=reason):
        imported(tmp_path, files)
    assert list(tmp_path.iterdir()) == []
