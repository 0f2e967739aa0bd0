"""Arms compared item by item: a table, and a verdict for each pair. Only the arm may differ, or the prompt."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Final

from charts.wording import columns, grader_name
from jobs.core.errors import InvalidRequest
from jobs.evals.progress import Tally
from jobs.evals.records import Answer, Arm, Coverage, Eval, EvalState, GraderSummary
from jobs.evals.stats.pair import Pair, Side, pair_up
from jobs.evals.stats.paired_tests import FLIPS, holm
from jobs.evals.stats.summary import ScoreTally, usable
from jobs.evals.stats.variance_components import ItemScores
from jobs.evals.verdict import Conclusion, conclude


@dataclass(frozen=True, slots=True)
class ArmAnswers:
    """The scores of one arm of one eval; `gather` makes them from its answers."""

    evaluation: Eval
    arm: str
    scores: Mapping[str, ItemScores]
    """By grader."""
    coverage: Coverage = field(default_factory=lambda: Coverage(0, 0))
    """What its mean reward is over."""

    @property
    def asked(self) -> Arm:
        """How it was asked."""
        return next(each for each in self.evaluation.arms if each.name == self.arm)

    @property
    def prompt(self) -> str:
        """The prompt version that it was asked with."""
        return self.asked.prompt or self.evaluation.prompt

    @property
    def prompt_hash(self) -> str:
        """Of its prompt and format."""
        return self.asked.prompt_hash or self.evaluation.prompt_hash


@dataclass(frozen=True, slots=True)
class Comparison:
    """Arms side by side: a table over runs, and a verdict for each pair."""

    graders: tuple[str, ...]
    rows: Mapping[str, tuple[GraderSummary, ...]]
    """Each arm over all its own items, in the order of `graders`."""
    pairs: tuple[Pair, ...]
    """Every two arms, the later named one as `after`."""
    notes: tuple[str, ...]
    """What to keep in mind, each a sentence."""
    headline: tuple[str, ...] = ()
    """Those of the graders that the picture shows."""
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """The lowest and the highest score of each grader whose definition says so."""

    @property
    def conclusion(self) -> Conclusion:
        """The most that may be claimed of these arms."""
        reward = self.pairs[0].reward
        means = {name: figure.mean for name, row in self.rows.items() for figure in row if figure.grader == reward}
        scored = {name: mean for name, mean in means.items() if mean is not None}
        return conclude(grader_name(reward), scored, [pair.contrast for pair in self.pairs])

    @property
    def text(self) -> str:
        """A sentence or two for each pair, then the notes; one line each."""
        return "\n".join([*(pair.text for pair in self.pairs), *self.notes])

    @property
    def table(self) -> str:
        """Mean ± standard deviation over runs of each grader for each arm, in columns for a fixed-width font."""
        lines = [["", *self.graders]] + [[name, *map(_figure, row)] for name, row in self.rows.items()]
        return columns(lines)


def gather(evaluation: Eval, answers: Iterable[Answer]) -> tuple[ArmAnswers, ...]:
    """Return the scores of each arm, in the eval's order; reads `answers` once and keeps numbers only."""
    scores: dict[str, dict[str, dict[str, dict[int, float]]]] = {arm.name: {} for arm in evaluation.arms}
    tally = Tally(evaluation.reward)
    for answer in tally.counting(answers):
        if answer.failure is None:
            for grader, score in answer.scores.items():
                if usable(score):
                    scores[answer.arm].setdefault(grader, {}).setdefault(answer.item, {})[answer.run] = score
    coverage = tally.progress().coverage
    return tuple(
        ArmAnswers(evaluation, arm, graders, coverage.get(arm, Coverage(0, 0))) for arm, graders in scores.items()
    )


def compare(arms: Sequence[ArmAnswers], *, flips: int = FLIPS) -> Comparison:
    """Return the table of all arms and a verdict on the reward for every two of them.

    Paired item by item over the items both have (`paired_tests.difference`), p adjusted over the pairs (Holm); better
    or worse where it is at most .05, else can't tell. Intervals are not adjusted. Same answers, same result:
    resampling is seeded. Thousands of items take a good part of a second a pair: not for the event loop.

    Raises:
        InvalidRequest: fewer than two arms; something besides the arms, or besides the prompt, differs; no item in
            common.
    """
    _check_comparable(arms)
    evals = [arm.evaluation for arm in arms]
    reward, threshold = evals[0].reward, evals[0].threshold
    sides = [Side(_name(arm, arms), arm.scores.get(reward, {})) for arm in arms]
    bounds = evals[0].ranges.get(reward)
    alone = [pair_up(before, after, reward, threshold, flips, bounds) for before, after in combinations(sides, 2)]
    adjusted = holm([pair.p for pair in alone])
    pairs = tuple(replace(pair, p=p, pairs=len(alone)) for pair, p in zip(alone, adjusted, strict=True))
    columns = _columns(evals)
    rows = {
        side.name: tuple(
            _summary(grader, arm.scores.get(grader, {}), arm.evaluation.ranges.get(grader)) for grader in columns
        )
        for side, arm in zip(sides, arms, strict=True)
    }
    covered = {side.name: arm.coverage for side, arm in zip(sides, arms, strict=True)}
    headline = tuple(grader for grader in evals[0].headline_graders if grader in columns)
    return Comparison(columns, rows, pairs, _notes(evals, pairs, covered), headline, evals[0].ranges)


def _columns(evals: Sequence[Eval]) -> tuple[str, ...]:
    """Return the graders that every eval has, the reward first."""
    shared = set.intersection(*(set(evaluation.shown_graders) for evaluation in evals))
    return tuple(grader for grader in evals[0].shown_graders if grader in shared)


def _summary(grader: str, scores: ItemScores, bounds: tuple[float, float] | None) -> GraderSummary:
    tally = ScoreTally(bounds)
    for item, runs in scores.items():
        for run, score in runs.items():
            tally.add(item, run, score)
    return tally.summary(grader)


def _figure(summary: GraderSummary) -> str:
    if summary.mean is None:
        return "not graded"
    return f"{summary.mean:.3f}" + ("" if summary.run_std is None else f" ± {summary.run_std:.3f}")


def _notes(evals: Sequence[Eval], pairs: Sequence[Pair], covered: Mapping[str, Coverage]) -> tuple[str, ...]:
    states = {evaluation.id: evaluation.state for evaluation in evals}
    notes = [f"{id_} is {state}: it may lack answers." for id_, state in states.items() if state != EvalState.FINISHED]
    notes += [f"{arm}: {coverage.remark}." for arm, coverage in covered.items() if coverage.remark]
    worst = max(pairs, key=lambda pair: pair.left_out)
    if worst.left_out:
        between = f"{worst.left_out:,} left out between {worst.before} and {worst.after}"
        notes.append(f"Only items with a reward from both count: {between}.")
    return tuple(notes)


# -- may they be compared? --------------------------------------------------------------------------------------------

MUST_AGREE: Final[Mapping[str, Callable[[ArmAnswers], str]]] = {
    "other tasks": lambda arm: arm.evaluation.task,
    "other versions of the task's files": lambda arm: arm.evaluation.task_version,
    "other splits": lambda arm: arm.evaluation.split,
    "other rewards": lambda arm: arm.evaluation.reward,
    "other rules of scoring": lambda arm: f"version {arm.evaluation.scoring}",
}
NAMES: Final[Sequence[Callable[[ArmAnswers], str]]] = (
    lambda arm: arm.arm,
    lambda arm: f"{arm.arm}, prompt {arm.prompt}",
    lambda arm: f"{arm.arm} on {arm.evaluation.platform}",
    lambda arm: f"{arm.arm}, {arm.evaluation.id}",
)
"""Ways to tell apart arms of the same model and effort; the first that does is used."""


def _check_comparable(arms: Sequence[ArmAnswers]) -> None:
    """Raise InvalidRequest unless only the models differ, or only the prompts; one eval may cross both."""
    evals = {arm.evaluation.id for arm in arms}
    if len({(arm.evaluation.id, arm.arm) for arm in arms}) < max(2, len(arms)):
        raise InvalidRequest(
            "A comparison takes at least two arms, each named once: two evals, or one of several arms."
        )
    must_agree = dict(MUST_AGREE)
    models = {(arm.asked.model, arm.asked.effort) for arm in arms}
    if len(evals) > 1 and len({arm.prompt_hash for arm in arms}) > 1 and len(models) > 1:
        # A piece of the hash as well: one version's text or response format may have changed.
        must_agree["other models and other prompts at once"] = lambda arm: f"{arm.prompt} ({arm.prompt_hash[:6]})"
    differences = []
    for words, of in must_agree.items():
        values = {arm.evaluation.id: of(arm) for arm in arms}
        if len({of(arm) for arm in arms}) > 1:
            differences.append(f"{words} ({', '.join(f'{value} in {id_}' for id_, value in values.items())})")
    if differences:
        raise InvalidRequest(
            f"These evals cannot be compared: {'; '.join(differences)}. "
            "Run them again so that only the models differ, or only the prompts."
        )


def _name(arm: ArmAnswers, arms: Sequence[ArmAnswers]) -> str:
    """Return what an arm is called among `arms`: by model and effort, and by more if others share these."""
    alike = [each for each in arms if each.arm == arm.arm]
    return next(way(arm) for way in NAMES if len(set(map(way, alike))) == len(alike))
