"""Who is evaluated for a job: its base model, every checkpoint that was kept, and what runs in production."""

from datetime import date

from jobs.aliases.records import Target
from jobs.core.records import Checkpoint, Job
from jobs.evidence.records import Candidate, Figure, Role
from jobs.platforms.profiles import Profile


def line_up(
    job: Job, alias: str, target: Target | None, profile: Profile, today: date
) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """Return the candidates, not yet measured, and what is to be said of who is not among them.

    Base first, then the checkpoints by step, then what the alias points at, unless that is one of them.

    Args:
        job: whose checkpoints they are.
        alias: name of the alias they would go to.
        target: what it points at; None where it points at nothing.
        profile: of the job's platform.
        today: a base model that is switched off by now cannot be asked.
    """
    notes = []
    found = [as_candidate(checkpoint, job, profile) for checkpoint in sorted(job.checkpoints, key=lambda c: c.step)]
    gone = profile.retired.get(job.model)
    if gone and today >= gone.since:
        notes.append(f"Nothing is compared with the base: {gone.sentence(job.model, profile.title)}")
    else:
        base = Candidate(Role.BASE, job.model, "base", shutdown=gone.since.isoformat() if gone else None)
        found.insert(0, base)
    if target and target.platform != job.platform:
        notes.append(f"{alias} points at a model of {target.platform}, so nothing is compared with it.")
    elif target and target.model not in {each.model for each in found}:
        found.append(Candidate(Role.ALIAS, target.model, alias, step=target.step))
    return tuple(found), tuple(notes)


def as_candidate(checkpoint: Checkpoint, job: Job, profile: Profile) -> Candidate:
    """Return a checkpoint with nothing measured; it is switched off no later than what it was tuned from."""
    end = profile.retired.get(checkpoint.model_id) or profile.retired.get(job.model)
    return Candidate(
        role=Role.CHECKPOINT,
        model=checkpoint.model_id,
        name=f"step {checkpoint.step}",
        checkpoint=checkpoint.id,
        step=checkpoint.step,
        shutdown=end.since.isoformat() if end else None,
    )


def platform_figures(checkpoint: Checkpoint, reward: str) -> dict[str, Figure]:
    """Return what the platform says a checkpoint scored on its validation file: no interval, no runs of ours."""
    figures = {grader: Figure(score) for grader, score in checkpoint.scores.items()}
    if checkpoint.valid_reward is not None:
        figures.setdefault(reward, Figure(checkpoint.valid_reward))
    return figures
