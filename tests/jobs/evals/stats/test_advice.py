"""Which effort or prompt to use: simulated truth for "as good", and the sentence for each outcome."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from jobs.evals.records import Answer, Arm, ArmSummary
from jobs.evals.stats.advice import Advice, advise, non_inferiority
from jobs.evals.stats.comparison import compare, gather
from jobs.platforms.profiles import Price
from tests.jobs.evals.answers import an_eval, graded

MARGIN = 0.02
TRIALS = 1_000
Draw = Callable[[np.random.Generator, int], Sequence[float]]
LOSSES: dict[str, Draw] = {
    "rare and total": lambda rng, count: [-1.0 if lost else 0.0 for lost in rng.random(count) < MARGIN],
    "both ways": lambda rng, count: [float(each) for each in rng.choice([-1, 1, 0], count, p=[0.06, 0.04, 0.9])],
    "everywhere": lambda rng, count: [float(each) for each in rng.normal(-MARGIN, 0.1, count)],
    "some a little": lambda rng, count: [-0.2 if lost else 0.0 for lost in rng.random(count) < 0.1],
}


def share_shown(draw: Draw, count: int, candidates: int = 1) -> float:
    rng = np.random.default_rng(20_261)
    shown = [non_inferiority(draw(rng, count), MARGIN, candidates=candidates).is_shown for _ in range(TRIALS)]
    return sum(shown) / TRIALS


@pytest.mark.parametrize("count", [30, 150, 400])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_of_the_whole_margin_is_rarely_called_as_good(loss: str, count: int) -> None:
    assert share_shown(LOSSES[loss], count) <= 0.04  # 2.5%, and three standard errors of 1,000 trials


def test_equals_are_called_as_good_about_as_often_as_the_number_of_items_promises() -> None:
    rng = np.random.default_rng(3)
    needed = non_inferiority(list(rng.normal(0, 0.1, 200)), MARGIN).items_needed
    assert needed
    assert 0.74 <= share_shown(lambda rng, count: list(rng.normal(0.0, 0.1, count)), needed) <= 0.88


def test_what_was_never_seen_to_differ_is_not_as_good_on_a_few_items() -> None:
    few = non_inferiority([0.0] * 30, MARGIN)
    assert not few.is_shown
    assert few.items_needed
    assert non_inferiority([0.0] * 400, MARGIN).is_shown
    assert not non_inferiority([0.0], MARGIN).is_shown
    assert non_inferiority([1.0] * 40, 0.5, candidates=3).low < non_inferiority([1.0] * 40, 0.5).low


def advice_on(
    arms: Sequence[Arm],
    means: Sequence[float],
    tokens: Sequence[int],
    *,
    items: int = 400,
    margin: float = 0.05,
    price: Price | None = None,
) -> Advice:
    """Return the advice on arms whose scores scatter by .1 around a mean, and that take so many tokens an answer."""
    evaluation = an_eval(arms=tuple(arms), items=items, runs=1, margin=margin)
    answers: list[Answer] = []
    for place, (arm, mean) in enumerate(zip(arms, means, strict=True)):
        rng = random.Random(place)
        answers += graded([[mean + rng.uniform(-0.17, 0.17)] for _ in range(items)], arm=arm.name)
    sums = zip(arms, tokens, strict=True)
    evaluation = replace(
        evaluation,
        summaries=tuple(
            ArmSummary(arm.name, items, input_tokens=100 * items, output_tokens=took * items) for arm, took in sums
        ),
    )
    gathered = gather(evaluation, answers)
    prices = {"base": price} if price else {}
    (advice,) = advise(evaluation, gathered, compare(gathered, flips=200), prices)
    return advice


EFFORTS = (Arm("base", "low"), Arm("base", "medium"))


def test_a_cheaper_effort_that_is_as_good_is_advised_with_margin_and_saving() -> None:
    advice = advice_on(EFFORTS, (0.5, 0.51), (60, 100), price=Price(0.0, 4.0))
    assert (advice.axis, advice.value, advice.is_offered) == ("effort", "low", True)
    assert advice.text.startswith("Effort low is as good as medium and costs 40% less: F1 0.5")
    assert "on 400 items, with 97.5% confidence less than 0.05 worse, the margin." in advice.text
    assert "takes 20% fewer tokens" in advice_on(EFFORTS, (0.5, 0.51), (60, 100)).text


def test_no_difference_found_is_not_called_as_good() -> None:
    told = advice_on(EFFORTS, (0.5, 0.55), (60, 100), items=20)
    assert (told.value, told.is_offered) == ("medium", False)
    assert told.text.startswith("Not settled whether low, which takes 20% fewer tokens, is as good as medium")
    assert "the margin is 0.05" in told.text
    assert "would show that it is as good if it is (20 here), or accept a wider `margin=`." in told.text


def test_an_effort_that_is_better_is_worth_its_price() -> None:
    advice = advice_on(EFFORTS, (0.3, 0.6), (60, 100))
    assert (advice.value, advice.is_offered) == ("medium", True)
    assert advice.text.startswith("Effort medium is worth its price: low is worse, F1 0.")


def test_the_shorter_prompt_wins_a_tie_and_it_is_said() -> None:
    prompts = (Arm("base", prompt="v1"), Arm("base", prompt="v2"))
    advice = advice_on(prompts, (0.5, 0.56), (60, 100), items=30)
    assert (advice.axis, advice.value, advice.is_offered) == ("prompt", "v1", True)
    assert "a tie goes to the shorter one, which takes 20% fewer tokens" in advice.text
    better = advice_on(prompts, (0.3, 0.6), (60, 100), items=30)
    assert better.value == "v2"


def test_what_costs_the_same_saves_nothing() -> None:
    advice = advice_on(EFFORTS, (0.4, 0.6), (60, 60))
    assert advice.text == "Effort medium is better and costs nothing more: low and medium cost the same, within 2%."
    alike = advice_on(EFFORTS, (0.5, 0.5), (100, 101))
    assert alike.text.startswith("Low and medium cost the same, within 2%, and are not told apart")
    assert not alike.is_offered
    assert advice.is_offered  # the scores tell the two apart


def test_the_cheapest_that_is_also_the_best_is_advised() -> None:
    advice = advice_on(EFFORTS, (0.6, 0.4), (60, 100))
    assert advice.text.startswith("Effort low is as good as medium and takes 20% fewer tokens: F1 0.6")
    few = advice_on(EFFORTS, (0.53, 0.5), (60, 100), items=10)
    assert few.text.startswith("There is no case for medium: low takes 20% fewer tokens, F1 0.")
    assert few.is_offered


def test_what_is_lost_without_the_response_format_is_said() -> None:
    formats = (Arm("base"), Arm("base", format="none"))
    worse = advice_on(formats, (0.6, 0.3), (60, 60))
    assert (worse.axis, worse.is_offered) == ("format", False)
    assert worse.text.startswith("Asked without the response format, answers are worse: F1 0.")
    assert worse.text.endswith("Production has to ask with it.")
    assert "answers are as good, but for the margin of 0.05" in advice_on(formats, (0.5, 0.51), (60, 60)).text
    unclear = advice_on(formats, (0.5, 0.5), (60, 60), items=12)
    assert unclear.text.startswith("Not settled what is lost without the response format: F1 0.")


def test_the_cheapest_of_several_is_rarely_called_as_good_where_each_loses_the_margin() -> None:
    """The reference is the highest of what was seen, and there are several chances to be wrong: both are paid for."""
    rng, wrong = np.random.default_rng(11), 0
    for _ in range(TRIALS):
        best = rng.normal(0.5, 0.2, 150)
        cheaper = [best - MARGIN + rng.normal(0, 0.06, 150) for _ in range(3)]
        highest = max([best, *cheaper], key=lambda scores: float(scores.mean()))
        tests = [non_inferiority(list(each - highest), MARGIN, candidates=3) for each in cheaper if each is not highest]
        wrong += any(test.is_shown for test in tests)
    assert wrong / TRIALS <= 0.04


def test_a_bound_stays_within_what_can_be_lost() -> None:
    assert non_inferiority([-0.5, 0.9], MARGIN).low == -1.0
    assert non_inferiority([-4.0, 0.9], MARGIN, width=5.0).low == -5.0
