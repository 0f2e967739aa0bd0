"""What a task is once its folder has been read."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from jobs.core.errors import NotFound
from jobs.core.nearest import nearest
from jobs.core.records import ApprovalPolicy, Hyperparameters, Message
from jobs.graders import parse_grader, score_range

F_BETA: Final = re.compile(r"f(\d+(?:\.\d+)?)")
"""A reward that counts recall beta times as much as precision."""

TRAINING_SPLITS: Final = ("train", "valid")
"""What a job is launched with, in the order in which it is uploaded."""


NATURAL: Final = "valid_natural"
"""A second validation split, distributed as production is, next to a balanced one."""
EVIDENCE_SPLITS: Final = ("valid", "test", NATURAL)
"""What a job's checkpoints are evaluated on, as far as the task has them."""


USUAL_GRADERS: Final = ("precision", "recall", "f1")
"""What a task of labels is graded by besides its reward, and shown with unless it chooses."""
MOST_HEADLINE: Final = 4


def headline_of(reward: str, graders: Iterable[str], chosen: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the graders that pictures and tables show: the reward, then those chosen or the usual ones, then others.

    Without a choice they are `MOST_HEADLINE` at most.
    """
    known = tuple(graders)
    first = dict.fromkeys((reward, *(name for name in chosen or USUAL_GRADERS if name in known)))
    return tuple(first) if chosen else tuple(dict.fromkeys((*first, *known)))[:MOST_HEADLINE]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a split: `item` is what graders see; `messages` is set where the row brings its own conversation."""

    id: str
    item: Mapping[str, object]
    messages: tuple[Message, ...] | None = None
    where: str = field(default="", compare=False)
    """File and line, for sentences."""


@dataclass(frozen=True, slots=True)
class LaunchDefaults:
    """What a launch uses where the person said nothing; whatever is absent here is the platform's choice."""

    model: str | None = None
    platform: str | None = None
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)


@dataclass(frozen=True, slots=True)
class Task:
    """A task folder, read and checked.

    Attributes:
        splits: split name to its JSONL file; their rows are read by `TaskCatalogue.rows`.
        prompts: prompt version to its text, in natural order (v2 before v10).
        default_prompt: the version used unless another is named; empty where the folder has no prompts at all, and
            every row must bring its own messages.
        response_format: Chat Completions nesting, `{"type": "json_schema", "json_schema": {name, strict, schema}}`;
            None for free text.
        graders: grader name to its definition, as written in its file.
        reward: the name of the grader that training climbs; where only its platform can run that, of the one by which
            answers are measured here.
        headline: the graders that pictures and tables show, the reward first; the others follow in words.
        trained_by: the name of the grader that training climbs.
        ranges: grader to its lowest and highest score, for those whose definition does not say.
        slice_fields: fields of items by which scores are told as well; () takes those that divide items into a few.
        approvers: Slack user-group handles or user ids; empty means that the bot's own setting decides.
        digests: file (relative to the folder) to the SHA-256 of its bytes, for each file that can change a score.
        version: 12 hex digits over `digests` and `reward`; equal versions score alike.
        alerts: changes to the rules that look at its jobs, as `jobs.rules.changed_rules` takes them.
        held_out_graders: graders that are reported, and are neither the reward nor a part of it.
        guardrails: grader to the fall that is allowed, as a share of its range (-.02): the lower 95% bound of its
            paired change must lie above.
        alias: where an approved checkpoint goes: `<task>@<alias>`.
        approval: how its checkpoints are approved, apart from who may and how many it takes.
        evidence_runs: answers for each item when checkpoints are evaluated, 1 to 20.
        calls_a_day: calls to its model in production; None where task.yaml does not say.
        instead_of: the model that they go to otherwise; "" for what is in production, or the base.
        stronger_model: one to measure before anything is trained, on the same platform.
        plain_model: one that does not reason, to measure before anything is trained.
        lenient_json: whether evals read a JSON answer out of a block of code (```json); training never does.
    """

    name: str
    title: str
    description: str
    folder: Path
    splits: Mapping[str, Path]
    prompts: Mapping[str, str]
    default_prompt: str
    response_format: Mapping[str, object] | None
    graders: Mapping[str, Mapping[str, object]]
    reward: str
    trained_by: str
    ranges: Mapping[str, tuple[float, float]]
    defaults: LaunchDefaults
    approvers: tuple[str, ...]
    quorum: int
    digests: Mapping[str, str]
    version: str
    alerts: Mapping[str, object]
    held_out_graders: tuple[str, ...]
    guardrails: Mapping[str, float]
    alias: str
    approval: ApprovalPolicy
    evidence_runs: int
    lenient_json: bool = False
    headline: tuple[str, ...] = ()
    slice_fields: tuple[str, ...] = ()
    calls_a_day: float | None = None
    instead_of: str = ""
    stronger_model: str | None = None
    plain_model: str | None = None

    @property
    def prompt_versions(self) -> tuple[str, ...]:
        """Every prompt version, in natural order."""
        return tuple(self.prompts)

    @property
    def reward_grader(self) -> Mapping[str, object]:
        """The definition of the grader by which answers are measured; training climbs it, see `trained_by`."""
        return self.graders[self.reward]

    @property
    def training_grader(self) -> Mapping[str, object]:
        """The definition of the grader that training climbs."""
        return self.graders[self.trained_by]

    def training_on(self, reward: str | None) -> "Task":
        """Return the task with another grader for training to climb; answers are measured as before.

        `reward` is one of its graders, or F-beta ("f2", "f0.5"), which is made from its precision and recall.

        Raises:
            NotFound: it has no such grader.
        """
        if reward is None or reward in self.graders:
            return replace(self, trained_by=reward or self.trained_by)
        beta = F_BETA.fullmatch(reward)
        if beta is None or not {"precision", "recall"} <= self.graders.keys():
            raise NotFound(f"{self.name} has no grader '{reward}' to train on; {nearest(reward, self.graders)}")
        weight = float(beta[1]) ** 2
        parts = {name: {**self.graders[name], "name": name} for name in ("precision", "recall")}
        formula = f"{1 + weight:g} * precision * recall / max({weight:g} * precision + recall, 1e-9)"
        made = {"type": "multi", "name": reward, "graders": parts, "calculate_output": formula}
        return replace(self, graders={**self.graders, reward: made}, trained_by=reward)

    def range_of(self, grader: str) -> tuple[float, float] | None:
        """Return the lowest and highest score of a grader; None where neither definition nor task.yaml says."""
        return score_range(parse_grader(self.graders[grader], grader)) or self.ranges.get(grader)
