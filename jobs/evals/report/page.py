"""The report of an eval: one self-contained HTML page.

The page is put together from assets/ and may run only its own script, named in its policy by its hash. Whatever came
from a dataset or a model stands in data blocks and reaches the page as text.

The page reads three kinds of data blocks: one `eval`, and any number of `items` and `answers`, each a list of short
lists. Their columns are named once, here, and read by assets/data.js.
"""

import hashlib
import html
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Final, TextIO

from jobs.evals.answer_form import AnswerForm
from jobs.evals.answer_store import Item
from jobs.evals.records import Answer, Eval
from jobs.evals.report.data_blocks import Json, blocks, plain
from jobs.evals.reviews import NO_REVIEWS, TaskReviews, reviews_of
from jobs.tasks.labels import Labels, answer_lists, reference_labels

STYLE: Final = "report.css"
SCRIPTS: Final = (
    "elements.js",
    "data.js",
    "selection.js",
    "list.js",
    "item.js",
    "overview.js",
    "filters.js",
    "main.js",
)
"""In this order: each may use at once what stands in those before it."""


def write_report(
    page: TextIO,
    evaluation: Eval,
    items: Iterable[Item],
    answers: Iterable[Answer],
    reviews: TaskReviews = NO_REVIEWS,
) -> None:
    """Write the report of an eval, with what people say of its grades; an unfinished one says how far it is.

    Items and answers are read once and never held: memory is bounded by the number of items, not by what they or the
    answers say. Answers of an arm that the eval does not have are left out. It blocks; call it off the event loop.
    """
    before, after = _page()
    page.write(before.replace("%TITLE%", html.escape(f"{evaluation.task} · {evaluation.id}")))
    graders = evaluation.shown_graders
    page.writelines(blocks("eval", [_eval_row(evaluation, graders, reviews)]))
    places: dict[str, int] = {}
    expected: dict[str, Labels | None] = {}
    said = _Said(evaluation, reviews)
    page.writelines(blocks("items", _item_rows(said.noting(items), places, expected)))
    in_split = len(places)
    page.writelines(blocks("answers", _answer_rows(evaluation, graders, answers, places, expected, said)))
    # Answers to items that have left the split are shown all the same.
    page.writelines(blocks("items", ([item, None, None, None] for item in list(places)[in_split:])))
    page.write(after)


class _Said:
    """What people say of the grades of an eval's answers; holds the items of which they say something."""

    def __init__(self, evaluation: Eval, reviews: TaskReviews) -> None:
        self._evaluation, self._reviews = evaluation, reviews
        self._named = {grade.item for grade in reviews.grades}
        self._items: dict[str, Item] = {}

    def noting(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items, and hold those that are needed."""
        for item in items:
            if item.id in self._named:
                self._items[item.id] = item
            yield item

    def of(self, answer: Answer) -> Json:
        """Return, by grader, who says what, why, and on which day (UTC); None where nobody says anything."""
        found = reviews_of(self._evaluation, self._items.get(answer.item), answer, self._reviews)
        return {
            grader: [[each.name or each.user, each.words, each.note, _day(each.at)] for each in said]
            for grader, said in found.items()
        } or None


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _eval_row(evaluation: Eval, graders: Sequence[str], reviews: TaskReviews) -> Json:
    """Return what was evaluated and its summaries, in the fields of the records; graders as the score columns."""
    fields = {name: plain(value) for name, value in asdict(evaluation).items() if name not in {"request", "progress"}}
    return fields | {
        "purpose": evaluation.request.purpose,
        "total": evaluation.total,
        "caveats": list(evaluation.caveats),
        "job": evaluation.request.job,
        "arms": [arm.name for arm in evaluation.arms],
        "graders": [*graders],
        "agreements": [each.sentence for each in reviews.agreements(evaluation)],
        "remarks": {
            each.arm: {grader: each.coverage(grader).remark for grader in graders} for each in evaluation.summaries
        },
    }


def _item_rows(items: Iterable[Item], places: dict[str, int], expected: dict[str, Labels | None]) -> Iterator[Json]:
    """Columns: id, input (null: not in the split), reference, labels of the reference (null: not a set)."""
    for item in items:
        places[item.id] = len(places)
        expected[item.id] = labels = reference_labels(item.reference)
        yield [item.id, item.input, plain(item.reference), _listed(labels)]


def _answer_rows(
    evaluation: Eval,
    graders: Sequence[str],
    answers: Iterable[Answer],
    places: dict[str, int],
    expected: Mapping[str, Labels | None],
    said: _Said,
) -> Iterator[Json]:
    """Columns: item, arm, run, text, labels, scores, errors, failure, tokens, latency, finish, ungradable, people.

    A score is a number, null where there is none, or a word for what a broken grader may give: nan, inf, -inf.
    Scores stand in the order of the graders; errors, and what could not be graded, by the grader's name.
    """
    arms = {arm.name: index for index, arm in enumerate(evaluation.arms)}
    form = AnswerForm(lenient=evaluation.lenient_json)
    for answer in answers:
        if answer.arm in arms:
            yield [
                places.setdefault(answer.item, len(places)),
                arms[answer.arm],
                answer.run,
                answer.shown,
                _listed(_labels(answer.names_labels, form, expected.get(answer.item))),
                [plain(answer.scores.get(grader)) for grader in graders],
                dict(answer.grader_errors) or None,
                answer.failure,
                [answer.input_tokens, answer.output_tokens, answer.reasoning_tokens],
                plain(answer.latency),
                answer.finish_reason,
                dict(answer.ungradable) or None,
                said.of(answer),
            ]


def _labels(text: str | None, form: AnswerForm, expected: Labels | None) -> Labels | None:
    """Return the labels an answer names: of several sets in it, the one that agrees most with what was expected."""
    if text is None or expected is None:
        return None
    return max(answer_lists(form.read(text)).values(), key=lambda labels: len(labels & expected), default=None)


def _listed(labels: Labels | None) -> Json:
    return None if labels is None else [*sorted(labels)]


@cache
def _page() -> tuple[str, str]:
    """Return the page before its data and after it."""
    folder = resources.files("jobs.evals.report").joinpath("assets")
    style = folder.joinpath(STYLE).read_text("utf-8")
    scripts = "".join(folder.joinpath(name).read_text("utf-8") for name in SCRIPTS)
    script = f'"use strict";(() => {{\n{scripts}}})();'
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    page = folder.joinpath("page.html").read_text("utf-8")
    before, after = page.replace("%POLICY%", policy).replace("%STYLE%", style).split("%DATA%\n")
    return before, after.replace("%SCRIPT%", script)


def _hash(source: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(source.encode()).digest()).decode()}"
