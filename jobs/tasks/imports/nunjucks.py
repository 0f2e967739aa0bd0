"""The part of Promptfoo's templates (Nunjucks) that can be carried over: `{{ path }}`, and text within `{% raw %}`."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

_OPENING: Final = re.compile(r"\{[{%#]")
_CLOSINGS: Final = {"{{": "}}", "{%": "%}", "{#": "#}"}
_RAW: Final = re.compile(r"-?\s*raw\s*-?")
_END_OF_RAW: Final = re.compile(r"\{%-?\s*endraw\s*-?%\}")
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

    if any("{{" in text for text, path in _pieces(template) if path is None):
        raise NotCarried("it holds literal braces, which a grader's template has no spelling for")
    return _replaced(template, spelled)


def is_template(text: str) -> bool:
    """Tell whether a text has anything to fill."""
    return _OPENING.search(text) is not None


def escaped(text: str) -> str:
    """Return a text so that Nunjucks leaves it as it is."""
    return "{% raw %}" + text + "{% endraw %}" if is_template(text) else text


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
    return "".join(text if path is None else spelled(path) for text, path in _pieces(template))


def _pieces(template: str) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """Yield the texts of a template, each with None, and the paths of its placeholders; in one pass, however odd it is.

    Raises:
        NotCarried: something else stands in it, or something is not closed.
    """
    at = 0
    while opening := _OPENING.search(template, at):
        yield template[at : opening.start()], None
        end = template.find(_CLOSINGS[opening[0]], opening.end())
        if end < 0:
            raise NotCarried(f"it opens {opening[0]} and does not close it")
        inner, at = template[opening.end() : end], end + 2
        if opening[0] == "{{":
            yield "", _path(inner)
        elif opening[0] == "{%":
            closing = _END_OF_RAW.search(template, at) if _RAW.fullmatch(inner) else None
            if closing is None:
                raise NotCarried(f"it uses {{% {' '.join(inner.split())[:40]} %}}")
            yield template[at : closing.start()], None
            at = closing.end()
    yield template[at:], None


def _path(text: str) -> tuple[str, ...]:
    known = _PATH.fullmatch(text.strip().strip("-"))
    if known is None or known[1] == "env":
        raise NotCarried("it uses {{" + text[:40] + "}}")
    return (known[1], *(step[1] or step[2] or step[3] for step in _STEP.finditer(known[2])))


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
