"""What a job's training has cost so far, as far as that is known."""

from typing import Final

from jobs.views.job import JobView

HOUR: Final = 3600.0


def training_cost(view: JobView) -> str:
    """Return what training has cost so far, in words; an unknown price is unknown, never 0.

    Formula: hours of sampling and training, by the platform's own timing of each step, x its price of an hour. What
    the models of graders cost, and evaluation, is not in it.
    """
    price = view.profile.training_hour if view.profile else None
    if price == 0:
        return "nothing is charged"
    if price is None:
        return "unknown: no price is known here"
    times = [step.timing for step in view.series.steps]
    parts = [part for time in times for part in (time.sampling, time.training) if part is not None]
    if not parts:
        return f"unknown so far, at ${price:,.0f} an hour of training"
    return f"about ${sum(parts) / HOUR * price:,.2f} for training"
