"""What a posting shows now: the record it is about, read and drawn."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from handlers.aliases.messages import ProposalMessages
from handlers.approvals.pending import Notices
from handlers.evals.cards import eval_card, eval_result, result_chart
from handlers.evidence.summary import ReportLink, chart_of, summary
from handlers.jobs.cards import card
from handlers.jobs.thread import alert, curve, pictured, reward_curve, rule_trace, status
from handlers.notifications.commands import with_mute
from handlers.notifications.digests import DigestShowing
from handlers.slack.blocks import Message, escape, sentence
from handlers.slack.images import Pictures
from jobs.core.errors import NotFound
from jobs.core.records import Job, Posting, PostingKind, RaisedAlert
from jobs.evals.export import inspect_log_name
from jobs.evals.records import Eval
from jobs.evals.results import read_results
from jobs.evals.service import Evals
from jobs.notifications.records import Mute
from jobs.outbox.late_answers import is_late_answer
from jobs.state.store import LedgerEntry
from jobs.views.job import JobView, JobViews

ReportFile = Callable[[str], Awaitable[Path | None]]
"""Returns the file of an eval's browsable report, or None where there is none."""
LogFile = Callable[[str, str], Awaitable[Path | None]]
"""Returns the file of an eval's log by the eval's id and the log's name, or None where there is no such eval."""

MuteOf = Callable[[Job], Awaitable[Mute | None]]
"""Returns what mutes a job now."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as it looks now.

    Args:
        message: text and blocks.
        file: the picture in it, by Slack's file id.
        attachment: a file to put beside it; its message is the comment on the file.
    """

    message: Message
    file: str | None = None
    attachment: Path | None = None


class Showing:
    """Renders postings.

    Args:
        views: reads jobs.
        evals: the evals.
        pictures: draws and uploads.
        notices: says what becomes of approvals.
        proposals: shows rollbacks that wait for approval.
        report_file: finds an eval's report.
        report_link: makes a link to it.
        log_file: finds an eval's log for another program.
        digests: renders digests.
        mute_of: knows what is muted.
        clock: unix seconds.
    """

    def __init__(
        self,
        views: JobViews,
        evals: Evals,
        pictures: Pictures,
        *,
        notices: Notices,
        proposals: ProposalMessages,
        digests: DigestShowing,
        mute_of: MuteOf,
        report_file: ReportFile,
        report_link: ReportLink,
        log_file: LogFile,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._views = views
        self._evals = evals
        self._pictures = pictures
        self._notices = notices
        self._proposals = proposals
        self._digests = digests
        self._mute_of = mute_of
        self._report_file = report_file
        self._report_link = report_link
        self._log_file = log_file
        self._clock = clock

    async def show(self, posting: Posting, entry: LedgerEntry | None, mentions: tuple[str, ...] = ()) -> Shown:
        """Return how a posting looks now.

        Args:
            posting: what to show.
            entry: where it already stands, if it does.
            mentions: Slack user ids of who is to notice it.
        """
        match posting.kind:
            case PostingKind.ANSWER:
                text = posting.text or ""
                return Shown(sentence(text if is_late_answer(posting) else escape(text)))
            case PostingKind.APPROVAL_NOTICE:
                return Shown(await self._notices.show(posting))
            case PostingKind.APPROVAL:
                return Shown(await self._proposals.show(posting))
            case PostingKind.DIGEST:
                return Shown(await self._digests.show(posting))
            case PostingKind.EVAL_CARD | PostingKind.EVAL_RESULT | PostingKind.EVAL_REPORT:
                return await self._of_eval(posting)
            case PostingKind.EVAL_EXPORT:
                return await self._export(*(posting.text or "").split("/", 1))
            case _:
                return await self._of_job(posting, await self._views.job(posting.subject), entry, mentions)

    async def _of_job(
        self, posting: Posting, view: JobView, entry: LedgerEntry | None, mentions: tuple[str, ...]
    ) -> Shown:
        match posting.kind:
            case PostingKind.CARD:
                file = await self._curve_of(view) if view.job.pictured_step else None
                return Shown(with_mute(card(view, self._clock(), file), await self._mute_of(view.job)), file)
            case PostingKind.CURVE:
                file = await self._curve_of(view)
                return Shown(curve(pictured(view), file), file)
            case PostingKind.ALERT:
                assert posting.alert is not None, "an alert posting names its alert"
                return await self._of_alert(view, view.job.alerts[posting.alert], mentions)
            case PostingKind.STATUS:
                return Shown(status(view.job, posting.text or "", posting.user, mentions))
            case PostingKind.SUMMARY:
                file = await self._checkpoints_of(view, entry)
                return Shown(summary(view, file, self._report_link), file)
            case _:
                raise AssertionError(f"{posting.kind} is not about a job")

    async def _checkpoints_of(self, view: JobView, entry: LedgerEntry | None) -> str | None:
        """Return the picture of a job's checkpoints: decisions change the words around it, new evidence changes it."""
        chart = chart_of(view)
        if chart is None:
            return None
        evaluated = (view.evidence.finished_at if view.evidence else None) or 0.0
        if entry and entry.file and entry.at >= evaluated:
            return entry.file
        return await self._pictures.file_of(chart, f"checkpoints-{view.job.id}")

    async def _curve_of(self, view: JobView) -> str | None:
        """Return the one picture that the card and the thread show."""
        return await self._pictures.file_of(reward_curve(pictured(view)), f"reward-curve-{view.job.id}")

    async def _of_alert(self, view: JobView, raised: RaisedAlert, mentions: tuple[str, ...]) -> Shown:
        # The rule reads a long series for tenths of a second.
        chart = await asyncio.to_thread(rule_trace, view, raised, self._clock())
        file = await self._pictures.file_of(chart, f"rule-{raised.rule}-{view.job.id}") if chart else None
        return Shown(alert(view.job, raised, file, chart, mentions), file)

    async def _of_eval(self, posting: Posting) -> Shown:
        # The report of a job's own eval stands in the job's thread, and names the eval.
        evaluation = await self._evals.view(posting.text or posting.subject)
        match posting.kind:
            case PostingKind.EVAL_CARD:
                return Shown(eval_card(evaluation, self._clock()))
            case PostingKind.EVAL_RESULT:
                results = await asyncio.to_thread(read_results, evaluation, self._evals.answer_store)
                chart = result_chart(evaluation, results)
                file = await self._pictures.file_of(chart, f"result-{evaluation.id}") if chart else None
                return Shown(eval_result(evaluation, results, file, self._report_link(evaluation.id)), file)
            case PostingKind.EVAL_REPORT:
                return await self._report(evaluation)
            case _:
                raise AssertionError(f"{posting.kind} is not about an eval")

    async def _export(self, eval_id: str, name: str) -> Shown:
        evaluation = await self._evals.view(eval_id)
        try:
            log = await self._log_file(eval_id, name)
        except NotFound as missing:
            return Shown(sentence(escape(str(missing))))
        arm = next(arm.name for arm in evaluation.arms if inspect_log_name(evaluation, arm) == name)
        words = f"{eval_id}, {escape(arm)}: an Inspect log; `inspect view` opens it."
        return Shown(sentence(words), attachment=log)

    async def _report(self, evaluation: Eval) -> Shown:
        try:
            report = await self._report_file(evaluation.id)
        except NotFound as missing:
            return Shown(sentence(escape(str(missing))))
        which = f" on the {evaluation.split} split" if evaluation.request.job else ""
        words = f"Every item{which} with each answer and its scores: download it and open it in a browser."
        return Shown(sentence(words), attachment=report)
