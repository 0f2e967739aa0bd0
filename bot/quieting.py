"""What keeps the bot quiet, put together: mutes, quiet hours, digests, and the turns they take."""

import time
from dataclasses import dataclass

from slack_sdk.web.async_client import AsyncWebClient

from bot.schedule import next_daily
from handlers.notifications.commands import Quieting, zones_of
from handlers.notifications.digests import DigestShowing
from jobs.notifications.digests import Digests
from jobs.notifications.service import Quiet
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from jobs.training.service import RftJobs


@dataclass(frozen=True, slots=True)
class QuietParts:
    """What is made once for all who need it."""

    quiet: Quiet
    digests: Digests
    showing: DigestShowing
    quieting: Quieting


def quiet_parts(store: Store, client: AsyncWebClient, jobs: RftJobs, tasks: TaskCatalogue) -> QuietParts:
    """Return the parts, on the clock of this machine."""
    quiet, digests = Quiet(store, time.time), Digests(store, next_daily, time.time)
    return QuietParts(
        quiet,
        digests,
        DigestShowing(store, client),
        Quieting(quiet, digests, jobs, tasks, zone_of=zones_of(client), clock=time.time),
    )
