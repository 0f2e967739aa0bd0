"""How numbers, times, people and states are said in our messages."""

from collections.abc import Sequence
from typing import Final

from handlers.slack.blocks import escape
from jobs.core.records import Job, JobState

STATES: Final = {
    JobState.CHECKING: "Checking graders and rows",
    JobState.LAUNCHING: "Uploading files",
    JobState.CREATING: "Waiting for the platform",
    JobState.WATCHING: "Training",
    JobState.PAUSED: "Paused",
    JobState.SUCCEEDED: "Finished",
    JobState.FAILED: "Failed",
    JobState.CANCELLED: "Cancelled",
    JobState.NOT_LAUNCHED: "Not launched",
}
WAITING: Final = {
    "validating_files": "Platform checks the files",
    "queued": "Queued on the platform",
}
"""What a job that is on its platform but not training yet waits for, by the platform's own status."""
UNKNOWN: Final = "not reported"


def score(value: float | None) -> str:
    """Return a reward or score with two digits, or that it was not reported."""
    return UNKNOWN if value is None else f"{value:.2f}"


def change(before: float | None, now: float | None) -> str:
    """Return how a score moved, as words; empty where either is unknown."""
    if before is None or now is None:
        return ""
    moved = round(now, 2) - round(before, 2)
    if abs(moved) < 0.005:
        return "unchanged since the first evaluation"
    return f"{'up' if moved > 0 else 'down'} {abs(moved):.2f} since the first evaluation"


def duration(seconds: float | None) -> str:
    """Return a time span in at most two units, such as `1 h 05 min`, or a dash before the start."""
    if seconds is None:
        return "not started"
    whole = max(0, int(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {whole % 60:02d} s" if minutes else f"{whole} s"


def moment(at: float) -> str:
    """Return a point in time that Slack shows in each reader's own time zone."""
    return f"<!date^{int(at)}^{{date_short_pretty}} at {{time}}|unix time {int(at)}>"


def person(user: str) -> str:
    """Return a mention of a person."""
    return f"<@{user}>"


def group(handle: str) -> str:
    """Return the name of an approver entry: a person's mention, or a group's handle as text that pings nobody."""
    return person(handle) if handle[:1] in "UW" and handle.isupper() else f"@{escape(handle)}"


def people(users: list[str]) -> str:
    """Return mentions joined as in speech."""
    return joined([person(user) for user in users])


def joined(parts: Sequence[str]) -> str:
    """Return parts as one says them: `a`, `a and b`, `a, b and c`."""
    return " and ".join((", ".join(parts[:-1]), parts[-1])) if len(parts) > 1 else "".join(parts)


def grader_name(grader: str) -> str:
    """Return a grader's name as people write it."""
    return "F1" if grader == "f1" else grader


def state(job: Job) -> str:
    """Return a job's state for people: what it does, or what it waits for."""
    if job.state is JobState.WATCHING and job.platform_status != "running":
        return WAITING.get(job.platform_status or "", f"On the platform: {escape(job.platform_status or 'no status')}")
    return STATES[job.state]


def progress(job: Job) -> str:
    """Return `step n of m`, as far as it is known."""
    if not job.last_step:
        return "before step 1"
    return f"step {job.last_step} of {job.total_steps}" if job.total_steps else f"step {job.last_step}"
