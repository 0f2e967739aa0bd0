"""Evals as a person knows them: start, look up, cancel, and read what was answered."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from jobs.core.errors import Conflict, InvalidRequest, NotFound
from jobs.core.ids import EVAL_PREFIX, card_id
from jobs.core.nearest import ALIKE_IDS, nearest
from jobs.core.permissions import Permissions
from jobs.core.records import Posting, PostingKind
from jobs.evals.exports import inspect_log_name
from jobs.evals.planning import EvalPlanner, eval_id
from jobs.evals.records import Answer, Eval, EvalRequest, EvalState
from jobs.evals.rows import Item, RowStore
from jobs.evals.trail_entries import eval_cancelled, eval_started
from jobs.state.change import RETYPED, Change, Once, Versioned, typed_key
from jobs.state.store import AlreadyTaken, Store, VersionConflict

LISTED: Final = 200
ENDED: Final = {
    EvalState.FINISHED: "has finished",
    EvalState.CANCELLED: "was cancelled",
    EvalState.FAILED: "has failed",
    EvalState.REFUSED: "was refused",
}


class Evals:
    """The evals of this bot.

    Args:
        store: where evals are kept.
        planner: looks up what was asked for.
        rows: where their answers are.
        permissions: who may cancel one.
        clock: unix seconds.
    """

    def __init__(
        self,
        store: Store,
        planner: EvalPlanner,
        rows: RowStore,
        permissions: Permissions,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._planner = planner
        self._rows = rows
        self._permissions = permissions
        self._clock = clock

    async def start(self, request: EvalRequest) -> Eval:
        """Check what was asked for and write the eval down; its turns do the rest.

        The same trigger asked twice returns the same eval.

        Raises:
            UserError: the task, split, platform, models or numbers do not allow it; nothing was written.
            AlreadyTaken: the same person asked for the same within the last seconds; names that eval.
        """
        evaluation = await self._planner.plan(request)
        key = typed_key(replace(request, trigger=""))
        while True:
            once = Once(key, evaluation.id, RETYPED)
            try:
                entry = eval_started(evaluation)
                await self._store.commit(
                    Change(records=(Versioned(evaluation, 0),), next_turn=0, once=once, audit=(entry,))
                )
            except VersionConflict:
                present = (await self._exactly(evaluation.id)).value
                if present.request.trigger == request.trigger:
                    return present
                # The short id is another eval's.
                evaluation = replace(evaluation, id=eval_id(f"{evaluation.id} {request.trigger}"))
            except AlreadyTaken as taken:
                held = await self._store.record(Eval, taken.holder)
                if held is None or held.value.state is not EvalState.REFUSED:
                    raise
                # Asking again after a refusal is no slip of the finger.
                key = f"{key}:{taken.holder}"
            else:
                return evaluation

    async def newest(self, limit: int = 10) -> tuple[Eval, ...]:
        """Return the newest evals, newest first."""
        return await self._store.records(Eval, limit)

    async def view(self, reference: str) -> Eval:
        """Return an eval as it stands.

        Args:
            reference: its id, or enough of its beginning, with or without `eval-`.

        Raises:
            NotFound: no eval, or more than one, is called so.
        """
        return (await self._held(reference)).value

    async def cancel(self, reference: str, by: str) -> Eval:
        """Write down that a person wants no more answers; whoever works on the eval sees it within two seconds.

        The answers on file are kept. Asked twice, the first person is the one who cancelled.

        Raises:
            NotFound: there is no such eval.
            Conflict: it has ended already.
            NotPermitted: this person may not; nothing was written.
        """
        while True:
            held = await self._held(reference)
            if held.value.state.is_final:
                raise Conflict(f"{held.value.id} {ENDED[held.value.state]}; there is nothing left to cancel.")
            if held.value.cancelled_by:
                return held.value
            await self._permissions.require_for_eval(
                held.value.id, by, owner=held.value.request.requested_by, task=held.value.task
            )
            cancelled = replace(held.value, cancelled_by=by)
            try:
                entry = eval_cancelled(cancelled, self._clock())
                await self._store.commit(Change(records=(Versioned(cancelled, held.version),), audit=(entry,)))
            except VersionConflict:
                continue
            return cancelled

    async def export(self, reference: str, trigger: str) -> Eval:
        """Have an eval's answers so far put into its thread as Inspect logs, one for each arm; return the eval.

        The same trigger delivered twice puts them there once.

        Raises:
            NotFound: no eval, or more than one, is called so.
            InvalidRequest: it has no answers yet, or no thread.
        """
        evaluation = await self.view(reference)
        thread = evaluation.request.job or evaluation.id
        if not evaluation.progress.answered or await self._store.ledger(thread, card_id(thread)) is None:
            raise InvalidRequest(f"{evaluation.id} has no answers to export yet.")
        await self._store.commit(Change(postings=export_postings(evaluation, trigger)))
        return evaluation

    def answers(self, eval_id: str) -> Iterator[Answer]:
        """Yield every answer on file, failures included, each item, arm and run once. Blocks: use it in a thread."""
        return self._rows.answers(eval_id)

    def items(self, eval_id: str) -> Iterator[Item]:
        """Yield the items as they were when the eval began, in the split's order. Blocks: use it in a thread.

        Raises:
            NotFound: the eval has not begun, or its files are elsewhere.
        """
        return self._rows.items(eval_id)

    async def _held(self, reference: str) -> Versioned[Eval]:
        exact = await self._store.record(Eval, reference)
        if exact:
            return exact
        known = [evaluation.id for evaluation in await self._store.records(Eval, LISTED)]
        wanted = reference.lower()
        matching = [each for each in known if wanted and each.startswith((wanted, f"{EVAL_PREFIX}{wanted}"))]
        if len(matching) == 1:
            return await self._exactly(matching[0])
        if matching:
            raise NotFound(f"{len(matching)} evals begin with '{reference}': {', '.join(matching[:5])}.")
        raise NotFound(f"There is no eval '{reference}'; {nearest(reference, known, alike=ALIKE_IDS)}")

    async def _exactly(self, eval_id: str) -> Versioned[Eval]:
        held = await self._store.record(Eval, eval_id)
        assert held is not None, "an eval that was listed or in conflict exists"
        return held


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


def result_posting(evaluation: Eval) -> Posting:
    """Return the posting that says in the thread what an eval came to, or why it failed."""
    return Posting(
        id=f"eval:{evaluation.id}:result",
        kind=PostingKind.EVAL_RESULT,
        lane=f"result:{evaluation.id}",
        subject=evaluation.id,
        channel=evaluation.request.channel,
        user=evaluation.request.requested_by,
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

    Args:
        evaluation: the eval.
        trigger: of who asked; asked again, the logs come again, with what was answered meanwhile.
    """
    files = [inspect_log_name(evaluation, arm) for arm in evaluation.arms]
    return tuple(
        Posting(
            id=f"eval:{evaluation.id}:export:{trigger}:{number}",
            kind=PostingKind.EVAL_EXPORT,
            lane=f"exports:{evaluation.id}",
            subject=evaluation.request.job or evaluation.id,
            channel=evaluation.request.channel,
            text=f"{evaluation.id}/{file}",
        )
        for number, file in enumerate(files)
    )


def answer_posting(evaluation: Eval, text: str, about: str) -> Posting:
    """Return a sentence that only the person who started the eval sees."""
    return Posting(
        id=f"eval:{evaluation.id}:answer:{about}",
        kind=PostingKind.ANSWER,
        lane=f"answer:{evaluation.id}",
        subject=evaluation.id,
        channel=evaluation.request.channel,
        user=evaluation.request.requested_by,
        text=text,
    )
