"""Two validation splits side by side: where they are said to disagree, against a truth that is known."""

import random
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, stdev

import pytest

from jobs.core.errors import InvalidRequest
from jobs.evals.records import Arm, Eval
from jobs.evals.stats.comparison import ArmAnswers, gather
from jobs.evals.stats.intervals import t_cdf
from jobs.evals.stats.splits import OnTwoSplits, on_two_splits, welch
from jobs.evals.stats.summary import summarise
from jobs.evals.verdict import Verdict
from tests.jobs.evals.answers import an_eval, graded

ARMS = ("base", "tuned")


def answered(split: str, scores: Sequence[Sequence[Sequence[float]]], **changes: object) -> list[ArmAnswers]:
    """Return what two arms scored on a split: arm, item, run."""
    settings = {"id": f"eval-{split}", "split": split, "arms": tuple(map(Arm, ARMS)), **changes}
    evaluation: Eval = an_eval(**settings)
    answers = [each for arm, table in zip(ARMS, scores, strict=False) for each in graded(table, arm=arm)]
    evaluation = replace(evaluation, summaries=summarise(evaluation, answers, {}))
    return list(gather(evaluation, answers))


def simulated(items: int, rates: Sequence[float], seed: int) -> list[list[list[float]]]:
    """Return F1-like scores of 3 runs: items differ in how hard they are, an arm's mean is its rate."""
    chance = random.Random(seed)
    hardness = [chance.uniform(-0.25, 0.25) for _ in range(items)]
    return [
        [[min(1.0, max(0.0, chance.gauss(rate + hard, 0.2))) for _ in range(3)] for hard in hardness] for rate in rates
    ]


def both(valid: Sequence[float], natural: Sequence[float], seed: int, items: tuple[int, int] = (60, 40)) -> OnTwoSplits:
    return on_two_splits(
        answered("valid", simulated(items[0], valid, seed)),
        answered("valid_natural", simulated(items[1], natural, seed + 5_000)),
    )


def share(valid: Sequence[float], natural: Sequence[float], studies: int) -> float:
    """Return in which share of simulated studies the splits are said to disagree."""
    return fmean(bool(both(valid, natural, seed).disagreements) for seed in range(studies))


@pytest.mark.parametrize("studies", [20, pytest.param(200, marks=pytest.mark.thorough)])
def test_splits_of_one_truth_are_seldom_said_to_disagree(studies: int) -> None:
    assert share((0.45, 0.55), (0.45, 0.55), studies) <= 0.08


def test_a_gain_that_production_does_not_have_is_found() -> None:
    """The tuned model gains .20 on the balanced split and nothing as production has it."""
    found = [both((0.40, 0.60), (0.50, 0.50), seed) for seed in range(20)]
    told = [each for each in found if each.leads[ARMS].verdict is Verdict.WORSE]
    assert len(told) >= 0.95 * len(found)
    assert "tuned gains less over base on valid_natural: F1 -0." in told[0].headline


def test_a_model_that_scores_less_as_production_has_it_is_named() -> None:
    assert share((0.55, 0.55), (0.35, 0.35), 20) >= 0.95
    assert "base scores less on valid_natural: F1 -0." in both((0.6, 0.6), (0.3, 0.3), 1).headline


def test_the_table_has_both_splits_and_nothing_is_said_where_they_agree() -> None:
    found = both((0.5, 0.5), (0.5, 0.5), 3)
    assert found.headline == "valid and valid_natural do not disagree beyond chance"
    head, *lines = found.table.splitlines()
    assert head.split() == ["valid", "valid_natural"]
    assert [line.split()[0] for line in lines] == ["base", "F1", "tuned", "F1"]
    assert found.conclusions == ()


def test_welch_is_the_test_of_the_textbook() -> None:
    one, other = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9], [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0]
    gap = welch(one, other)
    error = (stdev(one) ** 2 / 6 + stdev(other) ** 2 / 8) ** 0.5
    assert gap.change == pytest.approx(fmean(other) - fmean(one))
    assert gap.p > 2 * t_cdf(-gap.change / error, 12)  # fewer degrees than Student's
    assert welch([0.5], [0.7]).p == welch([0.5, 0.5], [0.7, 0.7]).p == 1.0
    assert welch([1.0, 1.0], [1.0, 1.0]).verdict is Verdict.CANT_TELL


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompt_hash": "other"}, "eval-valid and eval-valid_natural differ in more than the split: other prompts."),
        ({"task": "other"}, "differ in more than the split: other tasks."),
    ],
)
def test_nothing_but_the_split_may_differ(changes: dict[str, object], words: str) -> None:
    scores = simulated(10, (0.5, 0.5), 1)
    with pytest.raises(InvalidRequest, match=words):
        on_two_splits(answered("valid", scores), answered("valid_natural", scores, **changes))
