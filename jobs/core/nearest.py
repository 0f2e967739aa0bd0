"""The pieces of sentences that every complaint about a task folder shares."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

_SHOWN = 60  # characters of a person's own word that a sentence repeats back
_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}


def quoted(word: object) -> str:
    """Put a person's word into a sentence: quoted, on one line, cut to 60 characters."""
    text = " ".join(str(word).split())
    return f"'{text}'" if len(text) <= _SHOWN else f"'{text[: _SHOWN - 1]}…'"


ALIKE_IDS: Final = 0.8
"""Ids are random and begin alike: only one with a letter or two mistyped was probably meant."""


def nearest(word: str, choices: Iterable[str], *, alike: float = 0.5) -> str:
    """Say which of the choices was probably meant, or list what there is: the end of a sentence.

    Args:
        word: what was written.
        choices: what can be written.
        alike: how much of the two must agree, from 0 to 1.
    """
    known = list(choices)
    if not known:
        return "there is none yet."
    close = get_close_matches(word.lower()[:100], [choice.lower() for choice in known], n=1, cutoff=alike)
    if close:
        meant = next(choice for choice in known if choice.lower() == close[0])
        return f"did you mean {quoted(meant)}?"
    return f"known: {', '.join(known[:12])}" + (" …" if len(known) > 12 else ".")


def kind(value: object) -> str:
    """Name a JSON or YAML value's type for people."""
    if isinstance(value, str | list) and not value:
        return "empty text" if isinstance(value, str) else "an empty list"
    return "nothing" if value is None else _KINDS.get(type(value), f"a {type(value).__name__}")
