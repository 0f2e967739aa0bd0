"""Reads how a task's jobs are watched and its checkpoints signed off: thresholds, guardrails, votes."""

import re
from collections.abc import Mapping
from typing import Final

from jobs.core.errors import InvalidRequest
from jobs.core.nearest import nearest, quoted
from jobs.core.records import DEFAULT_POLICY, ApprovalPolicy
from jobs.rules import RULES, changed_rules
from jobs.tasks.page import Page
from jobs.tasks.records import Oversight

OVERSIGHT_KEYS: Final = ("alerts", "shadows", "guardrails", "alias", "approval", "evidence")
APPROVAL_KEYS: Final = ("expires_days", "remind_days", "self_approval", "one_rejection_settles")
ALLOWED_FALL: Final = -0.02
"""The fall that a guardrail allows where the task names none."""
_ALIAS = re.compile(r"[a-z0-9_-]{1,64}")
_SHORTEST_DAYS, _LONGEST_DAYS = 0.05, 365
_MOST_RUNS = 20


def read_oversight(page: Page) -> Oversight:
    """Return what the keys of `OVERSIGHT_KEYS` say; raise InvalidRequest naming file, line and key."""
    return Oversight(
        alerts=_alerts(page),
        held_out_graders=_names(page, "shadows"),
        guardrails=_guardrails(page),
        alias=_alias(page),
        approval=_approval(page),
        evidence_runs=_evidence_runs(page),
    )


def check_graders(oversight: Oversight, graders: Mapping[str, Mapping[str, object]], reward: str, page: Page) -> None:
    """Refuse held-out graders and guardrails that there are not, and held-out graders that training would climb."""
    for key, names in (("shadows", oversight.held_out_graders), ("guardrails", tuple(oversight.guardrails))):
        for name in names:
            if name not in graders:
                page.refuse(key, f"names {quoted(name)}, which is no grader of this task; {nearest(name, graders)}")
    training_reward = {reward, *_parts(graders[reward])}
    for name in oversight.held_out_graders:
        if name in training_reward:
            what = "the reward" if name == reward else "a part of the reward"
            page.refuse("shadows", f"names {quoted(name)}, which is {what}; training climbs it, so it is not held out.")


def _parts(grader: Mapping[str, object]) -> set[str]:
    children = grader.get("graders")
    if not isinstance(children, Mapping):
        return set()
    return {str(child.get("name", key)) for key, child in children.items() if isinstance(child, Mapping)}


def _alerts(page: Page) -> Mapping[str, object]:
    section = page.section("alerts", page.values)
    page.only(section, "alerts.", tuple(rule.code for rule in RULES))
    for rule, change in section.items():
        if not isinstance(change, Mapping):
            _settings(page, f"alerts.{rule}", {rule: change})
            continue
        for name, value in change.items():
            _settings(page, f"alerts.{rule}.{name}", {rule: {name: value}})
    return section


def _settings(page: Page, path: str, change: Mapping[str, object]) -> None:
    """Try one change by itself, so that a refusal can name its line."""
    try:
        changed_rules(change)
    except InvalidRequest as refused:
        raise InvalidRequest(f"{page.where} line {page.lines.get(path, 1)}: {refused}") from refused


def _names(page: Page, key: str) -> tuple[str, ...]:
    value = page.values.get(key)
    return () if value is None else page.names(key, value, "graders of this task")


def _guardrails(page: Page) -> Mapping[str, float]:
    value = page.values.get("guardrails")
    if not isinstance(value, Mapping):
        return dict.fromkeys(_names(page, "guardrails"), ALLOWED_FALL)
    falls = {name: page.number(f"guardrails.{name}", value, -1, 0) for name in value}
    return {name: ALLOWED_FALL if fall is None else float(fall) for name, fall in falls.items()}


def _alias(page: Page) -> str:
    alias = page.text("alias")
    if alias is not None and not _ALIAS.fullmatch(alias):
        page.refuse("alias", f"must be of lower-case letters, digits, '-' and '_', not {quoted(alias)}.")
    return alias or Oversight().alias


def _approval(page: Page) -> ApprovalPolicy:
    section = page.section("approval", page.values)
    page.only(section, "approval.", APPROVAL_KEYS)
    default = DEFAULT_POLICY
    expires = page.number("approval.expires_days", section, _SHORTEST_DAYS, _LONGEST_DAYS) or default.expires_days
    remind = page.number("approval.remind_days", section, 0, _LONGEST_DAYS)
    if remind is not None and remind >= expires:
        complaint = f"must be less than the {expires:g} days after which an approval lapses, not {quoted(remind)}."
        page.refuse("approval.remind_days", complaint)
    return ApprovalPolicy(
        expires_days=expires,
        remind_days=min(default.remind_days, expires / 2) if remind is None else remind,
        self_approval=page.flag("approval.self_approval", section, default=default.self_approval),
        one_rejection_settles=page.flag(
            "approval.one_rejection_settles", section, default=default.one_rejection_settles
        ),
    )


def _evidence_runs(page: Page) -> int:
    section = page.section("evidence", page.values)
    page.only(section, "evidence.", ("runs",))
    return page.count("evidence.runs", section, _MOST_RUNS) or Oversight().evidence_runs
