"""Rules G1, G2 and G3: answers that cannot be parsed, graders that break, providers that do not answer.

Shares are those of the worst grader at a step, of train or validation samples, whichever is larger.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from charts import Threshold, TracePanel
from jobs.core.series import Series
from jobs.rules.alert import Alert, JobFacts, Level, Sign, Voice, one_at_a_time, raised
from jobs.rules.inputs import error_share, first_reason, no_epoch
from jobs.rules.reasons import Formula, Values
from jobs.rules.tracing import line

PARSE_ERRORS = ("sample_parse_error",)
GRADER_BUGS = ("runtime_error", "other_error", "invalid_variable_error")
PROVIDER_ERRORS = ("server_error",)
SHARE = (
    "share: of the answers of a step, train or validation, whichever is larger, by the grader with the most errors; "
    "{share:.1%} at this step."
)
SOME = Formula(
    "share > much, at in_row steps in a row",
    "{share:.4g} > {much:g}, at {in_row:.0f} in a row",
    (SHARE, "It counts after the first epoch."),
)
MANY = Formula(
    "share > most, at in_row steps in a row",
    "{share:.4g} > {most:g}, at {in_row:.0f} in a row",
    (SHARE, "It counts after the first epoch."),
)
BROKEN = Formula(
    "share > least, at in_row steps in a row", "{share:.4g} > {least:g}, at {in_row:.0f} in a row", (SHARE,)
)
FAILING = Formula(
    "share > most, at in_row steps in a row", "{share:.4g} > {most:g}, at {in_row:.0f} in a row", (SHARE,)
)


def no_errors(series: Series) -> str | None:
    """Return that error shares are missing, or None."""
    reported = any(figures.train_errors or figures.valid_errors for step in series.steps for figures in step.graders)
    return None if reported else "The platform sends no error figures of graders."


@dataclass(frozen=True, slots=True)
class Errors:
    """The grader with the most errors of some kinds at one step."""

    step: int
    grader: str
    share: float


def _errors(series: Series, kinds: tuple[str, ...], after: int = -1) -> Iterator[Errors]:
    for step in series.steps:
        shares = [
            (error_share(figures, kinds), figures.name)
            for figures in step.graders
            if figures.train_errors or figures.valid_errors
        ]
        if shares and step.step > after:
            share, grader = max(shares)
            yield Errors(step.step, grader, share)


@dataclass(frozen=True, slots=True)
class ParseErrors:
    """Fires when > `much` (warning) or > `most` (critical) of the answers cannot be parsed, for `in_row` steps.

    It looks after the first epoch: some parse errors early on are normal.
    """

    rule: ClassVar[str] = "G1"
    title: ClassVar[str] = "answers that cannot be parsed"
    level: ClassVar[Level] = "critical"
    much: float = 0.05
    most: float = 0.20
    in_row: int = 3

    def blind(self, series: Series, facts: JobFacts) -> str | None:
        """Return what is missing, or None."""
        return first_reason(no_errors(series), no_epoch(facts))

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time answers could not be parsed."""
        if facts.epoch_steps is None:
            return ()
        readings = tuple(_errors(series, PARSE_ERRORS, after=facts.epoch_steps))
        return one_at_a_time(
            self._raised("warn", readings, self.much),
            self._raised("critical", readings, self.most),
        )

    def _raised(self, level: Level, readings: tuple[Errors, ...], share: float) -> tuple[Alert, ...]:
        voice = Voice(self, level, self.in_row, self.in_row)
        return raised(voice, readings, lambda errors: _over(errors, share), lambda errors: self._say(errors, share))

    def _say(self, errors: Errors, limit: float) -> tuple[str, Values]:
        text = (
            f"Answers cannot be parsed: {errors.share:.0%} of them at step {errors.step}, by grader {errors.grader}.\n"
            "They score the least whatever they say, so the reward measures the format rather than the task.\n"
            "Next: compare the response format with the fields the grader reads, and look for answers that are cut off."
        )
        return text, {"share": errors.share, "limit": limit}

    def why(self, values: Values) -> str:
        """Return the formula with the numbers of an alert."""
        return (MANY if values.get("limit") == values.get("most") else SOME).put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return the share of the grader with the most errors, beside its limits."""
        found = line(
            "answers that cannot be parsed", _errors(series, PARSE_ERRORS, after=facts.epoch_steps or 0), _share
        )
        return (
            TracePanel(
                "share of answers",
                "share",
                (found,),
                (Threshold("warning", self.much), Threshold("critical", self.most)),
            ),
        )


@dataclass(frozen=True, slots=True)
class GraderBugs:
    """Fires when a grader raises errors of its own on > `least` of the answers in `in_row` steps in a row.

    Kinds: run-time errors of Python graders, templates that name what is not there, and errors of no kind.
    Microsoft's guide expects none; many of them make the job fail.
    """

    rule: ClassVar[str] = "G2"
    title: ClassVar[str] = "grader breaks"
    level: ClassVar[Level] = "critical"
    least: float = 0.0
    in_row: int = 2

    def blind(self, series: Series, facts: JobFacts) -> str | None:  # noqa: ARG002 - every rule is asked alike
        """Return what is missing, or None."""
        return no_errors(series)

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:  # noqa: ARG002 - every rule is asked alike
        """Return every time a grader broke."""
        voice = Voice(self, self.level, self.in_row)
        readings = tuple(_errors(series, GRADER_BUGS))
        return raised(voice, readings, lambda errors: _over(errors, self.least), self._say)

    def _say(self, errors: Errors) -> tuple[str, Values]:
        text = (
            f"Grader {errors.grader} breaks: on {errors.share:.1%} of the answers at step {errors.step}.\n"
            "Those answers get no true reward, and a platform fails the job when there are many.\n"
            "Next: try the grader on an empty answer, wrong types and missing fields; fix it, and launch again."
        )
        return text, {"share": errors.share}

    def why(self, values: Values) -> str:
        """Return the formula with the numbers of an alert."""
        return BROKEN.put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:  # noqa: ARG002 - asked alike
        """Return the share of the grader with the most errors, beside its limits."""
        found = line("answers that the grader broke on", _errors(series, GRADER_BUGS), _share)
        return (TracePanel("share of answers", "share", (found,), (Threshold("raised above", self.least),)),)


@dataclass(frozen=True, slots=True)
class ProviderErrors:
    """Fires when the service that runs a grader fails on > `most` of the answers in `in_row` steps in a row."""

    rule: ClassVar[str] = "G3"
    title: ClassVar[str] = "grader's service fails"
    level: ClassVar[Level] = "warn"
    most: float = 0.05
    in_row: int = 2

    def blind(self, series: Series, facts: JobFacts) -> str | None:  # noqa: ARG002 - every rule is asked alike
        """Return what is missing, or None."""
        return no_errors(series)

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:  # noqa: ARG002 - every rule is asked alike
        """Return every time the service failed."""
        voice = Voice(self, self.level, self.in_row)
        readings = tuple(_errors(series, PROVIDER_ERRORS))
        return raised(voice, readings, lambda errors: _over(errors, self.most), self._say)

    def _say(self, errors: Errors) -> tuple[str, Values]:
        text = (
            f"The service that runs grader {errors.grader} fails: on {errors.share:.0%} of the answers at step "
            f"{errors.step}.\n"
            "The fault is the provider's, not the task's; those answers teach nothing, and steps take longer.\n"
            "Next: look at the provider's status page; pause the job if it lasts."
        )
        return text, {"share": errors.share}

    def why(self, values: Values) -> str:
        """Return the formula with the numbers of an alert."""
        return FAILING.put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:  # noqa: ARG002 - asked alike
        """Return the share of the grader with the most errors, beside its limits."""
        found = line("answers that the service failed on", _errors(series, PROVIDER_ERRORS), _share)
        return (TracePanel("share of answers", "share", (found,), (Threshold("raised above", self.most),)),)


def _share(errors: Errors) -> float:
    return errors.share


def _over(errors: Errors, share: float) -> Sign:
    return Sign.HOLDS if errors.share > share else Sign.CLEAN
