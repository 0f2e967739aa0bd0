"""Evidence and approvals in every state a summary can show."""

from dataclasses import replace

from handlers.slack.blocks import Message
from jobs.approvals.open import invalidated, open_approval
from jobs.approvals.records import Approval, Decision, Ending, Settlement
from jobs.approvals.records import Verdict as Vote
from jobs.core.records import ApprovalPolicy, Job, JobState
from jobs.core.series import Series
from jobs.evidence.measure import failed
from jobs.evidence.records import Candidate, ChangedItem, Evidence, EvidenceState, Guard, Role, Versus
from jobs.views.job import JobView
from tests.records import (
    BOB,
    CAROL,
    a_candidate,
    a_change,
    a_checkpoint,
    a_figure,
    a_job,
    an_evidence,
)

JOB = a_job(
    state=JobState.SUCCEEDED,
    checkpoints=(a_checkpoint(60, 0.9, 0.4, 0.5), a_checkpoint(85, 0.7, 0.6, 0.63), a_checkpoint(95, 0.5, 0.8, 0.6)),
    last_step=100,
    total_steps=100,
    valid_reward=0.6,
    finished_at=1_400.0,
)
FIXED = (
    ChangedItem("act-17", 0.0, 1.0, "Regulation on the <common> fisheries policy " * 9),
    ChangedItem("act-3", 0.2, 0.9, "Directive on excise duty"),
    ChangedItem("act-8", 0.1, 0.7),
    ChangedItem("act-9", 0.1, 0.6, "not shown"),
)
BROKEN = (ChangedItem("act-40", 0.9, 0.2, "Decision on tariffs of 1996"),)
GUARD = Guard("recall", -0.02, -0.02, -0.09, Role.BASE, is_broken=True)
HELD = Guard("precision", -0.02, 0.25, 0.18, Role.BASE, is_broken=False)


def _whole(candidate: Candidate, alias: Versus | None, tokens: float, **changes: object) -> Candidate:
    return replace(
        candidate,
        versus_alias=alias,
        reasoning_tokens=tokens,
        cost=tokens / 250,
        test={"f1": a_figure(candidate.valid["f1"].mean - 0.04, 0.09)},
        test_versus_base=None if candidate.role is Role.BASE else a_change(0.2, 0.06),
        **changes,  # type: ignore[arg-type] # a test's shorthand
    )


PLAIN = an_evidence()
"""Of a platform that reports no reasoning tokens and has no price, with a task without a test split."""
WHOLE = an_evidence(
    candidates=(
        _whole(a_candidate(None, 0.45, 0.42, 0.40), None, 240.0),
        _whole(a_candidate(60, 0.90, 0.40, 0.50), a_change(-0.08, 0.04), 260.0, guards=(HELD, GUARD)),
        _whole(a_candidate(85, 0.70, 0.60, 0.63), a_change(0.05, 0.06), 310.0, fixed=FIXED, broken=BROKEN, failures=2),
        _whole(a_candidate(95, 0.50, 0.80, 0.60), a_change(0.02), 420.0, shutdown="2027-01-06"),
        _whole(
            a_candidate(None, 0.64, 0.55, 0.58, role=Role.ALIAS, name="acts@production", model="ft:before"), None, 300.0
        ),
    ),
    alias="acts@production",
    alias_model="ft:before",
    test_eval="ev-test22",
    parts={"dataset": "d", "test": "t"},
)
UNDECIDED = an_evidence(
    candidates=(
        a_candidate(None, 0.45, 0.42, 0.40),
        a_candidate(85, 0.46, 0.43, 0.413, versus_base=a_change(0.013)),
    ),
    checkpoints=("ckpt-85",),
    bias=(0.0, 0.0),
)
REWARD_ONLY = an_evidence(
    candidates=tuple(replace(each, valid={"f1": each.valid["f1"]}, test={}) for each in PLAIN.candidates),
)
GATHERING = an_evidence(
    state=EvidenceState.GATHERING, candidates=(), bias=None, answered=300, total=1_350, finished_at=None
)
FAILED = failed(GATHERING, JOB, {}, "local refuses to answer for these models (401).", 1_900.0)


def many(count: int) -> tuple[Job, Evidence]:
    """Return a job with very many checkpoints, all with long model ids, and its evidence."""
    steps = range(5, 5 * count + 5, 5)
    long = "ft:o4-mini-2025-04-16:acme-legal-department:eurovoc-classification-of-acts:Bx12Ab34:ckpt-step-{}"
    job = replace(JOB, checkpoints=tuple(replace(a_checkpoint(s), model_id=long.format(s)) for s in steps))
    rows = [
        _whole(a_candidate(s, 0.5 + s / 1000, 0.5, 0.5 + s / 1000), a_change(0.01), 300.0, guards=(GUARD,))
        for s in steps
    ]
    evidence = replace(WHOLE, candidates=(WHOLE.candidates[0], *rows), checkpoints=tuple(f"ckpt-{s}" for s in steps))
    return job, evidence


WAITING = open_approval(JOB, WHOLE, None, 2_000.0)
VOTES = (
    Decision(BOB, Vote.APPROVE, "ckpt-85", "best <balance> & recall", 2_100.0, "digest-85"),
    Decision(CAROL, Vote.APPROVE, "ckpt-85", "agreed", 2_200.0, "digest-85"),
)
ONE_VOTE = replace(WAITING, decisions=VOTES[:1])
APPROVED = replace(WAITING, decisions=VOTES, settled=Settlement(Ending.APPROVED, "ckpt-85", 2_200.0))
REJECTED = replace(
    WAITING,
    decisions=(Decision(BOB, Vote.REJECT, "", "too noisy", 2_100.0),),
    settled=Settlement(Ending.REJECTED, "", 2_100.0),
)
EXPIRED = replace(WAITING, settled=Settlement(Ending.EXPIRED, "", 9_000.0))
BETWEEN = invalidated(ONE_VOTE, "The validation split changed.", 3_000.0)
AGAIN = open_approval(JOB, replace(WHOLE, round=2), BETWEEN, 3_500.0)
OWN_ALLOWED = replace(WAITING, policy=ApprovalPolicy(self_approval=True, one_rejection_settles=False))


def view(evidence: Evidence | None = WHOLE, approval: Approval | None = WAITING, job: Job = JOB) -> JobView:
    """Return what a summary is made of."""
    return JobView(job, Series(), approval, evidence)


def text_of(message: Message) -> str:
    """Return all that a message shows, as one text."""
    return repr(message.blocks)


def action_ids(message: Message) -> list[str]:
    """Return the ids of everything that can be clicked, from top to bottom."""
    found: list[str] = []
    for block in message.blocks:
        elements = block.get("elements", [block.get("accessory")])
        assert isinstance(elements, list)
        found += [str(e["action_id"]) for e in elements if isinstance(e, dict) and "action_id" in e]
    return found
