"""Reads a Promptfoo config: its prompts and tests become rows, its assertions graders."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from charts.wording import listed
from jobs.core.errors import InvalidRequest, NotFound
from jobs.core.nearest import nearest, quoted
from jobs.core.validation import MOST_YAML_VALUES, read_yaml_value
from jobs.tasks.files import lines, parsed
from jobs.tasks.imports.draft import (
    Conversation,
    Draft,
    ImportOptions,
    Item,
    Json,
    Notes,
    Variant,
    asked_with,
    conversation_in,
    is_conversation,
    slug,
    split_of,
    with_reference,
)
from jobs.tasks.imports.given import GivenFiles
from jobs.tasks.imports.nunjucks import NotCarried, render
from jobs.tasks.imports.promptfoo_assertions import graders_of
from jobs.tasks.imports.promptfoo_tests import Test, read_tests

_KEYS: Final = frozenset({"description", "prompts", "tests", "defaultTest", "providers", "targets"})
_HARMLESS: Final = frozenset(
    {"$schema", "sharing", "outputPath", "tags", "commandLineOptions", "metadata", "writeLatestResults"}
)
_CODE: Final = frozenset({"js", "ts", "mjs", "cjs", "py", "rb", "sh"})
_MOST_REFERENCES: Final = 20
_BETWEEN_PROMPTS: Final = re.compile(r"^---[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """One prompt: a template of text, or of messages where it is a list."""

    label: str
    template: str | Conversation

    def conversation(self, variables: Mapping[str, object], options: Mapping[str, object]) -> Conversation:
        """Return the messages that a model gets; raises NotCarried where the template cannot be followed."""
        if isinstance(self.template, list):
            filled = [{**each, "content": _filled(each.get("content"), variables)} for each in self.template]
            return conversation_in(filled, self.label)
        around = (str(options.get("prefix") or ""), str(options.get("suffix") or ""))
        text = render(f"{around[0]}{self.template}{around[1]}", variables)
        try:
            said = json.loads(text)
        except ValueError:
            said = None
        if is_conversation(said):
            return conversation_in(said, self.label)
        return [{"role": "user", "content": text}]


def is_promptfoo(value: object) -> bool:
    """Tell whether a value is a Promptfoo config."""
    return isinstance(value, dict) and "prompts" in value and bool({"tests", "providers", "targets"} & value.keys())


def config_of_results(value: object) -> Json | None:
    """Return the config that the results of a Promptfoo eval stand for; None if it is something else.

    A results file names its prompts and tests as they were run; the files that its config named may be gone.
    """
    match value:
        case {"config": dict(config), "results": {"results": [*results], "prompts": [*prompts]}}:
            tests: dict[object, object] = {
                result.get("testIdx"): result["testCase"]
                for result in results
                if isinstance(result, dict) and isinstance(result.get("testCase"), dict)
            }
            raw = {json.dumps(each.get("raw")): each for each in prompts if isinstance(each, dict)}
            kept: Json = {key: held for key, held in config.items() if key in {"description", "providers"}}
            plain = {"options": {"disableVarExpansion": True}}  # each result is of one value already
            return {**kept, "prompts": list(raw.values()), "tests": list(tests.values()), "defaultTest": plain}
    return None


def read_promptfoo(config: Json, where: str, given: GivenFiles, options: ImportOptions, notes: Notes) -> Draft:
    """Return a config as a draft of a task.

    Raises:
        UserError: no test, no prompt or no assertion of it can be carried over; says why.
    """
    config = _dereferenced(config)
    for key in config.keys() - _KEYS - _HARMLESS:
        if key != "assertionTemplates":
            notes.leave_out(key, "a task has nothing like it")
    prompts = _picked(list(_prompts(config.get("prompts"), where, given, notes)), options.pick)
    tests = _with_assertions(read_tests(config, where, given, notes), notes)
    if not prompts or not tests:
        raise InvalidRequest(_nothing_in(where, "prompt" if not prompts else "test with an assertion", notes))
    response_format = _providers(config, where, given, notes)
    graders = graders_of(tests, where, given, options.judge, notes, is_parsed=response_format is not None)
    title = str(config.get("description") or "")
    asked, versions = asked_with(graders.items, _variants(prompts, graders.tests, notes), notes)
    rows: dict[str, list[Item]] = {}
    for test, row in zip(graders.tests, with_reference(asked, graders.definitions, notes), strict=True):
        split = (split_of(test.split) if test.split else None) or options.split or "valid"
        rows.setdefault(split, []).append(row)
    return Draft(
        name=slug(options.name or title) or "promptfoo",
        title=title or options.name or "Imported from Promptfoo",
        source=f"the Promptfoo config {where}",
        rows=rows,
        prompts=versions,
        graders=graders.definitions,
        reward=graders.reward,
        response_format=response_format,
    )


def _with_assertions(tests: Sequence[Test], notes: Notes) -> list[Test]:
    without = [test.label for test in tests if not test.assertions]
    if without:
        notes.leave_out(f"tests {listed(without, 5)}", "nothing is asserted of their answers")
    return [test for test in tests if test.assertions]


def _nothing_in(where: str, what: str, notes: Notes) -> str:
    return (
        f"{where} has no {what} that can be carried over. {' '.join(f'{said}.' for said in notes.left_out[:6])}".strip()
    )


def _dereferenced(config: Json) -> Json:
    """Return a config with each `$ref: '#/...'` replaced by what it names within the config."""
    left = MOST_YAML_VALUES

    def within(value: object, references: int) -> object:
        nonlocal left
        left -= 1
        if left < 0 or references > _MOST_REFERENCES:
            raise InvalidRequest("The config refers to itself without end.")
        if isinstance(value, list):
            return [within(each, references) for each in value]
        if not isinstance(value, dict):
            return value
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/"):
            found: object = config
            for step in reference[2:].split("/"):
                found = found.get(step) if isinstance(found, dict) else None
            return within(found, references + 1)
        return {key: within(held, references) for key, held in value.items()}

    return {key: within(held, 0) for key, held in config.items()}


# -- prompts ----------------------------------------------------------------------------------------------------------


def _prompts(prompts: object, where: str, given: GivenFiles, notes: Notes) -> Iterator[PromptTemplate]:
    entries = list(prompts) if isinstance(prompts, list | dict) else [prompts]
    for number, entry in enumerate(entries, 1):
        match entry:
            case {"raw": str(text), **more}:
                yield _from_text(text, str(more.get("label") or more.get("id") or f"v{number}"))
            case {"id": str(reference), **more}:
                yield from _from_reference(reference, str(more.get("label") or ""), number, where, given, notes)
            case str(reference):
                yield from _from_reference(reference, "", number, where, given, notes)
            case _:
                notes.leave_out(f"prompt {number}", "it is neither text nor a file")


def _from_reference(
    reference: str, label: str, number: int, where: str, given: GivenFiles, notes: Notes
) -> Iterator[PromptTemplate]:
    ending = reference.rpartition(".")[2].partition(":")[0].lower()
    is_file = reference.startswith("file://") or (
        len(reference) < 300 and "\n" not in reference and "{{" not in reference
    )
    files = given.find(reference, where) if is_file else ()
    if files:
        for file in files:
            yield from _in_file(file, label, given, notes)
    elif reference.startswith("file://") or (is_file and " " not in reference and ending in _CODE):
        why = "code is not executed" if ending in _CODE else "it was not given"
        notes.leave_out(f"prompt {reference}", why)
    else:
        yield _from_text(reference, label or f"v{number}")


def _in_file(file: str, label: str, given: GivenFiles, notes: Notes) -> Iterator[PromptTemplate]:
    name = label or file.rpartition("/")[2].rpartition(".")[0]
    match file.rpartition(".")[2].lower():
        case ending if ending in {*_CODE, "csv"}:
            notes.leave_out(
                f"prompt {file}", "code is not executed" if ending in _CODE else "prompts in CSV are not read"
            )
        case "yaml" | "yml":
            value = read_yaml_value(given.text(file), file)
            yield _from_text(value if isinstance(value, str) else json.dumps(value), name)
        case "jsonl":
            for number, line in lines(given.text(file)):
                yield _from_text(line, f"{name}-{number}")
        case "txt":
            texts = [text.strip() for text in _BETWEEN_PROMPTS.split(given.text(file)) if text.strip()]
            for number, text in enumerate(texts, 1):
                yield _from_text(text, name if len(texts) == 1 else f"{name}-{number}")
        case "json":
            parsed(given.text(file), file)
            yield _from_text(given.text(file), name)
        case _:
            yield _from_text(given.text(file).strip(), name)


def _from_text(text: str, label: str) -> PromptTemplate:
    """A prompt that is JSON as it stands is filled within its texts, as Promptfoo does."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return PromptTemplate(label, text)
    return PromptTemplate(label, value if is_conversation(value) else text)


def _picked(prompts: list[PromptTemplate], pick: str) -> list[PromptTemplate]:
    if not pick:
        return prompts
    picked = [prompt for prompt in prompts if prompt.label == pick]
    if not picked:
        raise NotFound(f"There is no prompt {quoted(pick)}; {nearest(pick, [prompt.label for prompt in prompts])}")
    return picked


def _variants(prompts: Sequence[PromptTemplate], tests: Sequence[Test], notes: Notes) -> list[Variant]:
    variants: list[Variant] = []
    for prompt in prompts:
        try:
            variants.append(
                Variant(prompt.label, [prompt.conversation(test.variables, test.options) for test in tests])
            )
        except NotCarried as reason:
            notes.leave_out(f"prompt {quoted(prompt.label)}", str(reason))
    if not variants:
        raise InvalidRequest(_nothing_in("The config", "prompt", notes))
    return variants


def _filled(content: object, variables: Mapping[str, object]) -> object:
    if isinstance(content, str):
        return render(content, variables)
    if isinstance(content, list):
        return [_filled(part, variables) for part in content]
    if isinstance(content, dict):
        return {key: _filled(held, variables) for key, held in content.items()}
    return content


# -- providers --------------------------------------------------------------------------------------------------------


def _providers(config: Json, where: str, given: GivenFiles, notes: Notes) -> Json | None:
    """Return the response format that all providers ask for; everything else about them is noted."""
    forms: list[object] = []
    providers = config.get("providers") or config.get("targets") or []
    for provider in providers if isinstance(providers, list) else [providers]:
        name, settings = _named(provider)
        if name != "echo":
            notes.leave_out(f"provider {name}", "choose a model with model= for each eval")
        form = settings.get("response_format")
        if isinstance(form, str) and (files := given.find(form, where)):
            form = parsed(given.text(files[0]), files[0])
        forms.append(form)
        for key in settings.keys() - {"response_format"}:
            notes.leave_out(f"{key} of {name}", "evals here ask as the platform does")
    if any(form != forms[0] for form in forms):
        notes.leave_out("response_format", "the providers name different ones")
        return None
    first = forms[0] if forms else None
    return first if isinstance(first, dict) and first.get("type") == "json_schema" else None


def _named(provider: object) -> tuple[str, Json]:
    """Return a provider's id and its settings, in any of the ways in which it may be written."""
    if not isinstance(provider, dict):
        return str(provider), {}
    name = str(provider.get("id") or next(iter(provider), "a provider"))
    inner = provider if "id" in provider else provider.get(name)
    settings = inner.get("config") if isinstance(inner, dict) else None
    return name, settings if isinstance(settings, dict) else {}
