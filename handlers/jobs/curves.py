"""`/rft curve` and `/rft compare`: the pictures a person asks for, each with its numbers in words."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from charts import Chart, describe
from handlers.jobs.compare import job_curves
from handlers.jobs.curve_charts import errors, graders, latency, step_times, tokens
from handlers.jobs.thread import reward_curve
from handlers.slack.blocks import Block, Message, picture, section
from handlers.slack.commands import Typed
from handlers.slack.images import Pictures
from jobs.core.errors import InvalidRequest
from jobs.core.nearest import nearest
from jobs.views.job import JobView, JobViews

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
