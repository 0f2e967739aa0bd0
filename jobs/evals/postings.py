"""The messages that an eval causes, each with the id under which it is posted once."""

from jobs.core.ids import card_id, summary_id
from jobs.core.records import Posting, PostingKind
from jobs.evals.export import inspect_log_name
from jobs.evals.records import Eval


def card_posting(evaluation: Eval, *, urgent: bool = False) -> Posting:
    """Return the posting that brings an eval's card up to date: the root of its thread."""
    return Posting(
        id=card_id(evaluation.id),
        kind=PostingKind.EVAL_CARD,
        lane=f"card:{evaluation.id}",
        subject=evaluation.id,
        channel=evaluation.request.channel,
        refreshed=True,
        urgent=urgent,
    )


def result_posting(evaluation: Eval, *, urgent: bool = False) -> Posting:
    """Return the posting that shows an eval's result in its thread, or why it failed; of a job's eval, the summary.

    It is brought up to date with what people say of the grades.
    """
    if job := evaluation.request.job:
        summary, channel = PostingKind.SUMMARY, evaluation.request.channel
        return Posting(summary_id(job), summary, f"summary:{job}", job, channel, refreshed=True, urgent=urgent)
    return Posting(
        id=f"eval:{evaluation.id}:result",
        kind=PostingKind.EVAL_RESULT,
        lane=f"result:{evaluation.id}",
        subject=evaluation.id,
        channel=evaluation.request.channel,
        refreshed=True,
        urgent=urgent,
        user=evaluation.request.requested_by,
    )


def suspects_posting(evaluation_id: str, channel: str, *, urgent: bool = False) -> Posting:
    """Return the posting that lists the items of a variance study whose labels may be wrong, for people to decide."""
    return Posting(
        id=f"eval:{evaluation_id}:suspects",
        kind=PostingKind.EVAL_SUSPECTS,
        lane=f"result:{evaluation_id}",
        subject=evaluation_id,
        channel=channel,
        refreshed=True,
        urgent=urgent,
    )


def report_posting(evaluation: Eval) -> Posting:
    """Return the posting that puts the browsable report into the thread, after the result; a job's, into the job's."""
    job = evaluation.request.job
    return Posting(
        id=f"eval:{evaluation.id}:report",
        kind=PostingKind.EVAL_REPORT,
        lane=f"reports:{job}" if job else f"result:{evaluation.id}",
        subject=job or evaluation.id,
        channel=evaluation.request.channel,
        text=evaluation.id if job else None,
    )


def export_postings(evaluation: Eval, trigger: str) -> tuple[Posting, ...]:
    """Return the postings that put an eval's answers into its thread, a log for each arm; a job's, into the job's.

    With another `trigger` the logs are posted again, with the answers since then.
    """
    return tuple(
        Posting(
            id=f"eval:{evaluation.id}:export:{trigger}:{number}",
            kind=PostingKind.EVAL_EXPORT,
            lane=f"exports:{evaluation.id}",
            subject=evaluation.request.thread or evaluation.id,
            channel=evaluation.request.channel,
            text=f"{evaluation.id}/{inspect_log_name(evaluation, arm)}",
        )
        for number, arm in enumerate(evaluation.arms)
    )


def refusal_posting(evaluation: Eval, reason: str) -> Posting:
    """Return the sentence that tells the person who started an eval, and nobody else, why it was refused."""
    return _answer(evaluation, "refused", f"{evaluation.task} was not evaluated. {reason}")


def waits_posting(evaluation: Eval, sentence: str) -> Posting:
    """Return what tells the person who started an eval, and nobody else, what it waits for and until when."""
    return _answer(evaluation, "waits", f"{evaluation.id} waits. {sentence} `/eval cancel {evaluation.id}` ends it.")


def _answer(evaluation: Eval, about: str, text: str) -> Posting:
    return Posting(
        id=f"eval:{evaluation.id}:answer:{about}",
        kind=PostingKind.ANSWER,
        lane=f"answer:{evaluation.id}",
        subject=evaluation.id,
        channel=evaluation.request.channel,
        user=evaluation.request.requested_by,
        text=text,
    )
