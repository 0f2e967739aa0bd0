"""Texts with places to fill in: `{{ item.x.y }}`, `{{ sample.output_text }}`, `{{ sample.output_json.z[0] }}`.

The fine-tuning API does not say how it writes values that are not text. Here a text stands as it is, and anything else
as JSON: a list as `["a", "b"]`, a number as `3`, nothing as `null`.
"""

from json import dumps
from re import compile as pattern

ROOTS = ("item", "sample")
SAMPLE_KEYS = ("choices", "output_text", "output_json", "output_tools", "output_audio")
INVALID_VARIABLE = "invalid_variable_error"
SAMPLE_PARSE = "sample_parse_error"

_PLACE = pattern(r"\{\{(.*?)\}\}")
_PATH = pattern(r"\s*([A-Za-z_]\w*)((?:\.[\w-]+|\[\d+\])*)\s*")
_STEP = pattern(r"\.([\w-]+)|\[(\d+)\]")

Step = str | int
Part = str | tuple[Step, ...]
"""A piece of text as it stands, or the path of a value."""


class BadTemplate(ValueError):
    """The text has a place that cannot be filled in; the text says which."""


class Unfilled(Exception):
    """There is no value for a place.

    Args:
        kind: the kind of error, as the fine-tuning API spells it.
        detail: for people.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


def read_template(text: str) -> tuple[Part, ...]:
    """The parts of `text`.

    Raises:
        BadTemplate: what stands between `{{` and `}}` is no path, or does not begin with item or sample.
    """
    parts: list[Part] = []
    position = 0
    for place in _PLACE.finditer(text):
        parts += [text[position : place.start()], _path(place[1])]
        position = place.end()
    parts.append(text[position:])
    return tuple(part for part in parts if part != "")


def _path(text: str) -> tuple[Step, ...]:
    shown = "{{" + text[:80] + "}}"
    found = _PATH.fullmatch(text)
    if found is None:
        msg = f"`{shown}` is no path, such as {{{{ item.reference_answer }}}} or {{{{ sample.output_json.labels[0] }}}}"
        raise BadTemplate(msg)
    if found[1] not in ROOTS:
        msg = f"`{shown}` must begin with item or sample"
        raise BadTemplate(msg)
    steps = tuple(name or int(index) for name, index in _STEP.findall(found[2]))
    if found[1] == "sample" and (not steps or steps[0] not in SAMPLE_KEYS):
        msg = f"`{shown}` is not there: a sample has {', '.join(SAMPLE_KEYS)}"
        raise BadTemplate(msg)
    return (found[1], *steps)


def filled(parts: tuple[Part, ...], sample: object, item: object) -> str:
    """The text with a value in every place.

    Raises:
        Unfilled: the item has no such field, or the answer is not JSON or has no such field.
    """
    roots = {"item": item, "sample": sample}
    return "".join(part if isinstance(part, str) else _text(_value(part, roots)) for part in parts)


def _value(path: tuple[Step, ...], roots: dict[str, object]) -> object:
    value: object = roots
    for depth, step in enumerate(path):
        if isinstance(value, dict) and str(step) in value:
            value = value[str(step)]
        elif isinstance(value, list) and _index(step) < len(value):
            value = value[_index(step)]
        else:
            raise _missing(path, depth, value)
    return value


def _index(step: Step) -> int:
    """The place in a list that a step names, `[0]` or `.0`; beyond any list where it names none."""
    return int(step) if isinstance(step, int) or (step.isascii() and step.isdigit() and len(step) < 10) else 1 << 62


def _missing(path: tuple[Step, ...], depth: int, value: object) -> Unfilled:
    whole = _shown(path)
    if path[:2] == ("sample", "output_json") and value is None and depth == 2:
        return Unfilled(SAMPLE_PARSE, f"the answer is not JSON, so it has no {whole}")
    there = f"; {_shown(path[:depth])} has {_keys(value)}" if depth > 1 else f"; the item has {_keys(value)}"
    return Unfilled(INVALID_VARIABLE, f"there is no {whole}{there}")


def _keys(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(str(key)[:40] for key in list(value)[:12]) or "no fields"
    if isinstance(value, list):
        return "1 entry" if len(value) == 1 else f"{len(value)} entries"
    return "no fields"


def _shown(path: tuple[Step, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]


def _text(value: object) -> str:
    return value if isinstance(value, str) else dumps(value, ensure_ascii=False)
