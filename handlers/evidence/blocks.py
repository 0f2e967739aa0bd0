"""What the evidence says of each checkpoint, and of the choice among them, as blocks."""

from collections.abc import Iterator, Sequence
from typing import Final

from handlers.approvals.approval_blocks import approve_button, edition, vote_lines
from handlers.evidence.table import costs, money, reasoning
from handlers.evidence.words import against, best_of, bias_note, capital, figure, leaning, signed
from handlers.slack.blocks import Block, context, cut, escape, section
from jobs.approvals.records import Approval
from jobs.core.records import Job
from jobs.evidence.records import Candidate, ChangedItem, Evidence, Guard, Role
from jobs.views.wording import grader_name

MOST_DETAILED: Final = 6
"""More checkpoints than this are each told in a line or two, or the message would be longer than Slack takes."""
MOST_CHECKPOINTS: Final = 24
MOST_CHANGED: Final = 3
SHOWN_TEXT: Final = 140
NOT_EVALUATED: Final = "evidence"
"""The guardrail that a checkpoint breaks which could not be evaluated."""


def checkpoint_blocks(
    job: Job, evidence: Evidence, approval: Approval | None, order: Sequence[Candidate]
) -> Iterator[Block]:
    """Yield a section for each checkpoint, with the button that approves it."""
    best = best_of(evidence, job.reward)
    brief = len(order) > MOST_DETAILED
    for candidate in order[:MOST_CHECKPOINTS]:
        lines = [_heading(job, evidence, candidate, is_best=candidate is best)]
        lines += _brief(candidate) if brief else _detailed(evidence, candidate)
        lines += vote_lines(approval, candidate.checkpoint or "")
        block_id = f"checkpoint:{job.id}:{candidate.step}:{edition(approval)}:{evidence.round}"
        control = approve_button(approval, candidate.checkpoint or "", candidate.name, candidate.digest)
        yield section("\n".join(lines), block_id=block_id, accessory=control)
    if len(order) > MOST_CHECKPOINTS:
        yield context(f"{len(order) - MOST_CHECKPOINTS} more checkpoints are not shown here.")


def _heading(job: Job, evidence: Evidence, candidate: Candidate, *, is_best: bool) -> str:
    reward = grader_name(job.reward)
    several = sum(each.role is Role.CHECKPOINT for each in evidence.candidates) > 1
    rank = f"highest {reward}, " if is_best and several else f"{reward} "
    scored = escape(f"{rank}{figure(candidate.valid.get(job.reward))}")
    return f"*{escape(capital(candidate.name))}* \u00b7 {scored}\n`{escape(candidate.model)}`"


def _brief(candidate: Candidate) -> list[str]:
    versus = candidate.versus_base
    told = [f"{signed(versus.mean)} against the base: {versus.verdict}"] if versus else []
    broken = [f"breaks the guardrail {escape(name)}" for name in candidate.broken_guards if name != NOT_EVALUATED]
    return ["; ".join([*told, *broken])] if told or broken else []


def _detailed(evidence: Evidence, candidate: Candidate) -> list[str]:
    """Return everything that is known of a checkpoint beside the table's figures, a line each."""
    lines = []
    if candidate.versus_base:
        lines.append(against("the base model", candidate.versus_base))
    if candidate.versus_alias:
        lines.append(against(evidence.alias or "what is in use", candidate.versus_alias))
    lines += filter(None, [leaning(candidate), _price(candidate, evidence)])
    lines += [_guard(guard, evidence) for guard in candidate.guards if guard.is_broken]
    if candidate.failures:
        total = candidate.answers + candidate.failures
        lines.append(f"{candidate.failures:,} of {total:,} answers are missing; they count in no score.")
    if candidate.shutdown:
        lines.append(f"The platform switches this model off on {escape(candidate.shutdown)}.")
    return lines


def _price(candidate: Candidate, evidence: Evidence) -> str:
    """Return what answers cost against the base; a figure that is the same nothing for all is left to the note."""
    base, parts = evidence.base, []
    if candidate.cost is not None and not _is_nothing(costs(evidence)):
        known = base.cost if base else None
        parts.append(f"1,000 calls cost {money(candidate.cost)} (base {money(known)}{_more(candidate.cost, known)})")
    if candidate.reasoning_tokens is not None and not _is_nothing(reasoning(evidence)):
        mine, known = candidate.reasoning_tokens, base.reasoning_tokens if base else None
        told = "unknown" if known is None else f"{known:,.0f}"
        parts.append(f"{mine:,.0f} reasoning tokens an answer (base {told}{_more(mine, known)})")
    return f"{'; '.join(parts)}." if parts else ""


def _is_nothing(values: Sequence[float | None]) -> bool:
    return all(value == 0 for value in values)


def _more(mine: float, base: float | None) -> str:
    return f", {100 * (mine / base - 1):+.0f}%" if base else ""


def _guard(guard: Guard, evidence: Evidence) -> str:
    if guard.grader == NOT_EVALUATED:
        return "*Not evaluated by me:* approving it needs that to be set aside in so many words, which is recorded."
    other = evidence.alias or "what is in use" if guard.against is Role.ALIAS else "the base model"
    return (
        f"*Breaks a guardrail:* {escape(grader_name(guard.grader))} {signed(guard.change)} against {escape(other)}, "
        f"with 95% confidence no worse than {signed(guard.low)}; the task allows {signed(guard.allowed)}. Approving it "
        "needs an override, which is recorded."
    )


def choice_blocks(job: Job, evidence: Evidence) -> Iterator[Block]:
    """Yield what the choice of the best checkpoint is worth, and what is alike of all."""
    best = best_of(evidence, job.reward)
    notes = [bias_note(best, evidence, job.reward) if best else "", alike(evidence)]
    if any(notes):
        yield context(escape("\n".join(filter(None, notes))))


def changed_blocks(job: Job, evidence: Evidence) -> Iterator[Block]:
    """Yield the items that tuning changed most, under the best checkpoint."""
    best = best_of(evidence, job.reward)
    if best and (changed := [*_changed("Fixed", best.fixed), *_changed("Broken", best.broken)]):
        yield section("\n".join([f"*What tuning changed most* ({escape(best.name)} against the base model)", *changed]))


def alike(evidence: Evidence) -> str:
    """Return what is the same of all models and so stands in no table: unknown, or nothing at all."""
    lines = []
    if _is_nothing(costs(evidence)):
        lines.append("Calls cost nothing with any of them.")
    if all(each is None for each in costs(evidence)):
        lines.append("Cost of 1,000 calls: unknown, for the platform's profile names no price.")
    if _is_nothing(reasoning(evidence)):
        lines.append("Reasoning tokens: 0 with each of them.")
    if all(each is None for each in reasoning(evidence)):
        answers = [f"{each.name} {each.output_tokens:,.0f}" for each in evidence.candidates if each.output_tokens]
        told = f" Tokens of an answer: {', '.join(answers[:MOST_DETAILED])}." if answers else ""
        lines.append(f"Reasoning tokens: not reported by the platform.{told}")
    return "\n".join(lines)


def _changed(what: str, items: Sequence[ChangedItem]) -> list[str]:
    return [
        f"{what}: `{escape(cut(each.item, 40))}` {each.before:.2f} \u2192 {each.after:.2f}"
        + (f" \u00b7 {escape(cut(' '.join(each.text.split()), SHOWN_TEXT))}" if each.text else "")
        for each in items[:MOST_CHANGED]
    ]
