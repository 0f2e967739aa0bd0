"""Reads task.yaml: which keys it may have, what they mean, and on which line one is wrong."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from jobs.errors import InvalidRequest
from jobs.hyperparameters import SETTINGS, Setting
from jobs.records import Hyperparameters
from jobs.tasks.records import LaunchDefaults
from jobs.tasks.wording import kind, nearest, quoted

KEYS = ("title", "description", "prompt", "reward", "defaults", "approvers", "quorum")
DEFAULT_KEYS = ("model", "platform", "hyperparameters")


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError(text)
    return value


HYPERPARAMETERS: Mapping[str, Setting] = {
    **{setting.field: setting for setting in SETTINGS},
    "learning_rate_multiplier": Setting("", "learning_rate_multiplier", _positive, "a number above 0"),
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What task.yaml says, and the line of each of its keys (dotted path to line number)."""

    title: str
    description: str
    prompt: str | None
    reward: str | None
    defaults: LaunchDefaults
    approvers: tuple[str, ...]
    quorum: int
    lines: Mapping[str, int] = field(default_factory=dict)


def read_manifest(text: str, where: str, name: str) -> Manifest:
    """Read the text of a task.yaml; raise InvalidRequest naming file, line and key."""
    page = _Page(where, *_loaded(text, where))
    page.only(page.values, "", KEYS)
    return Manifest(
        title=page.text("title") or name,
        description=page.text("description") or "",
        prompt=page.text("prompt"),
        reward=page.text("reward"),
        defaults=_defaults(page),
        approvers=_approvers(page),
        quorum=page.count("quorum", page.values, 20) or 2,
        lines=page.lines,
    )


class _Page:
    """The parsed file together with the line of each key, so that every complaint can name it."""

    def __init__(self, where: str, values: dict[str, object], lines: dict[str, int]) -> None:
        self.where, self.values, self.lines = where, values, lines

    def refuse(self, path: str, complaint: str) -> NoReturn:
        raise InvalidRequest(f"{self.where} line {self.lines.get(path, 1)}: {quoted(path)} {complaint}")

    def only(self, values: Mapping[str, object], under: str, known: tuple[str, ...]) -> None:
        for key in values:
            if key not in known:
                self.refuse(f"{under}{key}", f"is not a key of task.yaml; {nearest(str(key), known)}")

    def text(self, path: str, values: Mapping[str, object] | None = None) -> str | None:
        value = (self.values if values is None else values).get(path.rpartition(".")[2])
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            self.refuse(path, f"must be text, not {kind(value)}; put it in quotes.")
        return str(value).strip()

    def section(self, path: str, values: Mapping[str, object]) -> dict[str, object]:
        value = values.get(path.rpartition(".")[2])
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.refuse(path, f"must hold keys of its own, not {kind(value)}.")
        return value

    def number(self, path: str, values: Mapping[str, object], smallest: float, largest: float) -> float | None:
        """The number under a key; None where it is absent or 'auto', which leaves the choice to others."""
        value = values.get(path.rpartition(".")[2])
        if value is None or value == "auto":
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not smallest <= value <= largest:
            self.refuse(path, f"must be a number from {smallest:g} to {largest:g}, not {quoted(value)}.")
        return value

    def count(self, path: str, values: Mapping[str, object], largest: int) -> int | None:
        """The whole number, at least 1, under a key."""
        value = self.number(path, values, 1, largest)
        if isinstance(value, float):
            self.refuse(path, f"must be a whole number, not {quoted(value)}.")
        return value


def _defaults(page: _Page) -> LaunchDefaults:
    values = page.section("defaults", page.values)
    page.only(values, "defaults.", DEFAULT_KEYS)
    return LaunchDefaults(
        model=page.text("defaults.model", values),
        platform=page.text("defaults.platform", values),
        hyperparameters=_hyperparameters(page, page.section("defaults.hyperparameters", values)),
    )


def _hyperparameters(page: _Page, values: Mapping[str, object]) -> Hyperparameters:
    page.only(values, "defaults.hyperparameters.", tuple(HYPERPARAMETERS))
    # Only the keys and values that their readers let through get here.
    given: dict[str, Any] = {
        name: _hyperparameter(page, HYPERPARAMETERS[name], value)
        for name, value in values.items()
        if value is not None and value != "auto"
    }
    return Hyperparameters(**given)


def _hyperparameter(page: _Page, setting: Setting, value: object) -> float | int | str:
    try:
        return setting.read(str(value))
    except ValueError:
        page.refuse(f"defaults.hyperparameters.{setting.field}", f"must be {setting.bounds}, not {quoted(value)}.")


def _approvers(page: _Page) -> tuple[str, ...]:
    value = page.values.get("approvers")
    if value is None:
        return ()
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        page.refuse("approvers", "must be a list of Slack user-group handles or user ids, each a text.")
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
