"""The comparison of arms: for each grader a group of bars, one for each arm, with its error bar and its figure."""

from collections.abc import Sequence
from itertools import cycle
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from charts.figure import ROOM, compose, empty_figure, new_figure
from charts.score_bars import DASH, STAR, draw_bar, explain_star, name_rows, score_ends, write_beside
from charts.style import LABEL, Palette
from charts.text_fit import shorten
from charts.values import ArmScores, Score, ScoreComparison
from charts.wording import finite, highest, number

MOST_ARMS = 8
MOST_GRADERS = 6
NAMES = 330
"""Most pixels for the names of the arms."""
ROW = 48
GROUP = 62
"""Pixels for the name of a grader above its bars."""
DECIMALS = 3
PLUS_MINUS = "\u00b1"


def draw_score_comparison(chart: ScoreComparison, palette: Palette) -> Figure:
    """Draw arms and graders in the order given; a score nobody measured is a dash."""
    arms = chart.arms[:MOST_ARMS]
    left_out = f"first {len(arms)} of {len(chart.arms)} arms. " if len(arms) < len(chart.arms) else ""
    columns = [(grader, _scores(arms, index)) for index, grader in enumerate(chart.graders[:MOST_GRADERS])]
    groups = [(grader, scores) for grader, scores in columns if any(score.mean is not None for score in scores)]
    if not groups:
        return empty_figure(palette, chart.title, chart.subtitle, "no arm has scores yet")
    figure = new_figure()
    plots = figure.subplots(len(groups), squeeze=False)[:, 0]
    names = _names(arms)
    for axes, (grader, scores) in zip(plots, groups, strict=True):
        axes.set_title(shorten(grader, ROOM - 8 * LABEL, weight="bold"))
        axes.set_xlim(_ends(scores))
        name_rows(axes, names, palette)
        _draw_errors(axes, scores, chart.errors, palette)
        _draw_group(axes, scores, palette)
    height = len(groups) * (GROUP + len(arms) * ROW)
    return compose(figure, palette, chart.title, left_out + chart.subtitle, height)


def _scores(arms: Sequence[ArmScores], index: int) -> list[Score]:
    """Return each arm's score by one grader; an arm may lack the last graders."""
    scores = [arm.scores[index] if index < len(arm.scores) else Score(None) for arm in arms]
    return [Score(finite(score.mean), finite(score.error)) for score in scores]


def _names(arms: Sequence[ArmScores]) -> list[str]:
    """Return the arms' names as they fit; where that makes two of them alike, each is numbered."""
    names = [shorten(arm.arm, NAMES) for arm in arms]
    if len(set(names)) == len(names):
        return names
    return [shorten(f"{place}. {arm.arm}", NAMES) for place, arm in enumerate(arms, start=1)]


def _ends(scores: Sequence[Score]) -> tuple[float, float]:
    """Return 0..1 for means that live there, error bars cut at its ends, or else ends that hold those too."""
    means = [score.mean for score in scores if score.mean is not None]
    if all(0 <= mean <= 1 for mean in means):
        return 0.0, 1.0
    errors = [s.mean + sign * (s.error or 0.0) for s in scores if s.mean is not None for sign in (-1, 1)]
    return score_ends(errors)


def _draw_group(axes: Axes, scores: Sequence[Score], palette: Palette) -> None:
    best = highest((score.mean for score in scores), DECIMALS)
    if best:
        explain_star(axes, palette, "group")
    for row, (score, colour) in enumerate(zip(scores, cycle(palette.arms), strict=False)):
        words = DASH if score.mean is None else number(score.mean, DECIMALS)
        error = "" if score.error is None else f" {PLUS_MINUS} {number(score.error, DECIMALS)}"
        is_best = words == best
        words = f"{words}{error} {STAR}" if is_best else words + error
        write_beside(axes, row, words, weight="bold" if is_best else "normal")
        if score.mean is not None:
            draw_bar(axes, row, score.mean, 0.6, colour, palette)


def _draw_errors(axes: Axes, scores: Sequence[Score], meaning: str, palette: Palette) -> None:
    """Draw mean minus to mean plus error, cut at the ends of the scale."""
    known = [(s.mean, row, s.error) for row, s in enumerate(scores) if s.mean is not None and s.error is not None]
    if known:
        means, rows, errors = zip(*known, strict=True)
        for colour, width, label in ((palette.background, 6, None), (palette.ink, 2.5, f"{PLUS_MINUS} {meaning}")):
            look: dict[str, Any] = {"ecolor": colour, "elinewidth": width, "capthick": width, "fmt": "none"}
            axes.errorbar(means, rows, xerr=errors, capsize=9, label=label, **look)
