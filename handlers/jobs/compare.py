"""Better, worse, or can't tell: what a difference between two evaluations of one job, or of several jobs, means."""

from collections.abc import Sequence

from charts import JobCurve, JobCurves
from charts.wording import apart, number, score
from jobs.core.hyperparameters import TYPED_KEYS
from jobs.core.records import Job
from jobs.evals.stats.validation_noise import largest_by_chance, valid_error, valid_items_needed
from jobs.evals.verdict import Verdict, by_noise
from jobs.views.job import JobView
from jobs.views.wording import reward_of


def since_start(view: JobView) -> str:
    """Return whether the newest evaluation is better than the first, as a sentence with its numbers."""
    first, last = view.job.first_valid_reward, view.job.valid_reward
    if first is None or last is None or len(view.series.valid) < 2:
        return f"Validation reward {score(last)} at the first evaluation; later ones are compared with it."
    error = valid_error(view.series)
    if error is None:
        told = reward_of(view.job)
        return f"{told[0].upper()}{told[1:]}; too few evaluations to tell that from noise."
    by, explained = last - first, largest_by_chance(error, error)
    told, (_, noise) = reward_of(view.job, explained), apart(abs(by), explained)
    verdict = by_noise(by, explained)
    if verdict is not Verdict.CANT_TELL:
        return f"{verdict.capitalize()}: {told}, more than noise explains ({noise})."
    needed = valid_items_needed(view.job.valid_items, explained, by)
    items = f"; about {needed:,} validation items would be enough" if needed else ""
    return f"Can't tell yet: {told}, and noise explains {noise}{items}."


def job_curves(views: Sequence[JobView]) -> JobCurves:
    """Return the chart of jobs over one another; its title says which is highest, if that can be said."""
    jobs = [view.job for view in views]
    several = len({(job.task, job.model) for job in jobs}) > 1
    lines = tuple(JobCurve(_name(view.job, several=several), view.series.valid) for view in views)
    return JobCurves(_highest(views), lines, _subtitle(jobs))


def _highest(views: Sequence[JobView]) -> str:
    """Return which job's best evaluation is highest, or that noise explains the difference to the next."""
    ranked = sorted((view for view in views if view.series.valid), key=lambda view: _best(view)[1], reverse=True)
    if not ranked:
        return "None of these jobs has been evaluated yet"
    step, top = _best(ranked[0])
    told = f"{ranked[0].job.id}: validation reward {number(top)} at step {step}"
    if len(ranked) == 1:
        return told
    if not _alike([view.job for view in views]):
        return "Which of these jobs is better cannot be told from their rewards"
    second = _best(ranked[1])[1]
    noise = [error for view in ranked[:2] if (error := valid_error(view.series)) is not None]
    if len(noise) < 2:
        return f"Can't tell yet which job is better; {told}; too few evaluations to tell that from noise"
    explained = largest_by_chance(*noise)
    if by_noise(top - second, explained) is Verdict.BETTER:
        above, chance = apart(top - second, explained)
        return f"{told}, {above} above the next, more than noise explains ({chance})"
    pair = f"{ranked[0].job.id} from {ranked[1].job.id}"
    needed = valid_items_needed(ranked[0].job.valid_items, explained, top - second)
    items = f"; about {needed:,} items would be enough" if needed else ""
    highest, next_one = apart(top, second)
    return f"Can't tell {pair}: {highest} against {next_one}, noise explains {number(explained)}{items}"


def _best(view: JobView) -> tuple[int, float]:
    return max(view.series.valid, key=lambda point: point[1])


def _alike(jobs: Sequence[Job]) -> bool:
    """Return whether the jobs were evaluated on the same items in the same way."""
    return len({(job.task, job.task_version, job.training_reward, job.valid_items) for job in jobs}) == 1


def _subtitle(jobs: Sequence[Job]) -> str:
    tasks = ", ".join(dict.fromkeys(job.task for job in jobs))
    if not _alike(jobs):
        return f"{tasks} · different tasks, versions or rewards: levels do not compare"
    items = f"the same {jobs[0].valid_items:,} validation items" if jobs[0].valid_items else "the same task"
    return f"{tasks} · {jobs[0].training_reward} on {items}"


def _name(job: Job, *, several: bool) -> str:
    """Return what tells a job from others: its id, task and model where those differ, the settings it was given."""
    values = {key: getattr(job.request.hyperparameters, field) for key, field in TYPED_KEYS.items()}
    given = [
        f"{key}={value}"
        for key, value in {**values, "items": job.request.items, "seed": job.request.seed}.items()
        if value is not None
    ]
    which = [job.task, job.model] if several else []
    return " \u00b7 ".join(filter(None, [job.id, ", ".join([*which, *given])]))
