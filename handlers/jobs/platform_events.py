"""How a platform's own messages on a job look to the person who asks for them. No Slack call is made here."""

from collections.abc import Iterable
from typing import Final

from handlers.slack.blocks import MOST_TEXT, Message, context, cut, escape, section
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
    if not events:
        return Message(f"{escape(job.platform)} has said nothing about `{job.id}` yet.")
    lines = _newest([_line(event) for event in events])
    blocks = [section("\n".join(group)) for group in _blocks(lines)]
    is_all = len(lines) == len(events) < MOST_MESSAGES
    count = "Everything" if is_all else f"The newest {len(lines)} of what"
    blocks.append(context(f"{count} {escape(job.platform)} has said about `{job.id}`, the newest last"))
    newest = escape(cut(_one_line(events[-1].message), LONGEST))
    return Message(f"{escape(job.platform)} on {job.id}, {len(lines)} messages. The newest: {newest}", tuple(blocks))


def _line(event: RemoteEvent) -> str:
    said = escape(cut(_one_line(event.message), LONGEST)) or f"({escape(event.kind)}, no words)"
    return f"{moment(event.at)}  {LEVELS.get(event.level, '')}{said}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _newest(lines: list[str]) -> list[str]:
    """Return as many of the last lines as one message has room for."""
    room, kept = MOST_IN_ALL, len(lines)
    while kept and len(lines[kept - 1]) < room:
        kept -= 1
        room -= len(lines[kept]) + 1
    return lines[kept:]


def _blocks(lines: Iterable[str]) -> list[list[str]]:
    """Return the lines in as few groups as fit into a block each."""
    groups: list[list[str]] = []
    room = 0
    for line in lines:
        if len(line) >= room:
            groups.append([])
            room = MOST_TEXT
        groups[-1].append(line)
        room -= len(line) + 1
    return groups
