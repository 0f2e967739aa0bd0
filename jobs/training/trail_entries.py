"""What the trail says of jobs and evals: launched, watched, paused, resumed, cancelled, and by whom."""

from collections.abc import Mapping
from dataclasses import asdict

from jobs.core.records import Job, PendingAction
from jobs.trail.entry import Act, AuditEntry


def launched(job: Job) -> AuditEntry:
    """Return what is written when somebody asks to launch a job."""
    return _entry(job, Act.LAUNCH, _settings(job))


def imported(job: Job) -> AuditEntry:
    """Return what is written when somebody asks to watch a job that was launched elsewhere."""
    return _entry(job, Act.WATCH, _origin(job))


def given_task(job: Job, by: str, where: str, at: float) -> AuditEntry:
    """Return what is written when somebody says which task a job is of that is watched already."""
    details = {name: value for name, value in _origin(job).items() if value}
    return AuditEntry(at, by, Act.WATCH, job.task, job.id, where=where, details=details)


def asked(job: Job, pending: PendingAction, at: float) -> AuditEntry:
    """Return what is written when somebody asks to pause, resume or cancel a job."""
    details = {"step": str(job.last_step), "platform": job.platform}
    act = Act(pending.action.value)
    return AuditEntry(at, pending.by, act, job.task, job.id, where=pending.channel, details=details)


def _entry(job: Job, act: Act, details: Mapping[str, str]) -> AuditEntry:
    request = job.request
    return AuditEntry(
        at=job.created_at,
        who=request.requested_by,
        act=act,
        task=job.task,
        subject=job.id,
        where=request.channel,
        details={name: value for name, value in details.items() if value},
    )


def _origin(job: Job) -> Mapping[str, str]:
    """Return where a job launched elsewhere runs, and what it is held to where its task is known."""
    return {
        "platform": job.platform,
        "remote": job.remote_id or "",
        "version": job.task_version,
        "prompt": job.prompt,
        "remarks": " ".join(job.remarks),
    }


def _settings(job: Job) -> Mapping[str, str]:
    """Return everything that decides what is trained and what it may cost."""
    request = job.request
    chosen = {name: str(value) for name, value in asdict(request.hyperparameters).items() if value is not None}
    return {
        "platform": job.platform,
        "base": job.model,
        "version": job.task_version,
        "prompt": job.prompt,
        "seed": "" if request.seed is None else str(request.seed),
        **chosen,
    }
