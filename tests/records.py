"""Records with defaults, for tests that care about one or two of their fields."""

from dataclasses import replace
from typing import Any

from jobs.approvals.records import Approval
from jobs.core.records import Checkpoint, Job, JobState, LaunchRequest, Posting, PostingKind
from jobs.core.series import GraderFigures, Series, Step
from jobs.evals.verdict import Verdict
from jobs.evidence.records import Candidate, Evidence, EvidenceState, Figure, Role, Versus
from jobs.platforms.parse import RemoteJob
from jobs.platforms.profiles import Profile

ALICE, BOB, CAROL, DAVE = "U0ALICE", "U0BOB", "U0CAROL", "U0DAVE"
CHANNEL = "C0RFT"
PROFILE = Profile(name="local", base_url="http://127.0.0.1:1/v1", poll_seconds=1.0, idle_poll_seconds=2.0)


def a_request(**changes: Any) -> LaunchRequest:
    return replace(LaunchRequest(task="acts", requested_by=ALICE, channel=CHANNEL, trigger="trigger-1"), **changes)


def a_job(**changes: Any) -> Job:
    job = Job(
        id="rft-abc234",
        state=JobState.WATCHING,
        request=a_request(),
        created_at=1_000.0,
        task="acts",
        task_version="v",
        platform="local",
        model="local-policy-1",
        prompt="v1",
        reward="f1",
        quorum=2,
        approvers=("model-approvers",),
        train_items=100,
        valid_items=50,
        remote_id="ftjob-1",
        platform_status="running",
    )
    return replace(job, **changes)


def a_checkpoint(step: int, precision: float = 0.6, recall: float = 0.5, f1: float = 0.55) -> Checkpoint:
    return Checkpoint(
        id=f"ckpt-{step}",
        model_id=f"ft:local-policy-1:local:acts:x:ckpt-step-{step}",
        step=step,
        valid_reward=f1,
        scores={"precision": precision, "recall": recall},
    )


def an_approval(**changes: Any) -> Approval:
    return replace(
        Approval(
            subject="rft-abc234", launched_by=ALICE, quorum=2, approvers=("model-approvers",), requested_at=2_000.0
        ),
        **changes,
    )


def a_figure(mean: float, half: float = 0.08) -> Figure:
    return Figure(mean, round(mean - half, 4), round(mean + half, 4))


def a_change(mean: float, half: float = 0.04, **changes: Any) -> Versus:
    verdict = Verdict.CANT_TELL if abs(mean) <= half else Verdict.BETTER if mean > 0 else Verdict.WORSE
    needed = 400 if verdict is Verdict.CANT_TELL else None
    return replace(
        Versus(mean, mean - half, mean + half, 0.2 if needed else 0.003, verdict, 50, needed),
        **changes,
    )


def a_candidate(step: int | None, p: float = 0.6, r: float = 0.5, f1: float = 0.55, **changes: Any) -> Candidate:
    """Return the base model for no step, else the checkpoint `a_checkpoint` makes of it."""
    base = step is None
    candidate = Candidate(
        role=Role.BASE if base else Role.CHECKPOINT,
        model="local-policy-1" if base else f"ft:local-policy-1:local:acts:x:ckpt-step-{step}",
        name="base" if base else f"step {step}",
        checkpoint=None if base else f"ckpt-{step}",
        step=step,
        valid={"precision": a_figure(p), "recall": a_figure(r), "f1": a_figure(f1)},
        versus_base=None if base else a_change(f1 - 0.4),
        output_tokens=120.0,
        answers=150,
        digest="" if base else f"digest-{step}",
    )
    return replace(candidate, **changes)


def an_evidence(**changes: Any) -> Evidence:
    """Return the finished evidence for checkpoints 60, 85 and 95 of `a_job`."""
    return replace(
        Evidence(
            job="rft-abc234",
            state=EvidenceState.READY,
            checkpoints=("ckpt-60", "ckpt-85", "ckpt-95"),
            started_at=1_500.0,
            runs=3,
            valid_eval="ev-valid2",
            answered=600,
            total=600,
            candidates=(
                a_candidate(None, 0.45, 0.42, 0.40),
                a_candidate(60, 0.90, 0.40, 0.50),
                a_candidate(85, 0.70, 0.60, 0.63),
                a_candidate(95, 0.50, 0.80, 0.60),
            ),
            bias=(0.02, 0.05),
            parts={"dataset": "d", "graders": "g", "prompt": "p", "schema": "s", "valid_eval": "ev-valid2"},
            finished_at=1_900.0,
        ),
        **changes,
    )


def a_posting(number: int = 1, **changes: Any) -> Posting:
    return replace(
        Posting(
            id=f"job:rft-abc234:note:{number}",
            kind=PostingKind.ANSWER,
            lane="lane",
            subject="rft-abc234",
            channel=CHANNEL,
            user=ALICE,
            text=f"note {number}",
        ),
        **changes,
    )


def a_step(number: int, train: float | None = 0.4, valid: float | None = None, **changes: Any) -> Step:
    graders = (GraderFigures("precision", valid_score=0.6), GraderFigures("recall", valid_score=0.5)) if valid else ()
    step = Step(number, total_steps=100, at=1_100.0 + number, train_reward=train, valid_reward=valid, graders=graders)
    return replace(step, **changes)


def a_series(*valid: float, every: int = 5) -> Series:
    steps = [
        a_step(n, valid=valid[n // every - 1] if n % every == 0 else None) for n in range(1, len(valid) * every + 1)
    ]
    return Series.of(steps)


def a_remote(status: str = "running", **changes: Any) -> RemoteJob:
    return replace(RemoteJob(id="ftjob-1", status=status, batch_size=16), **changes)
