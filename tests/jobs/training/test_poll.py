import json
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.approvals.records import Approval
from jobs.core.errors import NotFound, PlatformUnavailable
from jobs.core.records import Checkpoint, Job, JobState, PostingKind
from jobs.core.series import Series
from jobs.platforms.gateway import Gateway
from jobs.platforms.metrics import step_of
from jobs.platforms.parse import RemoteEvent, RemoteJob
from jobs.rules.alert_state import open_alerts
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.training.poll import Poller, unanswered
from jobs.training.poll_interval import LONGEST_RETRY_PAUSE
from jobs.training.reduce import News, reduce
from jobs.training.sweep_state import SweepState
from tests.records import PROFILE, a_checkpoint, a_job, a_remote, a_series, a_step

NOW = 1_111.0


def followed(job: Job, news: News, known: Series = Series()) -> Change:  # noqa: B008 - frozen, shared on purpose
    return reduce(Versioned(job, 7), news, known, PROFILE, NOW)


def news(status: str = "running", *valid: float, **changes: object) -> News:
    steps = a_series(*valid).steps
    events = tuple(RemoteEvent(f"ev-{s.step}", s.at or 0, "info", "", "metrics") for s in steps)
    return replace(News(a_remote(status), events, steps, None), **changes)  # type: ignore[arg-type] # a test's shorthand


def job_of(change: Change) -> Job:
    held = change.record(Job)
    assert held is not None
    assert held.version == 7
    return held.value


def kinds(change: Change) -> list[PostingKind]:
    return [posting.kind for posting in change.postings]


def test_new_steps_move_the_job_its_card_and_its_curve() -> None:
    change = followed(a_job(), news("running", 0.2, 0.5))
    job = job_of(change)
    assert (job.last_step, job.total_steps, job.valid_reward, job.first_valid_reward) == (10, 100, 0.5, 0.2)
    assert job.last_event == "ev-10"
    assert kinds(change) == [PostingKind.CARD, PostingKind.CURVE]
    assert change.due_in == PROFILE.poll_seconds
    assert job.started_at == 1_101.0


def test_without_news_nothing_is_said() -> None:
    first = job_of(followed(a_job(), news("running", 0.2)))
    change = followed(first, News(a_remote(), (), (), None), a_series(0.2))
    assert change.postings == ()
    assert job_of(change) == first


LEVEL = (0.30, 0.36, 0.42, 0.47, 0.47, 0.46, 0.47, 0.46, 0.47, 0.46, 0.47, 0.46)
"""Validation that stops rising; with train reward climbing on, a warning comes at its end."""
WARNED = 60
"""The step of that warning."""
SMALL = a_job(train_items=24, batch_size=16)


def overfitting(*after: float, climb: float = 0.0041) -> Series:
    """Return a job whose train reward climbs on while validation does not, and then goes on as `after` says."""
    return Series.of(replace(s, train_reward=0.2 + s.step * climb) for s in a_series(*LEVEL, *after).steps)


FALLS = overfitting(0.46, 0.43, 0.40, 0.37, 0.34)
RISES = overfitting(0.55, 0.60, 0.65, 0.70)
AT_ONCE = overfitting(climb=0.006)
"""The warning and its worse form come at the same evaluation."""


def alerts_in(change: Change) -> list[tuple[str, bool, bool]]:
    """Return rule, broadcast and whether it is an edit of every alert message."""
    alerts = job_of(change).alerts
    posted = [p for p in change.postings if p.kind is PostingKind.ALERT]
    return [(alerts[p.alert].rule, p.broadcast, p.refreshed) for p in posted if p.alert is not None]


def in_two_looks(series: Series) -> tuple[Change, Change]:
    """Follow a job up to the warning, then to the end of its series."""
    early = Series.of(step for step in series.steps if step.step <= WARNED)
    later = tuple(step for step in series.steps if step.step > WARNED)
    one = followed(SMALL, replace(news(), steps=early.steps))
    return one, followed(job_of(one), replace(news(), steps=later), early)


def test_a_job_remembers_when_it_was_last_heard_of() -> None:
    first = job_of(followed(a_job(), news("running", 0.2)))
    assert first.heard_at == 1_105.0
    silent = job_of(followed(first, News(a_remote(), (), (), None), a_series(0.2)))
    assert silent.heard_at == 1_105.0
    message = RemoteEvent("ev-9", 1_109.0, "info", "Evaluating", "message")
    assert job_of(followed(silent, News(a_remote(), (message,), (), None))).heard_at == 1_109.0
    untimed = replace(message, at=0.0)
    assert job_of(followed(silent, News(a_remote(), (untimed,), (), None))).heard_at == 1_105.0


def test_a_new_status_counts_as_heard_of() -> None:
    resumed = followed(a_job(platform_status="paused", heard_at=5.0), News(a_remote(), (), (), None))
    assert job_of(resumed).heard_at == NOW


def test_the_same_news_twice_raises_no_second_alert() -> None:
    report = replace(news(), steps=AT_ONCE.steps)
    first = followed(SMALL, report)
    assert alerts_in(first) == [("O2", True, False)]
    second = followed(job_of(first), report, AT_ONCE)
    assert job_of(second).alerts == job_of(first).alerts
    assert alerts_in(second) == []


def test_what_grows_worse_is_told_again_in_the_thread_only() -> None:
    warned, worse = in_two_looks(FALLS)
    assert alerts_in(warned) == [("O1", True, False)]
    assert alerts_in(worse) == [("O2", False, False)]
    assert [alert.rule for alert in open_alerts(job_of(worse))] == ["O2", "O1"]
    card = next(p for p in worse.postings if p.kind is PostingKind.CARD)
    assert card.urgent


def test_an_alert_that_is_over_is_edited_and_has_one_note() -> None:
    _, over = in_two_looks(RISES)
    assert alerts_in(over) == [("O1", True, True)]
    (alert,) = job_of(over).alerts
    assert (alert.step, alert.cleared) == (60, 70)
    (note,) = [p for p in over.postings if p.kind is PostingKind.STATUS]
    assert note.id == "job:rft-abc234:recovered:O1:60"
    assert note.text == "Recovered: overfitting. Raised at step 60, over at step 70. Validation reward is 0.70 now."
    assert open_alerts(job_of(over)) == ()
    again = followed(job_of(over), replace(news(), steps=RISES.steps), RISES)
    assert [p for p in again.postings if p.kind in {PostingKind.ALERT, PostingKind.STATUS}] == []


def test_of_two_forms_at_once_only_the_worse_is_told_and_carried() -> None:
    change = followed(SMALL, replace(news(), steps=AT_ONCE.steps))
    assert [alert.rule for alert in job_of(change).alerts] == ["O2"]


def test_the_milder_form_that_was_never_told_is_not_told_when_both_are_over() -> None:
    first = job_of(followed(SMALL, replace(news(), steps=AT_ONCE.steps)))
    series = overfitting(0.55, 0.62, 0.70, 0.78, climb=0.006)
    over = followed(first, replace(news(), steps=series.steps), AT_ONCE)
    assert [(alert.rule, alert.notified, alert.cleared) for alert in job_of(over).alerts] == [
        ("O2", True, 70),
        ("O1", False, 70),
    ]
    assert alerts_in(over) == [("O2", True, True)]


def test_a_warning_that_was_over_before_it_could_be_told_is_told_as_over() -> None:
    change = followed(SMALL, replace(news(), steps=RISES.steps))
    assert alerts_in(change) == [("O1", True, False)]
    assert PostingKind.STATUS not in kinds(change)
    assert [alert.cleared for alert in job_of(change).alerts] == [70]


def test_a_rule_that_the_task_leaves_out_raises_nothing() -> None:
    job = replace(SMALL, alert_settings={"O1": False, "O2": False})
    assert job_of(followed(job, replace(news(), steps=FALLS.steps))).alerts == ()


def test_a_silence_is_told_and_its_end_too() -> None:
    heard = replace(news("running", 0.2), remote=a_remote())
    first = job_of(followed(a_job(), heard))
    late = reduce(Versioned(first, 7), News(a_remote(), (), (), None), a_series(0.2), PROFILE, NOW + 3 * 3600)
    assert alerts_in(late) == [("Z", True, False)]
    step = a_step(6, at=NOW + 3 * 3600 + 1)
    event = RemoteEvent("ev-6", NOW + 3 * 3600 + 1, "info", "", "metrics")
    resumed = reduce(
        Versioned(job_of(late), 7), News(a_remote(), (event,), (step,), None), a_series(0.2), PROFILE, NOW + 3 * 3600
    )
    assert alerts_in(resumed) == [("Z", True, True)]
    (note,) = [p for p in resumed.postings if p.kind is PostingKind.STATUS]
    assert "Recovered: stall. Raised at step 5, over at step 6." in str(note.text)


def test_a_second_silence_after_the_same_step_opens_the_alert_again() -> None:
    first = job_of(followed(a_job(), news("running", 0.2)))
    quiet = News(a_remote(), (), (), None)
    known, later = a_series(0.2), NOW + 3 * 3600
    late = job_of(reduce(Versioned(first, 7), quiet, known, PROFILE, later))
    word = replace(quiet, events=(RemoteEvent("ev-x", later, "info", "Still here", "message"),))
    heard = job_of(reduce(Versioned(late, 7), word, known, PROFILE, later))
    assert open_alerts(heard) == ()
    again = reduce(Versioned(heard, 7), quiet, known, PROFILE, later + 3 * 3600)
    assert alerts_in(again) == [("Z", True, True)]
    assert [alert.rule for alert in open_alerts(job_of(again))] == ["Z"]


def test_an_alert_that_is_open_at_the_end_has_not_recovered() -> None:
    early = overfitting()
    warned = job_of(followed(SMALL, replace(news(), steps=early.steps)))
    ended = followed(warned, replace(news("succeeded", checkpoints=(a_checkpoint(10),)), steps=()), early)
    assert open_alerts(job_of(ended)) == open_alerts(warned)
    assert alerts_in(ended) == []


def test_the_curve_is_drawn_every_so_many_steps() -> None:
    drawn = []
    job, known = a_job(), Series()
    for step in (replace(s, train_reward=s.step / 200) for s in a_series(*[0.2 + n / 100 for n in range(20)]).steps):
        change = followed(job, replace(news(), steps=(step,)), known)
        drawn += [step.step] if PostingKind.CURVE in kinds(change) else []
        job, known = job_of(change), Series.of((*known.steps, step))
        assert job.pictured_step == (drawn[-1] if drawn else 0)
    assert drawn == list(range(5, 101, 5))
    seldom = reduce(Versioned(replace(job, pictured_step=90), 7), news(), known, PROFILE, NOW, picture_steps=20)
    assert PostingKind.CURVE not in kinds(seldom)


@pytest.mark.parametrize("status", ["paused", "succeeded", "failed", "cancelled"])
def test_the_curve_is_drawn_at_once_when_training_stops(status: str) -> None:
    job = replace(job_of(followed(a_job(), news("running", 0.2, 0.3))), last_step=11)
    known = Series.of((*a_series(0.2, 0.3).steps, a_step(11)))
    change = followed(job, replace(news(status, checkpoints=()), steps=()), known)
    assert PostingKind.CURVE in kinds(change)
    assert job_of(change).pictured_step == 11


@pytest.mark.parametrize(
    ("status", "kept", "line"),
    [
        ("succeeded", 3, "Finished at step 10: validation reward 0.50, up 0.30 since the first evaluation. Evalua"),
        ("succeeded", 0, "Finished at step 10: validation reward 0.50, up 0.30 since the first evaluation. The platf"),
        ("cancelled", 1, "Cancelled at step 10: validation reward 0.50, up 0.30 since the first evaluation. Evalua"),
        ("failed", 0, "Failed at step 10: the platform gave no reason. No checkpoint was kept."),
    ],
)
def test_everybody_hears_of_the_end_in_one_line(status: str, kept: int, line: str) -> None:
    checkpoints = tuple(a_checkpoint(step) for step in range(1, kept + 1))
    change = followed(a_job(), news(status, 0.2, 0.5, checkpoints=checkpoints))
    (told,) = [p for p in change.postings if p.kind is PostingKind.STATUS]
    assert told.id == "job:rft-abc234:finish"
    assert told.broadcast
    assert str(told.text).startswith(line)


def test_the_end_with_checkpoints_has_them_evaluated() -> None:
    ended = news("succeeded", 0.2, 0.5, checkpoints=(a_checkpoint(10),))
    change = followed(a_job(), ended)
    assert job_of(change).state is JobState.SUCCEEDED
    assert change.schedule == {"evidence:rft-abc234": 0.0}
    assert change.due_in == -1
    assert (change.record(Approval), PostingKind.SUMMARY in kinds(change)) == (None, False)
    assert job_of(change).checkpoints[0].scores == {"precision": 0.6, "recall": 0.5}


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_the_end_without_checkpoints_is_said_in_the_thread(status: str) -> None:
    change = followed(a_job(), news(status, checkpoints=()))
    assert change.schedule == {}
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
    assert first.due_in == PROFILE.idle_poll_seconds
    assert followed(job_of(first), paused).postings == ()


def test_an_unknown_status_is_alive() -> None:
    change = followed(a_job(), news("pausing"))
    assert job_of(change).state is JobState.WATCHING
    assert change.due_in == PROFILE.idle_poll_seconds


def test_polls_without_an_answer_back_off_and_are_said_once() -> None:
    held = Versioned(a_job(), 1)
    waits, said = [], 0
    for _ in range(12):
        change = unanswered(held, PlatformUnavailable("local does not answer."), PROFILE)
        changed = change.record(Job)
        assert changed is not None
        waits.append(change.due_in or 0)
        said += len(change.postings)
        held = Versioned(changed.value, 1)
    assert waits == sorted(waits)
    assert waits[-1] <= 300
    assert said == 1


def test_a_platform_that_asks_to_wait_is_waited_for() -> None:
    change = unanswered(Versioned(a_job(), 1), PlatformUnavailable("busy", retry_after=77.0), PROFILE)
    assert change.due_in == 77.0


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
    await store.commit(Change(records=(Versioned(a_job(), 0),), due_in=0))
    async with LateGateway() as gateway:
        poller = Poller(store, SweepState(store.connection), lambda _name: (PROFILE, gateway), lambda: NOW)

        async def steps_after_a_look() -> list[int]:
            held = await store.record(Job, "rft-abc234")
            assert held is not None
            await poller.poll(held)
            return [step.step for step in (await store.series("rft-abc234")).steps]

        assert await steps_after_a_look() == [1, 3]
        gateway.listed.insert(1, a_metrics_event(2))
        assert await steps_after_a_look() == [1, 3]
        gateway.status = "succeeded"
        assert await steps_after_a_look() == [1, 2, 3]
    ended = await store.record(Job, "rft-abc234")
    assert ended is not None
    assert (ended.value.state, ended.value.last_step) == (JobState.SUCCEEDED, 3)


async def test_a_look_without_news_reads_no_step_until_the_silence_may_be_a_stall(
    store: Store, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job(batch_size=16, heard_at=1_003.0, started_at=1_001.0, last_event="ev-3", last_step=3, step_seconds=1.0)
    steps = tuple(a_step(number) for number in (1, 2, 3))
    await store.commit(Change(records=(Versioned(job, 0),), steps=steps, due_in=0))
    now, read = NOW, []

    class Watched(Store):
        async def series(self, job_id: str, token: str = "") -> Series:
            read.append(job_id)
            return await super().series(job_id, token)

    async with LateGateway() as gateway:
        watched = Watched(store.connection, KINDS)
        poller = Poller(watched, SweepState(watched.connection), lambda _name: (PROFILE, gateway), lambda: now)

        async def poll() -> Job:
            held = await store.record(Job, job.id)
            assert held is not None
            await poller.poll(held)
            after = await store.record(Job, job.id)
            assert after is not None
            return after.value

        assert (await poll(), read) == (job, [])
        now += 3 * 3600
        assert [alert.rule for alert in (await poll()).alerts] == ["Z"]
        assert read == [job.id]
        monkeypatch.setattr(redis, "hvals", None)
        gateway.listed.append(a_metrics_event(4))
        assert (await poll()).last_step == 4  # this process still knows the steps before


async def test_the_steps_of_a_job_take_little_room(store: Store, redis: Redis) -> None:
    event = json.loads((Path(__file__).parents[2] / "fixtures" / "rft_metrics_event.json").read_text("utf-8"))
    told = (step_of({**event["data"], "step": n}, kind="metrics", message="", at=60.0 * n) for n in range(1, 97))
    steps = tuple(step for step in told if step is not None)
    await store.commit(Change(records=(Versioned(a_job(), 0),), steps=steps))
    assert len(steps) == 96
    assert (await store.series("rft-abc234")).steps == steps
    stored = await redis.hvals("{proctor}:steps:rft-abc234")
    assert sum(len(each) for each in stored) < 120_000


def test_a_reason_that_ends_in_a_full_stop_gets_no_second_one() -> None:
    remote = a_remote("failed", error_message="The grader failed on every sample.")
    change = followed(a_job(), replace(news(), remote=remote, checkpoints=()))
    (line,) = [p for p in change.postings if p.kind is PostingKind.STATUS]
    assert "every sample. No checkpoint was kept." in str(line.text)


def test_a_platform_that_is_gone_from_the_settings_is_asked_about_seldom() -> None:
    change = unanswered(Versioned(a_job(), 1), NotFound("There is no platform 'gone'."), None)
    assert change.due_in == LONGEST_RETRY_PAUSE
