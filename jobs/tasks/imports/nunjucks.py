"""The part of Promptfoo's templates (Nunjucks) that can be carried over: `{{ path }}`, and text within `{% raw %}`."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

_PIECE: Final = re.compile(
    r"\{%-?\s*raw\s*-?%\}(?P<raw>.*?)\{%-?\s*endraw\s*-?%\}|\{\{-?(?P<path>.*?)-?\}\}|\{#.*?#\}|(?P<other>\{%.*?%\})",
    re.DOTALL,
)
_PATH: Final = re.compile(r"\s*([A-Za-z_]\w*)((?:\.\w+|\[\d+\]|\[\s*(?:'[^']*'|\"[^\"]*\")\s*\])*)\s*(?:\|\s*safe\s*)?")
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]|\[\s*['\"]([^'\"]*)['\"]\s*\]")
_VARIABLE: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_PASSES: Final = 5
"""How often Promptfoo fills variables in variables."""
LONGEST: Final = 4 * 1024 * 1024


class NotCarried(ValueError):
    """A template does what this cannot follow; the text says what."""


def render(template: str, variables: Mapping[str, object]) -> str:
    """Return a template with each placeholder filled as Promptfoo fills it; one without a value is empty.

    Raises:
        NotCarried: it uses filters, conditions or loops, or grows too long.
    """
    text = _replaced(template, lambda path: js_text(_value(path, variables)))
    if len(text) > LONGEST:
        raise NotCarried("it grows too long when it is filled")
    return text


def as_grader_template(template: str, roots: Mapping[str, str]) -> str:
    """Return a template in the graders' spelling: `{{ city }}` is `{{item.city}}`, unless `roots` says otherwise.

    Raises:
        NotCarried: as `render` does, or it holds braces that a grader would take for a placeholder.
    """

    def spelled(path: tuple[str, ...]) -> str:
        if not all(re.fullmatch(r"[\w-]+", step) for step in path):
            raise NotCarried("it names a variable that a grader's template cannot name")
        return "{{" + ".".join((roots.get(path[0], f"item.{path[0]}"), *path[1:])) + "}}"

    if any("{{" in found["raw"] for found in _PIECE.finditer(template) if found["raw"]):
        raise NotCarried("it holds literal braces, which a grader's template has no spelling for")
    return _replaced(template, spelled)


def is_template(text: str) -> bool:
    """Tell whether a text has anything to fill."""
    return _PIECE.search(text) is not None


def escaped(text: str) -> str:
    """Return a text so that Nunjucks leaves it as it is."""
    return "{% raw %}" + text + "{% endraw %}" if re.search(r"\{[{%#]", text) else text


def resolved(variables: Mapping[str, object]) -> dict[str, object]:
    """Return variables as Promptfoo uses them: without a last line end, and with variables in them filled."""
    held = {name: re.sub(r"\n$", "", value) if isinstance(value, str) else value for name, value in variables.items()}
    for _ in range(_PASSES):
        before = dict(held)
        for name, value in before.items():
            found = _VARIABLE.search(value) if isinstance(value, str) else None
            if found and found[1] in held and isinstance(value, str):
                held[name] = value.replace(found[0], js_text(held[found[1]]), 1)
                if len(str(held[name])) > LONGEST:
                    raise NotCarried(f"the variable {name} grows too long when it is filled")
        if held == before:
            break
    return held


def js_text(value: object) -> str:
    """Return a value as JavaScript puts it into a text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return ",".join(map(js_text, value))
    if isinstance(value, Mapping):
        raise NotCarried("it puts an object into a text")
    return json.dumps(value)


def _replaced(template: str, spelled: Callable[[tuple[str, ...]], str]) -> str:
    def piece(found: re.Match[str]) -> str:
        if found["other"]:
            raise NotCarried(f"it uses {' '.join(found['other'].split())[:40]}")
        if found["raw"] is not None:
            return found["raw"]
        if found["path"] is None:
            return ""
        known = _PATH.fullmatch(found["path"])
        if known is None or known[1] == "env":
            raise NotCarried("it uses {{" + found["path"][:40] + "}}")
        return spelled((known[1], *(step[1] or step[2] or step[3] for step in _STEP.finditer(known[2]))))

    return _PIECE.sub(piece, template)


def _value(path: tuple[str, ...], variables: Mapping[str, object]) -> object:
    value: object = variables
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
