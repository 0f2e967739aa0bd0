"""What is written down of an eval as it goes, with the messages that causes: begun, refused, further, ended."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, Protocol

import structlog

from jobs.core.errors import NotFound
from jobs.core.ids import evidence_turn
from jobs.core.records import Posting
from jobs.evals.progress import Tally
from jobs.evals.records import Answer, ArmSummary, Eval, EvalState, Progress
from jobs.evals.rows import RowStore
from jobs.evals.service import answer_posting, card_posting, report_posting, result_posting
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, VersionConflict

log: Final = structlog.get_logger(__name__)


class Summarise(Protocol):
    """Says what answers come to; see `jobs.evals.statistics.summarise`."""

    def __call__(
        self, evaluation: Eval, answers: Iterable[Answer], references: Mapping[str, object]
    ) -> tuple[ArmSummary, ...]:
        """Return the summary of each arm."""
        ...


class EvalWriter:
    """Writes evals down. Each change is made of the newest record, so that a person's cancel in between is kept.

    Args:
        store: where evals are kept.
        rows: where their answers are.
        summarise: says what those come to.
        clock: unix seconds.
    """

    def __init__(self, store: Store, rows: RowStore, summarise: Summarise, clock: Callable[[], float]) -> None:
        self._store = store
        self._rows = rows
        self._summarise = summarise
        self._clock = clock

    async def begin(self, eval_id: str) -> None:
        """Let the eval run from its next turn on, at once, and show its card."""

        def begin(now: Eval) -> Eval | None:
            if now.state is not EvalState.CHECKING:
                return None  # checked by two at once; the other was quicker
            return replace(now, state=EvalState.RUNNING, started_at=self._clock())

        await self._commit(eval_id, begin, lambda now: (card_posting(now, urgent=True),), next_turn=0)

    async def refuse(self, eval_id: str, reason: str) -> None:
        """End an eval that cannot begin, and tell who started it why."""

        def refuse(now: Eval) -> Eval | None:
            if now.state is not EvalState.CHECKING:
                return None
            return replace(now, state=EvalState.REFUSED, note=reason, finished_at=self._clock())

        def told(now: Eval) -> tuple[Posting, ...]:
            return (answer_posting(now, f"{now.task} was not evaluated. {reason}", "refused"),)

        await self._commit(eval_id, refuse, told, next_turn=-1)
        log.info("eval.refused", reason=reason)

    async def further(self, eval_id: str, progress: Progress) -> None:
        """Write down how far the eval is, and show it on the card."""
        await self._commit(eval_id, lambda now: replace(now, progress=progress), lambda now: (card_posting(now),))

    async def hand_on(self, eval_id: str, progress: Progress) -> None:
        """Let another bot go on, at once."""
        await self._commit(eval_id, lambda now: replace(now, progress=progress), next_turn=0)
        log.info("eval.left", answered=progress.answered)

    async def end(self, eval_id: str, state: EvalState, reason: str | None = None) -> None:
        """Write down what the answers on file come to, and say so in the eval's thread.

        Args:
            eval_id: the eval.
            state: how it ended.
            reason: why, as a sentence; nothing where every answer is there.
        """
        held = await self._store.record(Eval, eval_id)
        assert held is not None, "an eval in hand exists"
        progress, summaries = await asyncio.to_thread(self._sum_up, held.value)
        kept = f"{progress.answered:,} of {held.value.total:,} answers are on file."
        words = [reason or "", kept if progress.answered < held.value.total else ""]
        note = " ".join(filter(None, words)) or None

        def end(now: Eval) -> Eval:
            return replace(
                now, state=state, progress=progress, summaries=summaries, note=note, finished_at=self._clock()
            )

        def told(now: Eval) -> tuple[Posting, ...]:
            card = card_posting(now, urgent=True)
            return (card,) if state is EvalState.CANCELLED else (card, result_posting(now), report_posting(now))

        await self._commit(eval_id, end, told, next_turn=-1)
        log.info("eval.ended", state=state.value, answered=progress.answered, reason=reason)

    def _sum_up(self, evaluation: Eval) -> tuple[Progress, tuple[ArmSummary, ...]]:
        """Read the file once for both the progress and the summaries. Blocks."""
        tally = Tally(evaluation.reward)

        def counted() -> Iterator[Answer]:
            for answer in self._rows.answers(evaluation.id):
                tally.add(answer)
                yield answer

        try:
            references = {item.id: item.reference for item in self._rows.items(evaluation.id)}
        except NotFound:
            references = {}  # it ended before it began
        summaries = self._summarise(evaluation, counted(), references)
        return tally.progress(), summaries

    async def _commit(
        self,
        eval_id: str,
        changed: Callable[[Eval], Eval | None],
        told: Callable[[Eval], tuple[Posting, ...]] = lambda _: (),
        next_turn: float | None = None,
    ) -> None:
        """Write what `changed` makes of the newest record, unless that is None or the eval has ended."""
        while True:
            held = await self._store.record(Eval, eval_id)
            assert held is not None, "an eval in hand exists"
            new = None if held.value.state.is_final else changed(held.value)
            if new is None:
                return
            job = new.request.job
            change = Change(
                records=(Versioned(new, held.version),),
                next_turn=next_turn,
                # What a job's own eval has to say is said by the job.
                postings=() if job else told(new),
                wake={evidence_turn(job): 0.0} if job and new.state.is_final else {},
            )
            try:
                await self._store.commit(change)
            except VersionConflict:
                continue
            return
