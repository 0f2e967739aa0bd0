"""A job with everything there is to show of it, read once for its card, its messages, forms and charts."""

from collections.abc import Callable
from dataclasses import dataclass

from jobs.aliases.records import Alias
from jobs.approvals.records import Approval
from jobs.core.errors import NotFound
from jobs.core.records import Job
from jobs.core.series import Series
from jobs.evidence.records import Evidence
from jobs.platforms.profiles import Profile
from jobs.state.store import Store
from jobs.training.service import find_job


@dataclass(frozen=True, slots=True)
class JobView:
    """Everything there is to show of one job."""

    job: Job
    series: Series
    approval: Approval | None
    evidence: Evidence | None = None
    """How its checkpoints were evaluated; None before that began."""
    profile: Profile | None = None
    """Its platform; None where the bot does not know it any more."""
    aliases: tuple[str, ...] = ()
    """What points at its approved checkpoint now."""


@dataclass(frozen=True, slots=True)
class JobViews:
    """Reads what is shown of jobs."""

    store: Store
    profile_of: Callable[[str], Profile]

    async def job(self, reference: str) -> JobView:
        """Return what there is to show of a job.

        Raises:
            NotFound: no job, or more than one, is called so.
        """
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
        )

    async def _aliases(self, job_id: str) -> tuple[str, ...]:
        every = await self.store.records(Alias)
        return tuple(sorted(alias.name for alias in every if alias.current.target.job == job_id))

    def _profile(self, platform: str) -> Profile | None:
        try:
            return self.profile_of(platform)
        except NotFound:
            return None
