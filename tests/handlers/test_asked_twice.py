"""Who asks for the same twice within seconds is told where the first one stands, finished ones included."""

from collections.abc import Awaitable
from typing import Never, cast

import pytest

from handlers.evals.commands import start
from handlers.jobs.launch import launch
from handlers.slack.blocks import Message
from handlers.slack.commands import Typed
from handlers.slack.people import People
from handlers.slack.replies import Asker
from jobs.core.records import Job, JobState
from jobs.evals.records import Eval, EvalState
from jobs.evals.service import Evals
from jobs.state.store import AlreadyTaken, Store
from jobs.training.service import RftJobs
from jobs.views.job import JobViews
from tests.jobs.evals.reported import an_eval
from tests.records import a_job

ASKER = Asker("U0ALICE", "C0RFT", "trigger-2")


NO_STORE = cast("Store", None)
"""Nothing was started, so nothing that was chosen for the task is looked up."""


class Members:
    async def require_membership(self, channel: str, **how: bool) -> None:
        """Everybody is in every channel."""


class Taken:
    """Jobs or evals of which the one that is asked for has been started a moment ago."""

    def __init__(self, first: Job | Eval) -> None:
        self._first = first

    async def start(self, _request: object) -> Never:
        raise AlreadyTaken(self._first.id)

    async def view(self, _reference: str) -> Job | Eval:
        return self._first

    launch, job = start, view


@pytest.mark.parametrize(
    ("state", "said"),
    [(EvalState.RUNNING, "is on its way"), (EvalState.FINISHED, "has finished"), (EvalState.REFUSED, "was refused")],
)
async def test_an_eval_that_is_over_is_not_on_its_way(state: EvalState, said: str) -> None:
    first = an_eval(state=state)
    answer: Awaitable[Message | str] = start(
        Typed("run", (), {"task": "acts"}), ASKER, cast("Evals", Taken(first)), cast("People", Members()), NO_STORE
    )
    assert await answer == (
        f"You asked for just that a moment ago: `{first.id}` {said}. `/eval show {first.id}` shows it."
    )


@pytest.mark.parametrize(("state", "said"), [(JobState.WATCHING, "training"), (JobState.SUCCEEDED, "finished")])
async def test_a_job_that_is_over_is_not_on_its_way(state: JobState, said: str) -> None:
    jobs, people = cast("RftJobs", Taken(a_job(state=state))), cast("People", Members())
    assert await launch(
        Typed("launch", (), {"task": "acts"}), ASKER, jobs, people, cast("JobViews", None), NO_STORE
    ) == (f"You asked for just that a moment ago: `rft-abc234` ({said}). Add `seed=` to launch another.")
