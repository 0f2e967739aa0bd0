"""How a job's state, progress and reward are written wherever they are shown."""

from typing import Final

from charts.wording import moved, score
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
"""What a job on its platform waits for before it trains, by the platform's own status."""


def state_of(job: Job) -> str:
    """Return a job's state for people: what it does, or what it waits for."""
    if job.waiting_since is not None and not job.state.is_final:
        return STATES[JobState.CREATING]
    if job.state is JobState.WATCHING and job.platform_status != "running":
        return WAITING.get(job.platform_status or "", f"On the platform: {job.platform_status or 'no status'}")
    return STATES[job.state]


def progress_of(job: Job) -> str:
    """Return `step 40 of 100` as far as it is known, or `before step 1`; or that a finished job told of no step."""
    if not job.last_step:
        return "no step reported" if job.state is JobState.SUCCEEDED else "before step 1"
    return f"step {job.last_step:,} of {job.total_steps:,}" if job.total_steps else f"step {job.last_step:,}"


def reward_of(job: Job, *beside: float) -> str:
    """Return `validation reward 0.60, up 0.40 since the first evaluation`, as far as that is known.

    The change is as precise as it takes to tell it from what is said `beside` it.
    """
    reward = f"validation reward {score(job.valid_reward)}"
    if job.first_valid_reward is None or job.valid_reward is None:
        return reward
    return f"{reward}, {moved(job.first_valid_reward, job.valid_reward, *beside)} since the first evaluation"
