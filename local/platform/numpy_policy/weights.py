"""Weights, features and training state on disk: numpy archives, written atomically."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydantic_core
from pydantic import TypeAdapter

from local.platform.disk import write_atomically
from local.platform.events import Event
from local.platform.job_store import Checkpoint
from local.platform.numpy_policy.answer_schema import AnswerPlan
from local.platform.numpy_policy.features import Features, Floats
from local.platform.numpy_policy.policy import Weights


@dataclass(frozen=True, slots=True)
class State:
    """All that training needs to go on after a step, and the events of that step."""

    weights: Weights
    checkpoints: tuple[Checkpoint, ...] = ()
    events: tuple[Event, ...] = ()
    """Part of the state, so that a kill between saving it and appending them to the log loses none."""


_PROGRESS = TypeAdapter(tuple[tuple[Checkpoint, ...], tuple[Event, ...]])
_PLAN = TypeAdapter(AnswerPlan)


def save_state(path: Path, state: State) -> None:
    """Keep a job's state."""
    weights = state.weights
    arrays = {
        "linear": weights.linear,
        "first_moment": weights.first_moment,
        "second_moment": weights.second_moment,
        "step": np.array(weights.step),
    }
    _save(path, arrays, (state.checkpoints, state.events))


def load_state(path: Path) -> State | None:
    """Return a job's state; None before its first step."""
    if not path.exists():
        return None
    arrays, meta = _load(path)
    weights = Weights(arrays["linear"], arrays["first_moment"], arrays["second_moment"], int(arrays["step"]))
    return State(weights, *_PROGRESS.validate_json(meta))


def save_linear(path: Path, linear: Floats) -> None:
    """Keep the weights of a checkpoint."""
    _save(path, {"linear": linear}, None)


def load_linear(path: Path) -> Floats:
    """Return the weights of a checkpoint or of a state."""
    return _load(path)[0]["linear"]


def save_features(path: Path, features: Features, plan: AnswerPlan) -> None:
    """Keep what a job's policy sees of a text and may answer."""
    _save(path, {"idf": features.idf, "directions": features.directions}, plan)


def load_features(path: Path) -> tuple[Features, AnswerPlan]:
    """Return what `save_features` kept."""
    arrays, meta = _load(path)
    return Features(arrays["idf"], arrays["directions"]), _PLAN.validate_json(meta)


def _save(path: Path, arrays: Mapping[str, Any], meta: object) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, meta=np.frombuffer(pydantic_core.to_json(meta), dtype=np.uint8), **arrays)
    write_atomically(path, buffer.getvalue())


def _load(path: Path) -> tuple[dict[str, Floats], bytes]:
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return arrays, arrays.pop("meta").tobytes()
