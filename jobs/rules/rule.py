"""What a rule is: what it looks at, its thresholds, when it holds, what people are told."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import SimpleNamespace
from typing import ClassVar, get_args

from charts import Points, Threshold, TracedLine, TracePanel
from charts.wording import Unit
from jobs.core.records import RaisedAlert
from jobs.rules.alert import CLEAN_EVALS, Level, Sign, episodes, one_at_a_time
from jobs.rules.formula import Values, explained, without_negative_zero
from jobs.rules.inputs import Figure, Need, RuleInputs


class Reading(SimpleNamespace):
    """What a rule knows at one `step`: figures by name, what they are held against included; None if not known."""

    step: int


@dataclass(frozen=True, slots=True)
class Panel:
    """One condition of a rule, as it is drawn for "Why?".

    A figure is named as in the rule's readings, or is one of a job's `Figure`; a limit may be a threshold too. What
    either is called in the picture may have places for figures and thresholds, as in `str.format`.

    Args:
        label: what is measured, in a few words.
        unit: what it is measured in.
        lines: what each figure is called.
        limits: what each limit is called.
    """

    label: str
    unit: Unit
    lines: Mapping[str, str]
    limits: Mapping[str, str] = field(default_factory=dict)


def shares(called: str, **limits: str) -> tuple[Panel, ...]:
    """Return the panel of a rule that reads a `share` of answers."""
    return (Panel("share of answers", "share", {"share": called}, limits),)


@dataclass(frozen=True)
class Rule(ABC):
    """A pure function of a job's series: a dataclass with its thresholds as fields.

    A rule says what it reads and when a reading counts. Its alerts follow from that, and with them what people see,
    from templates (as in `str.format`) in which figures and thresholds have their names.

    Attributes:
        code: what people look it up by; it never changes.
        title: what it looks for, in a few words.
        level: the highest level of its alerts.
        needs: without one of these it sees nothing.
        text: what was seen, what it means, what to do next, in three lines.
        formula: its condition, see `jobs.rules.formula`.
        panels: what it looks at, one for each part of the condition.
        unkept: figures that alerts of earlier versions do not have, as those versions meant them.
        reads_steps: whether an alert is over after as many clean readings as it took to raise it.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    level: ClassVar[Level]
    needs: ClassVar[tuple[Need, ...]]
    text: ClassVar[str]
    formula: ClassVar[str]
    panels: ClassVar[tuple[Panel, ...]]
    unkept: ClassVar[Values] = {}
    reads_steps: ClassVar[bool] = False

    def __init_subclass__(
        cls, *, code: str = "", title: str = "", level: Level = "warn", needs: tuple[Need, ...] = ()
    ) -> None:
        cls.code, cls.title, cls.level, cls.needs = code, title, level, needs

    @property
    def in_row(self) -> int:
        """How many readings in a row raise an alert."""
        return 1

    @property
    def _clean(self) -> int:
        """How many clean readings in a row end one."""
        return self.in_row if self.reads_steps else CLEAN_EVALS

    @abstractmethod
    def _readings(self, inputs: RuleInputs) -> Iterable[Reading]:
        """Return what is known step by step; nothing if an input is missing."""

    @abstractmethod
    def _sign(self, reading: Reading) -> Sign:
        """Return what a reading says about the condition of `level`."""

    def _formula_of(self, level: Level, values: Values) -> str:  # noqa: ARG002 - most rules have one formula
        """Return the template of the condition that held."""
        return self.formula

    def blind(self, inputs: RuleInputs) -> str | None:
        """Return which input this job's platform does not send, or None if the rule can see."""
        return next((need.missing for need in self.needs if not need.given(inputs)), None)

    def alerts(self, inputs: RuleInputs) -> tuple[RaisedAlert, ...]:
        """Return every time this rule fired on a job, in order; at most the last one is still open.

        What it says about a step depends on nothing later than that step.
        """
        return self._raised(tuple(self._readings(inputs)), self.level, self._sign)

    def why(self, level: Level, values: Values) -> str:
        """Return the formula of an alert in letters, then with its numbers; six lines at most.

        An alert from before one of the thresholds was kept was raised with its default.
        """
        known = {**self.thresholds(), **self.unkept, **values}
        return explained(self._formula_of(level, known), known)

    def picture(self, inputs: RuleInputs) -> tuple[TracePanel, ...]:
        """Return what this rule looks at, as far as there is anything to draw."""
        return self._drawn(self.panels, self._readings(inputs), inputs)

    def thresholds(self) -> dict[str, float]:
        """Return the thresholds by name."""
        return {threshold.name: float(getattr(self, threshold.name)) for threshold in fields(self)}

    def _raised(
        self, readings: Sequence[Reading], level: Level, sign: Callable[[Reading], Sign], *, clean: int | None = None
    ) -> tuple[RaisedAlert, ...]:
        """Return the alerts of a condition that `sign` reads from each of `readings`."""
        found = episodes([sign(reading) for reading in readings], in_row=self.in_row, clean=clean or self._clean)
        return tuple(
            self._alert(readings[one.fired], level, None if one.cleared is None else readings[one.cleared].step)
            for one in found
        )

    def _alert(self, reading: Reading, level: Level, cleared: int | None = None) -> RaisedAlert:
        """Return the alert that a reading raises."""
        known = {**self.thresholds(), **vars(reading)}
        values = {name: float(value) for name, value in known.items() if isinstance(value, int | float)}
        del values["step"]
        text = without_negative_zero(self.text.format_map(known))
        return RaisedAlert(self.code, level, reading.step, text, values, cleared)

    def _drawn(
        self, panels: Iterable[Panel], readings: Iterable[Reading], inputs: RuleInputs
    ) -> tuple[TracePanel, ...]:
        """Return those panels that have a point to draw."""
        thresholds, rows = self.thresholds(), [vars(reading) for reading in readings]

        def points(name: str) -> Points:
            if rows and name in rows[0]:
                return tuple((row["step"], row[name]) for row in rows if row[name] is not None)
            return inputs.points(name) if name in get_args(Figure) else ()  # type: ignore[arg-type] # as it says

        def draw(panel: Panel) -> TracePanel:
            known = {**thresholds, "window": inputs.facts.window, **(rows[0] if rows else {})}
            lines = [TracedLine(called.format_map(known), points(name)) for name, called in panel.lines.items()]
            limits = [
                Threshold(called.format_map(known), thresholds[name] if name in thresholds else points(name))
                for name, called in panel.limits.items()
            ]
            return TracePanel(panel.label, panel.unit, tuple(lines), tuple(limits))

        return tuple(draw(panel) for panel in panels if any(points(name) for name in panel.lines))


@dataclass(frozen=True)
class TwoLevelRule(Rule):
    """A rule that warns before it is critical."""

    @abstractmethod
    def _warns(self, reading: Reading) -> Sign:
        """Return what a reading says about the condition of a warning."""

    def alerts(self, inputs: RuleInputs) -> tuple[RaisedAlert, ...]:
        """Return every time this rule fired on a job, in order; at most the last one is still open."""
        readings = tuple(self._readings(inputs))
        return one_at_a_time(
            self._raised(readings, "warn", self._warns), self._raised(readings, self.level, self._sign)
        )
