"""Reads what OpenAI's platform leaves its users with: evals, runs, their items, training files, fine-tuning jobs.

The shapes are those of the public API, alone or in lists, and of the build hour's project folders. Which file holds
what is told by what is in it; names tell splits and prompt versions only.
"""

import ast
import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from charts.wording import counted, listed
from jobs.core.errors import InvalidRequest, NotFound
from jobs.core.hyperparameters import HyperparameterChoice
from jobs.core.nearest import nearest, quoted
from jobs.graders import parse_grader
from jobs.graders.definitions import KINDS
from jobs.graders.kinds import ScoreModelGrader
from jobs.graders.python_source import MAX_SOURCE_KB
from jobs.graders.sandbox.errors import GradingError
from jobs.graders.sandbox.template import BadTemplate, fill
from jobs.tasks.catalogue import natural
from jobs.tasks.files import csv_records, parsed
from jobs.tasks.files import lines as lines_of
from jobs.tasks.imports.draft import (
    MESSAGES,
    TEXT,
    Conversation,
    Draft,
    ImportOptions,
    Item,
    Json,
    Notes,
    Variant,
    accepted,
    as_variables,
    asked_with,
    check_braces,
    conversation_in,
    slug,
    split_of,
    with_reference,
)
from jobs.tasks.imports.given import GivenFiles
from jobs.tasks.imports.pydantic_schema import schema_of_models
from jobs.tasks.split_formats import LIST_KEYS, is_json_lines

ALL_CRITERIA: Final = "all_criteria"
_WRAPPERS: Final = (*LIST_KEYS, "eval", "evals", "run", "runs", "output_items", "job", "jobs")
"""Under which the answer of a list call, or somebody's own script, keeps what it exported."""
_GRADERS: Final = frozenset({*KINDS, "multi", "endpoint"})
_GRADES_BY: Final = frozenset({"input", "source", "graders", "url"})
_DEEPEST: Final = 6
_NO_RESULTS: Final = "a task holds no results of earlier runs"
_SET_ELSEWHERE: Final = ("auto", "default", None)


@dataclass(slots=True)
class Found:
    """What the files hold, each in the order in which it was found."""

    evals: list[Json] = field(default_factory=list)
    runs: list[Json] = field(default_factory=list)
    outputs: list[Json] = field(default_factory=list)
    jobs: list[Json] = field(default_factory=list)
    graders: list[tuple[str, Json]] = field(default_factory=list)
    schemas: list[Json] = field(default_factory=list)
    prompts: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[Item]] = field(default_factory=dict)
    """By file."""
    graded: set[tuple[str, str, str]] = field(default_factory=set)
    """Rows that runs answered, by file, number and content: each comes once for every run."""
    graded_by: set[str] = field(default_factory=set)
    """The names of the graders that graded them."""


def read_openai_export(given: GivenFiles, options: ImportOptions, notes: Notes) -> Draft:
    """Return what the files hold as a draft of a task.

    Raises:
        UserError: they hold no rows or no grader, or do not say what a model is asked; says what to add.
    """
    found = Found()
    for name in sorted(given.contents):
        _look_into(name, given, found, notes)
    the_eval = _the_eval(found, options.pick, notes)
    runs = _runs_of(the_eval, found.runs)
    rows = _rows(found, runs, the_eval, options)
    graders, reward = _graders(found, the_eval, options.reward, notes)
    items = [item for of_split in rows.values() for item in of_split]
    asked, prompts = asked_with(items, _variants(items, found, runs, options), notes)
    each = iter(with_reference(asked, graders, notes))
    schema = _response_format(found, runs, notes)
    name = _name(the_eval, found)
    _leave_out_the_rest(found, runs, the_eval, notes)
    return Draft(
        name=slug(options.name or name) or "imported",
        title=name or options.name or "Imported",
        source=f"the hosted eval {quoted(the_eval['name'])}" if the_eval and the_eval.get("name") else "exported files",
        rows={split: [next(each) for _ in of_split] for split, of_split in rows.items()},
        prompts=prompts,
        graders=graders,
        reward=reward,
        response_format=schema,
        hyperparameters=_hyperparameters(found.jobs, notes),
    )


# -- what is in the files ---------------------------------------------------------------------------------------------


def _look_into(name: str, given: GivenFiles, found: Found, notes: Notes) -> None:
    folders, (stem, _, ending) = posixpath.dirname(name).split("/"), posixpath.basename(name).rpartition(".")
    match ending.lower():
        case _ if "eval_runs" in folders:
            notes.leave_out("eval_runs/", _NO_RESULTS)
        case "json" | "jsonl" | "ndjson":
            for value, is_row in _values(given.text(name), name):
                if not _take(value, name, found, is_row=is_row):
                    notes.leave_out(name, "it holds nothing that an import knows")
        case "csv":
            found.rows[name] = list(_csv_rows(given.text(name), name))
        case "md" if "prompts" in folders and folders[-1] != "grader":
            version = stem if stem not in found.prompts else f"{folders[-1]}-{stem}"
            found.prompts[version] = given.text(name).strip()
        case "py":
            _look_into_code(name, stem, given.text(name), found, notes)
        case _:
            notes.leave_out(name, "it is nothing that an import reads")


def _look_into_code(name: str, stem: str, source: str, found: Found, notes: Notes) -> None:
    """Take in a python grader or the models of structured outputs, as text: nothing of it is executed."""
    try:
        tree = ast.parse(source if len(source) <= MAX_SOURCE_KB * 1024 else "...")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = ast.Module([], [])
    if any(isinstance(node, ast.FunctionDef) and node.name == "grade" for node in tree.body):
        found.graders.append((stem, {"type": "python", "source": source}))
    elif schema := schema_of_models(tree):
        found.schemas.append(schema)
        notes.changed.append(f"{name}: its model {quoted(schema['name'])} is the response format")
    elif tree.body:
        notes.leave_out(name, "code is not executed; a response format has to come as JSON Schema, a grader as JSON")


def _values(text: str, name: str) -> Iterator[tuple[object, bool]]:
    """Yield each value of a JSON or JSONL file, and whether it may be a bare row."""
    if is_json_lines(text):
        yield from ((parsed(line, name, line=number), True) for number, line in lines_of(text))
        return
    value = parsed(text, name)
    if isinstance(value, list):
        yield from ((each, True) for each in value)
    else:
        yield value, False


def _csv_rows(text: str, name: str) -> Iterator[Item]:
    """Yield each record as an item of texts, by the heading's names."""
    records = csv_records(text, name, strip=False)
    _, heading = next(records, (1, []))
    for line, cells in records:
        if len(cells) != len(heading):
            raise InvalidRequest(f"{name} line {line} has {len(cells)} fields; the heading has {len(heading)}.")
        yield dict(zip(heading, cells, strict=True))


def _take(value: object, file: str, found: Found, *, is_row: bool, depth: int = 0) -> bool:
    """Sort a value, or what it wraps, into what was found; return whether it is known."""
    if not isinstance(value, dict) or depth > _DEEPEST:
        return False
    match value:
        case {"testing_criteria": list()}:
            found.evals.append(value)
        case {"datasource_item": dict()}:
            found.outputs.append(value)
        case {"data_source": dict()}:
            found.runs.append(value)
        case {"method": {"reinforcement": dict()}}:
            found.jobs.append(value)
        case {"type": str(kind)} if kind in _GRADERS and _GRADES_BY & value.keys():
            found.graders.append((posixpath.basename(file).rpartition(".")[0], value))
        case {"type": "json_schema"} | {"name": str(), "schema": dict()} | {"type": "object", "properties": dict()}:
            found.schemas.append(value)
        case {"item": dict()} | {"messages": list()}:
            _take_row(value, file, found)
        case _:
            return _take_wrapped(value, file, found, depth) or (is_row and _take_row(value, file, found))
    _take_wrapped(value, file, found, depth)
    return True


def _take_wrapped(value: Json, file: str, found: Found, depth: int) -> bool:
    known = [
        _take(inner, file, found, is_row=depth == 0 and key in LIST_KEYS and isinstance(held, list), depth=depth + 1)
        for key in _WRAPPERS
        if isinstance(held := value.get(key), list | dict)
        for inner in (held if isinstance(held, list) else [held])
    ]
    return any(known)


def _take_row(value: Json, file: str, found: Found) -> bool:
    """Take in an item, bare or wrapped, alone or with what a run made of it (`run_id`, `sample`, `grades`)."""
    item = value.get("item", value)
    if not isinstance(item, dict):
        return False
    if item is not value and value.get("sample"):
        found.outputs.append({"datasource_item": item, "sample": value["sample"], "run_id": value.get("run_id")})
    if "run_id" in value and item is not value:
        key = (file, str(value.get("data_source_idx")), json.dumps(item, sort_keys=True))
        grades = value.get("grades")
        found.graded_by |= set(grades if isinstance(grades, dict) else ())
        if key in found.graded:
            return True
        found.graded.add(key)
    found.rows.setdefault(file, []).append(item)
    return True


# -- the eval, its runs and rows --------------------------------------------------------------------------------------


def _the_eval(found: Found, pick: str, notes: Notes) -> Json | None:
    """Return the one eval, or the one that is picked by name or id; None where there is none."""
    by_name = {str(each.get("name") or each.get("id") or "eval"): each for each in found.evals}
    if len(found.evals) <= 1 and not pick:
        return found.evals[0] if found.evals else None
    picked = by_name.get(pick) or next((each for each in found.evals if pick and each.get("id") == pick), None)
    if picked is None:
        raise NotFound(
            f"The files hold {counted(len(found.evals), 'eval')}; say which one is meant: "
            f"{nearest(pick, by_name) if pick else listed(list(map(quoted, by_name)), 12)}"
        )
    for name, other in by_name.items():
        if other is not picked:
            notes.leave_out(f"eval {quoted(name)}", "an import makes one task; import it by itself")
    return picked


def _runs_of(the_eval: Json | None, runs: Sequence[Json]) -> list[Json]:
    """Return the runs of an eval, the newest first."""
    mine = [run for run in runs if not the_eval or run.get("eval_id", the_eval.get("id")) == the_eval.get("id")]
    return sorted(mine, key=lambda run: -_number(run.get("created_at")))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _rows(found: Found, runs: Sequence[Json], the_eval: Json | None, options: ImportOptions) -> dict[str, list[Item]]:
    """Return the rows by split: those of files, else those that runs were given, else those that runs answered."""
    if found.rows:
        return _split_rows(found.rows, the_eval, options)
    sources = [_at(run, "data_source", "source") for run in runs]
    contents = [entry for source in sources for entry in _list(_at(source, "content"))]
    items = [entry["item"] for entry in contents if isinstance(entry, dict) and isinstance(entry.get("item"), dict)]
    items = items or [item for output in found.outputs if isinstance(item := output["datasource_item"], dict)]
    if not items:
        files = [str(_at(source, "id")) for source in sources if _at(source, "type") == "file_id"]
        wanted = f"add the content of {listed(files, 5)}" if files else "add a JSONL file of items"
        raise InvalidRequest(f"There are no rows in what was given; {wanted}.")
    different = {json.dumps(item, sort_keys=True): item for item in items}
    return {options.split or "valid": list(different.values())}


def _split_rows(
    files: Mapping[str, list[Item]], the_eval: Json | None, options: ImportOptions
) -> dict[str, list[Item]]:
    unnamed = [file for file in files if split_of(file) is None]
    if len(unnamed) > 1:
        raise InvalidRequest(
            f"Which splits are {listed(unnamed, 5)}? Call them train.jsonl, valid.jsonl or test.jsonl."
        )
    is_training = the_eval is None and all(MESSAGES in item for rows in files.values() for item in rows)
    rows: dict[str, list[Item]] = {}
    for file, of_file in files.items():
        split = split_of(file) or options.split or ("train" if is_training else "valid")
        if split in rows:
            raise InvalidRequest(
                f"Two files with rows would be the split {quoted(split)}; {quoted(file)} is one of them."
            )
        rows[split] = of_file
    return rows


def _name(the_eval: Json | None, found: Found) -> str:
    if the_eval and the_eval.get("name"):
        return str(the_eval["name"])
    for job in found.jobs:
        if job.get("user_provided_suffix") or job.get("suffix"):
            return str(job.get("user_provided_suffix") or job.get("suffix"))
    file = next(iter(found.rows), "")
    folder = posixpath.dirname(file).removesuffix("data").strip("/")
    stem = posixpath.basename(file).rpartition(".")[0]
    return posixpath.basename(folder) or re.sub(r"[-_.]?(train|valid|val|test)\w*$", "", stem)


# -- what a model is asked --------------------------------------------------------------------------------------------


def _variants(items: Sequence[Item], found: Found, runs: Sequence[Json], options: ImportOptions) -> list[Variant]:
    """Return the ways to ask that the files tell of, the one to ask with first."""
    if all(MESSAGES in item for item in items) and not options.input:
        return [
            Variant(MESSAGES, [[each for each in _list(item[MESSAGES]) if isinstance(each, dict)] for item in items])
        ]
    asked = options.input or (TEXT if all(TEXT in item for item in items) else "")
    if asked and (found.prompts or options.input):
        texts = [_input_of(item, asked) for item in items]
        versions = sorted(found.prompts, key=natural, reverse=True)
        prompted = [Variant(name, [[_developer(found.prompts[name]), *text] for text in texts]) for name in versions]
        return prompted or [Variant(asked, texts)]
    if from_runs := list(_run_variants(items, runs)):
        return from_runs
    if sent := _as_sent(items, found.outputs):
        return sent
    if asked:
        return [Variant(asked, [_input_of(item, asked) for item in items])]
    fields = dict.fromkeys(key for item in items for key in item)
    raise InvalidRequest(
        "The files do not say what a model is asked. Add the run's JSON, which holds the prompt, or name the field "
        f"that is the question (input); items have {listed(list(fields), 12)}."
    )


def _developer(prompt: str) -> Json:
    return {"role": "developer", "content": prompt}


def _input_of(item: Item, name: str) -> Conversation:
    if name not in item:
        raise InvalidRequest(f"An item has no field {quoted(name)}; {nearest(name, item)}")
    asked = item[name]
    return conversation_in(asked, name) if isinstance(asked, list) else [{"role": "user", "content": str(asked)}]


def _run_variants(items: Sequence[Item], runs: Sequence[Json]) -> Iterator[Variant]:
    seen: list[object] = []
    for run in runs:
        how = _at(run, "data_source", "input_messages")
        if not isinstance(how, dict) or how in seen:
            continue
        seen.append(how)
        check_braces(how)
        label = str(run.get("name") or run.get("id") or "run")
        if how.get("type") == "item_reference":
            path = "{{ " + str(how.get("item_reference")) + " }}"
            said = [conversation_in(json.loads(_filled(path, item)), str(how["item_reference"])) for item in items]
            yield Variant(label, said)
        else:
            template = conversation_in(how.get("template"), f"The template of {label}")
            yield Variant(label, [[_filled_message(message, item) for message in template] for item in items])


def _filled_message(message: Json, item: Item) -> Json:
    content = message["content"]
    return {**message, "content": _filled(content, item) if isinstance(content, str) else content}


def _filled(template: str, item: Item) -> str:
    try:
        return fill(template, {}, item)
    except (GradingError, BadTemplate) as failure:
        detail = failure.detail if isinstance(failure, GradingError) else str(failure)
        raise InvalidRequest(f"A run's template cannot be filled from an item: {detail}.") from None


def _as_sent(items: Sequence[Item], outputs: Sequence[Json]) -> list[Variant]:
    """Return what each run sent for every item, where its answers tell of all of them."""
    runs: dict[str, dict[str, Conversation]] = {}
    for output in outputs:
        if _list(sent := _at(output, "sample", "input")):
            key = json.dumps(output["datasource_item"], sort_keys=True)
            runs.setdefault(str(output.get("run_id") or "sent"), {})[key] = conversation_in(sent, "sample.input")
    keys = [json.dumps(item, sort_keys=True) for item in items]
    return [Variant(run, [sent[key] for key in keys]) for run, sent in runs.items() if sent.keys() >= set(keys)]


# -- graders and the form of answers ----------------------------------------------------------------------------------


def _graders(found: Found, the_eval: Json | None, wanted: str, notes: Notes) -> tuple[dict[str, Json], str]:
    """Return the graders by name, and which of them is the reward."""
    criteria = [each for each in _list(_at(the_eval, "testing_criteria")) if isinstance(each, dict)]
    trained = [_at(job, "method", "reinforcement", "grader") for job in found.jobs]
    of_jobs = [grader for grader in trained if isinstance(grader, dict)]
    given: list[tuple[str, Json]] = [
        (str(each.get("name") or f"criterion_{n}"), each) for n, each in enumerate(criteria, 1)
    ]
    given += [("reward", each) for each in of_jobs] + found.graders
    graders: dict[str, Json] = {}
    for name, definition in given:
        read = accepted(definition, name, notes)
        if read is not None and read not in graders.values():
            named = str(read["name"]) if read["name"] not in graders else f"{read['name']}-{len(graders) + 1}"
            graders[named] = {**read, "name": named}
    if not graders:
        why = [f"{said}." for said in notes.left_out] if given else []
        if found.graded_by:
            why = [f"The rows were graded by {listed(sorted(found.graded_by), 6)}; the eval's own JSON says how."]
        raise InvalidRequest(" ".join(["There is no grader that can be carried over; add one as JSON.", *why]))
    if wanted or len(graders) == 1:
        return graders, _one_of(graders, wanted)
    if of_jobs:
        of_the_eval = {str(each.get("name")) for each in criteria}
        return graders, next((name for name in graders if name not in of_the_eval), next(iter(graders)))
    if criteria and not found.graders:
        return _all_criteria(graders, notes)
    raise InvalidRequest(f"Which grader is the reward? Name one of {listed(list(map(quoted, graders)), 12)}.")


def _one_of(graders: Mapping[str, Json], wanted: str) -> str:
    if not wanted:
        return next(iter(graders))
    if wanted not in graders:
        raise NotFound(f"There is no grader {quoted(wanted)} for the reward; {nearest(wanted, graders)}")
    return wanted


def _all_criteria(graders: Mapping[str, Json], notes: Notes) -> tuple[dict[str, Json], str]:
    """Return one grader in which an answer is as good as its worst criterion: hosted Evals pass it only if all do."""
    variables = as_variables(graders)
    children = {variables[name]: definition for name, definition in graders.items()}
    if any(child["type"] == "multi" for child in children.values()):
        raise InvalidRequest(f"Which grader is the reward? Name one of {listed(list(map(quoted, graders)), 12)}.")
    worst = f"min({', '.join(_to_one(key, child) for key, child in children.items())})"
    notes.changed.append(
        f"reward: {ALL_CRITERIA}, the worst of {len(children)} criteria: hosted Evals pass an item only if all pass; "
        "another can be named in task.yaml"
    )
    together: Json = {"type": "multi", "name": ALL_CRITERIA, "graders": children, "calculate_output": worst}
    return {ALL_CRITERIA: together}, ALL_CRITERIA


def _to_one(variable: str, definition: Json) -> str:
    """Return a criterion's score as a term from 0 to 1."""
    grader = parse_grader(definition)
    low, high = grader.range if isinstance(grader, ScoreModelGrader) else (0.0, 1.0)
    moved = variable if low == 0 else f"({variable} - {low:g})"
    return moved if high - low == 1 else f"{moved} / {high - low:g}"


def _response_format(found: Found, runs: Sequence[Json], notes: Notes) -> Json | None:
    asked = [
        form
        for run in runs
        for path in (("response_format",), ("text", "format"))
        if isinstance(form := _at(run, "data_source", "sampling_params", *path), dict)
    ]
    trained = [
        form for job in found.jobs if isinstance(form := _at(job, "method", "reinforcement", "response_format"), dict)
    ]
    forms = [*found.schemas, *asked, *trained]
    if any(form.get("type") == "json_object" for form in forms):
        notes.leave_out("response_format json_object", "it asks for JSON of any shape; give a JSON Schema")
    forms = [form for form in forms if form.get("type") not in ("json_object", "text")]
    if any(form != forms[0] for form in forms):
        notes.leave_out("response format", "the files name several that differ; the first is used")
    return forms[0] if forms else None


def _hyperparameters(jobs: Sequence[Json], notes: Notes) -> dict[str, object]:
    given = _at(jobs[0], "method", "reinforcement", "hyperparameters") if jobs else None
    known = HyperparameterChoice.model_fields
    for job in jobs:
        notes.leave_out(f"model {job.get('model')}", "name one with model= at a launch")
    if not isinstance(given, dict):
        return {}
    for key in given.keys() - known.keys():
        notes.leave_out(f"hyperparameter {key}", "no launch here sets it")
    return {key: value for key, value in given.items() if key in known and value not in _SET_ELSEWHERE}


# -- what a task cannot hold ------------------------------------------------------------------------------------------


def _leave_out_the_rest(found: Found, runs: Sequence[Json], the_eval: Json | None, notes: Notes) -> None:
    kind = _at(the_eval, "data_source_config", "type")
    if kind not in (None, "custom"):
        notes.leave_out(f"data source {kind}", "new rows no longer come in from logs; the task has the rows given here")
    for run in runs:
        label = quoted(run.get("name") or run.get("id"))
        if model := _at(run, "data_source", "model"):
            notes.leave_out(f"model {model} of run {label}", "name one with model= for each eval")
        params = _at(run, "data_source", "sampling_params")
        if isinstance(params, dict) and (left := _set(params)):
            notes.leave_out(f"{listed(left, 8)} of run {label}", "evals here ask as the platform does")
    answers = sum(bool(_at(output, "sample")) for output in found.outputs)
    if answers or any(run.get("result_counts") for run in runs):
        notes.leave_out(f"{counted(answers, 'answer')} with results" if answers else "results", _NO_RESULTS)


def _set(params: Json) -> list[str]:
    """Return the sampling settings that a run names, apart from the form of its answers."""
    known = {"response_format", "text"}
    return [f"{key} {json.dumps(held)[:40]}" for key, held in params.items() if key not in known and held is not None]


def _at(value: object, *path: str) -> object:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
