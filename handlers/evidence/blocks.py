"""The evidence as blocks: the table of models, a section for each checkpoint, and what changed between them."""

from collections.abc import Iterator, Sequence
from typing import Final

from charts.wording import apart, columns, grader_name, money, number, score
from handlers.approvals.messages import approve_button, comparison_line, edition, vote_lines
from handlers.slack.blocks import Block, context, cut, escape, quoted, section
from jobs.approvals.records import Approval
from jobs.evidence.measure import NOT_EVALUATED
from jobs.evidence.plan import VALID
from jobs.evidence.records import ChangedItem, Guard, Role
from jobs.tasks.records import NATURAL, headline_of
from jobs.views.checkpoint import CheckpointView, EvidenceView, capitalized

MOST_DETAILED: Final = 6
"""More checkpoints than this get a line or two each, or the message would be longer than Slack takes."""
MOST_CHECKPOINTS: Final = 24
MOST_CHANGED: Final = 3
MOST_ROWS: Final = 24
MOST_NAME: Final = 40
SHOWN_TEXT: Final = 140
MOST_BESIDE: Final = 1_500
MOST_COLUMN: Final = 24


# -- the table --------------------------------------------------------------------------------------------------------


def evidence_table(view: EvidenceView) -> Block:
    """Return the table: models by row, the most important figures at the left, where a phone shows them first.

    A figure that is unknown or nothing for all models has no column; `same_for_all` says it.
    """
    models = view.models[:MOST_ROWS]
    columns = {"Model": [_name(each) for each in models]}
    for grader in _graders(view)[0]:
        title = capitalized(grader_name(grader))
        columns[title] = [each.score(grader) for each in models]
        if grader == view.job.reward:
            columns |= _comparisons(view, models)
            if any(grader in each.measured.natural for each in models):
                columns[f"{title} on {NATURAL}"] = [each.score(grader, NATURAL) for each in models]
            if any(grader in each.measured.test for each in models):
                columns[f"{title} on the test split"] = [each.score(grader, "test") for each in models]
    if any(each.measured.reasoning_tokens for each in models):
        columns["Reasoning tokens"] = [_count(each.measured.reasoning_tokens) for each in models]
    if any(each.measured.cost for each in models):
        columns["1,000 calls"] = [money(each.measured.cost) for each in models]
    rows = [tuple(columns), *zip(*columns.values(), strict=True)]
    return {
        "type": "table",
        "rows": [[{"type": "raw_text", "text": text} for text in row] for row in rows],
        "column_settings": [{"align": "left" if index == 0 else "right"} for index in range(len(columns))],
    }


def _graders(view: EvidenceView) -> tuple[list[str], list[str]]:
    """Return the graders of the table, the reward first, and those that are told in words."""
    known = dict.fromkeys(grader for each in view.models for grader in each.measured.valid)
    headline = headline_of(view.job.reward, known, view.evidence.headline)
    return [name for name in headline if name in known], [name for name in known if name not in headline]


def _beside(view: EvidenceView) -> Iterator[str]:
    """Yield what the graders that are in no column gave each model, a line for each grader."""
    for grader in _graders(view)[1]:
        scores = ", ".join(f"{each.measured.name} {each.score(grader)}" for each in view.models[:MOST_ROWS])
        yield f"{capitalized(grader_name(grader))}: {scores}."


def _name(model: CheckpointView) -> str:
    is_marked = model.is_in_use and model.measured.role is not Role.ALIAS
    return cut(model.measured.name, MOST_NAME) + (" (in use)" if is_marked else "")


def _comparisons(view: EvidenceView, models: Sequence[CheckpointView]) -> dict[str, list[str]]:
    columns = {"Against the base": [each.against_base.brief if each.against_base else "\u2013" for each in models]}
    if any(each.against_alias for each in models):
        cells = [each.against_alias.brief if each.against_alias else "\u2013" for each in models]
        columns[f"Against {view.alias}"] = cells
    return columns


def _count(tokens: float | None) -> str:
    return "unknown" if tokens is None else f"{tokens:,.0f}"


def same_for_all(view: EvidenceView) -> str:
    """Return which costs are the same for all models and so stand in no table: unknown, or nothing at all."""
    lines, models = [], [each.measured for each in view.models]
    if all(each.cost == 0 for each in models):
        lines.append("Calls cost nothing with any of them.")
    if all(each.cost is None for each in models):
        lines.append("Cost of 1,000 calls: unknown, because the platform's profile names no price.")
    if all(each.reasoning_tokens == 0 for each in models):
        lines.append("Reasoning tokens: 0 with each of them.")
    if all(each.reasoning_tokens is None for each in models):
        tokens = [f"{each.name} {each.output_tokens:,.0f}" for each in models if each.output_tokens]
        told = f" Tokens of an answer: {', '.join(tokens[:MOST_DETAILED])}." if tokens else ""
        lines.append(f"Reasoning tokens: not reported by the platform.{told}")
    return "\n".join(lines)


# -- the checkpoints --------------------------------------------------------------------------------------------------


def checkpoint_blocks(
    view: EvidenceView, approval: Approval | None, checkpoints: Sequence[CheckpointView]
) -> Iterator[Block]:
    """Yield a section for each checkpoint, in the order given, with the button that approves it."""
    for checkpoint in checkpoints[:MOST_CHECKPOINTS]:
        measured = checkpoint.measured
        choice = measured.checkpoint or ""
        lines = [_heading(view, checkpoint)]
        lines += _brief(checkpoint) if len(checkpoints) > MOST_DETAILED else _detailed(view, checkpoint)
        lines += vote_lines(approval, choice)
        block_id = f"checkpoint:{view.job.id}:{measured.step}:{edition(approval)}:{view.evidence.round}"
        is_best = checkpoint is view.recommended
        control = None if view.is_awaited else approve_button(approval, checkpoint, recommended=is_best)
        yield section("\n".join(lines), block_id=block_id, accessory=control)
    if len(checkpoints) > MOST_CHECKPOINTS:
        yield context(f"{len(checkpoints) - MOST_CHECKPOINTS} more checkpoints are not shown here.")


def _heading(view: EvidenceView, checkpoint: CheckpointView) -> str:
    if view.is_ready:
        rank = "recommended, " if checkpoint is view.recommended and len(view.checkpoints) > 1 else ""
        scored = escape(f"{rank}{view.reward} {checkpoint.score(view.job.reward)}")
    else:
        scored = " \u00b7 ".join(f"{escape(name)} *{value}*" for name, value in view.scores_of(checkpoint).items())
    return f"*{escape(checkpoint.title)}* \u00b7 {scored}\n`{escape(checkpoint.measured.model)}`"


def _brief(checkpoint: CheckpointView) -> list[str]:
    parts = [f"against the base: {checkpoint.against_base.brief}"] if checkpoint.against_base else []
    broken = (name for name in checkpoint.measured.broken_guards if name != NOT_EVALUATED)
    parts += [f"breaks the guardrail {escape(name)}" for name in broken]
    return ["; ".join(parts)] if parts else []


def _detailed(view: EvidenceView, checkpoint: CheckpointView) -> list[str]:
    """Return everything that is known of a checkpoint besides the table's figures, a line each."""
    measured = checkpoint.measured
    compared = [each for each in (checkpoint.against_base, checkpoint.against_alias) if each]
    lines = [comparison_line(each) for each in compared]
    lines += filter(
        None,
        [escape(checkpoint.worse_slices), _on_both(view, checkpoint), checkpoint.leaning, _price(view, checkpoint)],
    )
    lines += [_guard(view, guard) for guard in measured.guards if guard.is_broken]
    if measured.coverage and measured.coverage.remark:
        lines.append(f"{capitalized(measured.coverage.remark)}.")
    elif measured.failures:
        total = measured.answers + measured.failures
        lines.append(f"{measured.failures:,} of {total:,} answers are missing; they count in no score.")
    if measured.shutdown:
        lines.append(f"The platform switches this model off on {escape(measured.shutdown)}.")
    return lines


def _slices(view: EvidenceView) -> str:
    """Return what the base, the best checkpoint and what is in use scored by slice, in columns; "" without slices."""
    shown = [each for each in view.models if each.is_best or each.is_in_use or each.measured.role is Role.BASE]
    if not view.evidence.slices:
        return ""
    head = ["", "items", *(cut(each.measured.name, MOST_COLUMN) for each in shown)]
    rows = [
        [
            cut(one.name, MOST_COLUMN),
            f"{one.items:,}",
            *(score(one.means.get(each.measured.model), missing="-") for each in shown),
        ]
        for one in view.evidence.slices
    ]
    return escape(cut(columns([head, *rows]), MOST_BESIDE))


def _on_both(view: EvidenceView, checkpoint: CheckpointView) -> str:
    """Return the scores on both validation splits next to each other, and whether they disagree; "" for one split."""
    measured, reward = checkpoint.measured, view.job.reward
    if reward not in measured.natural:
        return ""
    told = []
    for split in (VALID, NATURAL):
        over = measured.over_labels.get(split)
        labels = f", micro F1 {number(over[0])}, macro F1 {number(over[1])}" if over else ""
        told.append(f"{split}: {escape(view.reward)} {checkpoint.score(reward, split)}{labels}")
    return "\n".join(filter(None, [" \u00b7 ".join(told), escape(measured.splits_disagree)]))


def _price(view: EvidenceView, checkpoint: CheckpointView) -> str:
    """Return what answers cost against the base; what is nothing with all models is left to `same_for_all`."""
    measured, base, parts = checkpoint.measured, view.evidence.base, []
    if measured.cost is not None and any(each.cost != 0 for each in view.evidence.candidates):
        known = base.cost if base else None
        parts.append(f"1,000 calls cost {money(measured.cost)} (base {money(known)}{_more(measured.cost, known)})")
    tokens = measured.reasoning_tokens
    if tokens is not None and any(each.reasoning_tokens != 0 for each in view.evidence.candidates):
        known = base.reasoning_tokens if base else None
        parts.append(f"{tokens:,.0f} reasoning tokens an answer (base {_count(known)}{_more(tokens, known)})")
    return f"{'; '.join(parts)}." if parts else ""


def _more(mine: float, base: float | None) -> str:
    return f", {100 * (mine / base - 1):+.0f}%" if base else ""


def _guard(view: EvidenceView, guard: Guard) -> str:
    if guard.grader == NOT_EVALUATED:
        return "*Not evaluated by me:* approving it needs that to be set aside explicitly, which is recorded."
    words = escape(view.guard_words(guard))
    return f"*Breaks a guardrail:* {words} Approving it needs an override, which is recorded."


# -- the choice -------------------------------------------------------------------------------------------------------


def choice_blocks(view: EvidenceView, pays: str) -> Iterator[Block]:
    """Yield what the choice of the best checkpoint is worth, which costs all models share, and whether it `pays`."""
    if beside := list(_beside(view)):
        yield context(escape(cut("\n".join(beside), MOST_BESIDE)))
    if sliced := _slices(view):
        yield section(f"*By slice*, {escape(view.reward)}\n```{sliced}```")
    if notes := [note for note in (view.selection_note, same_for_all(view), pays) if note]:
        yield context(escape("\n".join(notes)))


def changed_blocks(view: EvidenceView) -> Iterator[Block]:
    """Yield the items that tuning changed most, under the best checkpoint."""
    if view.best and (
        lines := _changed("Fixed", view.best.measured.fixed) + _changed("Broken", view.best.measured.broken)
    ):
        heading = f"*What tuning changed most* ({escape(view.best.measured.name)} against the base model)"
        yield section("\n".join([heading, *lines]))


def _changed(what: str, items: Sequence[ChangedItem]) -> list[str]:
    scores = {each.item: apart(each.before, each.after) for each in items}
    return [
        f"{what}: `{escape(cut(each.item, 40))}` {scores[each.item][0]} \u2192 {scores[each.item][1]}"
        + (f" \u00b7 {quoted(each.text, SHOWN_TEXT)}" if each.text else "")
        for each in items[:MOST_CHANGED]
    ]
