"""What a rule says, what it is told, and what a rule is."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, dataclass, field, replace
from enum import Enum
from itertools import chain
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from charts import TracePanel
from jobs.core.series import Series
from jobs.rules.reasons import Values, thresholds, without_minus_nothing

Level = Literal["info", "warn", "critical"]

CLEAN_EVALS = 2
"""An alert is over after this many clean evaluations in a row."""
UNKNOWN_EPOCH = 10
LEAST_WINDOW = 5


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What a rule knows of a job beside its series; None where the platform has not said.

    Args:
        train_items: items in the training split.
        batch_size: items a step.
        valid_items: items in the validation split.
        eval_samples: samples an item in one evaluation.
        reward: name of the grader whose score training climbs.
        held_out_graders: names of graders that are reported and that training does not climb, not even as a part.
        training: whether the platform says that the job trains; a job that waits or is paused cannot stall.
        heard_at: unix seconds of the newest event of any kind; the newest step's where nothing is known of others.
        now: unix seconds; None where nobody looked at a clock.
    """

    train_items: int | None
    batch_size: int | None
    valid_items: int | None = None
    eval_samples: int | None = None
    reward: str | None = None
    held_out_graders: tuple[str, ...] = ()
    training: bool = True
    heard_at: float | None = None
    now: float | None = None

    @property
    def epoch_steps(self) -> int | None:
        """Steps in which every training item comes once (W = ceil(items / batch))."""
        if not self.train_items or not self.batch_size:
            return None
        return -(-self.train_items // self.batch_size)

    @property
    def window(self) -> int:
        """Steps that a mean is taken over: an epoch, or `UNKNOWN_EPOCH` where its length is not known."""
        return max(LEAST_WINDOW, self.epoch_steps or UNKNOWN_EPOCH)


@dataclass(frozen=True, slots=True)
class Alert:
    """One time that a rule held on a job, from the edge on; `(rule, step)` is its identity.

    Everything but `cleared` is fixed at the edge: whenever and however often the rules are evaluated, on however
    much more of the series, the same alert has the same step, text and values.

    Args:
        rule: the rule's id ("O1").
        level: how much it matters.
        step: the step at which it fired.
        text: what was seen, what it means, what to do next; three lines at most.
        values: the figures the formula was evaluated with, by name, and the rule's thresholds under theirs.
        cleared: the step of the second clean evaluation in a row, None while the alert is open.
    """

    rule: str
    level: Level
    step: int
    text: str
    values: Mapping[str, float] = field(default_factory=dict)
    cleared: int | None = None


class Rule(Protocol):
    """A pure function of a job's series, a dataclass with its thresholds as fields."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def rule(self) -> str:
        """The id people look it up by; it never changes."""

    @property
    def title(self) -> str:
        """What it looks for, in a few words."""

    @property
    def level(self) -> Level:
        """The highest level of its alerts."""

    def blind(self, series: Series, facts: JobFacts) -> str | None:
        """Return which input this job's platform does not send, or None where the rule can see."""

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time this rule fired on `series`, in order; at most the last one is still open.

        What it says about a step depends on nothing later than that step. A rule whose inputs are missing returns ().
        """

    def why(self, values: Values) -> str:
        """Return the formula, and the formula with the `values` of one of this rule's alerts; six lines at most."""

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return what this rule looks at on `series`, a panel for each of its conditions; () where there is nothing."""


class Sign(Enum):
    """What one evaluation says about a rule's condition."""

    HOLDS = "holds"
    UNCLEAR = "unclear"
    """Neither: it neither lets an alert fire nor lets one clear."""
    CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Episode:
    """From the reading at which an alert fires to the one at which it is over; both are positions in a sequence."""

    fired: int
    cleared: int | None = None


def episodes(signs: Sequence[Sign], *, in_row: int, clean: int = CLEAN_EVALS) -> tuple[Episode, ...]:
    """Return when an alert fires and when it is over, for a condition read once per evaluation.

    It fires on the edge, when the condition has held `in_row` times running, and is over after `clean` clean
    evaluations running. In between nothing fires: a rule has one open alert at most.
    """
    found: list[Episode] = []
    run = 0
    for position, sign in enumerate(signs):
        is_open = bool(found) and found[-1].cleared is None
        run = run + 1 if sign is (Sign.CLEAN if is_open else Sign.HOLDS) else 0
        if run < (clean if is_open else in_row):
            continue
        run = 0
        if is_open:
            found[-1] = Episode(found[-1].fired, position)
        else:
            found.append(Episode(position))
    return tuple(found)


class Reading(Protocol):
    """What a rule knows at one step."""

    @property
    def step(self) -> int:
        """The step at which it could be known."""


R = TypeVar("R", bound=Reading)


@dataclass(frozen=True, slots=True)
class Voice:
    """For which rule and at which level a condition is reported, and how long it must last."""

    rule: Rule
    level: Level
    in_row: int
    clean: int = CLEAN_EVALS


def raised(
    voice: Voice, readings: Sequence[R], sign: Callable[[R], Sign], say: Callable[[R], tuple[str, Values]]
) -> tuple[Alert, ...]:
    """Return the alerts of a condition that `sign` reads from each of `readings`, in the words of `say`."""
    found = episodes([sign(reading) for reading in readings], in_row=voice.in_row, clean=voice.clean)
    return tuple(_alert(voice, readings, episode, say) for episode in found)


def _alert(voice: Voice, readings: Sequence[R], episode: Episode, say: Callable[[R], tuple[str, Values]]) -> Alert:
    fired = readings[episode.fired]
    said, values = say(fired)
    cleared = None if episode.cleared is None else readings[episode.cleared].step
    text = without_minus_nothing(said)
    return Alert(voice.rule.rule, voice.level, fired.step, text, {**thresholds(voice.rule), **values}, cleared)


def one_at_a_time(warnings: Sequence[Alert], criticals: Sequence[Alert]) -> tuple[Alert, ...]:
    """Return the alerts of a rule with two levels, so that one of them is open at most.

    A warning is over when it becomes critical, and none is given while a critical alert is open.
    """
    kept = [_before(warning, criticals) for warning in warnings if not any(_covers(c, warning) for c in criticals)]
    return tuple(sorted(chain(kept, criticals), key=lambda alert: alert.step))


def _covers(critical: Alert, warning: Alert) -> bool:
    return critical.step <= warning.step and (critical.cleared is None or critical.cleared >= warning.step)


def _before(warning: Alert, criticals: Sequence[Alert]) -> Alert:
    over = min((c.step for c in criticals if c.step > warning.step), default=None)
    if over is None or (warning.cleared is not None and warning.cleared <= over):
        return warning
    return replace(warning, cleared=over)


def first_open(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """Return alerts of one rule from several curves in order, without those that began while another was open."""
    kept: tuple[Alert, ...] = ()
    for alert in sorted(alerts, key=lambda alert: alert.step):
        if not kept or (kept[-1].cleared is not None and kept[-1].cleared < alert.step):
            kept = (*kept, alert)
    return kept
