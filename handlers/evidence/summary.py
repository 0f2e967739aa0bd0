"""The message about a finished job's checkpoints: the verdict, the picture, the table, and their approval."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from charts import Chart, Estimate, EvaluatedModel, ModelKind, PrecisionRecall, ScoreIntervals, ScoreTokens, describe
from charts.wording import counted, on_scale
from handlers.approvals.messages import comparison_line, edition, ended, sign_off
from handlers.evidence.blocks import changed_blocks, checkpoint_blocks, choice_blocks, evidence_table
from handlers.evidence.platform_figures import SELECTION_NOTE, best_for, platform_chart, platform_opening
from handlers.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    context,
    cut,
    divider,
    escape,
    header,
    image,
    plain,
    section,
)
from jobs.approvals.records import Approval
from jobs.evidence.choose import Need, Preference, measured_needs
from jobs.evidence.records import Evidence, EvidenceState, Figure, Role
from jobs.tasks.records import NATURAL
from jobs.views.break_even import after_training
from jobs.views.checkpoint import CheckpointView, EvidenceView, evidence_view
from jobs.views.job import JobView

ReportLink = Callable[[str], str | None]
"""Returns a signed link to an eval's report, or None if nobody could follow one."""
PREFER: Final = "prefer_checkpoint"
TRAIN: Final = "act_on_eval:train"
"""A control of evals (`handlers.evals.cards.CONTROLS`): its value is typed after /eval."""
NEEDS: Final = {
    Need.PRECISION: "A wrong label costs more",
    Need.RECALL: "A missing label costs more",
    Need.F1: "Both cost alike",
    Need.F2: "A missing label costs twice",
    Need.CHEAPEST: "Cheapest that is as good",
}
"""What a person may prefer, and what that means."""
SPLITS: Final = {"valid": "validation split", "test": "test split", NATURAL: "natural validation split"}
MOST_TEXT: Final = 3900


def no_link(_eval: str) -> str | None:
    """Stand for links if nobody could follow one."""
    return None


# -- the picture ------------------------------------------------------------------------------------------------------


def chart_of(view: JobView, preference: Preference | None = None) -> Chart | None:
    """Return the picture of a job's checkpoints: of the evidence or, without any, of the platform's own figures.

    Whoever prefers the cheapest sees scores against tokens. None while evidence is gathered: the picture would soon be
    replaced.
    """
    shown = evidence_view(view.job, view.evidence)
    if shown.is_ready and preference and preference.need is Need.CHEAPEST:
        return tokens_chart(shown, preference)
    if shown.is_ready:
        return evidence_chart(shown)
    return None if shown.state is EvidenceState.GATHERING else platform_chart(shown)


def evidence_chart(view: EvidenceView) -> Chart:
    """Return the picture of finished evidence; its title is the verdict."""
    models = tuple(_drawn(each, view.job.reward) for each in view.models)
    subtitle = f"{view.job.task} \u00b7 {view.job.id} \u00b7 {view.sample}"
    if view.has_precision_and_recall:
        return PrecisionRecall(view.conclusion.headline, models, subtitle)
    return ScoreIntervals(view.conclusion.headline, models, view.reward, subtitle)


def tokens_chart(view: EvidenceView, preference: Preference) -> ScoreTokens:
    """Return the picture of what a better score costs in tokens: of reasoning, where the platform reports them."""
    models = [each.measured for each in view.models]
    reasons = all(each.reasoning_tokens for each in models)
    chosen = preference.candidates[0]
    drawn = (
        replace(
            _drawn(each, view.job.reward),
            tokens=each.measured.reasoning_tokens if reasons else each.measured.output_tokens,
            chosen=each.measured is chosen,
        )
        for each in view.models
    )
    return ScoreTokens(
        title=preference.title,
        models=tuple(drawn),
        score=view.reward,
        tokens="reasoning tokens of an answer" if reasons else "tokens of an answer",
        subtitle=f"{view.job.task} \u00b7 {view.job.id} \u00b7 {view.sample}",
    )


def _drawn(model: CheckpointView, reward: str) -> EvaluatedModel:
    kind: ModelKind = "base" if model.measured.role is Role.BASE else "checkpoint"
    precision, recall, score = (_estimate(model.measured.valid.get(name)) for name in ("precision", "recall", reward))
    shown = "alias" if model.is_in_use else kind
    return EvaluatedModel(model.measured.name, shown, precision, recall, score, model.is_best)


def _estimate(value: Figure | None) -> Estimate:
    return Estimate(value.mean, value.low, value.high) if value else Estimate(None)


# -- the message ------------------------------------------------------------------------------------------------------


def summary(
    view: JobView,
    file: str | None,
    report_link: ReportLink = no_link,
    preference: Preference | None = None,
) -> Message:
    """Return a job's checkpoints: the verdict, the picture, the table, each in words, and their approval.

    Args:
        view: the job.
        file: the picture, by Slack's file id.
        report_link: makes a link to an eval's report.
        preference: what a person needs; if given, the checkpoints are in its order and its reason comes first.
    """
    shown = evidence_view(view.job, view.evidence)
    blocks = [header(f"{counted(len(view.job.checkpoints), 'checkpoint')} of {view.job.task}")]
    opening = [escape(preference.reason)] if preference else []
    blocks.append(section("\n".join([*opening, *_opening(shown, view)])))
    if file and (chart := chart_of(view, preference)):
        caption = chart.tokens.capitalize() if isinstance(chart, ScoreTokens) else _caption(shown)
        blocks.append(image(file, describe(chart), caption))
    pays = after_training(shown, view.series, view.profile, view.elsewhere).sentence
    blocks += _body(shown, view.approval, preference, pays)
    blocks += () if shown.is_awaited else _reports(shown.evidence, report_link)
    if shown.is_ready and len(shown.checkpoints) > 1 and (needs := measured_needs(shown.evidence)):
        menu = preference_menu(view.job.id, needs)
        blocks.append(actions(menu, block_id=f"prefer:{view.job.id}:{edition(view.approval)}:{shown.evidence.round}"))
    if shown.is_ready and view.job.has_task and (train := _train_too(shown)):
        blocks.append(actions(train, block_id=f"train:{view.job.id}:{shown.evidence.round}"))
    blocks.append(divider())
    if view.approval is None and shown.state is EvidenceState.GATHERING:
        blocks.append(context("Nobody is asked yet: the approval request comes with the evidence."))
    else:
        blocks += sign_off(view.job, view.approval, view.aliases)
    return Message(_text(shown, view.approval), tuple(blocks))


def _body(view: EvidenceView, approval: Approval | None, preference: Preference | None, pays: str) -> Iterator[Block]:
    """Yield the table if there is evidence, each checkpoint, and what is to be known about the choice among them."""
    order = preference.candidates if preference else tuple(each.measured for each in view.checkpoints)
    in_order = sorted(view.checkpoints, key=lambda each: order.index(each.measured))
    if view.is_ready:
        yield evidence_table(view)
        yield from choice_blocks(view, pays)
    elif served := best_for(view):
        yield section(served)
    yield from checkpoint_blocks(view, approval, in_order)
    if view.is_ready:
        yield from changed_blocks(view)
    else:
        yield context(SELECTION_NOTE)


def _train_too(view: EvidenceView) -> Block | None:
    """Return the button that asks base and best checkpoint the training items too; None without a best one."""
    base, best = view.evidence.base, view.best
    if base is None or best is None or not best.measured.before_after:
        return None
    models = f"{base.model},{best.measured.model}"
    asked = f"task={view.job.task} platform={view.job.platform} model={models} split=train runs={view.evidence.runs}"
    return button("Before and after on train", TRAIN, f"run|{asked}")


def preference_menu(job_id: str, needs: Sequence[Need]) -> Block:
    """Return the menu that lists the checkpoints by one of these needs."""
    options = [
        {"text": plain(f"{NEEDS[need]} ({need})", 75), "value": f"{job_id}|{need}"} for need in NEEDS if need in needs
    ]
    placeholder = plain("Choose by what you need", 150)
    return {"type": "static_select", "action_id": PREFER, "placeholder": placeholder, "options": options}


def _reports(evidence: Evidence, report_link: ReportLink) -> Iterator[Block]:
    """Yield where every answer can be read: behind a link, or in the files in the thread."""
    links = [(SPLITS[split], eval_id, report_link(eval_id)) for split, eval_id in evidence.evals.items()]
    if links and all(link for _, _, link in links):
        told = ", ".join(f"<{link}|{name}>" for name, _, link in links)
        yield context(f"Every answer, item by item: {told}; also as files in the job's thread.")
    elif links:
        told = ", ".join(f"{name} `{eval_id}`" for name, eval_id, _ in links)
        yield context(f"Every answer, item by item: in the report files in the job's thread ({told}).")


# -- the words --------------------------------------------------------------------------------------------------------


def _opening(view: EvidenceView, of: JobView) -> list[str]:
    approval = of.approval
    settled = [ended(approval)] if approval and approval.settled else []
    match view.state:
        case EvidenceState.READY:
            judged = [escape(each.sentence) for each in of.agreements]
            if judged and view.evidence.valid_eval:
                judged[-1] += f" `/eval review {view.evidence.valid_eval}` draws some for you to check."
            return [*settled, *_verdict(view, is_settled=bool(settled)), *judged]
        case EvidenceState.FAILED:
            why = escape(view.evidence.note or "The reason is not known.")
            return [*settled, f"*I could not evaluate them.* {why}", "What follows are the platform's own figures."]
        case EvidenceState.GATHERING:
            return [*settled, _gathering(view.evidence), escape(platform_opening(view))]
        case _:
            return [*settled, escape(platform_opening(view))]


def _verdict(view: EvidenceView, *, is_settled: bool) -> list[str]:
    """Return the verdict on the best checkpoint, how it stands against the base as well, and what is missing."""
    job, best, count = view.job, view.best, len(view.checkpoints)
    lines = [f"*{escape(view.headline)}.*"]
    if best and best.against_alias and best.against_base:
        lines.append(comparison_line(best.against_base))
    if best and best.measured.broken_guards and view.conclusion.best:
        lines.append(f"{best.title} breaks a guardrail, so it is not recommended.")
    if best and best.is_worse_naturally and view.conclusion.best:
        lines.append(f"{best.title} is worse on {NATURAL}, distributed as production is, so it is not recommended.")
    if best and best.worse_slices:
        lines.append(f"*{escape(best.worse_slices)}*")
    if best and best.measured.splits_disagree:
        lines.append(f"*{escape(best.measured.splits_disagree)}*")
    if best and best.measured.before_after:
        lines.append(escape(best.measured.before_after))
    if view.evidence.alias is None and not is_settled:
        lines.append(f"{escape(job.task)}@{escape(job.alias)} points at nothing yet.")
    adjusted = f"; adjusted for {count} comparisons (Holm)" if count > 1 else ""
    lines.append(f"Measured on {view.sample}, compared item by item{adjusted}{on_scale(view.evidence.scale)}.")
    if constrained := _constrained(view.evidence):
        lines.append(constrained)
    return [*lines, escape(view.evidence.note)] if view.evidence.note else lines


def _constrained(evidence: Evidence) -> str:
    """Return whether answers were held to the task's schema, in training and here; "" if that is not known."""
    here, training = evidence.constrained, evidence.constrained_in_training
    if here is None or training is None:
        return ""
    if here is training:
        return f"Answers were {'' if here else 'not '}held to a schema, in training and here alike."
    held = "in training, and not here" if training else "here, and not in training"
    return f"Answers were held to a schema {held}: format errors count differently."


def _gathering(evidence: Evidence) -> str:
    models = f"{counted(len(evidence.checkpoints), 'checkpoint')} and the base model"
    again = " again" if evidence.round > 1 else ""
    done = f"{evidence.answered:,} of {evidence.total:,} answers" if evidence.total else "about to begin"
    return (
        f"*Evaluating {models}{again}:* {done}. The verdict comes when that is done; until then these are the "
        "platform's own figures."
    )


def _caption(view: EvidenceView) -> str:
    if not view.is_ready:
        return "Scores on the validation split, as the platform reports them"
    if not view.has_precision_and_recall:
        return "Mean scores on the validation split"
    return "Mean scores on the validation split; the F1 lines are of mean precision and mean recall"


def _text(view: EvidenceView, approval: Approval | None) -> str:
    """Return what notifications and screen readers say: the verdict and every checkpoint's scores."""
    standing = "settled" if approval and approval.settled else "waiting for approval" if approval else "kept"
    verdict = f" {view.headline}." if view.is_ready else ""
    rows = [f"{each.measured.name}: {_listed(view.scores_of(each))}" for each in view.models]
    text = f"Checkpoints of {view.job.task} ({view.job.id}), {standing}.{verdict} {'; '.join(rows)}."
    return cut(escape(text), MOST_TEXT)


def _listed(scores: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in scores.items())
