"""Checking grades: the button next to a grade, its form, and `/eval review`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import TypeAdapter
from slack_bolt.async_app import AsyncAck

from charts.wording import counted, grader_name, number, on_scale
from handlers.slack.blocks import Block, Message, button, context, cut, escape, quoted, section
from handlers.slack.commands import Typed
from handlers.slack.forms import Choice, modal, select, text_input
from handlers.slack.listeners import Listeners
from handlers.slack.people import People
from handlers.slack.replies import Answers, Asker
from handlers.slack.wording import moment, person
from jobs.core.errors import BotError, InvalidRequest, NotFound
from jobs.core.nearest import nearest
from jobs.evals.records import Eval
from jobs.evals.review_store import GradeAddress
from jobs.evals.reviews import Grade, Review
from jobs.evals.service import Evals

CHECK: Final = "check_grade"
FORM: Final = "review_grade"
SAYS: Final = "says"
SCORE: Final = "score"
NOTE: Final = "note"
RIGHT: Final = Choice("The grade is right", "right")
WRONG: Final = Choice("The grade is wrong", "wrong")
MOST_INPUT: Final = 1200
MOST_ANSWER: Final = 2400
MOST_LISTED: Final = 160
MOST_NOTE: Final = 300
SHOWN_NOTE: Final = 80
MOST_PEOPLE: Final = 3
MOST_VALUE: Final = 2000
"""Characters of a button's value; a form remembers 3,000."""
REVIEW_KEYS: Final[Mapping[str, str]] = {
    "item": "<item>",
    "says": "right|wrong|<score>",
    "grader": "<grader>",
    "model": "<model>",
    "run": "n",
    "note": '"<why>"',
}
ADDRESS: Final = TypeAdapter(GradeAddress)


def register(listeners: Listeners) -> None:
    """Listen to the buttons next to grades, and to their form."""
    listeners.opens_form(CHECK, ask_what_is_right)
    listeners.form(FORM, take_review)


# -- next to a grade --------------------------------------------------------------------------------------------------


def check_button(grade: Grade, *, is_drawn: bool = False) -> Block | None:
    """Return the button that opens the form about a grade; None where its address is longer than Slack takes."""
    reads, value = f"Check the grade of {grade.answer.item}", _remembered(_address(grade), is_drawn=is_drawn)
    return button("Check grade", CHECK, value, reads=reads) if len(value) <= MOST_VALUE else None


def said_of(grade: Grade) -> str:
    """Return what people say of a grade, the newest last, in Slack's markup; "" where nobody said anything."""
    newest = grade.reviewed.reviews[-MOST_PEOPLE:]
    more = len(grade.reviewed.reviews) - len(newest)
    said = [*([f"{more} earlier"] if more else []), *(f"{person(each.user)}: {_words(each)}" for each in newest)]
    return "; ".join(said)


def _words(review: Review) -> str:
    return f"{review.words}, {moment(review.at)}" + (f" ({quoted(review.note, SHOWN_NOTE)})" if review.note else "")


def _address(grade: Grade) -> GradeAddress:
    return GradeAddress(grade.evaluation.id, grade.answer.item, grade.answer.arm, grade.answer.run, grade.grader)


def _remembered(address: GradeAddress, *, is_drawn: bool, **more: str) -> str:
    return json.dumps({"at": ADDRESS.dump_python(address), "drawn": is_drawn, **more}, ensure_ascii=False)


# -- the form ---------------------------------------------------------------------------------------------------------


async def ask_what_is_right(action: dict[str, Any], asker: Asker, evals: Evals, people: People) -> Block:
    """Return the form about one grade: the item, the answer, the score, and what people say of it."""
    await people.require_membership(asker.channel)
    remembered = json.loads(str(action["value"]))
    at = ADDRESS.validate_python(remembered["at"])
    grade = await evals.reviews.grade(await evals.view(at.evaluation), at)
    return form(grade, asker, is_drawn=bool(remembered["drawn"]))


def form(grade: Grade, asker: Asker, *, is_drawn: bool) -> Block:
    """Return the form about a grade, filled in with what this person said of it before."""
    own = next((each for each in grade.reviewed.reviews if each.user == asker.user), None)
    chosen = (RIGHT if own.is_right else WRONG) if own else None
    said = said_of(grade)
    blocks = [
        section(f"*Item {escape(cut(grade.item.id, 60))}*\n{quoted(grade.item.input, MOST_INPUT)}"),
        section(f"*Reference*\n{escape(cut(_json(grade.item.reference), MOST_INPUT))}"),
        section(f"*Answer of {escape(grade.answer.arm)}*\n{escape(cut(grade.answer.shown or '', MOST_ANSWER))}"),
        section(f"*{escape(grader_name(grade.grader))} {number(grade.score)}*{on_scale(grade.range)}"),
        *([context(f"Checked already. {said}")] if said else ()),
        select("Is this grade right?", SAYS, [RIGHT, WRONG], chosen=chosen),
        text_input("Score that you would give", SCORE, "A number; may be left empty.", 20, optional=True),
        text_input("Why", NOTE, "Shown with your name; may be left empty.", MOST_NOTE, optional=True),
    ]
    remembered = _remembered(_address(grade), is_drawn=is_drawn, channel=asker.channel)
    return modal(FORM, "Check a grade", "Save", blocks, remembered)


async def take_review(
    ack: AsyncAck, body: dict[str, Any], view: dict[str, Any], evals: Evals, answers: Answers
) -> None:
    """Write down what was said in the form; a score that cannot be given is said in the form."""
    remembered, values = json.loads(str(view["private_metadata"])), view["state"]["values"]
    at, user = ADDRESS.validate_python(remembered["at"]), body["user"]
    entered = str(values[SCORE][SCORE].get("value") or "").strip()
    try:
        grade = await evals.reviews.grade(await evals.view(at.evaluation), at)
        review = Review(
            user=str(user["id"]),
            name=str(user.get("name") or user.get("username") or ""),
            at=0.0,
            graded=grade.score,
            is_right=values[SAYS][SAYS]["selected_option"]["value"] == RIGHT.value,
            score=_score(entered) if entered else None,
            is_drawn=bool(remembered["drawn"]),
            note=str(values[NOTE][NOTE].get("value") or "").strip(),
        )
        await evals.reviews.say(grade, review, str(remembered["channel"]))
    except BotError as problem:
        await ack(response_action="errors", errors={SCORE: str(problem)})
        return
    await ack()
    await answers.tell(review.user, str(remembered["channel"]), _thanks(grade, review))


def _thanks(grade: Grade, review: Review) -> str:
    return (
        f"Kept: {escape(grader_name(grade.grader))} {escape(review.words)} on `{escape(cut(grade.answer.item, 60))}` "
        f"of `{grade.evaluation.id}`. The same form, or `/eval review`, changes it."
    )


def _score(text: str) -> float:
    try:
        score = float(text.replace(",", "."))
    except ValueError:
        score = float("nan")
    if not abs(score) < float("inf"):
        raise InvalidRequest(f"'{cut(text, 20)}' is not a number.")
    return score


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# -- the command ------------------------------------------------------------------------------------------------------


async def review(typed: Typed, asker: Asker, command: dict[str, Any], evals: Evals, people: People) -> Message | str:
    """Show grades drawn at random, or one grade; or write down what a person says of one."""
    await people.require_membership(asker.channel)
    evaluation, given = await evals.view(typed.word), typed.given
    grader = given.get("grader") or next(iter(evaluation.judges), evaluation.reward)
    if "item" not in given:
        if others := [key for key in given if key != "grader"]:
            raise InvalidRequest(f"`{others[0]}=` is about one grade; add `item=<item>`.")
        return drawn_message(evaluation, await evals.reviews.drawn(evaluation, grader, asker.user), grader)
    at = GradeAddress(evaluation.id, given["item"], _arm(evaluation, given.get("model")), _run(given), grader)
    grade = await evals.reviews.grade(evaluation, at)
    if "says" not in given:
        return Message(f"Item {at.item}", _listed([grade], is_drawn=False))
    is_right, score = _read_says(given["says"], grade)
    told = Review(
        user=asker.user,
        name=str(command.get("user_name") or ""),
        at=0.0,
        graded=grade.score,
        is_right=is_right,
        score=score,
        note=given.get("note", "")[:MOST_NOTE],
    )
    await evals.reviews.say(grade, told, asker.channel)
    return _thanks(grade, told)


def _read_says(says: str, grade: Grade) -> tuple[bool, float | None]:
    """Return whether a person calls a grade right, and the score that they would give if they gave one."""
    if says.lower() in {RIGHT.value, WRONG.value}:
        return says.lower() == RIGHT.value, None
    try:
        score = _score(says)
    except InvalidRequest:
        raise InvalidRequest(f"`says=` takes right, wrong or a score, not '{cut(says, 20)}'.") from None
    return grade.is_close_to(score), score


def _arm(evaluation: Eval, model: str | None) -> str:
    names = [arm.name for arm in evaluation.arms]
    if model is None:
        return names[0]
    found = next((arm.name for arm in evaluation.arms if model in {arm.name, arm.model, arm.label}), None)
    if found is None:
        raise NotFound(f"{evaluation.id} has no model '{model}'; {nearest(model, names)}")
    return found


def _run(given: Mapping[str, str]) -> int:
    run = given.get("run", "1")
    if not run.isdecimal():
        raise InvalidRequest(f"run={run} is no number of a run; the first is 1.")
    return int(run)


def drawn_message(evaluation: Eval, grades: Sequence[Grade], grader: str) -> Message:
    """Return grades drawn at random, each with the button that checks it."""
    if not grades:
        return Message(f"There is no grade by {escape(grader)} in `{evaluation.id}` that you have not checked.")
    title = f"{counted(len(grades), 'grade')} by {escape(grader_name(grader))} in `{evaluation.id}`, drawn at random"
    small = "Read each one, whether it looks wrong or not: what is drawn at random says how far to trust the others."
    return Message(title, (section(f"*{title}*"), *_listed(grades, is_drawn=True), context(small)))


def _listed(grades: Sequence[Grade], *, is_drawn: bool) -> tuple[Block, ...]:
    return tuple(
        section(_line(grade), block_id=f"drawn:{place}", accessory=check_button(grade, is_drawn=is_drawn))
        for place, grade in enumerate(grades)
    )


def _line(grade: Grade) -> str:
    said = said_of(grade)
    return "\n".join(
        [
            f"`{escape(cut(grade.item.id, 40))}` *{number(grade.score)}* · {quoted(grade.item.input, MOST_LISTED)}",
            quoted(grade.answer.shown or "", MOST_LISTED),
            *([said] if said else ()),
        ]
    )
