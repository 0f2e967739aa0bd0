"""Weights, features and training state on disk: numpy archives, written atomically."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pydantic_core
from pydantic import TypeAdapter

from local.platform.disk import write_atomically
from local.platform.job_store import Checkpoint, Event
from local.platform.numpy_policy.answer_schema import AnswerPlan
from local.platform.numpy_policy.policy import Features, Floats, Weights


@dataclass(frozen=True, slots=True)
class State:
    """All that training needs to go on after a step, and the events of that step."""

    weights: Weights
    checkpoints: tuple[Checkpoint, ...] = ()
    events: tuple[Event, ...] = ()
    """Part of the state, so that a kill between saving it and appending them to the log loses none."""


_PROGRESS = TypeAdapter(tuple[int, tuple[Checkpoint, ...], tuple[Event, ...]])
_PLAN = TypeAdapter(AnswerPlan)


def save_state(path: Path, state: State) -> None:
    """Keep a job's state."""
    weights = state.weights
    moments = {"first_moment": weights.first_moment, "second_moment": weights.second_moment}
    _save(path, {"linear": weights.linear, **moments}, (weights.step, state.checkpoints, state.events))


def load_state(path: Path) -> State | None:
    """Return a job's state; None before its first step."""
    if not path.exists():
        return None
    arrays, meta = _load(path)
    step, checkpoints, events = _PROGRESS.validate_json(meta)
    return State(Weights(**arrays, step=step), checkpoints, events)


@lru_cache(maxsize=64)
def load_linear(path: Path) -> Floats:
    """Return the weights in a state that will not change any more: a checkpoint, a snapshot, the last of a job."""
    return _load(path)[0]["linear"]


def save_features(path: Path, features: Features, plan: AnswerPlan) -> None:
    """Keep what a job's policy sees of a text and may answer; written once."""
    _save(path, {"idf": features.idf, "directions": features.directions}, plan)


@lru_cache(maxsize=16)
def load_features(path: Path) -> tuple[Features, AnswerPlan]:
    """Return what `save_features` kept."""
    arrays, meta = _load(path)
    return Features(**arrays), _PLAN.validate_json(meta)


def _save(path: Path, arrays: Mapping[str, Any], meta: object) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, meta=np.frombuffer(pydantic_core.to_json(meta), dtype=np.uint8), **arrays)
    write_atomically(path, buffer.getvalue())


def _load(path: Path) -> tuple[dict[str, Floats], bytes]:
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return arrays, arrays.pop("meta").tobytes()
