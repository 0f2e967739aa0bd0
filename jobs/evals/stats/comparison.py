"""Arms compared item by item: better, worse, or can't tell and how many items it would take."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from jobs.evals.records import Answer, Eval, EvalState, GraderSummary
from jobs.evals.stats.comparability import check_comparable, names
from jobs.evals.stats.paired_tests import FLIPS, holm
from jobs.evals.stats.summary import ScoreTally, usable
from jobs.evals.stats.verdict import Pair, Runs, Side, judged, pair_up

FIRST_COLUMNS: Final = ("precision", "recall", "f1")
"""Columns of the table that come first where the evals have such graders; then the others, in the eval's order."""


@dataclass(frozen=True, slots=True)
class ArmAnswers:
    """The scores of one arm of one eval; `gather` makes them from its answers."""

    evaluation: Eval
    arm: str
    scores: Mapping[str, Mapping[str, Runs]]
    """Grader to item to run to score; only what was graded."""


@dataclass(frozen=True, slots=True)
class ArmRow:
    """One line of the table: an arm over all its own items."""

    name: str
    eval: str
    items: int
    graders: tuple[GraderSummary, ...]
    """In the order of `Comparison.graders`."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Arms side by side: a table over runs, and a verdict for each pair."""

    reward: str
    graders: tuple[str, ...]
    rows: tuple[ArmRow, ...]
    pairs: tuple[Pair, ...]
    """Every two arms, the later named one as `after`."""
    notes: tuple[str, ...]
    """What to keep in mind, each a sentence."""

    @property
    def text(self) -> str:
        """A sentence or two for each pair, then the notes; one line each."""
        return "\n".join([*(pair.text for pair in self.pairs), *self.notes])

    @property
    def table(self) -> str:
        """Mean ± standard deviation over runs of each grader for each arm, in columns for a fixed-width font."""
        lines = [["", *self.graders]] + [[row.name, *map(_figure, row.graders)] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def gather(evaluation: Eval, answers: Iterable[Answer]) -> tuple[ArmAnswers, ...]:
    """Return the scores of each arm, in the eval's order; reads `answers` once and keeps numbers only."""
    scores: dict[str, dict[str, dict[str, dict[int, float]]]] = {arm.name: {} for arm in evaluation.arms}
    for answer in answers:
        if answer.failure is None:
            for grader, score in answer.scores.items():
                if usable(score):
                    scores[answer.arm].setdefault(grader, {}).setdefault(answer.item, {})[answer.run] = score
    return tuple(ArmAnswers(evaluation, arm, graders) for arm, graders in scores.items())


def compare(reports: Sequence[ArmAnswers], *, flips: int = FLIPS) -> Comparison:
    """Return the table of all arms and a verdict on the reward for every two of them.

    Paired item by item over the items both have (`paired_tests.difference`), p adjusted over the pairs (Holm);
    better or worse where it is at most .05, else can't tell. Intervals are not adjusted. Same answers, same result:
    resampling is seeded. Thousands of items take a good part of a second a pair: not for the event loop.

    Raises:
        InvalidRequest: fewer than two arms; something besides the arms differs (`check_comparable`); no item in common.
    """
    arms = [(report.evaluation, report.arm) for report in reports]
    check_comparable(arms)
    reward, threshold = arms[0][0].reward, arms[0][0].threshold
    sides = [Side(name, report.scores.get(reward, {})) for name, report in zip(names(arms), reports, strict=True)]
    raw = [pair_up(before, after, threshold, flips) for before, after in combinations(sides, 2)]
    adjusted = holm([pair.p for pair in raw])
    pairs = tuple(judged(pair, p, len(raw), reward) for pair, p in zip(raw, adjusted, strict=True))
    columns = _columns([evaluation for evaluation, _ in arms])
    rows = tuple(_row(side, report, columns) for side, report in zip(sides, reports, strict=True))
    return Comparison(reward, columns, rows, pairs, _notes([evaluation for evaluation, _ in arms], pairs))


def _columns(evals: Sequence[Eval]) -> tuple[str, ...]:
    """Return the graders that every eval has."""
    every = [dict.fromkeys((*evaluation.graders, evaluation.reward)) for evaluation in evals]
    shared = [grader for grader in every[0] if all(grader in graders for graders in every)]
    return tuple(dict.fromkeys([*(grader for grader in FIRST_COLUMNS if grader in shared), *shared]))


def _row(side: Side, report: ArmAnswers, columns: Sequence[str]) -> ArmRow:
    summaries = []
    for grader in columns:
        tally = ScoreTally()
        for item, runs in report.scores.get(grader, {}).items():
            for run, score in runs.items():
                tally.add(item, run, score)
        summaries.append(tally.summary(grader))
    return ArmRow(side.name, report.evaluation.id, len(side.rewards), tuple(summaries))


def _figure(summary: GraderSummary) -> str:
    if summary.mean is None:
        return "not graded"
    return f"{summary.mean:.3f}" + ("" if summary.run_std is None else f" ± {summary.run_std:.3f}")


def _notes(evals: Sequence[Eval], pairs: Sequence[Pair]) -> tuple[str, ...]:
    states = {evaluation.id: evaluation.state for evaluation in evals}
    notes = [f"{id_} is {state}: it may lack answers." for id_, state in states.items() if state != EvalState.FINISHED]
    worst = max(pairs, key=lambda pair: pair.left_out)
    if worst.left_out:
        between = f"{worst.left_out:,} left out between {worst.before} and {worst.after}"
        notes.append(f"Only items with a reward from both count: {between}.")
    return tuple(notes)
