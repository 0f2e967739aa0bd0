"""How a platform's own messages on a job look to the person who asks for them. No Slack call is made here."""

from typing import Final

from charts.wording import counted
from handlers.slack.blocks import Message, context, cut, escape, sections
from handlers.slack.wording import moment
from jobs.core.records import Job
from jobs.platforms.parse import RemoteEvent

MOST_MESSAGES: Final = 40
LONGEST: Final = 400
"""Characters of one message; a traceback may have thousands."""
MOST_IN_ALL: Final = 8_800
"""Characters of all blocks; Slack was seen to refuse a message of 11,341 and to take one of 9,597."""
LEVELS: Final = {"warn": "*Warning* ", "error": "*Error* "}


def platform_messages(job: Job, events: tuple[RemoteEvent, ...]) -> Message:
    """Return what a platform said about a job, oldest first and newest last."""
    platform = escape(job.platform)
    if not events:
        return Message(f"{platform} has said nothing about `{job.id}` yet.")
    lines = _newest([_line(event) for event in events])
    is_all = len(lines) == len(events) < MOST_MESSAGES
    count = "Everything" if is_all else f"The newest {len(lines)} of what"
    note = context(f"{count} {platform} has said about `{job.id}`, the newest last")
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
