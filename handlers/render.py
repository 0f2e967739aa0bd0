"""What a posting looks like now: the record it is about, read and drawn."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from handlers.aliases.messages import ProposalMessages
from handlers.approvals.pending import Notices
from handlers.evals.cards import eval_card
from handlers.evals.results import show_result
from handlers.evals.schedules import measurement_message, schedule_card
from handlers.evals.suspects import suspects_message
from handlers.evidence.summary import ReportLink, chart_of, summary
from handlers.jobs.cards import card
from handlers.jobs.curves import curve, reward_curve
from handlers.jobs.launch import next_button
from handlers.jobs.samples import read_answers_button
from handlers.jobs.sweep import show_sweep
from handlers.jobs.thread import alert, draw_trace, status
from handlers.notifications.commands import with_mute
from handlers.notifications.digests import DigestMessages
from handlers.slack.blocks import Message, escape
from handlers.slack.images import Pictures
from jobs.core.errors import NotFound
from jobs.core.records import Posting, PostingKind
from jobs.evals.export import inspect_log_name
from jobs.evals.report.cache import ReportCache
from jobs.evals.service import Evals
from jobs.learning.service import Sweeps
from jobs.notifications.service import Quiet
from jobs.outbox.late_answers import is_late_answer
from jobs.schedules.records import measurement_id
from jobs.schedules.service import Schedules
from jobs.state.store import LedgerEntry
from jobs.training.next_experiment import next_experiment
from jobs.training.postings import is_finish
from jobs.views.eval import read_eval
from jobs.views.job import JobView, JobViews


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as it looks now."""

    message: Message
    file: str | None = None
    """The picture in it, by Slack's file id."""
    attachment: Path | None = None
    """A file to post; the message is the comment on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """Renders postings."""

    views: JobViews
    evals: Evals
    pictures: Pictures
    notices: Notices
    proposals: ProposalMessages
    digests: DigestMessages
    quiet: Quiet
    schedules: Schedules
    sweeps: Sweeps
    report_cache: ReportCache
    report_link: ReportLink
    clock: Callable[[], float] = time.time
    """Unix seconds."""

    async def render(self, posting: Posting, entry: LedgerEntry | None, mentions: tuple[str, ...] = ()) -> Rendered:
        """Return how a posting looks now; `entry` says where it already stands, `mentions` whom it notifies."""
        text = posting.text or ""
        match posting.kind:
            case PostingKind.ANSWER:
                return Rendered(Message(text if is_late_answer(posting) else escape(text)))
            case PostingKind.APPROVAL_NOTICE:
                return Rendered(await self.notices.show(posting))
            case PostingKind.APPROVAL:
                return Rendered(await self.proposals.show(posting))
            case PostingKind.DIGEST:
                return Rendered(await self.digests.show(posting))
            case PostingKind.SWEEP:
                return Rendered(await show_sweep(await self.sweeps.view(posting.subject), self.pictures))
            case PostingKind.SCHEDULE:
                return Rendered(schedule_card(await self.schedules.named(posting.subject)))
            case PostingKind.MEASUREMENT:
                return Rendered(await self._measurement(posting))
            case PostingKind.CARD | PostingKind.CURVE | PostingKind.ALERT | PostingKind.STATUS | PostingKind.SUMMARY:
                return await self._of_job(posting, await self.views.job(posting.subject), entry, mentions)
            case _:
                return await self._of_eval(posting)

    async def _of_eval(self, posting: Posting) -> Rendered:
        text = posting.text or ""
        match posting.kind:
            case PostingKind.EVAL_CARD:
                return Rendered(eval_card(await self.evals.view(posting.subject), self.clock()))
            case PostingKind.EVAL_RESULT:
                view = await read_eval(self.evals, await self.evals.view(posting.subject))
                return Rendered(*await show_result(view, self.pictures, self.report_link))
            case PostingKind.EVAL_SUSPECTS:
                return Rendered(suspects_message(await self.evals.suspects.of(posting.subject)))
            case PostingKind.EVAL_REPORT:
                return await self._report(posting.text or posting.subject)
            case PostingKind.EVAL_EXPORT:
                return await self._export(*text.split("/", 1))
            case _:
                raise AssertionError(f"{posting.kind} is not about an eval")

    async def _of_job(
        self, posting: Posting, view: JobView, entry: LedgerEntry | None, mentions: tuple[str, ...]
    ) -> Rendered:
        match posting.kind:
            case PostingKind.CARD:
                file = await self._curve_of(view) if view.job.pictured_step else None
                return Rendered(with_mute(card(view, self.clock(), file), await self.quiet.mute_of(view.job)), file)
            case PostingKind.CURVE:
                file = await self._curve_of(view)
                return Rendered(curve(view.as_pictured(), file), file)
            case PostingKind.ALERT:
                assert posting.alert is not None, "an alert posting names its alert"
                raised = view.job.alerts[posting.alert]
                trace, file = await draw_trace(view, raised, self.clock(), self.pictures)
                answers = read_answers_button(view, raised)
                return Rendered(alert(view.job, raised, file, trace, mentions, answers), file)
            case PostingKind.STATUS:
                proposed = next_experiment(view.job, view.series) if is_finish(posting) else None
                again = (next_button(view.job.id, proposed),) if proposed and not view.job.imported else ()
                return Rendered(status(view.job, posting.text or "", posting.user, mentions, again))
            case PostingKind.SUMMARY:
                file = await self._checkpoints_of(view, entry)
                return Rendered(summary(view, file, self.report_link), file)
            case _:
                raise AssertionError(f"{posting.kind} is not about a job")

    async def _curve_of(self, view: JobView) -> str | None:
        """Return the one picture that the card and the thread show."""
        return await self.pictures.file_of(reward_curve(view.as_pictured()), f"reward-curve-{view.job.id}")

    async def _checkpoints_of(self, view: JobView, entry: LedgerEntry | None) -> str | None:
        """Return the picture of a job's checkpoints; new evidence changes it, decisions only the words around it."""
        chart = chart_of(view)
        if chart is None:
            return None
        evaluated = (view.evidence.finished_at if view.evidence else None) or 0.0
        if entry and entry.file and entry.at >= evaluated:
            return entry.file
        return await self.pictures.file_of(chart, f"checkpoints-{view.job.id}")

    async def _measurement(self, posting: Posting) -> Message:
        """Return what a measurement showed; one that is on record no more, as it was written down with the message."""
        schedule = await self.schedules.named(posting.subject)
        found = next((each for each in schedule.measurements if measurement_id(schedule, each) == posting.id), None)
        if found is None:
            return Message(escape(posting.text or ""))
        mentions = (await self.quiet.person(schedule.by)).mentions
        alias, evaluation = await self.schedules.alias_of(schedule), await self.evals.find(found.eval or "")
        agreements = await self.evals.reviews.agreements(evaluation) if evaluation else ()
        return measurement_message(schedule, found, alias, agreements, mentions=mentions)

    async def _report(self, eval_id: str) -> Rendered:
        """Return an eval's report; that of a job's own eval stands in the job's thread."""
        evaluation = await self.evals.view(eval_id)
        which = f" on the {evaluation.split} split" if evaluation.request.job else ""
        words = f"Every item{which} with each answer and its scores: download it and open it in a browser."
        return await _attached(self.report_cache.report(evaluation.id), words)

    async def _export(self, eval_id: str, name: str) -> Rendered:
        evaluation = await self.evals.view(eval_id)
        arm = next(arm.name for arm in evaluation.arms if inspect_log_name(evaluation, arm) == name)
        words = f"{eval_id}, {escape(arm)}: an Inspect log; `inspect view` opens it."
        return await _attached(self.report_cache.inspect_log(eval_id, name), words)


async def _attached(file: Awaitable[Path | None], words: str) -> Rendered:
    """Return a file with a line about it, or why it is not there any more."""
    try:
        return Rendered(Message(words), attachment=await file)
    except NotFound as missing:
        return Rendered(Message(escape(str(missing))))
