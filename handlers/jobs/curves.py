"""`/rft curve` and `/rft compare`: the pictures a person asks for, each with its numbers in words."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from charts import describe
from handlers.jobs.compare import job_curves
from handlers.jobs.curve_charts import Shown, errors, graders, latency, rewards, step_times, tokens
from handlers.slack.blocks import Block, Message, escape, image, section
from handlers.slack.commands import CURVE_WORDS, Typed
from handlers.slack.images import Pictures
from jobs.core.errors import InvalidRequest
from jobs.core.nearest import nearest
from jobs.views.job import JobView, JobViews

CURVES: Final[Mapping[str, tuple[Callable[[JobView], Shown], ...]]] = {
    "rewards": (rewards,),
    "graders": (graders,),
    "tokens": (tokens,),
    "timing": (step_times, latency),
    "errors": (errors,),
}
"""Every word a person may type, but `all`, and the pictures it stands for."""


async def pictured(typed: Typed, views: JobViews, pictures: Pictures) -> Message:
    """Return what `curve` or `compare` shows of the jobs that were typed."""
    if typed.verb == "compare":
        found = [await views.job(reference) for reference in typed.words]
        return await compared(list({view.job.id: view for view in found}.values()), pictures)
    word = typed.words[1].lower() if len(typed.words) > 1 else "rewards"
    return await curves(await views.job(typed.word), word, pictures)


async def curves(view: JobView, word: str, pictures: Pictures) -> Message:
    """Return the pictures that a word asks for, in one message.

    Raises:
        InvalidRequest: there is no such word.
    """
    if word not in CURVE_WORDS:
        raise InvalidRequest(f"`/rft curve` cannot draw '{word}'; {nearest(word, CURVE_WORDS)}")
    words = CURVES if word == "all" else (word,)
    shown = [show(view) for one in words for show in CURVES[one]]
    blocks = await asyncio.gather(*(_block(one, view.job.id, pictures) for one in shown))
    told = [describe(one.chart) if one.chart else one.words for one in shown]
    return Message("\n".join(told), tuple(blocks))


async def compared(views: Sequence[JobView], pictures: Pictures) -> Message:
    """Return the validation rewards of several jobs, one over the other.

    Raises:
        InvalidRequest: it is one and the same job.
    """
    if len(views) == 1:
        raise InvalidRequest(f"{views[0].job.id} is one job; name another to compare it with.")
    chart = job_curves(views)
    file = await pictures.file_of(chart, "compared-" + "-".join(view.job.id for view in views))
    words = describe(chart)
    if file is None:
        return Message(words, (section(f"*Validation rewards*\n{escape(words)}"),))
    return Message(words, (image(file, words, f"Validation rewards of {len(views)} jobs"),))


async def _block(shown: Shown, job_id: str, pictures: Pictures) -> Block:
    """Return one picture; its numbers in words where it cannot be drawn, and why where there is nothing to draw."""
    if shown.chart is None:
        return section(f"*{shown.heading}*\n{shown.words}")
    words = describe(shown.chart)
    file = await pictures.file_of(shown.chart, f"{shown.heading.lower().replace(' ', '-')}-{job_id}")
    if file is None:
        return section(f"*{shown.heading}*\n{escape(words)}")
    return image(file, words, f"{shown.heading} of {job_id}")
