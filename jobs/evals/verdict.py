"""What may be claimed of models that were compared. Decided here and nowhere else.

Headlines, titles of pictures, cards, reports, buttons and exit codes are all written from a `Conclusion` or a
`Verdict`, so none of them claims more than another. Values in, values out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from charts.wording import apart, joined

LEVEL: Final = 0.05
"""Accepted chance of calling equal models different, over all pairs of a comparison."""
MOST_NAMED: Final = 3
"""Of more models than this a headline gives the number."""


class Verdict(StrEnum):
    """How the second of a pair stands against the first."""

    BETTER = "better"
    WORSE = "worse"
    CANT_TELL = "cant_tell"

    @property
    def words(self) -> str:
        """The verdict for people."""
        return "can't tell" if self is Verdict.CANT_TELL else self.value

    @property
    def exit_code(self) -> int:
        """What a command ends with that waits for the verdict."""
        return {Verdict.BETTER: 0, Verdict.WORSE: 1, Verdict.CANT_TELL: 3}[self]


def by_test(change: float, p: float) -> Verdict:
    """Return better or worse where a test over items, adjusted for its pairs, finds more than chance."""
    return _verdict(change, is_found=p <= LEVEL)


def by_noise(change: float, explained: float | None) -> Verdict:
    """Return better or worse where a change is larger than noise explains; None is noise of unknown size."""
    return _verdict(change, is_found=explained is not None and abs(change) > explained)


def strictest(*verdicts: Verdict | None) -> Verdict | None:
    """Return what several splits allow to be claimed together: the least favourable; None is a split not measured."""
    order = (Verdict.WORSE, Verdict.CANT_TELL, Verdict.BETTER)
    return min((each for each in verdicts if each is not None), key=order.index, default=None)


def _verdict(change: float, *, is_found: bool) -> Verdict:
    if not is_found or not change:
        return Verdict.CANT_TELL
    return Verdict.BETTER if change > 0 else Verdict.WORSE


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two models and the verdict on the second."""

    before: str
    after: str
    verdict: Verdict
    headline: str
    """In words, short enough for a title."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The most that may be claimed of the models of an eval, or of a job's checkpoints."""

    headline: str
    """In one line for a title, without a full stop."""
    verdict: Verdict | None = None
    """Of the second of two models on the first; of the best of more on all others. None: nothing was compared."""
    best: str = ""
    """The only model that may be called best; "" where none may."""


def conclude(score: str, means: Mapping[str, float], contrasts: Sequence[Contrast]) -> Conclusion:
    """Return what may be claimed of models that were compared by a score.

    Of two, the verdict on their pair. Of more, the one with the highest mean is called best only if it is better than
    every other; otherwise those it can't be told from are named with it.

    Args:
        score: what it is called.
        means: of each model that was scored.
        contrasts: of pairs of them; a pair that is missing can't be told.
    """
    if not means:
        return Conclusion("No answer could be graded")
    if len(means) == 1:
        ((only, mean),) = means.items()
        return Conclusion(f"{only}: {score} {apart(mean)[0]}")
    if len(means) == 2 and len(contrasts) == 1:
        (pair,) = contrasts
        best = {Verdict.BETTER: pair.after, Verdict.WORSE: pair.before, Verdict.CANT_TELL: ""}[pair.verdict]
        return Conclusion(pair.headline, pair.verdict, best)
    top = max(means, key=lambda name: means[name])
    beaten = [name for name in means if name != top and _is_better(top, name, contrasts)]
    level = [name for name in means if name != top and name not in beaten]
    lowest, highest = apart(min(means.values()), max(means.values()))
    if not beaten:
        which = f"Can't tell which of {_named(list(means), '')} is best"
        told = f"{score} {lowest} to {highest}" if lowest != highest else f"{score} {highest} each"
        return Conclusion(f"{which}: {told}", Verdict.CANT_TELL)
    if level:
        return Conclusion(
            f"{top} is better than {_named(beaten)}; can't tell it from {_named(level)}", Verdict.CANT_TELL
        )
    mine, following = apart(means[top], max(means[name] for name in beaten))
    told = f"{score} {mine}, the next {following}"
    return Conclusion(f"{top} is better than {_named(beaten)}: {told}", Verdict.BETTER, top)


def _is_better(one: str, other: str, contrasts: Iterable[Contrast]) -> bool:
    found = {(each.before, each.after): each.verdict for each in contrasts}
    return Verdict.BETTER is found.get((other, one)) or Verdict.WORSE is found.get((one, other))


def _named(names: Sequence[str], noun: str = " others") -> str:
    return joined(names) if len(names) <= MOST_NAMED else f"{len(names)}{noun}"
