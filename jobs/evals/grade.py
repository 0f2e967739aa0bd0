"""The graders of one eval: each answer graded by all of them, none asked twice for the same score.

Why a grader gave no score decides what becomes of the answer:

    the answer is at fault    it scores what it would score in training, and is counted as one that could not be graded
    anything else broke       the score is missing: the grader raises, hangs or gives no number; a judge, the network
"""

import asyncio
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from jobs.evals.answer_form import AnswerForm
from jobs.graders import (
    Gates,
    Grade,
    Grader,
    GraderErrorKind,
    GraderRuntime,
    Item,
    MultiGrader,
    Sample,
    TokenUsage,
    example_samples,
    gates_of,
    lacking,
    models_of,
    offered_tools,
    parse_grader,
    run_elsewhere,
)
from jobs.graders import training_definition as without_threshold
from jobs.tasks import Task


@dataclass(frozen=True, slots=True)
class Graded:
    """The grades of one answer."""

    scores: Mapping[str, float] = field(default_factory=dict)
    """Finite scores by grader; one that broke is absent."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """Error kind by grader that broke."""
    ungradable: Mapping[str, str] = field(default_factory=dict)
    """Error kind by grader that found nothing to grade; its score is that of training."""
    usage: TokenUsage = field(default_factory=TokenUsage)
    """Of judges."""
    stopped: str | None = None
    """For people: what a grader did that had to be stopped."""
    closed: tuple[str, ...] = ()
    """Gates of the reward that closed on the answer."""


class EvalGraders:
    """A task's graders that run here, but for those `without`.

    One that is also a part of a multi grader is run there only.
    """

    def __init__(
        self, runtime: GraderRuntime, task: Task, without: Collection[str] = (), *, looks_at_gates: bool = False
    ) -> None:
        self._runtime = runtime
        self._reward = task.reward
        self._gates = gates_of(parse_grader(task.reward_grader, task.reward)) if looks_at_gates else Gates()
        self._form = AnswerForm.of(task)
        self._response_format = task.response_format if self._form.schema is not None else None
        kept = {name: definition for name, definition in task.graders.items() if name not in without}
        parsed = {name: parse_grader(definition, name) for name, definition in kept.items()}
        graders = {name: grader for name, grader in parsed.items() if run_elsewhere(grader) is None}
        parts = [part for each in graders.values() if isinstance(each, MultiGrader) for part in each.parts]
        inside = [without_threshold(part) for part in parts]
        self.names = tuple(graders)
        self.run: tuple[Grader, ...] = tuple(
            each for each in graders.values() if isinstance(each, MultiGrader) or without_threshold(each) not in inside
        )
        """The graders that are run; the others' scores come with these."""
        self.judges = sum(len(models_of(each)) for each in self.run)
        """Models that each answer is shown to."""

    async def grade(self, batch: Sequence[tuple[Sample, Item]]) -> list[Graded]:
        """Grade answers, each given with the item it answers; in their order."""
        pairs = [(replace(sample, output_text=self._form.read(sample.output_text)), item) for sample, item in batch]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._graded(grader, pairs)) for grader in self.run]
        return [self._merged(graded) for graded in zip(*(task.result() for task in tasks), strict=True)]

    async def _graded(self, grader: Grader, pairs: Sequence[tuple[Sample, Item]]) -> list[Graded]:
        grades = await self._runtime.grade(grader, pairs)
        faults = await self._faults(grader, pairs, grades)
        read = [_read(grader, grade, fault) for grade, fault in zip(grades, faults, strict=True)]
        if grader.name != self._reward or not self._gates.names:
            return read
        closed = await self._gates.closed(self._runtime, pairs, grades)
        return [replace(each, closed=gates) for each, gates in zip(read, closed, strict=True)]

    def _merged(self, graded: Sequence[Graded]) -> Graded:
        """Put together what the graders that were run say of one answer."""
        scores, errors, ungradable = dict[str, float](), dict[str, str](), dict[str, str]()
        for each in graded:
            scores |= each.scores
            errors |= each.errors
            ungradable |= each.ungradable
        return Graded(
            {name: scores[name] for name in self.names if name in scores},
            {name: errors[name] for name in self.names if name in errors},
            {name: ungradable[name] for name in self.names if name in ungradable},
            sum((each.usage for each in graded), TokenUsage()),
            next((each.stopped for each in graded if each.stopped), None),
            next((each.closed for each in graded if each.closed), ()),
        )

    # -- whose fault it is ---------------------------------------------------------------------------------------------

    async def _faults(
        self, grader: Grader, pairs: Sequence[tuple[Sample, Item]], grades: Sequence[Grade]
    ) -> list[dict[str, GraderErrorKind]]:
        """Return, for each answer, the parts of a grader that failed because of the answer."""
        failing = [place for place, grade in enumerate(grades) if grade.errors]
        malformed = {place for place in failing if self._may_be_at_fault(*pairs[place])}
        found: list[dict[str, GraderErrorKind]] = [{} for _ in grades]
        for part in grader.parts:
            raised = []
            for place in failing:
                kind = next(iter(grades[place].errors.get(part.name, ())), None)
                match kind:
                    case GraderErrorKind.SAMPLE_PARSE_ERROR:
                        found[place][part.name] = kind
                    case GraderErrorKind.INVALID_VARIABLE_ERROR if place in malformed:
                        if not lacking(part, pairs[place][1]):
                            found[place][part.name] = kind
                    case GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR if place in malformed:
                        if not grades[place].stopped and not grades[place].is_untried:
                            raised.append(place)
            broken = await self._broken_on(part, [pairs[place][1] for place in raised]) if raised else frozenset()
            for place in raised:
                if id(pairs[place][1]) not in broken:
                    found[place][part.name] = GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR
        return found

    def _may_be_at_fault(self, sample: Sample, item: Item) -> bool:
        """Tell whether an answer may be none of those that were asked for: in no form, or a call where text is due."""
        return not self._form.is_kept(sample.output_text) or bool(offered_tools(item))

    async def _broken_on(self, part: Grader, items: Sequence[Item]) -> frozenset[int]:
        """Return the items, by identity, on which a grader fails with well-formed answers too."""
        by_id = {id(item): item for item in items}
        tried = [(sample, item) for item in by_id.values() for sample in example_samples(item, self._response_format)]
        grades = await self._runtime.grade(part, tried)
        fine = {id(item) for (_, item), grade in zip(tried, grades, strict=True) if not grade.errors}
        return frozenset(by_id.keys() - fine)


def _read(grader: Grader, grade: Grade, faults: Mapping[str, GraderErrorKind]) -> Graded:
    """Return a grade as the scores, the counted failures and the missing scores of a grader and its parts."""
    ungradable = {name: kind.value for name, kind in faults.items()}
    errors = {name: kinds[0].value for name, kinds in grade.errors.items() if kinds and name not in ungradable}
    scores = {name: score for name, score in grade.scores.items() if name not in errors}
    if ungradable:
        # The reward of training is settled by the first part that fails, whatever broke beside it.
        ungradable.setdefault(grader.name, next(iter(ungradable.values())))
        errors.pop(grader.name, None)
        scores[grader.name] = grade.reward
    elif grade.errors:
        errors.setdefault(grader.name, next(iter(errors.values()), GraderErrorKind.OTHER_ERROR.value))
        scores.pop(grader.name, None)
    else:
        scores[grader.name] = grade.reward
    finite = {name: score for name, score in scores.items() if math.isfinite(score)}
    errors |= dict.fromkeys(scores.keys() - finite.keys(), GraderErrorKind.OTHER_ERROR.value)
    usage = sum(grade.usage.values(), TokenUsage())
    return Graded(finite, errors, ungradable, usage, grade.detail if grade.stopped else None)
