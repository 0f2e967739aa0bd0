"""Reads task.yaml: which keys it may have, what they mean, and on which line one is wrong."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.core.hyperparameters import SETTINGS, Setting
from jobs.core.nearest import quoted
from jobs.core.records import Hyperparameters
from jobs.tasks.oversight import OVERSIGHT_KEYS, read_oversight
from jobs.tasks.page import Page, read_page
from jobs.tasks.records import LaunchDefaults, Oversight

KEYS = ("title", "description", "prompt", "reward", "defaults", "approvers", "quorum", *OVERSIGHT_KEYS)
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
    """What task.yaml says, and the page it stands on, for complaints that need more than the page to be seen."""

    title: str
    description: str
    prompt: str | None
    reward: str | None
    defaults: LaunchDefaults
    approvers: tuple[str, ...]
    quorum: int
    oversight: Oversight
    page: Page


def read_manifest(text: str, where: str, name: str) -> Manifest:
    """Read the text of a task.yaml; raise InvalidRequest naming file, line and key."""
    page = read_page(text, where)
    page.only(page.values, "", KEYS)
    return Manifest(
        title=page.text("title") or name,
        description=page.text("description") or "",
        prompt=page.text("prompt"),
        reward=page.text("reward"),
        defaults=_defaults(page),
        approvers=_approvers(page),
        quorum=page.count("quorum", page.values, 20) or 2,
        oversight=read_oversight(page),
        page=page,
    )


def _defaults(page: Page) -> LaunchDefaults:
    values = page.section("defaults", page.values)
    page.only(values, "defaults.", DEFAULT_KEYS)
    return LaunchDefaults(
        model=page.text("defaults.model", values),
        platform=page.text("defaults.platform", values),
        hyperparameters=_hyperparameters(page, page.section("defaults.hyperparameters", values)),
    )


def _hyperparameters(page: Page, values: Mapping[str, object]) -> Hyperparameters:
    page.only(values, "defaults.hyperparameters.", tuple(HYPERPARAMETERS))
    # Only the keys and values that their readers let through get here.
    given: dict[str, Any] = {
        name: _hyperparameter(page, HYPERPARAMETERS[name], value)
        for name, value in values.items()
        if value is not None and value != "auto"
    }
    return Hyperparameters(**given)


def _hyperparameter(page: Page, setting: Setting, value: object) -> float | int | str:
    try:
        return setting.read(str(value))
    except ValueError:
        page.refuse(f"defaults.hyperparameters.{setting.field}", f"must be {setting.bounds}, not {quoted(value)}.")


def _approvers(page: Page) -> tuple[str, ...]:
    value = page.values.get("approvers")
    if value is None:
        return ()
    return page.names("approvers", value, "Slack user-group handles or user ids")
