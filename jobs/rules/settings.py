"""A task's own thresholds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Final

from jobs.core.errors import InvalidRequest
from jobs.rules.alert import Rule
from jobs.rules.rules import RULES


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Which rules look at a task's jobs, with which thresholds.

    Args:
        rules: those that look, in the order of `RULES`.
        changes: what a task changed, as `of` takes it; a job's record keeps it.
    """

    rules: tuple[Rule, ...] = RULES
    changes: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, changes: Mapping[str, object]) -> "AlertSettings":
        """Return the default settings with changes: rule id to {threshold: number}, or to False for a rule left out.

        Raises:
            InvalidRequest: where a rule or a threshold is unknown, or a value is not a number that is >= 0.
        """
        _known(changes, [rule.rule for rule in RULES], "rule")
        changed = (_changed(rule, changes.get(rule.rule, {})) for rule in RULES)
        return cls(tuple(rule for rule in changed if rule is not None), changes)


DEFAULT_ALERTS: Final = AlertSettings()


def _changed(rule: Rule, change: object) -> Rule | None:
    if change is False:
        return None
    if not isinstance(change, Mapping):
        raise InvalidRequest(f"alerts.{rule.rule}: give thresholds by name, or false to leave the rule out.")
    defaults = {f.name: f.default for f in fields(rule) if isinstance(f.default, int | float)}
    _known(change, defaults, f"threshold of {rule.rule}")
    return replace(rule, **{name: _number(rule, name, value, defaults[name]) for name, value in change.items()})


def _number(rule: Rule, name: str, value: object, default: float) -> float:
    kind = "a whole number from 1 up" if isinstance(default, int) else "a number from 0 up"
    fits = isinstance(value, int if isinstance(default, int) else int | float) and not isinstance(value, bool)
    if not fits or not isinstance(value, int | float) or not isinstance(default, int) <= value < float("inf"):
        raise InvalidRequest(f"alerts.{rule.rule}.{name} is {kind}, not {value!r}.")
    return value


def _known(given: Iterable[object], known: Iterable[str], what: str) -> None:
    names = list(known)
    for name in given:
        if name not in names:
            near = get_close_matches(str(name), names, 1, 0.4)
            hint = f"; the nearest is {near[0]}" if near else ""
            raise InvalidRequest(f"alerts: there is no {what} called {name}{hint}. There are {', '.join(names)}.")
