"""What a shell asked the gate, and its verdict. Frozen values; times are unix seconds."""

import math
from dataclasses import dataclass
from enum import StrEnum

from charts.wording import number
from jobs.evals.records import EvalRequest
from jobs.evals.stats.advice import NonInferiority
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
    is_as_good: bool | None = None
    """Whether it is shown to lose less than the margin that was asked for; None where none was."""


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


def verdict_of(pair: Pair, notes: tuple[str, ...], shown: NonInferiority | None) -> GateVerdict:
    """Return the verdict of a comparison whose `before` is the baseline; `shown` is what a margin was asked of."""
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
        text=" ".join((pair.text, *notes, *((_said(shown),) if shown else ()))),
        is_as_good=shown.is_shown if shown else None,
    )


def _said(shown: NonInferiority) -> str:
    """Return whether less is lost than the margin, as a sentence."""
    lost = "nothing" if shown.low >= 0 else f"at most {number(-shown.low, 3)}"
    if shown.is_shown:
        return f"It loses {lost}, less than the margin of {shown.margin:g} (97.5% confidence)."
    if math.isinf(shown.low):
        return f"One item cannot show that it loses less than {shown.margin:g}."
    needed = f"; equals would show it on about {shown.items_needed:,} items" if shown.items_needed else ""
    return f"It may lose {number(-shown.low, 3)}, more than the margin of {shown.margin:g}{needed}."
