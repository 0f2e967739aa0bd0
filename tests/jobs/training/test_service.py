"""Looking jobs up, asking things of them, and the work items that do what a job's state asks for."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.kinds import KINDS
from jobs.core.errors import Conflict, NotFound
from jobs.core.records import Action, Job, JobState, PendingAction, PostingKind
from jobs.platforms.patience import PATIENCE
from jobs.queue.due import MOST_RAISED
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.training.service import MOST_CONFLICTS, OVERTAKEN, SET_ASIDE
from tests.jobs.training.launch_office import Office, open_office
from tests.records import ALICE, BOB, CHANNEL, a_job
from tests.working import due_in
from tests.working import held as held_item


@pytest.fixture
async def office(store: Store, tmp_path: Path) -> AsyncIterator[Office]:
    async with open_office(store, tmp_path) as opened:
        yield opened


ROW = b'{"messages": [{"role": "user", "content": "x"}]}\n'


class BusyStore(Store):
    """A store in which somebody else's changes come first, each once."""

    def __init__(self, store: Store, *theirs: Change) -> None:
        super().__init__(store.connection, KINDS)
        self.theirs = list(theirs)

    async def commit(self, change: Change) -> None:
        if self.theirs:
            await super().commit(self.theirs.pop(0))
        await super().commit(change)


async def keep(office: Office, *jobs: Job) -> None:
    for job in jobs:
        await office.store.commit(Change(records=(Versioned(job, 0),), due_in=0))


async def ask(office: Office, reference: str, action: Action, by: str = BOB) -> Job:
    return await office.jobs.request(reference, action, by=by, channel=CHANNEL, trigger="click")


async def watched(office: Office) -> Job:
    """A job that the platform really has."""
    job = await office.jobs.launch(office.request())
    return await office.until(job.id, JobState.WATCHING)


# -- looking up ----------------------------------------------------------------------------------------------------


async def test_a_job_is_found_by_enough_of_its_beginning(office: Office) -> None:
    await keep(office, a_job(id="rft-abc234"), a_job(id="rft-abd999"))
    for reference in ("rft-abc234", "rft-abc", "abc234"):
        assert (await office.jobs.job(reference)).id == "rft-abc234"
    with pytest.raises(NotFound, match=r"2 jobs begin with 'rft-ab': rft-ab\w+, rft-ab\w+\."):
        await office.jobs.job("rft-ab")
    with pytest.raises(NotFound, match=r"There is no job 'rft-abc235'; did you mean 'rft-abc234'\?"):
        await office.jobs.job("rft-abc235")


async def test_a_job_is_found_by_its_id_on_the_platform(office: Office) -> None:
    await keep(office, a_job(id="rft-abc234", remote_id="ftjob-7"), a_job(id="rft-abd999", remote_id=None))
    found = await office.jobs.by_remote_id("ftjob-7")
    assert found is not None
    assert found.id == "rft-abc234"
    assert await office.jobs.by_remote_id("ftjob-8") is None


async def test_an_id_that_is_not_alike_is_not_guessed_and_nothing_is_not_the_only_job(office: Office) -> None:
    await keep(office, a_job(id="rft-zuwoq5"))
    for reference in ("rft-nope", "rft-", "", "RFT-"):
        with pytest.raises(NotFound, match=f"There is no job '{reference}'; known: rft-zuwoq5"):
            await office.jobs.job(reference)
    assert (await office.jobs.job("RFT-ZUWOQ5")).id == "rft-zuwoq5"


async def test_without_any_job_there_is_none_to_find(office: Office) -> None:
    assert await office.jobs.newest() == ()
    with pytest.raises(NotFound, match="There is no job 'rft-abc234'; there is none yet"):
        await office.jobs.job("rft-abc234")


async def test_the_newest_come_first(office: Office) -> None:
    await keep(office, *(a_job(id=f"rft-{n}", created_at=float(n)) for n in range(5)))
    assert [job.id for job in await office.jobs.newest(3)] == ["rft-4", "rft-3", "rft-2"]


# -- asking --------------------------------------------------------------------------------------------------------

NOTHING_LEFT = {
    JobState.SUCCEEDED: "has finished",
    JobState.FAILED: "has failed",
    JobState.CANCELLED: "was cancelled",
    JobState.NOT_LAUNCHED: "was not launched",
}


async def test_a_job_that_has_ended_takes_no_action(office: Office) -> None:
    for state, ended in NOTHING_LEFT.items():
        await keep(office, a_job(id=f"rft-{state.value}", state=state))
        for action in Action:
            with pytest.raises(Conflict, match=f"rft-{state} {ended}; there is nothing left to {action.value}"):
                await ask(office, state.value, action)


ACTIONS: tuple[tuple[JobState, Action, str | None], ...] = (
    (JobState.CHECKING, Action.PAUSE, "is checking; only a running job can be paused"),
    (JobState.CHECKING, Action.RESUME, "is not paused"),
    (JobState.CHECKING, Action.CANCEL, None),
    (JobState.LAUNCHING, Action.PAUSE, "is launching; only a running job can be paused"),
    (JobState.LAUNCHING, Action.CANCEL, None),
    (JobState.CREATING, Action.PAUSE, "is being created on local right now; try again in a few seconds"),
    (JobState.CREATING, Action.CANCEL, "is being created on local right now; try again in a few seconds"),
    (JobState.WATCHING, Action.PAUSE, None),
    (JobState.WATCHING, Action.RESUME, "is not paused; it is running"),
    (JobState.WATCHING, Action.CANCEL, None),
    (JobState.PAUSED, Action.PAUSE, "is paused; only a running job can be paused"),
    (JobState.PAUSED, Action.RESUME, None),
    (JobState.PAUSED, Action.CANCEL, None),
)
"""Each action in each state: None if it is written down, else how it is refused."""


async def test_an_action_is_written_down_or_refused_in_words(office: Office) -> None:
    for number, (state, action, sentence) in enumerate(ACTIONS):
        job = a_job(id=f"rft-{number:02}", state=state)
        await keep(office, job)
        if sentence:
            with pytest.raises(Conflict) as problem:
                await ask(office, job.id, action)
            assert sentence in str(problem.value)
            assert (await office.job(job.id)).pending is None
        else:
            asked = await ask(office, job.id, action)
            assert asked.pending == PendingAction(action, BOB, CHANNEL, "click")
            assert await office.job(job.id) == asked


async def test_a_platform_that_cannot_pause_says_what_else_there_is(office: Office) -> None:
    office.profiles["local"] = replace(office.profiles["local"], can_pause=False)
    await keep(office, a_job())
    with pytest.raises(Conflict, match=r"cannot pause or resume jobs. `/rft cancel rft-abc234` stops it"):
        await ask(office, "rft-abc234", Action.PAUSE)
    assert (await ask(office, "rft-abc234", Action.CANCEL)).pending is not None


async def test_an_action_and_a_work_item_in_the_same_moment_are_both_kept(office: Office) -> None:
    await keep(office, a_job())
    held = await office.held("rft-abc234")
    theirs = Change(records=(Versioned(replace(held.value, last_step=9), held.version),))
    office.jobs = replace(office.jobs, store=BusyStore(office.store, theirs))
    asked = await ask(office, "rft-abc234", Action.CANCEL)
    assert (asked.last_step, asked.pending is not None) == (9, True)
    assert await office.job("rft-abc234") == asked


async def test_an_action_that_is_pending_is_not_lost_to_another(office: Office) -> None:
    await keep(office, a_job())
    await ask(office, "rft-abc234", Action.PAUSE)
    with pytest.raises(Conflict, match="rft-abc234 is being paused; its thread says when that is done"):
        await ask(office, "rft-abc234", Action.PAUSE)
    asked = await ask(office, "rft-abc234", Action.CANCEL, by=ALICE)
    with pytest.raises(Conflict, match="rft-abc234 is being cancelled; its thread says when that is done"):
        await ask(office, "rft-abc234", Action.PAUSE)
    assert (
        (await office.job("rft-abc234")).pending
        == asked.pending
        == PendingAction(Action.CANCEL, ALICE, CHANNEL, "click")
    )


async def test_pausing_and_resuming_wait_for_each_other(office: Office) -> None:
    await keep(office, a_job(state=JobState.PAUSED, pending=PendingAction(Action.PAUSE, ALICE, CHANNEL, "click")))
    with pytest.raises(Conflict, match="rft-abc234 is being paused; try again when its thread says that it is"):
        await ask(office, "rft-abc234", Action.RESUME)


# -- work items ----------------------------------------------------------------------------------------------------


async def test_a_cancel_before_the_launch_ends_it_without_a_trace(office: Office) -> None:
    for number, state in enumerate((JobState.CHECKING, JobState.LAUNCHING)):
        job = await office.jobs.launch(office.request(f"trigger {number}", seed=number))
        await office.until(job.id, state)
        await ask(office, job.id, Action.CANCEL)
        ended = await office.until(job.id, JobState.NOT_LAUNCHED)
        assert ended.note == "It was cancelled before the launch."
    assert (office.remote_jobs(), office.remote_files()) == ([], [])


async def test_a_cancel_is_done_on_the_platform_and_said_with_the_name(office: Office) -> None:
    job = await watched(office)
    await ask(office, job.id, Action.CANCEL)
    done = await office.work(job.id)
    assert (done.pending, done.status_notes) == (None, 1)
    assert (await office.until(job.id, JobState.CANCELLED)).finished_at is not None
    assert f"thread:{job.id}" in await office.lanes()
    (record,) = office.platform.runner.jobs.list()
    assert record.status == "cancelled"


async def test_an_action_that_the_platform_refuses_is_answered_to_whoever_asked(office: Office) -> None:
    job = await watched(office)
    await ask(office, job.id, Action.CANCEL)
    office.way.lose(f"POST /fine_tuning/jobs/{job.remote_id}/cancel", "refused")
    assert (await office.work(job.id)).pending is None
    (said,) = await office.told()
    assert said.startswith(f"{job.id} was not cancelled. Local platform refused to cancel the job")


async def test_an_action_on_a_platform_that_is_busy_or_away_is_done_later_and_that_is_said_once(office: Office) -> None:
    job = await watched(office)
    await ask(office, job.id, Action.CANCEL)
    office.way.lose(f"POST /fine_tuning/jobs/{job.remote_id}/cancel", "busy", "busy")
    for _ in range(2):
        waiting = await office.work(job.id)
        assert (waiting.pending is not None, waiting.waiting_since is not None) == (True, True)
    await office.way.close()
    await office.work(job.id)
    (said,) = await office.told()
    assert said.startswith(f"{job.id} is not cancelled yet. Local platform is receiving too many requests; it asks to ")
    await office.way.open()
    done = await office.work(job.id)
    assert (done.pending, done.waiting_since, done.status_notes) == (None, None, 1)
    assert [record.status for record in office.platform.runner.jobs.list()] == ["cancelled"]
    assert await office.told() == [said]


async def test_an_action_is_given_up_in_words(office: Office) -> None:
    job = await watched(office)
    await ask(office, job.id, Action.PAUSE)
    await office.way.close()
    await office.work(job.id)
    office.clock.skipped = PATIENCE + 1
    given_up = await office.work(job.id)
    assert (given_up.pending, given_up.waiting_since) == (None, None)
    said = [text for text in await office.told() if "was not paused" in text]
    assert said[0].endswith("nothing was sent. I tried for 6 h 00 min; ask again when the platform answers.")


async def test_a_cancel_takes_the_place_of_a_pause_that_waits(office: Office) -> None:
    job = await watched(office)
    await ask(office, job.id, Action.PAUSE)
    await office.way.close()
    await office.work(job.id)
    asked = await ask(office, job.id, Action.CANCEL)
    assert asked.waiting_since is None
    await office.way.open()
    assert (await office.until(job.id, JobState.CANCELLED)).pending is None


async def test_an_action_that_has_taken_effect_already_is_not_said_to_have_failed(office: Office) -> None:
    job = await watched(office)
    await office.gateway.cancel(str(job.remote_id))
    await ask(office, job.id, Action.CANCEL)
    assert (await office.work(job.id)).pending is None
    assert await office.told() == [f"{job.id} was cancelled already."]


async def test_an_action_is_said_to_be_done_if_the_attempt_that_sent_it_died(office: Office) -> None:
    job = await watched(office)
    await ask(office, job.id, Action.CANCEL)
    await office.gateway.cancel(str(job.remote_id))
    assert (await office.work(job.id, raised=1)).status_notes == 1
    assert await office.told() == []


async def test_an_action_whose_answer_got_lost_is_looked_up(office: Office) -> None:
    job = await watched(office)
    await ask(office, job.id, Action.CANCEL)
    office.way.lose(f"POST /fine_tuning/jobs/{job.remote_id}/cancel", "answer lost")
    assert (await office.work(job.id)).status_notes == 1
    assert await office.told() == []


async def test_an_action_with_an_unknown_result_is_said_to_be_uncertain(office: Office) -> None:
    job = await watched(office)
    await ask(office, job.id, Action.CANCEL)
    office.way.lose(f"POST /fine_tuning/jobs/{job.remote_id}/cancel", "request lost")
    assert (await office.work(job.id)).status_notes == 0
    (said,) = await office.told()
    assert said.startswith(f"It is not certain that {job.id} was cancelled; its card shows it soon. Local platform")


async def test_a_job_whose_platform_is_no_longer_configured_is_kept_and_said(office: Office) -> None:
    await keep(office, a_job(platform="gone"))
    for _ in range(4):
        await office.work("rft-abc234")
    job = await office.work("rft-abc234")
    assert (job.state, job.troubles) == (JobState.WATCHING, 5)
    await office.store.commit(
        Change(
            records=(Versioned(replace(job, pending=PendingAction(Action.CANCEL, ALICE, CHANNEL, "t")), 6),),
            due_in=0,
        )
    )
    assert (await office.work("rft-abc234")).pending is None
    assert "There is no platform 'gone'" in (await office.told())[0]


async def test_a_launch_that_is_cancelled_before_its_creation_is_written_down_ends_and_leaves_no_file(
    office: Office,
) -> None:
    job = await office.launching()
    held = await office.held(job.id)
    pending = PendingAction(Action.CANCEL, BOB, CHANNEL, "click")
    busy = BusyStore(office.store, Change(records=(Versioned(replace(job, pending=pending), held.version),)))
    office.jobs = replace(office.jobs, launcher=replace(office.jobs.launcher, store=busy))
    ended = await office.work(job.id)
    assert (ended.state, len(ended.files)) == (JobState.NOT_LAUNCHED, 2)
    await office.work(job.id)
    assert office.remote_files() == []


async def test_a_work_item_that_another_bot_overtook_leaves_what_that_one_wrote_and_its_files(office: Office) -> None:
    job = await office.launching()
    held = await office.held(job.id)
    theirs = [await office.gateway.upload(name, ROW) for name in (f"{job.id}-train.jsonl", f"{job.id}-valid.jsonl")]
    further = replace(job, state=JobState.CREATING, files=tuple(theirs), create_asked_at=1.0)
    busy = BusyStore(office.store, Change(records=(Versioned(further, held.version),)))
    office.jobs = replace(office.jobs, launcher=replace(office.jobs.launcher, store=busy))
    assert await office.work(job.id) == further
    assert office.way.passed.count("POST /files") == 4
    assert {file.id for file in office.platform.runner.files.list()} == set(theirs)
    assert await office.is_due(job.id)


async def test_a_poll_that_was_overtaken_by_a_change_without_a_work_item_is_repeated(office: Office) -> None:
    job = await watched(office)
    held = await office.held(job.id)
    office.jobs = replace(office.jobs, poller=replace(office.jobs.poller, store=busy_with_notes(office, held, 1)))

    await office.work(job.id)

    assert (await office.held(job.id)).version == held.version + 2
    assert await due_in(office.store, job.id) is not None


async def test_a_poll_that_is_overtaken_again_and_again_comes_back_soon(office: Office) -> None:
    job = await watched(office)
    held = await office.held(job.id)
    busy = busy_with_notes(office, held, MOST_CONFLICTS)
    office.jobs = replace(office.jobs, poller=replace(office.jobs.poller, store=busy))

    await office.work(job.id)

    assert (await office.held(job.id)).version == held.version + MOST_CONFLICTS
    assert 0 < (await due_in(office.store, job.id) or 0.0) <= OVERTAKEN
    assert (await office.work(job.id)).state is JobState.WATCHING


@pytest.mark.parametrize("state", [JobState.CHECKING, JobState.LAUNCHING])
async def test_a_launch_goes_on_whatever_others_write_to_its_record(office: Office, state: JobState) -> None:
    job = await office.jobs.launch(office.request())
    await office.until(job.id, state)
    busy = busy_with_notes(office, await office.held(job.id), 3)
    office.jobs = replace(office.jobs, launcher=replace(office.jobs.launcher, store=busy))

    assert (await office.work(job.id)).state is not state

    assert (await office.until(job.id, JobState.WATCHING)).state is JobState.WATCHING
    assert office.remote_jobs() == [job.id]
    assert len(office.remote_files()) == 2


async def test_a_creation_goes_on_whatever_others_write_while_its_outcome_is_asked_for(office: Office) -> None:
    job = await office.launching()
    office.way.lose("POST /fine_tuning/jobs", "answer lost")
    assert (await office.work(job.id)).state is JobState.CREATING
    busy = busy_with_notes(office, await office.held(job.id), 1)
    office.jobs = replace(office.jobs, launcher=replace(office.jobs.launcher, store=busy))

    assert (await office.work(job.id)).state is JobState.WATCHING
    assert office.remote_jobs() == [job.id]


def busy_with_notes(office: Office, held: Versioned[Job], times: int) -> BusyStore:
    """A store in which somebody keeps changing the job, and plans nothing."""
    notes = (
        Change(records=(Versioned(replace(held.value, note=f"theirs {n}"), held.version + n),)) for n in range(times)
    )
    return BusyStore(office.store, *notes)


async def test_a_work_item_of_a_job_that_has_ended_or_never_was_does_nothing(office: Office) -> None:
    await keep(office, a_job(state=JobState.SUCCEEDED))
    before = await office.held("rft-abc234")
    await office.work("rft-abc234")
    await office.jobs.work("rft-never", held_item("rft-never"), "reference")
    assert await office.held("rft-abc234") == before


@pytest.mark.parametrize(
    ("state", "said", "kind"),
    [
        (JobState.WATCHING, "The job itself goes on; I look again every 15 minutes", PostingKind.STATUS),
        (JobState.CREATING, "local may have it or not; I look again every 15 minutes", PostingKind.ANSWER),
    ],
)
async def test_a_job_that_keeps_killing_its_worker_is_set_aside_and_said_once(
    office: Office, state: JobState, said: str, kind: PostingKind
) -> None:
    await keep(office, a_job(state=state))
    for _ in range(2):
        job = await office.work("rft-abc234", raised=MOST_RAISED)
        assert job.state is state
        assert said in str(job.note)
        assert "(reference reference)" in str(job.note)
    lane = "thread:rft-abc234" if kind is PostingKind.STATUS else "answer:rft-abc234"
    assert await office.lanes() == {lane}
    assert await due_in(office.store, "rft-abc234") == pytest.approx(SET_ASIDE, abs=60.0)


async def test_tidying_that_keeps_killing_its_worker_ends(office: Office) -> None:
    await keep(office, a_job(state=JobState.NOT_LAUNCHED))
    await office.work("rft-abc234", raised=MOST_RAISED)
    assert not await office.is_due("rft-abc234")
    assert await office.lanes() == set()
