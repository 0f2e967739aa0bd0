"""`/rft samples`: a job's answers at a step, before and after, next to what was right."""

from collections.abc import Mapping
from typing import Final

from charts.wording import number
from handlers.jobs.cards import ACT
from handlers.slack.blocks import Block, Message, button, context, cut, escape, section
from handlers.slack.commands import Typed
from jobs.core.errors import InvalidRequest
from jobs.core.records import RaisedAlert
from jobs.platforms.parse import KeptItem
from jobs.training.kept_answers import ChangedAnswers, Samples
from jobs.training.service import RftJobs
from jobs.views.job import JobView

SAMPLES: Final = f"{ACT}:samples"
MOST_INPUT: Final = 220
MOST_ANSWER: Final = 400


async def show_samples(typed: Typed, jobs: RftJobs) -> Message:
    """Show five validation items before and after, of those whose reward changed most."""
    step, since = (_step(typed.given, key) for key in ("step", "from"))
    return samples(await jobs.samples(typed.word, step, since))


def samples(found: Samples) -> Message:
    """Return the answers of two evaluations, item by item."""
    job, which = found.job, f"{len(found.items)} of {found.of} validation items, those whose reward changed most"
    text = (
        f"Answers of {job.id} at step {found.since} and at step {found.step}: {which}. Over all items the reward went "
        f"from {number(found.before)} to {number(found.after)}."
    )
    blocks = [section(f"*{escape(text)}*"), *(section(_item(found, item)) for item in found.items)]
    return Message(text, (*blocks, context(escape(_about(found)))))


def read_answers_button(view: JobView, raised: RaisedAlert) -> Block | None:
    """Return the button of an alert that shows the answers behind it; None where the platform keeps none.

    Before is the evaluation that the alert calls the best, or the first one.
    """
    if view.profile is None or not view.profile.keeps_answers or len(view.series.valid) < 2:
        return None
    first = view.series.valid[0][0]
    best = int(raised.values.get("best_step", first))
    if raised.step <= first:
        return None
    since = best if first <= best < raised.step else first
    value = f"samples|{view.job.id} step={raised.step} from={since}"
    return button("Read answers", SAMPLES, value, reads=f"Read answers: step {since} against step {raised.step}")


def _item(found: Samples, item: ChangedAnswers) -> str:
    before, after = item.before, item.after
    rewards = f"reward {number(before.reward)} at step {found.since}, {number(after.reward)} at step {found.step}"
    lines = [
        f"*{escape(before.name)}*, {rewards}",
        f"> {escape(cut(' '.join(before.input.split()), MOST_INPUT))}",
        f"Right: `{_code(before.reference)}`",
        f"Before: {_answers(before)}",
        f"After: {_answers(after)}",
    ]
    return "\n".join(lines)


def _answers(item: KeptItem) -> str:
    """Return each different answer once, with its reward and how often it was given."""
    given = list(dict.fromkeys(item.answers))
    told = []
    for answer in given:
        times = item.answers.count(answer)
        often = f", {times} of {len(item.answers)}" if times > 1 else ""
        told.append(f"`{_code(answer.text)}` ({number(answer.reward)}{often})")
    return " · ".join(told)


def _code(text: str) -> str:
    return escape(cut(" ".join(text.split()).replace("`", "'"), MOST_ANSWER)) or " "


def _about(found: Samples) -> str:
    return (
        f"/rft samples {found.job.id} step={found.step} from={found.since} compares any two evaluations. Each answer "
        "has its own reward, and how many were the same."
    )


def _step(given: Mapping[str, str], key: str) -> int | None:
    text = given.get(key)
    if text is None:
        return None
    if not text.isdigit() or len(text) > 7:
        raise InvalidRequest(f"`{key}=` is a step of the job, such as {key}=60, not '{text}'.")
    return int(text)
