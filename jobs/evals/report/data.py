"""What an eval's report page is given, as JSON that can be neither markup nor script.

The page reads three kinds of data blocks: one `eval`, and any number of `items` and `answers`, each a list of short
lists. Their columns are named once, here, and read by assets/data.js.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Final, TypeAlias

from jobs.evals.records import Answer, Eval
from jobs.tasks.labels import Labels, answer_lists

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


def eval_row(evaluation: Eval) -> Json:
    """Return what was evaluated and its summaries, in the fields of the records; graders as the score columns."""
    fields = {name: plain(value) for name, value in asdict(evaluation).items() if name not in {"request", "progress"}}
    return fields | {
        "purpose": evaluation.request.purpose,
        "total": evaluation.total,
        "arms": [arm.name for arm in evaluation.arms],
        "graders": list(columns_of(evaluation)),
    }


def item_row(item_id: str, input_text: str | None, reference: object, expected: Labels | None) -> Json:
    """Columns: id, input (null: not in the split), reference, labels of the reference (null: not a set)."""
    return [item_id, input_text, plain(reference), _listed(expected)]


def answer_row(answer: Answer, item: int, arm: int, graders: tuple[str, ...], expected: Labels | None) -> Json:
    """Columns: item, arm, run, text, labels, scores by grader, grader errors, failure, tokens, latency, finish.

    A score is a number, null where there is none, or a word for what a broken grader may give: nan, inf, -inf.
    """
    return [
        item,
        arm,
        answer.run,
        answer.text,
        _listed(labels_of(answer.text, expected)) if expected is not None and answer.text is not None else None,
        [plain(answer.scores.get(grader)) for grader in graders],
        dict(answer.grader_errors) or None,
        answer.failure,
        [answer.input_tokens, answer.output_tokens, answer.reasoning_tokens],
        plain(answer.latency),
        answer.finish_reason,
    ]


def columns_of(evaluation: Eval) -> tuple[str, ...]:
    """Return the graders in the order of the score columns: the reward first."""
    return tuple(dict.fromkeys((evaluation.reward, *evaluation.graders)))


def labels_of(text: str, expected: Labels) -> Labels | None:
    """Return the labels an answer names: of several sets in it, the one that agrees most with what was expected."""
    return max(answer_lists(text).values(), key=lambda labels: len(labels & expected), default=None)


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


def _listed(labels: Labels | None) -> Json:
    return None if labels is None else [*sorted(labels)]


def finite(value: float | None) -> float | None:
    """Return a number that JSON can say, or None."""
    return value if value is not None and math.isfinite(value) else None
