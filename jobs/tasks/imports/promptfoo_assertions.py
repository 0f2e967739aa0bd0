"""Promptfoo's assertions as graders that keep their meaning.

An assertion that every test has, apart from its value, becomes one grader: the API's own kind where it has an equal, a
python grader otherwise. Assertions that only some tests have are one python grader together. A test's score is the mean
of its assertions, weighted; so is the reward.
"""

import ast
import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import Final

from charts.wording import listed
from jobs.core.errors import InvalidRequest
from jobs.core.nearest import quoted
from jobs.core.validation import read_yaml_value
from jobs.tasks.files import parsed
from jobs.tasks.imports.draft import Item, Json, Notes, accepted, as_variables, slug
from jobs.tasks.imports.given import GivenFiles
from jobs.tasks.imports.nunjucks import NotCarried, as_grader_template, is_template, js_text, render
from jobs.tasks.imports.promptfoo_tests import Test
from jobs.tasks.labels import REFERENCE

ANSWER: Final = "{{sample.output_text}}"
POOL: Final = "assertions"
SCORE: Final = "score"
FIELD: Final = "promptfoo"
"""The field of an item with what its own assertions want."""
RUBRIC: Final = "rubric"
JUDGE_PROMPT: Final = (
    "You grade an answer against a rubric. Give 1 if it meets the rubric, 0 if it does not, and a number in between "
    "where the rubric itself speaks of parts."
)
PROVIDERS: Final = re.compile(
    r"(?:openai|azureopenai|azure):(?:(?:chat|responses|completion|embeddings?):)?(?P<model>[^:]+(?:::?[^:]+)*)"
)
IMPORTED_GRADER: Final = "# -- for Promptfoo: the grader above as an assertion"
"""What stands in a file that Proctor wrote, after the grader's own source."""
_STRING_CHECKS: Final[Mapping[str, str]] = {
    "equals": "eq",
    "not-equals": "ne",
    "contains": "like",
    "icontains": "ilike",
}
_SIMILARITIES: Final[Mapping[str, str]] = {"rouge-n": "rouge_1", "bleu": "bleu", "gleu": "gleu", "meteor": "meteor"}
_LISTS: Final = frozenset({"contains-any", "contains-all", "icontains-any", "icontains-all"})
_SCHEMAS: Final = frozenset({"is-json", "contains-json"})
_TEXTS: Final = frozenset({"contains", "icontains", "starts-with", "regex", "levenshtein"})
_COMPUTED: Final = _LISTS | _SCHEMAS | _TEXTS | {"equals", "python"}
_OUTSIDE: Final[Mapping[str, str]] = {
    "javascript": "JavaScript does not run here; write it as a python grader",
    "ruby": "Ruby does not run here; write it as a python grader",
    "webhook": "graders call no addresses of others",
    "latency": "a grader sees the answer only; reports show times",
    "cost": "a grader sees the answer only; reports show prices",
}
_GRADER: Final = Path(__file__).with_name("assertion_grader.py")
REPLY: Final = '\n\nReply with JSON: {{"reason": "<why>", "score": <a number from {low:g} to {high:g}>}}'
"""What an export tells a judge, which Promptfoo asks without a schema."""
JUDGE_REPLY: Final = re.compile(
    r'\n\nReply with JSON: \{"reason": "<why>", "score": <a number from (?P<low>[-\d.e]+) to (?P<high>[-\d.e]+)>\}$'
)
FIELD_OF_ANSWER: Final = re.compile(r"(?:output|JSON\.parse\(output\))(?P<path>(?:\.\w+|\[\d+\])+)")
"""The one transform that is understood."""
EDITS: Final = 5
"""The edits that Promptfoo's levenshtein allows where it names no threshold."""
_MOST_REGEX: Final = 2_000


@dataclass(slots=True)
class Graders:
    """What the assertions became: graders by name, the one that counts, and the items with what they look up.

    `tests` are those that can be graded, one for each item.
    """

    tests: list[Test]
    items: list[Item]
    definitions: dict[str, Json] = field(default_factory=dict)
    reward: str = ""


@dataclass(frozen=True, slots=True)
class _Column:
    """One assertion of every test, in the tests' order."""

    name: str
    assertions: tuple[Json, ...]

    @property
    def kind(self) -> str:
        return str(self.assertions[0].get("type"))

    @property
    def weight(self) -> float:
        return float(str(self.assertions[0]["weight"]))

    @property
    def values(self) -> list[object]:
        return [each.get("value") for each in self.assertions]


class _Context:
    """What reading one config's assertions takes."""

    def __init__(
        self, tests: Sequence[Test], where: str, given: GivenFiles, judge: str, notes: Notes, *, is_parsed: bool
    ) -> None:
        self.where, self.given, self.judge, self.notes, self.is_parsed = where, given, judge, notes, is_parsed
        self.found = Graders(list(tests), [dict(test.variables) for test in tests])

    @property
    def tests(self) -> Sequence[Test]:
        """The tests that can be graded."""
        return self.found.tests


def graders_of(
    tests: Sequence[Test], where: str, given: GivenFiles, judge: str, notes: Notes, *, is_parsed: bool
) -> Graders:
    """Return what the tests assert as graders, and their variables as items.

    Raises:
        InvalidRequest: none of the assertions can be carried over.
    """
    context = _Context(tests, where, given, judge, notes, is_parsed=is_parsed)
    columns, rest = _together(*_columns(tests))
    weights: dict[str, float] = {}
    for column in columns:
        definition = _definition(column, context)
        if definition is not None:
            context.found.definitions[column.name] = definition
            weights[column.name] = column.weight
    if any(rest):
        _pool(rest, context, weights)
    _name_reward(context.found, weights, where, notes)
    return context.found


def _columns(tests: Sequence[Test]) -> tuple[list[_Column], list[list[Json]]]:
    """Return the assertions that all tests have alike but for the value, and what remains of each test."""
    keyed = [dict(_keyed(test.assertions)) for test in tests]
    shared = [key for key in keyed[0] if all(key in each for each in keyed)]
    columns: dict[str, _Column] = {}
    for key in shared:
        column = tuple(each[key] for each in keyed)
        if all(_apart_from_value(each) == _apart_from_value(column[0]) for each in column):
            columns[key] = _Column(key, column)
    rest = [[assertion for key, assertion in each.items() if key not in columns] for each in keyed]
    return list(columns.values()), rest


def _together(columns: list[_Column], rest: list[list[Json]]) -> tuple[list[_Column], list[list[Json]]]:
    """Move the columns that can be computed to what differs between tests, if anything does.

    Only in one grader can each test have its own weights.
    """
    if not any(_is_computed(assertion) for assertions in rest for assertion in assertions):
        return columns, rest
    moved = [column for column in columns if column.weight and _is_computed(column.assertions[0])]
    return [column for column in columns if column not in moved], [
        [*(column.assertions[place] for column in moved), *assertions] for place, assertions in enumerate(rest)
    ]


def _is_computed(assertion: Json) -> bool:
    return str(assertion.get("type")).removeprefix("not-") in _COMPUTED and "transform" not in assertion


def _keyed(assertions: Sequence[Json]) -> Iterator[tuple[str, Json]]:
    seen: dict[str, int] = {}
    for assertion in assertions:
        key = str(assertion.get("metric") or assertion.get("type"))
        seen[key] = seen.get(key, 0) + 1
        yield (key if seen[key] == 1 else f"{key} {seen[key]}"), assertion


def _apart_from_value(assertion: Json) -> Json:
    return {key: held for key, held in assertion.items() if key not in {"value", "metric"}}


# -- one grader for all tests -----------------------------------------------------------------------------------------


def _definition(column: _Column, context: _Context) -> Json | None:
    """Return the grader of a column; None, and a note, where there is no equal."""
    kind, said = column.kind, f"assertion {column.name}"
    try:
        if kind == "llm-rubric":
            made = _judge(column, context)
        elif kind in _SIMILARITIES or kind.partition(":")[0] == "similar":
            made = _similarity(column, context)
        elif kind in _STRING_CHECKS and _are_plain(column.values) and _input(column, context) is not None:
            made = _comparison(column, context, {"type": "string_check", "operation": _STRING_CHECKS[kind]})
        else:
            made = _computed(column, context)
    except NotCarried as reason:
        context.notes.leave_out(said, str(reason))
        return None
    return accepted(made, column.name, context.notes)


def _are_plain(values: Sequence[object]) -> bool:
    return all(isinstance(value, str | int | float | bool) for value in values)


def _is_file(value: object) -> bool:
    return isinstance(value, str) and value.startswith("file://")


def _comparison(column: _Column, context: _Context, definition: Json) -> Json:
    threshold = column.assertions[0].get("threshold")
    passing = {"pass_threshold": threshold} if threshold is not None else {}
    reference = _template_or_field(column, context, REFERENCE)
    return {"name": column.name, **definition, "input": _input(column, context), "reference": reference, **passing}


def _input(column: _Column, context: _Context) -> str | None:
    """Return the template of what is compared: the answer, or a field of it that a transform picks.

    None where Promptfoo compares an answer that it parsed and wrote down again.
    """
    transform = column.assertions[0].get("transform")
    if transform is None:
        return None if context.is_parsed else ANSWER
    picked = FIELD_OF_ANSWER.fullmatch(str(transform).strip())
    if picked is None:
        raise NotCarried("its transform is code that is not executed")
    return "{{sample.output_json" + picked["path"] + "}}"


def _template_or_field(column: _Column, context: _Context, name: str) -> str:
    """Return the template that gives each test its value: the one they share, or a field that holds each one's."""
    contents = [_file_content(value, context) if _is_file(value) else value for value in column.values]
    texts = [js_text(value) for value in contents]
    if len(set(texts)) == 1 and (len(texts) > 1 or is_template(texts[0])):
        return as_grader_template(texts[0], {})
    taken = {name for item in context.found.items for name in item}
    key = name if name not in taken else f"{slug(column.name, '_')}_{name}"
    if key in taken:
        raise NotCarried(f"its values need a field {key}, which is a variable already")
    for item, text, test in zip(context.found.items, texts, context.tests, strict=True):
        item[key] = render(text, test.variables)
    return "{{item." + key + "}}"


def _similarity(column: _Column, context: _Context) -> Json:
    metric = _SIMILARITIES.get(column.kind)
    if metric is not None:
        context.notes.changed.append(
            f"{column.name}: {column.kind} is the metric {metric} here; numbers may differ from Promptfoo's a little"
        )
        return _comparison(column, context, {"type": "text_similarity", "evaluation_metric": metric})
    if column.kind not in {"similar", "similar:cosine"}:
        raise NotCarried(f"{column.kind} has no equal; cosine has")
    model = _model(column, context, "embedding")
    cosine = {"type": "text_similarity", "evaluation_metric": "cosine", "embedding_model": model}
    return _comparison(column, context, {**cosine, "pass_threshold": 0.75})


def _model(column: _Column, context: _Context, key: str) -> str:
    """Return the model that an assertion, or its test, names on a platform like OpenAI's."""
    asked = column.assertions[0].get("provider") or context.tests[0].options.get("provider")
    if isinstance(asked, dict):
        asked = asked.get("id") or asked.get(key) or asked.get("text")
        asked = asked.get("id") if isinstance(asked, dict) else asked
    named = PROVIDERS.fullmatch(str(asked or ""))
    if named is not None:
        return named["model"]
    if key == "text" and context.judge:
        return context.judge
    wanted = "name a judge" if key == "text" else "name one as its provider"
    raise NotCarried(f"it asks {asked}; {wanted}" if asked else f"it names no model; {wanted}")


def _judge(column: _Column, context: _Context) -> Json:
    model = _model(column, context, "text")
    rubric = _template_or_field(column, context, RUBRIC)
    own = column.assertions[0].get("rubricPrompt") or context.tests[0].options.get("rubricPrompt")
    own = _file_content(own, context) if _is_file(own) else own
    scale: tuple[float, float] = (0, 1)
    if own:
        messages = _own_rubric_prompt(own, rubric)
        if asked_for := JUDGE_REPLY.search(str(messages[-1]["content"])):
            scale = (float(asked_for["low"]), float(asked_for["high"]))
            messages[-1]["content"] = str(messages[-1]["content"])[: asked_for.start()]
    else:
        context.notes.changed.append(
            f"{column.name}: the judge is asked in Proctor's words, as Promptfoo's own are its own"
        )
        asked = f"<answer>\n{ANSWER}\n</answer>\n<rubric>\n{rubric}\n</rubric>"
        messages = [{"role": "developer", "content": JUDGE_PROMPT}, {"role": "user", "content": asked}]
    threshold = column.assertions[0].get("threshold")
    passing = {"pass_threshold": threshold} if threshold is not None else {}
    return {
        "type": "score_model",
        "name": column.name,
        "model": model,
        "input": messages,
        "range": list(scale),
        **passing,
    }


def _own_rubric_prompt(own: object, rubric: str) -> list[Json]:
    if isinstance(own, str):
        try:
            own = json.loads(own)
        except ValueError:
            own = [{"role": "user", "content": own}]
    roots = {"output": "sample.output_text", RUBRIC: f"\0{RUBRIC}"}
    messages = [each for each in own if isinstance(each, dict)] if isinstance(own, list) else []
    if not messages:
        raise NotCarried("its rubricPrompt is no list of messages")
    return [
        {
            "role": "developer" if each.get("role") == "system" else str(each.get("role")),
            "content": as_grader_template(str(each.get("content")), roots).replace("{{\0rubric}}", rubric),
        }
        for each in messages
    ]


def _computed(column: _Column, context: _Context) -> Json:
    """Return a python grader that holds what is the same for every test; the rest is in the items."""
    own = [_check(assertion, test, context) for assertion, test in zip(column.assertions, context.tests, strict=True)]
    if (len(own) > 1 or column.kind == "python") and all(check == own[0] for check in own):
        if (source := _own_source(own[0])) is not None:
            return {"type": "python", "name": column.name, "source": source}
        return _python(column.name, [own[0]], context)
    for item, check in zip(context.found.items, own, strict=True):
        _field_of(item)[column.name] = [check]
    return _python(column.name, [], context)


def _own_source(check: Json) -> str | None:
    """Return the source of a grader that Proctor wrote out as a file."""
    code, marker, _ = str(check.get("code", "")).partition(IMPORTED_GRADER)
    return code.rstrip() + "\n" if marker else None


def _python(name: str, checks: Sequence[Json], context: _Context) -> Json:
    source = _GRADER.read_text(encoding="utf-8")
    for setting, value in (
        ('NAME = "assertions"', f"NAME = {name!r}"),
        ("CHECKS: list[dict[str, Any]] = []", f"CHECKS: list[dict[str, Any]] = {list(checks)!r}"),
        ("IS_PARSED = False", f"IS_PARSED = {context.is_parsed}"),
    ):
        source = source.replace(setting, value, 1)
    return {"type": "python", "name": name, "source": source}


def _field_of(item: Item) -> dict[str, object]:
    held = item.setdefault(FIELD, {})
    if not isinstance(held, dict):
        raise NotCarried(f"a variable is called {FIELD}, which imported assertions need")
    return held


# -- assertions that only some tests have -----------------------------------------------------------------------------


def _pool(rest: Sequence[Sequence[Json]], context: _Context, weights: dict[str, float]) -> None:
    """Make one grader of the assertions that differ between tests; a test without any of them is left as it is."""
    missing: dict[str, list[str]] = {}
    pooled: list[list[Json]] = []
    for assertions, test in zip(rest, context.tests, strict=True):
        checks: list[Json] = []
        for assertion in assertions:
            try:
                checks.append({**_check(assertion, test, context), "weight": assertion["weight"]})
            except NotCarried as reason:
                missing.setdefault(f"{assertion.get('type')}: {reason}", []).append(quoted(test.label))
        pooled.append(checks)
    for said, labels in missing.items():
        kind, _, why = said.partition(": ")
        context.notes.leave_out(f"assertion {kind} of tests {listed(labels, 5)}", why)
    if not any(pooled):
        return
    if not weights:
        pooled = _without_empty(pooled, context)
    for item, checks in zip(context.found.items, pooled, strict=True):
        _field_of(item)[POOL] = checks
    context.found.definitions[POOL] = _python(POOL, [], context)
    shares = {sum(float(str(check["weight"])) for check in checks) for checks in pooled}
    if weights and len(shares) > 1:
        context.notes.changed.append(f"{POOL}: tests differ in how much these weigh; here they weigh alike")
    weights[POOL] = max(shares)


def _without_empty(pooled: Sequence[list[Json]], context: _Context) -> list[list[Json]]:
    """Leave out the tests of which nothing can be graded."""
    found = context.found
    empty = [test.label for checks, test in zip(pooled, found.tests, strict=True) if not checks]
    if empty:
        context.notes.leave_out(f"tests {listed(empty, 5)}", "no assertion of theirs can be carried over")
    found.tests = [test for checks, test in zip(pooled, found.tests, strict=True) if checks]
    found.items = [item for checks, item in zip(pooled, found.items, strict=True) if checks]
    return [checks for checks in pooled if checks]


def _check(assertion: Json, test: Test, context: _Context) -> Json:
    """Return one assertion as the python grader takes it, its templates filled; raises NotCarried."""
    kind = str(assertion.get("type"))
    base = kind.removeprefix("not-")
    if kind in _OUTSIDE or base not in _COMPUTED or kind == "not-python":
        raise NotCarried(_OUTSIDE.get(base, f"{kind} has no equal that every test could use"))
    if "transform" in assertion:
        raise NotCarried("its transform is code that is not executed")
    value = assertion.get("value")
    if base == "python":
        return {"type": kind, **_code(value, context)}
    if _is_file(value):
        value = _file_content(value, context)
    elif isinstance(value, str):
        value = render(value, test.variables)
    elif isinstance(value, list):
        value = [render(each, test.variables) if isinstance(each, str) else each for each in value]
    if base == "levenshtein":
        most = assertion.get("threshold") or EDITS
        return {"type": kind, "value": [_as_wanted(base, value), most]}
    return {"type": kind, "value": _as_wanted(base, value)}


def _as_wanted(base: str, value: object) -> object:
    if base in _LISTS:
        parts = next(csv.reader([value], skipinitialspace=True), []) if isinstance(value, str) else value
        if not isinstance(parts, list) or not parts:
            raise NotCarried("it has no list of texts")
        return [js_text(part).strip() if isinstance(value, str) else js_text(part) for part in parts]
    if base in _SCHEMAS:
        schema = read_yaml_value(value, "The schema of an assertion") if isinstance(value, str) and value else value
        return schema or None
    if base == "equals" and isinstance(value, dict | list):
        return value
    text = js_text(value)
    if base in _TEXTS and not text:
        raise NotCarried("it has no value")
    return _regex(text) if base == "regex" else text


def _regex(pattern: str) -> str:
    """Return a pattern of JavaScript's in Python's spelling."""
    spelled = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    try:
        if len(spelled) > _MOST_REGEX:
            raise NotCarried(f"its pattern has more than {_MOST_REGEX:,} characters")
        re.compile(spelled, re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise NotCarried(f"its pattern is none of Python's: {error}") from None
    return spelled


def _code(value: object, context: _Context) -> Json:
    """Return a python assertion's code and the function to call; it is read, never run."""
    if not isinstance(value, str):
        raise NotCarried("it has no code")
    if value.startswith("file://"):
        path, _, function = value.removeprefix("file://").partition(":")
        files = context.given.find(path, context.where)
        if len(files) != 1:
            raise NotCarried(f"{path} was not given")
        code, function = context.given.text(files[0]), function or "get_assert"
    elif is_template(value):
        raise NotCarried("its code is a template")
    else:
        body = indent(value, "    ") if "\n" in value else f"    return {value}"
        code, function = f"def main(output, context):\n{body}\n", "main"
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotCarried(f"its code is not Python: {error}") from None
    return {"code": code, "function": function}


def _file_content(reference: object, context: _Context) -> object:
    files = context.given.find(str(reference), context.where)
    if len(files) != 1:
        raise NotCarried(f"{reference} was not given")
    text = context.given.text(files[0])
    match files[0].rpartition(".")[2].lower():
        case "json":
            return parsed(text, files[0])
        case "yaml" | "yml":
            return read_yaml_value(text, files[0])
        case "txt" | "md":
            return text.strip()
    raise NotCarried(f"{reference} is code, which is not executed at an import")


# -- the reward -------------------------------------------------------------------------------------------------------


def _name_reward(found: Graders, weights: Mapping[str, float], where: str, notes: Notes) -> None:
    """Make the weighted mean of the graders the reward; one that weighs nothing is reported beside it."""
    counting = {name: weight for name, weight in weights.items() if name in found.definitions and weight > 0}
    if not counting:
        said = " ".join(f"{each}." for each in notes.left_out[:6])
        raise InvalidRequest(f"{where} has no assertion that can be carried over. {said}".strip())
    if len(counting) == 1:
        found.reward = next(iter(counting))
        return
    variables = as_variables(counting)
    terms = [variables[name] if weight == 1 else f"{weight:g} * {variables[name]}" for name, weight in counting.items()]
    found.reward = SCORE
    found.definitions[SCORE] = {
        "type": "multi",
        "name": SCORE,
        "graders": {variables[name]: found.definitions.pop(name) for name in counting},
        "calculate_output": f"({' + '.join(terms)}) / {sum(counting.values()):g}",
    }
