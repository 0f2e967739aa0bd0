"""Everything Slack: hears commands and clicks, says cards and images.

A handler acknowledges, reads, asks `jobs/` and answers; failures are answered in `boundary`.
"""

from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp, AsyncBoltContext

from handlers import proctor
from handlers.aliases import commands as aliasing
from handlers.approvals import decide as approving
from handlers.evals import commands as evals
from handlers.evidence import commands as checkpoints
from handlers.jobs import commands as rft
from handlers.jobs import explain as explaining
from handlers.slack.boundary import Boundary, SteadyAck
from handlers.slack.receipts import Reception, read_asked
from handlers.slack.replies import Answers, SteadyRespond
from handlers.tasks import datasets as uploading

CONCERNS = (rft, evals, explaining, approving, checkpoints, aliasing, uploading, proctor)


def register(app: AsyncApp, boundary: Boundary, services: Mapping[str, Any]) -> None:
    """Connect every concern to the app.

    Args:
        app: the Bolt app.
        boundary: answers what handlers raise.
        services: handed to handlers as parameters of the same name.
    """
    answers = Answers(app.client, services["store"])

    async def provide(context: AsyncBoltContext, body: dict[str, Any], next_: Any) -> None:
        context.update(services)
        context["answers"] = answers
        context["ack"] = SteadyAck()  # type: ignore[no-untyped-call] # Bolt leaves it untyped
        asked = read_asked(body)
        if asked and context.response_url:
            context["respond"] = SteadyRespond(context.response_url, asked.user, asked.channel, answers)
        await next_()

    app.middleware(provide)
    Reception(services["store"]).register(app)
    for concern in CONCERNS:
        concern.register(app)
    boundary.register(app)
