"""Tables and charts: table, data_table and data_visualization."""

from collections.abc import Iterator
from typing import Any

from local.slack.blocks.elements import BUTTON, ID
from local.slack.blocks.richtext import RICH_TEXT_CELL
from local.slack.blocks.schema import (
    Check,
    Problem,
    anything,
    both,
    flag,
    items,
    kind,
    number,
    one_of,
    record,
    text,
    typed,
)

_TABLE_CHARACTERS = 10_000
_DATA_TABLE_CHARACTERS = 20_000
_COLUMNS = 20
_POINTS = 20
_SERIES = 6

_RAW_TEXT = kind({"text": text(_DATA_TABLE_CHARACTERS)})
_RAW_NUMBER = kind({"value": number(), "text": text(100)})
_HEADER_CELLS = {"raw_text": _RAW_TEXT, "raw_number": _RAW_NUMBER}
_CELLS = {**_HEADER_CELLS, "rich_text": RICH_TEXT_CELL}
_ACTION_CELL = kind({"element": typed({"button": BUTTON})}, {"fallback": anything()})


def characters(node: Any) -> int:
    """The characters of every `text` string inside a piece of block JSON."""
    if isinstance(node, dict):
        own = len(node["text"]) if isinstance(node.get("text"), str) else 0
        return own + sum(characters(child) for child in node.values())
    return sum(characters(child) for child in node) if isinstance(node, list) else 0


def _at_most(limit: int) -> Check:
    def check(block: Any, at: str) -> Iterator[Problem]:
        if characters(block["rows"]) > limit:
            yield Problem("too_long", f"table cells may hold {limit} characters together", f"{at}/rows")

    return check


def _same_width(block: Any, at: str) -> Iterator[Problem]:
    widths = {len(row) for row in block["rows"]}
    if len(widths) > 1:
        yield Problem("inconsistent", "all rows must have the same number of cells", f"{at}/rows")


def _header_first(block: Any, at: str) -> Iterator[Problem]:
    yield from items(typed(_HEADER_CELLS), _COLUMNS)(block["rows"][0], f"{at}/rows/0")


_COLUMN = record({}, {"align": one_of("left", "center", "right"), "is_wrapped": flag()})

TABLE = both(
    kind(
        {"rows": items(items(typed(_CELLS), _COLUMNS), 100)},
        {"block_id": ID, "column_settings": items(_COLUMN, _COLUMNS)},
    ),
    _at_most(_TABLE_CHARACTERS),
)

DATA_TABLE = both(
    kind(
        {
            "caption": text(2000),
            "rows": items(items(typed({**_CELLS, "action_cell": _ACTION_CELL}), _COLUMNS), 201, least=2),
        },
        {
            "block_id": ID,
            "page_size": number(1, 100, whole=True),
            "row_header_column_index": number(0, _COLUMNS - 1, whole=True),
        },
    ),
    _header_first,
    _same_width,
    _at_most(_DATA_TABLE_CHARACTERS),
)


def _above_zero(segment: Any, at: str) -> Iterator[Problem]:
    if segment["value"] <= 0:
        yield Problem("out_of_range", "must be more than 0", f"{at}/value")


def _series_fit_categories(chart: Any, at: str) -> Iterator[Problem]:
    categories = chart["axis_config"]["categories"]
    names = [series["name"] for series in chart["series"]]
    if len(set(names)) != len(names):
        yield Problem("duplicate_id", "series names must be unique", f"{at}/series")
    for index, series in enumerate(chart["series"]):
        if [point["label"] for point in series["data"]] != categories:
            sentence = "must have one data point for each category, in their order"
            yield Problem("inconsistent", sentence, f"{at}/series/{index}/data")


_POINT = record({"label": text(20), "value": number()})
_AXES = record({"categories": items(text(20), _POINTS)}, {"x_label": text(50), "y_label": text(50)})
_ONE_SERIES = record({"name": text(20), "data": items(_POINT, _POINTS)})
_XY = both(kind({"series": items(_ONE_SERIES, _SERIES), "axis_config": _AXES}), _series_fit_categories)
_PIE = kind({"segments": items(both(_POINT, _above_zero), _SERIES)})

DATA_VISUALIZATION = kind(
    {"title": text(50), "chart": typed({"line": _XY, "bar": _XY, "area": _XY, "pie": _PIE})}, {"block_id": ID}
)
