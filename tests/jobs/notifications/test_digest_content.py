import pytest

from jobs.approvals.records import Ending, Settlement
from jobs.core.records import Job, JobState
from jobs.notifications.digests import digest_of
from jobs.notifications.records import ChannelPreferences, Mute, Scope
from tests.records import ALICE, BOB, CHANNEL, a_job, a_request, an_approval

NOW = 1_000_000.0
DAY = 86_400.0
HERE = ChannelPreferences(CHANNEL)


def ended(job_id: str, at: float, **changes: object) -> Job:
    return a_job(id=job_id, state=JobState.SUCCEEDED, finished_at=at, **changes)


def test_it_tells_what_runs_and_what_ended_since_the_last() -> None:
    jobs = (
        a_job(id="rft-runs"),
        a_job(id="rft-waits", state=JobState.PAUSED),
        ended("rft-new", NOW - 60),
        ended("rft-old", NOW - DAY - 60),
        a_job(id="rft-away", request=a_request(channel="C0OTHER")),
        ended("rft-gone", NOW - 60, request=a_request(channel="C0OTHER")),
    )
    digest = digest_of("d", HERE, jobs, (), (), NOW)
    assert digest.since == NOW - DAY
    assert digest.running == ("rft-runs", "rft-waits")
    assert digest.finished == ("rft-new",)
    assert not digest.is_empty


@pytest.mark.parametrize(("last", "told"), [(NOW - 30, ()), (NOW - 60, ()), (NOW - 61, ("rft-new",))])
def test_nothing_is_told_twice(last: float, told: tuple[str, ...]) -> None:
    digest = digest_of("d", ChannelPreferences(CHANNEL, covered_until=last), (ended("rft-new", NOW - 60),), (), (), NOW)
    assert digest.finished == told
    assert digest.is_empty is not bool(told)


def test_it_tells_the_approvals_that_wait_in_the_channel() -> None:
    settled = an_approval(subject="rft-done", channel=CHANNEL, settled=Settlement(Ending.APPROVED, "ckpt-5", NOW))
    approvals = (
        an_approval(subject="rft-known"),
        an_approval(subject="proposal-1", channel=CHANNEL),
        an_approval(subject="proposal-2", channel="C0OTHER"),
        settled,
    )
    digest = digest_of("d", HERE, (ended("rft-known", 5.0),), (), approvals, NOW)
    assert digest.pending == ("rft-known", "proposal-1")


def test_it_tells_what_is_muted_and_that_alone_is_no_news() -> None:
    long, short = Mute(Scope.CHANNEL, "", NOW + 90, ALICE), Mute(Scope.TASK, "acts", NOW + 60, BOB)
    preferences = ChannelPreferences(CHANNEL, mutes=(long, Mute(Scope.JOB, "rft-abc234", NOW, BOB), short))
    assert preferences.active_mutes(NOW) == (short, long)
    digest = digest_of("d", preferences, (), (), (), NOW)
    assert digest.mutes == (short, long)
    assert digest.is_empty
