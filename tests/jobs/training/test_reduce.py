from jobs.core.records import Checkpoint
from jobs.core.series import GraderFigures, Series
from jobs.training.reduce import with_scores
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
