"""What a platform says, as records: jobs, events, checkpoints, graded samples, read from the fine-tuning API's JSON.

Read tolerantly: platforms leave fields out, add some, and send statuses that no list names. What cannot be read is
absent.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import get_args

from jobs.core.records import Checkpoint, Effort, Hyperparameters
from jobs.core.series import JsonObject
from jobs.platforms.errors import scrub
from jobs.platforms.metrics import TRAIN_REWARD, VALID_REWARD, Figures, child, grader_names, number, whole

KEY = "proctor_job"
"""Name of the metadata pair that carries our job id to the platform."""

EFFORTS: tuple[Effort, ...] = get_args(Effort)
FINISHED = frozenset({"succeeded", "failed", "cancelled"})
OTHER_WORDS = {
    **dict.fromkeys(
        ("completed", "complete", "finished", "success", "successful", "done", "early_stopped"), "succeeded"
    ),
    **dict.fromkeys(("canceled", "stopped", "aborted"), "cancelled"),
    **dict.fromkeys(("error", "errored", "failure"), "failed"),
    **dict.fromkeys(("in_progress", "inprogress", "training", "started"), "running"),
}
"""What platforms call a status for which the fine-tuning API has a word."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """Everything a new job is made of."""

    key: str
    """Our job id; the platform keeps it as metadata, so that a job is found again after an unclear answer."""
    model: str
    training_file: str
    validation_file: str | None
    grader: JsonObject
    """Grader definition of the reward."""
    response_format: JsonObject | None = None
    """Chat-completions nesting: `{"type": "json_schema", "json_schema": {"name", "strict", "schema"}}`."""
    suffix: str | None = None
    seed: int | None = None
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """One job as the platform describes it. Times are unix seconds."""

    id: str
    status: str
    """An open set: queued, running, paused, succeeded, ... and whatever a platform adds."""
    model: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    fine_tuned_model: str | None = None
    created_at: float | None = None
    finished_at: float | None = None
    batch_size: int | None = None
    """None while the platform says "auto"."""
    training_file: str | None = None
    validation_file: str | None = None
    result_files: tuple[str, ...] = ()
    seed: int | None = None
    trained_tokens: int | None = None
    key: str | None = None
    """Our job id, where the job carries one."""
    suffix: str | None = None
    method: str | None = None
    """`reinforcement`, `supervised`, ...; None where the platform does not say."""
    reward: str | None = None
    """Name of the grader that training climbs."""
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)
    """As the platform has them; None for what it still calls "auto"."""
    grader: JsonObject = field(default_factory=dict)
    """Grader definition of the reward; empty where the platform does not say."""
    response_format: JsonObject = field(default_factory=dict)
    """As in `JobSpec`; empty where the platform does not say."""

    @property
    def is_finished(self) -> bool:
        """True when the platform will do nothing more with it; an unknown status counts as unfinished."""
        return self.status in FINISHED


@dataclass(frozen=True, slots=True)
class RemoteEvent:
    """One line of a job's history on the platform."""

    id: str
    at: float
    """Unix seconds."""
    level: str
    message: str
    kind: str
    """`message`, `metrics`, or whatever a platform adds."""
    data: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GraderTrial:
    """One sample graded by the platform.

    It answers 200 with reward 0 even where the grader broke (seen with `python_grader_server_error_type:
    "unauthorized_error"`), so a reward counts only where not one of its error flags is raised.
    """

    reward: float | None
    """None where it gave no finite number, or the grader broke."""
    errors: tuple[str, ...] = ()
    """The flags that are raised, such as `python_grader_runtime_error`, also those that no list names."""
    detail: str | None = None
    """What the platform says about them."""


def read_job(answer: JsonObject) -> RemoteJob:
    """Return the job described by the API's job object.

    A healthy job carries `"error": {}`, not null: only an error with a code or a message is one.
    """
    error = child(answer, "error")
    hyperparameters = child(answer, "method", "reinforcement", "hyperparameters")
    grader = child(answer, "method", "reinforcement", "grader")
    return RemoteJob(
        id=text(answer, "id") or "",
        status=read_status(text(answer, "status") or "unknown"),
        model=text(answer, "model"),
        error_code=text(error, "code"),
        error_message=scrub(text(error, "message") or "") or None,
        fine_tuned_model=text(answer, "fine_tuned_model"),
        created_at=number(answer.get("created_at")),
        finished_at=number(answer.get("finished_at")),
        batch_size=whole(hyperparameters.get("batch_size")),
        training_file=text(answer, "training_file"),
        validation_file=text(answer, "validation_file"),
        result_files=_texts(answer.get("result_files")),
        seed=whole(answer.get("seed")),
        trained_tokens=whole(answer.get("trained_tokens")),
        key=text(child(answer, "metadata"), KEY),
        suffix=text(answer, "user_provided_suffix"),
        method=text(child(answer, "method"), "type"),
        hyperparameters=_settings(hyperparameters),
        reward=text(grader, "name"),
        grader=grader,
        response_format=child(answer, "method", "reinforcement", "response_format"),
    )


def read_status(said: str) -> str:
    """Return a job's status in the fine-tuning API's word for it, whatever the platform calls it."""
    word = said.lower().replace(" ", "_").replace("-", "_").removeprefix("job_state_")
    return OTHER_WORDS.get(word, word)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _settings(said: JsonObject) -> Hyperparameters:
    effort = said.get("reasoning_effort")
    return Hyperparameters(
        n_epochs=whole(said.get("n_epochs")),
        batch_size=whole(said.get("batch_size")),
        eval_interval=whole(said.get("eval_interval")),
        eval_samples=whole(said.get("eval_samples")),
        compute_multiplier=number(said.get("compute_multiplier")),
        learning_rate_multiplier=number(said.get("learning_rate_multiplier")),
        reasoning_effort=next((known for known in EFFORTS if known == effort), None),
    )


def read_event(answer: JsonObject) -> RemoteEvent:
    """Return the event described by the API's event object; `data` may be null, empty or filled."""
    return RemoteEvent(
        id=text(answer, "id") or "",
        at=number(answer.get("created_at")) or 0.0,
        level=text(answer, "level") or "info",
        message=scrub(text(answer, "message") or ""),
        kind=text(answer, "type") or "message",
        data=child(answer, "data"),
    )


def read_checkpoint(answer: JsonObject) -> Checkpoint | None:
    """Return the checkpoint described by the API's checkpoint object, or None where it names no model or no step.

    Rewards come under the names of the result file (`train_mean_reward`, `full_valid_mean_reward`) or of the events
    (`train_reward_mean`, `valid_reward_mean`), flat or under `scores`.
    """
    metrics = child(answer, "metrics")
    model_id = text(answer, "fine_tuned_model_checkpoint")
    step = whole(answer.get("step_number"))
    step = whole(metrics.get("step")) if step is None else step
    if model_id is None or step is None:
        return None
    figures = Figures(metrics)
    names = grader_names(figures, "scores")
    scores = {name: figures.take(f"scores.graders.{name}.valid_reward_mean") for name in names}
    return Checkpoint(
        id=text(answer, "id") or model_id,
        model_id=model_id,
        step=step,
        created_at=number(answer.get("created_at")),
        train_reward=figures.take(*TRAIN_REWARD),
        valid_reward=figures.take(*VALID_REWARD),
        scores={name: score for name, score in scores.items() if score is not None},
    )


def read_embeddings(answer: JsonObject) -> tuple[tuple[float, ...], ...]:
    """Return the vectors of the API's embeddings object, by index; entries without a vector are left out."""
    data = answer.get("data")
    entries = [entry for entry in data if isinstance(entry, Mapping)] if isinstance(data, list) else []
    vectors: dict[int, tuple[float, ...]] = {}
    for place, entry in enumerate(entries):
        vector = entry.get("embedding")
        index = whole(entry.get("index"))
        if isinstance(vector, list) and all(isinstance(number, int | float) for number in vector):
            vectors[place if index is None else index] = tuple(float(number) for number in vector)
    return tuple(vectors[index] for index in sorted(vectors))


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as training's validation graded it."""

    text: str
    reward: float


@dataclass(frozen=True, slots=True)
class KeptItem:
    """A validation item with the answers that it got in one evaluation."""

    name: str
    input: str
    reference: str
    answers: tuple[KeptAnswer, ...]

    @property
    def reward(self) -> float:
        """The mean reward of its answers."""
        return fmean(answer.reward for answer in self.answers) if self.answers else 0.0


def read_kept(answer: JsonObject) -> tuple[KeptItem, ...]:
    """Return the items of an evaluation, in the split's order; one without an id is called by its row."""
    data, kept = answer.get("data"), []
    for row, each in enumerate(data if isinstance(data, list) else [], start=1):
        item, given = child(each, "item"), each.get("answers")
        answers = tuple(
            KeptAnswer(str(one.get("text", "")), number(one.get("reward")) or 0.0)
            for one in (given if isinstance(given, list) else [])
            if isinstance(one, Mapping)
        )
        right = item.get("reference_answer")
        reference = right if isinstance(right, str) else json.dumps(right, ensure_ascii=False)
        name = f"row {row}" if item.get("id") is None else str(item["id"])
        kept.append(KeptItem(name, str(each.get("input", "")), reference, answers))
    return tuple(kept)


def read_trial(answer: JsonObject) -> GraderTrial:
    """Return what the platform said; every flag and every detail next to a flag counts as an error."""
    flags = child(answer, "metadata", "errors")
    details = [detail for name, value in flags.items() for detail in _details(name, value)]
    raised = [name for name, value in flags.items() if value is True]
    said = [name for name, value in flags.items() if value not in (True, False, None, "")]
    named = [name for name in said if not any(name.startswith(flag) for flag in raised)]  # x_error_details of x_error
    reward = number(answer.get("reward"))
    errors = (*raised, *named) or (() if reward is not None else ("no reward",))
    return GraderTrial(None if errors else reward, errors, "; ".join(details) or None)


def method_of(spec: JobSpec) -> JsonObject:
    """Return the `method` of a new job: its grader, response format and the hyperparameters that were chosen."""
    chosen = {name: value for name, value in asdict(spec.hyperparameters).items() if value is not None}
    reinforcement: dict[str, object] = {"grader": trainable(spec.grader), "hyperparameters": chosen}
    if spec.response_format is not None:
        reinforcement["response_format"] = spec.response_format
    return {"type": "reinforcement", "reinforcement": reinforcement}


def trainable(grader: JsonObject) -> JsonObject:
    """Return the grader definition without `pass_threshold`, which belongs to evals and is refused in training."""
    kept: dict[str, object] = {name: value for name, value in grader.items() if name != "pass_threshold"}
    children = kept.get("graders")
    if isinstance(children, Mapping):
        kept["graders"] = {
            key: trainable(each) if isinstance(each, Mapping) else each for key, each in children.items()
        }
    return kept


def text(answer: JsonObject, name: str) -> str | None:
    """Return the non-empty text at `name`, or None."""
    value = answer.get(name)
    return value if isinstance(value, str) and value else None


def _details(name: str, value: object) -> Iterator[str]:
    if isinstance(value, str) and value:
        yield scrub(" ".join(value.split()))[:300]
    elif value not in (True, False, None, ""):
        yield f"{name}: {scrub(str(value))[:300]}"
