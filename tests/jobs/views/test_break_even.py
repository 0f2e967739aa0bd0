"""When a tuned model pays: every figure known, unknown and nothing, as a table."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from jobs.core.errors import NotFound
from jobs.core.records import JobState
from jobs.core.series import Series, StepTiming
from jobs.evals.records import Arm, ArmSummary, Eval
from jobs.platforms.profiles import PROFILES, Price, Profile
from jobs.views.break_even import BreakEven, after_training, before_training, is_alike, measured_cost, training_dollars
from jobs.views.checkpoint import evidence_view
from tests.handlers.evidence_shown import JOB, PLAIN, WHOLE
from tests.jobs.evals.reported import an_eval
from tests.records import a_job, a_step

SAYS: Mapping[BreakEven, str] = {
    BreakEven(52.0, 1.8, 3.0, "o3", 3_600): (
        "Training cost $52.00; saves $1.20 per 1,000 calls against o3; pays from 43,334 calls, at your traffic "
        "(3,600 calls a day) in 13 days."
    ),
    BreakEven(52.0, 1.8, 3.0, "o3"): (
        "Training cost $52.00; saves $1.20 per 1,000 calls against o3; pays from 43,334 calls; `traffic` in task.yaml "
        "would say when that is."
    ),
    BreakEven(50.0, 1.0, 2.0, "o3", 1e6, is_expected=True): (
        "Training costs about $50.00; saves $1.00 per 1,000 calls against o3; pays from 50,000 calls, at your traffic "
        "(1,000,000 calls a day) in a day."
    ),
    BreakEven(1_000.0, 0.9995, 1.0, "o3", 1_000): (
        "Training cost $1,000.00; saves $0.0005 per 1,000 calls against o3; pays from 2,000,000,001 calls, and at your "
        "traffic (1,000 calls a day) will not pay within 10 years."
    ),
    BreakEven(1_000.0, 0.0, 1.0, "o3", 1_000): (
        "Training cost $1,000.00; saves $1.00 per 1,000 calls against o3; pays from 1,000,000 calls, at your traffic "
        "(1,000 calls a day) in about 3 years."
    ),
    BreakEven(52.0, 3.0, 1.8, "the base model", 5.0): (
        "It will not pay in money: 1,000 calls cost $3.00 with the tuned model and $1.80 with the base model. "
        "Training cost $52.00."
    ),
    BreakEven(52.0, 1.0, 1.0, "o3"): (
        "It will not pay in money: 1,000 calls cost $1.00 with the tuned model and with o3. Training cost $52.00."
    ),
    BreakEven(52.0, 0.0, 0.0, "o3"): (
        "It will not pay in money: calls cost nothing with the tuned model and with o3. Training cost $52.00."
    ),
    BreakEven(None, 3.0, 1.8, "o3"): (
        "It will not pay in money: 1,000 calls cost $3.00 with the tuned model and $1.80 with o3. What training costs "
        "is unknown."
    ),
    BreakEven(None, 1.0, 3.0, "o3", 9.0): (
        "It saves $2.00 per 1,000 calls against o3; what training costs is unknown, and so is from when on it pays."
    ),
    BreakEven(52.0, None, 3.0, "o3"): (
        "Training cost $52.00. Whether it pays is unknown: what a call costs with the tuned model is not known; with "
        "o3 1,000 calls cost $3.00."
    ),
    BreakEven(52.0, 0.0, None, "o3"): (
        "Training cost $52.00. Whether it pays is unknown: what a call costs with o3 is not known; with the tuned "
        "model 1,000 calls cost $0.00."
    ),
    BreakEven(None, None, None, "o3"): (
        "What training costs is unknown. Whether it pays is unknown: what a call costs with the tuned model or o3 is "
        "not known."
    ),
    BreakEven(0.0, 1.0, 3.0, "o3"): (
        "Training costs nothing; it saves $2.00 per 1,000 calls against o3, from the first call on."
    ),
    BreakEven(0.0, 0.0, 0.0, "o3"): "Neither training nor calls cost anything here: there is nothing to pay back.",
}
PRICED = replace(
    PROFILES[0], name="cloud", training_hour=100.0, prices={"o3": Price(2.0, 8.0), "tuned:base": Price(1.0, 4.0)}
)


def profile_of(name: str) -> Profile:
    if name != "cloud":
        raise NotFound(f"There is no platform '{name}'.")
    return PRICED


def measured(model: str, sent: int = 400_000, said: int = 100_000, platform: str = "cloud") -> Eval:
    summary = ArmSummary(model, 1_000, input_tokens=sent, output_tokens=said)
    return an_eval(task="acts", platform=platform, arms=(Arm(model),), summaries=(summary,))


@pytest.mark.parametrize(("known", "says"), SAYS.items())
def test_what_is_said(known: BreakEven, says: str) -> None:
    assert known.sentence == says


def test_training_costs_its_hours_and_what_has_no_timing_or_price_is_unknown() -> None:
    timed = [a_step(n, timing=StepTiming(sampling=900.0, training=900.0)) for n in (1, 2)]
    assert training_dollars(Series.of(timed), PRICED) == 100.0
    assert training_dollars(Series.of([a_step(1)]), PRICED) is None
    assert training_dollars(Series.of(timed), replace(PRICED, training_hour=None)) is None
    assert training_dollars(Series.of([]), replace(PRICED, training_hour=0.0)) == 0.0
    assert training_dollars(Series.of(timed), None) is None


def test_a_call_costs_what_an_eval_of_the_task_measured_at_a_known_price() -> None:
    job = a_job(task="acts")
    unpriced, nameless, silent = measured("o3", platform="gone"), measured("gpt"), measured("o3", said=0)
    assert measured_cost("o3", job, (unpriced, nameless, silent, measured("o3")), profile_of) == 1.6
    assert measured_cost("o3", job, (unpriced, nameless, silent), profile_of) is None
    assert measured_cost("o3", replace(job, task="other"), (measured("o3"),), profile_of) is None


def test_before_training_the_past_stands_in_for_what_is_not_there_yet() -> None:
    job = a_job(task="acts", platform="cloud", model="base", calls_a_day=100.0, instead_of="o3")
    evals = (measured("base"), measured("o3"))
    assert before_training(job, [30.0, None, 50.0], evals, profile_of) == BreakEven(
        40.0, 0.8, 1.6, "o3", 100.0, is_expected=True
    )
    assert before_training(job, [None], (), profile_of) == BreakEven(None, None, None, "o3", 100.0, is_expected=True)
    base = before_training(replace(job, instead_of=""), [], evals, profile_of)
    assert (base.tuned, base.other, base.name) == (0.8, None, "base")


def test_jobs_are_alike_that_finished_with_the_same_task_platform_and_base() -> None:
    job = a_job()
    assert is_alike(replace(job, state=JobState.SUCCEEDED), job)
    for changes in ({"state": JobState.FAILED}, {"model": "another"}, {"task": "another"}, {"platform": "another"}):
        assert not is_alike(replace(job, **{"state": JobState.SUCCEEDED, **changes}), job)  # type: ignore[arg-type]  # a test's shorthand


def test_after_training_the_best_is_held_against_what_it_takes_the_place_of() -> None:
    shown = evidence_view(JOB, WHOLE)
    pays = after_training(shown, Series(), PRICED, None)
    assert (pays.training, pays.tuned, pays.other, pays.name) == (None, 310 / 250, 300 / 250, "acts@production")
    named = evidence_view(replace(JOB, instead_of="o3", calls_a_day=9.0), WHOLE)
    assert after_training(named, Series(), PRICED, 7.0) == BreakEven(None, 310 / 250, 7.0, "o3", 9.0)
    assert after_training(named, Series(), PRICED, None).other is None
    unpriced = after_training(evidence_view(JOB, PLAIN), Series(), None, None)
    assert (unpriced.tuned, unpriced.other, unpriced.name) == (None, None, "the base model")
