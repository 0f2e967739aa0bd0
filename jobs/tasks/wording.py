"""The pieces of sentences that every complaint about a task folder shares."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

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


def nearest(word: str, choices: Iterable[str]) -> str:
    """Say which of the choices was probably meant, or list what there is: the end of a sentence."""
    known = list(choices)
    if not known:
        return "there is none yet."
    close = get_close_matches(word.lower()[:100], [choice.lower() for choice in known], n=1, cutoff=0.5)
    if close:
        meant = next(choice for choice in known if choice.lower() == close[0])
        return f"did you mean {quoted(meant)}?"
    return f"known: {', '.join(known[:12])}" + (" …" if len(known) > 12 else ".")


def kind(value: object) -> str:
    """Name a JSON or YAML value's type for people."""
    if isinstance(value, str | list) and not value:
        return "empty text" if isinstance(value, str) else "an empty list"
    return "nothing" if value is None else _KINDS.get(type(value), f"a {type(value).__name__}")
