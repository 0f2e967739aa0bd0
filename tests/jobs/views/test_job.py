"""What is shown of a job is read once, and is what the store holds."""

from jobs.core.records import JobState
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.views.job import JobViews
from tests.records import PROFILE, a_job, a_step, an_approval


async def test_a_view_shows_the_job_its_steps_and_its_approval(store: Store) -> None:
    job = a_job(state=JobState.SUCCEEDED)
    change = Change(records=(Versioned(job, 0), Versioned(an_approval(), 0)), steps=(a_step(1), a_step(2)))
    await store.commit(change)
    view = await JobViews(store, lambda _name: PROFILE).job(job.id)
    assert (view.job, view.approval) == (job, an_approval())
    assert [step.step for step in view.series.steps] == [1, 2]
