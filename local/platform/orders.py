"""What a fine-tuning job was asked to be: the creation request, checked parameter by parameter."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import jsonschema

from jobs.core.errors import InvalidRequest
from jobs.graders import models_of, parse_grader, untrainable
from local.platform.body import Body, JsonObject
from local.platform.names import BASE_MODEL
from local.platform.refusal import bad_request, no_such_model

KNOWN = ("model", "training_file", "validation_file", "suffix", "seed", "metadata", "integrations", "method")
EFFORTS = ("default", "low", "medium", "high")

ROLLOUTS = 16
"""Rollouts per example and step at compute_multiplier 1."""
AUTO_BATCH = 16
AUTO_STEPS = 100
AUTO_INTERVAL = 5
AUTO_SAMPLES = 3
MOST_EPOCHS = 50


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """A job's knobs with every `auto` replaced by what it came to.

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
        """Rollouts for each example of a batch; at least 2, since one alone has nothing to be compared with."""
        return max(2, round(ROLLOUTS * self.compute_multiplier))

    def total_steps(self, examples: int) -> int:
        """Return how many weight updates a job over `examples` training rows makes."""
        return self.n_epochs * -(-examples // self.batch_size)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job's knobs as they were asked for; None stands for `auto`."""

    batch_size: int | None = None
    n_epochs: int | None = None
    eval_interval: int | None = None
    eval_samples: int | None = None
    learning_rate_multiplier: float | None = None
    compute_multiplier: float | None = None
    reasoning_effort: str = "default"

    def view(self) -> dict[str, object]:
        """Return the API's hyperparameters object."""
        return {key: "auto" if value is None else value for key, value in asdict(self).items()}

    def resolved(self, examples: int) -> Hyperparameters:
        """Return the knobs for a job over `examples` training rows.

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


@dataclass(frozen=True, slots=True)
class Order:
    """A creation request that can be carried out."""

    model: str
    training_file: str
    validation_file: str
    suffix: str | None
    seed: int
    metadata: Mapping[str, str] | None
    grader: JsonObject
    response_format: JsonObject | None
    wanted: Wanted


def read_order(body: Body) -> Order:
    """Return the order in a creation request.

    Raises:
        Refusal: 400 naming the parameter at fault, or 404 for a model that cannot be trained.
    """
    body.only(KNOWN)
    model = body.needed_text("model")
    if model != BASE_MODEL:
        raise no_such_model(model)
    if body.values("integrations"):
        raise bad_request("This platform has no integrations.", "integrations")
    method = body.needed_inner("method")
    if method.needed_text("type") != "reinforcement":
        raise bad_request("Only the method 'reinforcement' is available here.", "method.type", "invalid_value")
    reinforcement = method.needed_inner("reinforcement")
    reinforcement.only(("grader", "hyperparameters", "response_format"))
    seed = body.integer("seed", 0, 2**31 - 1)
    return Order(
        model=model,
        training_file=body.needed_text("training_file"),
        validation_file=body.needed_text("validation_file"),
        suffix=body.text("suffix", longest=64),
        seed=secrets.randbelow(2**31) if seed is None else seed,
        metadata=body.metadata(),
        grader=read_grader(reinforcement),
        response_format=read_response_format(reinforcement),
        wanted=_wanted(reinforcement.inner("hyperparameters") or Body({}, reinforcement.name("hyperparameters"))),
    )


def read_grader(body: Body) -> JsonObject:
    """Return the grader definition under `grader`, known to be well formed."""
    grader = body.needed_inner("grader")
    try:
        parsed = parse_grader(grader.value, grader.at)
    except InvalidRequest as fault:
        at = str(fault).partition(":")[0]
        raise bad_request(str(fault), at if at.startswith(grader.at) else grader.at, "invalid_grader") from None
    if reason := untrainable(parsed):
        raise bad_request(f"{grader.at}: {reason}", grader.at, "invalid_grader")
    if models := models_of(parsed):
        raise bad_request(
            f"{grader.at}: there is no model {models[0]} here to grade with.", grader.at, "invalid_grader"
        )
    return grader.value


def read_response_format(body: Body) -> JsonObject | None:
    """Return `response_format` in the nesting of chat completions, its schema known to be a schema of an object."""
    response_format = body.inner("response_format")
    if response_format is None or response_format.get("type") == "text":
        return None
    if response_format.get("type") != "json_schema":
        raise bad_request("must be json_schema or text.", response_format.name("type"), "invalid_value")
    described = response_format.needed_inner("json_schema")
    described.needed_text("name")
    check_schema(described.needed_inner("schema"))
    return response_format.value


def check_schema(schema: Body) -> None:
    """Refuse what is not a JSON Schema of an object."""
    try:
        jsonschema.Draft202012Validator.check_schema(dict(schema.value))
    except jsonschema.SchemaError as fault:
        raise bad_request(
            f"'{schema.at}' is not a JSON Schema: {fault.message}", schema.at, "invalid_json_schema"
        ) from None
    if schema.get("type") != "object":
        raise bad_request(f"'{schema.at}' must have the type object.", schema.name("type"), "invalid_json_schema")


def _wanted(body: Body) -> Wanted:
    body.only(Wanted.__dataclass_fields__)
    effort = body.text("reasoning_effort") or "default"
    if effort not in EFFORTS:
        raise bad_request(f"must be one of {', '.join(EFFORTS)}.", body.name("reasoning_effort"), "invalid_value")
    return Wanted(
        batch_size=_whole(body, "batch_size", 256),
        n_epochs=_whole(body, "n_epochs", MOST_EPOCHS),
        eval_interval=_whole(body, "eval_interval", 1_000_000),
        eval_samples=_whole(body, "eval_samples", 1_000),
        learning_rate_multiplier=_positive(body, "learning_rate_multiplier", 1_000.0),
        compute_multiplier=_positive(body, "compute_multiplier", 10.0),
        reasoning_effort=effort,
    )


def _whole(body: Body, key: str, most: int) -> int | None:
    return None if body.get(key) == "auto" else body.integer(key, 1, most)


def _positive(body: Body, key: str, most: float) -> float | None:
    if body.get(key) == "auto":
        return None
    value = body.number(key)
    if value is not None and not 0.00001 < value <= most:
        raise bad_request(f"'{body.name(key)}' must be above 0.00001 and at most {most:g}.", body.name(key))
    return value
