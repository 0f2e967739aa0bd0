"""Figures, changes and guardrails against scipy and statsmodels, and how often their intervals hold what is true."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests

from jobs.evals.stats.intervals import mean_interval
from jobs.evals.stats.paired_tests import difference, holm, interval_of_verdict
from jobs.evals.verdict import Verdict
from jobs.evidence.measure import NOT_SHOWN, SplitAnswers, guard, versus
from jobs.evidence.records import Candidate, Evidence, Role
from jobs.platforms.profiles import Price
from tests.jobs.evidence.on_file import (
    BASE,
    LIVE,
    STEP_1,
    STEP_2,
    OnFile,
    Table,
    answered,
    evaluated,
    lined_up,
    measure,
)

Scores = NDArray[np.float64]
"""Items by runs."""


def drawn(seed: int, items: int = 40, runs: int = 3, lift: float = 0.0) -> Scores:
    """Scores of one model: items differ in difficulty, runs in luck."""
    random = np.random.default_rng(seed)
    hard = np.random.default_rng(7).uniform(0.25, 0.75, size=(items, 1))
    return np.clip(hard + lift + random.normal(0, 0.12, size=(items, runs)), 0, 1)


def table(scores: Scores) -> Table:
    return [[float(score) for score in runs] for runs in scores]


def read(
    tables: Mapping[str, Scores],
    test: Mapping[str, Scores] | None = None,
    natural: Mapping[str, Scores] | None = None,
    **terms: Any,
) -> Evidence:
    """Read evals in which every model has one grader, the reward f1."""
    graded = {model: {"f1": table(scores)} for model, scores in tables.items()}
    files = {"eval-valid2": answered(graded)}
    others = []
    for split, scored in (("test", test), ("valid_natural", natural)):
        if scored:
            of_split = {model: {"f1": table(scores)} for model, scores in scored.items()}
            others.append(evaluated(of_split, f"eval-{split}", split))
            files[f"eval-{split}"] = answered(of_split)
    return measure(lined_up(*tables), evaluated(graded), OnFile(files), *others, **terms)


def of(reading: Evidence, model: str) -> Candidate:
    return next(each for each in reading.candidates if each.model == model)


# -- against others' arithmetic ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_a_change_is_the_paired_t_test_s_of_scipy(seed: int) -> None:
    base, tuned = drawn(seed), drawn(seed + 100, lift=0.05)
    change = of(read({BASE: base, STEP_1: tuned}), STEP_1).versus_base
    theirs = stats.ttest_rel(tuned.mean(axis=1), base.mean(axis=1))
    span = theirs.confidence_interval(0.95)
    assert change is not None
    assert (change.mean, change.low, change.high) == pytest.approx(
        (float((tuned - base).mean()), float(span.low), float(span.high)), abs=1e-9
    )
    assert change.p >= float(theirs.pvalue) - 1e-12
    assert change.p == pytest.approx(float(theirs.pvalue), abs=0.02)


def test_with_few_items_p_is_the_permutation_test_s_of_scipy() -> None:
    base, tuned = drawn(1, items=9), drawn(2, items=9, lift=0.06)
    change = of(read({BASE: base, STEP_1: tuned}), STEP_1).versus_base
    differences = tuned.mean(axis=1) - base.mean(axis=1)
    exact = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    student = stats.ttest_1samp(differences, 0.0)
    assert change is not None
    assert change.p == pytest.approx(max(float(exact.pvalue), float(student.pvalue)), abs=1e-9)


def test_an_interval_clusters_by_item_as_statsmodels_does() -> None:
    base, tuned = drawn(3), drawn(4)
    held = guard("f1", -0.02, Role.BASE, _means(base), _means(tuned))
    differences = (tuned - base).ravel()
    items = np.repeat(np.arange(len(base)), base.shape[1])
    fit = OLS(differences, np.ones(len(differences))).fit(cov_type="cluster", cov_kwds={"groups": items})
    quantile = float(stats.t.ppf(0.975, len(base) - 1))
    assert held.low == pytest.approx(float(fit.params[0]) - quantile * float(fit.bse[0]), abs=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_the_interval_that_is_shown_is_the_one_the_verdict_was_taken_on(seed: int) -> None:
    """Ten items, three checkpoints: what counts leaves out 0, what does not reaches to it."""
    noise = np.random.default_rng(seed)
    changes = [difference(list(noise.normal(mean, 0.2, 10))) for mean in (-0.23, -0.15, 0.05)]
    for change, p in zip(changes, holm([change.p for change in changes]), strict=True):
        shown = interval_of_verdict(change, p)
        assert shown is not None
        assert (shown.low > 0 or shown.high < 0) == (p <= 0.05)
        assert change.interval is not None
        assert shown.low <= change.interval.low < change.interval.high <= shown.high


def test_a_guardrail_is_a_share_of_its_graders_range() -> None:
    base = {f"i{n}": 3.0 + n % 2 for n in range(40)}
    worse = {item: score - 0.06 - 0.02 * (n % 3) for n, (item, score) in enumerate(base.items())}
    assert guard("judge", -0.02, Role.BASE, base, worse).is_broken
    of_five = guard("judge", -0.02, Role.BASE, base, worse, (0.0, 5.0))
    assert (of_five.allowed, of_five.is_broken) == (-0.1, False)
    assert guard("percent", -0.02, Role.BASE, base, worse, (0.0, 2.0)).is_broken


def _means(scores: Scores) -> dict[str, float]:
    return {f"i{item}": float(runs.mean()) for item, runs in enumerate(scores)}


def test_p_values_are_adjusted_as_holm_does_it_in_statsmodels_for_base_and_alias_each() -> None:
    tables = {BASE: drawn(1), STEP_1: drawn(2, lift=0.03), STEP_2: drawn(3, lift=0.05), LIVE: drawn(4, lift=0.02)}
    reading = read(tables, alias_model=LIVE)
    for reference in (BASE, LIVE):
        alone = []
        for model in (STEP_1, STEP_2):
            single = read({BASE: tables[reference], STEP_1: tables[model]})
            change = of(single, STEP_1).versus_base
            assert change is not None
            alone.append(change.p)
        theirs = multipletests(alone, method="holm")[1]
        ours = [
            change.p
            for model in (STEP_1, STEP_2)
            if (change := of(reading, model).versus_base if reference == BASE else of(reading, model).versus_alias)
        ]
        assert ours == pytest.approx([float(p) for p in theirs])


def test_what_is_no_checkpoint_is_no_part_of_the_family() -> None:
    tables = {BASE: drawn(1), STEP_1: drawn(2, lift=0.03), LIVE: drawn(4, lift=0.03)}
    graded = {model: {"f1": table(scores)} for model, scores in tables.items()}
    split = SplitAnswers.read(evaluated(graded), OnFile({"eval-valid2": answered(graded)}))
    found = versus(BASE, lined_up(*tables), split)
    alone = versus(BASE, lined_up(BASE, LIVE), split)
    assert found[LIVE] == alone[LIVE]
    assert versus(None, lined_up(*tables), split) == {}


# -- how often intervals hold what is true -------------------------------------------------------------------------

SIMULATED = 2_000


def test_the_interval_of_a_change_holds_the_true_one_19_times_in_20() -> None:
    random, held = np.random.default_rng(11), 0
    for _ in range(SIMULATED):
        true = random.normal(0.03, 0.10, size=50)  # by item: tuning helps some and harms others
        noise = random.normal(0, 0.2, size=(2, 50, 3)).mean(axis=2)
        before = {f"i{item}": float(noise[0, item]) for item in range(50)}
        after = {f"i{item}": float(true[item] + noise[1, item]) for item in range(50)}
        found = guard("f1", -0.02, Role.BASE, before, after)
        half = found.change - found.low
        held += abs(found.change - 0.03) <= half
    assert held / SIMULATED == pytest.approx(0.95, abs=0.02)


def test_a_figure_is_that_of_the_evals_own_summary() -> None:
    scores = drawn(1)
    interval = mean_interval([float(mean) for mean in scores.mean(axis=1)])
    assert interval is not None
    figure = of(read({BASE: scores}), BASE).valid["f1"]
    assert (figure.mean, figure.low, figure.high) == pytest.approx((scores.mean(), interval.low, interval.high))


def test_a_guardrail_lets_a_true_fall_of_the_margin_pass_once_in_forty() -> None:
    random, passed = np.random.default_rng(13), 0
    for _ in range(SIMULATED):
        before, noise = random.normal(0.6, 0.2, size=50), random.normal(-0.02, 0.15, size=50)
        found = guard("recall", -0.02, Role.BASE, _as_items(before), _as_items(before + noise))
        passed += not found.is_broken
    assert passed / SIMULATED == pytest.approx(0.025, abs=0.01)


def _as_items(scores: Scores) -> dict[str, float]:
    return {f"i{item}": float(score) for item, score in enumerate(scores)}


# -- verdicts, guardrails, tokens ----------------------------------------------------------------------------------


def test_a_checkpoint_is_as_good_as_the_best_where_the_items_show_it() -> None:
    best, near, far = (drawn(3, items=400, lift=lift) for lift in (0.1, 0.095, 0.02))
    found = read({BASE: drawn(1, items=400), STEP_1: near, STEP_2: best}, guardrails={"f1": -0.05})
    assert of(found, STEP_2).against_best is None
    close = of(found, STEP_1).against_best
    assert close is not None
    assert (close.is_as_good, close.margin, close.best) == (True, 0.05, of(found, STEP_2).name)
    assert of(found, BASE).against_best is None
    other = of(read({BASE: drawn(1, items=400), STEP_1: far, STEP_2: best}), STEP_1).against_best
    assert other is not None
    assert (other.is_as_good, other.margin) == (False, 0.02)
    few = of(read({BASE: drawn(1), STEP_1: drawn(3), STEP_2: drawn(4)}), STEP_1).against_best
    assert few is None or not few.is_as_good


def test_better_worse_and_how_many_items_it_would_take() -> None:
    reading = read({BASE: drawn(1), STEP_1: drawn(2, lift=0.2), STEP_2: drawn(3, lift=0.02)})
    base, better, unclear = reading.candidates
    assert base.versus_base is None
    assert better.versus_base is not None
    assert (better.versus_base.verdict, better.versus_base.items) == (Verdict.BETTER, 40)
    assert better.versus_base.items_needed is None
    assert unclear.versus_base is not None
    assert unclear.versus_base.verdict is Verdict.CANT_TELL
    assert (unclear.versus_base.items_needed or 0) > 40
    worse = of(read({BASE: drawn(1), STEP_1: drawn(2, lift=-0.2)}), STEP_1).versus_base
    assert worse is not None
    assert worse.verdict is Verdict.WORSE


def test_guardrails_are_held_against_production_and_against_the_base_for_production_itself() -> None:
    tables = {BASE: drawn(1), STEP_1: drawn(2, lift=0.1), STEP_2: drawn(3, lift=0.1)}
    reading = read(tables, guardrails={"f1": -0.02}, alias_model=STEP_2)
    (of_1,), (of_2,) = of(reading, STEP_1).guards, of(reading, STEP_2).guards
    assert (of_1.against, of_2.against) == (Role.ALIAS, Role.BASE)
    assert of(reading, STEP_2).broken_guards == ()
    assert of(reading, STEP_1).broken_guards == ("f1",), "no better than production, and the interval reaches below"
    assert of(reading, STEP_2).versus_alias is None
    assert of(reading, BASE).guards == ()


def test_what_was_not_measured_is_not_shown_to_hold() -> None:
    reading = read({BASE: drawn(1), STEP_1: drawn(2)}, guardrails={"precision": -0.02})
    (held,) = of(reading, STEP_1).guards
    assert (held.is_broken, held.low) == (True, NOT_SHOWN)


def test_the_test_split_has_figures_and_a_change_of_its_own() -> None:
    tables = {BASE: drawn(1), STEP_1: drawn(2, lift=0.1)}
    reading = read(tables, test={BASE: drawn(5), STEP_1: drawn(6)})
    tuned = of(reading, STEP_1)
    assert tuned.test["f1"].mean == pytest.approx(float(drawn(6).mean()))
    assert tuned.test_versus_base is not None
    assert tuned.test_versus_base.verdict is Verdict.CANT_TELL
    assert of(read(tables), STEP_1).test == {}


def test_the_natural_split_stands_next_to_the_balanced_one_and_says_where_it_disagrees() -> None:
    balanced = {BASE: drawn(1), STEP_1: drawn(2, lift=0.2)}
    alike = of(read(balanced, natural={BASE: drawn(5), STEP_1: drawn(6, lift=0.2)}), STEP_1)
    assert (alike.splits_disagree, alike.natural_versus_base and alike.natural_versus_base.verdict) == (
        "",
        Verdict.BETTER,
    )
    assert alike.natural["f1"].mean == pytest.approx(float(drawn(6, lift=0.2).mean()))

    lost = of(read(balanced, natural={BASE: drawn(5), STEP_1: drawn(6, lift=-0.1)}), STEP_1)
    assert lost.natural_versus_base is not None
    assert lost.natural_versus_base.verdict is Verdict.WORSE
    assert lost.splits_disagree.startswith("valid_natural says otherwise: it scores less, -0.")
    assert "it gained less over the base, -0.2" in lost.splits_disagree


@pytest.mark.parametrize("studies", [12, pytest.param(100, marks=pytest.mark.thorough)])
def test_checkpoints_that_are_alike_on_both_splits_are_seldom_said_to_disagree(studies: int) -> None:
    def disagrees(seed: int) -> bool:
        tables = [
            {BASE: drawn(9 * seed + at), STEP_1: drawn(9 * seed + at + 1, lift=0.1), STEP_2: drawn(9 * seed + at + 2)}
            for at in (0, 1_000_000)
        ]
        return any(each.splits_disagree for each in read(tables[0], natural=tables[1]).candidates)

    assert sum(map(disagrees, range(studies))) <= max(1, 0.1 * studies)


@pytest.mark.parametrize(("alias_model", "against"), [(None, "base"), (LIVE, "what is in use")])
def test_a_slice_that_got_worse_is_named_against_what_is_in_use_or_the_base(alias_model: str, against: str) -> None:
    fields = {f"i{item}": {"language": "de" if item % 3 == 0 else "en"} for item in range(40)}
    tuned = drawn(2, lift=0.1)
    tuned[::3] -= 0.35
    tables = {BASE: drawn(1), STEP_1: tuned, STEP_2: drawn(4, lift=0.1), LIVE: drawn(3)}
    graded = {model: {"f1": table(scores)} for model, scores in tables.items()}
    file = OnFile({"eval-valid2": answered(graded)}, dict.fromkeys(fields, "text"), fields)
    reading = measure(lined_up(*tables), evaluated(graded), file, alias_model=alias_model)
    (fall,) = of(reading, STEP_1).slice_falls
    assert (fall.before, fall.after, fall.value, fall.items) == (against, "step 1", "de", 14)
    assert of(reading, STEP_2).slice_falls == ()
    assert [(one.name, one.items) for one in reading.slices] == [("language=en", 26), ("language=de", 14)]
    assert reading.slices[1].means[STEP_1] == pytest.approx(float(tuned[::3].mean()))


def test_missing_answers_are_counted_and_never_scored() -> None:
    graded = {model: {"f1": table(drawn(seed))} for model, seed in ((BASE, 1), (STEP_1, 2))}
    answers = answered(graded)
    lost = [
        replace(each, scores={}, failure="time-out", text=None, output_tokens=None)
        if each.arm == STEP_1 and each.item in {"i0", "i1"}
        else each
        for each in answers
    ]
    never_asked = [each for each in lost if not (each.arm == STEP_1 and each.item == "i2")]
    valid = evaluated(graded)
    reading = measure(lined_up(BASE, STEP_1), valid, OnFile({valid.id: never_asked}))
    tuned = of(reading, STEP_1)
    assert (tuned.answers, tuned.failures) == (111, 9)
    assert tuned.valid["f1"].mean == pytest.approx(float(drawn(2)[3:].mean()))
    assert tuned.versus_base is not None
    assert tuned.versus_base.items == 37


def test_a_model_without_a_single_answer_has_no_figures() -> None:
    graded = {model: {"f1": table(drawn(seed))} for model, seed in ((BASE, 1), (STEP_1, 2))}
    valid = evaluated(graded)
    answers = [each for each in answered(graded) if each.arm == BASE]
    reading = measure(lined_up(BASE, STEP_1), valid, OnFile({valid.id: answers}), guardrails={"f1": -0.02})
    tuned = of(reading, STEP_1)
    assert (tuned.valid, tuned.versus_base, tuned.answers, tuned.failures) == ({}, None, 0, 120)
    assert tuned.broken_guards == ("f1",)
    assert reading.bias is None


def test_tokens_and_what_they_cost() -> None:
    tables = {BASE: drawn(1), STEP_1: drawn(2)}
    reading = read(tables, price_of={STEP_1: Price(input=2.0, output=10.0)}.get)
    tuned = of(reading, STEP_1)
    assert tuned.cost == pytest.approx(1000 * (100 * 2.0 + 20 * 10.0) / 1e6)
    assert (tuned.output_tokens, tuned.reasoning_tokens) == (20.0, None)
    assert of(reading, BASE).cost is None
