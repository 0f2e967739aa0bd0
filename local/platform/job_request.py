"""The request that creates a fine-tuning job, as the API takes it and as the job keeps it."""

import secrets
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from jobs.core.errors import InvalidRequest
from jobs.graders import models_of, parse_grader, run_elsewhere, untrainable
from local.platform.errors import ApiError, model_not_found
from local.platform.ids import BASE_MODEL
from local.platform.request_models import (
    JsonObject,
    Metadata,
    RequestModel,
    ResponseFormat,
    StrictRequestModel,
    missing,
    schema_of,
)

ROLLOUTS = 16
"""Rollouts per example and step at compute_multiplier 1."""
AUTO_BATCH = 16
AUTO_STEPS = 100
AUTO_INTERVAL = 5
AUTO_SAMPLES = 3
MOST_EPOCHS = 50

_Auto = BeforeValidator(lambda value: None if value == "auto" else value)
_NoText = AfterValidator(lambda value: None if value is not None and value.type == "text" else value)


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """A job's hyperparameters with every `auto` replaced by its value.

    `reasoning_effort` is kept but changes nothing: this policy does not reason.
    """

    batch_size: int
    n_epochs: int
    eval_interval: int
    eval_samples: int
    learning_rate_multiplier: float
    compute_multiplier: float
    reasoning_effort: str

    @property
    def rollouts(self) -> int:
        """Rollouts for each example of a batch; at least 2, since a single one has nothing to be compared with."""
        return max(2, round(ROLLOUTS * self.compute_multiplier))

    def total_steps(self, examples: int) -> int:
        """Return how many weight updates a job over `examples` training rows makes."""
        return self.n_epochs * -(-examples // self.batch_size)


class RequestedHyperparameters(StrictRequestModel):
    """A job's hyperparameters as requested; None stands for `auto`."""

    batch_size: Annotated[Annotated[int, Field(ge=1, le=256)] | None, _Auto] = None
    n_epochs: Annotated[Annotated[int, Field(ge=1, le=MOST_EPOCHS)] | None, _Auto] = None
    eval_interval: Annotated[Annotated[int, Field(ge=1, le=1_000_000)] | None, _Auto] = None
    eval_samples: Annotated[Annotated[int, Field(ge=1, le=1_000)] | None, _Auto] = None
    learning_rate_multiplier: Annotated[Annotated[float, Field(gt=0.00001, le=1_000)] | None, _Auto] = None
    compute_multiplier: Annotated[Annotated[float, Field(gt=0.00001, le=10)] | None, _Auto] = None
    reasoning_effort: Literal["default", "low", "medium", "high"] = "default"

    def view(self) -> dict[str, object]:
        """Return the API's hyperparameters object."""
        return {key: "auto" if value is None else value for key, value in self.model_dump().items()}

    def resolved(self, examples: int) -> Hyperparameters:
        """Return the hyperparameters of a job over `examples` training rows.

        `auto` means: batches of 16 (or all rows, if fewer), as many epochs as make about 100 steps (1 to 50),
        validation every 5 steps with 3 draws for each row, multipliers of 1.
        """
        batch = min(self.batch_size or AUTO_BATCH, examples)
        steps_per_epoch = -(-examples // batch)
        return Hyperparameters(
            batch_size=batch,
            n_epochs=self.n_epochs or max(1, min(MOST_EPOCHS, round(AUTO_STEPS / steps_per_epoch))),
            eval_interval=self.eval_interval or AUTO_INTERVAL,
            eval_samples=self.eval_samples or AUTO_SAMPLES,
            learning_rate_multiplier=self.learning_rate_multiplier or 1.0,
            compute_multiplier=self.compute_multiplier or 1.0,
            reasoning_effort=self.reasoning_effort,
        )


class Reinforcement(StrictRequestModel):
    """How a job trains."""

    grader: JsonObject
    response_format: Annotated[ResponseFormat | None, _NoText] = None
    hyperparameters: RequestedHyperparameters = RequestedHyperparameters()

    @property
    def answer_schema(self) -> JsonObject | None:
        """The JSON Schema of the answers, where there is a response format."""
        wanted = None if self.response_format is None else self.response_format.json_schema
        return None if wanted is None else wanted.schema_


class Method(RequestModel):
    """The request's `method`."""

    type: Literal["reinforcement"]
    reinforcement: Reinforcement


class JobRequest(StrictRequestModel):
    """A creation request; `check_job_request` tells whether it can be carried out."""

    model: Annotated[str, Field(min_length=1)]
    training_file: Annotated[str, Field(min_length=1)]
    validation_file: Annotated[str, Field(min_length=1)]
    suffix: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    seed: Annotated[int, Field(ge=0, lt=2**31, default_factory=lambda: secrets.randbelow(2**31))]
    metadata: Metadata | None = None
    integrations: list[object] | None = None
    method: Method

    @property
    def reinforcement(self) -> Reinforcement:
        """How the job trains."""
        return self.method.reinforcement


def check_job_request(request: JobRequest) -> None:
    """Refuse a request that no job here can carry out: with 404 for the model, else with 400."""
    if request.model != BASE_MODEL:
        raise model_not_found(request.model)
    if request.integrations:
        raise ApiError("This platform has no integrations.", "integrations")
    at = "method.reinforcement"
    check_grader(request.reinforcement.grader, f"{at}.grader")
    response_format = request.reinforcement.response_format
    schema_of(response_format, f"{at}.response_format")
    if response_format is not None and response_format.json_schema and response_format.json_schema.name is None:
        raise missing(f"{at}.response_format.json_schema.name")


def check_grader(grader: JsonObject, at: str) -> None:
    """Refuse a grader definition that cannot be run here; `at` is its own dotted name."""
    try:
        parsed = parse_grader(grader, at)
    except InvalidRequest as invalid:
        param = str(invalid).partition(":")[0]
        raise ApiError(str(invalid), param if param.startswith(at) else at, "invalid_grader") from None
    if reason := untrainable(parsed) or run_elsewhere(parsed):
        raise ApiError(f"{at}: {reason}", at, "invalid_grader")
    if models := models_of(parsed):
        raise ApiError(f"{at}: there is no model {models[0]} here to grade with.", at, "invalid_grader")
