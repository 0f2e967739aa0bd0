"""A sweep over the number of training items, and what it showed. Frozen values; times are unix seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.core.ids import learning_item
from jobs.core.records import LaunchRequest, Posting, PostingKind


@dataclass(frozen=True, slots=True)
class SweptJob:
    """One job of a sweep."""

    items: int
    """That it trains on."""
    seed: int
    job: str
    """Its id."""


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep showed."""

    text: str
    """As sentences."""
    points: tuple[tuple[int, float], ...] = ()
    """Items and score, of each job."""
    curve: tuple[tuple[float, float], ...] = ()
    """Items and score, along the fitted curve; it ends at `promised`."""
    promised: tuple[int, float, float] | None = None
    """Items, and the ends of the interval in which their score is expected."""
    base: float | None = None
    """Score of the base model."""
    reward: str = "reward"
    """The grader's name."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Jobs that differ in the number of their training items and in their seeds."""

    id: str
    request: LaunchRequest
    """Of each job, but for its items and seed."""
    more: int
    """So many items beyond the most: what they would bring is the question."""
    jobs: tuple[SweptJob, ...]
    created_at: float
    ended: Mapping[str, str] = field(default_factory=dict)
    """How each job ended, by its id: `evaluated`, or why it counts for nothing."""
    result: SweepResult | None = None


def sweep_posting(sweep: Sweep) -> Posting:
    """Return the posting that brings a sweep's message up to date; with its result it has the picture."""
    return Posting(
        f"{learning_item(sweep.id)}:card",
        PostingKind.SWEEP,
        f"card:{sweep.id}",
        sweep.id,
        sweep.request.channel,
        refreshed=True,
        urgent=True,
    )


def result_posting(sweep: Sweep) -> Posting:
    """Return the posting that tells the channel that a sweep has its result."""
    return Posting(
        id=f"{learning_item(sweep.id)}:result",
        kind=PostingKind.SWEEP,
        lane=f"card:{sweep.id}",
        subject=sweep.id,
        channel=sweep.request.channel,
    )
