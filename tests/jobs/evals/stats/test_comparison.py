"""Arms side by side: the table, the verdicts, and evals that cannot be compared."""

import math
import random
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

import pytest

from jobs.core.errors import InvalidRequest
from jobs.evals.records import Arm, EvalState
from jobs.evals.stats.comparison import ArmAnswers, compare, gather
from jobs.evals.stats.pair import Pair
from jobs.evals.verdict import Verdict
from tests.jobs.evals.answers import an_answer, an_eval, graded, graded_by_all

PUBLISHED = {
    "gpt-4.1": {"precision": (0.390, 0.007), "recall": (0.593, 0.004), "f1": (0.449, 0.006)},
    "o4-mini": {"precision": (0.754, 0.018), "recall": (0.474, 0.013), "f1": (0.537, 0.020)},
    "tuned": {"precision": (0.774, 0.019), "recall": (0.628, 0.016), "f1": (0.671, 0.003)},
}
"""Mean and standard deviation over runs, as the field's demonstration printed them."""


def _report(scores: Sequence[Sequence[float]], number: int = 1, arm: str = "base", **changes: Any) -> ArmAnswers:
    evaluation = an_eval(id=f"eval-{number}", arms=(Arm(arm),), items=len(scores), **changes)
    return gather(evaluation, graded(scores, arm=arm))[0]


def _noisy(shift: float, items: int = 50, runs: int = 3, seed: int = 1) -> list[list[float]]:
    """The same items for every seed, each as hard as it is; runs that differ by seed."""
    hardness, chance = random.Random(99), random.Random(seed)
    rates = [hardness.uniform(0.25, 0.65) for _ in range(items)]
    return [[min(1.0, max(0.0, chance.gauss(rate + shift, 0.2))) for _ in range(runs)] for rate in rates]


def _pair(before: Sequence[Sequence[float]], after: Sequence[Sequence[float]], **changes: Any) -> Pair:
    return compare([_report(before, 1, "base", **changes), _report(after, 2, "tuned", **changes)]).pairs[0]


def _run_means(mean: float, std: float, runs: int, chance: random.Random) -> list[float]:
    """Return `runs` numbers with exactly this mean and standard deviation."""
    raw = [chance.gauss(0, 1) for _ in range(runs)]
    centre, spread = fmean(raw), stdev(raw)
    return [mean + std * (each - centre) / spread for each in raw]


def _published_arm(name: str, items: int, runs: int) -> ArmAnswers:
    chance = random.Random(name)
    tables = {}
    for grader, (mean, std) in PUBLISHED[name].items():
        means = _run_means(mean, std, runs, chance)
        offsets = [chance.uniform(-0.2, 0.2) for _ in range(items // 2)]
        tables[grader] = [[run + offset for run in means] for each in offsets for offset in (each, -each)]
    evaluation = an_eval(
        id=f"eval-{name}", arms=(Arm(name),), items=items, runs=runs, graders=("f1", "precision", "recall")
    )
    return gather(evaluation, graded_by_all(tables, arm=name))[0]


def test_the_published_table_comes_out_of_its_runs() -> None:
    comparison = compare([_published_arm(name, items=100, runs=5) for name in PUBLISHED])

    assert comparison.graders == ("f1", "precision", "recall")
    assert list(comparison.rows) == list(PUBLISHED)
    for name, figures in PUBLISHED.items():
        for summary in comparison.rows[name]:
            assert summary.mean is not None
            assert summary.run_std is not None
            assert (round(summary.mean, 3), round(summary.run_std, 3)) == figures[summary.grader]
    assert comparison.table.splitlines() == [
        "         f1             precision      recall",
        "gpt-4.1  0.449 ± 0.006  0.390 ± 0.007  0.593 ± 0.004",
        "o4-mini  0.537 ± 0.020  0.754 ± 0.018  0.474 ± 0.013",
        "tuned    0.671 ± 0.003  0.774 ± 0.019  0.628 ± 0.016",
    ]


def test_the_published_arms_are_told_apart_on_a_hundred_items() -> None:
    comparison = compare([_published_arm(name, items=100, runs=5) for name in PUBLISHED])

    assert [(pair.before, pair.after, pair.verdict) for pair in comparison.pairs] == [
        ("gpt-4.1", "o4-mini", Verdict.BETTER),
        ("gpt-4.1", "tuned", Verdict.BETTER),
        ("o4-mini", "tuned", Verdict.BETTER),
    ]
    assert comparison.text.splitlines()[2].startswith(
        "tuned is better than o4-mini: F1 0.67 against 0.54, +0.13 (95% interval 0."
    )


def test_better_and_worse_are_the_two_sides_of_one_coin() -> None:
    before, after = _noisy(0.0, seed=1), _noisy(0.15, seed=2)
    better, worse = _pair(before, after), _pair(after, before)

    assert (better.verdict, worse.verdict) == (Verdict.BETTER, Verdict.WORSE)
    assert better.difference.mean == pytest.approx(-worse.difference.mean)
    assert better.p == worse.p
    assert better.items_needed is None
    assert better.headline == f"tuned is better than base by {better.difference.mean:.2f}"
    assert "tuned is worse than base: F1" in worse.text


def test_what_cannot_be_told_says_how_many_items_it_would_take() -> None:
    pair = _pair(_noisy(0.0, seed=1), _noisy(0.03, seed=2))

    assert pair.verdict is Verdict.CANT_TELL
    assert pair.items_needed is not None
    assert pair.items_needed > 50
    assert pair.detectable is not None
    assert pair.headline == "Can't tell tuned from base"
    assert pair.text.startswith("Can't tell tuned from base: F1 ")
    assert "items would show it 4 times in 5; these 50 show one from 0.0" in pair.text


def test_that_many_items_do_show_it() -> None:
    """Of ten comparisons of the size named, at least half are told (the promise is 4 in 5)."""
    needed = _pair(_noisy(0.0, seed=1), _noisy(0.04, seed=2)).items_needed
    assert needed is not None
    told = [
        compare(
            [_report(_noisy(0.0, needed, seed=seed)), _report(_noisy(0.04, needed, seed=-seed), 2, "tuned")], flips=499
        )
        .pairs[0]
        .verdict
        for seed in range(20, 30)
    ]

    assert told.count(Verdict.BETTER) >= 5
    assert Verdict.WORSE not in told


def test_pairing_sees_what_two_separate_means_cannot() -> None:
    rates = [number / 40 for number in range(40)]
    pair = _pair([[rate] for rate in rates], [[min(1.0, rate + 0.02 + 0.01 * (n % 3))] for n, rate in enumerate(rates)])

    assert pair.verdict is Verdict.BETTER
    assert pair.run_share is None


def test_equal_arms_are_called_better_at_most_once_in_twenty() -> None:
    """Three equal arms, three pairs, 100 comparisons: the share with any call at all; Holm keeps it near .05."""
    wrong = 0
    for seed in range(100):
        arms = [_report(_noisy(0.0, 30, 2, seed * 3 + n), n, f"arm {n}") for n in range(3)]
        wrong += any(pair.verdict is not Verdict.CANT_TELL for pair in compare(arms, flips=499).pairs)

    assert wrong / 100 <= 0.08


def test_a_pair_that_counts_only_by_itself_says_so() -> None:
    weak = [[0.5 + (0.06 if n < 27 else -0.06)] for n in range(40)]
    flat = [[0.5 + 0.3 * math.sin(n)] for n in range(40)]
    mirror = [[0.5 - 0.3 * math.sin(n)] for n in range(40)]
    alone = _pair([[0.5]] * 40, weak)
    among = compare(
        [_report([[0.5]] * 40, 1, "base"), _report(weak, 2, "weak"), _report(flat, 3, "c"), _report(mirror, 4, "d")]
    ).pairs[0]

    assert alone.verdict is Verdict.BETTER
    assert among.verdict is Verdict.CANT_TELL
    assert "By itself it would count; among 6 pairs it may be luck." in among.text
    assert among.items_needed is not None
    assert among.items_needed > 40


def test_noise_between_runs_is_named_where_more_runs_would_help() -> None:
    chance = random.Random(1)
    before, after = [[[float(chance.random() < 0.5) for _ in range(2)] for _ in range(60)] for _ in range(2)]
    pair = _pair(before, after)

    assert pair.run_share is not None
    assert pair.run_share > 0.5
    assert "more runs help as well" in pair.text


def test_pass_or_fail_with_single_runs_is_mcnemar() -> None:
    before = [[0.0]] * 8 + [[1.0]] * 32
    after = [[1.0]] * 7 + [[0.0]] + [[1.0]] * 31 + [[0.0]]
    pair = _pair(before, after, threshold=0.5, runs=1)

    assert pair.passes is not None
    assert (pair.passes.won, pair.passes.lost) == (7, 1)
    assert pair.passes.p == pytest.approx(0.0391, abs=1e-4)
    assert pair.text.endswith("Passed: 95% against 80%, 7 items won, 1 lost, p 0.039 (McNemar mid-p).")


def test_pass_or_fail_with_several_runs_is_paired_by_item() -> None:
    pair = _pair(_noisy(0.0, seed=1), _noisy(0.2, seed=2), threshold=0.5)

    assert pair.passes is not None
    assert pair.passes.test == "paired by item"
    assert pair.passes.p < 0.05
    assert _pair(_noisy(0.0), _noisy(0.2)).passes is None


def test_only_items_that_both_have_count_and_the_others_are_told() -> None:
    before = _report([[0.1], [0.2], [0.3]] * 10, 1, "base")
    after = _report([[0.1], [0.2], [0.3]] * 10 + [[1.0]] * 5, 2, "tuned")
    comparison = compare([before, after])

    assert (comparison.pairs[0].items, comparison.pairs[0].left_out) == (30, 5)
    assert comparison.pairs[0].difference.mean == 0.0
    assert [row[0].graded for row in comparison.rows.values()] == [30, 35]
    assert comparison.notes == ("Only items with a reward from both count: 5 left out between base and tuned.",)
    assert "Both scored the same on every item." in comparison.text


def test_an_eval_that_is_not_over_is_noted() -> None:
    comparison = compare([_report(_noisy(0.0)), _report(_noisy(0.1), 2, "tuned", state=EvalState.CANCELLED)])

    assert comparison.notes == ("eval-2 is cancelled: it may lack answers.",)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ([[0.5]], [[0.9]], "One item says nothing about the others"),
        ([[0.5]] * 4, [[0.75]] * 4, "The difference is the same on every item"),
        ([[0.0], [1.0]] * 20, [[1.0], [0.0]] * 20, "No practical number of items"),
    ],
)
def test_odd_sets_get_a_sentence_too(before: list[list[float]], after: list[list[float]], words: str) -> None:
    pair = _pair(before, after)

    assert pair.verdict is Verdict.CANT_TELL
    assert words in pair.text


def test_failures_and_scores_that_are_no_numbers_are_in_no_figure() -> None:
    evaluation = an_eval(items=3)
    answers = [
        *graded([[0.5]]),
        an_answer("i1", scores={"f1": math.nan}),
        an_answer("i2", text=None, failure="time-out", scores={"f1": 0.0}),
    ]

    assert gather(evaluation, answers)[0].scores == {"f1": {"i0": {1: 0.5}}}


def test_a_grader_that_gave_no_score_is_said_in_the_table() -> None:
    reports = [_report(_noisy(0.0), n, f"arm {n}", graders=("f1", "style")) for n in (1, 2)]

    assert compare(reports).table.splitlines()[1].endswith("not graded")


def test_the_same_answers_give_the_same_comparison() -> None:
    reports = [_report(_noisy(0.0)), _report(_noisy(0.05, seed=3), 2, "tuned")]

    assert compare(reports) == compare(reports)


def test_arms_of_one_eval_are_compared_as_those_of_two() -> None:
    evaluation = an_eval(arms=(Arm("base", "low"), Arm("base", "high")), items=50)
    answers = [*graded(_noisy(0.0), arm="base (low)"), *graded(_noisy(0.2, seed=2), arm="base (high)")]
    pair = compare(gather(evaluation, answers)).pairs[0]

    assert (pair.before, pair.after, pair.verdict) == ("base (low)", "base (high)", Verdict.BETTER)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "laws"}, "other tasks (acts in eval-1, laws in eval-2)"),
        ({"task_version": "w"}, "other versions of the task's files (v in eval-1, w in eval-2)"),
        ({"split": "test"}, "other splits (valid in eval-1, test in eval-2)"),
        ({"reward": "recall"}, "other rewards (f1 in eval-1, recall in eval-2)"),
        (
            {"prompt": "v2", "prompt_hash": "abcdef99"},
            "other models and other prompts at once (v1 (p) in eval-1, v2 (abcdef) in eval-2)",
        ),
    ],
)
def test_evals_that_differ_in_more_than_their_arms_are_refused(changes: dict[str, Any], words: str) -> None:
    reports = [_report(_noisy(0.0)), _report(_noisy(0.1), 2, "tuned", **changes)]

    with pytest.raises(InvalidRequest) as refusal:
        compare(reports)
    assert words in str(refusal.value)


def test_two_prompts_may_be_compared_where_the_model_is_the_same() -> None:
    reports = [_report(_noisy(0.0)), _report(_noisy(0.2, seed=2), 2, prompt="v2", prompt_hash="q")]
    pair = compare(reports).pairs[0]

    assert (pair.before, pair.after, pair.verdict) == ("base, prompt v1", "base, prompt v2", Verdict.BETTER)


@pytest.mark.parametrize(("changes", "name"), [({"platform": "azure"}, "base on azure"), ({}, "base, eval-2")])
def test_one_model_twice_is_told_apart_by_what_differs(changes: dict[str, Any], name: str) -> None:
    comparison = compare([_report(_noisy(0.0)), _report(_noisy(0.0), 2, **changes)])

    assert list(comparison.rows)[1] == name


def test_a_comparison_takes_two_different_arms() -> None:
    report = _report(_noisy(0.0))

    for reports in ([], [report], [report, report]):
        with pytest.raises(InvalidRequest, match="at least two arms"):
            compare(reports)


def test_arms_without_an_item_in_common_are_refused() -> None:
    empty = gather(an_eval(id="eval-2", arms=(Arm("tuned"),)), [])[0]

    with pytest.raises(InvalidRequest, match="base and tuned cannot be compared: no item has a reward from both"):
        compare([_report(_noisy(0.0)), empty])


def test_scores_of_other_rules_are_not_compared() -> None:
    old, new = _report([[0.5], [0.7]], 1), _report([[0.5], [0.7]], 2, "tuned", scoring=2)
    with pytest.raises(InvalidRequest, match=r"other rules of scoring \(version 1 in eval-1, version 2 in eval-2\)"):
        compare([old, new])


def test_a_mean_that_is_not_over_everything_is_said() -> None:
    before = gather(an_eval(id="eval-1"), [*graded([[0.2], [0.4]]), an_answer("i9", grader_errors={"f1": "x"})])
    fenced = an_answer("i1", arm="tuned", scores={"f1": 0.0}, ungradable={"f1": "sample_parse_error"})
    right = an_answer("i0", arm="tuned", scores={"f1": 1.0})
    after = gather(an_eval(id="eval-2", arms=(Arm("tuned"),)), [right, fenced])

    notes = compare([*before, *after]).notes

    assert "base: the mean is over 2 of 3 answers: 1 is missing." in notes
    assert "tuned: on 1 of 2 answers the grader found nothing to grade." in notes


def test_a_difference_is_no_larger_than_the_range_allows() -> None:
    ranges = {"f1": (0.0, 5.0)}
    pair = _pair([[5.0], [0.0], [0.0]], [[5.0], [5.0], [5.0]], ranges=ranges)
    assert pair.difference.interval is not None
    assert pair.difference.interval.high == 5.0
