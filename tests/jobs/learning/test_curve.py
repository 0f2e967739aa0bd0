"""What more data would bring: the interval holds what is true, however the curve bends; and what is said of it."""

import numpy as np
import pytest

from jobs.learning.curve import Gain, Trained, gain

SIZES, MORE, ITEMS, RUNS = (50, 100, 200), 100, 60, 3


def trained(
    rng: np.random.Generator, bend: float, rise: float, *, seeds: int = 2, seed_noise: float = 0.02
) -> list[Trained]:
    """Return jobs whose score rises by `rise` on average from the fewest items to the most, less on some items."""
    level, rises = rng.beta(2, 2, ITEMS), rise * rng.gamma(2, 0.5, ITEMS)
    span = SIZES[0] ** -bend - SIZES[-1] ** -bend
    jobs = []
    for size in SIZES:
        for _ in range(seeds):
            noise = rng.normal(0, seed_noise) + rng.normal(0, 0.1, ITEMS) + rng.normal(0, 0.25 / RUNS**0.5, ITEMS)
            scores = level - rises * (size**-bend - SIZES[-1] ** -bend) / span + noise
            jobs.append(Trained(size, {f"i{item}": float(score) for item, score in enumerate(scores)}))
    return jobs


def true_gain(bend: float, rise: float) -> float:
    """Return what `MORE` items bring."""
    span = SIZES[0] ** -bend - SIZES[-1] ** -bend
    return float(rise * (SIZES[-1] ** -bend - (SIZES[-1] + MORE) ** -bend) / span)


def measured(bend: float, rise: float, number: int, **design: float) -> Gain:
    found = gain(trained(np.random.default_rng(number), bend, rise, **design), MORE)  # type: ignore[arg-type] # seeds is whole
    assert found is not None
    return found


@pytest.mark.parametrize("bend", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("rise", [0.0, 0.15])
def test_the_interval_holds_what_is_true(bend: float, rise: float) -> None:
    found = [measured(bend, rise, number) for number in range(100)]
    held = sum(each.low <= true_gain(bend, rise) <= each.high for each in found)
    assert held >= 92, held
    pays = sum(each.low > 0 for each in found)
    assert pays <= 5 if rise == 0 else pays >= 85


def test_one_job_for_each_size_promises_less() -> None:
    one, two = (measured(0.5, 0.15, 7, seeds=seeds) for seeds in (1, 2))
    assert one.high - one.low > two.high - two.low


def test_without_three_sizes_nothing_is_said() -> None:
    jobs = trained(np.random.default_rng(1), 0.5, 0.1)
    assert gain([job for job in jobs if job.items > 50], MORE) is None
    assert gain([], MORE) is None
    assert gain([Trained(job.items, {"i0": 0.5}) for job in jobs], MORE) is None


def test_the_curve_leads_from_the_fewest_items_to_what_is_promised() -> None:
    exact = [Trained(n, {f"i{k}": 0.8 - 2 / n**0.5 + 0.01 * k for k in range(4)}) for n in SIZES]
    found = gain(exact, MORE)
    assert found is not None
    (first, low), (last, high) = found.curve[0], found.curve[-1]
    assert (first, round(last)) == (50, 300)
    assert high - low == pytest.approx(2 / 50**0.5 - 2 / 300**0.5)
    assert found.mean == pytest.approx(2 / 200**0.5 - 2 / 300**0.5)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.002, 0.06, "More data pays: another 100 items would bring about +0.030 (0.002 to 0.060)."),
        (-0.01, 0.07, "Can't tell whether more data pays: another 100 items would bring about +0.03 (-0.01 to 0.07)."),
        (-0.06, 0.005, "More data hardly pays: another 100 items would bring about -0.03 (-0.06 to 0.01)."),
    ],
)
def test_the_verdict_is_a_sentence_with_its_interval(low: float, high: float, said: str) -> None:
    found = Gain(100, 200, 0.03 if high > 0.01 else -0.03, low, high, ((50, 0.4), (300, 0.5)))
    assert found.verdict() == said
