"""The training settings that a person can type: their keys, and what each may hold.

Bounds are those of the fine-tuning API.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from jobs.core.errors import InvalidRequest
from jobs.core.records import Effort, Hyperparameters

EFFORTS: Final = ("default", "low", "medium", "high")
LARGEST_SEED: Final = 2_147_483_647
LONGEST_SUFFIX: Final = 64


@dataclass(frozen=True, slots=True)
class Setting:
    """One key a person may give: the API's field, how to read it, and its bounds in words."""

    key: str
    field: str
    read: Callable[[str], float | int | str]
    bounds: str


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return read


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not low < value <= high:
            raise ValueError(text)
        return value

    return read


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return read


SETTINGS: Final = (
    Setting("epochs", "n_epochs", _whole(1, 50), "a whole number from 1 to 50"),
    Setting("batch", "batch_size", _whole(1, 256), "a whole number from 1 to 256"),
    Setting("effort", "reasoning_effort", _one_of(EFFORTS), "one of default, low, medium, high"),
    Setting("eval_samples", "eval_samples", _whole(1, 1000), "a whole number of at least 1"),
    Setting("eval_interval", "eval_interval", _whole(1, 100_000), "a whole number of steps, at least 1"),
    Setting("compute", "compute_multiplier", _number(0.00001, 10), "a number above 0.00001 and up to 10"),
)


def read_hyperparameters(given: Mapping[str, str]) -> Hyperparameters:
    """Return the training settings among `given` (key to text as typed); other keys are left alone.

    Raises:
        InvalidRequest: a value is out of bounds; the sentence names the key and what it may hold.
    """
    named = [setting for setting in SETTINGS if setting.key in given]
    values = {each.field: _read(each.key, given[each.key], each.read, each.bounds) for each in named}
    return Hyperparameters(**cast("dict[str, Any]", values))


def read_seed(text: str) -> int:
    """Return the seed that was typed; raises InvalidRequest with its bounds."""
    return cast("int", _read("seed", text, _whole(0, LARGEST_SEED), f"a whole number from 0 to {LARGEST_SEED}"))


def read_whole(key: str, text: str, low: int, high: int) -> int:
    """Return the whole number that was typed for `key`; raises InvalidRequest with its bounds."""
    return cast("int", _read(key, text, _whole(low, high), f"a whole number from {low} to {high}"))


def read_effort(text: str) -> Effort:
    """Return the effort that was typed; raises InvalidRequest naming the known ones."""
    return cast("Effort", _read("effort", text, _one_of(EFFORTS), f"one of {', '.join(EFFORTS)}"))


def read_suffix(text: str) -> str:
    """Return the suffix that was typed; raises InvalidRequest where the API would refuse it."""
    if not 1 <= len(text) <= LONGEST_SUFFIX:
        raise InvalidRequest(f"suffix has {len(text)} characters; the platforms take 1 to {LONGEST_SUFFIX}.")
    return text


def _read(key: str, text: str, read: Callable[[str], float | int | str], bounds: str) -> float | int | str:
    try:
        return read(text)
    except ValueError:
        raise InvalidRequest(f"`{key}={text}` does not work: {key} is {bounds}.") from None
