"""A small version of the bench: what each rule finds, and what it leaves alone, on simulated jobs."""

from functools import cache

import pytest

from tests.bench.bench_rules import Rate, rates, table
from tests.jobs.rules.simulated_jobs import KINDS

JOBS = 20
FOUND = {
    "no learning": {"N2"},
    "overfit flat": {"O1", "O2"},
    "overfit falling": {"O1", "O2"},
    "collapse": {"C"},
    "hacking": {"H1", "H2"},
    "token blow-up": {"L1", "L2"},
    "saturated": {"P"},
    "small noisy validation": {"K1"},
}
QUIET = ("healthy", "validation harder by .08", "small ordinary gap", "saturated", "small noisy validation")
WARNINGS = ("O1", "O2", "N", "N2", "H1", "H2", "L1", "L2", "L4", "C")


@cache
def measured(kind: str) -> dict[str, Rate]:
    return rates(KINDS[kind], JOBS)


@pytest.mark.parametrize("kind", FOUND)
def test_what_is_wrong_is_found(kind: str) -> None:
    found = measured(kind)
    assert {rule: found[rule].percent for rule in FOUND[kind] if found[rule].percent < 85} == {}


@pytest.mark.parametrize("kind", QUIET)
def test_what_is_right_is_left_alone(kind: str) -> None:
    found = measured(kind)
    assert {rule: found[rule].percent for rule in WARNINGS if found[rule].percent > 10} == {}


def test_naive_rules_warn_of_healthy_jobs() -> None:
    found = measured("healthy")
    naive = [found[name].percent for name in ("naive_gap_over_.10", "naive_two_falls", "naive_patience_4")]
    assert min(naive) > 10 > found["O1"].percent


def test_the_table_has_a_rate_and_an_interval_for_each_rule() -> None:
    text = table({"healthy": measured("healthy")})
    assert f"healthy ({JOBS} jobs)" in text
    assert "O1                     0.0%   (0.0 to 16.1)" in text
