"""A task as an import makes it, before it is written; and how conversations become prompts and rows."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Final, TypeGuard

from charts.wording import counted
from jobs.core.errors import InvalidRequest
from jobs.core.nearest import kind, quoted
from jobs.graders import parse_grader, with_names
from jobs.graders.fields import InvalidGrader
from jobs.graders.formula import FUNCTIONS
from jobs.tasks.labels import REFERENCE

TEXT: Final = "text_input"
MESSAGES: Final = "messages"
MOST_OPEN: Final = 100
_INSTRUCTED: Final = (["developer", "user"], ["system", "user"])
_SPLIT_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "val", "validation", "dev"), "valid"),
    **dict.fromkeys(("test", "holdout"), "test"),
    "pool": "pool",
}

Json = dict[str, object]
Item = dict[str, object]
Conversation = list[Json]


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What a person may say where the files do not.

    Attributes:
        name: what the task is called; "" takes the export's name, and another where that is taken.
        input: the field of each item that a model is asked with.
        reward: the grader that training climbs, where the files hold several.
        pick: the name or id of the eval, or the label of the prompt, where the files hold several.
        judge: the model that judges where the files name none.
        split: the split that the rows become where their files' names do not say it.
    """

    name: str = ""
    input: str = ""
    reward: str = ""
    pick: str = ""
    judge: str = ""
    split: str = ""


@dataclass(slots=True)
class Notes:
    """What an import has to say, by name; collected while it reads."""

    changed: list[str] = field(default_factory=list)
    """Carried over in another form."""
    left_out: list[str] = field(default_factory=list)
    """Not carried over, and why."""

    def leave_out(self, what: str, why: str) -> None:
        """Note something that is not carried over, once."""
        if (said := f"{what}: {why}") not in self.left_out:
            self.left_out.append(said)


@dataclass(frozen=True, slots=True)
class Draft:
    """A task that is not written yet."""

    name: str
    title: str
    source: str
    """What it was made from, for people."""
    rows: Mapping[str, Sequence[Item]]
    """By split."""
    prompts: Mapping[str, str]
    """By version, the one that is asked with first."""
    graders: Mapping[str, Json]
    reward: str
    response_format: Json | None = None
    hyperparameters: Mapping[str, object] = field(default_factory=dict)


def split_of(file: str) -> str | None:
    """Return the split that a file's name speaks of (`toy_val.jsonl` is valid); None if it does not."""
    stem = file.rpartition("/")[2].rpartition(".")[0].lower()
    words = [_SPLIT_WORDS[word] for word in re.split(r"[^a-z]+", stem) if word in _SPLIT_WORDS]
    return words[-1] if words else None


def slug(text: str, joint: str = "-") -> str:
    """Return a text as a name of ASCII letters, digits and one joint; "" where nothing of it is left."""
    return re.sub(r"[^A-Za-z0-9]+", joint, text)[:48].strip(joint)


def as_variables(names: Iterable[str]) -> dict[str, str]:
    """Return each name as a variable that a formula may have, no two alike."""
    variables: dict[str, str] = {}
    for name in names:
        plain = slug(name, "_").lower() or "grader"
        plain = f"g_{plain}" if plain[0].isdigit() or plain in FUNCTIONS or iskeyword(plain) else plain
        variables[name] = plain if plain not in variables.values() else f"{plain}_{len(variables) + 1}"
    return variables


def check_braces(template: object) -> None:
    """Refuse templates with very many braces that are never closed: looking for each one's end would take for ever."""
    text = template if isinstance(template, str) else json.dumps(template)
    if max(piece.count("{{") for piece in text.split("}}")) > MOST_OPEN:
        raise InvalidRequest(f"A template opens {{{{ more than {MOST_OPEN} times and does not close it.")


def accepted(definition: Mapping[str, object], name: str, notes: Notes) -> Json | None:
    """Return a grader's definition, with a name; None, and a note, where no such grader exists here."""
    check_braces(definition)
    named = with_names({key: value for key, value in definition.items() if key != "id" and value is not None}, name)
    try:
        parse_grader(named, "grader")
    except InvalidGrader as refused:
        notes.leave_out(f"grader {quoted(named['name'])}", str(refused).removeprefix("grader."))
        return None
    return named


# -- conversations ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to ask: for each item the messages that a model gets."""

    label: str
    conversations: Sequence[Conversation]


def asked_with(items: Sequence[Item], variants: Sequence[Variant], notes: Notes) -> tuple[list[Item], dict[str, str]]:
    """Return the items as rows, and the prompts by version, so that each row asks what the first variant asks.

    Where all conversations begin with the same instruction and end with one message of the user, the instruction is a
    prompt and the message the row's text; other variants that differ in the instruction alone are further prompts.
    Otherwise each row brings its messages, and the other variants are left out.
    """
    first = _prompted(variants[0], items)
    prompts: dict[str, str] = {}
    if first is None:
        rows = [{**item, MESSAGES: said} for item, said in zip(items, variants[0].conversations, strict=True)]
    else:
        rows = [{**item, TEXT: text} for item, text in zip(items, first[1], strict=True)]
    for number, variant in enumerate(variants, 1):
        prompted = _prompted(variant, items)
        if first is not None and prompted is not None and prompted[1] == first[1]:
            label = slug(variant.label) or f"v{number}"
            prompts[label if label not in prompts else f"{label}-{number}"] = prompted[0]
        elif number > 1 and variant.conversations != variants[0].conversations:
            notes.leave_out(
                f"prompt {quoted(variant.label)}",
                "it differs from the first in more than the instruction; import it as a task of its own, picking it",
            )
    return rows, prompts


def _prompted(variant: Variant, items: Sequence[Item]) -> tuple[str, list[str]] | None:
    """Return the one instruction and each item's text, where the conversations are no more than that."""
    instructions: set[str] = set()
    texts: list[str] = []
    for item, said in zip(items, variant.conversations, strict=True):
        if [message.get("role") for message in said] not in _INSTRUCTED:
            return None
        instruction, text = said[0].get("content"), said[1].get("content")
        if not isinstance(instruction, str) or not isinstance(text, str) or not text.strip():
            return None
        if MESSAGES in item or item.get(TEXT, text) != text:
            return None
        instructions.add(instruction.strip())
        texts.append(text)
    return (instructions.pop(), texts) if len(instructions) == 1 and instructions != {""} else None


def is_conversation(value: object) -> TypeGuard[Conversation]:
    """Tell whether a value is a list of messages, each with a role."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and isinstance(one.get("role"), str) for one in value)
    )


def conversation_in(value: object, where: str) -> Conversation:
    """Return messages in the chat API's spelling, of which the responses API's are read too."""
    if not is_conversation(value):
        raise InvalidRequest(f"{where} must be a list of messages, not {kind(value)}.")
    return [
        {**{key: held for key, held in one.items() if key != "type"}, "content": _content(one.get("content"))}
        for one in value
    ]


def _content(value: object) -> object:
    parts = value if isinstance(value, list) else [value]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    if parts and all(isinstance(text, str) for text in texts):
        return "\n".join(map(str, texts))
    return [_part(part) for part in value] if isinstance(value, list) else value


def _part(part: object) -> object:
    match part:
        case {"type": "input_text" | "output_text", "text": text}:
            return {"type": "text", "text": text}
        case {"type": "input_image", "image_url": str(url)}:
            return {"type": "image_url", "image_url": {"url": url}}
    return part


def with_ids(rows: Sequence[Item], notes: Notes) -> list[Item]:
    """Return the rows of a split with ids that tell them apart; a row without one goes by its number."""
    taken: set[str] = set()
    told_apart: list[Item] = []
    for row in rows:
        given, again = row.get("id"), 2
        if isinstance(given, bool) or not isinstance(given, str | int | float) or given == "":
            told_apart.append({key: held for key, held in row.items() if key != "id"})
            continue
        name = str(given)
        while name in taken:
            name, again = f"{given}-{again}", again + 1
        taken.add(name)
        told_apart.append(row if name == str(given) else {**row, "id": name})
    changed = sum(new.get("id") != old.get("id") for new, old in zip(told_apart, rows, strict=True))
    if changed:
        notes.changed.append(
            f"id: {counted(changed, 'row')} had one that another row has, or that is no text or number"
        )
    return told_apart


def with_reference(rows: Sequence[Item], graders: Mapping[str, Mapping[str, object]], notes: Notes) -> list[Item]:
    """Return the rows with the field that the graders compare answers with as `reference_answer` too.

    Only where that is one field for all graders that name one; the graders go on reading it under its own name.
    """
    if any(REFERENCE in row for row in rows):
        return list(rows)
    found = {field for definition in graders.values() for field in _reference_fields(definition)}
    if len(found) != 1 or not all(field in row for row in rows for field in found):
        names = ", ".join(sorted(found)) or "none"
        notes.leave_out(
            REFERENCE, f"the graders compare with {names}; name the right answer in the rows if there is one"
        )
        return list(rows)
    (name,) = found
    notes.changed.append(f"{name}: is each row's {REFERENCE} too, because the graders compare answers with it")
    return [{**row, REFERENCE: row[name]} for row in rows]


def _reference_fields(definition: Mapping[str, object]) -> set[str]:
    children = definition.get("graders")
    if isinstance(children, Mapping):
        return {name for child in children.values() for name in _reference_fields(child)}
    if definition.get("operation") == "ne":
        return set()
    named = re.fullmatch(r"\{\{\s*item\.([\w-]+)\s*\}\}", str(definition.get("reference", "")).strip())
    return {named[1]} if named else set()
