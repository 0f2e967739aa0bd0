"""Evals as a person knows them: start, look up, cancel, and have the answers exported."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from jobs.core.errors import Conflict, InvalidRequest, NotFound
from jobs.core.ids import EVAL_PREFIX, card_id, checkpoint_name
from jobs.core.permissions import Permissions
from jobs.core.records import Job
from jobs.evals.answer_store import AnswerStore
from jobs.evals.held_out import opened_sentences, openings, require_open
from jobs.evals.plan import EvalPlanner
from jobs.evals.postings import export_postings
from jobs.evals.records import Eval, EvalRequest, EvalState
from jobs.evals.review_store import Reviews
from jobs.evals.suspect_decisions import SuspectDecisions
from jobs.evals.trail_entries import eval_cancelled, eval_started
from jobs.platforms.profiles import Price
from jobs.state.change import Change, Versioned
from jobs.state.find import find
from jobs.state.start import start
from jobs.state.store import Store, retried_on_conflict
from jobs.tasks.defaults import chosen_for

NEWEST_JOBS: Final = 100
"""Jobs among which a tuned model is looked for, so that it can be called by its step."""
ENDED: Final = {
    EvalState.FINISHED: "has finished",
    EvalState.CANCELLED: "was cancelled",
    EvalState.FAILED: "has failed",
    EvalState.REFUSED: "was refused",
}


@dataclass(frozen=True, slots=True)
class Evals:
    """The evals of this bot."""

    store: Store
    planner: EvalPlanner
    answer_store: AnswerStore
    permissions: Permissions
    clock: Callable[[], float] = time.time

    @property
    def reviews(self) -> Reviews:
        """What people say of their grades."""
        return Reviews(self.store, self.answer_store, self.clock)

    @property
    def suspects(self) -> SuspectDecisions:
        """What people decide about suspect labels that their variance studies found."""
        return SuspectDecisions(self.store, self.planner.tasks, self.clock)

    async def start(self, request: EvalRequest) -> Eval:
        """Check what was asked for and write the eval down; its turns do the rest.

        The same trigger asked twice returns the same eval.

        Raises:
            UserError: the task, split, platform, models or numbers do not allow it; nothing was written.
            AlreadyTaken: the same person asked for the same within the last seconds; names that eval.
            HeldOut: it would be the first to open the held-out split outside evidence.
        """
        chosen = await chosen_for(self.store, request.task)
        evaluation = await self._labelled(await self.planner.plan(request, chosen.choice))
        await require_open(self.store, evaluation)
        return await start(
            self.store,
            evaluation,
            prefix=EVAL_PREFIX,
            asked=request,
            was_refused=lambda earlier: earlier.state is EvalState.REFUSED,
            entry=eval_started,
        )

    async def _labelled(self, evaluation: Eval) -> Eval:
        """Return an eval whose arms are named by step and job where they are checkpoints of one of the newest jobs."""
        profile, _ = self.planner.platform_of(evaluation.platform)
        if all(arm.model in profile.models for arm in evaluation.arms):
            return evaluation
        jobs = await self.store.records(Job, NEWEST_JOBS)
        names = {each.model_id: checkpoint_name(each.step, job.id) for job in jobs for each in job.checkpoints}
        return replace(evaluation, arms=tuple(replace(arm, label=names.get(arm.model)) for arm in evaluation.arms))

    async def openings(self, evaluation: Eval) -> tuple[str, ...]:
        """Return how often what an eval opens was opened outside evidence, this time included, as a sentence."""
        opened = await openings(self.store, evaluation.task, evaluation.opens) if evaluation.opens else ()
        return opened_sentences(opened)

    def prices_of(self, evaluation: Eval) -> dict[str, Price]:
        """Return what the answers of an eval's models cost, as far as their platform's profile says so."""
        try:
            profile, _ = self.planner.platform_of(evaluation.platform)
        except NotFound:  # of a platform that the bot does not know any more
            return {}
        prices = {arm.model: profile.price_of(arm.model) for arm in evaluation.arms}
        return {model: price for model, price in prices.items() if price}

    async def find(self, eval_id: str) -> Eval | None:
        """Return the eval with exactly this id, or None."""
        held = await self.store.record(Eval, eval_id)
        return held.value if held else None

    async def newest(self, limit: int = 10) -> tuple[Eval, ...]:
        """Return the newest evals, newest first."""
        return await self.store.records(Eval, limit)

    async def view(self, reference: str) -> Eval:
        """Return an eval as it stands.

        Args:
            reference: its id, or enough of its beginning, with or without `eval-`.

        Raises:
            NotFound: no eval, or more than one, matches.
        """
        return (await self._find(reference)).value

    @retried_on_conflict
    async def cancel(self, reference: str, by: str) -> Eval:
        """Write down that a person wants no more answers; whoever works on the eval sees it within two seconds.

        The answers on file are kept. If two people cancel, the first is recorded.

        Raises:
            NotFound: there is no such eval.
            Conflict: it has ended already.
            NotPermitted: this person may not; nothing was written.
        """
        held = await self._find(reference)
        evaluation = held.value
        if evaluation.state.is_final:
            raise Conflict(f"{evaluation.id} {ENDED[evaluation.state]}; there is nothing left to cancel.")
        if evaluation.cancelled_by:
            return evaluation
        await self.permissions.require_for_eval(
            evaluation.id, by, owner=evaluation.request.requested_by, task=evaluation.task
        )
        cancelled = replace(evaluation, cancelled_by=by)
        entry = eval_cancelled(cancelled, self.clock())
        # Somebody is at work on one that runs, and sees it; one that waits for its platform is looked at now.
        schedule = {evaluation.id: 0.0} if evaluation.waiting_since is not None else {}
        await self.store.commit(
            Change(records=(Versioned(cancelled, held.version),), schedule=schedule, audit=(entry,))
        )
        return cancelled

    async def export(self, reference: str, trigger: str) -> Eval:
        """Have an eval's answers so far put into its thread as Inspect logs, one for each arm; return the eval.

        The same trigger delivered twice puts them there once.

        Raises:
            NotFound: no eval, or more than one, matches.
            InvalidRequest: it has no answers yet, or no thread.
        """
        evaluation = await self.view(reference)
        thread = evaluation.request.thread or evaluation.id
        if not evaluation.progress.answered or await self.store.ledger(thread, card_id(thread)) is None:
            raise InvalidRequest(f"{evaluation.id} has no answers to export yet.")
        await self.store.commit(Change(postings=export_postings(evaluation, trigger)))
        return evaluation

    async def _find(self, reference: str) -> Versioned[Eval]:
        return await find(self.store, Eval, reference, prefix=EVAL_PREFIX, noun="eval")
