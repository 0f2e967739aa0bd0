"""A job with everything that is shown of it, read once for its card, messages, forms and charts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from jobs.aliases.records import Alias
from jobs.approvals.records import Approval
from jobs.core.errors import NotFound
from jobs.core.records import Job
from jobs.core.series import Series
from jobs.evals.records import Eval
from jobs.evals.review_store import held_reviews
from jobs.evals.reviews import Agreement
from jobs.evidence.records import Evidence, EvidenceState
from jobs.platforms.profiles import Profile
from jobs.state.store import Store
from jobs.training.service import find_job
from jobs.views.break_even import BreakEven, before_training, is_alike, measured_cost, training_dollars

MOST_ALIKE: Final = 5
"""Earlier jobs whose cost stands in for that of a new one."""
NEWEST: Final = 100
"""Jobs and evals among which figures of the past are looked for."""


@dataclass(frozen=True, slots=True)
class JobView:
    """Everything that is shown of one job."""

    job: Job
    series: Series
    approval: Approval | None
    evidence: Evidence | None = None
    """How its checkpoints were evaluated; None before that began."""
    profile: Profile | None = None
    """Its platform; None if the bot does not know it any more."""
    aliases: tuple[str, ...] = ()
    """What points at its approved checkpoint now."""
    elsewhere: float | None = None
    """US dollars for 1,000 calls to the model that it takes the place of, where that is none of those evaluated."""
    agreements: tuple[Agreement, ...] = ()
    """How far people agree with the judges that graded its checkpoints."""

    def as_pictured(self) -> "JobView":
        """Return the job as it was at the step up to which its curve is drawn.

        The card and the thread show one picture of one moment, however often they are edited after it.
        """
        job = self.job
        if job.pictured_step in {0, job.last_step}:
            return self
        series = Series.of(step for step in self.series.steps if step.step <= job.pictured_step)
        then = replace(
            job,
            last_step=job.pictured_step,
            train_reward=series.train[-1][1] if series.train else None,
            valid_reward=series.valid[-1][1] if series.valid else None,
            first_valid_reward=series.valid[0][1] if series.valid else None,
            alerts=tuple(alert for alert in job.alerts if alert.step <= job.pictured_step),
        )
        return replace(self, job=then, series=series)


@dataclass(frozen=True, slots=True)
class JobViews:
    """Reads what is shown of jobs."""

    store: Store
    profile_of: Callable[[str], Profile]
    """Returns a platform's profile by name; raises NotFound."""

    async def job(self, reference: str) -> JobView:
        """Return what is shown of a job, by its id or enough of its beginning; raises NotFound."""
        found = await self.store.records_of(reference, Job, Approval, Evidence)
        held = found.of(Job)
        if held is None:
            return await self.job((await find_job(self.store, reference)).value.id)
        job, approval, evidence = held.value, found.of(Approval), found.of(Evidence)
        return JobView(
            job,
            await self.store.series(job.id, held.token),
            approval.value if approval else None,
            evidence.value if evidence else None,
            self._profile(job.platform),
            await self._aliases(job.id) if approval and approval.value.settled else (),
            await self._elsewhere(job) if evidence and evidence.value.state is EvidenceState.READY else None,
            await self._agreements(job, evidence.value) if evidence else (),
        )

    async def _agreements(self, job: Job, evidence: Evidence) -> tuple[Agreement, ...]:
        if not evidence.judges:
            return ()
        reviews = (await held_reviews(self.store, job.task)).value
        return tuple(reviews.agreement(judge, fingerprint) for judge, fingerprint in evidence.judges.items())

    async def _elsewhere(self, job: Job) -> float | None:
        if not job.instead_of:
            return None
        return measured_cost(job.instead_of, job, await self.store.records(Eval, NEWEST), self.profile_of)

    async def before_training(self, job: Job) -> BreakEven:
        """Return whether a job that is being launched would pay, by what is known before it."""
        ended = [each for each in await self.store.records(Job, NEWEST) if is_alike(each, job)][:MOST_ALIKE]
        costs = [training_dollars(await self.store.series(each.id), self._profile(each.platform)) for each in ended]
        return before_training(job, costs, await self.store.records(Eval, NEWEST), self.profile_of)

    async def _aliases(self, job_id: str) -> tuple[str, ...]:
        every = await self.store.records(Alias)
        return tuple(sorted(alias.name for alias in every if alias.current.target.job == job_id))

    def _profile(self, platform: str) -> Profile | None:
        try:
            return self.profile_of(platform)
        except NotFound:
            return None
