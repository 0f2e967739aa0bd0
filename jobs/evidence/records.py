"""The evaluation of a job's checkpoints. Frozen values; times are unix seconds, scores 0..1."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from jobs.evals.records import Coverage, Slice, SliceFall
from jobs.evals.verdict import Verdict
from jobs.tasks.records import NATURAL


class EvidenceState(StrEnum):
    """How far the evidence for a job's checkpoints is."""

    GATHERING = "gathering"
    READY = "ready"
    FAILED = "failed"
    """Nothing could be measured; `Evidence.note` says why and what to do."""
    WITHDRAWN = "withdrawn"
    """The job went on in the meantime; a new round begins when it stands still again."""


class Role(StrEnum):
    """Why a model is evaluated."""

    BASE = "base"
    CHECKPOINT = "checkpoint"
    ALIAS = "alias"
    """The model that the task's alias points at now."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over items with its 95% interval; the interval is None below two items."""

    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Versus:
    """The change of the reward from another model, item by item: mean, 95% interval, verdict."""

    mean: float
    low: float | None
    high: float | None
    p: float
    """Adjusted over the checkpoints (Holm)."""
    verdict: Verdict
    items: int
    items_needed: int | None = None
    """If it can't be told: about how many items would show the change seen, 4 times in 5."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One guardrail on one checkpoint: a grader's score must not fall against the reference."""

    grader: str
    allowed: float
    """The lower 95% bound of the change must lie above this (-.02)."""
    change: float
    low: float
    against: Role
    is_broken: bool


@dataclass(frozen=True, slots=True)
class AgainstBest:
    """How a checkpoint stands against the one with the highest reward: is it as good, but for a margin?"""

    best: str
    """The name of that one."""
    mean: float
    low: float
    """What the change is above with 97.5% confidence over all checkpoints; see `jobs.evals.stats.advice`."""
    margin: float

    @property
    def is_as_good(self) -> bool:
        """Whether the loss is shown to be below the margin."""
        return self.low > -self.margin


@dataclass(frozen=True, slots=True)
class ChangedItem:
    """An item whose reward tuning changed a lot; `text` is its input, cut short."""

    item: str
    before: float
    after: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model as it was evaluated."""

    role: Role
    model: str
    name: str
    """What people call it: "base", "step 45", "eurovoc@production"."""
    checkpoint: str | None = None
    step: int | None = None
    valid: Mapping[str, Figure] = field(default_factory=dict)
    """Grader to its score on the validation split, the reward included."""
    test: Mapping[str, Figure] = field(default_factory=dict)
    """The same on the held-out test split; {} if the task has none or it was not opened."""
    natural: Mapping[str, Figure] = field(default_factory=dict)
    """The same on the natural validation split; {} if the task has none."""
    over_labels: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Validation split to micro and macro F1 over labels, where there are labels."""
    versus_base: Versus | None = None
    versus_alias: Versus | None = None
    test_versus_base: Versus | None = None
    test_versus_alias: Versus | None = None
    against_best: AgainstBest | None = None
    """None for the checkpoint with the highest reward itself, and where nothing could be compared."""
    natural_versus_base: Versus | None = None
    natural_versus_alias: Versus | None = None
    splits_disagree: str = ""
    """Where the two validation splits say otherwise by more than chance, as a sentence; "" where they do not."""
    slice_falls: tuple[SliceFall, ...] = ()
    """Slices on which it is worse than what the alias points at, else than the base."""
    before_after: str = ""
    """How its answers to the validation items differ from the base's, as a sentence; "" for the base."""
    guards: tuple[Guard, ...] = ()
    reasoning_tokens: float | None = None
    """Mean of an answer; None if the platform does not report them."""
    output_tokens: float | None = None
    cost: float | None = None
    """US dollars for 1,000 calls; None if a price is not known."""
    fixed: tuple[ChangedItem, ...] = ()
    """Items that improved most against the base."""
    broken: tuple[ChangedItem, ...] = ()
    """Items that fell most against the base."""
    answers: int = 0
    failures: int = 0
    coverage: Coverage | None = None
    """What its mean reward on the validation split is over."""
    shutdown: str | None = None
    """The day (ISO) on which the platform switches the model off."""
    digest: str = ""
    """Over everything that an approval of this checkpoint rests on; see `jobs.evidence.plan.digest_of`."""

    @property
    def broken_guards(self) -> tuple[str, ...]:
        """Graders whose guardrail it breaks."""
        return tuple(guard.grader for guard in self.guards if guard.is_broken)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evaluation of all of a job's checkpoints, of its base model and of what its alias points at."""

    job: str
    state: EvidenceState
    checkpoints: tuple[str, ...]
    """Ids of the checkpoints it is about; a different set needs a new round."""
    started_at: float
    runs: int
    valid_eval: str | None = None
    """Id of the eval on the validation split."""
    test_eval: str | None = None
    natural_eval: str | None = None
    """Of the eval on a second validation split that is distributed as production is, if the task has one."""
    answered: int = 0
    """Answers so far, over both evals."""
    total: int = 0
    candidates: tuple[Candidate, ...] = ()
    """Base first, then the checkpoints by step, then what the alias points at (unless it is one of them)."""
    alias: str | None = None
    """The alias compared with (`eurovoc@production`); None if it points at nothing yet."""
    alias_model: str | None = None
    """The model it points at: the model of one of the candidates, perhaps the base or a checkpoint."""
    bias: tuple[float, float] | None = None
    """How much less to expect of the best on new items, because the validation split chose it: (least, most)."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """What the digests cover as well: dataset, test, graders, prompt, schema, valid_eval, test_eval."""
    finished_at: float | None = None
    note: str | None = None
    """Why it failed, or what is missing in it, as a sentence."""
    waits: str | None = None
    """What one of its evals waits for before its first question, and until when, as sentences."""
    constrained: bool | None = None
    """Whether the platform was asked to keep these answers to a schema; None where that was not written down."""
    constrained_in_training: bool | None = None
    """The same of the answers that the job trained on."""
    scale: tuple[float, float] | None = None
    """The lowest and the highest reward there can be; None where the grader does not say."""
    judges: Mapping[str, str] = field(default_factory=dict)
    """The graders that ask a model, each with the fingerprint of its definition."""
    headline: tuple[str, ...] = ()
    """The graders that the table shows, the reward first; () in evidence that did not write it down."""
    slices: tuple[Slice, ...] = ()
    """What each model scored on the slices of the validation split, by model id."""
    scoring: int = 1
    """Version of the rules by which answers are scored; see `jobs.evals.records.SCORING`."""
    cause: str = ""
    """Why this round began, as a sentence; "" for the first."""
    round: int = 1
    """Grows each time that the checkpoints are evaluated again."""

    @property
    def evals(self) -> Mapping[str, str]:
        """Split to the id of the eval on it, the validation split first."""
        found = {"valid": self.valid_eval, "test": self.test_eval, NATURAL: self.natural_eval}
        return {split: eval_id for split, eval_id in found.items() if eval_id}

    @property
    def is_done(self) -> bool:
        """Whether its round has ended, with figures of ours or without."""
        return self.state in {EvidenceState.READY, EvidenceState.FAILED}

    @property
    def base(self) -> Candidate | None:
        """The base model's row."""
        return next((each for each in self.candidates if each.role is Role.BASE), None)

    def of(self, checkpoint: str) -> Candidate | None:
        """Return the row of one checkpoint, or None."""
        return next((each for each in self.candidates if each.checkpoint == checkpoint), None)
