"""From a job's series to its pictures over steps; where a platform sent nothing to draw, the sentence that says so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from charts import Chart, Panel, Points, StepPanels, StepTime, StepTimes, time_shares
from charts.wording import Unit, quantity
from handlers.jobs.thread import about, reward_curve
from handlers.slack.blocks import escape
from handlers.slack.wording import score
from jobs.core.series import GraderFigures, Step
from jobs.views.job import JobView

RECENT: Final = 5
"""Figures of single batches are noisy; what they are now is the median of this many steps."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture of a job, under its heading.

    Args:
        heading: what is shown, without the job's name.
        chart: what is drawn; None where there is nothing to draw.
        words: a sentence (mrkdwn) that then stands in its place.
    """

    heading: str
    chart: Chart | None = None
    words: str = ""


def rewards(view: JobView) -> Shown:
    """Return the reward curve."""
    return Shown("Reward curve", reward_curve(view))


def graders(view: JobView) -> Shown:
    """Return the scores of every grader, and the reward they make up, on one scale."""
    heading, job = "Scores of graders", view.job
    panels = _by_grader(view, lambda grader: grader.train_score, lambda grader: grader.valid_score)
    if not panels:
        missing = f"{_platform(view)} has sent no scores of single graders"
        return Shown(heading, words=f"{missing}; `/rft curve {job.id}` shows the reward.")
    standing = [f"{panel.name} {score(panel.valid[-1][1])}" for panel in panels if panel.valid]
    if all(panel.name != job.training_reward for panel in panels):
        panels.append(Panel(f"{job.training_reward}, the reward", view.series.train, view.series.valid))
    step = max((panel.valid[-1][0] for panel in panels if panel.valid), default=0)
    title = f"Validation at step {step}: {', '.join(standing)}" if standing else "No evaluation yet"
    return Shown(heading, _panels(view, title, panels, "score", shared=True))


def tokens(view: JobView) -> Shown:
    """Return how long answers are: completion tokens and, of those, reasoning tokens, each a mean per answer."""
    every = (
        Panel(
            "completion tokens",
            _points(view, lambda step: step.train_completion_tokens),
            _points(view, lambda step: step.valid_completion_tokens),
        ),
        Panel(
            "reasoning tokens",
            _points(view, lambda step: step.train_reasoning_tokens),
            _points(view, lambda step: step.valid_reasoning_tokens),
        ),
    )
    panels = [panel for panel in every if panel.train or panel.valid]
    if not panels:
        missing = f"{_platform(view)} has sent no token counts"
        return Shown("Tokens", words=f"{missing}, so I cannot say whether answers grow longer.")
    silent = [panel.name for panel in every if panel not in panels]
    note = f"{view.job.platform} has sent no {silent[0]}." if silent else ""
    return Shown("Tokens", _panels(view, _length_moved(panels[-1]), panels, "tokens", note=note))


def step_times(view: JobView) -> Shown:
    """Return where the time of each step goes."""
    times = tuple(
        StepTime(step.step, step.timing.sampling, step.timing.training, step.timing.eval, step.timing.full)
        for step in view.series.steps
    )
    shares = time_shares(times)
    if not shares:
        return Shown("Step times", words=f"{_platform(view)} has sent no times of steps.")
    told = ", ".join(f"{name} {share:.0%}" for name, share in shares)
    return Shown("Step times", StepTimes(f"Of the time so far: {told}", times, about(view.job), view.job.total_steps))


def latency(view: JobView) -> Shown:
    """Return how long each grader takes for an answer."""
    panels = _by_grader(view, lambda grader: grader.train_latency, lambda grader: grader.valid_latency)
    if not panels:
        return Shown("Grader latency", words=f"{_platform(view)} has sent no latencies of graders.")
    usual = {panel.name: median(seconds for _, seconds in panel.train or panel.valid) for panel in panels}
    slowest = max(usual, key=lambda name: usual[name])
    title = f"{slowest} takes {quantity(usual[slowest], 'seconds')} an answer (median)"
    title = title if len(panels) == 1 else f"Slowest grader: {title}"
    return Shown("Grader latency", _panels(view, title, panels, "seconds"))


def errors(view: JobView) -> Shown:
    """Return the share of answers that each kind of grader error befell; kinds that never came are not drawn."""
    heading, names = "Grader errors", _grader_names(view)
    kinds = {(name, kind) for step in view.series.steps for name in names for kind in _error_kinds(step.grader(name))}
    if not kinds:
        return Shown(heading, words=f"{_platform(view)} has sent no figures on grader errors.")
    every = [_error_panel(view, name, kind) for name, kind in sorted(kinds)]
    panels = [panel for panel in every if any(share > 0 for _, share in (*panel.train, *panel.valid))]
    if not panels:
        told = escape(", ".join(sorted({_in_words(kind) for _, kind in kinds})))
        last = view.series.steps[-1].step
        return Shown(heading, words=f"None up to step {last} of `{view.job.id}`. Counted, and always 0: {told}.")
    worst = max(panels, key=lambda panel: _peak(panel)[1])
    step, share = _peak(worst)
    title = f"Most frequent: {worst.name}, in {quantity(share, 'share')} of answers at step {step}"
    quiet = len(every) - len(panels)
    note = f"Reported and always 0: {quiet} more." if quiet else ""
    return Shown(heading, _panels(view, title, panels, "share", note=note))


def _by_grader(
    view: JobView, train: Callable[[GraderFigures], float | None], valid: Callable[[GraderFigures], float | None]
) -> list[Panel]:
    """Return a panel for every grader that has at least one of the two figures."""
    panels = []
    for name in _grader_names(view):
        panel = Panel(name, _points(view, _figure_of(name, train)), _points(view, _figure_of(name, valid)))
        if panel.train or panel.valid:
            panels.append(panel)
    return panels


def _error_panel(view: JobView, name: str, kind: str) -> Panel:
    return Panel(
        f"{_in_words(kind)} ({name})",
        _points(view, _figure_of(name, lambda grader: grader.train_errors.get(kind))),
        _points(view, _figure_of(name, lambda grader: grader.valid_errors.get(kind))),
    )


def _figure_of(name: str, read: Callable[[GraderFigures], float | None]) -> Callable[[Step], float | None]:
    def value(step: Step) -> float | None:
        grader = step.grader(name)
        return None if grader is None else read(grader)

    return value


def _points(view: JobView, value: Callable[[Step], float | None]) -> Points:
    return tuple((step.step, found) for step in view.series.steps if (found := value(step)) is not None)


def _grader_names(view: JobView) -> tuple[str, ...]:
    """Return the graders in the order in which the platform first named them."""
    return tuple(dict.fromkeys(grader.name for step in view.series.steps for grader in step.graders))


def _error_kinds(grader: GraderFigures | None) -> set[str]:
    return {*grader.train_errors, *grader.valid_errors} if grader else set()


def _peak(panel: Panel) -> tuple[int, float]:
    return max((*panel.train, *panel.valid), key=lambda point: point[1])


def _in_words(kind: str) -> str:
    return kind.replace("_", " ")


def _length_moved(panel: Panel) -> str:
    """Return how long answers are now, against the first steps."""
    lengths = [value for _, value in panel.train or panel.valid]
    now, before = median(lengths[-RECENT:]), median(lengths[:RECENT])
    told = f"Now {quantity(now, 'tokens')} {panel.name} an answer"
    if len(lengths) < 2 * RECENT or before <= 0:
        return told
    share = now / before - 1
    if abs(share) < 0.005:
        return f"{told}, as in the first {RECENT} steps"
    return f"{told}, {abs(share):.0%} {'more' if share > 0 else 'fewer'} than in the first {RECENT} steps"


def _panels(
    view: JobView, title: str, panels: Sequence[Panel], unit: Unit, *, shared: bool = False, note: str = ""
) -> StepPanels:
    return StepPanels(title, tuple(panels), unit, about(view.job), shared, view.job.total_steps, note)


def _platform(view: JobView) -> str:
    return escape(view.job.platform)
