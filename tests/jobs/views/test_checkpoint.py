"""How checkpoints are compared and named for people, by our own figures and by the platform's."""

from dataclasses import replace

import pytest

from jobs.core.records import Checkpoint
from jobs.views.checkpoint import EvidenceView, evidence_view
from tests.records import a_checkpoint, a_job

BARE = Checkpoint("ckpt-10", "model-10", 10)


def by_platform(*checkpoints: Checkpoint, reward: str = "f1") -> EvidenceView:
    return evidence_view(a_job(checkpoints=checkpoints, reward=reward), None)


@pytest.mark.parametrize(
    ("precision", "recall", "leaning"),
    [
        (0.9, 0.5, "It predicts few labels, nearly always right."),
        (0.5, 0.9, "It finds most labels, with more wrong ones among them."),
        (0.6, 0.5, ""),
    ],
)
def test_a_lopsided_checkpoint_is_called_so(precision: float, recall: float, leaning: str) -> None:
    (shown,) = by_platform(a_checkpoint(10, precision, recall)).checkpoints
    assert shown.leaning == leaning


def test_the_best_are_those_whom_none_beats_by_more_than_the_noise_of_so_many_items() -> None:
    kept = (a_checkpoint(5, 0.9, 0.4, 0.400), a_checkpoint(10, 0.7, 0.6, 0.630), a_checkpoint(15, 0.5, 0.8, 0.633))
    view = by_platform(*kept)
    first, second, third = view.checkpoints
    assert view.leaders("precision") == ((first, 0.9),)
    assert view.leaders("recall") == ((third, 0.8),)
    assert view.leaders("f1") == ((third, 0.633), (second, 0.63))


def test_what_was_not_reported_is_unknown_and_never_best() -> None:
    view = by_platform(BARE, replace(a_checkpoint(20), scores={"precision": 0.6}), reward="exact")
    first, second = view.checkpoints
    assert (first.measured.valid, first.leaning) == ({}, "")
    assert view.scores_of(first) == {"validation reward": "not reported"}
    assert view.scores_of(second) == {"exact": "0.55", "precision": "0.60"}
    assert view.leaders("precision") == ((second, 0.6),)
    assert view.leaders("f1") == ()


def test_f1_is_the_platforms_own_figure() -> None:
    scored = Checkpoint("c", "m", 1, valid_reward=0.4, scores={"f1": 0.6, "precision": 1.0, "recall": 1.0})
    rewarded = Checkpoint("c", "m", 1, valid_reward=0.4, scores={"precision": 1.0, "recall": 1.0})
    views = (by_platform(scored), by_platform(rewarded), by_platform(rewarded, reward="exact"))
    f1 = [view.scores_of(view.checkpoints[0]).get("F1") for view in views]
    assert f1 == ["0.60", "0.40", None]
