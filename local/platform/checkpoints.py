"""The checkpoints a job keeps: of all validations so far, those with the highest reward."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from local.platform.disk import read_object, write_object
from local.platform.records import JobFolder

KEPT = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights kept after a validation."""

    step: int
    train_reward: float
    valid_reward: float
    created_at: int
    train_tokens: float
    valid_tokens: float


def best(checkpoints: Sequence[Checkpoint]) -> tuple[Checkpoint, ...]:
    """Return the checkpoints to keep, oldest first: the highest validation rewards, of equal ones the earlier."""
    ranked = sorted(checkpoints, key=lambda checkpoint: (-checkpoint.valid_reward, checkpoint.step))
    return tuple(sorted(ranked[:KEPT], key=lambda checkpoint: checkpoint.step))


def save_checkpoints(folder: JobFolder, checkpoints: Sequence[Checkpoint]) -> None:
    """Leave word of the checkpoints that are kept."""
    write_object(folder.checkpoints, {"kept": [asdict(checkpoint) for checkpoint in checkpoints]})


def load_checkpoints(folder: JobFolder) -> tuple[Checkpoint, ...]:
    """Return the checkpoints that are kept, oldest first."""
    words = read_object(folder.checkpoints) or {"kept": []}
    kept = words["kept"]
    assert isinstance(kept, list)
    return tuple(Checkpoint(**checkpoint) for checkpoint in kept)
