"""How finely a grader tells answers apart: what of the spend would teach nothing, and its gates."""

import random

from jobs.evals.stats.continuity import read_continuity
from jobs.evals.stats.variance_study import read_variance
from tests.jobs.evals.answers import an_eval, graded


def test_items_without_spread_are_the_share_of_the_spend_that_teaches_nothing() -> None:
    rng = random.Random(5)
    scores = {f"i{n}": [0.0] * 9 if n < 31 else [rng.random() for _ in range(9)] for n in range(100)}
    found = read_continuity(scores, {}, (0.0, 1.0), 9)
    assert found.headline == "31% of the spend would teach nothing"
    assert "on 31 of 100 items all 9 runs score the same." in found.text
    assert sum(found.rewards.counts) == 900
    assert found.rewards.counts[0] >= 279
    assert (sum(found.spreads.counts), found.flat) == (69, 31)


def test_rewards_are_counted_where_they_lie_whatever_their_scale() -> None:
    found = read_continuity({"a": [0.0, 5.0], "b": [2.5, 2.5]}, {}, (0.0, 5.0), 2)
    assert [edge for edge, count in zip(found.rewards.edges, found.rewards.counts, strict=False) if count] == [
        0.0,
        2.5,
        4.75,
    ]
    assert found.spreads.counts[-1] == 1
    beyond = read_continuity({"a": [-1.0, 2.0]}, {}, (0.0, 1.0), 2)
    assert (beyond.rewards.edges[0], beyond.rewards.edges[-1]) == (-1.0, 2.0)
    same = read_continuity({"a": [0.3, 0.3]}, {}, (0.3, 0.3), 2)
    assert sum(same.rewards.counts) == 2
    assert "all of the spend can teach" in read_continuity({"a": [0.0, 1.0]}, {}, (0.0, 1.0), 2).text


def test_two_different_rewards_tell_little_apart() -> None:
    text = read_continuity({"a": [0.0, 1.0], "b": [1.0, 1.0]}, {}, (0.0, 1.0), 2).text
    assert "The grader gave 2 different rewards; 25% of the answers scored the lowest." in text
    assert "partial credit would turn more answers into a lesson" in text


def test_a_gate_says_how_often_it_closes_and_whether_it_is_ever_passed() -> None:
    scores = {"a": [0.0, 0.0], "b": [0.0, 0.5], "c": [0.4, 0.5]}
    closed = {"form": {"a": 2, "b": 1}, "never": {}, "always": {"a": 2, "b": 2, "c": 2}}
    told = read_continuity(scores, closed, (0.0, 1.0), 2).text.splitlines()[1:]
    assert told[0] == "The gate `form` closes on 3 of 6 answers (50%); on 1 of 3 items the model never passes it."
    assert "the model never passes it, so nothing behind it can be learned. Teach the gate first." in told[1]
    assert told[2] == "Gates that never close: `never`."
    once = read_continuity(scores, {"form": {"b": 1}}, (0.0, 1.0), 2).text
    assert "the model passes it on every item at least once." in once


def test_a_study_reads_it_from_its_answers() -> None:
    reading = read_variance(an_eval(gates=("form",)), graded([[0.0, 0.0, 0.0], [0.1, 0.5, 0.9]]))
    assert reading.continuity
    assert (reading.continuity.flat, reading.continuity.items) == (1, 2)
    assert [gate.closed for gate in reading.continuity.gates] == [0]
