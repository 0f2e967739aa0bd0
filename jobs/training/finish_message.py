"""The one line that everybody hears when a job is over."""

from jobs.core.records import Job, JobState


def finish_line(job: Job) -> str:
    """Return how a job ended: where, with which figure, and what comes next."""
    at = f" at step {job.last_step}" if job.last_step else ""
    return f"{_ended(job)}{at}{_figure(job)}. {_next(job)}"


def _ended(job: Job) -> str:
    match job.state:
        case JobState.FAILED:
            return "Failed"
        case JobState.CANCELLED:
            return "Cancelled"
        case _:
            return "Finished"


def _figure(job: Job) -> str:
    if job.state is JobState.FAILED:
        return f": {(job.note or 'the platform gave no reason').rstrip('.')}"
    if job.valid_reward is None:
        return ""
    told = f": validation reward {job.valid_reward:.2f}"
    if job.first_valid_reward is None:
        return told
    moved = round(job.valid_reward, 2) - round(job.first_valid_reward, 2)
    if abs(moved) < 0.005:
        return f"{told}, unchanged since the first evaluation"
    return f"{told}, {'up' if moved > 0 else 'down'} {abs(moved):.2f} since the first evaluation"


def _next(job: Job) -> str:
    kept = len(job.checkpoints)
    if kept:
        many = f"{kept} checkpoints" if kept != 1 else "its checkpoint"
        return f"Evaluating {many} against the base; the approval request follows."
    if job.state is JobState.SUCCEEDED:
        return "The platform kept no checkpoint; there is nothing to approve."
    return "No checkpoint was kept."
