"""The answer to "Why?": an alert's formula with its numbers put in, and the picture of just what its rule looks at."""

import asyncio
import time
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from charts import RuleTrace, describe
from handlers.jobs.thread import EXPLAIN, heading, rule_trace, title_of
from handlers.slack.blocks import Block, context, cut, escape, image, plain, section
from handlers.slack.forms import open_form
from handlers.slack.images import Pictures
from jobs.core.errors import NotFound
from jobs.core.records import Job, RaisedAlert
from jobs.rules import why
from jobs.views.job import JobView, JobViews

TITLE: Final = "Why this alert"
CLOSED: Final = frozenset({"not_found", "view_not_found"})
"""The person closed the form before its picture came."""
DRAWING: Final = "The picture of what the rule looks at follows in a moment."
NO_PICTURE: Final = "The picture could not be drawn; the numbers above are all of it."
FORMULA_LINES: Final = 2
"""Of an explanation: the formula in letters, and with numbers. What follows says what the letters stand for."""


def register(app: AsyncApp) -> None:
    """Listen to every "Why?"."""
    app.action(EXPLAIN)(explain)


async def explain(
    ack: AsyncAck,
    body: dict[str, Any],
    action: dict[str, Any],
    client: AsyncWebClient,
    views: JobViews,
    pictures: Pictures,
) -> None:
    """Show why an alert was raised; the words at once, for Slack opens a form for 3 s only, the picture after them."""
    await ack()
    job_id, rule, step = str(action["value"]).split("|")
    view = await views.job(job_id)
    raised = _alert(view.job, rule, int(step))
    # Its id is ours, so that the form is found again without Slack's answer, even where the click came twice.
    name = cut(f"why:{body['trigger_id']}", 255)
    await open_form(client, str(body["trigger_id"]), _form(view.job, raised, name, context(DRAWING)))
    chart = await asyncio.to_thread(rule_trace, view, raised, time.time())
    try:
        await client.views_update(
            external_id=name, view=_form(view.job, raised, name, await _picture(view, raised, chart, pictures))
        )
    except SlackApiError as error:
        if error.response.get("error") not in CLOSED:
            raise


def explanation(job: Job, raised: RaisedAlert, last: Block) -> tuple[Block, ...]:
    """Return why an alert was raised, in blocks; `last` is its picture, or what stands in its place."""
    formula, legend = _formula(raised)
    first, *rest = raised.text.splitlines()
    blocks = [
        section(f"*{heading(job, raised)}: {escape(title_of(raised))}* (rule {raised.rule}), step {raised.step}"),
        section("\n".join(escape(line) for line in (first, *rest))),
        section(f"*The rule, in letters and with the numbers of step {raised.step}*\n```{escape(formula)}```"),
    ]
    if legend:
        blocks.append(context(escape(legend)))
    return (*blocks, last)


def _formula(raised: RaisedAlert) -> tuple[str, str]:
    """Return a formula with its numbers, and what its letters stand for."""
    lines = why(raised.rule, raised.level, raised.values).splitlines()
    return "\n\n".join(lines[:FORMULA_LINES]), "\n".join(lines[FORMULA_LINES:])


async def _picture(view: JobView, raised: RaisedAlert, chart: RuleTrace | None, pictures: Pictures) -> Block:
    if chart is None:
        return context("There is nothing to draw: the platform no longer sends what this rule looks at.")
    file = await pictures.file_of(chart, f"rule-{raised.rule}-{view.job.id}")
    return image(file, describe(chart)) if file else context(NO_PICTURE)


def _form(job: Job, raised: RaisedAlert, name: str, last: Block) -> Block:
    return {
        "type": "modal",
        "external_id": name,
        "title": plain(TITLE, 24),
        "close": plain("Close", 24),
        "blocks": list(explanation(job, raised, last)),
    }


def _alert(job: Job, rule: str, step: int) -> RaisedAlert:
    for alert in job.alerts:
        if (alert.rule, alert.step) == (rule, step):
            return alert
    raise NotFound(f"{job.id} has no alert of rule {rule} at step {step}; `/rft status {job.id}` lists those it has.")
