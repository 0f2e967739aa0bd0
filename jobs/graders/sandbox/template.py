"""Texts with placeholders: `{{ item.x.y }}`, `{{ sample.output_text }}`, `{{ sample.output_json.z[0] }}`.

The fine-tuning API does not say how it writes values that are not text. Here text is inserted as it is, and anything
else as JSON: a list as `["a", "b"]`, a number as `3`, nothing as `null`.
"""

from functools import lru_cache
from json import dumps
from re import Match
from re import compile as pattern

from .errors import GraderErrorKind, GradingError

ROOTS = ("item", "sample")
SAMPLE_KEYS = ("choices", "output_text", "output_json", "output_tools", "output_audio")

_PLACEHOLDER = pattern(r"\{\{(.*?)\}\}")
_PATH = pattern(r"\s*([A-Za-z_]\w*)((?:\.[\w-]+|\[\d+\])*)\s*")
_INDEX = pattern(r"[0-9]{1,9}")
_STEP = pattern(r"\.([\w-]+)|\[(\d+)\]")

Path = tuple[tuple[str, str], ...]
"""Each step, and the path up to it as text."""


class BadTemplate(ValueError):
    """A placeholder can never be filled; the text says which."""


def check_template(text: str) -> None:
    """Check every placeholder.

    Raises:
        BadTemplate: one is not a path, or does not begin with item or sample.
    """
    for placeholder in _PLACEHOLDER.finditer(text):
        _path(placeholder[1])


def fill(template: str, sample: object, item: object) -> str:
    """The text with a value for every placeholder.

    Raises:
        GradingError: the item has no such field, or the answer is not JSON or has no such field.
    """
    roots = {"item": item, "sample": sample}

    def value(placeholder: Match[str]) -> str:
        found = _value(_path(placeholder[1]), roots)
        return found if isinstance(found, str) else dumps(found, ensure_ascii=False)

    return _PLACEHOLDER.sub(value, template)


def item_paths(template: str) -> tuple[tuple[str, ...], ...]:
    """The steps from the item to each field of it that a placeholder names; () is the item itself."""
    paths = (_path(placeholder[1]) for placeholder in _PLACEHOLDER.finditer(template))
    return tuple(tuple(step for step, _ in path[1:]) for path in paths if path[0][0] == "item")


@lru_cache(maxsize=256)
def _path(text: str) -> Path:
    shown = "{{" + text[:80] + "}}"
    found = _PATH.fullmatch(text)
    if found is None:
        raise BadTemplate(
            f"`{shown}` is not a path such as {{{{ item.reference_answer }}}} or {{{{ sample.output_json.labels[0] }}}}"
        )
    root, rest = found.groups()
    if root not in ROOTS:
        raise BadTemplate(f"`{shown}` must begin with item or sample")
    steps = [(step[1] or step[2], root + rest[: step.end()]) for step in _STEP.finditer(rest)]
    if root == "sample" and (not steps or steps[0][0] not in SAMPLE_KEYS):
        raise BadTemplate(f"`{shown}` does not exist: a sample has {', '.join(SAMPLE_KEYS)}")
    return ((root, root), *steps)


def _value(path: Path, roots: dict[str, object]) -> object:
    value: object = roots
    for depth, (step, _) in enumerate(path):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and _INDEX.fullmatch(step) and int(step) < len(value):
            value = value[int(step)]
        else:
            raise _missing(path, depth, value)
    return value


def _missing(path: Path, depth: int, value: object) -> GradingError:
    whole, before = path[-1][1], path[depth - 1][1]
    if before == "sample.output_json" and value is None:
        return GradingError(GraderErrorKind.SAMPLE_PARSE_ERROR, f"the answer is not JSON, so it has no {whole}")
    parent = "the item" if depth == 1 else before
    return GradingError(GraderErrorKind.INVALID_VARIABLE_ERROR, f"there is no {whole}; {parent} has {_content(value)}")


def _content(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(str(key)[:40] for key in list(value)[:12]) or "no fields"
    if isinstance(value, list):
        return "1 entry" if len(value) == 1 else f"{len(value)} entries"
    return "no fields"
