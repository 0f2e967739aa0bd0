"""`/rft sweep`: does more data pay? Launches jobs on growing parts of the training items, and shows what they say."""

from typing import Final

from charts import LearningCurve, describe
from charts.wording import counted, grader_name, joined
from handlers.jobs.launch import IN_A_CHANNEL, LAUNCH_KEYS, read_request
from handlers.slack.blocks import Block, Message, context, escape, header, picture, section
from handlers.slack.commands import Typed
from handlers.slack.images import Pictures
from handlers.slack.people import People
from handlers.slack.replies import Asker
from handlers.slack.wording import moment, person
from handlers.tasks.fields import is_direct
from jobs.core.errors import InvalidRequest
from jobs.core.hyperparameters import read_whole
from jobs.learning.records import Sweep
from jobs.learning.service import EVALUATED, Sweeps
from jobs.state.store import AlreadyTaken

SWEEP_KEYS: Final = {key: each for key, each in LAUNCH_KEYS.items() if key != "suffix"} | {
    "items": "50,100,200",
    "seeds": "2",
    "more": "100",
}
MOST_SEEDS: Final = 8
MOST_ITEMS: Final = 1_000_000
USUAL_SEEDS: Final = 2
"""One job for each size leaves nothing that says how far another seed would have led."""


async def answer_sweep(typed: Typed, asker: Asker, sweeps: Sweeps, people: People, pictures: Pictures) -> Message | str:
    """Launch a sweep over the number of training items, or show one."""
    if typed.word:
        return await show_sweep(await sweeps.view(typed.word), pictures)
    if missing := [f"`{key}=`" for key in ("task", "items") if key not in typed.given]:
        raise InvalidRequest(
            f"`/rft sweep` needs {joined(missing)}, such as `task=eurovoc items=50,100,200`; or the id of a sweep."
        )
    if is_direct(asker.channel):
        raise InvalidRequest(IN_A_CHANNEL)
    await people.require_membership(asker.channel, just_now=True)
    given = dict(typed.given)
    sizes = [read_whole("items", each, 1, MOST_ITEMS) for each in given.pop("items").split(",") if each]
    seeds = read_whole("seeds", given.pop("seeds", str(USUAL_SEEDS)), 1, MOST_SEEDS)
    more = read_whole("more", given.pop("more"), 1, MOST_ITEMS) if "more" in given else None
    try:
        sweep = await sweeps.launch(read_request(Typed(typed.verb, (), given), asker), sizes, seeds, more)
    except AlreadyTaken as taken:
        return f"You asked for just that a moment ago: `{taken.holder}` is its first job. Add `seed=` to launch others."
    return _launched(sweep)


def _launched(sweep: Sweep) -> str:
    trained, largest = sum(each.items for each in sweep.jobs), max(each.items for each in sweep.jobs)
    return (
        f"Launching {counted(len(sweep.jobs), 'job')} as `{sweep.id}` on {escape(sweep.request.task)}: "
        f"{_sizes(sweep)}, each larger part with the smaller ones in it. Together they train on as much "
        f"as {trained / largest:.1f} jobs with {largest:,} items. Its message here says how far they are, and in the "
        "end whether more data pays."
    )


def _sizes(sweep: Sweep) -> str:
    sizes = sorted({each.items for each in sweep.jobs})
    seeds = len({each.seed for each in sweep.jobs})
    return f"{joined([f'{size:,}' for size in sizes])} training items x {counted(seeds, 'seed')}"


async def show_sweep(sweep: Sweep, pictures: Pictures) -> Message:
    """Return a sweep as it stands, with its picture once there is a result."""
    chart = sweep_chart(sweep)
    file = await pictures.file_of(chart, f"learning-curve-{sweep.id}") if chart else None
    return sweep_message(sweep, chart, file)


def sweep_chart(sweep: Sweep) -> LearningCurve | None:
    """Return the picture of a sweep's result, if there is one."""
    result = sweep.result
    if result is None:
        return None
    verdict = result.text.partition(". ")[0].removesuffix(".")
    return LearningCurve(
        title=verdict,
        points=result.points,
        curve=result.curve,
        promised=result.promised,
        base=result.base,
        subtitle=f"{sweep.request.task} · {_sizes(sweep)} · best checkpoints, validation split",
        score=grader_name(result.reward),
    )


def sweep_message(sweep: Sweep, chart: LearningCurve | None, file: str | None) -> Message:
    """Return what a sweep shows: how its jobs are, or what it found. `file` is the picture of `chart`."""
    result, task = sweep.result, sweep.request.task
    title = f"Does more data pay? {task}"
    blocks: list[Block] = [header(title)]
    if result is None:
        done = sum(end == EVALUATED for end in sweep.ended.values())
        said = f"{done} of {counted(len(sweep.jobs), 'job')} evaluated: {_sizes(sweep)}."
        blocks.append(section(said))
    else:
        said = result.text
        verdict, stop, rest = said.partition(". ")
        blocks.append(section(f"*{escape(verdict + stop.strip())}*\n{escape(rest)}"))
        if chart:
            blocks.append(picture(file, describe(chart), chart.title, about=task))
    jobs = ", ".join(f"`{each.job}` ({each.items:,})" for each in sweep.jobs)
    by = f"`{sweep.id}` · launched by {person(sweep.request.requested_by)} {moment(sweep.created_at)} · {jobs}"
    return Message(f"{title}: {escape(said)}", (*blocks, context(by)))
