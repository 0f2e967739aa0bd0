"""Which checkpoint to take for what one needs: precision, recall, F1, F2, or the cheapest. Values in, values out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from charts.wording import estimate, number, signed
from jobs.core.errors import InvalidRequest
from jobs.core.nearest import nearest
from jobs.evals.verdict import Verdict, by_noise
from jobs.evidence.records import Candidate, Evidence, Figure, Role


class Need(StrEnum):
    """What a checkpoint is chosen for; the first three are names of graders."""

    PRECISION = "precision"
    RECALL = "recall"
    F1 = "f1"
    F2 = "f2"
    """Recall counts twice as much as precision."""
    CHEAPEST = "cheapest"


TITLES: Final = {
    Need.PRECISION: "precision",
    Need.RECALL: "recall",
    Need.F1: "F1",
    Need.F2: "F2",
    Need.CHEAPEST: "cost",
}
Ranked = Sequence[tuple[Candidate, Figure]]


@dataclass(frozen=True, slots=True)
class Preference:
    """A job's checkpoints in the order of a need."""

    need: Need
    candidates: tuple[Candidate, ...]
    """The preferred one first."""
    reason: str
    """Why it is preferred, with the figures, and whether the lead over the second is more than chance: sentences."""
    title: str
    """The choice alone, short enough for the title of a picture."""


def read_need(typed: str) -> Need:
    """Return the need that was typed; raises InvalidRequest naming the nearest."""
    try:
        return Need(typed.strip().lower())
    except ValueError:
        raise InvalidRequest(f"There is no need '{typed}'; {nearest(typed, list(Need))}") from None


def measured_needs(evidence: Evidence) -> tuple[Need, ...]:
    """Return the needs that a checkpoint can be preferred for: those in which one was measured."""
    return tuple(need for need in Need if any(figure is not None for _, figure in _figures(evidence, need)))


def preferred(evidence: Evidence, need: Need) -> Preference:
    """Return the checkpoints in the order of what is needed, best first, and why.

    Those that break a guardrail come after all others, whatever they score; so do, for `cheapest`, those that are worse
    than the base or the alias's model. Before these, for `cheapest`, come those that are not shown to be as good as the
    checkpoint with the highest reward. A lead is more than chance if it exceeds sqrt(h_1^2 + h_2^2), h half the width
    of a figure's 95% interval: as if the two had been measured on different items, which is careful, for they were
    measured on the same.

    F2 is the task's own grader `f2` if it has one; else 5 P R / (4 P + R) of mean precision P and mean recall R, its
    half width by propagation of theirs. That is not the mean of the items' F2, and said to be of the means.

    Raises:
        InvalidRequest: no checkpoint was measured in this; says what there is.
    """
    figures = _figures(evidence, need)
    ranked = [(each, figure) for each, figure in figures if figure is not None]
    if not ranked:
        known = ", ".join(dict.fromkeys(grader for each in evidence.candidates for grader in each.valid))
        there = f"; what was measured: {known}" if known else ""
        raise InvalidRequest(f"No checkpoint of {evidence.job} was measured for {TITLES[need]}{there}.")
    sign = 1.0 if need is Need.CHEAPEST else -1.0
    ranked.sort(
        key=lambda pair: (
            _comes_last(pair[0], need),
            need is Need.CHEAPEST and _may_be_worse(pair[0]),
            sign * pair[1].mean,
            pair[0].step or 0,
        )
    )
    unmeasured = (each for each, figure in figures if figure is None)
    return Preference(need, (*(each for each, _ in ranked), *unmeasured), _reason(ranked, need), _title(ranked, need))


def _figures(evidence: Evidence, need: Need) -> list[tuple[Candidate, Figure | None]]:
    """Return each checkpoint with its figure; costs are dollars for 1,000 calls, or tokens where these say nothing."""
    checkpoints = [each for each in evidence.candidates if each.role is Role.CHECKPOINT]
    if need is Need.CHEAPEST:
        by_price = all(each.cost is not None for each in checkpoints) and any(each.cost for each in checkpoints)
        by_tokens = not by_price and any(each.output_tokens for each in checkpoints)
        costs = [each.output_tokens if by_tokens else each.cost for each in checkpoints]
        return [(each, None if cost is None else Figure(cost)) for each, cost in zip(checkpoints, costs, strict=True)]
    return [(each, _f2(each.valid) if need is Need.F2 else each.valid.get(need.value)) for each in checkpoints]


def _f2(valid: Mapping[str, Figure]) -> Figure | None:
    precision, recall = valid.get("precision"), valid.get("recall")
    if "f2" in valid or precision is None or recall is None:
        return valid.get("f2")
    p, r = precision.mean, recall.mean
    weight = 4 * p + r
    if weight == 0:
        return Figure(0.0)
    mean = 5 * p * r / weight
    # dF/dP = 5 R^2 / (4 P + R)^2 and dF/dR = 20 P^2 / (4 P + R)^2
    half = math.hypot(5 * r**2 * _half(precision), 20 * p**2 * _half(recall)) / weight**2
    return Figure(mean, mean - half, mean + half) if math.isfinite(half) else Figure(mean)


def _half(figure: Figure) -> float:
    return math.inf if figure.low is None or figure.high is None else (figure.high - figure.low) / 2


def _comes_last(candidate: Candidate, need: Need) -> bool:
    against = (candidate.versus_base, candidate.versus_alias)
    is_worse = any(each is not None and each.verdict is Verdict.WORSE for each in against)
    return bool(candidate.broken_guards) or (need is Need.CHEAPEST and is_worse)


def _title(ranked: Ranked, need: Need) -> str:
    (chosen, figure), *others = ranked
    name = chosen.name.capitalize()
    if need is not Need.CHEAPEST:
        return f"{name} is preferred for {TITLES[need]}"
    if (found := chosen.against_best) and found.is_as_good:
        return f"{name} is the cheapest that is shown to be as good as {found.best}"
    if any(cost.mean < figure.mean and _may_be_worse(each) for each, cost in others):
        return f"Nothing cheaper than {chosen.name} is shown to be as good"
    return f"{name} is the cheapest"


def _may_be_worse(candidate: Candidate) -> bool:
    """Tell whether a checkpoint is not shown to be as good as the one with the highest reward."""
    return candidate.against_best is not None and not candidate.against_best.is_as_good


def _as_good(ranked: Ranked) -> list[str]:
    """Return, for what was chosen by its cost, how it stands against the one with the highest reward: sentences."""
    (chosen, figure), *others = ranked
    told = []
    if found := chosen.against_best:
        change = f"{signed(found.mean)} of reward, margin {found.margin:g}"
        is_good = "It is as good as" if found.is_as_good else "It is not shown to be as good as"
        told.append(f"{is_good} {found.best} ({change}, at worst {signed(found.low, 3)}).")
    doubtful = next((each for each, cost in others if cost.mean < figure.mean and _may_be_worse(each)), None)
    if doubtful and (found := doubtful.against_best):
        worse = f"may be up to {number(-found.low, 3)} worse than {found.best}"
        told.append(f"{doubtful.name.capitalize()} costs less, but {worse}, and the margin is {found.margin:g}.")
    return told


def _reason(ranked: Ranked, need: Need) -> str:
    (best, figure), *others = ranked
    of_means = " of mean precision and mean recall" if need is Need.F2 and "f2" not in best.valid else ""
    told = [f"{best.name.capitalize()} is preferred for {TITLES[need]}: {_told(best, figure, need)}{of_means}."]
    if others:
        second, its = others[0]
        told.append(f"Next is {second.name} with {_told(second, its, need)}; {_lead(figure, its, need)}.")
    if need is Need.CHEAPEST:
        told += _as_good(ranked)
    if best.broken_guards:
        told.append(f"It breaks a guardrail ({', '.join(best.broken_guards)}), as every other does.")
        return " ".join(told)
    for last in (each for each, _ in others if _comes_last(each, need)):
        guards = ", ".join(last.broken_guards)
        why = f"it breaks a guardrail ({guards})" if guards else "it is worse than what there is"
        told.append(f"{last.name.capitalize()} comes last: {why}.")
    return " ".join(told)


def _told(candidate: Candidate, figure: Figure, need: Need) -> str:
    if need is not Need.CHEAPEST:
        return estimate(figure.mean, figure.low, figure.high, 3)
    if candidate.cost != figure.mean:
        unknown = " (what they cost is unknown)" if candidate.cost is None else ""
        return f"{figure.mean:.0f} tokens an answer{unknown}"
    return f"${figure.mean:.2f} for 1,000 calls" if figure.mean else "nothing for 1,000 calls"


def _lead(first: Figure, second: Figure, need: Need) -> str:
    if need is Need.CHEAPEST:
        low, high = sorted((first.mean, second.mean))
        if low == high:
            return "the two cost the same"
        return f"a factor of {high / low:.2f}" if low else "the first costs nothing"
    lead = first.mean - second.mean
    if by_noise(lead, math.hypot(_half(first), _half(second))) is not Verdict.CANT_TELL:
        return f"a lead of {lead:.3f}, more than chance"
    return f"a difference of {abs(lead):.3f} that may well be chance"
