"""JSON in data blocks of a page, in which it can be neither markup nor script."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

Json: TypeAlias = str | int | float | bool | list["Json"] | dict[str, "Json"] | None

BLOCK_CHARACTERS: Final = 256 * 1024
"""A block is closed when it is this long, so that neither side holds much at once."""
MAX_DEPTH: Final = 50
EXACT: Final = 2**53
"""Whole numbers beyond this are not exact in a browser; they go there as text."""
_MARKUP: Final = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"})


def harmless(value: Json) -> str:
    """Return `value` as JSON without any character that could end a script element or begin a comment or an entity."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_MARKUP)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which a model can say and UTF-8 cannot
        text = json.dumps(value, separators=(",", ":"), allow_nan=False).translate(_MARKUP)
    return text


def blocks(kind: str, rows: Iterable[Json]) -> Iterator[str]:
    """Yield data blocks of at most about BLOCK_CHARACTERS each; a longer row gets one of its own."""
    waiting: list[str] = []
    size = 0
    for row in rows:
        line = harmless(row)
        if waiting and size + len(line) > BLOCK_CHARACTERS:
            yield _block(kind, waiting)
            waiting, size = [], 0
        waiting.append(line)
        size += len(line)
    if waiting:
        yield _block(kind, waiting)


def _block(kind: str, lines: Iterable[str]) -> str:
    return f'<script type="application/json" data-block="{kind}">[{",".join(lines)}]</script>\n'


def plain(value: object, depth: int = 0) -> Json:
    """Return a value as JSON: numbers that JSON cannot say become words."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if abs(value) <= EXACT else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case _ if depth >= MAX_DEPTH:
            return "nested too deeply to show"
        case Mapping():
            return {str(key): plain(inner, depth + 1) for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner, depth + 1) for inner in value]
    return str(value)
