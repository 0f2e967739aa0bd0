"""How alerts and changes of state look in a job's thread, and the answer to "Why?" below an alert."""

import asyncio
import time
from typing import Any, Final

from charts import RuleTrace, describe
from handlers.jobs.curves import about
from handlers.slack.blocks import Block, Message, actions, button, context, escape, image, plain, section
from handlers.slack.forms import OpeningForm
from handlers.slack.images import Pictures
from handlers.slack.listeners import Listeners
from handlers.slack.wording import people, person
from jobs.core.errors import NotFound
from jobs.core.records import Job, RaisedAlert
from jobs.rules import facts_of, rules_of, trace, why
from jobs.rules.alert_state import TITLES, became_worse
from jobs.views.job import JobView, JobViews

LEVELS: Final = {"info": "Note", "warn": "Warning", "critical": "Critical"}
EXPLAIN: Final = "explain_alert"
"""Action id of every "Why?"; the value says which job's, and which alert."""
LONGEST_TITLE: Final = 90
DRAWING: Final = "The picture of what the rule looks at follows in a moment."
NO_PICTURE: Final = "The picture could not be drawn; the numbers above are all of it."
FORMULA_LINES: Final = 2
"""Of an explanation: the formula in letters, and with numbers. The rest explains the letters."""


def rule_trace(view: JobView, raised: RaisedAlert, now: float) -> RuleTrace | None:
    """Return the chart of what an alert's rule looks at on its job; None if the platform no longer sends that.

    Reads the whole series with the rule; a long one takes tenths of a second.
    """
    job = view.job
    seen = trace(raised.rule, view.series, facts_of(job, now), rules_of(job))
    if seen is None:
        return None
    first = raised.text.splitlines()[0].partition(". ")[0].rstrip(".")
    return RuleTrace(
        title=first if len(first) <= LONGEST_TITLE else f"{title_of(raised).capitalize()} at step {raised.step}",
        panels=seen.panels,
        subtitle=f"Rule {raised.rule} · {about(job)}",
        fired=seen.fired,
        cleared=seen.cleared,
        total_steps=job.total_steps,
    )


async def draw_trace(
    view: JobView, raised: RaisedAlert, now: float, pictures: Pictures
) -> tuple[RuleTrace | None, str | None]:
    """Return `rule_trace`, computed off the event loop, and its picture by Slack's file id; None for what fails."""
    chart = await asyncio.to_thread(rule_trace, view, raised, now)
    return chart, await pictures.file_of(chart, f"rule-{raised.rule}-{view.job.id}") if chart else None


def title_of(raised: RaisedAlert) -> str:
    """Return what an alert's rule looks for, in a few words."""
    return TITLES.get(raised.rule, f"rule {raised.rule}")


def alert(
    job: Job,
    raised: RaisedAlert,
    file: str | None = None,
    chart: RuleTrace | None = None,
    mentions: tuple[str, ...] = (),
    answers: Block | None = None,
) -> Message:
    """Return a warning, in words, with its numbers and what its rule looks at.

    `file` is the picture of `chart`, by Slack's file id; `mentions` are the ids of people to notify; `answers` is the
    button that shows the answers behind it.
    """
    first, *rest = raised.text.splitlines()
    body = "\n".join([f"*{heading(job, raised)}: {escape(first)}*", *map(escape, rest)])
    blocks: list[Block] = [section(body)]
    if file and chart:
        blocks.append(image(file, describe(chart)))
    blocks.append(context(f"`{job.id}` · rule {raised.rule} · first held at step {raised.step}"))
    block_id = f"alert:{job.id}:{raised.rule}:{raised.step}:{raised.cleared or ''}"
    blocks.append(actions(why_button(job, raised), *([answers] if answers else []), block_id=block_id))
    blocks += _notified(mentions)
    return Message(f"{heading(job, raised)} for {job.id}: {escape(raised.text)}", tuple(blocks))


def _notified(mentions: tuple[str, ...]) -> list[Block]:
    return [context(f"For {people(mentions)}")] if mentions else []


def heading(job: Job, raised: RaisedAlert) -> str:
    """Return an alert's level, and whether it is over."""
    level = LEVELS[raised.level]
    if raised.cleared is None:
        return level
    became = "worse" if became_worse(raised, job.alerts) else "over"
    return f"{level}, {became} since step {raised.cleared}"


def why_button(job: Job, raised: RaisedAlert) -> Block:
    """Return the button that explains an alert."""
    value = f"{job.id}|{raised.rule}|{raised.step}"
    return button("Why?", EXPLAIN, value, reads=f"Why: {title_of(raised)}, step {raised.step}")


def status(
    job: Job, text: str, by: str | None, mentions: tuple[str, ...] = (), buttons: tuple[Block, ...] = ()
) -> Message:
    """Return a line about a change of state; with `by`, what that person did; it notifies `mentions`."""
    line = f"{person(by)} {escape(text)}." if by else escape(text)
    below = [actions(*buttons, block_id=f"next:{job.id}")] if buttons else []
    return Message(f"{job.id}: {line}", (section(line), *below, *_notified(mentions)))


# -- Why? -------------------------------------------------------------------------------------------------------------


def register(listeners: Listeners) -> None:
    """Listen to every "Why?"."""
    listeners.opens_form(EXPLAIN, explain)


async def explain(action: dict[str, Any], form: OpeningForm, views: JobViews, pictures: Pictures) -> Block:
    """Return why an alert was raised; the words are shown first, and then with the picture."""
    job_id, rule, step = str(action["value"]).split("|")
    view = await views.job(job_id)
    raised = _alert(view.job, rule, int(step))
    await form.show(_form(view.job, raised, context(DRAWING)))
    return _form(view.job, raised, await _picture(view, raised, pictures))


async def _picture(view: JobView, raised: RaisedAlert, pictures: Pictures) -> Block:
    chart, file = await draw_trace(view, raised, time.time(), pictures)
    if chart is None:
        return context("There is nothing to draw: the platform no longer sends what this rule looks at.")
    return image(file, describe(chart)) if file else context(NO_PICTURE)


def _form(job: Job, raised: RaisedAlert, last: Block) -> Block:
    return {
        "type": "modal",
        "title": plain("Why this alert", 24),
        "close": plain("Close", 24),
        "blocks": list(explanation(job, raised, last)),
    }


def explanation(job: Job, raised: RaisedAlert, last: Block) -> tuple[Block, ...]:
    """Return why an alert was raised, in blocks; `last` is its picture, or stands in its place."""
    lines = why(raised.rule, raised.level, raised.values).splitlines()
    formula, legend = "\n\n".join(lines[:FORMULA_LINES]), "\n".join(lines[FORMULA_LINES:])
    return (
        section(f"*{heading(job, raised)}: {escape(title_of(raised))}* (rule {raised.rule}), step {raised.step}"),
        section(escape(raised.text)),
        section(f"*The rule, in letters and with the numbers of step {raised.step}*\n```{escape(formula)}```"),
        *([context(escape(legend))] if legend else []),
        last,
    )


def _alert(job: Job, rule: str, step: int) -> RaisedAlert:
    for alert in job.alerts:
        if (alert.rule, alert.step) == (rule, step):
            return alert
    raise NotFound(f"{job.id} has no alert of rule {rule} at step {step}; `/rft status {job.id}` lists those it has.")
