"""Rules P and E: validation no longer rises, and the policy has stopped trying other answers.

    slopes = (V_j - V_i) / (s_j - s_i) for every pair i < j of the last n evaluations          (Theil and Sen)
    upper  = the slope at rank (N + C) / 2 of the N sorted ones,  C = 1.645 sqrt(n (n - 1) (2 n + 5) / 18)

`upper` is the upper end of Sen's 90% interval. Times the steps between the first and the last of the n evaluations it
is the most that validation may still have gained over them.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from jobs.rules.alert import Sign
from jobs.rules.curves import Points, at
from jobs.rules.inputs import ENTROPY, VALID, RuleInputs
from jobs.rules.rule import Panel, Reading, Rule

NORMAL_95: Final = 1.645
GAINED: Final = "most that validation reward may have gained"


def read_rises(inputs: RuleInputs, evals: int) -> list[Reading]:
    """Return at every evaluation from number `evals` on the `most` gained over the last ones; a slope takes two."""
    valid, count = inputs.points("valid_reward"), max(evals, 2)
    return [_rise(valid[end - count : end]) for end in range(count, len(valid) + 1)]


def _rise(last: Points) -> Reading:
    (first, _), (step, valid), count = last[0], last[-1], len(last)
    slopes = sorted([(b - a) / (t - s) for (s, a), (t, b) in combinations(last, 2)])
    interval = NORMAL_95 * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    upper = slopes[min(round((len(slopes) + interval) / 2), len(slopes) - 1)]
    most = upper * (step - first)
    gained = f"gained at most {most:.2f}" if most > 0 else "gained nothing"
    return Reading(step=step, valid=valid, slope=upper, span=step - first, most=most, gained=gained)


@dataclass(frozen=True)
class Plateau(Rule, code="P", title="plateau", level="info", needs=(VALID,)):
    """Notes that over the last `evals` evaluations validation gained less than `least_gain`, at the most."""

    text = (
        "Plateau: over the last {span} steps validation reward {gained}; it is {valid:.2f}.\n"
        "More steps of the same kind will probably add little.\n"
        "Next: compare the checkpoints there are. Let the job end, or cancel it to save the rest of the cost."
    )
    formula = (
        "u{slope:.5f} x S{span:.0f} = {most:.3f} < {least_gain}, over the last {evals} evaluations\n"
        "u: the upper end of Sen's 90% interval of the slope of validation reward, per step. S: steps they span.\n"
        "Together the most that validation can have gained."
    )
    panels = (
        Panel(GAINED, "score", {"most": "over {evals:g} evaluations"}, {"least_gain": "plateau"}),
        Panel("validation reward", "score", {"valid_reward": "validation reward"}),
    )
    evals: int = 8
    least_gain: float = 0.04
    in_row: int = 1

    def _readings(self, inputs: RuleInputs) -> list[Reading]:
        return inputs.once(read_rises, self.evals)

    def _sign(self, reading: Reading) -> Sign:
        return Sign.of(reading.most < self.least_gain)


PLATEAU: Final = {"plateau_evals": Plateau().evals, "plateau_least_gain": Plateau().least_gain}


@dataclass(frozen=True)
class EntropyLoss(Rule, code="E", title="entropy used up", level="warn", needs=(ENTROPY, VALID)):
    """Fires when entropy is under `least_share` of its start and validation is on a plateau; never on one alone.

    Entropy falls on every job that learns (Cui et al., arXiv 2505.22617), so by itself it says nothing.
    """

    text = (
        "Entropy used up: it fell from {entropy_start:.2f} to {entropy:.2f}, and validation reward gained at most "
        "{at_most:.2f} over the last {span} steps.\n"
        "The policy gives nearly the same answers every time, so there is little left to learn from.\n"
        "Next: cancel the job, or start another from more varied prompts or with a lower learning rate."
    )
    formula = (
        "H{entropy:.3f} < {least_share} x H0{entropy_start:.3f} = {floor:.3f} and "
        "[u x S]{most:.3f} < [least_gain of rule P]{plateau_least_gain:g}, at {in_row} evaluations in a row\n"
        "H and H0: entropy now and at the start, means of {window:.0f} steps.\n"
        "u x S: the most that validation reward can have gained over the last {plateau_evals:.0f} evaluations."
    )
    panels = (
        Panel("entropy", "score", {"entropy": "mean of {window} steps"}, {"floor": "{least_share:.0%} of its start"}),
        Panel(GAINED, "score", {"most": "over {plateau_evals:g} evaluations"}, {"plateau_least_gain": "plateau"}),
    )
    least_share: float = 0.2
    in_row: int = 2

    def _readings(self, inputs: RuleInputs) -> Iterator[Reading]:
        means = inputs.means("entropy")
        for rise in inputs.once(read_rises, Plateau().evals) if means else ():
            entropy, start = at(means, rise.step), means[0][1]
            if entropy is not None:
                figures = {"entropy": entropy, "entropy_start": start, "floor": self.least_share * start}
                figures["window"] = inputs.facts.window
                yield Reading(**vars(rise), **figures, **PLATEAU, at_most=max(rise.most, 0))

    def _sign(self, reading: Reading) -> Sign:
        return Sign.of(reading.entropy < reading.floor and reading.most < reading.plateau_least_gain)
