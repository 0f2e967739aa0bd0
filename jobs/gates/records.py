"""What a shell asked the gate, and its verdict. Frozen values; times are unix seconds."""

from dataclasses import dataclass
from enum import StrEnum

from jobs.evals.records import EvalRequest
from jobs.evals.stats.pair import Pair
from jobs.evals.verdict import Verdict


class GateState(StrEnum):
    """How far a run of the gate is.

    asked ─> running ─> done
      ├─────> refused
      └─────> withdrawn     (by the shell, because no bot took it)
    """

    ASKED = "asked"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"

    @property
    def is_final(self) -> bool:
        """True when the bot does nothing more with it."""
        return self not in {GateState.ASKED, GateState.RUNNING}


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """How the model stands against the baseline, on the items both have."""

    verdict: Verdict
    reward: str
    baseline: float
    """Mean reward."""
    model: float
    change: float
    low: float | None
    """Of the change's 95% interval; None below two items."""
    high: float | None
    p: float
    items: int
    items_needed: int | None
    """If it can't be told: about how many items would show the change seen, 4 times in 5."""
    text: str
    """The same as sentences, with what to keep in mind."""


@dataclass(frozen=True, slots=True)
class GateRun:
    """One time that a shell asked the gate."""

    id: str
    request: EvalRequest
    """Its one model may be an alias; its channel may be empty."""
    baseline: str
    """A model, an alias or an eval; empty: what the task's alias points at."""
    made_at: float
    state: GateState = GateState.ASKED
    eval: str | None = None
    compared_with: str | None = None
    """The earlier eval that is the baseline; None where the baseline is asked as well."""
    link: str | None = None
    """To the eval's thread in Slack."""
    verdict: GateVerdict | None = None
    note: str | None = None
    """Why it was refused, or why there is no verdict, as sentences."""


def verdict_of(pair: Pair, notes: tuple[str, ...]) -> GateVerdict:
    """Return the verdict of a comparison whose `before` is the baseline."""
    span = pair.difference.interval
    return GateVerdict(
        verdict=pair.verdict,
        reward=pair.reward,
        baseline=pair.before_mean,
        model=pair.after_mean,
        change=pair.difference.mean,
        low=span.low if span else None,
        high=span.high if span else None,
        p=pair.p,
        items=pair.items,
        items_needed=pair.items_needed,
        text=" ".join((pair.text, *notes)),
    )
