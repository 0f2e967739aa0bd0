"""How much of a difference in validation scores is chance."""

import pytest

from jobs.evals.stats.validation_noise import usual_error


def test_differences_that_may_be_chance_shrink_with_the_items() -> None:
    assert usual_error(49) == pytest.approx(0.05)
    assert usual_error(0) == usual_error(1) == pytest.approx(0.35)
