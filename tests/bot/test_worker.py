"""What the queue does for each kind of work item: who is called with what, and what keeps killing the bot waits."""

from collections.abc import Callable

import pytest
import structlog

from bot.worker import SET_ASIDE, job_work, named_work, repeated_work
from jobs.queue.due import MOST_DEATHS, Outcome
from jobs.queue.pools import Again, Held, Work
from tests.working import held


class Called:
    """Notes with what it was called, and how the log lines written meanwhile are tagged."""

    def __init__(self, seconds: float | None = None) -> None:
        self.subjects: list[str] = []
        self.tags: dict[str, str] = {}
        self._seconds = seconds

    async def about(self, subject: str) -> None:
        self.subjects.append(subject)
        self.tags = {name: str(value) for name, value in structlog.contextvars.get_contextvars().items()}

    async def repeated(self, subject: str) -> float | None:
        await self.about(subject)
        return self._seconds

    async def of_a_job(self, subject: str, item: Held, found_by: str) -> None:
        await self.about(subject)
        assert item.again
        assert self.tags["turn"] == found_by


@pytest.mark.parametrize(("item", "subject"), [("rft-abc234", "rft-abc234"), ("evidence:rft-abc234", "rft-abc234")])
async def test_work_on_a_job_knows_its_earlier_attempts_and_its_reference(item: str, subject: str) -> None:
    called = Called()
    assert await job_work(called.of_a_job)(held(item, raised=1)) is None
    assert (called.subjects, called.tags["job"]) == ([subject], subject)
    assert structlog.contextvars.get_contextvars() == {}


async def test_work_on_an_eval_is_tagged_with_it() -> None:
    called = Called()
    await job_work(called.of_a_job, "evaluation")(held("eval-abc234", raised=0))
    assert called.tags["evaluation"] == "eval-abc234"


async def test_other_work_is_called_with_its_item() -> None:
    called = Called()
    assert await named_work(called.about)(held("webhook:acts@production:1")) is None
    assert (called.subjects, called.tags["about"]) == (["webhook:acts@production:1"], "webhook:acts@production:1")


@pytest.mark.parametrize(("seconds", "again"), [(30.0, Again(30.0)), (0.0, Again(0.0)), (None, None)])
async def test_repeated_work_says_when_it_is_due_again(seconds: float | None, again: Again | None) -> None:
    called = Called(seconds)
    assert await repeated_work(called.repeated)(held("sweep:local")) == again
    assert called.subjects == ["local"]


@pytest.mark.parametrize("work_of", [lambda c: named_work(c.about), lambda c: repeated_work(c.repeated)])
async def test_what_keeps_killing_the_bot_is_set_aside_for_an_hour(work_of: Callable[[Called], Work]) -> None:
    called = Called()
    assert await work_of(called)(held("sweep:local", deaths=MOST_DEATHS)) == Again(SET_ASIDE, Outcome.ASIDE)
    assert called.subjects == []
    await work_of(called)(held("sweep:local", deaths=MOST_DEATHS - 1))
    assert len(called.subjects) == 1
