"""How evaluated models are compared in words: better, worse, or can't tell and how many items it would take."""

from typing import Final

from handlers.slack.blocks import escape
from jobs.core.records import Job
from jobs.evals.stats.verdict import Verdict
from jobs.evidence.records import Candidate, Evidence, Figure, Role, Versus
from jobs.training.checkpoints import LOPSIDED, Leaning
from jobs.views.wording import grader_name

SMALL: Final = 0.01
"""A change smaller than this is written with three digits."""
LEANINGS: Final = {
    Leaning.PRECISE: "It predicts few labels, nearly always right.",
    Leaning.THOROUGH: "It finds most labels, with more wrong ones among them.",
}


def signed(value: float) -> str:
    """Return a change with its sign, such as `+0.12`; no sign for what is written as nothing."""
    text = f"{value:+.{3 if abs(value) < SMALL else 2}f}"
    return text if float(text) else "0.00"


def amount(value: float) -> str:
    """Return the size of a change, such as `0.12`."""
    return signed(abs(value)).removeprefix("+")


def between(low: float | None, high: float | None) -> str:
    """Return a 95% interval as `0.07 to 0.17`; empty where it is not known."""
    return "" if low is None or high is None else f"{_plain(low)} to {_plain(high)}"


def _plain(value: float) -> str:
    text = f"{value:.2f}"
    return text if float(text) else "0.00"


def figure(value: Figure | None) -> str:
    """Return a mean with its interval, such as `0.63 (0.55 to 0.71)`, or that there is none."""
    if value is None:
        return "not measured"
    interval = between(value.low, value.high)
    return _plain(value.mean) + (f" ({interval})" if interval else "")


def best_of(evidence: Evidence, reward: str) -> Candidate | None:
    """Return the checkpoint with the highest reward on the validation split, the earlier of equals."""
    scored = [each for each in checkpoints_of(evidence) if reward in each.valid]
    return max(scored, key=lambda each: each.valid[reward].mean, default=None)


def checkpoints_of(evidence: Evidence) -> tuple[Candidate, ...]:
    """Return the rows that are checkpoints, by step."""
    return tuple(each for each in evidence.candidates if each.role is Role.CHECKPOINT)


def headline(job: Job, evidence: Evidence, *, short: bool = False) -> str:
    """Return the verdict in one plain sentence: the best checkpoint against the base, with its interval.

    `short` leaves out how many items it would take, for the title of a picture.
    """
    best, reward = best_of(evidence, job.reward), grader_name(job.reward)
    if best is None:
        return f"No checkpoint has a {reward} on the validation split"
    if best.versus_base is None:
        return f"{capital(best.name)} has the highest {reward}, {figure(best.valid[job.reward])}"
    told = title_of if short else sentence_of
    return told(best, best.versus_base, "the base model", reward)


def sentence_of(model: Candidate, versus: Versus, other: str, reward: str) -> str:
    """Return how a model compares with another, with its numbers and without a full stop."""
    needed = _needed(versus) if versus.verdict is Verdict.CANT_TELL else ""
    return title_of(model, versus, other, reward) + needed


def title_of(model: Candidate, versus: Versus, other: str, reward: str) -> str:
    """Return how a model compares with another, short enough for a picture's title."""
    interval = between(versus.low, versus.high)
    within = f" (95% interval {interval})" if interval else ""
    if versus.verdict is Verdict.CANT_TELL:
        return f"Can't tell {model.name} from {other}: {reward} {signed(versus.mean)}{within}"
    up = "up" if versus.verdict is Verdict.BETTER else "down"
    return f"{capital(model.name)} is {versus.verdict} than {other}: {reward} {up} {amount(versus.mean)}{within}"


def _needed(versus: Versus) -> str:
    if versus.items_needed is None:
        return f" on {versus.items:,} items"
    return f"; about {_rounded(versus.items_needed):,} items could tell, {versus.items:,} do not"


def _rounded(count: int) -> int:
    """Return an estimate with two digits: more would be taken for knowledge."""
    return int(float(f"{count:.2g}"))


def short_verdict(versus: Versus | None) -> str:
    """Return a change and its verdict for a cell of a table, such as `+0.12 better`; a dash where there is none."""
    return "\u2013" if versus is None else f"{signed(versus.mean)} {versus.verdict}"


def against(other: str, versus: Versus) -> str:
    """Return how a model compares with another, for a line of its own that begins with the other's name, as mrkdwn."""
    return f"Against {escape(other)}: {_against(versus)}."


def _against(versus: Versus) -> str:
    return f"*{versus.verdict}*, {_numbers(versus)}"


def _numbers(versus: Versus) -> str:
    interval = between(versus.low, versus.high)
    within = f" ({interval})" if interval else ""
    needed = _needed(versus) if versus.verdict is Verdict.CANT_TELL else ""
    return f"{signed(versus.mean)}{within}{needed}"


def leaning(candidate: Candidate) -> str:
    """Return in words how lopsided a model is; empty where it is not, or cannot be said."""
    precision, recall = candidate.valid.get("precision"), candidate.valid.get("recall")
    if precision is None or recall is None or abs(precision.mean - recall.mean) <= LOPSIDED:
        return ""
    return LEANINGS[Leaning.PRECISE if precision.mean > recall.mean else Leaning.THOROUGH]


def bias_note(best: Candidate, evidence: Evidence, reward: str) -> str:
    """Return what the choice on the validation split is worth: how much less to expect; the test split beside it."""
    count = len(checkpoints_of(evidence))
    lines = []
    if evidence.bias and count > 1:
        chosen = f"{capital(best.name)} is the best of {count} on the split that chose them"
        lines.append(f"{chosen}: expect {less(*evidence.bias)} on new items.")
    if reward in best.test:
        scored = f"{grader_name(reward)} {figure(best.test[reward])}"
        lines.append(f"On the test split, which chose nothing, it scored {scored}.")
    elif evidence.test_eval is None:
        lines.append(f"{capital(best.name)} was not evaluated on a held-out test split.")
    return " ".join(lines)


def word_of_test_split(best: Candidate) -> str:
    """Return whether the held-out test split says the same of the best checkpoint; empty where it says nothing."""
    versus, on_valid = best.test_versus_base, best.versus_base
    if versus is None or on_valid is None:
        return ""
    if versus.verdict is on_valid.verdict is Verdict.CANT_TELL:
        return f"The test split cannot tell either: {_numbers(versus)}."
    if versus.verdict is on_valid.verdict:
        what = "The test split says the same"
    elif versus.verdict is Verdict.CANT_TELL:
        what = "The test split does not confirm it"
    else:
        what = "The test split says otherwise"
    return f"{what}: {_against(versus)}."


def less(least: float, most: float) -> str:
    """Return a range as `0.02 to 0.05 less`, said with as few numbers as it takes."""
    if most < SMALL / 2:
        return "hardly less"
    if _plain(least) == _plain(most):
        return f"about {_plain(most)} less"
    return f"{_plain(least)} to {_plain(most)} less"


def capital(name: str) -> str:
    """Return a name as it begins a sentence; the name of an alias keeps its letters."""
    return name if "@" in name else name[:1].upper() + name[1:]
