"""Everything Slack: hears commands and clicks, says cards and images.

A handler acknowledges, reads, asks `jobs/` and answers; failures are answered in `boundary`.
"""

from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp

from handlers import aliasing, approving, checkpoints, evals, explaining, proctor, rft, uploading
from handlers.boundary import Boundary, SteadyAck

CONCERNS = (rft, evals, explaining, approving, checkpoints, aliasing, uploading, proctor)


def register(app: AsyncApp, boundary: Boundary, services: Mapping[str, Any]) -> None:
    """Connect every concern to the app.

    Args:
        app: the Bolt app.
        boundary: answers what handlers raise.
        services: handed to handlers as parameters of the same name.
    """

    async def provide(context: dict[str, Any], next_: Any) -> None:
        context.update(services)
        context["ack"] = SteadyAck()  # type: ignore[no-untyped-call] # Bolt leaves it untyped
        await next_()

    app.middleware(provide)
    for concern in CONCERNS:
        concern.register(app)
    boundary.register(app)
