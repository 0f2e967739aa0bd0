"""The doctor's report: what is wrong with how the bot is set up, and what to do about each."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from charts.wording import counted, plural
from handlers.slack.blocks import Message, escape, sections


class Health(StrEnum):
    """How one part does."""

    BROKEN = "broken"
    """Something that people need does not work."""
    RISK = "at risk"
    """It works, and may not go on doing so."""
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found about one part."""

    part: str
    """Such as `Slack` or `platform openai`."""
    health: Health
    text: str
    """What was found, and what to do."""


Examine = Callable[[], Awaitable[Sequence[Diagnosis]]]
"""Looks at every part, within half a minute."""
ORDER: Final = tuple(Health)


def verdict(found: Sequence[Diagnosis]) -> str:
    """Return in a sentence whether all is well."""
    broken, risks = (sum(each.health is health for each in found) for health in (Health.BROKEN, Health.RISK))
    if not broken and not risks:
        return f"All is well: {counted(len(found), 'part')} checked."
    parts = [f"{broken} broken"] * bool(broken) + [f"{risks} at risk"] * bool(risks)
    fine = len(found) - broken - risks
    return f"{' and '.join(parts)}; {fine} {plural(fine, 'is', 'are')} well."


def worst_first(found: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Return what needs somebody first."""
    return sorted(found, key=lambda each: ORDER.index(each.health))


def doctor_message(found: Sequence[Diagnosis]) -> Message:
    """Return the report as a message: the verdict, then each part, the worst first."""
    lines = [f"*{each.part}*: {_said(each)}" for each in worst_first(found)]
    return Message(verdict(found), sections([f"*{verdict(found)}*", *lines]))


def doctor_lines(found: Sequence[Diagnosis]) -> str:
    """Return the report as text for a terminal."""
    return "\n".join(
        [*(f"{each.health.value:8} {each.part}: {each.text}" for each in worst_first(found)), verdict(found)]
    )


def _said(diagnosis: Diagnosis) -> str:
    text = escape(diagnosis.text)
    return text if diagnosis.health is Health.OK else f"*{diagnosis.health.value}*. {text}"
