"""Who hears what, as one table: what holds in the channel, what the message is, and how loud it comes out."""

from dataclasses import replace
from typing import Any

import pytest

from jobs.core.records import Job, Posting, PostingKind
from jobs.notifications.records import ChannelPreferences, Mute, PersonPreferences, QuietHours, Scope
from jobs.notifications.visibility import Audience, Level, Visibility, mute_of, recipients, visibility
from tests.records import ALICE, BOB, CAROL, a_job, a_posting

NOON = 1_767_960_000.0  # 2026-01-09 12:00 UTC
ALWAYS = QuietHours(0, 1439, "UTC", ALICE)
NEVER = QuietHours(60, 120, "UTC", ALICE)
LATER = NOON + 3600
JOB = a_job(watchers=(BOB,))
BOTH = (ALICE, BOB)


def a_mute(scope: Scope = Scope.CHANNEL, name: str = "", until: float = LATER) -> Mute:
    return Mute(scope, name, until, CAROL)


def an_alert(*, first: bool) -> Posting:
    return a_posting(kind=PostingKind.ALERT, alert=0, broadcast=first)


WARNING, NEXT_WARNING = an_alert(first=True), an_alert(first=False)
FINISH = a_posting(kind=PostingKind.STATUS, broadcast=True)
PAUSED = a_posting(kind=PostingKind.STATUS)
REQUEST = a_posting(kind=PostingKind.SUMMARY, broadcast=True)
PROPOSAL = a_posting(kind=PostingKind.APPROVAL, broadcast=True)
MOVED = a_posting(id="alias:acts@production:3", kind=PostingKind.STATUS, broadcast=True)
CURVE = a_posting(kind=PostingKind.CURVE)
WORSE = a_posting(kind=PostingKind.MEASUREMENT, broadcast=True, subject="sched-abc234")

PLAIN = ChannelPreferences("C0RFT", quiet=NEVER)
MUTED = ChannelPreferences("C0RFT", mutes=(a_mute(),))
NIGHT = ChannelPreferences("C0RFT", quiet=ALWAYS)
MUTED_NIGHT = replace(NIGHT, mutes=MUTED.mutes)
SILENT = Visibility(broadcast=False)


@pytest.mark.parametrize(
    ("preferences", "posting", "level", "loud"),
    [
        pytest.param(PLAIN, WARNING, "warn", Visibility(True, BOTH), id="first warning"),
        pytest.param(PLAIN, NEXT_WARNING, "critical", Visibility(False, BOTH), id="later warning: thread and mention"),
        pytest.param(PLAIN, NEXT_WARNING, "info", SILENT, id="note"),
        pytest.param(PLAIN, FINISH, None, Visibility(True, BOTH), id="end"),
        pytest.param(PLAIN, PAUSED, None, SILENT, id="change of state"),
        pytest.param(PLAIN, REQUEST, None, Visibility(True), id="approval request"),
        pytest.param(PLAIN, CURVE, None, SILENT, id="curve"),
        pytest.param(MUTED, WARNING, "critical", SILENT, id="muted warning"),
        pytest.param(MUTED, FINISH, None, SILENT, id="muted end"),
        pytest.param(MUTED, PAUSED, None, SILENT, id="muted change of state"),
        pytest.param(MUTED, REQUEST, None, Visibility(True), id="muted: approval is asked for all the same"),
        pytest.param(MUTED, MOVED, None, Visibility(True, BOTH), id="muted: what production runs is told all the same"),
        pytest.param(MUTED, WORSE, None, Visibility(True), id="muted: that production is worse is told all the same"),
        pytest.param(NIGHT, WORSE, None, Visibility(False, held=True), id="production is worse at night"),
        pytest.param(NIGHT, MOVED, None, Visibility(False, (), True, BOTH), id="an alias moved at night"),
        pytest.param(NIGHT, WARNING, "warn", Visibility(False, (), True, BOTH), id="warning at night"),
        pytest.param(NIGHT, NEXT_WARNING, "warn", Visibility(False, (), True, BOTH), id="its mention waits too"),
        pytest.param(NIGHT, WARNING, "critical", Visibility(False, BOTH, True), id="critical at night"),
        pytest.param(NIGHT, NEXT_WARNING, "critical", Visibility(False, BOTH), id="critical at night, thread only"),
        pytest.param(NIGHT, FINISH, None, Visibility(False, (), True, BOTH), id="end at night"),
        pytest.param(NIGHT, PAUSED, None, SILENT, id="change of state at night"),
        pytest.param(NIGHT, REQUEST, None, Visibility(False, (), True), id="approval request at night"),
        pytest.param(MUTED_NIGHT, WARNING, "warn", SILENT, id="muted at night: not told in the morning either"),
        pytest.param(MUTED_NIGHT, REQUEST, None, Visibility(False, (), True), id="muted at night, approval request"),
    ],
)
def test_how_loud(preferences: ChannelPreferences, posting: Posting, level: Level | None, loud: Visibility) -> None:
    assert visibility(posting, level, JOB, Audience(preferences, {}, NOON)) == loud


@pytest.mark.parametrize(("preferences", "seen"), [(PLAIN, True), (MUTED, True), (NIGHT, False)])
def test_what_is_about_no_job_mentions_nobody(preferences: ChannelPreferences, seen: bool) -> None:
    assert visibility(PROPOSAL, None, None, Audience(preferences, {}, NOON)) == Visibility(seen, held=not seen)


@pytest.mark.parametrize(
    ("job", "people", "mentioned"),
    [
        pytest.param(JOB, {}, (ALICE, BOB), id="launcher and watcher"),
        pytest.param(a_job(watchers=(ALICE, BOB)), {}, (ALICE, BOB), id="each once"),
        pytest.param(JOB, {ALICE: PersonPreferences(ALICE, mentions=False)}, (BOB,), id="rather not"),
        pytest.param(JOB, {ALICE: PersonPreferences(ALICE, unwatched=(JOB.id,))}, (BOB,), id="not of this job"),
        pytest.param(
            JOB, {ALICE: PersonPreferences(ALICE, unwatched=("rft-other",))}, (ALICE, BOB), id="not of another"
        ),
        pytest.param(a_job(), {ALICE: PersonPreferences(ALICE, unwatched=(JOB.id,))}, (), id="nobody"),
    ],
)
def test_who_is_mentioned(job: Job, people: dict[str, PersonPreferences], mentioned: tuple[str, ...]) -> None:
    assert recipients(job, people) == mentioned


@pytest.mark.parametrize(
    ("mute", "covers"),
    [
        (a_mute(), True),
        (a_mute(until=NOON), False),
        (a_mute(Scope.TASK, "acts"), True),
        (a_mute(Scope.TASK, "other"), False),
        (a_mute(Scope.JOB, JOB.id), True),
        (a_mute(Scope.JOB, "rft-other"), False),
    ],
)
def test_what_a_mute_covers(mute: Mute, covers: bool) -> None:
    assert mute_of(ChannelPreferences("C0RFT", mutes=(mute,)), JOB, NOON) == (mute if covers else None)


def test_of_several_mutes_the_longest_counts() -> None:
    longest: dict[str, Any] = {"until": NOON + 9000}
    mutes = (a_mute(), a_mute(Scope.JOB, JOB.id, **longest), a_mute(Scope.TASK, "acts"))
    assert mute_of(ChannelPreferences("C0RFT", mutes=mutes), JOB, NOON) == mutes[1]


@pytest.mark.parametrize(("posting", "loud"), [(WARNING, SILENT), (FINISH, SILENT), (REQUEST, SILENT), (MOVED, True)])
def test_one_job_of_a_sweep_stays_in_its_thread(posting: Posting, loud: Visibility | bool) -> None:
    swept = replace(JOB, request=replace(JOB.request, is_swept=True))
    found = visibility(posting, "warn", swept, Audience(PLAIN, {}, NOON))
    assert (found.broadcast if loud is True else found) == loud
