"""From how many calls on a tuned model pays what its training costs. US dollars; what is not known is never 0."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from charts.wording import money
from jobs.core.errors import NotFound
from jobs.core.records import Job, JobState
from jobs.core.series import Series
from jobs.evals.records import Eval
from jobs.platforms.profiles import Profile
from jobs.views.checkpoint import EvidenceView

HOUR: Final = 3600.0
YEAR: Final = 365.0
MOST_DAYS: Final = 2 * YEAR
"""A longer time is said in years."""
MOST_YEARS: Final = 10.0
"""What takes longer will not pay: prices and models do not stand still."""

ProfileOf = Callable[[str], Profile]
"""Returns a platform's profile by name; raises NotFound."""


@dataclass(frozen=True, slots=True)
class BreakEven:
    """What there is to say of a job's money; None is what is not known."""

    training: float | None
    tuned: float | None
    """Of 1,000 calls to the tuned model."""
    other: float | None
    """Of 1,000 calls to the model that it takes the place of."""
    name: str
    """What people call that model."""
    calls_a_day: float | None = None
    is_expected: bool = False
    """Whether the training is still to come, and its cost an earlier job's."""

    @property
    def sentence(self) -> str:
        """Whether, and from when on, it pays: one or two sentences of plain text."""
        if self.tuned is None or self.other is None:
            return f"{self._training}. Whether it pays is unknown: {self._unpriced}."
        saves = self.other - self.tuned
        if self.training == self.tuned == self.other == 0:
            return "Neither training nor calls cost anything here: there is nothing to pay back."
        if saves <= 0:
            return f"It will not pay in money: {self._prices}. {self._training}."
        against = f"saves {money(saves)} per 1,000 calls against {self.name}"
        if self.training is None:
            return f"It {against}; {self._training[0].lower()}{self._training[1:]}, and so is from when on it pays."
        if self.training == 0:
            return f"Training costs nothing; it {against}, from the first call on."
        calls = math.ceil(self.training / saves * 1000)
        return f"{self._training}; {against}; {self._from(calls)}."

    @property
    def _training(self) -> str:
        if self.training is None:
            return "What training costs is unknown"
        return f"Training {'costs about' if self.is_expected else 'cost'} {money(self.training)}"

    @property
    def _prices(self) -> str:
        if self.tuned == self.other:
            cost = f"1,000 calls cost {money(self.tuned)}" if self.tuned else "calls cost nothing"
            return f"{cost} with the tuned model and with {self.name}"
        return f"1,000 calls cost {money(self.tuned)} with the tuned model and {money(self.other)} with {self.name}"

    @property
    def _unpriced(self) -> str:
        unknown = {"the tuned model": self.tuned, self.name: self.other}
        models = " or ".join(name for name, cost in unknown.items() if cost is None)
        known = "".join(
            f"; with {name} 1,000 calls cost {money(cost)}" for name, cost in unknown.items() if cost is not None
        )
        return f"what a call costs with {models} is not known{known}"

    def _from(self, calls: int) -> str:
        """Return from how many calls on it pays, and when that is."""
        pays = f"pays from {calls:,} calls"
        if not self.calls_a_day:
            return f"{pays}; `traffic` in task.yaml would say when that is"
        days = calls / self.calls_a_day
        traffic = f"at your traffic ({self.calls_a_day:,.0f} calls a day)"
        if days > MOST_YEARS * YEAR:
            return f"{pays}, and {traffic} will not pay within {MOST_YEARS:.0f} years"
        if days > MOST_DAYS:
            return f"{pays}, {traffic} in about {days / YEAR:.0f} years"
        whole = max(1, math.ceil(days))
        return f"{pays}, {traffic} in {'a day' if whole == 1 else f'{whole:,} days'}"


def training_dollars(series: Series, profile: Profile | None) -> float | None:
    """Return what training has cost: its hours by the platform's own timing x the price of one; None if not known."""
    price = profile.training_hour if profile else None
    if not price:
        return price
    times = [step.timing for step in series.steps]
    parts = [part for time in times for part in (time.sampling, time.training) if part is not None]
    return sum(parts) / HOUR * price if parts else None


def after_training(view: EvidenceView, series: Series, profile: Profile | None, elsewhere: float | None) -> BreakEven:
    """Return what the best checkpoint pays against the task's `instead_of`, else what is in production, else the base.

    `elsewhere` is what 1,000 calls to `instead_of` cost where it is none of those that were evaluated.
    """
    job, models = view.job, [each.measured for each in view.models]
    in_use = next((each.measured for each in view.models if each.is_in_use), None)
    other = next((each for each in models if each.model == job.instead_of), None)
    if other is None and not job.instead_of:
        other = in_use or view.evidence.base
    name = job.instead_of or (view.alias if in_use else "the base model")
    tuned = view.best.measured.cost if view.best else None
    cost = other.cost if other else elsewhere
    return BreakEven(training_dollars(series, profile), tuned, cost, name, job.calls_a_day)


def before_training(job: Job, spent: Iterable[float | None], evals: Sequence[Eval], profile_of: ProfileOf) -> BreakEven:
    """Return what a job would pay by what is known before it: what jobs like it spent, and evals of its task.

    The tuned model is taken to need the tokens that its base was measured with.
    """
    profile = _profile(profile_of, job.platform)
    known = [dollars for dollars in spent if dollars is not None]
    is_free = profile is not None and profile.training_hour == 0
    training = median(known) if known else 0.0 if is_free else None
    tuned = next((cost for cost in _costs(job.model, job, evals, profile_of, tuned=True) if cost is not None), None)
    other = measured_cost(job.instead_of or job.model, job, evals, profile_of)
    return BreakEven(training, tuned, other, job.instead_of or job.model, job.calls_a_day, is_expected=True)


def measured_cost(model: str, job: Job, evals: Iterable[Eval], profile_of: ProfileOf) -> float | None:
    """Return what 1,000 calls to a model cost by the newest eval of a job's task that measured it at a known price."""
    return next((cost for cost in _costs(model, job, evals, profile_of) if cost is not None), None)


def _costs(
    model: str, job: Job, evals: Iterable[Eval], profile_of: ProfileOf, *, tuned: bool = False
) -> Iterator[float | None]:
    """Yield what 1,000 calls to a model, or to one `tuned` from it, cost by each eval of a job's task."""
    for evaluation in evals:
        profile = _profile(profile_of, evaluation.platform)
        for arm in evaluation.arms:
            summary = evaluation.summary(arm.name)
            if evaluation.task == job.task and arm.model == model and summary and profile:
                price = profile.prices.get(f"tuned:{model}") if tuned else profile.price_of(model)
                yield price.of_1000(summary.input_tokens, summary.output_tokens, summary.answers) if price else None


def is_alike(before: Job, job: Job) -> bool:
    """Tell whether a job finished that trained the same base on the same task and platform."""
    is_same = (before.task, before.platform, before.model) == (job.task, job.platform, job.model)
    return is_same and before.state is JobState.SUCCEEDED


def _profile(profile_of: ProfileOf, platform: str) -> Profile | None:
    try:
        return profile_of(platform)
    except NotFound:
        return None
