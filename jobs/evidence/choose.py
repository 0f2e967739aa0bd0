"""Which checkpoint to take for what one needs: precision, recall, F1, F2, or the cheapest. Values in, values out."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from jobs.core.errors import InvalidRequest
from jobs.core.nearest import nearest
from jobs.evals.stats.verdict import Verdict
from jobs.evidence.records import Candidate, Evidence, Figure, Role


class Need(StrEnum):
    """What a checkpoint is chosen for."""

    PRECISION = "precision"
    RECALL = "recall"
    F1 = "f1"
    F2 = "f2"
    """Recall counts twice as much as precision."""
    CHEAPEST = "cheapest"


@dataclass(frozen=True, slots=True)
class Preference:
    """A job's checkpoints in the order of a need."""

    need: Need
    candidates: tuple[Candidate, ...]
    """The preferred one first."""
    reason: str
    """Why it is preferred, with the figures, and whether the lead over the second is more than chance: sentences."""
    is_clear: bool
    """Whether that lead is more than chance."""


TITLES: Final = {
    Need.PRECISION: "precision",
    Need.RECALL: "recall",
    Need.F1: "F1",
    Need.F2: "F2",
    Need.CHEAPEST: "cost",
}


def read_need(typed: str) -> Need:
    """Return the need that was typed; raises InvalidRequest naming the nearest."""
    try:
        return Need(typed.strip().lower())
    except ValueError:
        raise InvalidRequest(f"There is no need '{typed}'; {nearest(typed, list(Need))}") from None


def preferred(evidence: Evidence, need: Need) -> Preference:
    """Return the checkpoints in the order of what is needed, best first, and why.

    Those that break a guardrail come after all others, whatever they score; so do, for `cheapest`, those that are worse
    than the base or the alias's model. A lead is more than chance where it exceeds sqrt(h_1^2 + h_2^2), h half the
    width of a figure's 95% interval: as if the two had been measured on different items, which is careful, for they
    were measured on the same.

    F2 is the task's own grader `f2` where it has one; else 5 P R / (4 P + R) of mean precision P and mean recall R,
    its half width by propagation of theirs. That is not the mean of the items' F2, and said to be of the means.

    Raises:
        InvalidRequest: no checkpoint was measured in this; says what there is.
    """
    found = _figures(evidence, need)
    measured = [(each, figure) for each, figure in found if figure is not None]
    if not measured:
        raise InvalidRequest(_nothing(evidence, need))
    sign = 1.0 if need is Need.CHEAPEST else -1.0
    measured.sort(key=lambda pair: (_is_put_last(pair[0], need), sign * pair[1].mean, pair[0].step or 0))
    unmeasured = tuple(each for each, figure in found if figure is None)
    reason, is_clear = _reason(measured, need)
    return Preference(need, (*(each for each, _ in measured), *unmeasured), reason, is_clear)


def measured_needs(evidence: Evidence) -> tuple[Need, ...]:
    """Return the needs that a checkpoint can be preferred for: those in which one was measured."""
    return tuple(need for need in Need if any(figure is not None for _, figure in _figures(evidence, need)))


# -- what is measured ----------------------------------------------------------------------------------------------


def _figures(evidence: Evidence, need: Need) -> list[tuple[Candidate, Figure | None]]:
    checkpoints = [each for each in evidence.candidates if each.role is Role.CHECKPOINT]
    measure = _MEASURES[need]
    if need is Need.CHEAPEST and any(each.cost is None for each in checkpoints):
        measure = _tokens
    return [(each, measure(each)) for each in checkpoints]


def _of(grader: str) -> Callable[[Candidate], Figure | None]:
    return lambda candidate: candidate.valid.get(grader)


def _f2(candidate: Candidate) -> Figure | None:
    if "f2" in candidate.valid:
        return candidate.valid["f2"]
    precision, recall = candidate.valid.get("precision"), candidate.valid.get("recall")
    if precision is None or recall is None:
        return None
    p, r = precision.mean, recall.mean
    weight = 4 * p + r
    if weight == 0:
        return Figure(0.0)
    mean = 5 * p * r / weight
    halves = (_half(precision), _half(recall))
    if halves[0] is None or halves[1] is None:
        return Figure(mean)
    # dF/dP = 5 R^2 / (4 P + R)^2 and dF/dR = 20 P^2 / (4 P + R)^2
    half = math.hypot(5 * r**2 * halves[0], 20 * p**2 * halves[1]) / weight**2
    return Figure(mean, mean - half, mean + half)


def _cost(candidate: Candidate) -> Figure | None:
    """Return dollars for 1,000 calls."""
    return None if candidate.cost is None else Figure(candidate.cost)


def _tokens(candidate: Candidate) -> Figure | None:
    """Return tokens an answer: what a platform charges for, where its price is not known."""
    return None if candidate.output_tokens is None else Figure(candidate.output_tokens)


_MEASURES: Final[Mapping[Need, Callable[[Candidate], Figure | None]]] = {
    Need.PRECISION: _of("precision"),
    Need.RECALL: _of("recall"),
    Need.F1: _of("f1"),
    Need.F2: _f2,
    Need.CHEAPEST: _cost,
}


def _half(figure: Figure) -> float | None:
    return None if figure.low is None or figure.high is None else (figure.high - figure.low) / 2


# -- why -----------------------------------------------------------------------------------------------------------


def _is_put_last(candidate: Candidate, need: Need) -> bool:
    against = (candidate.versus_base, candidate.versus_alias)
    worse = need is Need.CHEAPEST and any(each is not None and each.verdict is Verdict.WORSE for each in against)
    return bool(candidate.broken_guards) or worse


def _reason(measured: list[tuple[Candidate, Figure]], need: Need) -> tuple[str, bool]:
    (best, figure), *others = measured
    of_means = " of mean precision and mean recall" if need is Need.F2 and "f2" not in best.valid else ""
    said = [f"{best.name.capitalize()} is preferred for {TITLES[need]}: {_told(best, figure, need)}{of_means}."]
    is_clear = False
    if others:
        second, its = others[0]
        said.append(f"Next is {second.name} with {_told(second, its, need)}; {_lead(figure, its, need)}.")
        is_clear = _is_clear(figure, its, need)
    if best.broken_guards:
        said.append(f"It breaks a guardrail ({', '.join(best.broken_guards)}), as every other does.")
    else:
        said += [_put_last(each) for each, _ in others if _is_put_last(each, need)]
    return " ".join(said), is_clear


def _told(candidate: Candidate, figure: Figure, need: Need) -> str:
    if need is not Need.CHEAPEST:
        span = "" if figure.low is None or figure.high is None else f" (95%: {figure.low:.3f} to {figure.high:.3f})"
        return f"{figure.mean:.3f}{span}"
    if candidate.cost == figure.mean == 0:
        return "nothing for 1,000 calls"
    if candidate.cost == figure.mean:
        return f"${figure.mean:.2f} for 1,000 calls"
    return f"{figure.mean:.0f} tokens an answer (what they cost is unknown)"


def _is_clear(first: Figure, second: Figure, need: Need) -> bool:
    if need is Need.CHEAPEST:
        return first.mean != second.mean
    halves = (_half(first), _half(second))
    if halves[0] is None or halves[1] is None:
        return False
    return abs(first.mean - second.mean) > math.hypot(halves[0], halves[1])


def _lead(first: Figure, second: Figure, need: Need) -> str:
    if need is Need.CHEAPEST:
        return "the two cost the same" if first.mean == second.mean else f"a factor of {_factor(first, second)}"
    lead = first.mean - second.mean
    if _is_clear(first, second, need):
        return f"a lead of {lead:.3f}, more than chance"
    return f"a difference of {abs(lead):.3f} that may well be chance"


def _factor(first: Figure, second: Figure) -> str:
    low, high = sorted((first.mean, second.mean))
    return f"{high / low:.2f}" if low else "no telling"


def _put_last(candidate: Candidate) -> str:
    guards = ", ".join(candidate.broken_guards)
    why = f"it breaks a guardrail ({guards})" if guards else "it is worse than what there is"
    return f"{candidate.name.capitalize()} comes last: {why}."


def _nothing(evidence: Evidence, need: Need) -> str:
    known = list(dict.fromkeys(grader for each in evidence.candidates for grader in each.valid))
    there = f"; what was measured: {', '.join(known)}" if known else ""
    return f"No checkpoint of {evidence.job} was measured for {TITLES[need]}{there}."
