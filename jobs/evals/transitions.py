"""The changes of an eval's state, each written with the messages it causes: begun, refused, progress, ended."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import structlog

from jobs.core.errors import NotFound
from jobs.core.ids import SHELL, evidence_item
from jobs.core.records import Posting, PostingKind
from jobs.evals.answer_store import AnswerStore
from jobs.evals.failures import told
from jobs.evals.postings import (
    card_posting,
    refusal_posting,
    report_posting,
    result_posting,
    suspects_posting,
    waits_posting,
)
from jobs.evals.progress import Tally
from jobs.evals.records import Eval, EvalRequest, EvalState, Progress, Slice, SliceFall
from jobs.evals.results import conclusion_of, failed_conclusion, read_results
from jobs.evals.stats.comparison import gather
from jobs.evals.stats.slices import groups_of, slice_falls, slice_scores
from jobs.evals.stats.summary import summarise
from jobs.evals.suspects import SuspectLabels, find_suspects
from jobs.platforms.patience import Wait
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, retried_on_conflict
from jobs.tasks import Task

OVER: Final = -1.0
"""In place of the time of the next turn: the work has ended."""

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Transitions:
    """Writes the state of evals. Each change is made to the newest record, so that a cancel in between is kept."""

    store: Store
    answers: AnswerStore
    clock: Callable[[], float]

    async def begin(self, evaluation: Eval, left_out: Mapping[str, str]) -> None:
        """Let a checked eval run from its next turn on, at once, and show its card; some graders may be left out."""
        graders = tuple(name for name in evaluation.graders if name not in left_out)
        await self._commit(
            evaluation,
            lambda now: replace(
                now,
                state=EvalState.RUNNING,
                started_at=self.clock(),
                waiting_since=None,
                note=None,
                graders=graders,
                left_out=left_out,
            ),
            card_posting(evaluation, urgent=True),
            due_in=0.0,
            only_from=EvalState.CHECKING,
        )

    async def wait(self, evaluation: Eval, wait: Wait) -> None:
        """Have an eval checked again later, and tell the person who started it so once."""
        log.info("eval.waits", reason=wait.failure, again_in=wait.pause)
        await self._commit(
            evaluation,
            lambda now: replace(now, waiting_since=wait.since, note=wait.sentence),
            *(() if evaluation.waiting_since else (waits_posting(evaluation, wait.sentence),)),
            due_in=wait.pause,
            only_from=EvalState.CHECKING,
        )

    async def refuse(self, evaluation: Eval, reason: str) -> None:
        """End an eval that cannot begin, and tell the person who started it why."""
        await self._commit(
            evaluation,
            lambda now: replace(
                now, state=EvalState.REFUSED, note=reason, finished_at=self.clock(), waiting_since=None
            ),
            refusal_posting(evaluation, reason),
            due_in=OVER,
            only_from=EvalState.CHECKING,
        )
        log.info("eval.refused", reason=reason)

    async def advance(self, evaluation: Eval, progress: Progress) -> None:
        """Write down how far the eval is, and show it on the card."""
        await self._commit(evaluation, lambda now: replace(now, progress=progress), card_posting(evaluation))

    async def hand_on(self, evaluation: Eval, progress: Progress) -> None:
        """Let another bot go on, at once."""
        await self._commit(evaluation, lambda now: replace(now, progress=progress), due_in=0.0)
        log.info("eval.left", answered=progress.answered)

    async def fail_unanswered(self, evaluation: Eval, why: str | None) -> None:
        """End an eval of which not one request was answered; `why` is the first reason, where this bot met it."""
        await self.end(evaluation, EvalState.FAILED, why or "Not one answer came.", is_unanswered=True)

    async def end(
        self,
        evaluation: Eval,
        state: EvalState,
        reason: str | None = None,
        *,
        task: Task | None = None,
        is_unanswered: bool = False,
    ) -> None:
        """Write down the summaries of the answers on file, and show the result in the eval's thread.

        Args:
            evaluation: the eval.
            state: how it ended.
            reason: why, as a sentence; None where every answer is there.
            task: what was evaluated, if a variance study is to look for suspect labels in it.
            is_unanswered: whether it failed, for this reason, without one answer.
        """
        evaluation = replace(evaluation, failure=(reason or "") if is_unanswered else "")
        concluded = await asyncio.to_thread(self._concluded, evaluation)
        progress = concluded(evaluation).progress
        kept = f"{progress.answered:,} of {evaluation.total:,} answers are on file."
        if evaluation.failure and progress.failures:
            kept = f"{told(progress.failures)}."
        is_short = progress.answered < evaluation.total or evaluation.failure
        note = " ".join(filter(None, [reason, kept if is_short else None])) or None

        def ended(now: Eval) -> Eval:
            return replace(concluded(now), state=state, note=note, failure=evaluation.failure, finished_at=self.clock())

        postings = [card_posting(evaluation, urgent=True)]
        if state is not EvalState.CANCELLED:
            postings += [result_posting(evaluation), report_posting(evaluation)]
        found = await asyncio.to_thread(self._suspects, evaluation, task) if task else None
        if found:
            postings.append(suspects_posting(evaluation.id, evaluation.request.channel))
        await self._commit(evaluation, ended, *postings, due_in=OVER, suspects=found)
        log.info("eval.ended", state=state.value, answered=progress.answered, reason=reason)

    def _suspects(self, evaluation: Eval, task: Task) -> SuspectLabels | None:
        """Return the suspect labels of a variance study, if there are any. Blocks."""
        if evaluation.request.purpose != "variance" or evaluation.request.thread:
            return None
        items, answers = self.answers.items(evaluation.id), self.answers.answers(evaluation.id)
        found = find_suspects(evaluation, task, items, answers, self.clock())
        return found if found.suspects else None

    def _concluded(self, evaluation: Eval) -> Callable[[Eval], Eval]:
        """Return what writes what the answers on file come to, and what they show, on the record. Blocks."""
        references, fields = dict[str, object](), dict[str, Mapping[str, str]]()
        with suppress(NotFound):  # it ended before it began
            for item in self.answers.items(evaluation.id):
                references[item.id], fields[item.id] = item.reference, item.fields
        tally = Tally(evaluation.reward)
        summaries = summarise(evaluation, tally.counting(self.answers.answers(evaluation.id)), references)
        slices, falls, conclusion = tuple[Slice, ...](), tuple[SliceFall, ...](), None
        if tally.answered and (groups := groups_of(fields, evaluation.slice_fields)):
            arms = gather(evaluation, self.answers.answers(evaluation.id))
            rewards = {each.arm: each.scores.get(evaluation.reward, {}) for each in arms}
            slices = slice_scores(groups, rewards)
            first, *others = rewards
            pairs = {(first, other): (rewards[first], rewards[other]) for other in others}
            falls = () if evaluation.request.job else slice_falls(groups, pairs)
        if evaluation.failure and not evaluation.request.job:
            conclusion = failed_conclusion(evaluation)
        elif tally.answered and not evaluation.request.job:
            results = read_results(evaluation, self.answers)
            conclusion = conclusion_of(replace(evaluation, summaries=summaries), results)
        return lambda now: replace(
            now,
            progress=tally.progress(),
            summaries=summaries,
            slices=slices,
            slice_falls=falls,
            conclusion=conclusion,
        )

    @retried_on_conflict
    async def _commit(
        self,
        evaluation: Eval,
        changed: Callable[[Eval], Eval],
        *postings: Posting,
        due_in: float | None = None,
        only_from: EvalState | None = None,
        suspects: SuspectLabels | None = None,
    ) -> None:
        """Change the newest record, unless it has ended or has left `only_from`: two workers did the same at once."""
        held = await self.store.record(Eval, evaluation.id)
        assert held is not None, "an eval in hand exists"
        if held.value.state.is_final or only_from not in {None, held.value.state}:
            return
        new, job = changed(held.value), evaluation.request.job
        if due_in and due_in > 0 and new.cancelled_by:
            due_in = 0.0  # somebody cancelled it in the middle of this step, and waits
        change = Change(
            records=(Versioned(new, held.version), *((Versioned(suspects, 0),) if suspects else ())),
            due_in=due_in,
            postings=_said(postings, new.request),
            schedule={evidence_item(job): 0.0} if job and new.state.is_final else {},
        )
        await self.store.commit(change)


def _said(postings: Sequence[Posting], request: EvalRequest) -> tuple[Posting, ...]:
    """Return the messages that are the eval's own to post: none of one in another's thread, no answers to a shell."""
    if request.thread:
        return ()
    answers = not request.requested_by.startswith(SHELL)
    return tuple(each for each in postings if answers or each.kind is not PostingKind.ANSWER)
