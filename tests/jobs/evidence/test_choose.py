"""Which checkpoint comes first for what is needed, and what is said of the lead."""

from dataclasses import replace
from typing import Any

import pytest

from jobs.core.errors import InvalidRequest
from jobs.evidence.choose import Need, measured_needs, preferred, read_need
from jobs.evidence.records import AgainstBest, Candidate, Figure, Guard, Role
from tests.records import a_candidate, a_change, an_evidence


def order(need: Need, **changes: Any) -> list[str]:
    return [each.name for each in preferred(an_evidence(**changes), need).candidates]


def test_each_need_has_its_order() -> None:
    assert order(Need.PRECISION) == ["step 60", "step 85", "step 95"]
    assert order(Need.RECALL) == ["step 95", "step 85", "step 60"]
    assert order(Need.F1) == ["step 85", "step 95", "step 60"]
    assert order(Need.F2) == ["step 95", "step 85", "step 60"]


def test_the_reason_says_the_figures_and_what_chance_makes_of_the_lead() -> None:
    clear, unclear = preferred(an_evidence(), Need.PRECISION), preferred(an_evidence(), Need.F1)
    assert clear.reason == (
        "Step 60 is preferred for precision: 0.900 (0.820 to 0.980). "
        "Next is step 85 with 0.700 (0.620 to 0.780); a lead of 0.200, more than chance."
    )
    assert unclear.reason.endswith("a difference of 0.030 that may well be chance.")


def test_f2_is_of_the_means_unless_the_task_has_such_a_grader() -> None:
    by_means = preferred(an_evidence(), Need.F2)
    assert "F2: 0.714" in by_means.reason, "5 x .50 x .80 / (4 x .50 + .80)"
    assert "of mean precision and mean recall" in by_means.reason
    graded = replace(a_candidate(60), valid={"f2": Figure(0.9, 0.8, 1.0)})
    own = preferred(an_evidence(candidates=(a_candidate(None), graded)), Need.F2)
    assert own.reason == "Step 60 is preferred for F2: 0.900 (0.800 to 1.000)."


def test_f2_without_intervals_or_without_anything_right() -> None:
    bare = replace(a_candidate(60), valid={"precision": Figure(0.5), "recall": Figure(0.5)})
    nothing = replace(a_candidate(85), valid={"precision": Figure(0.0), "recall": Figure(0.0)})
    found = preferred(an_evidence(candidates=(nothing, bare)), Need.F2)
    assert [each.name for each in found.candidates] == ["step 60", "step 85"]
    assert found.reason.endswith("a difference of 0.500 that may well be chance.")


def test_what_breaks_a_guardrail_comes_last_and_it_is_said() -> None:
    broken = replace(a_candidate(60, p=0.9), guards=(a_guard("recall"),))
    found = preferred(an_evidence(candidates=(broken, a_candidate(85))), Need.PRECISION)
    assert [each.name for each in found.candidates] == ["step 85", "step 60"]
    assert found.reason.endswith("Step 60 comes last: it breaks a guardrail (recall).")
    alone = preferred(an_evidence(candidates=(broken,)), Need.PRECISION)
    assert alone.reason.endswith("It breaks a guardrail (recall), as every other does.")


def test_the_cheapest_is_by_price_or_by_tokens_and_never_one_that_is_worse() -> None:
    dear = replace(a_candidate(60), cost=2.0)
    cheap = replace(a_candidate(85), cost=1.0)
    worse = replace(a_candidate(95), cost=0.5, versus_base=a_change(-0.2))
    found = preferred(an_evidence(candidates=(dear, cheap, worse)), Need.CHEAPEST)
    assert [each.name for each in found.candidates] == ["step 85", "step 60", "step 95"]
    assert found.reason == (
        "Step 85 is preferred for cost: $1.00 for 1,000 calls. Next is step 60 with $2.00 for 1,000 calls; "
        "a factor of 2.00. Step 95 comes last: it is worse than what there is."
    )
    unknown = replace(cheap, cost=None, output_tokens=300.0)
    found = preferred(an_evidence(candidates=(dear, unknown)), Need.CHEAPEST)
    assert [each.name for each in found.candidates] == ["step 60", "step 85"]
    assert found.reason.startswith("Step 60 is preferred for cost: 120 tokens an answer.")
    assert "300 tokens an answer (what they cost is unknown)" in found.reason
    same = preferred(an_evidence(candidates=(dear, replace(dear, name="step 61", step=61))), Need.CHEAPEST)
    assert "the two cost the same" in same.reason


def test_the_cheapest_is_one_that_is_shown_to_be_as_good_as_the_best() -> None:
    best = replace(a_candidate(60), cost=2.0)
    good = replace(a_candidate(85), cost=1.0, against_best=AgainstBest("step 60", -0.003, -0.015, 0.02))
    poor = replace(a_candidate(95), cost=0.5, against_best=AgainstBest("step 60", -0.01, -0.06, 0.02))
    found = preferred(an_evidence(candidates=(best, good, poor)), Need.CHEAPEST)
    assert [each.name for each in found.candidates] == ["step 85", "step 60", "step 95"]
    assert found.title == "Step 85 is the cheapest that is shown to be as good as step 60"
    assert "It is as good as step 60 (-0.003 of reward, margin 0.02, at worst -0.015)." in found.reason
    assert "Step 95 costs less, but may be up to 0.060 worse than step 60, and the margin is 0.02." in found.reason
    alone = preferred(an_evidence(candidates=(best, poor)), Need.CHEAPEST)
    assert alone.title == "Nothing cheaper than step 60 is shown to be as good"
    assert [each.name for each in alone.candidates] == ["step 60", "step 95"]


def test_without_prices_the_fewest_tokens_are_the_cheapest() -> None:
    few = replace(a_candidate(85), cost=0.0, output_tokens=50.0)
    found = preferred(an_evidence(candidates=(replace(a_candidate(60), cost=0.0), few)), Need.CHEAPEST)
    assert found.reason.startswith("Step 85 is preferred for cost: 50 tokens an answer.")
    assert found.title == "Step 85 is the cheapest"


def test_what_was_not_measured_is_said() -> None:
    rewarded = Candidate(Role.CHECKPOINT, "m", "step 1", "ckpt-1", 1, valid={"exact": Figure(0.5)})
    with pytest.raises(InvalidRequest, match=r"measured for precision; what was measured: exact\."):
        preferred(an_evidence(candidates=(rewarded,)), Need.PRECISION)
    with pytest.raises(InvalidRequest, match=r"No checkpoint of rft-abc234 was measured for F1\."):
        preferred(an_evidence(candidates=()), Need.F1)
    partly = preferred(an_evidence(candidates=(rewarded, a_candidate(60))), Need.F1)
    assert [each.name for each in partly.candidates] == ["step 60", "step 1"]


def test_the_needs_that_can_be_asked_for_are_those_that_were_measured() -> None:
    rewarded = Candidate(Role.CHECKPOINT, "m", "step 1", "ckpt-1", 1, valid={"exact": Figure(0.5)}, cost=0.0)
    assert measured_needs(an_evidence(candidates=(rewarded,))) == (Need.CHEAPEST,)
    assert set(measured_needs(an_evidence(candidates=(a_candidate(60),)))) == set(Need)
    same = preferred(an_evidence(candidates=(rewarded, replace(rewarded, name="step 2", step=2))), Need.CHEAPEST)
    assert same.reason.startswith("Step 1 is preferred for cost: nothing for 1,000 calls.")


def test_a_need_is_read_or_refused_with_the_nearest() -> None:
    assert read_need(" Recall ") is Need.RECALL
    with pytest.raises(InvalidRequest, match=r"There is no need 'precison'; did you mean 'precision'\?"):
        read_need("precison")


def a_guard(grader: str) -> Guard:
    return Guard(grader, -0.02, -0.05, -0.09, Role.BASE, is_broken=True)
