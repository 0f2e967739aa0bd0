"""A step's figures in the shape of the API's metrics event, and the result table made of them.

Everything here is measured. What this platform has none of (reasoning, model graders, unanswered prompts) is left out.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from jobs.graders import Grade, Grader, GraderErrorKind
from local.platform.lesson import Graded

PART_ERRORS = (
    GraderErrorKind.SAMPLE_PARSE_ERROR,
    GraderErrorKind.INVALID_VARIABLE_ERROR,
    GraderErrorKind.OTHER_ERROR,
    GraderErrorKind.PYTHON_GRADER_SERVER_ERROR,
    GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR,
)
FORMULA_ERRORS = (GraderErrorKind.FORMULA_PARSE_ERROR, GraderErrorKind.OTHER_ERROR)

Figures = dict[str, object]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of a step: drawing and grading rollouts, the update, the validation; `full` has the pacing wait in it."""

    sampling: float
    training: float
    eval: float | None
    full: float


@dataclass(frozen=True, slots=True)
class StepReport:
    """What was measured in one step; `valid` is None in a step without validation."""

    step: int
    total_steps: int
    grader: Grader
    train: Graded
    valid: Graded | None
    timing: Timing

    @property
    def train_reward(self) -> float:
        """Mean reward of the batch's rollouts."""
        return float(self.train.rewards.mean())

    @property
    def valid_reward(self) -> float | None:
        """Mean reward of the validation answers."""
        return None if self.valid is None else float(self.valid.rewards.mean())

    def message(self) -> str:
        """Return the event's sentence."""
        said = f"Step {self.step}/{self.total_steps} , train mean reward={self.train_reward:.2f}"
        if self.valid is None:
            return said
        said += f", full validation mean reward={self.valid_reward:.2f}"
        return f"{said}, full validation mean parse error={_parse_error_share(self.valid.grades):.2f}"

    def data(self) -> Figures:
        """Return the event's `data`; the keys of validation are there in a step with validation only."""
        scores: Figures = {"train_reward_mean": self.train_reward, "graders": self._parts(_scores)}
        data: Figures = {
            "step": self.step,
            "total_steps": self.total_steps,
            "train_mean_reward": self.train_reward,
            "completion_tokens_mean": self.train.tokens,
            "scores": scores,
            "errors": {"graders": [*self._parts(_errors(PART_ERRORS)), *self._formula_errors()]},
            "timing": {"step": self._step_timing(), "graders": self._parts(_latency)},
        }
        if self.valid is not None:
            scores["valid_reward_mean"] = self.valid_reward
            data["full_valid_mean_reward"] = self.valid_reward
            data["full_valid_mean_parse_error"] = _parse_error_share(self.valid.grades)
            data["valid_completion_tokens_mean"] = self.valid.tokens
        return data

    def _parts(self, figures: Callable[[str, Sequence[Grade], str], Figures]) -> list[Figures]:
        """The figures of each grader that was run: the children of a multi grader, or the one there is."""
        return [self._entry(part.name, part.type, figures) for part in self.grader.parts]

    def _formula_errors(self) -> list[Figures]:
        if self.grader.type != "multi":
            return []
        return [self._entry(self.grader.name, self.grader.type, _errors(FORMULA_ERRORS))]

    def _entry(self, name: str, kind: str, figures: Callable[[str, Sequence[Grade], str], Figures]) -> Figures:
        entry: Figures = {"name": name, "type": kind, **figures(name, self.train.grades, "train")}
        return entry if self.valid is None else {**entry, **figures(name, self.valid.grades, "valid")}

    def _step_timing(self) -> Figures:
        timing = self.timing
        figures: Figures = {"sampling": timing.sampling, "training": timing.training, "full_iteration": timing.full}
        return figures if timing.eval is None else {**figures, "eval": timing.eval}


def failing_share(grades: Sequence[Grade]) -> float:
    """Return the share of answers that a grader broke on; one that could not be parsed is not the grader's fault."""
    return fmean(_broken(grade) for grade in grades)


def first_detail(grades: Sequence[Grade]) -> str:
    """Return what the first broken grader said, for the job's error."""
    return next((grade.detail for grade in grades if _broken(grade) and grade.detail), "no further detail")


def result_table(steps: Iterable[Mapping[str, object]]) -> bytes:
    """Return the result file of a job: a CSV row for each step's `data`, cells of what was not measured left blank."""
    rows = [_row(data) for data in steps]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode()


def _scores(name: str, grades: Sequence[Grade], split: str) -> Figures:
    scores = [grade.scores[name] for grade in grades if name in grade.scores]
    return {f"{split}_reward_mean": fmean(scores)} if scores else {}


def _latency(name: str, grades: Sequence[Grade], split: str) -> Figures:
    seconds = [grade.seconds[name] for grade in grades if name in grade.seconds]
    return {f"{split}_execution_latency_mean": fmean(seconds)} if seconds else {}


def _errors(kinds: Sequence[GraderErrorKind]) -> Callable[[str, Sequence[Grade], str], Figures]:
    def figures(name: str, grades: Sequence[Grade], split: str) -> Figures:
        found = [kind for grade in grades for kind in grade.errors.get(name, ())]
        counted: Figures = {}
        for kind in kinds:
            count = found.count(kind)
            counted[f"{split}_{kind}_mean"] = count / len(grades)
            counted[f"{split}_{kind}_count"] = float(count)
        return counted

    return figures


def _broken(grade: Grade) -> bool:
    return any(kind is not GraderErrorKind.SAMPLE_PARSE_ERROR for kinds in grade.errors.values() for kind in kinds)


def _parse_error_share(grades: Sequence[Grade]) -> float:
    return fmean(
        any(GraderErrorKind.SAMPLE_PARSE_ERROR in kinds for kinds in grade.errors.values()) for grade in grades
    )


def _row(data: Mapping[str, object]) -> Figures:
    timing, scores, errors = (_object(data.get(key)) for key in ("timing", "scores", "errors"))
    step = _object(timing.get("step"))
    row: Figures = {
        "step": data["step"],
        "train_mean_reward": data["train_mean_reward"],
        "full_valid_mean_reward": data.get("full_valid_mean_reward", ""),
        "completion_tokens_mean": data["completion_tokens_mean"],
        "sampling_duration": step["sampling"],
        "training_duration": step["training"],
        "eval_duration": step.get("eval", ""),
        "total_duration": step["full_iteration"],
    }
    row |= _spread("scores", "", scores)
    return row | _spread("errors", "errors/", errors)


def _spread(section: str, inside: str, figures: Mapping[str, object]) -> Figures:
    """Per-grader figures under the table's names, such as scores/graders/python/precision/train_reward_mean."""
    graders = figures.get("graders")
    return {
        f"{section}/graders/{entry['type']}/{entry['name']}/{inside}{key}": value
        for entry in (graders if isinstance(graders, list) else ())
        for key, value in entry.items()
        if key not in ("type", "name") and not key.endswith("_count")
    }


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
