"""What the audit trail says of jobs: launched, watched, paused, resumed, cancelled, and by whom."""

from dataclasses import asdict

from jobs.core.records import Job, PendingAction
from jobs.trail.entry import Act, AuditEntry


def launched(job: Job) -> AuditEntry:
    """Return the entry for a launch, with everything that decides what is trained and what it may cost."""
    request = job.request
    chosen = {name: str(value) for name, value in asdict(request.hyperparameters).items() if value is not None}
    return _entry(
        job,
        Act.LAUNCH,
        job.created_at,
        request.requested_by,
        request.channel,
        platform=job.platform,
        base=job.model,
        version=job.task_version,
        prompt=job.prompt,
        seed="" if request.seed is None else str(request.seed),
        **chosen,
    )


def imported(job: Job) -> AuditEntry:
    """Return the entry for a request to watch a job that was launched elsewhere."""
    return given_task(job, job.request.requested_by, job.request.channel, job.created_at)


def given_task(job: Job, by: str, where: str, at: float) -> AuditEntry:
    """Return the entry for naming the task of a job that was launched elsewhere and is watched already."""
    return _entry(
        job,
        Act.WATCH,
        at,
        by,
        where,
        platform=job.platform,
        remote=job.remote_id or "",
        version=job.task_version,
        prompt=job.prompt,
        remarks=" ".join(job.remarks),
    )


def asked(job: Job, pending: PendingAction, at: float) -> AuditEntry:
    """Return the entry for a request to pause, resume or cancel a job."""
    act = Act(pending.action.value)
    return _entry(job, act, at, pending.by, pending.channel, step=str(job.last_step), platform=job.platform)


def _entry(job: Job, act: Act, at: float, who: str, where: str, **details: str) -> AuditEntry:
    known = {name: value for name, value in details.items() if value}
    return AuditEntry(at, who, act, job.task, job.id, where=where, details=known)
