"""The report of an eval that a team reads: one HTML file that needs nothing else, and the worst items for the thread.

The page is put together from report_page/ and may run only its own script, named in its policy by its hash. Whatever
came from a dataset or a model stands in data blocks and reaches the page as text.
"""

import hashlib
import html
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from heapq import nsmallest
from importlib import resources
from math import isfinite
from pathlib import Path
from typing import Final, Protocol, TextIO
from uuid import uuid4

from jobs.core.labels import Labels, reference_labels
from jobs.evals.records import Answer, Eval
from jobs.evals.report_data import Json, answer_row, blocks, columns_of, eval_block, item_row

STYLES: Final = ("tokens.css", "layout.css", "list.css", "detail.css", "overview.css", "narrow.css", "print.css")
SCRIPTS: Final = (
    "dom.js",
    "figures.js",
    "data.js",
    "choosing.js",
    "strip.js",
    "list.js",
    "matrix.js",
    "answers.js",
    "detail.js",
    "overview.js",
    "histogram.js",
    "controls.js",
    "keys.js",
    "printing.js",
    "main.js",
)


class ReportItem(Protocol):
    """One item of the split as the report shows it; the items kept beside an eval's answers are such."""

    @property
    def id(self) -> str:
        """As the answers name it."""
        ...

    @property
    def input(self) -> str:
        """The text that the model was shown after the prompt."""
        ...

    @property
    def reference(self) -> object:
        """As the dataset has it: a label, a list of labels, a text, an object."""
        ...


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an item stands in the page, and which labels are right (None: not a set of labels)."""

    number: int
    expected: Labels | None = None


@dataclass(frozen=True, slots=True)
class WorstItem:
    """An item that went badly."""

    id: str
    mean: float
    """Mean reward over its scored answers of all arms."""
    scored: int
    """Answers with a reward."""
    failures: int
    """Answers that are missing."""
    worst: Answer
    """The scored answer with the lowest reward, the earliest of equals."""


def write_report(evaluation: Eval, items: Iterable[ReportItem], answers: Iterable[Answer], out: Path) -> None:
    """Write the report of an eval to `out`, all or nothing: a reader sees the old file or the new one.

    Args:
        evaluation: what was asked and what it came to; unfinished ones say how far they are.
        items: the split, in its order.
        answers: as they lie on file, in any order; those of an arm that the eval does not have are left out.
        out: the HTML file; its folder must exist.

    Both are read once and never held: memory is bounded by the number of items, not by what they or the answers say.
    It blocks; call it off the event loop.
    """
    beside = out.with_name(f".{out.name}.{uuid4().hex}")
    try:
        with beside.open("w", encoding="utf-8", errors="replace", newline="\n") as page:
            _write(page, evaluation, items, answers)
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)


def worst_items(evaluation: Eval, answers: Iterable[Answer], n: int = 10) -> tuple[WorstItem, ...]:
    """Return the `n` items with the lowest mean reward, the lowest first; equal ones by id.

    An item of which no answer has a reward is not among them: that is a failure, and is counted as one.
    """
    tallies: dict[str, _Tally] = {}
    for answer in answers:
        tallies.setdefault(answer.item, _Tally()).add(answer, evaluation.reward)
    scored = (worst for item, tally in tallies.items() if (worst := tally.worst_item(item)) is not None)
    return tuple(nsmallest(n, scored, key=lambda worst: (worst.mean, worst.id)))


class _Tally:
    """What the answers to one item come to, one after the other."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._scored = 0
        self._failures = 0
        self._worst: tuple[float, Answer] | None = None

    def add(self, answer: Answer, reward: str) -> None:
        if answer.failure is not None:
            self._failures += 1
        score = answer.scores.get(reward)
        if score is None or not isfinite(score):
            return
        self._sum += score
        self._scored += 1
        if self._worst is None or score < self._worst[0]:
            self._worst = (score, answer)

    def worst_item(self, item: str) -> WorstItem | None:
        if self._worst is None:
            return None
        return WorstItem(item, self._sum / self._scored, self._scored, self._failures, self._worst[1])


def _write(page: TextIO, evaluation: Eval, items: Iterable[ReportItem], answers: Iterable[Answer]) -> None:
    before, after = _page()
    page.write(before.replace("%TITLE%", html.escape(f"{evaluation.task} · {evaluation.id}")))
    page.write(eval_block(evaluation))
    places: dict[str, _Place] = {}
    page.writelines(blocks("items", _item_rows(items, places)))
    strays: list[str] = []
    page.writelines(blocks("answers", _answer_rows(evaluation, answers, places, strays)))
    if strays:  # answered once, and no longer in the split: their answers are shown all the same
        page.writelines(blocks("items", (item_row(item, None, None, None) for item in strays)))
    page.write(after)


def _item_rows(items: Iterable[ReportItem], places: dict[str, _Place]) -> Iterator[list[Json]]:
    for item in items:
        expected = reference_labels(item.reference)
        places[item.id] = _Place(len(places), expected)
        yield item_row(item.id, item.input, item.reference, expected)


def _answer_rows(
    evaluation: Eval, answers: Iterable[Answer], places: dict[str, _Place], strays: list[str]
) -> Iterator[list[Json]]:
    graders = columns_of(evaluation)
    arms: Mapping[str, int] = {arm.name: index for index, arm in enumerate(evaluation.arms)}
    for answer in answers:
        if answer.arm not in arms:
            continue
        place = places.get(answer.item)
        if place is None:
            place = places[answer.item] = _Place(len(places))
            strays.append(answer.item)
        yield answer_row(answer, place.number, arms[answer.arm], graders, place.expected)


@cache
def _page() -> tuple[str, str]:
    """The page before its data and after it."""
    folder = resources.files("jobs.evals").joinpath("report_page")
    style = "".join(folder.joinpath(name).read_text("utf-8") for name in STYLES)
    script = "".join(folder.joinpath(name).read_text("utf-8") for name in SCRIPTS)
    script = f'"use strict";(() => {{\n{script}}})();'
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    page = folder.joinpath("page.html").read_text("utf-8")
    before, after = page.replace("%POLICY%", policy).replace("%STYLE%", style).split("%DATA%\n")
    return before, after.replace("%SCRIPT%", script)


def _hash(source: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(source.encode()).digest()).decode()}"
