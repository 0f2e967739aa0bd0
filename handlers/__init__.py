"""Everything Slack: receives commands and clicks, shows cards and images.

What Slack sends comes in through `slack.intake`. A handler reads, asks `jobs/` and answers; failures are answered in
`slack.boundary`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from slack_bolt.async_app import AsyncApp, AsyncBoltContext

from handlers import home, proctor, welcome
from handlers.aliases import commands as aliases
from handlers.approvals import decide
from handlers.evals import commands as evals
from handlers.evidence import commands as checkpoints
from handlers.jobs import commands as jobs
from handlers.jobs import launch, thread
from handlers.slack.boundary import Boundary
from handlers.slack.listeners import Listeners
from handlers.slack.replies import Answers, Asker, SteadyRespond
from handlers.tasks import datasets, imports


class Concern(Protocol):
    """What people do about one subject."""

    @property
    def register(self) -> Callable[[Listeners], None]:
        """Listens to it."""
        ...


CONCERNS: Final[tuple[Concern, ...]] = (
    jobs,
    launch,
    evals,
    thread,
    decide,
    checkpoints,
    aliases,
    datasets,
    imports,
    proctor,
    home,
    welcome,
)


def register(
    app: AsyncApp, boundary: Boundary, services: Mapping[str, Any], concerns: Iterable[Concern] = CONCERNS
) -> Listeners:
    """Connect every concern to the app, and return what it listens to.

    Handlers get the `services` as parameters of the same name, as well as `asker`, `answers`, and, of the attempt to
    answer, `again` and `took_effect`.
    """
    answers = Answers(app.client, services["store"])

    async def provide(context: AsyncBoltContext, body: dict[str, Any], next_: Any) -> None:
        context.update(services)
        asker = context["asker"] = Asker.of(body)
        context["answers"] = answers
        if asker.user and context.response_url:
            context["respond"] = SteadyRespond(context.response_url, asker, answers)
        await next_()

    app.middleware(provide)
    listeners = Listeners(app)
    for concern in concerns:
        concern.register(listeners)
    boundary.register(app)
    return listeners
