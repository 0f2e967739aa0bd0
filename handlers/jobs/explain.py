"""The answer to "Why?": an alert's formula with its numbers, and the picture of exactly what its rule looks at."""

import asyncio
import time
from functools import partial
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from charts import describe
from handlers.jobs.thread import EXPLAIN, heading, rule_trace, title_of
from handlers.slack.blocks import Block, context, cut, escape, image, plain, section
from handlers.slack.forms import open_form
from handlers.slack.images import Pictures
from handlers.slack.replies import Asker
from jobs.core.errors import NotFound
from jobs.core.records import Job, RaisedAlert
from jobs.rules import why
from jobs.views.job import JobView, JobViews

CLOSED: Final = frozenset({"not_found", "view_not_found"})
"""The person closed the form before its picture was ready."""
DRAWING: Final = "The picture of what the rule looks at follows in a moment."
NO_PICTURE: Final = "The picture could not be drawn; the numbers above are all of it."
FORMULA_LINES: Final = 2
"""Of an explanation: the formula in letters, and with numbers. The rest explains the letters."""


def register(app: AsyncApp) -> None:
    """Listen to every "Why?"."""
    app.action(EXPLAIN)(explain)


async def explain(
    ack: AsyncAck,
    asker: Asker,
    action: dict[str, Any],
    client: AsyncWebClient,
    views: JobViews,
    pictures: Pictures,
) -> None:
    """Show why an alert was raised: the words first, since Slack opens a form for 3 s only, then the picture."""
    await ack()
    job_id, rule, step = str(action["value"]).split("|")
    view = await views.job(job_id)
    raised = _alert(view.job, rule, int(step))
    # Its id is ours, so that the form is found again without Slack's response, even if the click was delivered twice.
    form = partial(_form, view.job, raised, cut(f"why:{asker.trigger}", 255))
    await open_form(client, asker.trigger, form(context(DRAWING)))
    shown = form(await _picture(view, raised, pictures))
    try:
        await client.views_update(external_id=str(shown["external_id"]), view=shown)
    except SlackApiError as error:
        if error.response.get("error") not in CLOSED:
            raise


async def _picture(view: JobView, raised: RaisedAlert, pictures: Pictures) -> Block:
    chart = await asyncio.to_thread(rule_trace, view, raised, time.time())
    if chart is None:
        return context("There is nothing to draw: the platform no longer sends what this rule looks at.")
    file = await pictures.file_of(chart, f"rule-{raised.rule}-{view.job.id}")
    return image(file, describe(chart)) if file else context(NO_PICTURE)


def _form(job: Job, raised: RaisedAlert, name: str, last: Block) -> Block:
    return {
        "type": "modal",
        "external_id": name,
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
