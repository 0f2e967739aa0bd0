"""The report of an eval that a team reads: one HTML page that needs nothing else.

The page is put together from assets/ and may run only its own script, named in its policy by its hash. Whatever came
from a dataset or a model stands in data blocks and reaches the page as text.
"""

import hashlib
import html
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Final, TextIO

from jobs.evals.answer_store import Item
from jobs.evals.records import Answer, Eval
from jobs.evals.report.data import Json, answer_row, blocks, columns_of, eval_row, item_row
from jobs.tasks.labels import Labels, reference_labels

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


def write_report(page: TextIO, evaluation: Eval, items: Iterable[Item], answers: Iterable[Answer]) -> None:
    """Write the report of an eval; an unfinished one says how far it is.

    Items and answers are read once and never held: memory is bounded by the number of items, not by what they or the
    answers say. Answers of an arm that the eval does not have are left out. It blocks; call it off the event loop.
    """
    before, after = _page()
    page.write(before.replace("%TITLE%", html.escape(f"{evaluation.task} · {evaluation.id}")))
    page.writelines(blocks("eval", [eval_row(evaluation)]))
    places: dict[str, int] = {}
    expected: dict[str, Labels | None] = {}
    page.writelines(blocks("items", _item_rows(items, places, expected)))
    in_split = len(places)
    page.writelines(blocks("answers", _answer_rows(evaluation, answers, places, expected)))
    # Answers to items that have left the split are shown all the same.
    page.writelines(blocks("items", (item_row(item, None, None, None) for item in list(places)[in_split:])))
    page.write(after)


def _item_rows(items: Iterable[Item], places: dict[str, int], expected: dict[str, Labels | None]) -> Iterator[Json]:
    for item in items:
        places[item.id] = len(places)
        expected[item.id] = reference_labels(item.reference)
        yield item_row(item.id, item.input, item.reference, expected[item.id])


def _answer_rows(
    evaluation: Eval, answers: Iterable[Answer], places: dict[str, int], expected: Mapping[str, Labels | None]
) -> Iterator[Json]:
    graders = columns_of(evaluation)
    arms = {arm.name: index for index, arm in enumerate(evaluation.arms)}
    for answer in answers:
        if answer.arm in arms:
            place = places.setdefault(answer.item, len(places))
            yield answer_row(answer, place, arms[answer.arm], graders, expected.get(answer.item))


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
