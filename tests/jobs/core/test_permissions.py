"""Who may pause, resume, cancel and evaluate again: by role, by what it is, by the state it is in."""

from pathlib import Path
from typing import Final, Literal

import pytest

from jobs.core.errors import Conflict
from jobs.core.permissions import NotPermitted, Permission, Refusal, may
from jobs.core.records import Action, Job, JobState
from jobs.evals.answer_store import LocalAnswerStore
from jobs.evals.plan import EvalPlanner
from jobs.evals.records import Eval, EvalState
from jobs.evals.service import Evals
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from tests.handlers.posting_desk import jobs_of, no_platform
from tests.jobs.evals.answers import an_eval
from tests.permitted import permissions
from tests.records import ALICE, BOB, CAROL, CHANNEL, DAVE, a_job, a_request

Role = Literal["owner", "approver", "both", "stranger"]
PEOPLE: Final[dict[Role, str]] = {"owner": ALICE, "approver": BOB, "both": CAROL, "stranger": DAVE}
APPROVERS: Final = (BOB, CAROL)
STATES: Final = tuple(JobState)
POSSIBLE: Final = {
    Action.PAUSE: {JobState.WATCHING},
    Action.RESUME: {JobState.PAUSED},
    Action.CANCEL: {JobState.CHECKING, JobState.LAUNCHING, JobState.WATCHING, JobState.PAUSED},
}
"""The states in which a job can be asked for something at all."""


def owned_by(role: Role) -> str:
    return CAROL if role == "both" else ALICE


@pytest.mark.parametrize("role", PEOPLE)
@pytest.mark.parametrize("permission", Permission)
def test_only_a_pause_is_everybodys(permission: Permission, role: Role) -> None:
    user, owner = PEOPLE[role], owned_by(role)
    found = may(permission, user=user, owner=owner, is_approver=user in APPROVERS)
    refused = role == "stranger" and permission is not Permission.PAUSE
    assert found == (Refusal(permission, owner) if refused else None)
    assert may(permission, user=user, owner=owner, is_approver=user in APPROVERS, open_control=True) is None


@pytest.mark.parametrize("role", PEOPLE)
async def test_a_job_in_every_state_obeys_the_table_and_a_refusal_changes_nothing(
    store: Store, tmp_path: Path, role: Role
) -> None:
    jobs = jobs_of(store, tmp_path, permissions(*APPROVERS))
    for state in STATES:
        for action in Action:
            job = a_job(id=f"rft-{state}-{action}", state=state, request=a_request(requested_by=owned_by(role)))
            await store.commit(Change(records=(Versioned(job, 0),)))
            before, trail = await store.record(Job, job.id), await store.trail()
            expected = _expected(role, action, state)
            if expected is None:
                asked = await jobs.request(job.id, action, by=PEOPLE[role], channel=CHANNEL, trigger="t")
                assert asked.pending is not None
                assert (asked.pending.action, asked.pending.by) == (action, PEOPLE[role])
                continue
            with pytest.raises(expected):
                await jobs.request(job.id, action, by=PEOPLE[role], channel=CHANNEL, trigger="t")
            assert (await store.record(Job, job.id), await store.trail()) == (before, trail)


def _expected(role: Role, action: Action, state: JobState) -> type[Exception] | None:
    if state not in POSSIBLE[action]:
        return Conflict
    return NotPermitted if role == "stranger" and action is not Action.PAUSE else None


CANCEL_REFUSED: Final = (
    "Only <@U0ALICE>, who launched it, and its approvers (@model-approvers, <@U0BOB>) can cancel rft-abc234. A "
    "cancelled job cannot be resumed, and its cost is not refunded. Anybody may pause it meanwhile: "
    "`/rft pause rft-abc234`."
)


@pytest.mark.parametrize(
    ("job", "action", "words"),
    [
        (
            a_job(approvers=("model-approvers", BOB)),
            Action.CANCEL,
            CANCEL_REFUSED,
        ),
        (
            a_job(imported=True, state=JobState.PAUSED, approvers=()),
            Action.RESUME,
            "Only <@U0ALICE>, who asked to watch it, can resume rft-abc234. Resumed, it costs money again.",
        ),
    ],
    ids=["launched", "imported"],
)
async def test_a_refusal_names_who_may_and_what_anybody_may(
    store: Store, tmp_path: Path, job: Job, action: Action, words: str
) -> None:
    await store.commit(Change(records=(Versioned(job, 0),)))
    with pytest.raises(NotPermitted) as refused:
        await jobs_of(store, tmp_path, permissions()).request(job.id, action, by=DAVE, channel=CHANNEL, trigger="t")
    assert str(refused.value) == words


async def test_where_control_is_open_everybody_may(store: Store, tmp_path: Path) -> None:
    await store.commit(Change(records=(Versioned(a_job(), 0),)))
    jobs = jobs_of(store, tmp_path, permissions(open_control=True))
    job = await jobs.request("rft-abc234", Action.CANCEL, by=DAVE, channel=CHANNEL, trigger="t")
    assert job.pending is not None


async def test_an_eval_is_cancelled_by_who_started_it_or_an_approver_of_its_task() -> None:
    evaluation = an_eval()
    owner = evaluation.request.requested_by
    strict = permissions(BOB)
    await strict.require_for_eval(evaluation.id, owner, owner=owner, task=evaluation.task)
    await strict.require_for_eval(evaluation.id, BOB, owner=owner, task=evaluation.task)
    await permissions(open_control=True).require_for_eval(evaluation.id, DAVE, owner=owner, task=evaluation.task)
    words = rf"^Only <@{owner}>, who started it, and its approvers \(@model-approvers\) can cancel {evaluation.id}\. "
    with pytest.raises(NotPermitted, match=words):
        await strict.require_for_eval(evaluation.id, DAVE, owner=owner, task=evaluation.task)


async def test_a_refused_cancel_of_an_eval_changes_nothing(store: Store, tmp_path: Path) -> None:
    running = an_eval(state=EvalState.RUNNING)
    await store.commit(Change(records=(Versioned(running, 0),)))
    planner = EvalPlanner(TaskCatalogue(tmp_path), no_platform, "local", lambda: 0.0)
    evals = Evals(store, planner, LocalAnswerStore(tmp_path), permissions(BOB))
    before, trail = await store.record(Eval, running.id), await store.trail()
    with pytest.raises(NotPermitted):
        await evals.cancel(running.id, DAVE)
    assert (await store.record(Eval, running.id), await store.trail()) == (before, trail)
    assert (await evals.cancel(running.id, BOB)).cancelled_by == BOB


async def test_evaluating_again_is_for_who_launched_it_and_approvers() -> None:
    strict = permissions(BOB)
    for user in (ALICE, BOB):
        await strict.require_for_job(Permission.EVALUATE_AGAIN, a_job(), user)
    with pytest.raises(NotPermitted, match="can have the checkpoints of rft-abc234 evaluated again"):
        await strict.require_for_job(Permission.EVALUATE_AGAIN, a_job(), DAVE)
