"""One validation curve, the reward's or a grader's, as it could be known at each of its evaluations."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.rules.gap import Point, usable
from jobs.rules.noise import ValidNoise


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A validation curve at one evaluation; a pair is the mean of two evaluations in a row, which halves the variance.

    Args:
        step: the evaluated step.
        value: V.
        noise: s_V.
        first: the first pair.
        pair: this pair.
        before: the last pair that shares no evaluation with this one; the first evaluation alone at the third one,
            and `pair` before that.
        best: the best pair so far.
        best_step: the step of its later evaluation.
        count: evaluations so far.
    """

    step: int
    value: float
    noise: float
    first: float
    pair: float
    before: float
    best: float
    best_step: int
    count: int


def read_evaluations(points: Sequence[Point]) -> tuple[Evaluation, ...]:
    """Return a reading for every evaluation from the second one on; values that are not finite count as missing."""
    valid = usable(points)
    noises = ValidNoise()
    found: list[Evaluation] = []
    for index, (step, value) in enumerate(valid):
        noise = noises.after(value)
        if not index:
            continue
        pair = (valid[index - 1][1] + value) / 2
        better = not found or pair > found[-1].best
        found.append(
            Evaluation(
                step=step,
                value=value,
                noise=noise,
                first=found[0].first if found else pair,
                pair=pair,
                before=_before(valid, index, pair),
                best=pair if better else found[-1].best,
                best_step=step if better else found[-1].best_step,
                count=index + 1,
            )
        )
    return tuple(found)


def _before(valid: Sequence[Point], index: int, pair: float) -> float:
    if index < 2:
        return pair
    return valid[0][1] if index == 2 else (valid[index - 3][1] + valid[index - 2][1]) / 2
