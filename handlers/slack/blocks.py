"""The Block Kit pieces that our messages are made of, as the payloads Slack takes.

Plain dictionaries on purpose: slack_sdk's own models drop blocks they do not know.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Block = dict[str, object]
"""One block or element of a Slack payload."""


@dataclass(frozen=True, slots=True)
class Message:
    """One Slack message: blocks, and the text that notifications and screen readers use."""

    text: str
    blocks: tuple[Block, ...] = ()


MOST_TEXT = 3000
MOST_FIELD = 2000
MOST_ALT = 2000
MOST_TITLE = 150
MOST_ID = 255


def escape(text: str) -> str:
    """Return text as people wrote it, safe inside mrkdwn: no mention, link or broadcast can hide in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, most: int) -> str:
    """Return the text, ending in an ellipsis where it is longer than `most` characters."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "\u2026"


def quoted(text: str, most: int = MOST_TEXT) -> str:
    """Return what a person or a data set wrote, on one line, cut and safe inside mrkdwn."""
    return escape(cut(" ".join(text.split()), most))


def plain(text: str, most: int) -> Block:
    """Return a plain-text object."""
    return {"type": "plain_text", "text": cut(text, most), "emoji": False}


def mrkdwn(text: str, most: int = MOST_TEXT) -> Block:
    """Return a mrkdwn text object."""
    return {"type": "mrkdwn", "text": cut(text, most), "verbatim": False}


def header(text: str) -> Block:
    """Return a header block."""
    return {"type": "header", "text": plain(text, MOST_TITLE)}


def section(text: str, *, block_id: str | None = None, accessory: Block | None = None) -> Block:
    """Return a section with mrkdwn text, and an element next to it."""
    block: Block = {"type": "section", "text": mrkdwn(text)}
    if accessory:
        block["accessory"] = accessory
    if block_id:
        block["block_id"] = cut(block_id, MOST_ID)
    return block


def sections(lines: Iterable[str]) -> tuple[Block, ...]:
    """Return lines in as few sections as they fit into."""
    texts: list[str] = []
    for line in lines:
        if texts and len(texts[-1]) + len(line) < MOST_TEXT:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return tuple(section(text) for text in texts)


def fields(*texts: str) -> Block:
    """Return a section of up to ten short texts in two columns."""
    return {"type": "section", "fields": [mrkdwn(text, MOST_FIELD) for text in texts]}


def context(text: str) -> Block:
    """Return a line of small print."""
    return {"type": "context", "elements": [mrkdwn(text)]}


def divider() -> Block:
    """Return a dividing line."""
    return {"type": "divider"}


def image(file: str, alt: str, title: str | None = None) -> Block:
    """Return an uploaded picture; `alt` gives its numbers."""
    block: Block = {"type": "image", "slack_file": {"id": file}, "alt_text": cut(alt, MOST_ALT)}
    if title:
        block["title"] = plain(title, MOST_FIELD)
    return block


def picture(file: str | None, numbers: str, heading: str, *, about: str) -> Block:
    """Return the uploaded picture `heading` of `about`, or its numbers in words where it could not be drawn."""
    if file is None:
        return section(f"*{heading}*\n{escape(numbers)}")
    return image(file, numbers, f"{heading} of {about}")


def actions(*elements: Block, block_id: str) -> Block:
    """Return a row of elements that can be clicked."""
    return {"type": "actions", "elements": list(elements), "block_id": cut(block_id, MOST_ID)}


def button(
    label: str,
    action_id: str,
    value: str,
    *,
    style: Literal["primary", "danger"] | None = None,
    confirm: Block | None = None,
    reads: str | None = None,
) -> Block:
    """Return a button; `reads` is what a screen reader says where the label alone is not enough."""
    element: Block = {"type": "button", "text": plain(label, 75), "action_id": action_id}
    if value:
        element["value"] = value
    if style:
        element["style"] = style
    if confirm:
        element["confirm"] = confirm
    if reads:
        element["accessibility_label"] = cut(reads, 75)
    return element


def cancel_button(label: str, action_id: str, value: str, *, question: str, consequence: str) -> Block:
    """Return a button that stops something for good, and asks first."""
    confirm: Block = {
        "title": plain(question, 100),
        "text": plain(consequence, 300),
        "confirm": plain(label, 30),
        "deny": plain("Keep it running", 30),
        "style": "danger",
    }
    return button(label, action_id, value, style="danger", confirm=confirm)


def without(message: Message, kind: str) -> Message:
    """Return a message without its blocks of one kind; its text takes their place where nothing else is left."""
    kept = tuple(block for block in message.blocks if block["type"] != kind)
    return Message(message.text, kept or (section(escape(message.text)),))
