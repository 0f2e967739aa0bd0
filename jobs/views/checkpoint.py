"""A job's evaluated checkpoints as messages, forms and pictures show them: named, compared and judged once.

Words in here are plain text; callers that put them into markup escape them.
"""

from dataclasses import dataclass, replace
from typing import Final

from charts.wording import changed, counted, decimals_apart, estimate, number, score, signed
from jobs.core.records import Checkpoint, Job
from jobs.evals.stats.power import about
from jobs.evals.stats.verdict import Verdict
from jobs.evidence.measure import platform_figures
from jobs.evidence.plan import by_step, checkpoint_candidate
from jobs.evidence.records import Candidate, Evidence, EvidenceState, Guard, Role, Versus
from jobs.views.wording import grader_name

SMALLEST_LOSS: Final = 0.005
"""A smaller loss is not worth a number."""
LOPSIDED: Final = 0.20
"""Difference of precision and recall from which a checkpoint is called lopsided (rule B of the monitoring notes)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model compared with another on the reward, item by item, on one split."""

    model: str
    other: str
    """How the other is called: "the base model", "acts@production"."""
    reward: str
    versus: Versus

    @property
    def title(self) -> str:
        """The verdict with its numbers, short enough for the title of a picture; no full stop."""
        change, bounds = self._changed
        within = f" (95% interval {bounds})" if bounds else ""
        if self.versus.verdict is Verdict.CANT_TELL:
            return f"Can't tell {self.model} from {self.other}: {self.reward} {change}{within}"
        moved = f"{'up' if self.versus.mean > 0 else 'down'} {change.lstrip('+-')}"
        return f"{capitalized(self.model)} is {self.versus.verdict} than {self.other}: {self.reward} {moved}{within}"

    @property
    def sentence(self) -> str:
        """The verdict with its numbers and, if it can't be told, how many items it would take; no full stop."""
        return self.title + self._takes

    @property
    def numbers(self) -> str:
        """The change with its interval and, if it can't be told, how many items it would take."""
        change, bounds = self._changed
        return f"{change}{f' ({bounds})' if bounds else ''}{self._takes}"

    @property
    def brief(self) -> str:
        """The change and the verdict: `+0.12 better`."""
        return f"{self._changed[0]} {self.versus.verdict.words}"

    @property
    def _changed(self) -> tuple[str, str]:
        return changed(self.versus.mean, self.versus.low, self.versus.high)

    @property
    def _takes(self) -> str:
        versus = self.versus
        if versus.verdict is not Verdict.CANT_TELL:
            return ""
        if versus.items_needed is None:
            return f" on {counted(versus.items, 'item')}"
        return f"; {about(versus.items_needed)} items would be enough, this split has {versus.items:,}"


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
    on_test: Comparison | None
    """With the base model on the held-out test split."""

    @property
    def title(self) -> str:
        """Its name as it begins a sentence: "Step 60"."""
        return capitalized(self.measured.name)

    def score(self, grader: str, split: str = "valid") -> str:
        """Return a mean with its interval on the valid or the test split, or `not measured`."""
        found = (self.measured.test if split == "test" else self.measured.valid).get(grader)
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
    def headline(self) -> str:
        """The best checkpoint against the base model, in one sentence without a full stop."""
        compared = self.best.against_base if self.best else None
        return compared.sentence if compared else self._without_base()

    @property
    def title(self) -> str:
        """The same for the title of a picture: without how many items it would take."""
        compared = self.best.against_base if self.best else None
        return compared.title if compared else self._without_base()

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
            chosen = f"{best.title} is the best of {count} on the split that chose them"
            lines.append(f"{chosen}: expect {_less(*bias)} on new items.")
        if self.job.reward in best.measured.test:
            scored = f"{self.reward} {best.score(self.job.reward, 'test')}"
            lines.append(f"On the test split, which chose nothing, it scored {scored}.")
        elif self.evidence.test_eval is None:
            lines.append(f"{best.title} was not evaluated on a held-out test split.")
        return " ".join(lines)

    def scores_of(self, checkpoint: CheckpointView) -> dict[str, str]:
        """Return the figures that a checkpoint is introduced with: the reward, or whatever the platform reports.

        That is precision, recall and F1 where there are labels, and else the reward and the task's other graders.
        """
        valid, scored = checkpoint.measured.valid, ("precision", "recall", "f1")
        if self.is_ready:
            return {self.reward: checkpoint.score(self.job.reward)}
        if "precision" in valid or "recall" in valid:
            return {grader_name(name): score(found.mean) for name in scored if (found := valid.get(name))}
        training_reward = self.job.training_reward
        reward = valid.get(training_reward)
        others = {grader_name(name): score(found.mean) for name, found in valid.items() if name != training_reward}
        return {"validation reward": score(reward.mean if reward else None), **others}

    def leaders(self, grader: str) -> tuple[tuple[CheckpointView, ...], float]:
        """Return the checkpoints that nobody beats in a score, at the two digits that are shown, and that score."""
        scored = [
            (each, round(found.mean, 2)) for each in self.checkpoints if (found := each.measured.valid.get(grader))
        ]
        top = max((mean for _, mean in scored), default=0.0)
        return tuple(each for each, mean in scored if mean == top), top

    def of(self, checkpoint: str) -> CheckpointView | None:
        """Return one checkpoint by its id, or None if it was not evaluated."""
        return next((each for each in self.models if each.measured.checkpoint == checkpoint), None)

    def guard_words(self, guard: Guard) -> str:
        """Return what a guardrail allows and what was measured, as a sentence."""
        other = self.alias if guard.against is Role.ALIAS else "the base model"
        decimals = decimals_apart(guard.change, guard.low, guard.allowed)
        change, low, allowed = (signed(value, decimals) for value in (guard.change, guard.low, guard.allowed))
        return (
            f"{grader_name(guard.grader)} {change} against {other}, with 95% confidence no worse than {low}; "
            f"the task allows {allowed}."
        )

    def _without_base(self) -> str:
        if self.best is None:
            return f"No checkpoint was measured for {self.reward} on the validation split"
        return f"{self.best.title} has the highest {self.reward}, {self.best.score(self.job.reward)}"


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

    def compared(candidate: Candidate, versus: Versus | None, other: str) -> Comparison | None:
        return Comparison(candidate.name, other, reward, versus) if versus else None

    models = tuple(
        CheckpointView(
            each,
            each is best,
            each.role is Role.ALIAS or (evidence.alias is not None and each.model == evidence.alias_model),
            compared(each, each.versus_base, "the base model"),
            compared(each, each.versus_alias, alias),
            compared(each, each.test_versus_base, "the base model"),
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
