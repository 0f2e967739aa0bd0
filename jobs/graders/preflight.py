"""Tries a grader before money is spent on it: on a real item, with well-formed, empty and malformed answers."""

from collections.abc import Mapping, Sequence

from jobs.core.errors import PlatformUnavailable
from jobs.graders.example_answers import example_samples
from jobs.graders.grades import Grade, Sample
from jobs.graders.kinds import SANDBOXED_GRADERS, Grader
from jobs.graders.runtime import GraderRuntime

PATIENCE_SECONDS = 10.0
"""Training grades hundreds of samples a step; a grader that takes longer for one answer is of no use to it.
A judge's platform that is overrun or away is waited for as long; whoever asked for the check decides what then."""
WITHIN_SECONDS = 120.0
"""A judge that gives no answer for so long is as good as away."""
ODD_ANSWERS = ("", '{"unexpected": [null, 1, {"deeper": true}]}', "[]", "null", "no JSON at all")


async def check_grader(
    runtime: GraderRuntime,
    grader: Grader,
    item: Mapping[str, object],
    response_format: Mapping[str, object] | None = None,
) -> list[str]:
    """What would keep `grader` from training, as sentences for the person; an empty list means it is fine.

    A grader must give a finite number for an answer of the right shape, and must come to an end on any answer. One that
    raises on an empty or malformed answer is fine: such an answer earns 0 on every platform, and with a response format
    it hardly ever comes up. Judges are asked about well-formed answers only.

    Args:
        runtime: where the grader is run.
        grader: what is checked.
        item: a row of the dataset.
        response_format: the shape of the answers, as chat completions spell it or as a bare JSON Schema. Without it the
            shape is guessed from the item, and one guess that is graded without an error is enough.

    Raises:
        PlatformUnavailable: it asks a platform that does not answer now.
    """
    examples = example_samples(item, response_format)
    grades = await _try(runtime, grader, item, examples)
    if all(grade.errors for grade in grades):
        if any(grade.is_unasked for grade in grades):
            reason = next(grade.detail for grade in grades if grade.is_unasked)
            raise PlatformUnavailable(f"The grader {reason}")
        return [f"{_reason(grader, grades[0])}. It was given a well-formed answer: {_shown(examples[0].output_text)}."]
    computed = [part for part in grader.parts if isinstance(part, SANDBOXED_GRADERS)]
    without_judges = [grader] if len(computed) == len(grader.parts) else computed
    odd = [Sample(answer) for answer in ODD_ANSWERS]
    for part in without_judges:
        for answer, grade in zip(ODD_ANSWERS, await _try(runtime, part, item, odd), strict=True):
            if grade.stopped:
                return [f"{_reason(grader, grade)}. It was given {_shown(answer)}, which a model may answer."]
    return []


async def _try(
    runtime: GraderRuntime, grader: Grader, item: Mapping[str, object], answers: Sequence[Sample]
) -> list[Grade]:
    seconds = min(PATIENCE_SECONDS, runtime.limits.seconds)
    return await runtime.grade(
        grader, [(answer, item) for answer in answers], seconds, PATIENCE_SECONDS, WITHIN_SECONDS
    )


def _reason(grader: Grader, grade: Grade) -> str:
    return f"The grader {grader.name} fails: {grade.detail}"


def _shown(answer: str) -> str:
    if not answer:
        return "an empty answer"
    return f"`{answer}`" if len(answer) <= 200 else f"`{answer[:200]}...`"
