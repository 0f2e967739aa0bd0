"""From a platform's metrics event to one record per step, whatever it calls the figures.

Sources: OpenAI's guide on reinforcement fine-tuning (appendix, "metrics event"), whose figures stand under
`data.scores` with older duplicates at the top level in another word order; Microsoft Foundry (the same); Amazon
Bedrock (`critic_rewards_mean`, `response_length_mean`); TRL (`completions/clipped_ratio`, `frac_reward_zero_std`); verl
(`critic/rewards/mean`, `val-core/<data source>/reward/mean@1`). A name counts whatever joins its words:
`train/mean_reward` is `train_mean_reward`. Validation figures are there only on evaluated steps; a missing one stays
missing.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Final

from jobs.core.series import GraderFigures, JsonObject, Step, StepTiming

TRAIN_REWARD: Final = (
    "scores.train_reward_mean",
    "train_reward_mean",
    "train_mean_reward",
    "critic_rewards_mean",
    "critic_score_mean",
    "train_reward",
    "training_mean_reward",
    "training_reward_mean",
    "training_reward",
    "reward",
    "mean_reward",
    "reward_mean",
)
VALID_REWARD: Final = (
    "scores.valid_reward_mean",
    "full_valid_mean_reward",
    "full_valid_reward_mean",
    "valid_reward_mean",
    "valid_mean_reward",
    "eval_reward",
    "eval_mean_reward",
    "eval_reward_mean",
    "full_validation_mean_reward",
    "validation_mean_reward",
    "validation_reward_mean",
    "validation_reward",
    "valid_reward",
    "val_mean_reward",
    "val_reward_mean",
    "val_reward",
)
VALID_OF_A_SOURCE: Final = re.compile(r"val(?:-core/.+/(?:reward|acc|score)/mean@\d+|/test_score/.+)")
"""verl's, by data source; it counts where there is one alone, for nothing says how several weigh."""
TRAIN_REASONING: Final = (
    "usage.samples.train_reasoning_tokens_mean",
    "train_reasoning_tokens_mean",
    "reasoning_tokens_mean",
)
VALID_REASONING: Final = ("usage.samples.valid_reasoning_tokens_mean", "valid_reasoning_tokens_mean")
TRAIN_COMPLETION: Final = (
    "usage.samples.train_completion_tokens_mean",
    "train_completion_tokens_mean",
    "completion_tokens_mean",
    "response_length_mean",
    "completions/mean_length",
)
VALID_COMPLETION: Final = (
    "usage.samples.valid_completion_tokens_mean",
    "valid_completion_tokens_mean",
    "eval_completions/mean_length",
)
ZERO_STD: Final = ("frac_reward_zero_std", "scores.frac_reward_zero_std", "critic_frac_reward_zero_std")
CLIPPED: Final = ("completions/clipped_ratio", "clipped_ratio", "response_length_clip_ratio")
ENTROPY: Final = ("actor_entropy", "entropy", "policy_entropy")
LOSSES: Final = ("actor_pg_loss", "loss", "train_loss", "actor_grad_norm", "grad_norm")
EPOCH: Final = ("epoch", "training_epoch", "train_epoch")
STEP: Final = ("step", "global_step", "training_global_step", "train_global_step")
TOTAL_STEPS: Final = ("total_steps", "max_steps", "total_training_steps")
FULL_TIME: Final = ("timing.step.full_iteration", "step_time", "timing_s/step")
SAID_ELSEWHERE: Final = (*STEP, *TOTAL_STEPS, "full_valid_mean_parse_error")
"""Numbers that are no figure, or that come under `errors` too."""
MOST_UNREAD: Final = 6

_JOINT = re.compile(r"[^a-z0-9]+")
_IN_WORDS = re.compile(r"([A-Za-z][A-Za-z_/ ]*?)\s*[=:]\s*(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\d./%])")
_OF_A_REWARD = re.compile(r"(?P<eval>eval_)?rewards/(?P<name>.+)/mean")
_STEP = re.compile(r"\b[Ss]tep (\d+)(?:\s*/\s*(\d+))?")


class Figures:
    """The numbers of a platform's JSON by path (`scores.train_reward_mean`), and which of them nobody asked for.

    An entry of a list counts if it has a `name`, which is then part of the path.
    """

    def __init__(self, data: JsonObject) -> None:
        self._all = dict(_flattened(data, ""))
        self._unread = dict(self._all)
        self._alike: dict[str, str] = {}
        for path in self._all:
            self._alike.setdefault(_words(path), path)

    def take(self, *paths: str) -> float | None:
        """Return the first finite number under one of the spellings of a figure, or None."""
        found = [self._unread.pop(self._sent_as(path), None) for path in paths]
        return next((value for value in found if value is not None and math.isfinite(value)), None)

    def take_only(self, paths: re.Pattern[str]) -> float | None:
        """Return the figure whose path is one of `paths`, where there is one alone."""
        found = [path for path in self._unread if paths.fullmatch(path)]
        return self.take(*found) if len(found) == 1 else None

    def under(self, start: str) -> tuple[str, ...]:
        """Return what follows `start` in every path that begins with it."""
        return tuple(path.removeprefix(start) for path in self._all if path.startswith(start))

    def not_finite(self, *paths: str) -> tuple[str, ...]:
        """Return which of these are NaN or infinite."""
        sent = dict.fromkeys(map(self._sent_as, paths))
        return tuple(path for path in sent if not math.isfinite(self._all.get(path, 0.0)))

    def _sent_as(self, path: str) -> str:
        return path if path in self._all else self._alike.get(_words(path), path)

    def unread(self) -> Mapping[str, float]:
        """Return what was not taken, the outermost first, `MOST_UNREAD` at most; no count of what has a mean."""
        left = [path for path, value in self._unread.items() if math.isfinite(value) and not self._is_count(path)]
        return {path: self._unread[path] for path in sorted(left, key=lambda path: path.count("."))[:MOST_UNREAD]}

    def _is_count(self, path: str) -> bool:
        return path.endswith("_count") and f"{path.removesuffix('_count')}_mean" in self._all


def step_of(data: JsonObject, *, kind: str, message: str, at: float) -> Step | None:
    """Return the step that an event reports on, or None if it is no metrics event or names no step.

    Rewards are means over graded samples, tokens are means per sample, times are seconds, error figures are shares.

    Args:
        data: the event's figures, in the platform's spelling.
        kind: `metrics`, `message`, or whatever a platform adds.
        message: words for people; read only if `data` has no step.
        at: unix seconds.
    """
    number_of_step, total = _place(data, message)
    if number_of_step is None:
        return None
    figures = Figures(data)
    not_finite = figures.not_finite(*TRAIN_REWARD, *LOSSES)
    train, valid = _rewards(figures)
    if train is None and valid is None and not not_finite:
        train, valid = _rewards(Figures({name: float(value) for name, value in _IN_WORDS.findall(message)}))
    if kind != "metrics" and train is None and valid is None:
        return None
    figures.take(*SAID_ELSEWHERE)
    graders = [*(name for group in ("scores", "errors", "timing") for name in grader_names(figures, group))]
    return Step(
        step=number_of_step,
        total_steps=total,
        at=at,
        train_reward=train,
        valid_reward=valid,
        graders=(*(_grader(figures, name) for name in dict.fromkeys(graders)), *_reward_functions(figures)),
        train_reasoning_tokens=figures.take(*TRAIN_REASONING),
        valid_reasoning_tokens=figures.take(*VALID_REASONING),
        train_completion_tokens=figures.take(*TRAIN_COMPLETION),
        valid_completion_tokens=figures.take(*VALID_COMPLETION),
        timing=StepTiming(
            sampling=figures.take("timing.step.sampling"),
            training=figures.take("timing.step.training"),
            eval=figures.take("timing.step.eval"),
            full=figures.take(*FULL_TIME),
        ),
        entropy=figures.take(*ENTROPY),
        zero_std_share=figures.take(*ZERO_STD),
        clipped_share=figures.take(*CLIPPED),
        epoch=figures.take(*EPOCH),
        not_finite=not_finite,
        unread=figures.unread(),
    )


def _rewards(figures: Figures) -> tuple[float | None, float | None]:
    """Return the mean train and validation reward."""
    train, valid = figures.take(*TRAIN_REWARD), figures.take(*VALID_REWARD)
    return train, figures.take_only(VALID_OF_A_SOURCE) if valid is None else valid


def _reward_functions(figures: Figures) -> tuple[GraderFigures, ...]:
    """Return the figures of TRL's reward functions (`rewards/<name>/mean`, `eval_rewards/<name>/mean`)."""
    found = filter(None, map(_OF_A_REWARD.fullmatch, figures.under("")))
    return tuple(
        GraderFigures(name, figures.take(f"rewards/{name}/mean"), figures.take(f"eval_rewards/{name}/mean"))
        for name in dict.fromkeys(match["name"] for match in found)
    )


def number(value: object) -> float | None:
    """Return `value` if it is a finite number, else None. True and False are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def whole(value: object) -> int | None:
    """Return `value` if it is a whole number that is not negative, else None."""
    found = number(value)
    return int(found) if found is not None and found >= 0 and found.is_integer() else None


def child(data: JsonObject, *path: str) -> JsonObject:
    """Return the object at `path`, or an empty one."""
    for name in path:
        inner = data.get(name)
        if not isinstance(inner, Mapping):
            return {}
        data = inner
    return data


def _flattened(value: object, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, list):
        value = {entry["name"]: entry for entry in value if isinstance(entry, Mapping) and _is_named(entry)}
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flattened(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, float(value)


def _words(path: str) -> str:
    """Return the words of a figure's name, joined alike whatever joined them."""
    return _JOINT.sub("_", path.lower()).strip("_")


def _is_named(entry: JsonObject) -> bool:
    return isinstance(entry.get("name"), str)


def _place(data: JsonObject, message: str) -> tuple[int | None, int | None]:
    said = _STEP.search(message)
    named = {_words(name): value for name, value in reversed(tuple(data.items()))}
    step = next((whole(named[name]) for name in STEP if name in named), None)
    total = next((whole(named[name]) for name in TOTAL_STEPS if name in named), None)
    if step is None and said:
        step = int(said[1])
    if total is None and said and said[2]:
        total = int(said[2])
    return step, total or None


def grader_names(figures: Figures, group: str) -> tuple[str, ...]:
    """Return the graders that have figures under `<group>.graders`, in order."""
    names = (path.rpartition(".")[0] for path in figures.under(f"{group}.graders."))
    return tuple(dict.fromkeys(name for name in names if name))


def _grader(figures: Figures, name: str) -> GraderFigures:
    score, seconds = f"scores.graders.{name}", f"timing.graders.{name}"
    return GraderFigures(
        name=name,
        train_score=figures.take(f"{score}.train_reward_mean"),
        valid_score=figures.take(f"{score}.valid_reward_mean"),
        train_latency=figures.take(f"{seconds}.train_execution_latency_mean"),
        valid_latency=figures.take(f"{seconds}.valid_execution_latency_mean"),
        train_errors=_errors(figures, f"errors.graders.{name}.train_"),
        valid_errors=_errors(figures, f"errors.graders.{name}.valid_"),
    )


def _errors(figures: Figures, start: str) -> Mapping[str, float]:
    kinds = [name.removesuffix("_mean") for name in figures.under(start) if name.endswith("_error_mean")]
    shares = ((kind, figures.take(f"{start}{kind}_mean")) for kind in kinds)
    return {kind: share for kind, share in shares if share is not None}
