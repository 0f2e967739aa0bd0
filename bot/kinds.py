"""The kinds of record that the bot keeps. Names, and the values of enums inside records, are stored data."""

from typing import Final

from jobs.aliases.records import Alias, Proposal, WebhookCall
from jobs.approvals.records import Approval
from jobs.core.ids import evals_on
from jobs.core.records import Job
from jobs.evals.records import Eval
from jobs.evals.reviews import TaskReviews
from jobs.evals.suspects import SuspectLabels
from jobs.evidence.records import Evidence
from jobs.gates.records import GateRun
from jobs.learning.records import Sweep
from jobs.notifications.records import ChannelPreferences, Digest, HeldBack, PersonPreferences
from jobs.schedules.records import Schedule
from jobs.state.kind import Kind, Kinds
from jobs.tasks.defaults import TaskDefaults
from jobs.training.sweep import pool_of_job, sweep_entry

KINDS: Final = Kinds(
    Kind(
        Job,
        "job",
        "id",
        "jobs",
        "created_at",
        also="remote_id",
        has_work=True,
        sweep_entry=sweep_entry,
        pool=pool_of_job,
    ),
    Kind(
        Eval, "eval", "id", "evals", "created_at", has_work=True, pool=lambda evaluation: evals_on(evaluation.platform)
    ),
    Kind(Approval, "approval", "subject", "all:approval"),
    Kind(TaskReviews, "reviews", "task", "all:reviews"),
    Kind(SuspectLabels, "suspects", "evaluation", "all:suspects", "found_at"),
    Kind(Evidence, "evidence", "job", "all:evidence"),
    Kind(Alias, "alias", "name", "all:alias"),
    Kind(Proposal, "proposal", "id", "all:proposal", "at"),
    Kind(WebhookCall, "webhook", "id", "all:webhook", "made_at"),
    Kind(ChannelPreferences, "channel", "channel", "all:channel"),
    Kind(PersonPreferences, "person", "user", "all:person"),
    Kind(HeldBack, "held", "id", "all:held"),
    Kind(Digest, "digest", "id", "all:digest"),
    Kind(Sweep, "learning", "id", "all:learning", "created_at"),
    Kind(GateRun, "gate", "id", "gates", "made_at"),
    Kind(Schedule, "schedule", "id", "schedules", "created_at"),
    Kind(TaskDefaults, "task", "task", "all:task"),
)
