"""Has answers graded: those of the trials, and odd ones that nobody asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from jobs.checks.facts import OddGrade, Source, Trial
from jobs.checks.trials import Answers
from jobs.graders import Grade, Grader, Sample
from jobs.tasks import Row
from jobs.tasks.datasets.answer_shape import AnswerShape
from jobs.tasks.labels import REFERENCE

PATIENCE_SECONDS = 10.0
"""Training grades hundreds of answers a step; a grader that takes longer for one is of no use to it."""
ODD_ANSWERS: Mapping[str, str] = {
    "an empty answer": "",
    "{}": "{}",
    "null": "null",
    "[]": "[]",
    "a number": "7",
    "a text": '"text"',
    "no JSON at all": "no JSON at all",
    "fields nobody asked for": '{"unexpected": [null, 1, {"deeper": true}]}',
}

_WRONG_VALUES: Mapping[str, object] = {"null": None, "a number": 7, "a list of nulls": [None, 1, {}], "an object": {}}

Batch = Sequence[tuple[Sample, Mapping[str, object]]]


class Grades(Protocol):
    """What grades: `jobs.graders.GraderRuntime`, or whatever else can."""

    async def grade(self, grader: Grader, batch: Batch, seconds: float | None = None) -> list[Grade]:
        """One grade for each sample, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class Examiner:
    """Has graders tried."""

    runtime: Grades
    seconds: float = PATIENCE_SECONDS
    """How long a grader may take for one answer."""

    async def trials(
        self, grader: Grader, rows: tuple[Row, ...], answers: Mapping[Source, Answers]
    ) -> dict[Source, Trial]:
        """Have each source's answers to the rows graded."""
        made: dict[Source, Trial] = {}
        for source, (phrase, texts) in answers.items():
            batch = [(Sample(text), row.item) for text, row in zip(texts, rows, strict=True)]
            grades = await self.runtime.grade(grader, batch, self.seconds)
            made[source] = Trial(source, phrase, rows, texts, tuple(grades))
        return made

    async def odd_answers(self, grader: Grader, row: Row, shape: AnswerShape | None) -> list[OddGrade]:
        """Have answers graded that a model may give although nobody asked for them."""
        odd = {**ODD_ANSWERS, **(_wrong_types(shape) if shape else {})}
        return await self._odd(grader, odd, [(Sample(text), row.item) for text in odd.values()])

    async def odd_rows(self, grader: Grader, row: Row, answer: str) -> list[OddGrade]:
        """Have a good answer graded against rows whose reference is empty, of another type, or not there."""
        without = {key: value for key, value in row.item.items() if key != REFERENCE}
        odd: dict[str, Mapping[str, object]] = {
            "an empty list as reference": {**without, REFERENCE: []},
            "an empty text as reference": {**without, REFERENCE: ""},
            "null as reference": {**without, REFERENCE: None},
            "a number as reference": {**without, REFERENCE: 7},
            "no reference": without,
        }
        return await self._odd(grader, odd, [(Sample(answer), item) for item in odd.values()])

    async def _odd(self, grader: Grader, odd: Mapping[str, object], batch: Batch) -> list[OddGrade]:
        grades = await self.runtime.grade(grader, batch, self.seconds)
        return [OddGrade(grader.name, what, grade) for what, grade in zip(odd, grades, strict=True)]


def _wrong_types(shape: AnswerShape) -> dict[str, str]:
    """Answers of the right outer shape whose labels are no labels."""
    at = ".".join(shape.path)
    return {f"{value} as {at}": shape.with_value(held) for value, held in _WRONG_VALUES.items()}
