"""How a finished job's checkpoints and their approval look. No Slack call is made here."""

from collections.abc import Callable, Iterator, Sequence

from charts import Chart, describe
from handlers.approvals.approval_blocks import APPROVE, REJECT, edition, settled_line, sign_off
from handlers.evidence.blocks import changed_blocks, checkpoint_blocks, choice_blocks
from handlers.evidence.chart import evidence_chart, sample
from handlers.evidence.platform_figures import comparison, platform_blocks, platform_opening, platform_text
from handlers.evidence.preference import preference_menu
from handlers.evidence.table import evidence_table
from handlers.evidence.words import best_of, checkpoints_of, figure, headline, sentence_of, word_of_test_split
from handlers.slack.blocks import Block, Message, actions, context, cut, divider, escape, header, image, section
from jobs.core.records import Job
from jobs.evidence.choose import measured_needs
from jobs.evidence.records import Candidate, Evidence, EvidenceState
from jobs.views.job import JobView
from jobs.views.wording import grader_name

__all__ = ["APPROVE", "REJECT", "chart_of", "comparison", "settled_line", "summary"]

ReportLink = Callable[[str], str | None]
"""Returns a signed link to an eval's report, or None where nobody could follow one."""
MOST_TEXT = 3900


def no_link(_eval: str) -> str | None:
    """Stand for links where nobody could follow one."""
    return None


def chart_of(view: JobView) -> Chart | None:
    """Return the picture of a job's checkpoints: of the evidence, or of the platform's own figures where there is none.

    None while evidence is gathered: what would be shown is about to be replaced.
    """
    match view.evidence.state if view.evidence else None:
        case EvidenceState.READY if view.evidence:
            return evidence_chart(view.job, view.evidence)
        case EvidenceState.GATHERING:
            return None
        case _:
            return comparison(view)


def summary(
    view: JobView,
    file: str | None,
    report_link: ReportLink = no_link,
    *,
    order: Sequence[Candidate] = (),
    opening: str = "",
) -> Message:
    """Return a job's checkpoints: the verdict, the picture, the table, each in words, and their approval.

    Args:
        view: the job.
        file: the picture, by Slack's file id.
        report_link: makes a link to an eval's report.
        order: the checkpoints as they are to be listed; by step where it is empty.
        opening: what is said before everything else, as mrkdwn.
    """
    job, evidence, approval = view.job, view.evidence, view.approval
    count = len(job.checkpoints)
    blocks: list[Block] = [header(f"{count} checkpoint{'s' if count != 1 else ''} of {job.task}")]
    blocks.append(section("\n".join(filter(None, [opening, *_opening(view)]))))
    chart = chart_of(view)
    if file and chart:
        blocks.append(image(file, describe(chart), _caption(view)))
    if evidence and evidence.is_done:
        blocks += _evidence_blocks(view, evidence, report_link, order)
    else:
        blocks += platform_blocks(view)
    blocks.append(divider())
    if approval is None and evidence and evidence.state is EvidenceState.GATHERING:
        blocks.append(context("Nobody is asked yet: the approval request comes with the evidence."))
    else:
        blocks += sign_off(job, approval, view.aliases)
    return Message(_text(view), tuple(blocks))


def _evidence_blocks(
    view: JobView, evidence: Evidence, report_link: ReportLink, order: Sequence[Candidate]
) -> Iterator[Block]:
    is_ready = evidence.state is EvidenceState.READY
    if is_ready:
        yield evidence_table(view.job, evidence)
        yield from choice_blocks(view.job, evidence)
    yield from checkpoint_blocks(view.job, evidence, view.approval, order or checkpoints_of(evidence))
    yield from changed_blocks(view.job, evidence)
    if reports := _reports(evidence, report_link):
        yield context(reports)
    needs = measured_needs(evidence) if is_ready and len(checkpoints_of(evidence)) > 1 else ()
    if needs:
        menu = preference_menu(view.job.id, needs)
        yield actions(menu, block_id=f"prefer:{view.job.id}:{edition(view.approval)}:{evidence.round}")


def _reports(evidence: Evidence, report_link: ReportLink) -> str:
    """Return where every answer can be read: behind a link, or in the files in the thread."""
    evals = [("validation split", evidence.valid_eval), ("test split", evidence.test_eval)]
    links = [(name, eval_id, report_link(eval_id)) for name, eval_id in evals if eval_id]
    if not links:
        return ""
    if all(link for _, _, link in links):
        told = ", ".join(f"<{link}|{name}>" for name, _, link in links)
        return f"Every answer, item by item: {told}; also as files in the job's thread."
    told = ", ".join(f"{name} `{eval_id}`" for name, eval_id, _ in links)
    return f"Every answer, item by item: in the report files in the job's thread ({told})."


def _opening(view: JobView) -> list[str]:
    job, evidence, approval = view.job, view.evidence, view.approval
    settled = [settled_line(job, approval)] if approval and approval.settled else []
    match evidence.state if evidence else None:
        case EvidenceState.READY if evidence:
            return [*settled, *_verdict(job, evidence, is_settled=bool(settled))]
        case EvidenceState.GATHERING if evidence:
            return [*settled, _gathering(evidence), escape(platform_opening(job))]
        case EvidenceState.FAILED if evidence:
            why = escape(evidence.note or "The reason is not known.")
            return [*settled, f"*I could not evaluate them.* {why}", "What follows are the platform's own figures."]
        case _:
            return [*settled, escape(platform_opening(job))]


def _verdict(job: Job, evidence: Evidence, *, is_settled: bool) -> list[str]:
    """Return the verdict on the best checkpoint against the base and against what is in use, and what is missing."""
    best = best_of(evidence, job.reward)
    lines = [f"*{escape(headline(job, evidence))}.*"]
    if best and (tested := word_of_test_split(best)):
        lines.append(tested)
    if best and best.versus_alias:
        other = evidence.alias or "what is in use"
        lines.append(f"{escape(sentence_of(best, best.versus_alias, other, grader_name(job.reward)))}.")
    elif evidence.alias is None and not is_settled:
        lines.append(f"{escape(job.task)}@{escape(job.alias)} points at nothing yet.")
    count = len(checkpoints_of(evidence))
    adjusted = f"; verdicts hold for all {count} checkpoints together (Holm)" if count > 1 else ""
    lines.append(f"Measured on {sample(job, evidence)}, compared item by item{adjusted}.")
    if evidence.note:
        lines.append(escape(evidence.note))
    return lines


def _gathering(evidence: Evidence) -> str:
    count = len(evidence.checkpoints)
    models = f"{count} checkpoint{'s' if count != 1 else ''} and the base model"
    again = " again" if evidence.round > 1 else ""
    done = f"{evidence.answered:,} of {evidence.total:,} answers" if evidence.total else "about to begin"
    return (
        f"*Evaluating {models}{again}:* {done}. The verdict comes when that is done; until then these are the "
        "platform's own figures."
    )


def _caption(view: JobView) -> str:
    evidence = view.evidence
    if evidence is None or evidence.state is not EvidenceState.READY:
        return "Scores on the validation split, as the platform reports them"
    if not any({"precision", "recall"} <= each.valid.keys() for each in evidence.candidates):
        return "Mean scores on the validation split"
    return "Means over items. The F1 lines are of these two means; the table's F1 is the mean of each item's own"


def _text(view: JobView) -> str:
    """Return what notifications and screen readers say: the verdict and every checkpoint's reward."""
    job, evidence, approval = view.job, view.evidence, view.approval
    standing = "settled" if approval and approval.settled else "waiting for approval" if approval else "kept"
    head = f"Checkpoints of {job.task} ({job.id}), {standing}."
    if evidence is None or not evidence.is_done:
        return cut(f"{head} {platform_text(job)}", MOST_TEXT)
    name = grader_name(job.reward)
    listed = "; ".join(f"{each.name}: {name} {figure(each.valid.get(job.reward))}" for each in evidence.candidates)
    verdict = f" {headline(job, evidence)}." if evidence.state is EvidenceState.READY else ""
    return cut(escape(f"{head}{verdict} {listed}."), MOST_TEXT)
