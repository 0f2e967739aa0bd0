"""From a platform's metrics event to one record per step, whatever it calls the figures.

Sources: OpenAI's guide on reinforcement fine-tuning (appendix, "metrics event"), whose figures stand under
`data.scores` with older duplicates at the top level in another word order; Microsoft Foundry (the same); Amazon
Bedrock (`critic_rewards_mean`, `response_length_mean`). The first key that holds a finite number counts. Validation
figures are there only on evaluated steps; a missing one stays missing.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Protocol

from jobs.core.series import GraderFigures, JsonObject, Step, StepTiming

TRAIN_REWARD_KEYS = (
    "scores.train_reward_mean",
    "train_reward_mean",
    "train_mean_reward",
    "critic_rewards_mean",
    "reward",
)
VALID_REWARD_KEYS = (
    "scores.valid_reward_mean",
    "full_valid_mean_reward",
    "full_valid_reward_mean",
    "valid_reward_mean",
    "valid_mean_reward",
    "eval_reward",
)
TRAIN_REASONING_KEYS = (
    "usage.samples.train_reasoning_tokens_mean",
    "train_reasoning_tokens_mean",
    "reasoning_tokens_mean",
)
VALID_REASONING_KEYS = ("usage.samples.valid_reasoning_tokens_mean", "valid_reasoning_tokens_mean")
TRAIN_COMPLETION_KEYS = (
    "usage.samples.train_completion_tokens_mean",
    "train_completion_tokens_mean",
    "completion_tokens_mean",
    "response_length_mean",
    "completions/mean_length",
)
VALID_COMPLETION_KEYS = ("usage.samples.valid_completion_tokens_mean", "valid_completion_tokens_mean")

_STEP = re.compile(r"\b[Ss]tep (\d+)(?:\s*/\s*(\d+))?")
_ERROR_MEAN = re.compile(r"(train|valid)_(\w+_error)_mean")


class Event(Protocol):
    """What the normaliser needs of an event."""

    @property
    def at(self) -> float:
        """Unix seconds."""
        ...

    @property
    def message(self) -> str:
        """Words for people; read only where `data` has no step."""
        ...

    @property
    def kind(self) -> str:
        """`metrics`, `message`, or whatever a platform adds."""
        ...

    @property
    def data(self) -> JsonObject:
        """The figures, in the platform's spelling."""
        ...


def step_of(event: Event) -> Step | None:
    """Return the step an event reports on, or None where it is no metrics event or names no step.

    Rewards are means over graded samples, tokens are means per sample, times are seconds, error figures are shares.
    """
    data = event.data
    train, valid = first_number(data, TRAIN_REWARD_KEYS), first_number(data, VALID_REWARD_KEYS)
    if event.kind != "metrics" and train is None and valid is None:
        return None
    number_of_step, total = _place(data, event.message)
    if number_of_step is None:
        return None
    return Step(
        step=number_of_step,
        total_steps=total,
        at=event.at,
        train_reward=train,
        valid_reward=valid,
        graders=_graders(data),
        train_reasoning_tokens=first_number(data, TRAIN_REASONING_KEYS),
        valid_reasoning_tokens=first_number(data, VALID_REASONING_KEYS),
        train_completion_tokens=first_number(data, TRAIN_COMPLETION_KEYS),
        valid_completion_tokens=first_number(data, VALID_COMPLETION_KEYS),
        timing=_timing(data),
        raw=data,
    )


def first_number(data: JsonObject, keys: tuple[str, ...]) -> float | None:
    """Return the first finite number found at one of the dotted paths `keys`, or None."""
    for key in keys:
        *path, last = key.split(".")
        value = number(child(data, *path).get(last))
        if value is not None:
            return value
    return None


def number(value: object) -> float | None:
    """Return `value` where it is a finite number, else None. True and False are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def whole(value: object) -> int | None:
    """Return `value` where it is a whole number that is not negative, else None."""
    found = number(value)
    return int(found) if found is not None and found >= 0 and found.is_integer() else None


def child(data: JsonObject, *path: str) -> JsonObject:
    """Return the object at `path`, or an empty one where there is none."""
    for name in path:
        inner = data.get(name)
        if not isinstance(inner, Mapping):
            return {}
        data = inner
    return data


def grader_entries(data: JsonObject, group: str) -> Iterator[tuple[str, JsonObject]]:
    """Yield name and figures of each grader under `<group>.graders`, a list of named entries or an object by name."""
    entries = child(data, group).get("graders")
    if isinstance(entries, Mapping):
        entries = [{"name": name, **entry} for name, entry in entries.items() if isinstance(entry, Mapping)]
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
            yield entry["name"], entry


def _place(data: JsonObject, message: str) -> tuple[int | None, int | None]:
    said = _STEP.search(message)
    step, total = whole(data.get("step")), whole(data.get("total_steps"))
    if step is None and said:
        step = int(said[1])
    if total is None and said and said[2]:
        total = int(said[2])
    return step, total or None


def _graders(data: JsonObject) -> tuple[GraderFigures, ...]:
    scores, errors = dict(grader_entries(data, "scores")), dict(grader_entries(data, "errors"))
    timing = dict(grader_entries(data, "timing"))
    return tuple(
        GraderFigures(
            name=name,
            train_score=number(child(scores, name).get("train_reward_mean")),
            valid_score=number(child(scores, name).get("valid_reward_mean")),
            train_latency=number(child(timing, name).get("train_execution_latency_mean")),
            valid_latency=number(child(timing, name).get("valid_execution_latency_mean")),
            train_errors=_errors(child(errors, name), "train"),
            valid_errors=_errors(child(errors, name), "valid"),
        )
        for name in dict.fromkeys((*scores, *errors, *timing))
    )


def _errors(entry: JsonObject, part: str) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for key, value in entry.items():
        match, share = _ERROR_MEAN.fullmatch(key), number(value)
        if match and match[1] == part and share is not None:
            found[match[2]] = share
    return found


def _timing(data: JsonObject) -> StepTiming:
    seconds = child(data, "timing", "step")
    return StepTiming(
        sampling=number(seconds.get("sampling")),
        training=number(seconds.get("training")),
        eval=number(seconds.get("eval")),
        full=number(seconds.get("full_iteration")),
    )
