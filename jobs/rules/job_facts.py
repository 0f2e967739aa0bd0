"""What is known of a job, and which rules look at it, from its record."""

import json
from contextlib import suppress
from functools import lru_cache

from jobs.core.errors import InvalidRequest
from jobs.core.records import Job, JobState
from jobs.rules.alert import JobFacts, Rule
from jobs.rules.settings import AlertSettings


def facts_of(job: Job, now: float | None = None) -> JobFacts:
    """Return what rules need to know of `job` beside its series.

    Args:
        job: the job's record.
        now: unix seconds, for the rule that needs a clock.
    """
    wanted = job.request.hyperparameters
    times = [at for at in (job.heard_at, job.started_at) if at is not None]
    return JobFacts(
        train_items=job.train_items,
        batch_size=job.batch_size or wanted.batch_size,
        valid_items=job.valid_items,
        eval_samples=wanted.eval_samples,
        reward=job.training_reward,
        held_out_graders=job.held_out_graders,
        training=job.state is JobState.WATCHING and job.platform_status == "running",
        heard_at=max(times, default=None),
        now=now,
    )


def rules_of(job: Job) -> tuple[Rule, ...]:
    """Return the rules that look at `job`, with the thresholds its task had when it was launched.

    What this version of the bot does not know (the record may be another version's) is left out, and the rest stands.
    """
    return _rules(json.dumps(job.alert_settings, sort_keys=True))


@lru_cache(maxsize=256)
def _rules(changes: str) -> tuple[Rule, ...]:
    """Return the rules with `changes` in JSON: many jobs share a task, and mappings cannot be looked up by."""
    known: dict[str, object] = {}
    for rule, change in json.loads(changes).items():
        with suppress(InvalidRequest):
            AlertSettings.of({rule: change})
            known[rule] = change
    return AlertSettings.of(known).rules
