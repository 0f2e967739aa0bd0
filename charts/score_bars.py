"""Scores as bars in named rows: of checkpoints, a column for each metric; of arms, a group for each grader."""

from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from charts.alt_text import PLUS_MINUS, with_error
from charts.figure import ROOM, compose, empty_figure, new_figure
from charts.style import LABEL, Palette
from charts.text_fit import shorten, shorten_all, width_of
from charts.values import METRICS, ArmScores, CheckpointComparison, CheckpointScores, Score, ScoreComparison
from charts.wording import finite, number

MOST_CHECKPOINTS = 12
MOST_ARMS = 12
MOST_GRADERS = 6
CHECKPOINT_NAMES, ARM_NAMES = 250, 330
"""Most pixels for the names at the left."""
CHECKPOINT, ARM, HEADING = 112, 48, 60
"""Pixels for the row of a checkpoint, for that of an arm, and for the name of a metric or grader."""
STAR: Final = "\u2605"
DASH: Final = "\u2013"
"""In place of what was not measured."""
GUTTER: Final = 18


def draw_checkpoint_comparison(chart: CheckpointComparison, palette: Palette) -> Figure:
    """Draw the rows in the order given, at most `MOST_CHECKPOINTS`; a score nobody measured is a dash."""
    rows = chart.rows[:MOST_CHECKPOINTS]
    left_out = f"first {len(rows)} of {len(chart.rows)} checkpoints. " if len(rows) < len(chart.rows) else ""
    every = [(name, [finite(getattr(row, field)) for row in rows]) for field, name in METRICS]
    columns = [(name, scores) for name, scores in every if any(score is not None for score in scores)]
    if not columns:
        return empty_figure(palette, chart.title, chart.subtitle, "no checkpoint has scores yet")
    figure, plots = new_figure(columns=len(columns))
    names = [_checkpoint_name(row) for row in rows]
    for axes, (name, scores) in zip(plots, columns, strict=True):
        ends = score_ends(score for score in scores if score is not None)
        axes.set_title("\n".join(filter(None, [name, scale_words(ends)])))
        axes.set_xlim(ends)
        name_rows(axes, names if axes is plots[0] else [""] * len(rows), palette)
        _draw_column(axes, scores, _standing_out(scores, chart.noise), palette)
    return compose(figure, palette, chart.title, left_out + chart.subtitle, HEADING + len(rows) * CHECKPOINT)


def _checkpoint_name(row: CheckpointScores) -> str:
    """Return the step with the label below it, or whichever of the two is known."""
    step = f"step {row.step:,}" if row.step is not None else ""
    return "\n".join(shorten(part, CHECKPOINT_NAMES) for part in (step, row.label) if part)


def _standing_out(scores: Sequence[float | None], noise: float | None) -> float | None:
    """Return the highest score if it is further above the next than chance explains, else None."""
    known = sorted(score for score in scores if score is not None)
    return known[-1] if noise is not None and len(known) > 1 and known[-1] - known[-2] > noise else None


def _draw_column(axes: Axes, scores: Sequence[float | None], best: float | None, palette: Palette) -> None:
    left = axes.get_xlim()[0]
    _explain_star(axes, palette, "highest of its column by more than chance" if best is not None else "")
    for row, score in enumerate(scores):
        words = DASH if score is None else number(score)
        is_best = best is not None and score == best
        axes.text(left, row - 0.05, f"{words} {STAR}" if is_best else words, weight="bold" if is_best else "normal")
        if score is not None:
            _draw_bar(axes, row + 0.12, score, 0.18, palette.best_bar if is_best else palette.bar, palette)


def draw_score_comparison(chart: ScoreComparison, palette: Palette) -> Figure:
    """Draw arms and graders in the order given; a score nobody measured is a dash."""
    arms = chart.arms[:MOST_ARMS]
    left_out = f"first {len(arms)} of {len(chart.arms)} arms. " if len(arms) < len(chart.arms) else ""
    columns = [(grader, _scores(arms, index)) for index, grader in enumerate(chart.graders[:MOST_GRADERS])]
    groups = [(grader, scores) for grader, scores in columns if any(score.mean is not None for score in scores)]
    if not groups:
        return empty_figure(palette, chart.title, chart.subtitle, "no arm has scores yet")
    figure, plots = new_figure(len(groups))
    names = shorten_all([arm.arm for arm in arms], ARM_NAMES)
    for axes, (grader, scores) in zip(plots, groups, strict=True):
        ends = dict(chart.scales).get(grader) or _ends(scores)
        named = shorten(grader, ROOM - 20 * LABEL, weight="bold")
        axes.set_title(", ".join(filter(None, [named, scale_words(ends)])))
        axes.set_xlim(ends)
        name_rows(axes, names, palette)
        _draw_errors(axes, scores, chart.errors, palette)
        best = next((row for row, arm in enumerate(arms) if arm.arm == chart.best and grader == chart.graders[0]), None)
        _draw_group(axes, scores, best, palette)
    height = len(groups) * (HEADING + len(arms) * ARM)
    return compose(figure, palette, chart.title, left_out + chart.subtitle, height)


def _scores(arms: Sequence[ArmScores], index: int) -> list[Score]:
    """Return each arm's score by one grader; an arm may lack the last graders."""
    scores = [arm.scores[index] if index < len(arm.scores) else Score(None) for arm in arms]
    return [Score(finite(score.mean), finite(score.error)) for score in scores]


def _ends(scores: Sequence[Score]) -> tuple[float, float]:
    """Return 0..1 for means that live there, error bars cut at its ends, or else ends that hold those too."""
    means = [score.mean for score in scores if score.mean is not None]
    if all(0 <= mean <= 1 for mean in means):
        return 0.0, 1.0
    errors = [s.mean + sign * (s.error or 0.0) for s in scores if s.mean is not None for sign in (-1, 1)]
    return score_ends(errors)


def _draw_group(axes: Axes, scores: Sequence[Score], best: int | None, palette: Palette) -> None:
    _explain_star(axes, palette, "better than every other" if best is not None else "")
    for row, (score, colour) in enumerate(zip(scores, cycle(palette.series), strict=False)):
        words = with_error(score) or DASH
        is_best = row == best
        write_beside(axes, row, f"{words} {STAR}" if is_best else words, weight="bold" if is_best else "normal")
        if score.mean is not None:
            _draw_bar(axes, row, score.mean, 0.6, colour, palette)


def _draw_errors(axes: Axes, scores: Sequence[Score], meaning: str, palette: Palette) -> None:
    """Draw mean minus to mean plus error, cut at the ends of the scale."""
    known = [(s.mean, row, s.error) for row, s in enumerate(scores) if s.mean is not None and s.error is not None]
    if known:
        means, rows, errors = zip(*known, strict=True)
        for colour, width, label in ((palette.background, 6, None), (palette.ink, 2.5, f"{PLUS_MINUS} {meaning}")):
            look: dict[str, Any] = {"ecolor": colour, "elinewidth": width, "capthick": width, "fmt": "none"}
            axes.errorbar(means, rows, xerr=errors, capsize=9, label=label, **look)


def score_ends(scores: Iterable[float]) -> tuple[float, float]:
    """Return 0..1, where scores live, or wider where one goes outside of it."""
    seen = list(scores)
    return min([0.0, *seen]), max([1.0, *seen])


def scale_words(ends: tuple[float, float]) -> str:
    """Return `0 to 5`, what a bar's track reaches over, or "" where that is 0 to 1 as usual."""
    low, high = ends
    return "" if ends == (0.0, 1.0) else f"{low:,.4g} to {high:,.4g}"


def name_rows(axes: Axes, names: Sequence[str], palette: Palette) -> None:
    """Give `axes` a row for each name, from the top down, with nothing else around the bars."""
    width = max(width_of(line, weight="bold") for name in names for line in (name.splitlines() or [""]))
    axes.set_yticks(range(len(names)), names, color=palette.ink, ha="left")
    axes.tick_params(axis="y", pad=width + GUTTER)
    axes.set(ylim=(len(names) - 0.5, -0.5), xticks=[])
    axes.spines["bottom"].set_visible(False)


def write_beside(axes: Axes, row: int, words: str, **look: Any) -> None:
    """Write words right of the bar of a row."""
    axes.text(1.02, row, words, transform=axes.get_yaxis_transform(), va="center", **look)


def _explain_star(axes: Axes, palette: Palette, meaning: str) -> None:
    """Add what the star of a score means to the legend, where one has it."""
    if meaning:
        axes.plot([], [], "*", color=palette.ink, markersize=24, label=meaning)


def _draw_bar(axes: Axes, row: float, score: float, height: float, colour: str, palette: Palette) -> None:
    """Draw a score's bar from 0 on its track, with a line at 0 where the scale goes below."""
    left, right = axes.get_xlim()
    axes.barh(row, right - left, height, left, color=palette.grid)
    axes.barh(row, score, height, color=colour)
    if left < 0:
        axes.plot([0, 0], [row - 0.7 * height, row + 0.7 * height], color=palette.ink, linewidth=2)
