"""Everything Slack: receives commands and clicks, shows cards and images.

A handler acknowledges, reads, asks `jobs/` and answers; failures are answered in `boundary`.
"""

from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp, AsyncBoltContext

from handlers import proctor
from handlers.aliases import commands as aliases
from handlers.approvals import decide
from handlers.evals import commands as evals
from handlers.evidence import commands as checkpoints
from handlers.jobs import commands as jobs
from handlers.jobs import thread
from handlers.slack.boundary import Boundary, SteadyAck
from handlers.slack.receipts import Receipts
from handlers.slack.replies import Answers, Asker, SteadyRespond
from handlers.tasks import datasets

CONCERNS = (jobs, evals, thread, decide, checkpoints, aliases, datasets, proctor)


def register(app: AsyncApp, boundary: Boundary, services: Mapping[str, Any]) -> None:
    """Connect every concern to the app.

    Handlers get the `services` as parameters of the same name, as well as `asker` and `answers`.
    """
    answers = Answers(app.client, services["store"])

    async def provide(context: AsyncBoltContext, body: dict[str, Any], next_: Any) -> None:
        context.update(services)
        asker = context["asker"] = Asker.of(body)
        context["answers"] = answers
        context["ack"] = SteadyAck()  # type: ignore[no-untyped-call] # Bolt leaves it untyped
        if asker.user and context.response_url:
            context["respond"] = SteadyRespond(context.response_url, asker, answers)
        await next_()

    app.middleware(provide)
    Receipts(services["store"]).register(app)
    for concern in CONCERNS:
        concern.register(app)
    boundary.register(app)
