"""What is known of a job, from its record."""

from jobs.alerts.alert import JobFacts
from jobs.records import Job, JobState


def facts_of(job: Job, now: float | None = None, heard_at: float | None = None) -> JobFacts:
    """Return what rules need to know of `job` beside its series.

    Args:
        job: the job's record.
        now: unix seconds, for the rule that needs a clock.
        heard_at: unix seconds of the newest event of any kind.
    """
    wanted = job.request.hyperparameters
    times = [at for at in (heard_at, job.started_at) if at is not None]
    return JobFacts(
        train_items=job.train_items,
        batch_size=job.batch_size or wanted.batch_size,
        valid_items=job.valid_items,
        eval_samples=wanted.eval_samples,
        reward=job.reward,
        training=job.state is JobState.WATCHING and job.platform_status == "running",
        heard_at=max(times, default=None),
        now=now,
    )
