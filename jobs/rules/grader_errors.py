"""Rules G1, G2 and G3: answers that cannot be parsed, graders that break, providers that do not answer.

Shares are those of the worst grader at a step, of train or validation samples, whichever is larger.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from jobs.rules.alert import Level, Sign
from jobs.rules.formula import Values
from jobs.rules.inputs import Need, RuleInputs
from jobs.rules.rule import Reading, Rule, TwoLevelRule, shares

Kinds = tuple[str, ...]
"""Ends of the names of error kinds."""

PARSE_ERRORS: Final[Kinds] = ("sample_parse_error",)
GRADER_BUGS: Final[Kinds] = ("runtime_error", "other_error", "invalid_variable_error")
PROVIDER_ERRORS: Final[Kinds] = ("server_error",)


def read_errors(inputs: RuleInputs) -> Mapping[Kinds, list[Reading]]:
    """Return the worst grader of every step that has error figures, by each group of kinds."""
    found: dict[Kinds, list[Reading]] = {PARSE_ERRORS: [], GRADER_BUGS: [], PROVIDER_ERRORS: []}
    for step in inputs.steps:
        graders = {
            figures.name: [part for part in (figures.train_errors, figures.valid_errors) if any(part.values())]
            for figures in step.graders
            if figures.train_errors or figures.valid_errors
        }
        for kinds, readings in found.items() if graders else ():
            shares = ((_share(parts, kinds), name) for name, parts in graders.items())
            share, grader = max(shares) if any(graders.values()) else (0.0, max(graders))
            readings.append(Reading(step=step.step, grader=grader, share=share))
    return found


def _share(parts: Iterable[Mapping[str, float]], kinds: Kinds) -> float:
    """Return the larger share of train or validation samples with an error whose kind ends in one of `kinds`."""
    return max([0.0, *(sum(share for kind, share in part.items() if kind.endswith(kinds)) for part in parts)])


def _are_reported(inputs: RuleInputs) -> bool:
    return any(figures.train_errors or figures.valid_errors for step in inputs.steps for figures in step.graders)


def _over(threshold: str) -> str:
    """Return the formula of a share that lies over a threshold."""
    return (
        f"share{{share:.4g}} > {{{threshold}}}, at {{in_row}} steps in a row\n"
        "share: of the answers of a step, train or validation, whichever is larger, by the grader with the most "
        "errors; {share:.1%} at this step."
    )


ERRORS: Final = Need("The platform sends no error figures of graders.", _are_reported)


@dataclass(frozen=True)
class ParseErrors(TwoLevelRule, code="G1", title="answers that cannot be parsed", level="critical", needs=(ERRORS,)):
    """Fires when > `much` (warning) or > `most` (critical) of the answers cannot be parsed, for `in_row` steps.

    It looks after the first epoch: some parse errors early on are normal.
    """

    text = (
        "Answers cannot be parsed: {share:.0%} of them at step {step}, by grader {grader}.\n"
        "They score the least whatever they say, so the reward measures the format rather than the task.\n"
        "Next: compare the response format with the fields the grader reads, and look for answers that are cut off."
    )
    panels = shares("answers that cannot be parsed", much="warning", most="critical")
    reads_steps = True
    much: float = 0.05
    most: float = 0.20
    in_row: int = 3

    def _readings(self, inputs: RuleInputs) -> list[Reading]:
        epoch = inputs.facts.epoch_or_stated
        return [one for one in inputs.once(read_errors)[PARSE_ERRORS] if one.step > epoch]

    def _warns(self, reading: Reading) -> Sign:
        return Sign.of(reading.share > self.much)

    def _sign(self, reading: Reading) -> Sign:
        return Sign.of(reading.share > self.most)

    def _formula_of(self, level: Level, values: Values) -> str:  # noqa: ARG002 - the level tells
        return f"{_over('most' if level == 'critical' else 'much')}\nIt counts after the first epoch."


@dataclass(frozen=True)
class GraderBugs(Rule, code="G2", title="grader breaks", level="critical", needs=(ERRORS,)):
    """Fires when a grader raises errors of its own on > `least` of the answers in `in_row` steps in a row.

    Kinds: run-time errors of Python graders, templates that name what does not exist, and errors of no kind.
    Microsoft's guide expects none; many of them make the job fail.
    """

    text = (
        "Grader {grader} breaks: on {share:.1%} of the answers at step {step}.\n"
        "Those answers get no true reward, and a platform fails the job when there are many.\n"
        "Next: try the grader on an empty answer, wrong types and missing fields; fix it, and launch again."
    )
    formula = _over("least")
    panels = shares("answers that the grader broke on", least="raised above")
    least: float = 0.0
    in_row: int = 2

    def _readings(self, inputs: RuleInputs) -> list[Reading]:
        return inputs.once(read_errors)[GRADER_BUGS]

    def _sign(self, reading: Reading) -> Sign:
        return Sign.of(reading.share > self.least)


@dataclass(frozen=True)
class ProviderErrors(Rule, code="G3", title="grader's service fails", level="warn", needs=(ERRORS,)):
    """Fires when the service that runs a grader fails on > `most` of the answers in `in_row` steps in a row."""

    text = (
        "The service that runs grader {grader} fails: on {share:.0%} of the answers at step {step}.\n"
        "The fault is the provider's, not the task's; those answers teach nothing, and steps take longer.\n"
        "Next: look at the provider's status page; pause the job if it lasts."
    )
    formula = _over("most")
    panels = shares("answers that the service failed on", most="raised above")
    most: float = 0.05
    in_row: int = 2

    def _readings(self, inputs: RuleInputs) -> list[Reading]:
        return inputs.once(read_errors)[PROVIDER_ERRORS]

    def _sign(self, reading: Reading) -> Sign:
        return Sign.of(reading.share > self.most)
