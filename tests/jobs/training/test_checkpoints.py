import pytest

from jobs.core.records import Checkpoint
from jobs.core.series import GraderFigures, Series
from jobs.training.checkpoints import Best, Leaning, best_in, chance, read_checkpoints, with_scores
from tests.records import a_checkpoint, a_step

BARE = Checkpoint("ckpt-10", "model-10", 10)


def test_a_checkpoint_gets_the_scores_that_its_step_reported() -> None:
    graders = (GraderFigures("precision", valid_score=0.6), GraderFigures("recall", valid_score=None))
    series = Series.of((a_step(5, valid=0.9), a_step(10, train=0.4, valid=0.5, graders=graders)))
    (scored,) = with_scores((BARE,), series)
    assert (scored.valid_reward, scored.train_reward, scored.scores) == (0.5, 0.4, {"precision": 0.6})


def test_what_the_platform_says_of_the_checkpoint_itself_counts_more() -> None:
    own = Checkpoint("ckpt-10", "model-10", 10, train_reward=0.0, valid_reward=0.7, scores={"precision": 0.8})
    (scored,) = with_scores((own,), Series.of((a_step(10, valid=0.5),)))
    assert (scored.valid_reward, scored.train_reward) == (0.7, 0.0)
    assert scored.scores == {"precision": 0.8, "recall": 0.5}


def test_without_its_step_a_checkpoint_stays_as_it_came_and_all_come_in_order() -> None:
    assert with_scores((a_checkpoint(30), BARE), Series()) == (BARE, a_checkpoint(30))


@pytest.mark.parametrize(
    ("precision", "recall", "leaning"),
    [(0.9, 0.5, Leaning.PRECISE), (0.5, 0.9, Leaning.THOROUGH), (0.6, 0.5, Leaning.BALANCED)],
)
def test_a_lopsided_checkpoint_is_called_so(precision: float, recall: float, leaning: Leaning) -> None:
    (reading,) = read_checkpoints((a_checkpoint(10, precision, recall),), "f1")
    assert reading.leaning is leaning


def test_the_best_are_those_whom_nobody_beats_at_two_digits() -> None:
    kept = (a_checkpoint(5, 0.9, 0.4, 0.500), a_checkpoint(10, 0.7, 0.6, 0.630), a_checkpoint(15, 0.5, 0.8, 0.633))
    readings = read_checkpoints(kept, "f1")
    assert best_in(readings, "precision") == Best((5,), 0.9)
    assert best_in(readings, "recall") == Best((15,), 0.8)
    assert best_in(readings, "f1") == Best((10, 15), 0.63)


def test_what_was_not_reported_is_unknown_and_never_best() -> None:
    readings = read_checkpoints((BARE, a_checkpoint(20)), "exact")
    first, second = readings
    assert (first.precision, first.recall, first.f1, first.leaning) == (None, None, None, None)
    assert (second.precision, second.f1) == (0.6, None)
    assert best_in(readings, "precision") == Best((20,), 0.6)
    assert best_in(readings, "f1") is None


def test_differences_that_may_be_chance_shrink_with_the_items() -> None:
    assert chance(49) == pytest.approx(0.05)
    assert chance(0) == chance(1) == pytest.approx(0.35)


def test_f1_is_the_platforms_own_figure() -> None:
    scored = Checkpoint("c", "m", 1, valid_reward=0.4, scores={"f1": 0.6, "precision": 1.0, "recall": 1.0})
    rewarded = Checkpoint("c", "m", 1, valid_reward=0.4, scores={"precision": 1.0, "recall": 1.0})
    (by_score,), (by_reward,), (other,) = (
        read_checkpoints((scored,), "f1"),
        read_checkpoints((rewarded,), "f1"),
        read_checkpoints((rewarded,), "exact"),
    )
    assert (by_score.f1, by_reward.f1, other.f1) == (0.6, 0.4, None)
