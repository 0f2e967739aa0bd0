from dataclasses import replace

import pytest

from jobs.changes import Change, Versioned
from jobs.errors import NotFound, PlatformUnavailable
from jobs.following import News, follow
from jobs.gateway import Gateway
from jobs.records import Checkpoint, Job, JobState, PostingKind
from jobs.remote import RemoteEvent, RemoteJob
from jobs.series import Series
from jobs.store import Store
from jobs.watching import LONGEST_WAIT, Watcher, unanswered
from tests.records import PROFILE, a_checkpoint, a_job, a_remote, a_series, a_step

NOW = 1_111.0


def followed(job: Job, news: News, known: Series = Series()) -> Change:  # noqa: B008 - frozen, shared on purpose
    return follow(Versioned(job, 7), news, known, PROFILE, NOW)


def news(status: str = "running", *valid: float, **changes: object) -> News:
    steps = a_series(*valid).steps
    events = tuple(RemoteEvent(f"ev-{s.step}", s.at or 0, "info", "", "metrics") for s in steps)
    return replace(News(a_remote(status), events, steps, None), **changes)  # type: ignore[arg-type] # a test's shorthand


def job_of(change: Change) -> Job:
    assert change.job is not None
    assert change.job.version == 7
    return change.job.value


def kinds(change: Change) -> list[PostingKind]:
    return [posting.kind for posting in change.postings]


def test_new_steps_move_the_job_its_card_and_its_curve() -> None:
    change = followed(a_job(), news("running", 0.2, 0.5))
    job = job_of(change)
    assert (job.last_step, job.total_steps, job.valid_reward, job.first_valid_reward) == (10, 100, 0.5, 0.2)
    assert job.last_event == "ev-10"
    assert kinds(change) == [PostingKind.CARD, PostingKind.CURVE]
    assert change.next_turn == PROFILE.poll_seconds
    assert job.started_at == 1_101.0


def test_without_news_nothing_is_said() -> None:
    first = job_of(followed(a_job(), news("running", 0.2)))
    change = followed(first, News(a_remote(), (), (), None), a_series(0.2))
    assert change.postings == ()
    assert job_of(change) == first


def test_the_same_news_twice_raises_no_second_alert() -> None:
    falling = (0.20, 0.40, 0.50, 0.42, 0.36, 0.31, 0.27, 0.24, 0.22, 0.20, 0.19, 0.18)
    series = a_series(*falling)
    climbing = Series.of(replace(s, train_reward=0.2 + s.step * 0.013) for s in series.steps)
    report = replace(news(), steps=climbing.steps)
    job = a_job(train_items=24, batch_size=16)
    first = followed(job, report)
    alerts = job_of(first).alerts
    assert [alert.rule for alert in alerts] == ["O1"]
    posted = [p for p in first.postings if p.kind is PostingKind.ALERT]
    assert [(p.alert, p.broadcast) for p in posted] == [(0, True)]
    second = followed(job_of(first), report, climbing)
    assert job_of(second).alerts == alerts
    assert PostingKind.ALERT not in kinds(second)


def test_the_end_with_checkpoints_asks_for_approval() -> None:
    ended = news("succeeded", 0.2, 0.5, checkpoints=(a_checkpoint(10),))
    change = followed(a_job(), ended)
    assert job_of(change).state is JobState.SUCCEEDED
    assert change.approval is not None
    assert change.approval.version == 0
    assert change.approval.value.quorum == 2
    assert change.next_turn == -1
    assert PostingKind.SUMMARY in kinds(change)
    assert PostingKind.STATUS not in kinds(change)
    assert job_of(change).checkpoints[0].scores == {"precision": 0.6, "recall": 0.5}


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_the_end_without_checkpoints_is_said_in_the_thread(status: str) -> None:
    change = followed(a_job(), news(status, checkpoints=()))
    assert change.approval is None
    (line,) = [p for p in change.postings if p.kind is PostingKind.STATUS]
    assert line.text is not None
    assert "checkpoint" in line.text


def test_a_failure_gives_the_platforms_reason() -> None:
    remote = a_remote("failed", error_code="grader_error", error_message="the grader raised KeyError: 'x'")
    change = followed(a_job(), replace(news(), remote=remote, checkpoints=()))
    assert job_of(change).note == "the grader raised KeyError: 'x'"
    (line,) = [p for p in change.postings if p.kind is PostingKind.STATUS]
    assert "KeyError" in str(line.text)


def test_a_pause_is_said_once_and_polled_slowly() -> None:
    paused = news("paused", checkpoints=())
    first = followed(a_job(), paused)
    assert job_of(first).state is JobState.PAUSED
    assert kinds(first) == [PostingKind.CARD, PostingKind.STATUS]
    assert first.next_turn == PROFILE.idle_poll_seconds
    assert followed(job_of(first), paused).postings == ()


def test_an_unknown_status_is_alive() -> None:
    change = followed(a_job(), news("pausing"))
    assert job_of(change).state is JobState.WATCHING
    assert change.next_turn == PROFILE.idle_poll_seconds


def test_polls_without_an_answer_back_off_and_are_said_once() -> None:
    held = Versioned(a_job(), 1)
    waits, said = [], 0
    for _ in range(12):
        change = unanswered(held, PlatformUnavailable("local does not answer."), PROFILE)
        assert change.job is not None
        waits.append(change.next_turn or 0)
        said += len(change.postings)
        held = Versioned(change.job.value, 1)
    assert waits == sorted(waits)
    assert waits[-1] <= 300
    assert said == 1


def test_a_platform_that_asks_to_wait_is_waited_for() -> None:
    change = unanswered(Versioned(a_job(), 1), PlatformUnavailable("busy", retry_after=77.0), PROFILE)
    assert change.next_turn == 77.0


def test_an_answer_after_a_long_silence_is_said() -> None:
    change = followed(a_job(troubles=9), news("running", 0.2))
    (line,) = [p for p in change.postings if p.kind is PostingKind.STATUS]
    assert "answers again" in str(line.text)
    assert job_of(change).troubles == 0


def test_a_step_reported_twice_counts_once() -> None:
    steps = (a_step(5, valid=0.3), replace(a_step(5, valid=0.4), at=9_999.0))
    change = followed(a_job(), replace(news(), steps=steps))
    assert job_of(change).valid_reward == 0.4


class LateGateway(Gateway):
    """A platform that lists the event of step 2 only after that of step 3, and in its proper place."""

    def __init__(self) -> None:
        super().__init__(PROFILE, "key")
        self.status = "running"
        self.listed = [a_metrics_event(1), a_metrics_event(3)]

    async def job(self, remote_id: str) -> RemoteJob:
        return a_remote(self.status, id=remote_id)

    async def events_since(self, remote_id: str, known: str | None) -> tuple[RemoteEvent, ...]:
        assert remote_id == "ftjob-1"
        ids = [event.id for event in self.listed]
        return tuple(self.listed[ids.index(known) + 1 :] if known else self.listed)

    async def checkpoints(self, remote_id: str) -> tuple[Checkpoint, ...]:
        assert remote_id == "ftjob-1"
        return ()


def a_metrics_event(step: int) -> RemoteEvent:
    data = {"step": step, "total_steps": 3, "train_mean_reward": step / 10}
    return RemoteEvent(f"ev-{step}", 1_000.0 + step, "info", f"Step {step}/3", "metrics", data)


async def test_an_event_that_was_listed_late_is_read_when_the_job_has_ended(store: Store) -> None:
    await store.commit(Change(job=Versioned(a_job(), 0), next_turn=0))
    async with LateGateway() as gateway:
        watcher = Watcher(store, lambda _name: (PROFILE, gateway), lambda: NOW)

        async def steps_after_a_look() -> list[int]:
            held = await store.job("rft-abc234")
            assert held is not None
            await watcher.look(held)
            return [step.step for step in (await store.series("rft-abc234")).steps]

        assert await steps_after_a_look() == [1, 3]
        gateway.listed.insert(1, a_metrics_event(2))
        assert await steps_after_a_look() == [1, 3]
        gateway.status = "succeeded"
        assert await steps_after_a_look() == [1, 2, 3]
    ended = await store.job("rft-abc234")
    assert ended is not None
    assert (ended.value.state, ended.value.last_step) == (JobState.SUCCEEDED, 3)


def test_a_reason_that_ends_in_a_full_stop_gets_no_second_one() -> None:
    remote = a_remote("failed", error_message="The grader failed on every sample.")
    change = followed(a_job(), replace(news(), remote=remote, checkpoints=()))
    (line,) = [p for p in change.postings if p.kind is PostingKind.STATUS]
    assert "every sample. No checkpoint was kept." in str(line.text)


def test_a_platform_that_is_gone_from_the_settings_is_asked_about_seldom() -> None:
    change = unanswered(Versioned(a_job(), 1), NotFound("There is no platform 'gone'."), None)
    assert change.next_turn == LONGEST_WAIT
