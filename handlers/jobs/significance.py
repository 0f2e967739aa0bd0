"""Better, worse, or can't tell: what a difference between two evaluations of one job, or of two, means."""

from handlers.slack.wording import score
from jobs.evals.stats.validation_noise import LEAST, largest_by_chance, valid_error, valid_items_needed
from jobs.views.job import JobView


def since_start(view: JobView) -> str:
    """Return whether the newest evaluation is better than the first, as a sentence with its numbers."""
    first, last = view.job.first_valid_reward, view.job.valid_reward
    if first is None or last is None or len(view.series.valid) < 2:
        return f"Validation reward {score(last)} at the first evaluation; later ones are compared with it."
    moved = round(last, 2) - round(first, 2)
    told = f"validation reward {score(last)}, {_moved(moved)} since the first evaluation"
    error = valid_error(view.series)
    if error is None:
        return f"{told[0].upper()}{told[1:]}; too few evaluations to tell that from noise."
    explained = largest_by_chance(error, error)
    if abs(moved) > explained:
        return f"{'Better' if moved > 0 else 'Worse'}: {told}, more than noise explains ({explained:.2f})."
    needed = valid_items_needed(view.job.valid_items, explained, moved)
    items = f"; about {needed:,} validation items could tell" if needed else ""
    return f"Can't tell yet: {told}, and noise explains {explained:.2f}{items}."


def _moved(by: float) -> str:
    return "unchanged" if abs(by) < LEAST else f"{'up' if by > 0 else 'down'} {abs(by):.2f}"
