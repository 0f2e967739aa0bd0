"""Moving out: a task as a Promptfoo project, and what that cannot hold, by name. Blocks while it reads the rows."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import yaml

from jobs.core.errors import InvalidRequest
from jobs.core.nearest import quoted
from jobs.graders import Grader, parse_grader
from jobs.graders.kinds import (
    CosineGrader,
    LabelModelGrader,
    MultiGrader,
    PythonGrader,
    ScoreModelGrader,
    SingleGrader,
    StringCheckGrader,
    TextSimilarityGrader,
)
from jobs.tasks.catalogue import TaskCatalogue
from jobs.tasks.imports.draft import Json
from jobs.tasks.imports.nunjucks import NotCarried, escaped, is_template
from jobs.tasks.imports.promptfoo_assertions import IMPORTED_GRADER, REPLY
from jobs.tasks.records import Row, Task
from jobs.tasks.rows import conversation

CONFIG: Final = "promptfooconfig.yaml"
_SCHEMA: Final = "# yaml-language-server: $schema=https://promptfoo.dev/config-schema.json\n"
_TYPES: Final[Mapping[str, str]] = {"eq": "equals", "ne": "not-equals", "like": "contains", "ilike": "icontains"}
_METRICS: Final[Mapping[str, str]] = {"rouge_1": "rouge-n", "bleu": "bleu", "gleu": "gleu", "meteor": "meteor"}
_PLACEHOLDER: Final = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_ADAPTER: Final = f"""

{IMPORTED_GRADER}
def get_assert(output, context):
    import json

    text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    message = {{"role": "assistant", "content": text}}
    sample = {{"choices": [{{"message": message}}], "output_text": text, "output_json": value, "output_tools": []}}
    return float(grade(sample, context["vars"]))
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """A Promptfoo project: files by relative name, and what of the task is not in it."""

    files: Mapping[str, bytes]
    left_out: tuple[str, ...]


def export_to_promptfoo(catalogue: TaskCatalogue, task: Task, split: str = "", model: str = "") -> Exported:
    """Return a task as a Promptfoo project.

    Args:
        catalogue: reads the task's rows.
        task: what is exported.
        split: whose rows become tests; "" takes the one that evals take.
        model: the provider that is asked, as Promptfoo spells it; "" takes the task's own model, else none.

    Raises:
        InvalidRequest: the task's reward has no equal there, so every answer would pass.
        NotFound: the task has no such split.
    """
    chosen = split or next(
        (name for name in ("valid", "test", "train") if name in task.splits), next(iter(task.splits))
    )
    rows = catalogue.rows(task, chosen)
    left_out: list[str] = []
    files = dict(_prompt_files(task, rows, left_out))
    prompts = [f"file://{name}" for name in files]
    assertions: list[Json] = []
    for name, definition in sorted(task.graders.items(), key=lambda each: each[0] != task.reward):
        for assertion, source in _assertions(parse_grader(definition, name), task, left_out):
            assertions.append({**assertion, "weight": assertion["weight"] if name == task.reward else 0})
            if source:
                files[str(assertion["value"]).removeprefix("file://")] = source.encode()
    if not any(assertion["weight"] for assertion in assertions):
        raise InvalidRequest(f"The reward of {task.name} has no equal in Promptfoo. {' '.join(left_out)}.")
    config = {
        "description": task.title,
        "prompts": prompts,
        "providers": [_provider(task, model, left_out)],
        "defaultTest": {"options": {"disableVarExpansion": True}, "assert": assertions},
        "tests": f"file://tests/{chosen}.jsonl",
    }
    files[f"tests/{chosen}.jsonl"] = b"".join(_test(task, row, left_out) for row in rows)
    files[CONFIG] = (_SCHEMA + yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=120)).encode()
    left_out += [f"split {name}: export it by itself" for name in task.splits if name != chosen]
    left_out.append("approvers, alerts, guardrails and training settings: Promptfoo has nothing like them")
    return Exported(files, tuple(dict.fromkeys(left_out)))


def _provider(task: Task, model: str, left_out: list[str]) -> Json:
    named = model or (f"openai:chat:{task.defaults.model}" if task.defaults.model else "")
    if not named:
        left_out.append("model: the task names none, so the provider is echo; put yours in its place")
    form = {"config": {"response_format": dict(task.response_format)}} if task.response_format else {}
    return {"id": named or "echo", **form}


# -- prompts and tests ------------------------------------------------------------------------------------------------


def _prompt_files(task: Task, rows: Sequence[Row], left_out: list[str]) -> Iterator[tuple[str, bytes]]:
    if any(row.messages is not None for row in rows):
        if task.prompts:
            left_out.append("prompts: rows bring their own messages, which each test has as the variable messages")
        yield "prompts/messages.txt", b"{{messages}}\n"
        return
    for version in sorted(task.prompts, key=lambda each: each != task.default_prompt):
        said = [
            {"role": "developer", "content": escaped(task.prompts[version])},
            {"role": "user", "content": "{{text_input}}"},
        ]
        yield f"prompts/{version}.json", (json.dumps(said, ensure_ascii=False, indent=2) + "\n").encode()


def _test(task: Task, row: Row, left_out: list[str]) -> bytes:
    variables = {key: value for key, value in row.item.items() if value is not None}
    if row.messages is not None:
        said = row.item.get("messages") or [
            {"role": each.role, "content": each.content} for each in conversation(task, row)
        ]
        variables["messages"] = json.dumps(said, ensure_ascii=False)
    texts = [value for value in variables.values() if isinstance(value, str)]
    if any(text.startswith("file://") or is_template(text) for text in texts):
        left_out.append(f"row {quoted(row.id)} as it is: Promptfoo fills in what looks like a template or a file")
    return json.dumps({"vars": variables}, ensure_ascii=False).encode() + b"\n"


# -- graders ----------------------------------------------------------------------------------------------------------


def _assertions(grader: Grader, task: Task, left_out: list[str]) -> Iterator[tuple[Json, str]]:
    """Yield the assertions of a grader, each with the source of the file that it names, "" for none."""
    if not isinstance(grader, MultiGrader):
        yield from _single(grader, 1, task, left_out)
        return
    weights = _weights(grader)
    if weights is None and all(isinstance(part, PythonGrader) for part in grader.parts):
        file = f"graders/{_file(grader.name)}.py"
        yield {"type": "python", "value": f"file://{file}", "metric": grader.name, "weight": 1}, _combined(grader)
        return
    if weights is None:
        left_out.append(
            f"formula {grader.formula.text} of {grader.name}: Promptfoo's score is the mean of the parts, and a test "
            "passes if all of them do"
        )
    for variable, part in grader.graders.items():
        yield from _single(part, weights[variable] if weights else 1, task, left_out)


def _weights(grader: MultiGrader) -> dict[str, float] | None:
    """Return the weights of the parts where the formula is their weighted mean; None where it is something else."""
    names, draw = list(grader.graders), Random(0)
    try:
        weights = {name: grader.formula.value({other: float(other == name) for other in names}) for name in names}
        for _ in range(8):
            scores = {name: draw.random() for name in names}
            mean = sum(weights[name] * scores[name] for name in names)
            if abs(grader.formula.value(scores) - mean) > 1e-9:
                return None
    except ValueError:
        return None
    is_mean = abs(sum(weights.values()) - 1) < 1e-9 and min(weights.values()) >= 0
    return {name: round(weight, 9) for name, weight in weights.items()} if is_mean else None


def _single(grader: SingleGrader, weight: float, task: Task, left_out: list[str]) -> Iterator[tuple[Json, str]]:
    try:
        assertion, source = _equal(grader, task)
    except NotCarried as reason:
        left_out.append(f"grader {grader.name}: {reason}")
        return
    passing = {} if grader.pass_threshold is None else {"threshold": grader.pass_threshold}
    yield {**assertion, "metric": grader.name, "weight": weight, **passing}, source


def _equal(grader: SingleGrader, task: Task) -> tuple[Json, str]:
    """Return the assertion that means the same; raises NotCarried where Promptfoo has none."""
    match grader:
        case PythonGrader():
            return {"type": "python", "value": f"file://graders/{_file(grader.name)}.py"}, grader.source + _ADAPTER
        case StringCheckGrader():
            compared = {"value": _as_nunjucks(grader.reference), **_transform(grader.input, task)}
            return {"type": _TYPES[grader.operation], **compared}, ""
        case TextSimilarityGrader() if grader.operation in _METRICS:
            compared = {"value": _as_nunjucks(grader.reference), **_transform(grader.input, task)}
            return {"type": _METRICS[grader.operation], **compared}, ""
        case CosineGrader():
            compared = {"value": _as_nunjucks(grader.reference), **_transform(grader.input, task)}
            return {"type": "similar", **compared, "provider": f"openai:embeddings:{grader.model}"}, ""
        case ScoreModelGrader():
            low, high = grader.range
            return _rubric(grader, REPLY.format(low=low, high=high)), ""
        case LabelModelGrader():
            labels, passing = (", ".join(map(quoted, each)) for each in (grader.labels, grader.passing_labels))
            return _rubric(
                grader, f"\n\nChoose one of {labels}. Score 1 for {passing}, else 0." + REPLY.format(low=0, high=1)
            ), ""
    raise NotCarried("Promptfoo has no assertion that means the same")


def _rubric(grader: ScoreModelGrader | LabelModelGrader, reply: str) -> Json:
    messages = [
        {"role": message.role, "content": _as_nunjucks(message.content, output="output")} for message in grader.messages
    ]
    messages[-1]["content"] += reply
    asked = json.dumps(messages, ensure_ascii=False)
    return {
        "type": "llm-rubric",
        "value": grader.name,
        "rubricPrompt": asked,
        "provider": f"openai:chat:{grader.model}",
    }


def _transform(template: str, task: Task) -> Json:
    """Return what makes Promptfoo compare what a grader's input names: the answer, or a field of it."""
    found = _PLACEHOLDER.fullmatch(template.strip())
    path = found[1] if found else ""
    if path == "sample.output_text" and task.response_format is None:
        return {}
    if path.startswith("sample.output_json") and re.fullmatch(r"(?:\.\w+|\[\d+\])+", path[18:]):
        answer = "JSON.parse(output)" if task.response_format is None else "output"
        return {"transform": answer + path.removeprefix("sample.output_json")}
    raise NotCarried(f"its input {template} is no answer, nor one field of an answer")


def _as_nunjucks(template: str, output: str = "") -> str:
    """Return a grader's template in Promptfoo's spelling: `{{item.city}}` is `{{city}}`."""

    def spelled(path: str) -> str:
        root, _, rest = path.partition(".")
        if root == "item" and rest:
            return "{{" + rest + "}}"
        if path == "sample.output_text" and output:
            return "{{" + output + "}}"
        raise NotCarried("its template names {{" + path + "}}, which Promptfoo has no name for")

    pieces = _PLACEHOLDER.split(template)
    return "".join(spelled(piece) if place % 2 else escaped(piece) for place, piece in enumerate(pieces))


def _combined(grader: MultiGrader) -> str:
    """Return python parts and the formula over them as one source."""
    parts = {name: part.source for name, part in grader.graders.items() if isinstance(part, PythonGrader)}
    formula = grader.formula.text.replace("^", "**")
    return (
        f"# {grader.formula.text}\n"
        "from math import ceil, exp, floor, log, sqrt  # noqa: F401\n\n"
        f"PARTS = {json.dumps(parts, ensure_ascii=False, indent=4)}\n\n\n"
        "def grade(sample, item):\n"
        "    scores = {}\n"
        "    for name, source in PARTS.items():\n"
        "        names = {}\n"
        "        exec(source, names)\n"
        '        scores[name] = float(names["grade"](sample, item))\n'
        f"    return eval({formula!r}, globals(), scores)\n" + _ADAPTER
    )


def _file(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in name)[:80]
