"""What a check finds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters before money is spent; in rising order."""

    OK = "ok"
    NOTE = "note"
    """Good to know."""
    WARN = "warn"
    """The result may mean less than it seems."""
    BLOCK = "block"
    """A launch would fail, or teach nothing."""

    @property
    def rank(self) -> int:
        """0 for the least."""
        return tuple(Level).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has to say about a task."""

    check: str
    """The check's id."""
    level: Level
    text: str
    """One sentence or a few: what was found, with its numbers, and what to do next."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    """Label to rows of `split`, where labels are counted: what the picture shows."""
    split: str = "train"
    """The split whose labels are counted."""


def worst(findings: Iterable[Finding]) -> Level:
    """Return the level of the finding that matters most."""
    return max((finding.level for finding in findings), key=lambda level: level.rank, default=Level.OK)
