"""Who is evaluated, and what is known of them before."""

from dataclasses import replace
from datetime import date

from jobs.evidence.measure import failed, platform_figures
from jobs.evidence.plan import candidates_of
from jobs.evidence.records import Evidence, EvidenceState, Figure, Role
from jobs.evidence.round import new_round
from jobs.platforms.profiles import Retirement
from tests.records import PROFILE, a_checkpoint, a_job, an_evidence

JOB = a_job(checkpoints=(a_checkpoint(20), a_checkpoint(10)))
OPENAI = replace(
    PROFILE, title="OpenAI", retired={"local-policy-1": Retirement(date(2026, 12, 11), "Launch on another.")}
)


def test_the_base_comes_first_and_the_checkpoints_by_step() -> None:
    found, notes = candidates_of(JOB, None, PROFILE, date(2026, 11, 22))
    assert [each.name for each in found] == ["base", "step 10", "step 20"]
    assert notes == ()
    assert {each.shutdown for each in found} == {None}


def test_whoever_is_switched_off_says_when_and_a_base_that_is_gone_is_left_out() -> None:
    found, notes = candidates_of(JOB, None, OPENAI, date(2026, 12, 10))
    assert {each.shutdown for each in found} == {"2026-12-11"}
    assert notes == ()
    found, notes = candidates_of(JOB, None, OPENAI, date(2026, 12, 11))
    assert [each.role for each in found] == [Role.CHECKPOINT, Role.CHECKPOINT]
    assert notes == (
        "Nothing is compared with the base: local-policy-1 was shut down on OpenAI on 2026-12-11. Launch on another.",
    )


def test_the_platforms_figures_are_what_it_reported_and_nothing_else() -> None:
    assert platform_figures(a_checkpoint(10, 0.6, 0.5, 0.55), "f1") == {
        "precision": Figure(0.6),
        "recall": Figure(0.5),
        "f1": Figure(0.55),
    }
    assert platform_figures(replace(a_checkpoint(10), valid_reward=None, scores={}), "f1") == {}


def test_other_figures_of_the_platform_are_other_evidence() -> None:
    def digests(score: float) -> list[str]:
        job = replace(JOB, checkpoints=(a_checkpoint(10, f1=score),))
        done = failed(new_round(job, None, 1.0), job, {}, "No.", 2.0)
        return [each.digest for each in done.candidates]

    assert digests(0.5) == digests(0.5) != digests(0.51)


def test_evidence_finds_its_rows() -> None:
    evidence = an_evidence()
    assert evidence.base is evidence.candidates[0]
    assert evidence.of("ckpt-85") is evidence.candidates[2]
    nothing = Evidence("rft-abc234", EvidenceState.GATHERING, (), 1.0, 3)
    assert (nothing.base, nothing.of("ckpt-85")) == (None, None)
