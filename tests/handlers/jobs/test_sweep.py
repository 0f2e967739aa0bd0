"""How a sweep reads: under way, with its result, and without one."""

from dataclasses import replace

from handlers.jobs.sweep import sweep_chart, sweep_message
from jobs.learning.records import Sweep, SweepResult, SweptJob
from local.slack.blocks import validate
from tests.handlers.evidence_shown import text_of
from tests.records import a_request

JOBS = tuple(SweptJob(items, seed, f"rft-{items}{seed}") for items in (50, 100, 200) for seed in (1, 2))
SWEEP = Sweep("sweep-abc234", a_request(), 100, JOBS, 1_000.0, {"rft-501": "evaluated", "rft-502": "failed"})
RESULT = SweepResult(
    "More data pays: another 100 items would bring about +0.03 (0.01 to 0.06). Best checkpoints scored 0.45 <now>.",
    ((50, 0.4), (100, 0.5), (200, 0.55)),
    ((50, 0.41), (200, 0.55), (300, 0.58)),
    (300, 0.56, 0.61),
    0.35,
    "f1",
)


def shown(sweep: Sweep, file: str | None = None) -> str:
    message = sweep_message(sweep, sweep_chart(sweep), file)
    assert validate(list(message.blocks), "message") == []
    return text_of(message)


def test_under_way_it_says_how_many_are_evaluated() -> None:
    said = shown(SWEEP)
    assert "1 of 6 jobs evaluated: 50, 100 and 200 training items x 2 seeds." in said
    assert "`rft-2002` (200)" in said


def test_with_its_result_the_verdict_comes_first_and_the_picture_has_its_numbers() -> None:
    done = replace(SWEEP, result=RESULT)
    said = shown(done, "F0123456789")
    assert "*More data pays: another 100 items would bring about +0.03 (0.01 to 0.06).*" in said
    assert "0.45 &lt;now&gt;." in said
    assert "F1 of its best checkpoint: 50 training items 0.40" in said
    assert "Expected with 300 items: 0.56 to 0.61. Base model 0.35." in said
    chart = sweep_chart(done)
    assert chart is not None
    assert chart.title == "More data pays: another 100 items would bring about +0.03 (0.01 to 0.06)"
    assert "F0123456789" not in shown(done), "a picture that could not be drawn is told in words"
