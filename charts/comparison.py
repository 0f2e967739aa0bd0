"""The comparison of arms: for each grader a group of bars, one for each arm, with its error bar and its figure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from charts.lettering import shorten, width_of
from charts.scale import Scale, score_scale
from charts.sheet import Sheet
from charts.style import LABEL, MARGIN, VALUE, WIDTH
from charts.values import ArmScores, Score, ScoreComparison
from charts.wording import finite, highest, number

MOST_ARMS = 8
MOST_GRADERS = 6
NAMES = 330
"""Most pixels for the names of the arms."""
GUTTER = 20
ROW = 44
BAR = 26
CAP = 9
"""Half the height of an error bar's ends, in pixels."""
GROUP = 52
"""The name of a grader above its bars."""
DECIMALS = 3
STAR = "\u2605"
DASH = "\u2013"
PLUS_MINUS = "\u00b1"


@dataclass(frozen=True, slots=True)
class _Group:
    """One grader: its name, each arm's score, and the highest mean as it is written."""

    grader: str
    scores: tuple[Score, ...]
    best: str | None
    scale: Scale


def draw_score_comparison(sheet: Sheet, chart: ScoreComparison) -> None:
    """Draw arms and graders in the order given; a score nobody measured is a dash."""
    arms = chart.arms[:MOST_ARMS]
    left_out = f"first {len(arms)} of {len(chart.arms)} arms. " if len(arms) < len(chart.arms) else ""
    top = sheet.headline(chart.title, left_out + chart.subtitle) - 4
    names = _names(arms, NAMES)
    left = MARGIN + max((width_of(name, LABEL) for name in names), default=0) + GUTTER
    groups = tuple(_groups(chart.graders[:MOST_GRADERS], arms, left))
    if not groups:
        sheet.write(MARGIN, top + LABEL, "no arm has scores yet", colour=sheet.palette.muted)
        sheet.cut(top + 2 * LABEL + MARGIN)
        return
    for group in groups:
        top = _draw_group(sheet, group, names, top)
    sheet.cut(_draw_key(sheet, chart, groups, top + 8) + MARGIN)


def _names(arms: Sequence[ArmScores], width: float) -> list[str]:
    """Return the arms' names as they fit; where that makes two of them alike, each is numbered."""
    names = [shorten(arm.arm, width, LABEL) for arm in arms]
    if len(set(names)) == len(names):
        return names
    return [shorten(f"{number}. {arm.arm}", width, LABEL) for number, arm in enumerate(arms, start=1)]


def _groups(graders: Sequence[str], arms: Sequence[ArmScores], left: float) -> Iterator[_Group]:
    """Yield a group for every grader that scored at least one arm, with room for the widest figure at the right."""
    columns = [tuple(_score(arm, index) for arm in arms) for index in range(len(graders))]
    figures = [width_of(_words(score, best=True), VALUE, "bold") for column in columns for score in column]
    right = WIDTH - MARGIN - max(figures, default=0) - GUTTER
    for grader, scores in zip(graders, columns, strict=True):
        means = [score.mean for score in scores if score.mean is not None]
        if means:
            yield _Group(grader, scores, highest(means, DECIMALS), _scale(scores, means, left, right))


def _scale(scores: Sequence[Score], means: Sequence[float], left: float, right: float) -> Scale:
    """Return 0..1 for scores that live there, error bars cut at its ends, or else a scale that holds those too."""
    if all(0 <= mean <= 1 for mean in means):
        return score_scale(means, left, right)
    ends = [s.mean + sign * (s.error or 0.0) for s in scores if s.mean is not None for sign in (-1, 1)]
    return score_scale(ends, left, right)


def _score(arm: ArmScores, index: int) -> Score:
    score = arm.scores[index] if index < len(arm.scores) else Score(None)
    return Score(finite(score.mean), finite(score.error))


def _words(score: Score, *, best: bool) -> str:
    if score.mean is None:
        return DASH
    error = "" if score.error is None else f" {PLUS_MINUS} {number(score.error, DECIMALS)}"
    return number(score.mean, DECIMALS) + error + (f" {STAR}" if best else "")


def _draw_group(sheet: Sheet, group: _Group, names: Sequence[str], top: float) -> float:
    """Draw one grader's bars and return the pixel below them."""
    sheet.bar(MARGIN, top, WIDTH - 2 * MARGIN, 1.5, sheet.palette.grid)
    sheet.write(MARGIN, top + GROUP / 2 + 2, shorten(group.grader, WIDTH - 2 * MARGIN, VALUE, "bold"), weight="bold")
    top += GROUP
    for index, (name, score) in enumerate(zip(names, group.scores, strict=True)):
        middle = top + (index + 0.5) * ROW
        sheet.write(MARGIN, middle, name)
        arms = sheet.palette.arms
        _draw_bar(sheet, group, score, middle, arms[index % len(arms)])
    return top + len(names) * ROW + 14


def _draw_bar(sheet: Sheet, group: _Group, score: Score, middle: float, colour: str) -> None:
    palette, scale = sheet.palette, group.scale
    beside = scale.end + GUTTER
    if score.mean is None:
        sheet.write(beside, middle, DASH, size=VALUE, colour=palette.muted)
        return
    best = number(score.mean, DECIMALS) == group.best
    zero, end = scale.at(0.0), scale.at(score.mean)
    sheet.bar(scale.start, middle - BAR / 2, scale.end - scale.start, BAR, palette.grid)
    sheet.bar(min(zero, end), middle - BAR / 2, abs(end - zero), BAR, colour)
    if zero > scale.start:
        sheet.bar(zero - 1, middle - BAR / 2 - 4, 2, BAR + 8, palette.ink)
    if score.error is not None:
        _draw_error(sheet, scale, score.mean, score.error, middle)
    sheet.write(beside, middle, _words(score, best=best), size=VALUE, weight="bold" if best else "normal")


def _draw_error(sheet: Sheet, scale: Scale, mean: float, error: float, middle: float) -> None:
    """Draw mean minus to mean plus error, with ends, cut at the ends of the bar."""
    low, high = (min(max(scale.at(end), scale.start), scale.end) for end in (mean - error, mean + error))
    nan = float("nan")
    xs = [low, high, nan, low, low, nan, high, high]
    ys = [middle, middle, nan, middle - CAP, middle + CAP, nan, middle - CAP, middle + CAP]
    for colour, width in ((sheet.palette.background, 6), (sheet.palette.ink, 2.5)):
        sheet.trace(xs, ys, color=colour, linewidth=width, solid_capstyle="butt", zorder=3)


def _draw_key(sheet: Sheet, chart: ScoreComparison, groups: Sequence[_Group], top: float) -> float:
    """Say what the error bars and the star mean, where there are any, and return the pixel below."""
    keys = []
    if any(score.error is not None for group in groups for score in group.scores):
        keys.append(f"{PLUS_MINUS} {chart.errors}")
    if any(group.best for group in groups):
        keys.append(f"{STAR} highest of its group")
    for words in keys:
        line = shorten(words, WIDTH - 2 * MARGIN, LABEL)
        sheet.write(MARGIN, top + LABEL / 2, line, colour=sheet.palette.muted)
        top += LABEL * 1.4
    return top - LABEL * 0.4 if keys else top
