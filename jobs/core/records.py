"""What the bot remembers of jobs, and what it posts. Frozen values; a change is a new value.

Times are unix seconds, ids are strings, rewards and scores are means over graded samples.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal


class JobState(StrEnum):
    """What the bot does next with a job. Few members decide; `Job.platform_status` and `Job.note` explain.

    checking ─> launching <─> creating ─> watching <─> paused
        │           │            │          │           │
        └───────────┴────────────┤          └─────┬─────┘
                          not_launched     succeeded · failed · cancelled

    The first three wait for a platform that cannot be used now (`Job.waiting_since`); one that certainly did not take
    the job takes it from creating back to launching, with the files that are uploaded.
    """

    CHECKING = "checking"
    """Graders and rows are tried before anything is sent."""
    LAUNCHING = "launching"
    """Files go to the platform."""
    CREATING = "creating"
    """The pending action is written; the platform may or may not have the job yet."""
    WATCHING = "watching"
    """The platform has the job; it is polled."""
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NOT_LAUNCHED = "not_launched"
    """Nothing runs and nothing is left on the platform."""

    @property
    def is_final(self) -> bool:
        """True when nothing more will happen to the job."""
        return self in FINAL_STATES

    @property
    def is_on_platform(self) -> bool:
        """True when the platform is known to have the job."""
        return self in {JobState.WATCHING, JobState.PAUSED, JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


FINAL_STATES = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.NOT_LAUNCHED})

Effort = Literal["default", "low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The training settings of the fine-tuning API; None leaves the choice to the platform."""

    n_epochs: int | None = None
    batch_size: int | None = None
    eval_interval: int | None = None
    eval_samples: int | None = None
    compute_multiplier: float | None = None
    learning_rate_multiplier: float | None = None
    reasoning_effort: Effort | None = None


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """What a person asked to launch, before anything was looked up."""

    task: str
    requested_by: str
    """Slack user id."""
    channel: str
    trigger: str
    """Unique per invocation: the same trigger launches once, however often it arrives."""
    platform: str | None = None
    model: str | None = None
    prompt: str | None = None
    seed: int | None = None
    suffix: str | None = None
    hyperparameters: Hyperparameters = Hyperparameters()
    reward: str | None = None
    """The grader that training climbs, where that is not to be the task's."""
    auto: tuple[str, ...] = ()
    """Hyperparameters left to the platform by name, whatever the task's defaults say."""
    items: int | None = None
    """Train on so many items only, drawn by lot; more of them include those of fewer."""
    is_swept: bool = False
    """It is one job of a sweep: the channel hears of the sweep, and of the job its thread only."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights kept at a step, with a model id that can be called."""

    id: str
    model_id: str
    step: int
    created_at: float | None = None
    train_reward: float | None = None
    valid_reward: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    """Grader name to mean validation score at this step, where the platform reported it."""


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """How a task's checkpoints are approved, apart from who may and how many it takes."""

    expires_days: float = 7.0
    """Days after which an open approval lapses."""
    remind_days: float = 2.0
    """Days before it lapses on which the approvers are reminded."""
    self_approval: bool = False
    """Whether who launched or requested it may decide as well; it is said wherever the approval is shown."""
    one_rejection_settles: bool = True


DEFAULT_POLICY: Final = ApprovalPolicy()


@dataclass(frozen=True, slots=True)
class RaisedAlert:
    """One alert as it was raised on a job."""

    rule: str
    level: Literal["info", "warn", "critical"]
    step: int
    """The step at which it first held; with `rule` its identity."""
    text: str
    values: Mapping[str, float] = field(default_factory=dict)
    cleared: int | None = None
    """The step at which it was over, None while it is open."""
    notified: bool = True
    """Whether the thread has a message of its own about it; not where it came with the past of a job, or with a worse
    form of itself."""


class Action(StrEnum):
    """What a person can ask of a running job."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class PendingAction:
    """A person's wish, written down before the platform is asked."""

    action: Action
    by: str
    """Slack user id."""
    channel: str
    trigger: str


@dataclass(frozen=True, slots=True)
class Job:
    """One RFT job, from the request to its last checkpoint."""

    id: str
    state: JobState
    request: LaunchRequest
    created_at: float
    task: str
    task_version: str
    platform: str
    model: str
    prompt: str
    reward: str
    """Name of the grader whose score counts; training climbs it, see `training_reward`."""
    quorum: int
    approvers: tuple[str, ...]
    train_items: int | None
    valid_items: int | None
    remote_id: str | None = None
    files: tuple[str, ...] = ()
    """Ids of the files uploaded for it."""
    platform_status: str | None = None
    note: str | None = None
    """The reason of the present state, as a sentence."""
    started_at: float | None = None
    finished_at: float | None = None
    batch_size: int | None = None
    n_epochs: int | None = None
    last_event: str | None = None
    """Newest event id that has been read."""
    last_step: int = 0
    step_seconds: float | None = None
    """Usual time between two steps, in seconds."""
    total_steps: int | None = None
    train_reward: float | None = None
    valid_reward: float | None = None
    first_valid_reward: float | None = None
    fine_tuned_model: str | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    alerts: tuple[RaisedAlert, ...] = ()
    status_notes: int = 0
    """How many status changes were announced; numbers the next one."""
    pending: PendingAction | None = None
    """What a person asked for and was not done yet."""
    troubles: int = 0
    """Consecutive polls the platform did not answer."""
    waiting_since: float | None = None
    """Since when a launch, the cleaning up after one, or what a person asked for waits for the platform; see
    `jobs.platforms.patience`."""
    imported: bool = False
    """Launched elsewhere: `request` says who asked to watch it and where, `created_at` when."""
    create_asked_at: float | None = None
    """When the platform was last asked to create it."""
    heard_at: float | None = None
    """Time of the newest event of any kind, or of training's first sign of life."""
    pictured_step: int = 0
    """The step up to which the curve was last drawn for the card and the thread."""
    watchers: tuple[str, ...] = ()
    """Slack user ids of who asked to be notified, as well as the launcher."""
    alert_settings: Mapping[str, object] = field(default_factory=dict)
    """The task's changes to the rules' thresholds, as `jobs.rules.changed_rules` takes them."""
    held_out_graders: tuple[str, ...] = ()
    """Graders held out: reported, and not part of the reward."""
    policy: ApprovalPolicy = DEFAULT_POLICY
    guardrails: Mapping[str, float] = field(default_factory=dict)
    """Grader to the fall that is allowed (-.02): the lower 95% bound of its paired change must lie above."""
    alias: str = "production"
    """Where an approved checkpoint goes: `<task>@<alias>`."""
    evidence_runs: int = 3
    """Answers for each item when checkpoints are evaluated."""
    prompt_hash: str = ""
    """Of the prompt and the response format that it is trained with; empty where they are not known."""
    remarks: tuple[str, ...] = ()
    """What whoever approves should know, as sentences: in what a job launched elsewhere differs from its task, or may;
    and what the platform makes nothing of in the rows of one launched here."""

    calls_a_day: float | None = None
    """To its task's model in production, as task.yaml says."""
    instead_of: str = ""
    """The model that those calls go to otherwise; "" for what is in production, or the base."""
    like: str = ""
    """The earlier job that it repeats, and with which changes; see `jobs.training.alike`."""
    trained_on: str = ""
    """Name of the grader that training climbs, where that is not the reward of its task."""
    reward_range: tuple[float, float] | None = None
    """The lowest and the highest reward of training; None where the task does not say."""

    @property
    def training_reward(self) -> str:
        """Name of the grader whose score training climbs, which the platform reports as the reward."""
        return self.trained_on or self.reward

    @property
    def has_task(self) -> bool:
        """Whether its task is known; of a job launched elsewhere it is only once somebody says so."""
        return not self.imported or bool(self.task_version)

    @property
    def has_final_checkpoints(self) -> bool:
        """Whether it has checkpoints, and none of them can be displaced any more."""
        stands_still = self.state is JobState.PAUSED or (self.state.is_final and self.state.is_on_platform)
        return stands_still and bool(self.checkpoints)

    @property
    def suffix(self) -> str:
        """The name given to the tuned model on the platform."""
        return self.request.suffix or self.task


class PostingKind(StrEnum):
    """What a message is; the Slack floor knows how each looks."""

    CARD = "card"
    CURVE = "curve"
    ALERT = "alert"
    STATUS = "status"
    SUMMARY = "summary"
    APPROVAL = "approval"
    """A request to approve the move of an alias."""
    APPROVAL_NOTICE = "approval_notice"
    """What becomes of an approval, in the thread: a reminder, how it ended, that votes have to be given again."""
    DIGEST = "digest"
    EVAL_CARD = "eval_card"
    EVAL_RESULT = "eval_result"
    EVAL_REPORT = "eval_report"
    EVAL_SUSPECTS = "eval_suspects"
    """The items of a variance study whose labels may be wrong."""
    EVAL_EXPORT = "eval_export"
    """An eval's answers as a log for another program."""
    SWEEP = "sweep"
    """A sweep over the number of training items: how far its jobs are, or its result."""
    SCHEDULE = "schedule"
    """The card of a schedule of evals."""
    MEASUREMENT = "measurement"
    """What one of its measurements showed, in its thread."""
    ANSWER = "answer"
    """A sentence that only the person who asked sees."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One message that has been, or is about to be, posted: a line of the ledger."""

    id: str
    """Deterministic, so that the same cause never posts twice."""
    kind: PostingKind
    lane: str
    """Postings of one lane go out one after the other, in order."""
    subject: str
    """The job or eval it is about, or the trigger it answers."""
    channel: str
    refreshed: bool = False
    """True for the messages that are edited as the job moves: the newest state wins."""
    urgent: bool = False
    """A person waits for it: skip the pause between edits."""
    user: str | None = None
    """Who alone sees it (answers), or who caused it (status changes)."""
    text: str | None = None
    alert: int | None = None
    """Index into the job's alerts."""
    broadcast: bool = False
    """In the thread, and seen in the channel too."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation that a model answers.

    `content` is text, or the content parts (text and images) as the row gave them; "" where a turn only calls tools.
    """

    role: str
    content: str | tuple[Mapping[str, object], ...]
    more: Mapping[str, object] = field(default_factory=dict)
    """The turn's other fields as the row gave them: `tool_calls`, `tool_call_id`, `name`."""
