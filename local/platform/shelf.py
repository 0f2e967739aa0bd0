"""The models that can be called: the base model, and the weights that jobs have left."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from local.platform.checkpoints import load_checkpoints
from local.platform.choices import Plan
from local.platform.features import Features, Floats
from local.platform.leaning import base_logits
from local.platform.names import BASE_MODEL, checkpoint_model, final_model
from local.platform.policy import Layout, aligned, probabilities
from local.platform.records import JobRecord, JobStore, Status
from local.platform.refusal import no_such_model
from local.platform.weights import load_linear, load_sight

FIRST_OFFERED = 1_763_769_600
"""When the base model came out, for `/v1/models`; Unix seconds."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be called; `weights` is None for the base model, which has none."""

    id: str
    created: int
    sight: Path | None = None
    weights: Path | None = None

    def view(self) -> dict[str, object]:
        """Return the API's model object."""
        owner = "local" if self.weights is None else "org-local"
        return {"id": self.id, "object": "model", "created": self.created, "owned_by": owner, "shutdown_date": None}

    def own_plan(self) -> Plan | None:
        """Return the plan of answers that a tuned model was trained on."""
        return None if self.sight is None else _sight(self.sight)[1]

    def chances(self, plan: Plan, text: str, temperature: float) -> Floats:
        """Return the probability of each option of `plan` for a text; shape (1, options)."""
        logits = base_logits(plan.choices, [text])
        if self.sight is not None and self.weights is not None:
            features, own = _sight(self.sight)
            linear = aligned(own.choices, _linear(self.weights), plan.choices)
            logits = logits + features.of([text]) @ linear
        return probabilities(Layout(plan.choices), logits / temperature)


class Shelf:
    """All models of a platform that can be called now."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs

    def models(self) -> Iterator[Model]:
        """Yield the base model, then what each job has left, newest job first."""
        yield Model(BASE_MODEL, FIRST_OFFERED)
        for record in self._jobs.list():
            yield from self._left_by(record)

    def get(self, model_id: str) -> Model:
        """Return a model, or refuse with 404."""
        for model in self.models():
            if model.id == model_id:
                return model
        raise no_such_model(model_id)

    def _left_by(self, record: JobRecord) -> Iterator[Model]:
        folder, suffix = self._jobs.folder(record.id), record.order.suffix
        if record.status is Status.SUCCEEDED:
            made = record.finished_at or record.created_at
            yield Model(final_model(record.id, suffix), made, folder.features, folder.state)
        kept = {checkpoint.step: checkpoint.created_at for checkpoint in load_checkpoints(folder)}
        for step, made in kept.items():
            yield Model(checkpoint_model(record.id, suffix, step), made, folder.features, folder.weights(step))
        for step in set(record.snapshots) - set(kept):
            model = checkpoint_model(record.id, suffix, step)
            yield Model(model, record.created_at, folder.features, folder.snapshot(step))


@lru_cache(maxsize=16)
def _sight(path: Path) -> tuple[Features, Plan]:
    return load_sight(path)


@lru_cache(maxsize=64)
def _linear(path: Path) -> Floats:
    """Weights at a path never change: a checkpoint is written once, a state not after its job has succeeded."""
    return load_linear(path)
