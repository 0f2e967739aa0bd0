"""Summaries of an eval's answers, arm by arm: means, how sure they are, and everything that is missing."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Final, TypeGuard

from jobs.evals.answer_form import AnswerForm
from jobs.evals.records import Answer, ArmSummary, Eval, GraderSummary
from jobs.evals.stats.intervals import mean_interval
from jobs.evals.stats.label_metrics import LabelCounts
from jobs.platforms.profiles import Price

UNUSABLE: Final = "score is not a usable number"
LARGEST_SCORE: Final = 1e12
"""Squares and sums of scores up to this stay finite."""


def usable(score: float | None) -> TypeGuard[float]:
    """Return whether a score can be averaged: it is given, finite, and of a size that means something."""
    return score is not None and abs(score) <= LARGEST_SCORE


class ScoreTally:
    """Scores of one grader for one arm, gathered one at a time; memory grows with items, not with answers.

    Args:
        bounds: lowest and highest score that the grader gives, if that is known.
    """

    def __init__(self, bounds: tuple[float, float] | None = None) -> None:
        self._bounds = bounds
        self._items: dict[str, tuple[float, int]] = {}
        self._runs: dict[int, tuple[float, int]] = {}
        self.graded = 0
        self.ungradable = 0

    def add(self, item: str, run: int, score: float, *, ungradable: bool = False) -> None:
        """Count one finite score."""
        self.ungradable += ungradable
        total, count = self._items.get(item, (0.0, 0))
        self._items[item] = (total + score, count + 1)
        total, count = self._runs.get(run, (0.0, 0))
        self._runs[run] = (total + score, count + 1)
        self.graded += 1

    def summary(self, grader: str) -> GraderSummary:
        """Return the mean over items of the mean over runs, the spread of the run means, and the 95% interval.

        The interval is over item means: runs of one item are not independent (`mean_interval`). The spread over runs
        says how much of it is luck of sampling; it is the sample standard deviation (K - 1).
        """
        means = [total / count for total, count in self._items.values()]
        runs = [total / count for total, count in self._runs.values()]
        return GraderSummary(
            grader=grader,
            mean=fmean(means) if means else None,
            run_std=stdev(runs) if len(runs) > 1 else None,
            interval=mean_interval(means, self._bounds),
            graded=self.graded,
            ungradable=self.ungradable,
        )


@dataclass(slots=True)
class _ArmTally:
    scores: dict[str, ScoreTally]
    answers: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    grader_errors: Counter[str] = field(default_factory=Counter)
    passed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int | None = None
    judge_tokens: int = 0
    latency: float = 0.0
    timed: int = 0

    def add(self, answer: Answer, reward: str, threshold: float | None) -> None:
        self.input_tokens += answer.input_tokens or 0
        self.output_tokens += answer.output_tokens or 0
        self.judge_tokens += answer.judge_tokens
        if answer.reasoning_tokens is not None:
            self.reasoning_tokens = (self.reasoning_tokens or 0) + answer.reasoning_tokens
        if answer.failure is not None:
            self.failures[answer.failure] += 1
            return
        self.answers += 1
        if answer.latency is not None:
            self.latency += answer.latency
            self.timed += 1
        self.grader_errors.update(answer.grader_errors.values())
        for grader, tally in self.scores.items():
            score = answer.scores.get(grader)
            if usable(score):
                tally.add(answer.item, answer.run, score, ungradable=grader in answer.ungradable)
                self.passed += grader == reward and threshold is not None and score >= threshold
            elif score is not None:
                self.grader_errors[UNUSABLE] += 1


def summarise(evaluation: Eval, answers: Iterable[Answer], references: Mapping[str, object]) -> tuple[ArmSummary, ...]:
    """Return the summary of each arm, in the eval's order; reads `answers` once and keeps none of them.

    A failure, a grading that broke and a score that is not a usable number are counted and never scored: means are over
    what was graded. An answer that could not be graded has the score of training, and is counted as well.

    Args:
        evaluation: gives arms, graders, the reward and its threshold.
        answers: each (item, arm, run) at most once, in any order.
        references: item id to its reference answer; {} leaves the label scores out.
    """
    graders = tuple(dict.fromkeys((*evaluation.graders, evaluation.reward)))
    tallies = {
        arm.name: _ArmTally({grader: ScoreTally(evaluation.ranges.get(grader)) for grader in graders})
        for arm in evaluation.arms
    }
    labels, form = LabelCounts(references), AnswerForm(lenient=evaluation.lenient_json)
    for answer in answers:
        tallies[answer.arm].add(answer, evaluation.reward, evaluation.threshold)
        if answer.names_labels is not None and answer.failure is None:
            labels.add(answer.arm, answer.item, form.read(answer.names_labels))
    return tuple(_summary(arm, tally, evaluation, labels) for arm, tally in tallies.items())


def _summary(arm: str, tally: _ArmTally, evaluation: Eval, labels: LabelCounts) -> ArmSummary:
    micro, macro = labels.scores(arm) or (None, None)
    rewarded = tally.scores[evaluation.reward].graded
    return ArmSummary(
        arm=arm,
        answers=tally.answers,
        failures=dict(tally.failures.most_common()),
        grader_errors=dict(tally.grader_errors.most_common()),
        graders=tuple(scores.summary(grader) for grader, scores in tally.scores.items()),
        micro=micro,
        macro=macro,
        pass_rate=tally.passed / rewarded if evaluation.threshold is not None and rewarded else None,
        input_tokens=tally.input_tokens,
        output_tokens=tally.output_tokens,
        reasoning_tokens=tally.reasoning_tokens,
        judge_tokens=tally.judge_tokens,
        mean_latency=tally.latency / tally.timed if tally.timed else None,
    )


def cost_of(summary: ArmSummary, price: Price | None) -> float | None:
    """Return US dollars for 1,000 calls; None if the price or the tokens are not known."""
    return price.of_1000(summary.input_tokens, summary.output_tokens, summary.answers) if price else None
