"""Who started something is told once that Slack does not let the bot show it."""

import json
from typing import Any

import pytest

from jobs.core.ids import card_id
from jobs.core.records import Posting, PostingKind
from jobs.notifications.refusals import RefusalNotices
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from tests.jobs.evals.reported import an_eval
from tests.records import ALICE, CHANNEL, a_job


async def told(store: Store, subject: str) -> list[dict[str, Any]]:
    value = await store._redis.hget(f"{{proctor}}:posting:answer:refused-{subject}", "value")
    return [json.loads(value)] if value else []


def refused(subject: str, *, first: bool = True) -> Posting:
    name = card_id(subject) if first else f"{subject}:status:1"
    kind = PostingKind.CARD if first else PostingKind.STATUS
    return Posting(name, kind, "lane", subject, CHANNEL)


@pytest.mark.parametrize("first", [True, False])
async def test_the_launcher_of_a_job_is_told(store: Store, first: bool) -> None:
    job = a_job()
    await store.commit(Change(records=(Versioned(job, 0),)))
    for _ in range(2):
        await RefusalNotices(store).tell(refused(job.id, first=first), "not_in_channel more words")
    (answer,) = await told(store, job.id)
    assert (answer["user"], answer["channel"]) == (ALICE, CHANNEL)
    assert f"refuses what I post in <#{CHANNEL}> (`not_in_channel`), so " in answer["text"]
    assert f"`/rft status {job.id}` answers you." in answer["text"]
    assert answer["text"].endswith("its card and thread follow within an hour.") is first


async def test_who_started_an_eval_is_told_and_of_anything_else_nobody(store: Store) -> None:
    evaluation = an_eval()
    await store.commit(Change(records=(Versioned(evaluation, 0),)))
    await RefusalNotices(store).tell(refused(evaluation.id), "is_archived")
    await RefusalNotices(store).tell(refused("digest:C1"), "is_archived")
    (answer,) = await told(store, evaluation.id)
    assert f"`/eval status {evaluation.id}` answers you." in answer["text"]
    assert await told(store, "digest:C1") == []
