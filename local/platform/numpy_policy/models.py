"""The models that can be called, the base model and the weights that jobs have left, and their answers."""

import contextlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from local.platform.errors import ApiError, model_not_found
from local.platform.file_store import user_text
from local.platform.ids import BASE_MODEL, model_id
from local.platform.job_store import JobRecord, JobStore, Status
from local.platform.numpy_policy.answer_schema import (
    NO_ANSWERS,
    AnswerPlan,
    KnownAnswers,
    NothingToChoose,
    answers_in_plan,
    plan_of,
)
from local.platform.numpy_policy.free_text import choices_named, forms_in
from local.platform.numpy_policy.job_plan import framed_text, prompt_text
from local.platform.numpy_policy.policy import (
    Floats,
    aligned,
    base_logits,
    draw,
    indices,
    likeliest,
    probabilities,
)
from local.platform.numpy_policy.weights import load_features, load_linear
from local.platform.request_models import JsonObject

BASE_MODEL_CREATED = 1_763_769_600
"""When the base model came out, for `/v1/models`; Unix seconds."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be called; the base model has no files."""

    id: str
    created: int
    features: Path | None = None
    weights: Path | None = None
    jobs: Sequence[Path] = ()
    """For the base model, the features of the jobs that have started from it, newest first."""

    def view(self) -> dict[str, object]:
        """Return the API's model object."""
        owner = "local" if self.weights is None else "org-local"
        return {"id": self.id, "object": "model", "created": self.created, "owned_by": owner, "shutdown_date": None}

    def answer(
        self,
        messages: Sequence[object],
        schema: JsonObject | None,
        *,
        schema_param: str,
        temperature: float,
        seed: int | None,
        draws: int = 1,
    ) -> list[str]:
        """Return answers, or refuse with 400 a prompt without user text, or one that leaves nothing to choose from.

        Temperature 0 asks for the likeliest answer; a seed makes draws repeatable.
        """
        text = user_text(messages)
        if not text.strip():
            raise ApiError("The prompt has no text from the user.", "messages")
        prompt = prompt_text(messages)
        plan = self._plan(schema, schema_param, messages, prompt)
        if temperature == 0:
            chosen = likeliest(plan.choices, self._probabilities(plan, text, prompt, 1.0))[0].repeat(draws, axis=0)
        else:
            rng = np.random.default_rng(secrets.randbits(64) if seed is None else seed % 2**64)
            chosen = draw(plan.choices, self._probabilities(plan, text, prompt, temperature), draws, rng)[0]
        return [plan.render(indices(plan.choices, answer)) for answer in chosen]

    def _plan(
        self, schema: JsonObject | None, schema_param: str, messages: Sequence[object], prompt: str
    ) -> AnswerPlan:
        own = None if self.features is None else load_features(self.features)[1]
        if own is not None and schema is None:
            return own
        try:
            return _plan_with(NO_ANSWERS if own is None else answers_in_plan(own), schema, prompt)
        except NothingToChoose as nothing:
            for known in self._suggested(messages, prompt):
                with contextlib.suppress(NothingToChoose):
                    return _plan_with(known, schema, prompt)
            raise ApiError(str(nothing), schema_param if schema is not None else "response_format") from None

    def _suggested(self, messages: Sequence[object], prompt: str) -> Iterator[KnownAnswers]:
        """Yield the answers that the prompt names, then those of the newest job whose prompts were framed like it."""
        yield replace(NO_ANSWERS, all=choices_named(prompt))
        plans = [load_features(path)[1] for path in self.jobs if path.exists()]
        framed = [plan for plan in plans if plan.frame is not None and _is_framed(framed_text(messages), plan.frame)]
        yield from map(answers_in_plan, sorted(framed, key=lambda plan: -sum(map(len, plan.frame or ()))))

    def _probabilities(self, plan: AnswerPlan, text: str, prompt: str, temperature: float) -> Floats:
        """Return the probability of each option of `plan` for a text; shape (1, options)."""
        logits = base_logits(plan.choices, [text], [prompt])
        if self.features is not None and self.weights is not None:
            features, own = load_features(self.features)
            logits = logits + features.of([text]) @ aligned(own.choices, load_linear(self.weights), plan.choices)
        return probabilities(plan.choices, logits / temperature)


def _plan_with(known: KnownAnswers, schema: JsonObject | None, prompt: str) -> AnswerPlan:
    return plan_of(schema, known, forms_in([prompt]))


def _is_framed(text: str, frame: tuple[str, str]) -> bool:
    return text.startswith(frame[0]) and text.endswith(frame[1])


class Models:
    """All models of a platform that can be called now."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs

    def list(self) -> Iterator[Model]:
        """Yield the base model, then those of each job, newest job first."""
        jobs = tuple(self._jobs.folder(record.id).features for record in self._jobs.list())
        yield Model(BASE_MODEL, BASE_MODEL_CREATED, jobs=jobs)
        for record in self._jobs.list():
            yield from self._of_job(record)

    def get(self, wanted: str) -> Model:
        """Return a model, or refuse with 404."""
        for model in self.list():
            if model.id == wanted:
                return model
        raise model_not_found(wanted)

    def _of_job(self, record: JobRecord) -> Iterator[Model]:
        folder, suffix = self._jobs.folder(record.id), record.request.suffix
        if record.status is Status.SUCCEEDED:
            created = record.finished_at or record.created_at
            yield Model(model_id(record.id, suffix), created, folder.features, folder.state)
        kept = {checkpoint.step: checkpoint.created_at for checkpoint in folder.checkpoints()}
        for step, created in (dict.fromkeys(record.snapshots, record.created_at) | kept).items():
            yield Model(model_id(record.id, suffix, step), created, folder.features, folder.weights(step))
