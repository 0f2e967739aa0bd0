"""A job's evaluated checkpoints as messages, forms and pictures show them: named, compared and judged once.

Words in here are plain text; callers that put them into markup escape them.
"""

from dataclasses import dataclass, replace
from typing import Final

from charts.wording import changed, counted, decimals_apart, estimate, grader_name, number, score, signed
from jobs.core.records import Checkpoint, Job
from jobs.evals.stats.power import about
from jobs.evals.stats.validation_noise import largest_by_chance, usual_error
from jobs.evals.verdict import Conclusion, Verdict, by_noise, strictest
from jobs.evidence.measure import platform_figures
from jobs.evidence.plan import by_step, checkpoint_candidate
from jobs.evidence.records import Candidate, Evidence, EvidenceState, Guard, Role, Versus
from jobs.tasks.records import NATURAL, headline_of

SMALLEST_LOSS: Final = 0.005
"""A smaller loss is not worth a number."""
LOPSIDED: Final = 0.20
"""Difference of precision and recall from which a checkpoint is called lopsided (rule B of the monitoring notes)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model compared with another on the reward, item by item, on the validation split and the test split."""

    model: str
    other: str
    """How the other is called: "the base model", "acts@production"."""
    reward: str
    versus: Versus
    """On the validation split."""
    tested: Versus | None = None
    """On the test split, which chose nothing; None where it was not opened or has no such pair."""

    @property
    def verdict(self) -> Verdict:
        """What both splits allow to be claimed."""
        return strictest(self.versus.verdict, self.tested.verdict if self.tested else None) or Verdict.CANT_TELL

    @property
    def title(self) -> str:
        """The verdict with its numbers, short enough for the title of a picture; no full stop."""
        if self.tested is None:
            return f"{self._opening}: {self.reward} {_moved(self.versus, self.verdict)}"
        on_valid, on_test = (_change(each)[0] for each in (self.versus, self.tested))
        return f"{self._opening}: {self.reward} {on_valid} on the validation split, {on_test} on the test split"

    @property
    def sentence(self) -> str:
        """The verdict with its numbers and, if it can't be told, how many items it would take; no full stop."""
        return f"{self._opening}: {self.reward} {self.numbers}" if self.tested else self.title + _takes(self.versus)

    @property
    def numbers(self) -> str:
        """The changes with their intervals and, where it can't be told, how many items it would take."""
        if self.tested is None:
            return _interval(self.versus) + _takes(self.versus)
        takes = _takes(self.tested, "test") or _takes(self.versus)
        return f"{_interval(self.versus)} on the validation split, {_interval(self.tested)} on the test split{takes}"

    @property
    def brief(self) -> str:
        """The change on the validation split and the verdict: `+0.12 better`, `+0.12 can't tell on test`."""
        where = "" if self.verdict is self.versus.verdict else " on test"
        return f"{_change(self.versus)[0]} {self.verdict.words}{where}"

    @property
    def _opening(self) -> str:
        if self.verdict is Verdict.CANT_TELL:
            return f"Can't tell {self.model} from {self.other}"
        return f"{capitalized(self.model)} is {self.verdict} than {self.other}"


def _change(versus: Versus) -> tuple[str, str]:
    return changed(versus.mean, versus.low, versus.high)


def _interval(versus: Versus) -> str:
    change, bounds = _change(versus)
    return f"{change} ({bounds})" if bounds else change


def _moved(versus: Versus, verdict: Verdict) -> str:
    """Return a change for a sentence on one split: `up 0.12 (95% interval 0.05 to 0.19)`."""
    change, bounds = _change(versus)
    within = f" (95% interval {bounds})" if bounds else ""
    if verdict is Verdict.CANT_TELL:
        return change + within
    return f"{'up' if versus.mean > 0 else 'down'} {change.lstrip('+-')}{within}"


def _takes(versus: Versus, split: str = "validation") -> str:
    """Return how many items it would take, to follow the numbers; "" unless it can't be told on this split."""
    if versus.verdict is not Verdict.CANT_TELL:
        return ""
    if versus.items_needed is None:
        return f" on {counted(versus.items, 'item')}"
    return f"; {about(versus.items_needed)} items would be enough, the {split} split has {versus.items:,}"


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """A checkpoint, or a model that it is compared with."""

    measured: Candidate
    is_best: bool
    """It has the highest reward of the checkpoints on the validation split; the earliest of equals."""
    is_in_use: bool
    """The alias points at it now."""
    against_base: Comparison | None
    against_alias: Comparison | None
    """None for the base: how it and the model of the alias stand is said once, as what that model is to the base."""

    @property
    def lead(self) -> Comparison | None:
        """The comparison that is decided on: with what the alias points at, else with the base model."""
        return self.against_alias or self.against_base

    @property
    def title(self) -> str:
        """Its name as it begins a sentence: "Step 60"."""
        return capitalized(self.measured.name)

    @property
    def worse_slices(self) -> str:
        """On which slices it is worse than what it would replace, as a sentence; "" if on none."""
        falls = self.measured.slice_falls
        return f"Worse than {falls[0].before} on {'; '.join(each.words for each in falls)}." if falls else ""

    @property
    def is_worse_naturally(self) -> bool:
        """Whether it is worse than what it would replace on the natural validation split."""
        measured = self.measured
        found = measured.natural_versus_alias if self.against_alias else measured.natural_versus_base
        return found is not None and found.verdict is Verdict.WORSE

    def score(self, grader: str, split: str = "valid") -> str:
        """Return a mean with its interval on a split, or `not measured`."""
        by_split = {"valid": self.measured.valid, "test": self.measured.test, NATURAL: self.measured.natural}
        found = by_split[split].get(grader)
        return estimate(found.mean, found.low, found.high) if found else "not measured"

    @property
    def leaning(self) -> str:
        """How it strays from a balance of precision and recall, as a sentence; "" if it does not, or nobody knows."""
        precision, recall = self.measured.valid.get("precision"), self.measured.valid.get("recall")
        difference = precision.mean - recall.mean if precision and recall else 0.0
        if difference > LOPSIDED:
            return "It predicts few labels, nearly always right."
        return "It finds most labels, with more wrong ones among them." if difference < -LOPSIDED else ""


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """The evaluation of a job's checkpoints; until it is done, and if it failed, the platform's own figures."""

    job: Job
    state: EvidenceState | None
    """None before the evaluation began."""
    evidence: Evidence
    models: tuple[CheckpointView, ...]
    """All that were evaluated, in the order of the evidence."""
    checkpoints: tuple[CheckpointView, ...]
    """Those that are checkpoints, by step."""
    best: CheckpointView | None
    """The checkpoint with the highest reward on the validation split."""
    reward: str
    """The reward's name as people write it."""
    alias: str
    """How the model is called that the alias points at."""

    @property
    def is_ready(self) -> bool:
        """Whether there are figures of ours; if not, the platform's own stand in for them."""
        return self.state is EvidenceState.READY

    @property
    def is_awaited(self) -> bool:
        """Whether figures of ours are on the way; nothing can be approved before."""
        return self.state in {EvidenceState.GATHERING, EvidenceState.WITHDRAWN}

    @property
    def conclusion(self) -> Conclusion:
        """The most that may be claimed: of the best checkpoint against what is in production, else against the base."""
        compared = self.best.lead if self.best else None
        if self.best is None or compared is None:
            return Conclusion(self._alone())
        is_better = compared.verdict is Verdict.BETTER
        return Conclusion(compared.title, compared.verdict, self.best.measured.name if is_better else "")

    @property
    def headline(self) -> str:
        """The conclusion in one sentence without a full stop, with how many items it would take if it can't be told."""
        compared = self.best.lead if self.best else None
        return compared.sentence if compared else self.conclusion.headline

    @property
    def recommended(self) -> CheckpointView | None:
        """The checkpoint to approve: the best, if it may be called better, also as production has its items.

        It breaks no guardrail, and is not worse on the natural validation split.
        """
        best = self.best if self.conclusion.best else None
        return best if best and not best.measured.broken_guards and not best.is_worse_naturally else None

    @property
    def sample(self) -> str:
        """How many items and runs the validation figures rest on: `50 validation items x 3 runs`."""
        versus = (each.versus_base for each in self.evidence.candidates)
        items = next((each.items for each in versus if each), self.job.valid_items)
        split = counted(items, "validation item") if items else "validation split"
        return f"{split} x {counted(self.evidence.runs, 'run')}"

    @property
    def has_precision_and_recall(self) -> bool:
        """Whether any model was graded by both."""
        return any({"precision", "recall"} <= each.valid.keys() for each in self.evidence.candidates)

    @property
    def selection_note(self) -> str:
        """How much less to expect of the best on new items, and what it scored on the test split; "" if unknown."""
        best, count, bias = self.best, len(self.checkpoints), self.evidence.bias
        if best is None:
            return ""
        lines = []
        if bias and count > 1:
            chosen = f"{best.title} was chosen from {count} by the split that it is scored on"
            lines.append(f"{chosen}: expect {_less(*bias)} on new items.")
        if self.job.reward in best.measured.test:
            scored = f"{self.reward} {best.score(self.job.reward, 'test')}"
            lines.append(f"On the test split, which chose nothing, it scored {scored}.")
        elif self.evidence.test_eval is None:
            lines.append(f"{best.title} was not evaluated on a held-out test split.")
        return " ".join(lines)

    def scores_of(self, checkpoint: CheckpointView) -> dict[str, str]:
        """Return the figures that a checkpoint is introduced with: the reward, or whatever the platform reports.

        The reward comes first; where there are labels, it is called by its name.
        """
        valid, training_reward = checkpoint.measured.valid, self.job.training_reward
        if self.is_ready:
            return {self.reward: checkpoint.score(self.job.reward)}
        every = headline_of(training_reward, valid, tuple(valid))
        scores = {name: valid[name] for name in every if name in valid}
        if "precision" in valid or "recall" in valid:
            return {grader_name(name): score(found.mean) for name, found in scores.items()}
        reward = scores.pop(training_reward, None)
        others = {grader_name(name): score(found.mean) for name, found in scores.items()}
        return {"validation reward": score(reward.mean if reward else None), **others}

    def leaders(self, grader: str) -> tuple[tuple[CheckpointView, float], ...]:
        """Return the checkpoints that none is shown to beat in a score of the platform's, with theirs, highest first.

        That is the highest alone only if it is above every other by more than the usual noise of so many items.
        """
        valid = [(each, found.mean) for each in self.checkpoints if (found := each.measured.valid.get(grader))]
        ranked = sorted(valid, key=lambda scored: -scored[1])
        top, noise = ranked[0][1] if ranked else 0.0, self.noise
        return tuple(
            each for each in ranked if each is ranked[0] or by_noise(top - each[1], noise) is not Verdict.BETTER
        )

    @property
    def noise(self) -> float | None:
        """The largest difference of two of the platform's scores that chance explains; None if items are unknown."""
        items = self.job.valid_items
        return largest_by_chance(usual_error(items), usual_error(items)) if items else None

    def of(self, checkpoint: str) -> CheckpointView | None:
        """Return one checkpoint by its id, or None if it was not evaluated."""
        return next((each for each in self.models if each.measured.checkpoint == checkpoint), None)

    def guard_words(self, guard: Guard) -> str:
        """Return what a guardrail allows and what was measured, as a sentence."""
        other = self.alias if guard.against is Role.ALIAS else "the base model"
        decimals = decimals_apart(guard.low, guard.allowed)
        low, allowed = (signed(value, decimals) for value in (guard.low, guard.allowed))
        return (
            f"{grader_name(guard.grader)} {signed(guard.change)} against {other}, with 95% confidence no worse than "
            f"{low}; the task allows {allowed}."
        )

    def _alone(self) -> str:
        if self.best is None:
            return f"No checkpoint was measured for {self.reward} on the validation split"
        scored = f"{self.reward} {self.best.score(self.job.reward)}"
        return f"{self.best.title}: {scored}; it was compared with no other model"


def evidence_view(job: Job, evidence: Evidence | None) -> EvidenceView:
    """Return how the evaluation of a job's checkpoints is shown."""
    state = evidence.state if evidence else None
    if evidence is None or not evidence.is_done:
        # A stand-in with the platform's own figures; what state the evaluation is in was read above.
        rows = tuple(_by_platform(each, job) for each in by_step(job))
        evidence = replace(evidence or Evidence(job.id, EvidenceState.FAILED, (), 0.0, 0), candidates=rows)
    reward, alias = grader_name(job.reward), evidence.alias or "what is in use"
    scored = [each for each in evidence.candidates if each.role is Role.CHECKPOINT and job.reward in each.valid]
    best = max(scored, key=lambda each: each.valid[job.reward].mean, default=None)

    def compared(each: Candidate, versus: Versus | None, tested: Versus | None, other: str) -> Comparison | None:
        return Comparison(each.name, other, reward, versus, tested) if versus else None

    models = tuple(
        CheckpointView(
            each,
            each is best,
            each.role is Role.ALIAS or (evidence.alias is not None and each.model == evidence.alias_model),
            compared(each, each.versus_base, each.test_versus_base, "the base model"),
            None if each.role is Role.BASE else compared(each, each.versus_alias, each.test_versus_alias, alias),
        )
        for each in evidence.candidates
    )
    checkpoints = tuple(each for each in models if each.measured.role is Role.CHECKPOINT)
    best_view = next((each for each in models if each.is_best), None)
    return EvidenceView(job, state, evidence, models, checkpoints, best_view, reward, alias)


def capitalized(name: str) -> str:
    """Return a name as it begins a sentence; the name of an alias keeps its letters."""
    return name if "@" in name else name[:1].upper() + name[1:]


def _by_platform(checkpoint: Checkpoint, job: Job) -> Candidate:
    figures = platform_figures(checkpoint, job.training_reward)
    return replace(checkpoint_candidate(checkpoint, job, {}), valid=figures)


def _less(least: float, most: float) -> str:
    if most < SMALLEST_LOSS:
        return "hardly less"
    low, high = number(least), number(most)
    return f"about {high} less" if low == high else f"{low} to {high} less"
