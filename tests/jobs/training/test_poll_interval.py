"""How often a job is polled."""

import pytest

from jobs.platforms.profiles import Profile
from jobs.rules.stall import Stall
from jobs.training.poll_interval import LONGEST, poll_interval
from tests.records import a_job

PROFILE = Profile("slow", "http://127.0.0.1:1/v1", poll_seconds=30.0, idle_poll_seconds=60.0)
NOW = 1_000_000.0


@pytest.mark.parametrize(("step_seconds", "wait"), [(3, 30), (90, 30), (120, 40), (180, 60), (900, 60)])
def test_while_steps_come_each_is_known_within_a_third_of_a_step_or_a_minute(step_seconds: float, wait: float) -> None:
    assert poll_interval(a_job(heard_at=NOW, step_seconds=step_seconds), PROFILE, NOW) == pytest.approx(wait)


@pytest.mark.parametrize("status", ["queued", "paused", "validating_files", "an unknown one"])
def test_a_job_that_does_not_run_is_looked_at_as_idle_ones_are(status: str) -> None:
    job = a_job(platform_status=status, heard_at=NOW - 100_000)
    assert poll_interval(job, PROFILE, NOW) == PROFILE.idle_poll_seconds


def test_before_the_first_step_a_running_job_is_looked_at_often() -> None:
    assert poll_interval(a_job(started_at=NOW - 10), PROFILE, NOW) == PROFILE.poll_seconds


def test_a_long_silence_makes_looks_seldom_but_not_for_ever() -> None:
    job = a_job(heard_at=NOW, step_seconds=60.0)
    waits = [poll_interval(job, PROFILE, NOW + silence) for silence in (0, 600, 1_200, 3_600, 86_400)]
    assert waits == [30, 50, 100, 300, LONGEST]


@pytest.mark.parametrize("step_seconds", [2, 60, 900, 3_600])
def test_a_stall_is_noticed_before_a_third_of_its_limit_has_gone_by(step_seconds: float) -> None:
    job, rule = a_job(heard_at=NOW, started_at=NOW - 9_999, step_seconds=step_seconds), Stall()
    limit = max(rule.steps * step_seconds, rule.least_seconds)
    at = NOW
    while at - NOW <= limit:
        at += poll_interval(job, PROFILE, at)
    assert at - NOW - limit < limit / 3


def test_a_platform_whose_clock_is_ahead_is_asked_no_faster_than_its_profile_says() -> None:
    assert poll_interval(a_job(heard_at=NOW + 5_000), PROFILE, NOW) == PROFILE.poll_seconds
