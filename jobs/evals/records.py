"""What an eval run is, what each of its answers is, and their summaries. Frozen values.

Times are unix seconds, latencies seconds, tokens counts, scores whatever the grader gives (0..1 for ours).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from charts.wording import changed, counted, plural
from jobs.core.records import Effort
from jobs.core.series import JsonObject
from jobs.evals.verdict import Conclusion
from jobs.graders import called, shown_calls
from jobs.tasks.records import headline_of

SCORING: Final = 2
"""Version of the rules by which answers are scored; scores of different versions are not compared. 1: an answer that
could not be graded had no score. 2: it scores what it would score in training."""


DEFAULT_MARGIN: Final = 0.02
"""The loss that counts as none where neither the person nor the task's guardrail on the reward names one."""
Format: TypeAlias = Literal["none"]
NO_FORMAT: Final[Format] = "none"
"""How an answer is asked for, where that is not the task's response format: without any, as free text."""


class EvalState(StrEnum):
    """What the bot does next with an eval.

    checking ─> running ─> finished
        │          ├─────> cancelled · failed   (the answers so far are kept)
        └─> refused
    """

    CHECKING = "checking"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"
    REFUSED = "refused"

    @property
    def is_final(self) -> bool:
        """True when the bot does nothing more with the eval."""
        return self not in {EvalState.CHECKING, EvalState.RUNNING}


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to ask: a model at an effort, with a prompt, in a format. Arms are what an eval compares."""

    model: str
    effort: Effort | None = None
    label: str | None = None
    """`step 60 of rft-zuwoq5`, if the model is a checkpoint of a job of ours."""
    prompt: str | None = None
    """Its prompt version, where the eval compares prompts; None is the eval's."""
    format: Format | None = None
    """`none` where it is asked without the task's response format; None is the task's."""
    prompt_hash: str | None = None
    """As `Eval.prompt_hash`, where its prompt or format is its own."""

    @property
    def name(self) -> str:
        """How it is called in answers, pictures and messages."""
        called = self.label or self.model
        own = [f"prompt {self.prompt}" if self.prompt else "", f"format {self.format}" if self.format else ""]
        said = ", ".join(filter(None, [self.effort, *own]))
        return f"{called} ({said})" if said else called


@dataclass(frozen=True, slots=True)
class EvalRequest:
    """What a person asked to evaluate, before anything was looked up."""

    task: str
    requested_by: str
    """Slack user id."""
    channel: str
    trigger: str
    """Unique per invocation: the same trigger starts one eval, however often it arrives."""
    purpose: Literal["run", "variance"] = "run"
    models: tuple[str, ...] = ()
    efforts: tuple[Effort, ...] = ()
    split: str | None = None
    runs: int | None = None
    prompt: str | None = None
    prompts: tuple[str, ...] = ()
    """Versions that are compared, an arm each, in place of the one `prompt`."""
    format: Format | None = None
    """`none` adds to each arm the same one asked without the task's response format."""
    margin: float | None = None
    """Largest loss of reward with which a cheaper arm still counts as good; None is the task's."""
    limit: int | None = None
    """Only the first so many items."""
    platform: str | None = None
    budget: int | None = None
    opens: bool = False
    """The person knows what opening the held-out split costs."""
    """Most tokens, input and output together; once spent, the eval stops and keeps what it has."""
    job: str | None = None
    """The job whose checkpoints it evaluates: its messages are the job's, it has no card or thread of its own."""
    schedule: str | None = None
    """The schedule that it is one measurement of: its messages are the schedule's."""

    @property
    def thread(self) -> str | None:
        """The job or schedule in whose thread its messages are; None if it has a card and thread of its own."""
        return self.job or self.schedule


@dataclass(frozen=True, slots=True)
class Answer:
    """One graded answer: an item, an arm, a run. A line of the eval's answer file."""

    item: str
    """The row's id."""
    arm: str
    run: int
    """1..K."""
    text: str | None = None
    """None where `failure` says why there is no answer."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """By grader; one that broke on this answer is absent, never 0."""
    grader_errors: Mapping[str, str] = field(default_factory=dict)
    """Error kind by grader that broke."""
    ungradable: Mapping[str, str] = field(default_factory=dict)
    """Error kind by grader that found nothing to grade in this answer; its score is the one of training."""
    closed: tuple[str, ...] = ()
    """Gates of the reward that closed on this answer; looked at in variance studies only."""
    failure: str | None = None
    """In a few words that group similar failures (`429 rate limited`, `time-out`)."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    judge_tokens: int = 0
    """Input and output of the judges that graded it."""
    latency: float | None = None
    finish_reason: str | None = None
    at: float = 0.0
    tool_calls: tuple[JsonObject, ...] = ()
    """The tools that it calls, in the nesting of chat completions."""

    @property
    def shown(self) -> str | None:
        """What it says for people, the tools that it calls included."""
        return None if self.text is None else "\n".join(filter(None, (self.text, shown_calls(self.tool_calls))))

    @property
    def names_labels(self) -> str | None:
        """The text in which its labels stand: its own or, where it only calls tools, their names."""
        names = () if self.text else called(self.tool_calls)
        return names[0] if len(names) == 1 else json.dumps(names) if names else self.text


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95% interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many answers a mean is over, and how many of them could not be graded."""

    asked: int
    """Answers there are or should be, those that failed included."""
    scored: int
    ungradable: int = 0
    """Of the scored: those that score what training gives an answer that cannot be graded."""

    @property
    def remark(self) -> str:
        """What is to be said next to the mean, to follow a comma or a bracket; "" where it is over everything."""
        said, missing = [], self.asked - self.scored
        if self.ungradable:
            said.append(f"on {self.ungradable:,} of {counted(self.scored, 'answer')} the grader found nothing to grade")
        if missing > 0:
            are = plural(missing, "is", "are")
            said.append(
                f"the mean is over {self.scored:,} of {counted(self.asked, 'answer')}: {missing:,} {are} missing"
            )
        return "; ".join(said)


@dataclass(frozen=True, slots=True)
class GraderSummary:
    """The scores that one grader gave one arm."""

    grader: str
    mean: float | None
    """Mean over items of the mean over runs; None where nothing was graded."""
    run_std: float | None
    """Standard deviation of the K run means; None below two runs."""
    interval: Interval | None
    """Of the mean, clustered by item; it stays within the grader's range where that is known."""
    graded: int
    """Answers with a score, those that could not be graded included."""
    ungradable: int = 0


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Precision, recall and F1 over labels, where the task's answers are sets of labels."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """Result of one arm."""

    arm: str
    answers: int
    failures: Mapping[str, int] = field(default_factory=dict)
    """Missing answers by reason."""
    grader_errors: Mapping[str, int] = field(default_factory=dict)
    """Gradings that broke, by error kind: the scores are missing."""
    graders: tuple[GraderSummary, ...] = ()
    micro: LabelScores | None = None
    macro: LabelScores | None = None
    pass_rate: float | None = None
    """Share of graded answers whose reward is at least the threshold; None without a threshold."""
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int | None = None
    """Of the output; None where no answer reported it."""
    judge_tokens: int = 0
    mean_latency: float | None = None

    def grader(self, name: str) -> GraderSummary | None:
        """Return the summary of the grader called `name`, or None."""
        return next((summary for summary in self.graders if summary.grader == name), None)

    def coverage(self, grader: str) -> Coverage:
        """Return how many answers the mean of a grader is over."""
        found, asked = self.grader(grader), self.answers + sum(self.failures.values())
        return Coverage(asked, found.graded, found.ungradable) if found else Coverage(asked, 0)


@dataclass(frozen=True, slots=True)
class Slice:
    """The items that have one value in a field, and what each arm scored on them."""

    key: str
    value: str
    items: int
    means: Mapping[str, float] = field(default_factory=dict)
    """Mean reward by arm."""

    @property
    def name(self) -> str:
        """`language=de`."""
        return f"{self.key}={self.value}"


@dataclass(frozen=True, slots=True)
class SliceFall:
    """A slice on which one model is worse than another."""

    before: str
    after: str
    key: str
    value: str
    items: int
    change: float
    low: float | None
    high: float | None
    """The ends of its 95% interval."""
    p: float
    """Of this slice alone; whether it counts was decided on p adjusted over all."""

    @property
    def words(self) -> str:
        """`language=de: -0.15 (-0.24 to -0.06), 14 items`."""
        change, bounds = changed(self.change, self.low, self.high)
        within = f" ({bounds})" if bounds else ""
        return f"{self.key}={self.value}: {change}{within}, {counted(self.items, 'item')}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an eval is."""

    answered: int = 0
    """Answers on file, failures included."""
    failures: Mapping[str, int] = field(default_factory=dict)
    tokens: int = 0
    """Of models and judges."""
    rewards: Mapping[str, float] = field(default_factory=dict)
    """Mean reward so far, by arm."""
    coverage: Mapping[str, Coverage] = field(default_factory=dict)
    """What those means are over, by arm."""


@dataclass(frozen=True, slots=True)
class Eval:
    """One eval run, from the request to its summaries."""

    id: str
    state: EvalState
    request: EvalRequest
    created_at: float
    task: str
    task_version: str
    platform: str
    arms: tuple[Arm, ...]
    split: str
    items: int
    runs: int
    prompt: str
    prompt_hash: str
    """Of the messages before the item's own and of the response format; equal hashes ask alike."""
    reward: str
    """Name of the reward grader."""
    graders: tuple[str, ...]
    headline: tuple[str, ...] = ()
    """The graders that pictures and tables show; evals that did not write it down have the usual ones."""
    threshold: float | None = None
    """`pass_threshold` of the reward grader."""
    scoring: int = 1
    """Version of the rules by which its answers are scored; see `SCORING`."""
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Lowest and highest score of each grader, where the grader says so."""
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """Of each grader's definition; {} for evals that did not write it down."""
    judges: tuple[str, ...] = ()
    """The graders that ask a model."""
    constrained: bool | None = None
    """Whether the platform was asked to keep answers to a schema; None for evals that did not write it down."""
    lenient_json: bool = False
    """Whether JSON in a block of code was read as JSON."""
    margin: float = DEFAULT_MARGIN
    """Largest loss of reward, on a scale of 0 to 1, with which a cheaper arm still counts as good."""
    gates: tuple[str, ...] = ()
    """Gates of the reward, in a variance study: conditions under which an answer scores nothing."""
    prompt_lengths: Mapping[str, int] = field(default_factory=dict)
    """Characters of each prompt version that is compared."""
    progress: Progress = Progress()
    summaries: tuple[ArmSummary, ...] = ()
    slice_fields: tuple[str, ...] = ()
    """Fields of the items by which scores are told as well; () takes those that divide the items into a few."""
    slices: tuple[Slice, ...] = ()
    """What each arm scored by slice; () until it has ended."""
    slice_falls: tuple[SliceFall, ...] = ()
    """Slices on which an arm is worse than the first."""
    conclusion: Conclusion | None = None
    """What its answers show; None until it has ended, and where a job's evidence draws the conclusion."""
    note: str | None = None
    """The reason of the present state, as a sentence."""
    failure: str = ""
    """Why it failed without one answer: the first reason, with which `note` begins; "" where any came."""
    cancelled_by: str | None = None
    waiting_since: float | None = None
    """Since when it waits, before its first question, for the platform; see `jobs.platforms.patience`."""
    started_at: float | None = None
    finished_at: float | None = None
    opens: str = ""
    """Digest of the held-out items that it opens outside evidence; see `jobs.evals.held_out`."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Grader to the sentence that says why it grades nothing here; the reward is never among them."""

    @property
    def prompt_hashes(self) -> frozenset[str]:
        """How it asked: its own hash, or those of its arms where they have their own."""
        return frozenset(arm.prompt_hash or self.prompt_hash for arm in self.arms)

    @property
    def left_out_note(self) -> str | None:
        """Which graders are left out and why, as sentences; None if all grade."""
        if not self.left_out:
            return None
        names = ", ".join(self.left_out)
        return f"{' '.join(self.left_out.values())} Left out for that: {names}; the rest is measured."

    @property
    def caveats(self) -> tuple[str, ...]:
        """What stands next to the verdict: the slices that got worse, as sentences."""
        falls = self.slice_falls
        several = len(self.arms) > 2
        return tuple(
            f"Worse on {each.words}{f' ({each.after} against {each.before})' if several else ''}." for each in falls
        )

    @property
    def headline_graders(self) -> tuple[str, ...]:
        """The graders that pictures and tables show, as far as they grade here; the reward is the first."""
        return headline_of(self.reward, self.graders, self.headline)

    @property
    def shown_graders(self) -> tuple[str, ...]:
        """Every grader: those of the headline, then the others."""
        return tuple(dict.fromkeys((*self.headline_graders, *self.graders)))

    @property
    def total(self) -> int:
        """Answers the eval asks for."""
        return self.items * self.runs * len(self.arms)

    def summary(self, arm: str) -> ArmSummary | None:
        """Return the result of the arm called `arm`, or None."""
        return next((summary for summary in self.summaries if summary.arm == arm), None)
