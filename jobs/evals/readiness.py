"""Is tuning needed at all? What costs less than training: another prompt, a stronger model, one that does not reason.

Each is answered from evals of the same items, or comes with the command that measures it.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from charts.wording import joined
from jobs.core.errors import InvalidRequest
from jobs.evals.answer_store import AnswerReader
from jobs.evals.records import Arm, Eval, EvalState
from jobs.evals.stats.comparison import ArmAnswers, compare, gather
from jobs.evals.stats.variance_components import item_means
from jobs.platforms.profiles import Price
from jobs.tasks import Task

MODEL: Final = "MODEL"
HARDLY: Final = 0.05
"""Of the reasoning tokens that the model takes; one that takes no more does not reason."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something that costs less than training: what is known of it, and how to find out."""

    text: str
    """One or two sentences."""
    label: str = ""
    """What finding out is called, on a button; "" where there is nothing to run."""
    command: str = ""
    """What is typed after `/eval` for it."""


def alternatives(
    study: Eval, others: Iterable[Eval], reader: AnswerReader, task: Task, prices: Mapping[str, Price]
) -> tuple[Alternative, ...]:
    """Return what to try before training, as far as it applies. Reads answers of evals: blocks.

    Args:
        study: a variance study that has ended; its first arm is what would be trained.
        others: evals to look for measurements in; those of other items, files or rules of scoring are passed over.
        reader: has their answers.
        task: as it is now.
        prices: of the platform's models.
    """
    alike = [each for each in others if _is_alike(each, study)]
    own, *beside = gather(study, reader.answers(study.id))
    measured = [*beside, *(arm for each in alike for arm in gather(each, reader.answers(each.id)))]
    arms = [arm for arm in measured if arm.asked.format is None]
    found = (_prompts(own, arms, task), _stronger(own, arms, task, prices), _plain(own, arms, task))
    return tuple(each for each in found if each)


def _is_alike(other: Eval, study: Eval) -> bool:
    return (
        other.state is EvalState.FINISHED
        and other.id != study.id
        and other.request.job is None
        and all(
            getattr(other, name) == getattr(study, name)
            for name in ("task", "task_version", "split", "reward", "scoring")
        )
    )


def _prompts(own: ArmAnswers, arms: Sequence[ArmAnswers], task: Task) -> Alternative | None:
    versions = task.prompt_versions
    if not own.prompt:
        return None  # the rows bring their own messages
    if len(versions) == 1:
        text = (
            f"Another prompt: {versions[0]} is the only one there is. Write a second one, such as prompts/v2.md, and "
            "compare the two: a better prompt needs no training."
        )
        return Alternative(text)
    measured = [arm for arm in arms if arm.asked.model == own.asked.model and arm.prompt != own.prompt]
    missing = [version for version in versions if version not in {own.prompt, *(arm.prompt for arm in measured)}]
    if missing:
        text = f"Another prompt: {joined(missing)} {'was' if len(missing) == 1 else 'were'} not tried with these items."
        return Alternative(text, "Compare the prompts", _command(own, prompt=",".join(versions)))
    return Alternative(f"Another prompt: {_against(own, measured)}")


def _stronger(own: ArmAnswers, arms: Sequence[ArmAnswers], task: Task, prices: Mapping[str, Price]) -> Alternative:
    named = task.stronger_model or _dearest(own.asked.model, prices)
    measured = [arm for arm in _other_models(own, arms) if named in {None, arm.asked.model}]
    measured = [arm for arm in measured if arm.asked.model != task.plain_model]
    if measured:
        return Alternative(f"A stronger model: {_against(own, measured)}")
    if named:
        text = f"A stronger model: {named} was not measured on these items. If it is good enough, nothing is trained."
        return Alternative(text, f"Measure {named}", _command(own, model=named))
    text = (
        "A stronger model: none was measured on these items. "
        f"`/eval {_command(own, model=MODEL).replace(MODEL, '<model>')}` does that; `stronger_model:` in task.yaml "
        "names one."
    )
    return Alternative(text)


def _dearest(model: str, prices: Mapping[str, Price]) -> str | None:
    """Return the model whose answers cost most, if that is more than those of `model`."""
    own = prices.get(model)
    dearer = {
        name: price.output
        for name, price in prices.items()
        if own and price.output > own.output and not name.startswith("tuned:")
    }
    return max(dearer, key=lambda name: dearer[name], default=None)


def _plain(own: ArmAnswers, arms: Sequence[ArmAnswers], task: Task) -> Alternative:
    reasons = _reasoning(own)
    model = own.asked.model
    if not reasons:
        why = "does not reason, so there is nothing to save by that."
        if reasons is None:
            why = "reports no reasoning tokens, so whether it reasons is not known."
        return Alternative(f"A model that does not reason: {model} {why}")
    plain = [arm for arm in _other_models(own, arms) if _takes_little(arm, reasons)]
    if plain:
        return Alternative(f"A model that does not reason: {_against(own, plain)}")
    if named := task.plain_model:
        text = f"A model that does not reason: {named} was not measured on these items."
        return Alternative(text, f"Measure {named}", _command(own, model=named))
    text = (
        f"A model that does not reason: none was measured on these items, and {model} takes {reasons:,.0f} reasoning "
        "tokens an answer; `plain_model:` in task.yaml names one."
    )
    return Alternative(text)


def _takes_little(arm: ArmAnswers, reasons: float) -> bool:
    taken = _reasoning(arm)
    return taken is not None and taken <= HARDLY * reasons


def _reasoning(arm: ArmAnswers) -> float | None:
    """Return the mean reasoning tokens of an answer; None if they are not reported."""
    summary = arm.evaluation.summary(arm.arm)
    if summary is None or summary.reasoning_tokens is None or not summary.answers:
        return None
    return summary.reasoning_tokens / summary.answers


def _other_models(own: ArmAnswers, arms: Sequence[ArmAnswers]) -> list[ArmAnswers]:
    return [arm for arm in arms if arm.asked.model != own.asked.model and not _is_tuned(arm.asked)]


def _is_tuned(arm: Arm) -> bool:
    return arm.label is not None


def _against(own: ArmAnswers, measured: Sequence[ArmAnswers]) -> str:
    """Return how the best of what was measured stands against what would be trained."""
    best = max(measured, key=_mean)
    with suppress(InvalidRequest):
        return compare([own, best]).pairs[0].text
    return f"{best.arm} was measured, but on other items."


def _mean(arm: ArmAnswers) -> float:
    means = item_means(arm.scores.get(arm.evaluation.reward, {}))
    return sum(means.values()) / len(means) if means else -1.0


def _command(own: ArmAnswers, *, model: str | None = None, prompt: str | None = None) -> str:
    evaluation = own.evaluation
    words = {
        "task": evaluation.task,
        "model": model or own.asked.model,
        "prompt": prompt or own.prompt,
        "effort": own.asked.effort,
        "split": evaluation.split,
        "runs": str(evaluation.runs),
        "platform": evaluation.platform,
    }
    return " ".join(["run", *(shlex.quote(f"{key}={value}") for key, value in words.items() if value)])
