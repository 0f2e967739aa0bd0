"""Who launched, watched, paused, resumed or cancelled what is in the trail, once."""

from dataclasses import replace
from pathlib import Path

import pytest

from jobs.core.errors import Conflict
from jobs.core.records import Action, Hyperparameters
from jobs.evals.trail_entries import eval_cancelled, eval_started
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.trail.entry import Act
from jobs.training.trail_entries import imported, launched
from tests.handlers.posting_desk import jobs_of
from tests.jobs.evals.answers import an_eval
from tests.records import ALICE, BOB, CHANNEL, a_job, a_request


def test_a_launch_says_what_is_trained_and_leaves_out_what_nobody_chose() -> None:
    chosen = Hyperparameters(n_epochs=2, reasoning_effort="low")
    entry = launched(a_job(request=a_request(seed=0, hyperparameters=chosen)))
    assert (entry.act, entry.who, entry.subject, entry.where) == (Act.LAUNCH, ALICE, "rft-abc234", CHANNEL)
    assert entry.details == {
        "platform": "local",
        "base": "local-policy-1",
        "version": "v",
        "prompt": "v1",
        "seed": "0",
        "n_epochs": "2",
        "reasoning_effort": "low",
    }


def test_a_watch_says_which_job_of_which_platform() -> None:
    entry = imported(a_job(imported=True, task_version="", prompt=""))
    assert (entry.act, entry.details) == (Act.WATCH, {"platform": "local", "remote": "ftjob-1"})


def test_evals_say_what_they_may_use() -> None:
    evaluation = an_eval()
    evaluation = replace(evaluation, request=replace(evaluation.request, budget=50_000))
    entry = eval_started(evaluation)
    assert (entry.act, entry.subject, entry.details["budget"]) == (Act.LAUNCH, evaluation.id, "50000 tokens")
    cancelled = eval_cancelled(replace(evaluation, cancelled_by=BOB), 5.0)
    assert (cancelled.act, cancelled.who, cancelled.at) == (Act.CANCEL, BOB, 5.0)


async def test_a_wish_is_written_with_the_job_and_one_refused_is_not(store: Store, tmp_path: Path) -> None:
    await store.commit(Change(records=(Versioned(a_job(last_step=7), 0),)))
    jobs = jobs_of(store, tmp_path)
    await jobs.request("rft-abc234", Action.CANCEL, by=BOB, channel=CHANNEL, trigger="t1")
    with pytest.raises(Conflict):
        await jobs.request("rft-abc234", Action.PAUSE, by=ALICE, channel=CHANNEL, trigger="t2")
    (sealed,) = await store.trail()
    entry = sealed.entry
    assert (entry.act, entry.who, entry.where, entry.details["step"]) == (Act.CANCEL, BOB, CHANNEL, "7")
