"""Checks of what rewards teach: do they tell answers apart, how finely, and can they be had for nothing?"""

import json
from collections.abc import Iterator
from statistics import fmean

from jobs.checks.facts import TRIVIAL, Facts, Source, Trial
from jobs.checks.finding import Finding, Level
from jobs.graders import called
from jobs.tasks.labels import labels_of, row_labels

HIGHEST_TRIVIAL = 0.5
"""An answer that looks at nothing should earn less than this."""
NO_HEADROOM = 0.85
"""Above it there is hardly anything left to learn (the variance study asks for a baseline from .10 to .85)."""


def constant(facts: Facts) -> Finding | None:
    """A reward that is the same for right and wrong answers teaches nothing."""
    trials = [trial for source, trial in facts.trials.items() if source is not Source.EMPTY]
    rewards = [reward for trial in trials for reward in trial.rewards]
    if len(trials) < 2 or not rewards:
        return None
    different = len({round(reward, 9) for reward in rewards})
    numbers = {"values": different, "graded": len(rewards)}
    if different == 1 and facts.right is None and facts.share(rewards[0]) < 1:
        said = (
            f"The grader {facts.task.reward} gives {rewards[0]:.2f} for each of {len(rewards):,} answers, but no right "
            "answer is known, so none was among them; an eval shows what real answers earn."
        )
        return Finding("constant", Level.NOTE, said, numbers)
    if different == 1:
        said = (
            f"The grader {facts.task.reward} gives {rewards[0]:.2f} for each of {len(rewards):,} answers, right and "
            "wrong ones: there is nothing to learn from it."
        )
        return Finding("constant", Level.BLOCK, said, numbers)
    said = f"{len(rewards):,} answers, right and wrong ones, earn {different} different rewards."
    return Finding("constant", Level.OK, said, numbers)


def binary(facts: Facts) -> Finding | None:
    """A reward that is only ever 0 or 1 cannot tell half right from wrong."""
    rewards = {reward for trial in facts.trials.values() for reward in trial.rewards}
    if len(rewards) < 2:
        return None
    if {facts.share(reward) for reward in rewards} != {0.0, 1.0}:
        said = "The reward has steps between none and full, so it tells half right from wrong."
        return Finding("binary", Level.OK, said)
    tried = [facts.trials[source] for source in (Source.OTHER, Source.NEIGHBOUR) if source in facts.trials]
    wrong = sum(facts.share(reward) < 1 for trial in tried for reward in trial.rewards)
    partial = [f1 for trial in tried if facts.labelled for f1 in _label_f1s(facts, trial) if 0 < f1 < 1]
    said = (
        f"The grader {facts.task.reward} gives only {min(rewards):g} and {max(rewards):g}. A row on which all answers "
        "fail, or all pass, teaches nothing."
    )
    numbers: dict[str, float] = {"wrong": wrong, "half_right": len(partial)}
    if partial:
        mean = numbers["mean_f1"] = fmean(partial)
        said += (
            f" Of {wrong} wrong answers tried, {len(partial)} share a label with the reference: F1 over labels would "
            f"give these {mean:.2f} on average instead of 0, and training could climb from there."
        )
    return Finding("binary", Level.NOTE, said, numbers)


def exploitable(facts: Facts) -> Finding | None:
    """An answer that looks at nothing must earn clearly less than one that looks at the text."""
    means = [(trial, trial.mean) for source in TRIVIAL if (trial := facts.trials.get(source))]
    trivial = [(trial, mean) for trial, mean in means if mean is not None]
    if facts.asks_models:
        said = "Each grading asks a model and costs tokens, so what trivial answers earn was not tried."
        return Finding("exploitable", Level.NOTE, said)
    if not trivial:
        return None
    numbers = {trial.source.value: mean for trial, mean in trivial}
    best, most = max(trivial, key=lambda pair: pair[1])
    baseline = facts.trials.get(Source.NEIGHBOUR)
    listed = ", ".join(f"{trial.phrase} {mean:.2f}" for trial, mean in trivial)
    said = f"On {len(best.rows)} {facts.train_split} rows a trivial answer earns: {listed}."
    floor = None
    if baseline is not None and baseline.mean is not None:
        floor = numbers[Source.NEIGHBOUR.value] = baseline.mean
        said += f" Copying {baseline.phrase} earns {floor:.2f}."
    if facts.share(most) >= NO_HEADROOM:
        said += f" Giving {best.phrase} earns nearly everything: a model will learn to give it, and nothing else."
        return Finding("exploitable", Level.BLOCK, said, numbers)
    if facts.share(most) >= HIGHEST_TRIVIAL:
        said += f" Giving {best.phrase} pays too well; {_remedy(best.source)}."
        return Finding("exploitable", Level.WARN, said, numbers)
    if floor is not None and most >= floor and facts.share(floor) > 0:
        said += f" Giving {best.phrase} earns more than such copying, so training may settle on it first."
        return Finding("exploitable", Level.NOTE, said, numbers)
    return Finding("exploitable", Level.OK, said, numbers)


def _label_f1s(facts: Facts, trial: Trial) -> Iterator[float]:
    path = facts.shape.path if facts.shape else ()
    for row, answer in zip(trial.rows, trial.answers, strict=True):
        given: object = list(called(answer.tool_calls)) or answer.output_text
        given = given if facts.shape is None else json.loads(answer.output_text)
        for step in path:
            given = given.get(step) if isinstance(given, dict) else None
        said, right = set(labels_of(given) or ()), set(row_labels(row) or ())
        yield 2 * len(said & right) / (len(said) + len(right)) if said or right else 0.0


def _remedy(source: Source) -> str:
    if source in {Source.TOP_LABEL, Source.TOP_SET}:
        return "balance the rows, so that guessing what is frequent does not pay"
    return "make the grader take off for what is wrong or missing"
