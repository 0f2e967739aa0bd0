"""Every rule with its default thresholds, and a task's changes to them."""

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from functools import lru_cache
from typing import Final

from jobs.core.errors import InvalidRequest
from jobs.core.nearest import nearest, quoted
from jobs.core.records import Job
from jobs.rules.collapse import Collapse
from jobs.rules.grader_errors import GraderBugs, ParseErrors, ProviderErrors
from jobs.rules.grader_scores import ComponentHacking, HeldOutFall, Lopsided
from jobs.rules.length import LengthBlowUp, LengthGrowth, LengthShrink, Truncation
from jobs.rules.no_signal import NoLearning, NoSignal
from jobs.rules.overfitting import HarderValidation, Overfitting, SevereOverfitting, Underpowered
from jobs.rules.plateau import EntropyLoss, Plateau
from jobs.rules.rule import Rule
from jobs.rules.stall import Stall

RULES: Final[tuple[Rule, ...]] = (
    Overfitting(),
    SevereOverfitting(),
    HarderValidation(),
    Plateau(),
    NoSignal(),
    NoLearning(),
    ComponentHacking(),
    HeldOutFall(),
    LengthGrowth(),
    LengthBlowUp(),
    Truncation(),
    LengthShrink(),
    EntropyLoss(),
    Collapse(),
    ParseErrors(),
    GraderBugs(),
    ProviderErrors(),
    Stall(),
    Lopsided(),
    Underpowered(),
)
"""In the order of `/rft status`."""


IN_REWARD: Final = frozenset({"least_drift", "wide_drift", "least_gap", "least_fall", "least_gain", "once_gained"})
"""The thresholds that are differences of rewards."""
OF_PARTS: Final = frozenset({"H1", "H2", "B"})
"""The rules that look at scores of other graders, which have ranges of their own."""


def changed_rules(changes: Mapping[str, object]) -> tuple[Rule, ...]:
    """Return the rules with a task's changes: rule code to {threshold: number}, or to False to leave it out.

    Raises:
        InvalidRequest: a rule or a threshold is unknown, or a value is not a number that is >= 0.
    """
    _known(changes, [rule.code for rule in RULES], "rule")
    changed = (_changed(rule, changes.get(rule.code, {})) for rule in RULES)
    return tuple(rule for rule in changed if rule is not None)


def rules_of(job: Job) -> tuple[Rule, ...]:
    """Return the rules that look at `job`, with the thresholds its task had when it was launched.

    What this version of the bot does not know (the record may be another version's) is left out, and the rest stands.
    """
    low, high = job.reward_range or (0.0, 1.0)
    return _rules(json.dumps(job.alert_settings, sort_keys=True), high - low)


@lru_cache(maxsize=256)
def _rules(changes: str, width: float) -> tuple[Rule, ...]:
    """Return the rules with `changes` in JSON: many jobs share a task, and a mapping is no key.

    Thresholds in rewards that the task leaves alone grow with the width of the reward's range.
    """
    known: dict[str, object] = {}
    for rule, change in json.loads(changes).items():
        with suppress(InvalidRequest):
            changed_rules({rule: change})
            known[rule] = change
    rules = changed_rules(known)
    return rules if width == 1 else tuple(_on_scale(rule, known.get(rule.code), width) for rule in rules)


def _on_scale(rule: Rule, change: object, width: float) -> Rule:
    if rule.code in OF_PARTS:
        return rule
    own = change if isinstance(change, Mapping) else {}
    names = [each.name for each in fields(rule) if each.name in IN_REWARD and each.name not in own]
    return replace(rule, **{name: width * getattr(rule, name) for name in names})


def _changed(rule: Rule, change: object) -> Rule | None:
    if change is False:
        return None
    if not isinstance(change, Mapping):
        raise InvalidRequest(f"alerts.{rule.code}: give thresholds by name, or false to leave the rule out.")
    defaults = {f.name: f.default for f in fields(rule) if isinstance(f.default, int | float)}
    _known(change, defaults, f"threshold of {rule.code}")
    return replace(rule, **{name: _number(rule, name, value, defaults[name]) for name, value in change.items()})


def _number(rule: Rule, name: str, value: object, default: float) -> float:
    whole = isinstance(default, int)
    fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not fits or not isinstance(value, int | float) or not whole <= value < float("inf"):
        kind = "a whole number from 1 up" if whole else "a number from 0 up"
        raise InvalidRequest(f"alerts.{rule.code}.{name} is {kind}, not {value!r}.")
    return value


def _known(given: Iterable[object], known: Collection[str], what: str) -> None:
    for name in given:
        if name not in known:
            raise InvalidRequest(f"alerts: there is no {what} called {quoted(name)}; {nearest(str(name), known)}")
