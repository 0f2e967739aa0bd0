"""Weights, features and plans on disk: numpy archives, whole or not there."""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from local.platform.checkpoints import Checkpoint
from local.platform.choices import Branch, Choice, Fixed, Many, One, Part, Plan
from local.platform.disk import write_atomically
from local.platform.events import Event, event_from
from local.platform.features import Features, Floats
from local.platform.policy import Weights


@dataclass(frozen=True, slots=True)
class State:
    """All that training needs to go on after a step, and what it still had to tell about that step."""

    weights: Weights
    checkpoints: tuple[Checkpoint, ...] = ()
    telling: tuple[Event, ...] = ()
    """Events of the last step: part of the state, so that a kill between saving and telling loses none."""


def save_state(path: Path, state: State) -> None:
    """Keep a job's state."""
    weights = state.weights
    words = {
        "step": weights.step,
        "checkpoints": [asdict(checkpoint) for checkpoint in state.checkpoints],
        "telling": [event.view() for event in state.telling],
    }
    _save(path, {"linear": weights.linear, "mean": weights.mean, "spread": weights.spread}, words)


def load_state(path: Path) -> State | None:
    """Return a job's state; None before its first step."""
    if not path.exists():
        return None
    arrays, words = _load(path)
    return State(
        Weights(arrays["linear"], arrays["mean"], arrays["spread"], words["step"]),
        tuple(Checkpoint(**checkpoint) for checkpoint in words["checkpoints"]),
        tuple(event_from(event) for event in words["telling"]),
    )


def save_linear(path: Path, linear: Floats) -> None:
    """Keep the weights of a checkpoint."""
    _save(path, {"linear": linear}, {})


def load_linear(path: Path) -> Floats:
    """Return the weights of a checkpoint or of a state."""
    return _load(path)[0]["linear"]


def save_sight(path: Path, features: Features, plan: Plan) -> None:
    """Keep what a job's policy sees of a text and may answer."""
    _save(path, {"rarity": features.rarity, "directions": features.directions}, {"plan": plan_words(plan)})


def load_sight(path: Path) -> tuple[Features, Plan]:
    """Return what `save_sight` kept."""
    arrays, words = _load(path)
    return Features(arrays["rarity"], arrays["directions"]), plan_from(words["plan"])


def _save(path: Path, arrays: Mapping[str, Floats], words: object) -> None:
    packed = np.frombuffer(json.dumps(words).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, words=packed, **arrays)  # type: ignore[arg-type] # the stub takes allow_pickle for an array
    write_atomically(path, buffer.getvalue())


def _load(path: Path) -> tuple[dict[str, Floats], Any]:
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    words: NDArray[np.uint8] = arrays.pop("words")
    return arrays, json.loads(words.tobytes())


def plan_words(plan: Plan) -> dict[str, object]:
    """Return a plan in JSON's types."""
    return {"choices": [asdict(choice) for choice in plan.choices], "root": _part_words(plan.root)}


def plan_from(words: Any) -> Plan:
    """Return the plan that `plan_words` made `words` of."""
    choices = (Choice(**{**choice, "options": tuple(choice["options"])}) for choice in words["choices"])
    return Plan(tuple(choices), _part_from(words["root"]))


def _part_words(part: Part) -> list[object]:
    match part:
        case Fixed(value):
            return ["fixed", value]
        case One(choice):
            return ["one", choice]
        case Many(choice, key, rest):
            return ["many", choice, key, [list(pair) for pair in rest]]
        case Branch(parts):
            return ["branch", [[key, _part_words(inner)] for key, inner in parts]]


def _part_from(words: Any) -> Part:
    match words:
        case ["fixed", value]:
            return Fixed(value)
        case ["one", choice]:
            return One(choice)
        case ["many", choice, key, rest]:
            return Many(choice, key, tuple((name, value) for name, value in rest))
        case ["branch", parts]:
            return Branch(tuple((key, _part_from(inner)) for key, inner in parts))
    raise ValueError(f"no part of an answer: {words!r}")
