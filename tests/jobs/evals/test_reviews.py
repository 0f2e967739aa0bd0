"""What people say of grades: to what it is bound, how far they agree with a judge, and how it is kept."""

import json
import random
from dataclasses import replace
from time import process_time
from typing import Any

import pytest

from jobs.core.errors import Conflict, InvalidRequest, NotFound, UserError
from jobs.core.ids import summary_id
from jobs.evals.answer_store import Item
from jobs.evals.records import Eval
from jobs.evals.review_store import DRAWN, GradeAddress
from jobs.evals.reviews import NO_REVIEWS, Grade, Review, ReviewedGrade, TaskReviews, grade_of
from jobs.graders import fingerprint, parse_grader
from jobs.trail.entry import Act
from tests.jobs.evals.answers import an_answer, an_eval
from tests.jobs.evals.laboratory import Laboratory, valid_rows
from tests.records import ALICE, BOB, CAROL, CHANNEL

JUDGED = an_eval(
    graders=("helpful",),
    reward="helpful",
    judges=("helpful",),
    fingerprints={"helpful": "f1"},
    ranges={"helpful": (0.0, 5.0)},
)
ITEM = Item("i1", "Say hello.", "hello")


def a_grade(
    score: float = 4.0,
    reviews: TaskReviews = NO_REVIEWS,
    *,
    evaluation: Eval = JUDGED,
    item: Item = ITEM,
    text: str = "hello there",
) -> Grade:
    grade = grade_of(evaluation, item, an_answer(item.id, text=text, scores={"helpful": score}), "helpful", reviews)
    assert grade is not None
    return grade


def a_review(user: str = ALICE, *, is_right: bool = False, graded: float = 4.0, **more: Any) -> Review:
    return Review(user, user.removeprefix("U0").lower(), 10.0, graded, is_right, **more)


def kept(*reviews: Review, grade: Grade | None = None) -> TaskReviews:
    return NO_REVIEWS.with_grade(replace((grade or a_grade()).reviewed, reviews=reviews))


def many(*, right: int, wrong: int, drawn: bool, start: int = 0) -> TaskReviews:
    """One review of each of so many items."""
    found = NO_REVIEWS
    for number in range(right + wrong):
        grade = a_grade(item=Item(f"i{start + number}", "text", "x"))
        said = a_review(is_right=number < right, is_drawn=drawn)
        found = found.with_grade(grade.reviewed.with_review(said))
    return found


# -- to what it is bound ----------------------------------------------------------------------------------------------


def test_it_holds_for_the_same_answer_in_a_later_eval() -> None:
    later = replace(JUDGED, id="eval-later2", runs=1)
    assert a_grade(reviews=kept(a_review()), evaluation=later).reviewed.reviews == (a_review(),)


@pytest.mark.parametrize(
    "other",
    [
        a_grade(text="hello then"),
        a_grade(item=replace(ITEM, id="i2")),
        a_grade(item=replace(ITEM, reference="goodbye")),
        a_grade(item=replace(ITEM, input="Say goodbye.")),
        a_grade(evaluation=replace(JUDGED, fingerprints={"helpful": "f2"})),
    ],
    ids=["another answer", "another item", "another reference", "another text", "another version of the grader"],
)
def test_it_holds_for_nothing_else(other: Grade) -> None:
    assert kept(a_review()).of(other.reviewed).reviews == ()


@pytest.mark.parametrize(
    ("changes", "same"),
    [({"pass_threshold": 0.9}, True), ({"model": "judge-2"}, False), ({"range": [0, 10]}, False)],
)
def test_a_graders_version_is_what_can_change_its_scores(changes: dict[str, object], same: bool) -> None:
    judge = {
        "type": "score_model",
        "name": "helpful",
        "model": "judge-1",
        "range": [0, 5],
        "input": [{"role": "user", "content": "{{sample.output_text}}"}],
    }
    assert (fingerprint(parse_grader(judge)) == fingerprint(parse_grader({**judge, **changes}))) is same


def test_looking_up_the_grades_of_a_large_eval_costs_little() -> None:
    reviews = many(right=300, wrong=0, drawn=True)
    began = process_time()
    for number in range(3_000):
        assert not a_grade(reviews=reviews, text=f"answer {number}").reviewed.reviews
    assert process_time() - began < 3.0, "by comparing whole records it took 12 s"


def test_an_answer_without_a_score_cannot_be_checked() -> None:
    assert grade_of(JUDGED, ITEM, an_answer("i1", text=None, failure="429"), "helpful", NO_REVIEWS) is None
    assert grade_of(JUDGED, ITEM, an_answer("i1", scores={}), "helpful", NO_REVIEWS) is None
    before = replace(JUDGED, fingerprints={})
    assert grade_of(before, ITEM, an_answer("i1", scores={"helpful": 1.0}), "helpful", NO_REVIEWS) is None


# -- how far people agree ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("review", "score", "agrees"),
    [
        (a_review(is_right=True), 4.0, True),
        (a_review(is_right=True), 4.4, True),
        (a_review(is_right=True), 3.0, False),
        (a_review(is_right=False), 4.0, False),
        (a_review(is_right=False), 1.0, None),  # nobody knows whether 1 would have been right
        (a_review(is_right=False, score=1.0), 1.2, True),
        (a_review(is_right=False, score=1.0), 4.0, False),
    ],
)
def test_what_was_said_of_one_score_says_this_of_another(review: Review, score: float, agrees: bool | None) -> None:
    assert review.agrees(score, 0.5) is agrees


def test_two_people_who_disagree_settle_nothing_and_a_third_does() -> None:
    grade = replace(a_grade().reviewed, reviews=(a_review(ALICE, is_right=True), a_review(BOB)))
    assert grade.verdict is None
    assert grade.with_review(a_review(CAROL)).verdict is False
    said = NO_REVIEWS.with_grade(grade).agreement("helpful", "f1")
    assert (said.divided, said.people, said.drawn, said.picked) == (1, 2, None, None)
    assert "On 1 grade of the judge helpful people disagree with each other." in said.sentence


def test_who_changes_their_mind_counts_once() -> None:
    grade = a_grade().reviewed.with_review(a_review(is_right=True)).with_review(a_review(is_right=False))
    assert [each.is_right for each in grade.reviews] == [False]


def test_an_unchecked_judge_is_called_that() -> None:
    (said,) = NO_REVIEWS.agreements(JUDGED)
    assert said.sentence == "No grades of this judge (helpful) have been checked by a person."


def test_agreement_comes_with_its_interval_and_keeps_picked_grades_apart() -> None:
    drawn, picked = many(right=18, wrong=2, drawn=True), many(right=1, wrong=4, drawn=False, start=50)
    both = replace(drawn, grades=(*drawn.grades, *picked.grades))
    said = both.agreement("helpful", "f1")
    assert said.drawn is not None
    assert said.drawn.interval is not None
    assert said.drawn.interval.low == pytest.approx(0.69, abs=0.02)
    assert said.sentence.startswith("Grades of the judge helpful that 1 person checked are right: 18 of 20 (90%, 6")
    assert "drawn at random; 1 of 5 (20%," in said.sentence
    assert "Only grades drawn" not in said.sentence
    assert "Only grades drawn at random" in picked.agreement("helpful", "f1").sentence


@pytest.mark.parametrize(
    ("graded", "deserved", "is_said"),
    [
        ([4.0] * 20, [4.0] * 19 + [1.0], True),  # it calls everything good, and nearly everything is
        ([4.0] * 11 + [1.0] * 9, [4.0] * 11 + [1.0] * 8 + [4.0], False),
        ([4.0] * 5, [4.0] * 5, False),  # too few to say so
    ],
)
def test_a_judge_that_is_right_no_more_often_than_one_score_for_all_is_called_that(
    graded: list[float], deserved: list[float], is_said: bool
) -> None:
    found = NO_REVIEWS
    for number, (score, right) in enumerate(zip(graded, deserved, strict=True)):
        said = a_review(is_right=score == right, graded=score, score=None if score == right else right, is_drawn=True)
        found = found.with_grade(a_grade(score, item=Item(f"i{number}", "text", "x")).reviewed.with_review(said))
    sentence = found.agreement("helpful", "f1").sentence
    assert ("Always 4.00 would be right as often, so it hardly tells answers apart." in sentence) is is_said


def test_another_version_of_the_judge_starts_from_nothing_and_that_is_said() -> None:
    changed = replace(JUDGED, fingerprints={"helpful": "f2"})
    (said,) = many(right=3, wrong=0, drawn=True).agreements(changed)
    assert said.sentence == (
        "No grades of this judge (helpful) have been checked by a person; 3 of an earlier version were."
    )


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """A judge that is right on 85% of grades; 30 drawn, two of each item: the interval holds .85 in about 95%."""
    chance, covered, rounds = random.Random(5), 0, 400
    for _ in range(rounds):
        found: list[ReviewedGrade] = []
        for number in range(15):
            for text in ("one", "two"):
                grade = a_grade(item=Item(f"i{number}", "t", "x"), text=text).reviewed
                found.append(grade.with_review(a_review(is_right=chance.random() < 0.85, is_drawn=True)))
        share = TaskReviews("acts", tuple(found)).agreement("helpful", "f1").drawn
        assert share is not None
        assert share.interval is not None
        covered += share.interval.low <= 0.85 <= share.interval.high
    assert 0.91 <= covered / rounds <= 0.99


# -- kept -------------------------------------------------------------------------------------------------------------


async def an_ended_eval(lab: Laboratory, **changes: Any) -> Eval:
    lab.endpoint.says = lambda _: '{"label": "fish"}'
    return await lab.run((await lab.start(**changes)).id)


async def posted(lab: Laboratory, evaluation: Eval) -> None:
    """Let an eval's result stand in its thread, with nothing waiting to be posted."""
    name, entry = f"{{proctor}}:ledger:{evaluation.id}", {"channel": CHANNEL, "ts": "1.0"}
    await lab.store._redis.hset(name, f"eval:{evaluation.id}:result", json.dumps(entry))
    await lab.store._redis.delete(f"{{proctor}}:lane:result:{evaluation.id}")


def at(evaluation: Eval, item: str = "i1", **changes: Any) -> GradeAddress:
    return replace(GradeAddress(evaluation.id, item, evaluation.arms[0].name, 1, "exact"), **changes)


async def test_what_is_said_is_kept_shown_in_the_thread_and_in_the_trail_once(lab: Laboratory) -> None:
    ended = await an_ended_eval(lab)
    reviews = lab.evals.reviews
    grade = await reviews.grade(ended, at(ended))
    assert grade.score == 0.0
    await posted(lab, ended)
    for _ in range(2):
        await reviews.say(grade, a_review(note="close enough"), CHANNEL)
    assert await lab.postings(f"result:{ended.id}") == [f"eval:{ended.id}:result"]
    again = await reviews.grade(ended, at(ended))
    assert [(each.user, each.is_right, each.graded) for each in again.reviewed.reviews] == [(ALICE, False, 0.0)]
    entries = [each.entry for each in await lab.store.trail_about(ended.id, 10)]
    said = [each for each in entries if each.act is Act.GRADE_REVIEWED]
    assert [(each.who, each.why, each.details["said"]) for each in said] == [(ALICE, "close enough", "0.00 is wrong")]
    held = await lab.store.record(TaskReviews, "small")
    assert held is not None
    assert held.version == 1


async def test_what_is_said_of_a_jobs_eval_is_shown_in_the_jobs_summary(lab: Laboratory) -> None:
    ended = await an_ended_eval(lab)
    of_job = replace(ended, request=replace(ended.request, job="rft-abc234"))
    grade = replace(await lab.evals.reviews.grade(ended, at(ended)), evaluation=of_job)
    await lab.evals.reviews.say(grade, a_review(), CHANNEL)
    assert await lab.postings("summary:rft-abc234") == [], "there is no summary yet"
    entry = json.dumps({"channel": CHANNEL, "ts": "1.0"})
    await lab.store._redis.hset("{proctor}:ledger:rft-abc234", summary_id("rft-abc234"), entry)
    await lab.evals.reviews.say(grade, a_review(is_right=True), CHANNEL)
    assert await lab.postings("summary:rft-abc234") == [summary_id("rft-abc234")]


async def test_two_people_at_once_are_both_kept(lab: Laboratory) -> None:
    ended = await an_ended_eval(lab)
    grade = await lab.evals.reviews.grade(ended, at(ended))
    await lab.evals.reviews.say(grade, a_review(ALICE), CHANNEL)
    await lab.evals.reviews.say(grade, a_review(BOB, is_right=True), CHANNEL)
    await lab.evals.reviews.say(grade, a_review(ALICE, is_right=True), CHANNEL)
    again = await lab.evals.reviews.grade(ended, at(ended))
    assert {each.user: each.is_right for each in again.reviewed.reviews} == {ALICE: True, BOB: True}


async def test_a_later_eval_that_gives_the_same_answer_shows_it_and_a_new_grader_does_not(lab: Laboratory) -> None:
    first = await an_ended_eval(lab)
    grade = await lab.evals.reviews.grade(first, at(first))
    await lab.evals.reviews.say(grade, a_review(), CHANNEL)
    second = await an_ended_eval(lab, trigger="trigger-2", runs=2)
    assert (await lab.evals.reviews.grade(second, at(second, run=2))).reviewed.reviews
    changed = {"type": "string_check", "operation": "eq", "input": "{{sample.output_json.label}}", "reference": "coal"}
    lab.write_task({"valid.jsonl": valid_rows(6), "graders/exact.json": json.dumps({"name": "exact", **changed})})
    third = await an_ended_eval(lab, trigger="trigger-3", limit=3)
    assert (await lab.evals.reviews.grade(third, at(third))).reviewed.reviews == ()


async def test_grades_are_drawn_at_random_and_each_once(lab: Laboratory) -> None:
    ended = await an_ended_eval(lab, runs=3)
    reviews, seen = lab.evals.reviews, set[str]()
    drawn = await reviews.drawn(ended, "exact", ALICE)
    assert [each.item.id for each in drawn] == [each.item.id for each in await reviews.drawn(ended, "exact", ALICE)]
    assert len(drawn) == len({each.item.id for each in drawn}) == DRAWN
    while drawn := await reviews.drawn(ended, "exact", ALICE):
        seen.add(drawn[0].item.id)
        await reviews.say(drawn[0], a_review(is_right=True, is_drawn=True), CHANNEL)
    assert seen == {"i0", "i1", "i2", "i3", "i4", "i5"}
    assert len(await reviews.drawn(ended, "exact", BOB)) == DRAWN
    (said,) = (await reviews.of_task("small-data-3")).agreements(ended)
    assert said.sentence.startswith("Grades of exact that 1 person checked are right: 6 of 6 (100%, ")


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"item": "i9"}, NotFound, "has no item 'i9'; did you mean"),
        ({"run": 7}, NotFound, "no answer to i1 in run 7"),
        ({"grader": "exakt"}, NotFound, "did you mean 'exact'?"),
    ],
)
async def test_what_is_not_there_cannot_be_checked(
    lab: Laboratory, changes: dict[str, Any], kind: type[UserError], words: str
) -> None:
    ended = await an_ended_eval(lab)
    with pytest.raises(kind, match=words.replace("?", r"\?")):
        await lab.evals.reviews.grade(ended, at(ended, **changes))


async def test_an_eval_of_before_cannot_be_checked_and_says_why(lab: Laboratory) -> None:
    ended = await an_ended_eval(lab)
    with pytest.raises(Conflict, match="before grades could be checked"):
        await lab.evals.reviews.grade(replace(ended, fingerprints={}), at(ended))


@pytest.mark.parametrize(
    ("review", "words"),
    [
        (a_review(is_right=False, score=7.0), "helpful goes from 0 to 5; 7 is outside it"),
        (a_review(is_right=True, score=1.0), "4.00 cannot be right if 1.00 is right"),
        (a_review(is_right=False, score=4.2), "4.00 cannot be wrong if 4.20 is right"),
    ],
)
async def test_a_score_that_cannot_be_is_refused(lab: Laboratory, review: Review, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        await lab.evals.reviews.say(a_grade(), review, CHANNEL)


async def test_what_is_said_of_an_eval_without_a_result_posts_no_result_before_its_time(lab: Laboratory) -> None:
    ended = await an_ended_eval(lab)
    await lab.store._redis.delete("{proctor}:lane:result:" + ended.id)
    grade = await lab.evals.reviews.grade(ended, at(ended))
    await lab.evals.reviews.say(grade, a_review(), CHANNEL)
    assert await lab.postings(f"result:{ended.id}") == []
