"""What the bot can do: each ability made once, and handed to those who need it."""

import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from bot.aliases import AliasParts, alias_parts
from bot.evaluating import EvalParts, eval_parts
from bot.ground import Ground, ground_of
from bot.platforms import Hide
from bot.quieting import QuietParts, quiet_parts
from bot.settings import Settings
from bot.training import JobParts, job_parts, permissions_of
from bot.turns import eval_turn, job_turn, named_turn
from handlers.approvals.pending import Notices
from handlers.render import Showing
from handlers.slack.posting import SlackPoster
from jobs.approvals.deciding import Approvals
from jobs.approvals.waiting import Waiting
from jobs.core import ids as turn_ids
from jobs.core.records import PostingKind
from jobs.outbox.worker import OutboxWorker, RateLimits
from jobs.queue.engine import Work
from jobs.training.sweep import Sweeper

CURVE_PAUSE: Final = 2.0
"""Times the card's pause: a picture costs an upload and an edit."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """All that the bot can do, and what it stands on."""

    ground: Ground
    training: JobParts
    evaluating: EvalParts
    approvals: Approvals
    aliases: AliasParts
    quieting: QuietParts

    def services(self) -> dict[str, object]:
        """Return what handlers ask for, by the names of their parameters."""
        return {
            "jobs": self.training.jobs,
            "job_importer": self.training.job_importer,
            "evals": self.evaluating.evals,
            "evidence_runner": self.evaluating.evidence_runner,
            "shelf": self.evaluating.shelf,
            "report_link": self.evaluating.reports.link,
            "checker": self.evaluating.checker,
            "approvals": self.approvals,
            "aliases": self.aliases.aliases,
            "rollbacks": self.aliases.rollbacks,
            "audit": self.aliases.audit,
            "quieting": self.quieting.quieting,
            "people": self.ground.people,
            "pictures": self.ground.pictures,
            "store": self.ground.store,
            "tasks": self.ground.tasks,
            "profiles": self.ground.platforms.profiles,
        }

    def works(self) -> dict[str, Work]:
        """Return what the engine does, by kind; see `jobs.core.ids.kind_of_turn`."""
        store = self.ground.store
        waiting = Waiting(store, self.approvals, time.time, self.quieting.quiet.next_allowed)
        return {
            "turn": job_turn(self.training.jobs.turn, store),
            turn_ids.EVIDENCE: job_turn(self.evaluating.evidence_runner.turn, store),
            "eval": eval_turn(self.evaluating.runner, store),
            turn_ids.APPROVAL: named_turn(waiting.turn, store),
            turn_ids.MOVE: named_turn(self.aliases.consequences.turn, store),
            turn_ids.WEBHOOK: named_turn(self.aliases.webhook.turn, store),
            turn_ids.DIGEST: named_turn(self.quieting.digests.daily_turn, store),
            turn_ids.QUIET: named_turn(self.quieting.digests.quiet_turn, store),
            "sweep": Sweeper(store, self.ground.platforms.platform_of).sweep,
            "deliver": self._courier().deliver,
        }

    def _courier(self) -> OutboxWorker:
        poster = SlackPoster(self.ground.client, self._showing(), visibility=self.quieting.quiet.visibility)
        return OutboxWorker(self.ground.store, poster, _tempo(self.ground.settings))

    def _showing(self) -> Showing:
        evaluating = self.evaluating
        return Showing(
            self.training.jobs,
            evaluating.evals,
            self.ground.pictures,
            report_file=evaluating.shelf.report,
            report_link=evaluating.reports.link,
            log_file=evaluating.shelf.inspect_log,
            notices=Notices(self.approvals, self.ground.people),
            proposals=self.aliases.messages,
            digests=self.quieting.showing,
            mute_of=self.quieting.quiet.mute_of,
        )


async def abilities_of(settings: Settings, hide: Hide, stack: AsyncExitStack) -> Abilities:
    """Make everything that the bot can do.

    Args:
        settings: what it was told.
        hide: told each secret that must never be seen in the log.
        stack: closes all of it, in turn.

    Raises:
        ConfigurationError: it cannot be had with these settings.
    """
    ground = await ground_of(settings, hide, stack)
    permissions = permissions_of(ground)
    training = job_parts(ground, permissions)
    evaluating = await eval_parts(ground, permissions)
    return Abilities(
        ground=ground,
        training=training,
        evaluating=evaluating,
        approvals=Approvals(ground.store, ground.people, time.time, evaluating.evidence_runner.recheck),
        aliases=alias_parts(settings, ground.store, ground.people),
        quieting=quiet_parts(ground.store, ground.client, training.jobs, ground.tasks),
    )


def _tempo(settings: Settings) -> RateLimits:
    pause = settings.card_seconds
    return RateLimits(
        pauses={
            PostingKind.CARD: pause,
            PostingKind.CURVE: pause * CURVE_PAUSE,
            PostingKind.EVAL_CARD: pause,
            PostingKind.SUMMARY: 0.0,
            PostingKind.ALERT: 0.0,  # edited when it is over; what follows in the thread does not wait for that
        }
    )
