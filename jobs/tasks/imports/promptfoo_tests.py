"""The tests of a Promptfoo config: inline, or in the CSV, JSON, JSONL and YAML files that it names."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from jobs.core.errors import InvalidRequest
from jobs.core.nearest import quoted
from jobs.core.validation import read_yaml_value
from jobs.tasks.files import csv_records, lines, parsed
from jobs.tasks.imports.draft import Json, Notes
from jobs.tasks.imports.given import GivenFiles
from jobs.tasks.imports.nunjucks import NotCarried, resolved
from jobs.tasks.rows import OTHER_SPLITS_LIMIT

_SPLIT_BY_COMMA: Final = frozenset({"contains-all", "contains-any", "icontains-all", "icontains-any"})
_KNOWN_TYPES: Final = re.compile(
    "answer-relevance|bleu|classifier|contains(-all|-any|-html|-json|-sql|-xml)?|context-(faithfulness|recall|relevance)|"
    "cost|equals|factuality|finish-reason|g-eval|gleu|guardrails|icontains(-all|-any)?|is-(html|json|refusal|sql|xml)|"
    "is-valid-(openai-)?(function|tools)-call|javascript|latency|levenshtein|llm-rubric|meteor|"
    "model-graded-(closedqa|factuality)|moderation|perplexity(-score)?|pi|python|regex|rouge-n|ruby|search-rubric|similar|"
    "starts-with|tool-call-f1|webhook|word-count"
)
"""The assertions that a CSV cell can spell; whatever else stands before a colon is part of the answer."""
_SHORT: Final = re.compile(
    r"(?P<type>(?:not-)?[a-z][a-z-]*)(?:\((?P<threshold>\d+(?:\.\d+)?)\))?(?::(?P<value>.*))?", re.DOTALL
)
_CODE: Final = re.compile(r"(?:javascript|fn|eval):|file://.*\.(?:js|ts|mjs|cjs)(?::|$)")
_TEXT_FILES: Final = frozenset({"txt", "md", "json", "yaml", "yml", "html", "csv"})
_NEAR: Final = 0.75
"""The threshold that Promptfoo gives a CSV cell that names none."""


@dataclass(frozen=True, slots=True)
class Test:
    """One test: variables, and what is asserted of the answer."""

    label: str
    variables: Mapping[str, object]
    assertions: tuple[Json, ...]
    options: Mapping[str, object] = field(default_factory=dict)
    split: str = ""
    """The file that it came from."""


def read_tests(config: Mapping[str, object], where: str, given: GivenFiles, notes: Notes) -> list[Test]:
    """Return the tests with what `defaultTest` adds to each, and lists among the variables taken apart."""
    default = config.get("defaultTest") or {}
    if isinstance(default, str):
        default = next(iter(_in_file(default, where, given, notes)), {})
    if not isinstance(default, dict):
        raise InvalidRequest(f"{where}: 'defaultTest' must hold keys of its own.")
    tests: list[Test] = []
    for number, (test, file) in enumerate(_entries(config.get("tests"), where, given, notes), 1):
        label = str(test.get("description") or f"#{number}")
        expanded = _expanded(test, default, file or where, given, label, notes)
        tests += [_test(test, default, variables, label, file) for variables in expanded]
        if len(tests) > OTHER_SPLITS_LIMIT:
            raise InvalidRequest(f"{where} makes more than {OTHER_SPLITS_LIMIT:,} tests.")
    return tests


def _test(test: Json, default: Json, variables: Mapping[str, object], label: str, file: str) -> Test:
    asserted = [*_list(default.get("assert")), *_list(test.get("assert"))]
    assertions = tuple(each for one in asserted if isinstance(one, dict) for each in _flat(one, 1.0))
    options = {**_map(default.get("options")), **_map(test.get("options"))}
    described = {"description": test["description"]} if test.get("description") else {}
    more = {"metadata": test["metadata"]} if test.get("metadata") else {}
    return Test(label, {**more, **described, **variables}, assertions, options, file)


def _flat(assertion: Json, weight: float) -> Iterator[Json]:
    """Yield the assertions of a set with the share that each has in it."""
    own = _weight(assertion)
    if assertion.get("type") != "assert-set":
        yield {**assertion, "weight": weight * own}
        return
    inner = [each for each in _list(assertion.get("assert")) if isinstance(each, dict)]
    total = sum(map(_weight, inner)) or 1.0
    for each in inner:
        yield from _flat(each, weight * own / total)


def _weight(assertion: Json) -> float:
    weight = assertion.get("weight", 1)
    return float(weight) if isinstance(weight, int | float) else 1.0


def _expanded(
    test: Json, default: Json, where: str, given: GivenFiles, label: str, notes: Notes
) -> Iterator[dict[str, object]]:
    variables: dict[str, object] = {}
    for held in (default.get("vars"), test.get("vars")):
        for one in [held] if isinstance(held, str | dict) else _list(held):
            for more in _in_file(one, where, given, notes) if isinstance(one, str) else [_map(one)]:
                variables |= more
    variables = {name: _content(name, value, where, given, notes) for name, value in variables.items()}
    options = {**_map(default.get("options")), **_map(test.get("options"))}
    apart = {} if options.get("disableVarExpansion") else {k: v for k, v in variables.items() if isinstance(v, list)}
    size = 1
    for values in apart.values():
        size *= len(values)
    if size > OTHER_SPLITS_LIMIT:
        raise InvalidRequest(f"The lists among the variables of test {quoted(label)} make {size:,} tests.")
    for chosen in product(*apart.values()):
        try:
            yield resolved({**variables, **dict(zip(apart, chosen, strict=True))})
        except NotCarried as reason:
            notes.leave_out(f"test {quoted(label)}", str(reason))


def _content(name: str, value: object, where: str, given: GivenFiles, notes: Notes) -> object:
    """Return a variable's value, which may be the text of a file."""
    if not isinstance(value, str) or not value.startswith("file://"):
        return value
    files = given.find(value, where)
    if len(files) != 1 or files[0].rpartition(".")[2].lower() not in _TEXT_FILES:
        notes.leave_out(
            f"variable {name} from {value}",
            "code is not executed, and only text is read" if files else "it was not given",
        )
        return value
    text = given.text(files[0])
    return text.strip()


# -- files ------------------------------------------------------------------------------------------------------------


def _entries(tests: object, where: str, given: GivenFiles, notes: Notes) -> Iterator[tuple[Json, str]]:
    """Yield each test as it is written, with the file it stands in; "" for the config itself."""
    for entry in tests if isinstance(tests, list) else [tests]:
        named = entry.get("path") if isinstance(entry, dict) else entry
        if isinstance(named, str):
            for file in _files(named, where, given, notes):
                yield from ((each, file) for each in _tests_in(file, given))
        elif isinstance(entry, dict):
            yield entry, ""


def _in_file(reference: str, where: str, given: GivenFiles, notes: Notes) -> list[Json]:
    return [value for file in _files(reference, where, given, notes) for value in _tests_in(file, given)]


def _files(reference: str, where: str, given: GivenFiles, notes: Notes) -> tuple[str, ...]:
    if re.match(r"(?!file:)[a-z]+://", reference):
        notes.leave_out(reference, "nothing is downloaded; add the file itself")
        return ()
    files = given.find(reference, where)
    if not files:
        code = reference.rpartition(":")[0] if reference.count(":") > 1 else reference
        is_code = code.rpartition(".")[2].lower() in {"py", "js", "ts", "mjs", "cjs"}
        notes.leave_out(reference, "code is not executed" if is_code else "it was not given")
    return files


def _tests_in(file: str, given: GivenFiles) -> list[Json]:
    match file.rpartition(".")[2].lower():
        case "csv":
            return list(_csv_tests(given.text(file), file))
        case "jsonl":
            values = [parsed(line, file, line=number) for number, line in lines(given.text(file))]
        case "json":
            value = parsed(given.text(file), file)
            values = value if isinstance(value, list) else [value]
        case "yaml" | "yml":
            value = read_yaml_value(given.text(file), file)
            values = value if isinstance(value, list) else [value]
        case ending:
            raise InvalidRequest(f"{file}: tests in {ending} files are not read; give CSV, JSON, JSONL or YAML.")
    return [value for value in values if isinstance(value, dict)]


def _csv_tests(text: str, file: str) -> Iterator[Json]:
    records = csv_records(text, file, strip=False)
    _, heading = next(records, (1, []))
    for line, fields in records:
        if len(fields) != len(heading):
            raise InvalidRequest(f"{file} line {line} has {len(fields)} fields; the heading has {len(heading)}.")
        test: Json = {"vars": {}, "assert": [], "options": {}}
        cells = dict(zip(heading, fields, strict=True))
        metric = cells.get("__metric")
        for key, cell in cells.items():
            if key.startswith("__expected") and cell.strip():
                _list(test["assert"]).append({**assertion_from(cell), **({"metric": metric} if metric else {})})
            elif key in {"__prefix", "__suffix"}:
                _map(test["options"])[key[2:]] = cell
            elif key == "__description":
                test["description"] = cell
            elif key.startswith("__metadata:"):
                test["metadata"] = {**_map(test.get("metadata")), key.partition(":")[2]: cell}
            elif not key.startswith("__"):
                _map(test["vars"])[key] = cell
        yield test


def assertion_from(cell: str) -> Json:
    """Return the assertion that a CSV cell spells: `contains:Paris`, `similar(0.9):...`, or the answer itself."""
    if _CODE.match(cell):
        return {"type": "javascript", "value": cell}
    if cell.startswith("grade:"):
        return {"type": "llm-rubric", "value": cell.removeprefix("grade:")}
    if cell.startswith("file://") and ".py" in cell:
        return {"type": "python", "value": cell}
    found = _SHORT.fullmatch(cell)
    if found is None or not _KNOWN_TYPES.fullmatch(found["type"].removeprefix("not-")):
        return {"type": "equals", "value": cell}
    kind, value = found["type"], found["value"]
    assertion: Json = {"type": kind}
    if value is not None:
        by_comma = kind.removeprefix("not-") in _SPLIT_BY_COMMA
        assertion["value"] = [part.strip() for part in value.split(",")] if by_comma else value
    if found["threshold"] or kind in {"similar", "levenshtein", "rouge-n"}:
        assertion["threshold"] = float(found["threshold"] or (0.8 if kind == "similar" else _NEAR))
    return assertion


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _map(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
