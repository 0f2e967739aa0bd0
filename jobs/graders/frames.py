"""What travels between the runtime and a grading process: rows to grade one way, outcomes the other."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.graders.cell import wire
from jobs.graders.records import GraderErrorKind, TokenUsage


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one grader made of one sample: a score, or a kind of error and its detail; seconds inside `grade`."""

    score: float
    seconds: float
    kind: GraderErrorKind | None = None
    detail: str | None = None
    stopped: bool = False
    """The call ended the process or had to be ended."""
    label: str | None = None
    """What a label_model grader called the answer."""
    usage: TokenUsage | None = None
    """What a judge took."""


NOT_ASKED = Outcome(0.0, -1.0)
"""Stands for a grader that was not asked."""


Row = list[Outcome]
"""One sample's outcomes, in the graders' order."""


def frame_of(rows: Sequence[tuple[str, Mapping[str, object]]], *, careful: bool) -> bytes:
    """The frame that asks for `rows` (output text, item) to be graded; an item that comes again travels once.

    With `careful` each row is answered by itself, so that the first one without an answer is what ended the process.
    """
    places: dict[int, int] = {}
    items: list[object] = []
    pairs: list[tuple[str, int]] = []
    for text, item in rows:
        place = places.setdefault(id(item), len(items))
        if place == len(items):
            items.append(plain(item))
        pairs.append((text, place))
    return wire.pack({"items": items, "rows": pairs, "careful": careful})


def rows_of(reply: Mapping[str, object], graders: int) -> list[Row]:
    """The rows of a reply, each with one outcome for each of `graders`.

    Raises:
        ValueError: the reply has another shape, which a grader can bring about: it can write to the channel too.
    """
    rows = reply.get("rows")
    if not isinstance(rows, list):
        raise ValueError(_unlike("rows"))
    return [_row(row, graders) for row in rows]


def _row(row: object, graders: int) -> Row:
    if not isinstance(row, list) or len(row) != graders:
        raise ValueError(_unlike("row"))
    return [_outcome(cells) for cells in row]


def _outcome(cells: object) -> Outcome:
    match cells:
        case [float(score), float(seconds)] if math.isfinite(score) and math.isfinite(seconds):
            return Outcome(score, seconds)
        case [None, float(seconds), str(kind), str(detail)] if math.isfinite(seconds):
            return Outcome(0.0, seconds, GraderErrorKind(kind), detail)
    raise ValueError(_unlike("outcome"))


def _unlike(what: str) -> str:
    return f"this is no {what} of grades"


def plain(value: object) -> object:
    """Return mappings and sequences of any type as those that JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value
