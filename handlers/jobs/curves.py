"""A job's pictures over steps, each with its numbers in words, or the sentence that says why there is none."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Final, TypeVar

from charts import Chart, Panel, Points, RewardCurve, StepPanels, StepTime, StepTimes, describe, time_shares
from charts.wording import Unit, percentage, quantity, score
from handlers.jobs.compare import job_curves
from handlers.slack.blocks import Block, Message, escape, picture, section
from handlers.slack.commands import Typed
from handlers.slack.images import Pictures
from jobs.core.errors import InvalidRequest
from jobs.core.nearest import nearest
from jobs.core.records import Job
from jobs.core.series import GraderFigures
from jobs.evals.stats.validation_noise import valid_error
from jobs.rules import RuleInputs, facts_of
from jobs.views.job import JobView, JobViews
from jobs.views.wording import progress_of, reward_of

T = TypeVar("T")

RECENT: Final = 5
"""Figures of single batches are noisy; what they are now is the median of this many steps."""


# -- the reward curve -------------------------------------------------------------------------------------------------


def reward_curve(view: JobView) -> RewardCurve:
    """Return the chart of a job's rewards so far."""
    job, series = view.job, view.series
    return RewardCurve(
        title=reward_of(job).capitalize() if job.valid_reward is not None else "No evaluation yet",
        subtitle=about(job),
        train=series.train,
        valid=series.valid,
        checkpoints=tuple(checkpoint.step for checkpoint in job.checkpoints),
        alerts=tuple(alert.step for alert in job.alerts),
        total_steps=job.total_steps,
        epoch_steps=RuleInputs(series, facts_of(job)).facts.epoch_steps,
        valid_error=valid_error(series),
    )


def about(job: Job) -> str:
    """Return the line below a picture's title: which job it is about, and where that stands."""
    return f"{job.task} · {job.model} · {job.id} · {progress_of(job)}"


def curve(view: JobView, file: str | None) -> Message:
    """Return the reward curve of a job; without a picture its numbers in words."""
    numbers = describe(reward_curve(view))
    return Message(numbers, (picture(file, numbers, "Reward curve", about=view.job.id),))


# -- what else a platform sends ---------------------------------------------------------------------------------------


def graders(view: JobView) -> StepPanels | str:
    """Return the scores of every grader, and the reward they make up, on one scale."""
    job = view.job
    figures = _by_grader(view).items()
    panels = _sent([_panel(name, each, lambda g: g.train_score, lambda g: g.valid_score) for name, each in figures])
    if not panels:
        return _not_sent(view, f"scores of single graders; `/rft curve {job.id}` shows the reward")
    standing = [f"{panel.name} {score(panel.valid[-1][1])}" for panel in panels if panel.valid]
    step = max((panel.valid[-1][0] for panel in panels if panel.valid), default=0)
    title = f"Validation at step {step}: {', '.join(standing)}" if standing else "No evaluation yet"
    if all(panel.name != job.training_reward for panel in panels):
        panels.append(Panel(f"{job.training_reward}, the reward", view.series.train, view.series.valid))
    return _panels(view, title, panels, "score", shared=True)


def tokens(view: JobView) -> StepPanels | str:
    """Return how long answers are: completion tokens and, of those, reasoning tokens, each a mean per answer."""
    steps = [(step.step, step) for step in view.series.steps]
    every = [
        _panel("completion tokens", steps, lambda s: s.train_completion_tokens, lambda s: s.valid_completion_tokens),
        _panel("reasoning tokens", steps, lambda s: s.train_reasoning_tokens, lambda s: s.valid_reasoning_tokens),
    ]
    panels = _sent(every)
    if not panels:
        return _not_sent(view, "token counts, so I cannot say whether answers grow longer")
    silent = [panel.name for panel in every if panel not in panels]
    note = f"{view.job.platform} has sent no {silent[0]}." if silent else ""
    return _panels(view, _length_moved(panels[-1]), panels, "tokens", note=note)


def step_times(view: JobView) -> StepTimes | str:
    """Return where the time of each step goes."""
    times = tuple(
        StepTime(step.step, step.timing.sampling, step.timing.training, step.timing.eval, step.timing.full)
        for step in view.series.steps
    )
    shares = time_shares(times)
    if not shares:
        return _not_sent(view, "times of steps")
    told = ", ".join(f"{name} {percentage(share)}" for name, share in shares)
    return StepTimes(f"Of the time so far: {told}", times, about(view.job), view.job.total_steps)


def latency(view: JobView) -> StepPanels | str:
    """Return how long each grader takes for an answer."""
    figures = _by_grader(view).items()
    panels = _sent([_panel(name, each, lambda g: g.train_latency, lambda g: g.valid_latency) for name, each in figures])
    if not panels:
        return _not_sent(view, "latencies of graders")
    usual = {panel.name: median(seconds for _, seconds in panel.train or panel.valid) for panel in panels}
    slowest = max(usual, key=lambda name: usual[name])
    title = f"{slowest} takes {quantity(usual[slowest], 'seconds')} an answer (median)"
    return _panels(view, title if len(panels) == 1 else f"Slowest grader: {title}", panels, "seconds")


def errors(view: JobView) -> StepPanels | str:
    """Return the share of answers with each kind of grader error; kinds that never occurred are not drawn."""
    graders = _by_grader(view)
    kinds = {
        (name, kind)
        for name, figures in graders.items()
        for _, figure in figures
        for kind in (*figure.train_errors, *figure.valid_errors)
    }
    if not kinds:
        return _not_sent(view, "figures on grader errors")
    every = [_error_panel(name, kind, graders[name]) for name, kind in sorted(kinds)]
    panels = [panel for panel in every if _peak(panel)[1] > 0]
    if not panels:
        told = escape(", ".join(sorted({_in_words(kind) for _, kind in kinds})))
        last = view.series.steps[-1].step
        return f"None up to step {last} of `{view.job.id}`. Counted, and always 0: {told}."
    worst = max(panels, key=lambda panel: _peak(panel)[1])
    step, share = _peak(worst)
    title = f"Most frequent: {worst.name}, in {quantity(share, 'share')} of answers at step {step}"
    quiet = len(every) - len(panels)
    return _panels(view, title, panels, "share", note=f"Reported and always 0: {quiet} more." if quiet else "")


def _not_sent(view: JobView, what: str) -> str:
    return f"{escape(view.job.platform)} has sent no {what}."


def _panels(
    view: JobView, title: str, panels: Sequence[Panel], unit: Unit, *, shared: bool = False, note: str = ""
) -> StepPanels:
    return StepPanels(title, tuple(panels), unit, about(view.job), shared, view.job.total_steps, note)


def _by_grader(view: JobView) -> dict[str, list[tuple[int, GraderFigures]]]:
    """Return the figures of each grader by step, in the platform's order of graders."""
    found: dict[str, list[tuple[int, GraderFigures]]] = {}
    for step in view.series.steps:
        for grader in step.graders:
            found.setdefault(grader.name, []).append((step.step, grader))
    return found


def _panel(
    name: str, figures: Sequence[tuple[int, T]], train: Callable[[T], float | None], valid: Callable[[T], float | None]
) -> Panel:
    def points(value: Callable[[T], float | None]) -> Points:
        return tuple((step, found) for step, figure in figures if (found := value(figure)) is not None)

    return Panel(name, points(train), points(valid))


def _error_panel(name: str, kind: str, figures: Sequence[tuple[int, GraderFigures]]) -> Panel:
    label = f"{_in_words(kind)} ({name})"
    return _panel(label, figures, lambda g: g.train_errors.get(kind), lambda g: g.valid_errors.get(kind))


def _sent(panels: list[Panel]) -> list[Panel]:
    return [panel for panel in panels if panel.train or panel.valid]


def _peak(panel: Panel) -> tuple[int, float]:
    return max((*panel.train, *panel.valid), key=lambda point: point[1])


def _in_words(kind: str) -> str:
    return kind.replace("_", " ")


def _length_moved(panel: Panel) -> str:
    """Return how long answers are now, compared with the first steps."""
    lengths = [value for _, value in panel.train or panel.valid]
    now, before = median(lengths[-RECENT:]), median(lengths[:RECENT])
    told = f"Now {quantity(now, 'tokens')} {panel.name} an answer"
    if len(lengths) < 2 * RECENT or before <= 0:
        return told
    share = now / before - 1
    if abs(share) < 0.005:
        return f"{told}, as in the first {RECENT} steps"
    return f"{told}, {percentage(abs(share))} {'more' if share > 0 else 'fewer'} than in the first {RECENT} steps"


# -- what is asked for ------------------------------------------------------------------------------------------------

CURVES: Final[Mapping[str, Mapping[str, Callable[[JobView], Chart | str]]]] = {
    "rewards": {"Reward curve": reward_curve},
    "graders": {"Scores of graders": graders},
    "tokens": {"Tokens": tokens},
    "timing": {"Step times": step_times, "Grader latency": latency},
    "errors": {"Grader errors": errors},
}
"""For every word a person may type, the pictures it stands for, by heading; `all` stands for all of them."""
WORDS: Final = (*CURVES, "all")


async def show_curves(typed: Typed, views: JobViews, pictures: Pictures) -> Message:
    """Show the curves of one job that the word after it asks for, in one message."""
    view = await views.job(typed.word)
    word = typed.words[1].lower() if len(typed.words) > 1 else "rewards"
    if word not in WORDS:
        raise InvalidRequest(f"`/rft curve` cannot draw '{word}'; {nearest(word, WORDS)}")
    wanted = [pair for one in (CURVES if word == "all" else (word,)) for pair in CURVES[one].items()]
    shown = [(heading, show(view)) for heading, show in wanted]
    blocks = await asyncio.gather(*(_block(heading, chart, view.job.id, pictures) for heading, chart in shown))
    numbers = [chart if isinstance(chart, str) else describe(chart) for _, chart in shown]
    return Message("\n".join(numbers), tuple(blocks))


async def _block(heading: str, chart: Chart | str, job_id: str, pictures: Pictures) -> Block:
    """Return one picture, or its numbers in words if it cannot be drawn, or why there is nothing to draw."""
    if isinstance(chart, str):
        return section(f"*{heading}*\n{chart}")
    file = await pictures.file_of(chart, f"{heading.lower().replace(' ', '-')}-{job_id}")
    return picture(file, describe(chart), heading, about=job_id)


async def show_comparison(typed: Typed, views: JobViews, pictures: Pictures) -> Message:
    """Show the validation rewards of several jobs, one over the other."""
    found = {view.job.id: view for view in [await views.job(reference) for reference in typed.words]}
    if len(found) == 1:
        raise InvalidRequest(f"{next(iter(found))} is one job; name another to compare it with.")
    chart = job_curves(list(found.values()))
    file = await pictures.file_of(chart, "-".join(["compared", *found]))
    numbers = describe(chart)
    return Message(numbers, (picture(file, numbers, "Validation rewards", about=f"{len(found)} jobs"),))
