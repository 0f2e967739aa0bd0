"""The training settings that a person can choose, with the bounds of the fine-tuning API."""

from collections.abc import Mapping
from typing import Annotated, Final, get_args

from pydantic import Field, TypeAdapter, ValidationError

from jobs.core.errors import InvalidRequest
from jobs.core.records import Effort, Hyperparameters
from jobs.core.validation import Section, expected

EFFORTS: Final[tuple[Effort, ...]] = get_args(Effort)
AUTO: Final = "auto"
"""The API's own word for leaving a setting to the platform."""
LARGEST_SEED: Final = 2_147_483_647
LONGEST_SUFFIX: Final = 64
TYPED_KEYS: Final[Mapping[str, str]] = {
    "epochs": "n_epochs",
    "batch": "batch_size",
    "effort": "reasoning_effort",
    "eval_samples": "eval_samples",
    "eval_interval": "eval_interval",
    "compute": "compute_multiplier",
}
"""What commands call a setting, to the API's field."""


class HyperparameterChoice(Section):
    """What may be chosen; absent is the platform's choice."""

    n_epochs: Annotated[int | None, Field(ge=1, le=50)] = None
    batch_size: Annotated[int | None, Field(ge=1, le=256)] = None
    eval_interval: Annotated[int | None, Field(ge=1, le=100_000)] = None
    eval_samples: Annotated[int | None, Field(ge=1, le=1000)] = None
    compute_multiplier: Annotated[float | None, Field(gt=0.00001, le=10)] = None
    learning_rate_multiplier: Annotated[float | None, Field(gt=0, allow_inf_nan=False)] = None
    reasoning_effort: Effort | None = None

    @property
    def record(self) -> Hyperparameters:
        """The settings as a job keeps them."""
        return Hyperparameters(**self.model_dump())


_CHOICE = TypeAdapter(HyperparameterChoice)


def read_hyperparameters(given: Mapping[str, str]) -> Hyperparameters:
    """Return the training settings among `given` (key to text as typed); other keys are left alone.

    What is typed as `auto` is the platform's choice; `read_auto` names it.

    Raises:
        InvalidRequest: a value is out of bounds; the sentence names the key and what it may hold.
    """
    typed = {field: given[key] for key, field in TYPED_KEYS.items() if key in given and not _is_auto(given[key])}
    try:
        return HyperparameterChoice.model_validate_strings(typed, strict=False).record
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
    key = next(key for key, each in TYPED_KEYS.items() if each == field)
    raise _out_of_bounds(key, given[key], expected(_CHOICE, field))


def read_auto(given: Mapping[str, str]) -> tuple[str, ...]:
    """Return the API's names of the training settings that were typed as `auto`."""
    return tuple(field for key, field in TYPED_KEYS.items() if key in given and _is_auto(given[key]))


def _is_auto(text: str) -> bool:
    return text.strip().lower() == AUTO


def read_seed(text: str) -> int:
    """Return the seed that was typed; raises InvalidRequest with its bounds."""
    return read_whole("seed", text, 0, LARGEST_SEED)


def read_whole(key: str, text: str, low: int, high: int) -> int:
    """Return the whole number that was typed for `key`; raises InvalidRequest with its bounds."""
    try:
        if low <= (value := int(text)) <= high:
            return value
    except ValueError:
        pass
    raise _out_of_bounds(key, text, f"a whole number from {low} to {high}")


def read_effort(text: str) -> Effort:
    """Return the effort that was typed; raises InvalidRequest naming the known ones."""
    if text not in EFFORTS:
        raise _out_of_bounds("effort", text, f"one of {', '.join(EFFORTS)}")
    return text


def read_suffix(text: str) -> str:
    """Return the suffix that was typed; raises InvalidRequest where the API would refuse it."""
    if not 1 <= len(text) <= LONGEST_SUFFIX:
        raise InvalidRequest(f"suffix has {len(text)} characters; the platforms take 1 to {LONGEST_SUFFIX}.")
    return text


def _out_of_bounds(key: str, text: str, bounds: str) -> InvalidRequest:
    return InvalidRequest(f"`{key}={text}` does not work: {key} is {bounds}.")
