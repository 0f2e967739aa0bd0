"""How a platform's own messages on a job look to the person who asks for them. No Slack call is made here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from charts.wording import counted
from handlers.slack.blocks import Message, context, cut, escape, sections
from handlers.slack.wording import moment
from jobs.core.errors import InvalidRequest
from jobs.core.nearest import nearest
from jobs.core.records import Job
from jobs.platforms.parse import RemoteEvent

MOST_MESSAGES: Final = 40
LONGEST: Final = 400
"""Characters of one message; a traceback may have thousands."""
MOST_IN_ALL: Final = 8_800
"""Characters of all blocks; Slack was seen to refuse a message of 11,341 and to take one of 9,597."""
MOST_SEARCHED: Final = 1_000
"""Messages among which those are looked for that a person wants."""
RANKS: Final = ("info", "warn", "error")
STEPS: Final = re.compile(r"([0-9]{1,7})(?:-([0-9]{1,7}))?")
SAID_STEP: Final = re.compile(r"\b[Ss]tep ([0-9]{1,7})\b")
LEVELS: Final = {"warn": "*Warning* ", "error": "*Error* "}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages are asked for."""

    level: str | None = None
    """This or a worse one."""
    kind: str | None = None
    """`message`, `metrics`, or whatever the platform calls it."""
    steps: tuple[int, int] | None = None
    """The first and the last."""

    def __bool__(self) -> bool:
        return self != Wanted()

    def includes(self, event: RemoteEvent) -> bool:
        """Tell whether a message is asked for; one of no known level counts as the least."""
        if self.level and _rank(event.level) < _rank(self.level):
            return False
        if self.kind and event.kind.lower() != self.kind:
            return False
        step = event_step(event)
        return self.steps is None or (step is not None and self.steps[0] <= step <= self.steps[1])


def read_wanted(given: Mapping[str, str]) -> Wanted:
    """Return the filters among typed keys (`level`, `type`, `step`).

    Raises:
        InvalidRequest: one cannot be read; says what it may be.
    """
    level, steps = given.get("level", "").lower() or None, given.get("step")
    if level and level not in RANKS:
        raise InvalidRequest(f"`level={given['level']}` does not work; {nearest(level, RANKS)}")
    found = STEPS.fullmatch(steps) if steps else None
    if steps and found is None:
        raise InvalidRequest(f"`step={steps}` does not work: give a step such as `85`, or a range such as `80-90`.")
    between = (int(found[1]), int(found[2] or found[1])) if found else None
    if between and between[0] > between[1]:
        raise InvalidRequest(f"{steps} runs backwards; write {between[1]}-{between[0]}.")
    return Wanted(level, given.get("type", "").lower() or None, between)


def event_step(event: RemoteEvent) -> int | None:
    """Return the step that an event is about, by its data or its words; None where it names none."""
    step = event.data.get("step")
    if isinstance(step, int) and not isinstance(step, bool):
        return step
    said = SAID_STEP.search(event.message)
    return int(said[1]) if said else None


def _rank(level: str) -> int:
    word = level.lower()
    return RANKS.index("warn" if word == "warning" else word) if word in {*RANKS, "warning"} else 0


def platform_messages(job: Job, events: tuple[RemoteEvent, ...], wanted: Wanted = Wanted()) -> Message:  # frozen
    """Return what a platform said about a job, oldest first and newest last; of it what is `wanted`."""
    platform, found = escape(job.platform), tuple(filter(wanted.includes, events))
    if not events:
        return Message(f"{platform} has said nothing about `{job.id}` yet.")
    if not found:
        kinds = ", ".join(sorted({event.kind for event in events}))
        like = f"None of the newest {counted(len(events), 'message')} on `{job.id}` matches"
        return Message(f"{like}; their types are {escape(kinds)}.")
    events, most = found, (MOST_SEARCHED if wanted else MOST_MESSAGES)
    lines = _newest([_line(event) for event in events])
    is_all = len(lines) == len(events) < most
    count = "Everything" if is_all else f"The newest {len(lines)} of what"
    such = " that matches" if wanted else ""
    note = context(f"{count} {platform} has said about `{job.id}`{such}, the newest last")
    text = f"{platform} on {job.id}, {counted(len(lines), 'message')}. The newest: {_quoted(events[-1])}"
    return Message(text, (*sections(lines), note))


def _line(event: RemoteEvent) -> str:
    said = _quoted(event) or f"({escape(event.kind)}, no words)"
    return f"{moment(event.at)}  {LEVELS.get(event.level, '')}{said}"


def _quoted(event: RemoteEvent) -> str:
    return escape(cut(" ".join(event.message.split()), LONGEST))


def _newest(lines: list[str]) -> list[str]:
    """Return as many of the last lines as one message has room for."""
    room, kept = MOST_IN_ALL, len(lines)
    while kept and len(lines[kept - 1]) < room:
        kept -= 1
        room -= len(lines[kept]) + 1
    return lines[kept:]
