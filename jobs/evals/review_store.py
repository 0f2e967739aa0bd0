"""Where what people say of grades is looked up and written down, one record for each task."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from heapq import nsmallest
from typing import Final

from charts.wording import number
from jobs.core.errors import Conflict, InvalidRequest, NotFound
from jobs.core.nearest import nearest
from jobs.core.records import Posting
from jobs.evals.answer_store import AnswerReader
from jobs.evals.postings import result_posting
from jobs.evals.records import Answer, Eval
from jobs.evals.reviews import Agreement, Grade, Review, ReviewedGrade, TaskReviews, grade_of, text_hash
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, retried_on_conflict
from jobs.tasks.datasets.versions import base_name
from jobs.trail.entry import Act, AuditEntry

DRAWN: Final = 5
"""Grades that are drawn at once."""


@dataclass(frozen=True, slots=True)
class GradeAddress:
    """Where a grade stands: an eval's answer and one of its graders."""

    evaluation: str
    item: str
    arm: str
    run: int
    grader: str


@dataclass(frozen=True, slots=True)
class Reviews:
    """What people say of grades."""

    store: Store
    reader: AnswerReader
    clock: Callable[[], float]
    """Unix seconds."""

    async def of_task(self, task: str) -> TaskReviews:
        """Return what people say of the grades of a task, whichever version of its data is named."""
        return (await held_reviews(self.store, task)).value

    async def agreements(self, *evaluations: Eval) -> tuple[Agreement, ...]:
        """Return how far people agree with the judges of some evals, each version of a judge once."""
        reviews = {each.task: await self.of_task(each.task) for each in evaluations}
        return tuple(dict.fromkeys(found for each in evaluations for found in reviews[each.task].agreements(each)))

    async def grade(self, evaluation: Eval, at: GradeAddress) -> Grade:
        """Return one grade.

        Raises:
            NotFound: the eval has no such item, or no such answer to it.
            InvalidRequest: the answer has no score by that grader.
            Conflict: the eval did not write down by which version of the grader it was graded.
        """
        reviews = await self.of_task(evaluation.task)
        return await asyncio.to_thread(self._read, evaluation, at, reviews)

    def _read(self, evaluation: Eval, at: GradeAddress, reviews: TaskReviews) -> Grade:
        if at.grader not in evaluation.graders:
            raise NotFound(f"{evaluation.id} has no grader '{at.grader}'; {nearest(at.grader, evaluation.graders)}")
        if at.grader not in evaluation.fingerprints:
            raise Conflict(f"{evaluation.id} was started before grades could be checked; evaluate again.")
        items = {item.id: item for item in self.reader.items(evaluation.id)}
        if at.item not in items:
            raise NotFound(f"{evaluation.id} has no item '{at.item}'; {nearest(at.item, items)}")
        for answer in self.reader.answers(evaluation.id):
            if (answer.item, answer.arm, answer.run) == (at.item, at.arm, at.run):
                if found := grade_of(evaluation, items[at.item], answer, at.grader, reviews):
                    return found
                raise InvalidRequest(f"Run {at.run} of {at.arm} on {at.item} has no score by {at.grader}.")
        raise NotFound(f"{at.arm} has no answer to {at.item} in run {at.run} of {evaluation.id}.")

    async def drawn(self, evaluation: Eval, grader: str, user: str) -> tuple[Grade, ...]:
        """Return grades drawn at random from those that this person has not checked, the same until they check one."""
        reviews = await self.of_task(evaluation.task)
        return await asyncio.to_thread(self._drawn, evaluation, grader, user, reviews)

    def _drawn(self, evaluation: Eval, grader: str, user: str, reviews: TaskReviews) -> tuple[Grade, ...]:
        items = {item.id: item for item in self.reader.items(evaluation.id)}

        def unchecked() -> Iterator[tuple[str, Answer]]:
            for answer in self.reader.answers(evaluation.id):
                item = items.get(answer.item)
                grade = item and grade_of(evaluation, item, answer, grader, reviews)
                if grade and all(each.user != user for each in grade.reviewed.reviews):
                    # One answer is drawn once, however many runs give it, or copies would count as agreement.
                    yield text_hash(f"{evaluation.id} {user} {answer.item} {answer.shown}"), answer

        drawn = nsmallest(DRAWN, dict(unchecked()).items())
        grades = (grade_of(evaluation, items[answer.item], answer, grader, reviews) for _, answer in drawn)
        return tuple(each for each in grades if each)

    async def say(self, grade: Grade, review: Review, where: str) -> ReviewedGrade:
        """Write down what a person says of a grade, in place of what they said of it before; show it in the thread.

        Said twice, it is written once.

        Args:
            grade: the grade as they saw it.
            review: what they say; its time, score and eval are filled in here.
            where: Slack channel id.

        Raises:
            InvalidRequest: the score that they would give is none that the grader could give, or contradicts them.
        """
        review = replace(review, graded=grade.score, at=self.clock(), evaluation=grade.evaluation.id)
        _check(grade, review)
        return await self._write(grade, review, where)

    @retried_on_conflict
    async def _write(self, grade: Grade, review: Review, where: str) -> ReviewedGrade:
        held = await held_reviews(self.store, grade.evaluation.task)
        before = held.value.of(replace(grade.reviewed, reviews=()))
        earlier = next((each for each in before.reviews if each.user == review.user), None)
        if earlier:
            # Picked or drawn, it is once: a person who comes back to a grade that was drawn has not picked it.
            review = replace(review, is_drawn=earlier.is_drawn)
            if replace(earlier, at=review.at, evaluation=review.evaluation) == review:
                return before
        after = before.with_review(review)
        await self.store.commit(
            Change(
                records=(Versioned(held.value.with_grade(after), held.version),),
                postings=await self._postings(grade.evaluation),
                audit=(_entry(grade, review, where),),
            )
        )
        return after

    async def _postings(self, evaluation: Eval) -> tuple[Posting, ...]:
        """Return what brings the message that shows an eval's grades up to date, where there is one by now."""
        shown = result_posting(evaluation, urgent=True)
        return (shown,) if await self.store.ledger(shown.subject, shown.id) else ()


async def held_reviews(store: Store, task: str) -> Versioned[TaskReviews]:
    """Return what people say of the grades of a task, whichever version of its data is named."""
    name = base_name(task)
    return await store.record(TaskReviews, name) or Versioned(TaskReviews(name), 0)


def _check(grade: Grade, review: Review) -> None:
    if review.score is None:
        return
    low, high = grade.range or (review.score, review.score)
    if not low <= review.score <= high:
        raise InvalidRequest(f"{grade.grader} goes from {low:g} to {high:g}; {review.score:g} is outside it.")
    if grade.is_close_to(review.score) is not review.is_right:
        called = "right" if review.is_right else "wrong"
        raise InvalidRequest(
            f"{number(grade.score)} cannot be {called} if {number(review.score)} is right: scores that differ by up to "
            f"{number(grade.reviewed.tolerance)} count as the same."
        )


def _entry(grade: Grade, review: Review, where: str) -> AuditEntry:
    evaluation, answer = grade.evaluation, grade.answer
    return AuditEntry(
        at=review.at,
        who=review.user,
        act=Act.GRADE_REVIEWED,
        task=evaluation.task,
        subject=evaluation.id,
        why=review.note,
        where=where,
        details={
            "item": answer.item,
            "answer": f"run {answer.run} of {answer.arm}",
            "grader": f"{grade.grader} ({grade.reviewed.fingerprint})",
            "said": review.words,
        },
    )
