"""How digests look: each line with its numbers, and links to where it is said in full."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from handlers.notifications.digests import MOST_HELD, DigestMessages, eval_line, job_line, mute_line, pending_line
from handlers.slack.blocks import Message
from jobs.approvals.records import Decision, Verdict
from jobs.core.records import JobState, Posting, PostingKind, RaisedAlert
from jobs.evals.records import Arm, ArmSummary, Eval, EvalRequest, EvalState, GraderSummary
from jobs.notifications.records import Digest, HeldBack, HeldItem, Mute, Scope
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.training.postings import card_posting
from tests.handlers.known_people import ALICE, RFT
from tests.handlers.posting_desk import Desk, open_desk
from tests.records import BOB, a_job, a_request, an_approval

RUNNING = a_job(
    request=a_request(channel=RFT),
    last_step=40,
    total_steps=100,
    valid_reward=0.61,
    first_valid_reward=0.5,
    alerts=(
        RaisedAlert("O1", "warn", 20, "Overfitting: the gap grew by .12.\nLook at it.", cleared=30),
        RaisedAlert("P1", "warn", 35, "Plateau: no gain in 40 steps.\nStop it."),
        RaisedAlert("L1", "critical", 36, "Length: answers are 3 x as long."),
        RaisedAlert("N1", "info", 36, "A note."),
    ),
)
OVER = a_job(id="rft-over22", request=a_request(channel=RFT), state=JobState.SUCCEEDED, last_step=9, total_steps=9)
EVAL = Eval(
    id="eval-abc234",
    state=EvalState.FINISHED,
    request=EvalRequest(task="acts", requested_by=ALICE, channel=RFT, trigger="t"),
    created_at=1.0,
    task="acts",
    task_version="v",
    platform="local",
    arms=(Arm("model-a"), Arm("model-b", "low")),
    split="valid",
    items=60,
    runs=3,
    prompt="v1",
    prompt_hash="h",
    reward="f1",
    graders=("f1",),
)


@pytest.fixture
async def desk(store: Store, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(store, tmp_path) as desk:
        yield desk


def digest_posting(subject: str) -> Posting:
    return Posting(id=subject, kind=PostingKind.DIGEST, lane=f"digest:{RFT}", subject=subject, channel=RFT)


async def shown(desk: Desk, record: Digest | HeldBack) -> Message:
    """Return how a record is shown; its jobs' cards stand in the channel."""
    kind = "digest" if isinstance(record, Digest) else "quiet"
    await desk.store.commit(Change(records=(Versioned(record, 0),)))
    return await DigestMessages(desk.store, desk.client).show(digest_posting(f"{kind}:{record.id}"))


async def with_card(desk: Desk) -> None:
    """Keep the running job, and post its card."""
    await desk.store.commit(Change(records=(Versioned(RUNNING, 0),), postings=(card_posting(RUNNING),)))
    await desk.deliver()


async def test_a_digest_says_what_runs_ended_and_waits(desk: Desk) -> None:
    await with_card(desk)
    await desk.store.commit(
        Change(
            records=(Versioned(OVER, 0), Versioned(an_approval(subject=OVER.id), 0)),
        )
    )
    await desk.store.commit(Change(records=(Versioned(EVAL, 0),)))
    record = Digest(
        f"{RFT}:2026-03-29",
        RFT,
        since=time.time() - 9000,
        until=time.time(),
        running=(RUNNING.id,),
        finished=(OVER.id,),
        evals=(EVAL.id,),
        pending=(OVER.id,),
        mutes=(Mute(Scope.TASK, "acts", 2e9, BOB),),
    )
    message = await shown(desk, record)
    text = str(message.blocks)
    for words in ("*Running*", "*Ended*", "*Evals that ended*", "*Waiting for approval*", "*Muted*"):
        assert words in text
    assert text.count("|Open>") == 1  # the one card that stands in the channel
    assert "running: 1; ended: 1; evals that ended: 1; waiting for approval: 1; muted: 1" in message.text


async def test_an_empty_digest_is_one_line(desk: Desk) -> None:
    message = await shown(desk, Digest(f"{RFT}:2026-03-29", RFT, since=1e9, until=2e9))
    assert message.text.startswith("Digest: nothing ran, ended or waited since <!date^1000000000^")
    assert len(message.blocks) == 1


async def test_a_digest_of_very_much_names_some_and_counts_the_rest(desk: Desk) -> None:
    ids = tuple(f"rft-job{n:03}" for n in range(40))
    for job_id in ids:
        await desk.store.commit(Change(records=(Versioned(a_job(id=job_id, request=a_request(channel=RFT)), 0),)))
    message = await shown(desk, Digest(f"{RFT}:x", RFT, since=1e9, until=2e9, running=ids, asked_by=BOB))
    text = str(message.blocks)
    assert text.count("\u2022") == 10
    assert "and 30 more; `/rft list` has them." in text
    assert "Asked for with `/proctor digest now`" in text
    assert f"<@{BOB}>" not in text


async def test_what_was_kept_back_is_told_with_links(desk: Desk) -> None:
    await with_card(desk)
    item = HeldItem(f"job:{RUNNING.id}:card", RUNNING.id, "Overfitting: <.1>", 1e9, (ALICE,))
    message = await shown(desk, HeldBack(f"{RFT}:1", RFT, 1.0, (item,)))
    text = str(message.blocks)
    assert "*While it was quiet: 1 message*" in text
    assert f"`{RUNNING.id}`: Overfitting: &lt;.1&gt; For <@{ALICE}>. <http" in text


async def test_of_very_much_that_was_kept_back_the_newest_are_told(desk: Desk) -> None:
    items = tuple(HeldItem(f"p{n}", "rft-abc234", "x" * 500, 1e9 + n) for n in range(MOST_HELD + 5))
    message = await shown(desk, HeldBack(f"{RFT}:1", RFT, 1.0, items, earlier=2))
    assert "7 earlier ones are in their threads." in str(message.blocks)
    assert all(len(str(block["text"])) < 3100 for block in message.blocks)
    assert f"While it was quiet: {MOST_HELD + 7} messages" in message.text


def test_a_job_is_told_in_one_line() -> None:
    assert job_line(RUNNING, "https://s/1") == (
        "\u2022 *acts* `rft-abc234`: training, step 40 of 100, validation reward 0.61, up 0.11 since the first "
        "evaluation. Open: Length: answers are 3 x as long, and 1 more alert. <https://s/1|Open>"
    )
    assert job_line(a_job(), None) == (
        "\u2022 *acts* `rft-abc234`: training, before step 1, validation reward not reported."
    )


def test_an_eval_is_told_in_one_line() -> None:
    assert eval_line(EVAL, None) == "\u2022 *acts* `eval-abc234`: finished, 2 models, 60 items x 3."
    graded = tuple(
        ArmSummary(arm, 180, graders=(GraderSummary("f1", mean, None, None, 180),))
        for arm, mean in (("model-a", 0.4), ("model-b (low)", 0.6), ("model-c", None))
    )
    told = eval_line(replace(EVAL, summaries=graded), None)
    assert told.endswith("finished, 2 models, 60 items x 3, F1 0.60 of model-b (low).")
    one = eval_line(replace(EVAL, arms=EVAL.arms[:1], summaries=graded[:1]), None)
    assert one.endswith("finished, model-a, 60 items x 3, F1 0.40.")


@pytest.mark.parametrize(
    ("votes", "waited", "says"),
    [
        (0, 1800, "asked for 30 min 00 s ago, 2 votes of 2 missing"),
        (1, 7200, "asked for 2 h 00 min ago, 1 vote of 2 missing"),
        (1, 260_000, "asked for 3 d 0 h ago, 1 vote of 2 missing"),
    ],
)
def test_a_pending_approval_says_its_age_and_what_is_missing(votes: int, waited: float, says: str) -> None:
    decisions = tuple(Decision(f"U{n}", Verdict.APPROVE, "ckpt-5", "fine", 1.0) for n in range(votes))
    approval = an_approval(decisions=decisions, evidence={"ckpt-5": "digest"})
    assert says in pending_line(approval, 2_000.0 + waited, None)
    assert "its evidence is being gathered" in pending_line(replace(approval, evidence={}), 9_000.0, None)


def test_a_mute_is_told_with_its_end() -> None:
    told = mute_line(Mute(Scope.JOB, "rft-abc234", 2e9, BOB))
    assert told.startswith("\u2022 job `rft-abc234` until <!date^2000000000^")
    assert f"<@{BOB}>" not in told  # it would call them each day
