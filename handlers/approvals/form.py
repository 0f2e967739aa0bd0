"""The form that asks for the reason of a decision, and for each broken guardrail to be set aside."""

from typing import Any, Final

from charts.wording import interval, score, signed
from handlers.slack.blocks import Block, context, cut, escape, plain, section, text_input
from handlers.slack.wording import moment
from jobs.approvals.records import Approval, ApprovalKind, Decision, Verdict
from jobs.evidence.records import Candidate, Figure, Guard, Role, Versus
from jobs.views.job import JobView
from jobs.views.wording import grader_name

FORM: Final = "decision"
REASON: Final = "reason"
OVERRIDE: Final = "override:"
"""What the ids of the boxes begin with, one for each guardrail."""
MOST_REASON: Final = 500
MOST_OPTION: Final = 75
NOT_EVALUATED: Final = "evidence"
"""The guardrail that a checkpoint breaks which could not be evaluated."""


def form(
    approval: Approval,
    verdict: Verdict,
    choice: str,
    view: JobView | None,
    remembered: str,
    earlier: Decision | None = None,
) -> Block:
    """Return the form of a decision.

    Args:
        approval: what is decided on.
        verdict: what the person is about to say.
        choice: on which of the choices; empty for all.
        view: the job, where it is about checkpoints.
        remembered: what the submission needs to know, as text.
        earlier: what the person has decided already, which this would replace.
    """
    approves = verdict is Verdict.APPROVE
    candidate = view.evidence.of(choice) if approves and view and view.evidence else None
    broken = approval.broken.get(choice, ()) if approves else ()
    return {
        "type": "modal",
        "callback_id": FORM,
        "private_metadata": remembered,
        "title": plain(_title(approval, verdict, choice), 24),
        "submit": plain("Approve" if approves else "Reject", 24),
        "close": plain("Back", 24),
        "blocks": [
            section(_about(approval, verdict, choice, view, candidate)),
            *_overrides(broken, candidate),
            text_input(
                "Reason",
                block_id=REASON,
                action_id=REASON,
                hint="Your name, the time and this reason are shown with the decision.",
                most=MOST_REASON,
            ),
            context(" ".join(filter(None, [_replaced(approval, earlier), _consequence(approval, verdict)]))),
        ],
    }


def overridden(values: dict[str, Any]) -> tuple[str, ...]:
    """Return the guardrails that were set aside in the form.

    Args:
        values: `state.values` of the submission.
    """
    return tuple(
        str(option["value"])
        for block, entered in values.items()
        if block.startswith(OVERRIDE)
        for option in entered[OVERRIDE].get("selected_options") or ()
    )


def _title(approval: Approval, verdict: Verdict, choice: str) -> str:
    if approval.kind is ApprovalKind.CHECKPOINT:
        return f"Approve {approval.name_of(choice)}" if verdict is Verdict.APPROVE else "Reject all"
    return "Approve" if verdict is Verdict.APPROVE else "Reject"


def _about(approval: Approval, verdict: Verdict, choice: str, view: JobView | None, candidate: Candidate | None) -> str:
    head = f"*{escape(approval.task)}*, `{approval.subject}`"
    if verdict is Verdict.REJECT and approval.kind is ApprovalKind.CHECKPOINT:
        return f"{head}: all {len(approval.evidence)} checkpoints"
    lines = [head]
    if choice:
        lines.append(f"{escape(approval.name_of(choice))}: `{escape(approval.models.get(choice, choice))}`")
    if candidate:
        lines += _measured(candidate, view)
    return "\n".join(lines)


def _measured(candidate: Candidate, view: JobView | None) -> list[str]:
    """Return what was measured of a checkpoint, the reward first."""
    reward = view.job.reward if view else ""
    names = sorted(candidate.valid, key=lambda name: (name != reward, name))
    lines = [f"{escape(grader_name(name))} {_figure(candidate.valid[name])}" for name in names]
    against = {"the base model": candidate.versus_base, "the alias's model": candidate.versus_alias}
    lines += [f"Against {name}: {_versus(versus)}" for name, versus in against.items() if versus]
    return lines or ["No scores were measured."]


def _figure(figure: Figure) -> str:
    interval = "" if figure.low is None or figure.high is None else f" ({score(figure.low)} to {score(figure.high)})"
    return f"{score(figure.mean)}{interval}"


def _versus(versus: Versus) -> str:
    bounds = interval(versus.low, versus.high)
    return f"{signed(versus.mean)}{f' ({bounds})' if bounds else ''}, {versus.verdict.value}"


def _overrides(broken: tuple[str, ...], candidate: Candidate | None) -> list[Block]:
    if not broken:
        return []
    many = len(broken) > 1
    warning = (
        f"*Warning: it breaks {len(broken)} guardrail{'s' if many else ''}.* Approving it sets "
        f"{'them' if many else 'it'} aside; that is kept in the audit trail with your name and reason."
    )
    guards = {guard.grader: guard for guard in candidate.guards} if candidate else {}
    return [section(warning), *(_box(name, guards.get(name)) for name in broken)]


def _box(name: str, guard: Guard | None) -> Block:
    shown = grader_name(name)
    option: Block = {
        "text": plain(cut(f"Approve although {_why(name, shown)}", MOST_OPTION), MOST_OPTION),
        "value": cut(name, 150),
    }
    block: Block = {
        "type": "input",
        "block_id": f"{OVERRIDE}{name}"[:255],
        "label": plain(f"Guardrail {shown}" if name != NOT_EVALUATED else "Guardrail: evidence", 2000),
        "element": {"type": "checkboxes", "action_id": OVERRIDE, "options": [option]},
    }
    return {**block, "hint": plain(_numbers(guard), 2000)} if guard and name != NOT_EVALUATED else block


def _why(name: str, shown: str) -> str:
    return "it was not evaluated by me" if name == NOT_EVALUATED else f"{shown} may have fallen"


def _numbers(guard: Guard) -> str:
    against = "the alias's model" if guard.against is Role.ALIAS else "the base model"
    return (
        f"Changed by {signed(guard.change)} against {against}, with 95% confidence no worse than {signed(guard.low)}; "
        f"the task allows {signed(guard.allowed)}."
    )


def _replaced(approval: Approval, earlier: Decision | None) -> str:
    """Return what becomes of the decision that somebody has made already; empty where there is none."""
    if earlier is None:
        return ""
    of_one = f"approved {escape(approval.name_of(earlier.choice))}" if earlier.choice else "approved"
    did = of_one if earlier.verdict is Verdict.APPROVE else "rejected"
    return f"You {did} {moment(earlier.at)}; what you send now takes its place."


def _consequence(approval: Approval, verdict: Verdict) -> str:
    quorum, one = approval.quorum, approval.policy.one_rejection_settles
    if verdict is Verdict.APPROVE:
        what = "this checkpoint is the approved one" if approval.kind is ApprovalKind.CHECKPOINT else "it is approved"
        return f"With {quorum} approval{'s' if quorum != 1 else ''} {what}."
    if approval.kind is not ApprovalKind.CHECKPOINT:
        after = "" if one else f" together with {quorum - 1} more"
        return f"Your rejection settles it{after}."
    if one:
        return "One rejection settles it: no checkpoint of this job can be approved afterwards."
    return f"{quorum} rejections settle it: no checkpoint of this job can be approved afterwards."
