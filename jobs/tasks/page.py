"""A YAML file read so that whatever is wrong in it can be named by file, line and key."""

from collections.abc import Iterator, Mapping
from typing import NoReturn

import yaml

from jobs.core.errors import InvalidRequest
from jobs.core.nearest import kind, nearest, quoted


def read_page(text: str, where: str) -> "Page":
    """Return the YAML in `text`; raise InvalidRequest naming file and line where it is none."""
    return Page(where, *_loaded(text, where))


class Page:
    """The parsed file together with the line of each key (dotted path), so that every complaint can name it.

    A value is asked for with its dotted path and the section it stands in.
    """

    def __init__(self, where: str, values: dict[str, object], lines: dict[str, int]) -> None:
        self.where, self.values, self.lines = where, values, lines

    def refuse(self, path: str, complaint: str) -> NoReturn:
        """Raise InvalidRequest naming file, line and key."""
        raise InvalidRequest(f"{self.where} line {self.lines.get(path, 1)}: {quoted(path)} {complaint}")

    def only(self, values: Mapping[str, object], under: str, known: tuple[str, ...]) -> None:
        """Refuse a key of a section that is not among the known ones."""
        for key in values:
            if key not in known:
                self.refuse(f"{under}{key}", f"is not a key of task.yaml; {nearest(str(key), known)}")

    def text(self, path: str, values: Mapping[str, object] | None = None) -> str | None:
        """Return the text under a key; None where it is absent."""
        value = (self.values if values is None else values).get(path.rpartition(".")[2])
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            self.refuse(path, f"must be text, not {kind(value)}; put it in quotes.")
        return str(value).strip()

    def section(self, path: str, values: Mapping[str, object]) -> dict[str, object]:
        """Return the keys under a key; none where it is absent."""
        value = values.get(path.rpartition(".")[2])
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.refuse(path, f"must hold keys of its own, not {kind(value)}.")
        return value

    def number(self, path: str, values: Mapping[str, object], smallest: float, largest: float) -> float | None:
        """Return the number under a key; None where it is absent or 'auto', which leaves the choice to others."""
        value = values.get(path.rpartition(".")[2])
        if value is None or value == "auto":
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not smallest <= value <= largest:
            self.refuse(path, f"must be a number from {smallest:g} to {largest:g}, not {quoted(value)}.")
        return value

    def count(self, path: str, values: Mapping[str, object], largest: int) -> int | None:
        """Return the whole number, at least 1, under a key."""
        value = self.number(path, values, 1, largest)
        if isinstance(value, float):
            self.refuse(path, f"must be a whole number, not {quoted(value)}.")
        return value

    def flag(self, path: str, values: Mapping[str, object], *, default: bool) -> bool:
        """Return the true or false under a key."""
        value = values.get(path.rpartition(".")[2])
        if value is None:
            return default
        if not isinstance(value, bool):
            self.refuse(path, f"must be true or false, not {quoted(value)}.")
        return value

    def names(self, path: str, value: object, what: str) -> tuple[str, ...]:
        """Return a list of texts, or one text alone, each once and without a leading @."""
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
            self.refuse(path, f"must be a list of {what}, each a text.")
        return tuple(dict.fromkeys(str(name).strip().removeprefix("@") for name in names))


def _loaded(text: str, where: str) -> tuple[dict[str, object], dict[str, int]]:
    try:
        lines = dict(_key_lines(yaml.compose(text, Loader=yaml.SafeLoader), where))
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidRequest(f"{where} line {line} is not YAML: {error.problem or error.context}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InvalidRequest(f"{where} is not YAML that can be read: {reason}.") from error
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise InvalidRequest(f"{where} must hold keys such as 'title' and 'reward', not {kind(values)}.")
    return values, lines


def _key_lines(node: yaml.Node | None, where: str, under: str = "", depth: int = 0) -> Iterator[tuple[str, int]]:
    """Each key's dotted path and line; a key written twice is refused, because YAML would drop the first in silence."""
    if not isinstance(node, yaml.MappingNode) or depth > 2:
        return
    seen: set[str] = set()
    for key, value in node.value:
        path, line = f"{under}{key.value}", key.start_mark.line + 1
        if path in seen:
            raise InvalidRequest(f"{where} line {line}: {quoted(path)} is written twice.")
        seen.add(path)
        yield path, line
        yield from _key_lines(value, where, f"{path}.", depth + 1)
