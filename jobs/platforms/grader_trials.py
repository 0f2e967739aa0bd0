"""What a platform says of a grader that it ran on one sample.

It answers 200 with reward 0 even where the grader broke (seen with `python_grader_server_error_type:
"unauthorized_error"`), so a reward counts only where not one of its error flags is raised.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from jobs.core.series import JsonObject
from jobs.platforms.errors import scrub
from jobs.platforms.metrics import child, number

VALIDATE_PATH = "/fine_tuning/alpha/graders/validate"
RUN_PATH = "/fine_tuning/alpha/graders/run"


@dataclass(frozen=True, slots=True)
class GraderTrial:
    """One sample graded by the platform."""

    reward: float | None
    """None where it gave no finite number, or the grader broke."""
    errors: tuple[str, ...] = ()
    """The flags that are raised, such as `python_grader_runtime_error`, also those that no list names."""
    detail: str | None = None
    """What the platform says about them."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """What each grader within it gave."""


def read_trial(answer: JsonObject) -> GraderTrial:
    """Return what the platform said; every flag and every detail beside a flag counts as an error."""
    flags = child(answer, "metadata", "errors")
    details = [text for name, value in flags.items() for text in _texts(name, value)]
    raised = [name for name, value in flags.items() if value is True]
    said = [name for name, value in flags.items() if value not in (True, False, None, "")]
    named = [name for name in said if not any(name.startswith(flag) for flag in raised)]  # x_error_details of x_error
    reward = number(answer.get("reward"))
    errors = (*raised, *named) or (() if reward is not None else ("no reward",))
    parts = {
        name: given for name, value in child(answer, "sub_rewards").items() if (given := number(value)) is not None
    }
    return GraderTrial(None if errors else reward, errors, "; ".join(details) or None, parts)


def _texts(name: str, value: object) -> Iterator[str]:
    if isinstance(value, str) and value:
        yield scrub(" ".join(value.split()))[:300]
    elif value not in (True, False, None, ""):
        yield f"{name}: {scrub(str(value))[:300]}"
