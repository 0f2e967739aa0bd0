"""What pictures over steps have in common: a field of pixels for steps and values, its axes, and lines with gaps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from charts.lettering import width_of
from charts.scale import Scale, ticks_to_the_end
from charts.sheet import Sheet
from charts.style import LABEL, PAD, WIDTH
from charts.thinning import Stroke
from charts.wording import Unit, quantity

LEFT = 112
RIGHT = WIDTH - 176
"""Right of the plot there is room for the name and the last value of each line."""
KEEP = 1200
"""More points than this on a line cannot be told apart at 720 pixels of plot; longer lines are thinned."""
MARKED = 60
"""Up to this many evaluations each get a marker."""
Dash = tuple[int, tuple[float, ...]] | str

LEAST: dict[Unit, float] = {"score": 1.0, "tokens": 1.0, "seconds": 0.001, "share": 0.01}
"""Where everything is 0 an axis goes up to this."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Steps and values on the pixels they are drawn at."""

    steps: Scale
    values: Scale

    @property
    def top(self) -> float:
        """The pixel of the highest value."""
        return self.values.end

    @property
    def bottom(self) -> float:
        """The pixel of the lowest value."""
        return self.values.start

    def inside(self, value: float) -> float:
        """Return the pixel of `value`, or of the end it lies beyond."""
        return self.values.at(min(max(value, self.values.low), self.values.high))


@dataclass(frozen=True, slots=True)
class Look:
    """How a line looks: no two lines of a picture differ by colour alone."""

    colour: str
    width: float
    dash: Dash = "-"
    marker: str = ""


def value_range(values: Iterable[float], unit: Unit) -> tuple[float, float]:
    """Return the ends of an axis that shows all of `values`; amounts begin at 0, scores where they are."""
    seen = list(values) or [0.0]
    low, high = min(seen), max(seen)
    if unit != "score":
        return min(low, 0.0), high * 1.08 if high > 0 else LEAST[unit]
    if low == high == 0.0 and len(seen) == 1:
        return 0.0, 1.0
    pad = max(0.06 * (high - low), 0.03)
    # A score that lives in 0..1 is not shown with room outside of it.
    floor = max(low - pad, 0.0) if low >= 0 else low - pad
    return floor, min(high + pad, 1.0) if low >= 0 and high <= 1 else high + pad


def draw_values_axis(sheet: Sheet, values: Scale, unit: Unit, most: int, *, left: float, right: float) -> None:
    """Draw a line across at each round value with its number to the left of it, and a stronger one at the foot."""
    palette = sheet.palette
    for value in values.ticks(most):
        y = values.at(value)
        sheet.trace([left, right], [y, y], color=palette.grid, linewidth=1.5, zorder=0.5)
        sheet.write(left - PAD, y, quantity(value, unit), colour=palette.muted, horizontal="right")
    feet = [values.start, *([values.at(0.0)] if values.low < 0 < values.high else [])]
    for y in feet:
        sheet.trace([left, right], [y, y], color=palette.muted, linewidth=1.5, zorder=1)


def draw_steps_axis(sheet: Sheet, steps: Scale, bottom: float) -> None:
    """Write the numbers of steps below the plot; the last one is where the steps end."""
    ticks = ticks_to_the_end(steps, 6)
    for step, words in ticks:
        sheet.write(
            steps.at(step), bottom + PAD, words, colour=sheet.palette.muted, horizontal="center", vertical="top"
        )
    beside = steps.end + width_of(ticks[-1][1], LABEL) / 2 + 12
    sheet.write(beside, bottom + PAD, "step", colour=sheet.palette.muted, vertical="top")


def draw_strokes(sheet: Sheet, plot: Plot, strokes: Sequence[Stroke], look: Look) -> None:
    """Draw the strokes of one line; a point with no neighbour always has a marker, or it would not be seen."""
    marked = look.marker and sum(map(len, strokes)) <= MARKED
    for stroke in strokes:
        sheet.trace(
            [plot.steps.at(step) for step, _ in stroke],
            [plot.values.at(value) for _, value in stroke],
            color=look.colour,
            linewidth=look.width,
            linestyle=look.dash,
            marker=look.marker if marked else "o" if len(stroke) == 1 else "",
            markersize=look.width * 2,
            zorder=look.width,
        )


def draw_band(sheet: Sheet, plot: Plot, strokes: Sequence[Stroke], error: float, colour: str) -> None:
    """Fill from `error` below to `error` above each stroke, within the plot."""
    for stroke in strokes:
        above = [(plot.steps.at(step), plot.inside(value + error)) for step, value in stroke]
        below = [(plot.steps.at(step), plot.inside(value - error)) for step, value in stroke]
        sheet.area([*above, *reversed(below)], colour)


def spread(heights: Sequence[float], need: float, top: float, bottom: float) -> list[float]:
    """Return `heights` moved as little as it takes for each to have `need` pixels, in the same order from the top."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    blocks: list[tuple[float, int]] = []  # labels that touch: the middle of them all, and how many
    for index in order:
        middle, count = _inside(heights[index], need / 2, top, bottom), 1
        while blocks and middle - blocks[-1][0] < need * (count + blocks[-1][1]) / 2:
            above, more = blocks.pop()
            middle, count = (middle * count + above * more) / (count + more), count + more
            middle = _inside(middle, need * count / 2, top, bottom)
        blocks.append((middle, count))
    placed = [middle + need * (n - (count - 1) / 2) for middle, count in blocks for n in range(count)]
    return [height for _, height in sorted(zip(order, placed, strict=True))]


def _inside(middle: float, half: float, top: float, bottom: float) -> float:
    """Return `middle` moved so that `half` above and below it stays inside; what is too high for that begins at top."""
    return max(min(middle, bottom - half), top + half)
