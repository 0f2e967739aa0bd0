"""The graders of one eval: each answer graded by all of them, none asked twice for the same score."""

import asyncio
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from jobs.graders import Grade, Grader, GraderErrorKind, GraderRuntime, MultiGrader, Sample, parse_grader
from jobs.graders import training_definition as without_threshold
from jobs.tasks import Task


@dataclass(frozen=True, slots=True)
class Graded:
    """The grades of one answer."""

    scores: Mapping[str, float] = field(default_factory=dict)
    """Finite scores by grader; one that failed is absent."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """Error kind by grader."""
    stopped: str | None = None
    """For people: what a grader did that had to be stopped."""


class EvalGraders:
    """A task's graders, but for those `without`; one that is also a part of a multi grader is run there only."""

    def __init__(self, runtime: GraderRuntime, task: Task, without: Collection[str] = ()) -> None:
        self._runtime = runtime
        kept = {name: definition for name, definition in task.graders.items() if name not in without}
        graders = {name: parse_grader(definition, name) for name, definition in kept.items()}
        parts = [part for each in graders.values() if isinstance(each, MultiGrader) for part in each.parts]
        inside = [without_threshold(part) for part in parts]
        self.names = tuple(graders)
        self.run: tuple[Grader, ...] = tuple(
            each for each in graders.values() if isinstance(each, MultiGrader) or without_threshold(each) not in inside
        )
        """The graders that are run; the others' scores come with these."""

    async def grade(self, batch: Sequence[tuple[str, Mapping[str, object]]]) -> list[Graded]:
        """Grade answers, each given with the item it answers; in their order."""
        pairs = [(Sample(text), item) for text, item in batch]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._runtime.grade(grader, pairs)) for grader in self.run]
        return [self._merged(grades) for grades in zip(*(task.result() for task in tasks), strict=True)]

    def _merged(self, grades: Sequence[Grade]) -> Graded:
        scores: dict[str, float] = {}
        errors: dict[str, str] = {}
        for grader, grade in zip(self.run, grades, strict=True):
            found = dict(grade.scores)
            failed = {name: kinds[0].value for name, kinds in grade.errors.items() if kinds}
            if grade.errors:
                failed.setdefault(grader.name, next(iter(failed.values()), GraderErrorKind.OTHER_ERROR.value))
            else:
                found[grader.name] = grade.reward
            for name in self.names:
                if name in failed:
                    errors[name] = failed[name]
                elif name in found and math.isfinite(found[name]):
                    scores[name] = found[name]
                elif name in found:
                    errors[name] = GraderErrorKind.OTHER_ERROR.value
        stopped = next((grade.detail for grade in grades if grade.stopped and grade.detail), None)
        return Graded(scores, errors, stopped)
