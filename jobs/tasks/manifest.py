"""Reads task.yaml: which keys it may have, what they mean, and on which line one is wrong."""

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationInfo, field_validator

from jobs.core.errors import InvalidRequest
from jobs.core.hyperparameters import HyperparameterChoice
from jobs.core.nearest import nearest, quoted
from jobs.core.records import DEFAULT_POLICY, ApprovalPolicy
from jobs.core.validation import Section, YamlFile, read_yaml
from jobs.rules import changed_rules

ALLOWED_FALL: Final = -0.02
"""The fall that a guardrail allows where the task names none."""
_DAYS: Final = 365


def _names(value: object) -> tuple[str, ...]:
    """Take one text alone for a list of one, each name once and without a leading @."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise ValueError("must be a list of names, each a text.")
    return tuple(dict.fromkeys(name.strip().removeprefix("@") for name in names))


def _falls(value: object) -> object:
    """Take a list of graders for the usual fall of each."""
    falls = value if isinstance(value, dict) else dict.fromkeys(_names(value), None)
    return {name: ALLOWED_FALL if fall is None or fall == "auto" else fall for name, fall in falls.items()}


def _calls(value: object) -> object:
    """Take a number alone for the calls of a day."""
    return {"calls_per_day": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


def _without_auto(value: object) -> object:
    """Count `auto` as absent: it leaves the choice to others."""
    return {key: None if held == "auto" else held for key, held in value.items()} if isinstance(value, dict) else value


def _ranges(value: object) -> object:
    """Take a list of two numbers for a range."""
    for held in value.values() if isinstance(value, dict) else [value]:
        match held:
            case [int() | float() as low, int() | float() as high] if -math.inf < low < high < math.inf:
                continue
        raise ValueError("must be graders, each with its lowest and its highest score, such as [0, 5].")
    return {name: tuple(map(float, held)) for name, held in value.items()} if isinstance(value, dict) else value


Text = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Text, ...], BeforeValidator(_names)]
Guardrails = Annotated[dict[str, Annotated[float, Field(ge=-1, le=0)]], BeforeValidator(_falls)]
Alias = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$", description="of lower-case letters, digits, '-' and '_'")]


class Defaults(Section):
    """What a launch uses where the person said nothing; whatever is absent here is the platform's choice."""

    model: Text | None = None
    platform: Text | None = None
    hyperparameters: Annotated[HyperparameterChoice, BeforeValidator(_without_auto)] = HyperparameterChoice()


class Approval(Section):
    """How checkpoints are approved, apart from who may and how many it takes."""

    expires_days: Annotated[float, Field(ge=0.05, le=_DAYS)] = DEFAULT_POLICY.expires_days
    remind_days: Annotated[float | None, Field(ge=0, le=_DAYS)] = None
    self_approval: bool = DEFAULT_POLICY.self_approval
    one_rejection_settles: bool = DEFAULT_POLICY.one_rejection_settles

    @field_validator("remind_days")
    @classmethod
    def _before_it_lapses(cls, remind: float | None, info: ValidationInfo) -> float | None:
        expires = info.data.get("expires_days")
        if remind is not None and expires is not None and remind >= expires:
            lapses = f"the {expires:g} days after which an approval lapses"
            raise ValueError(f"must be less than {lapses}, not {remind:g}.")
        return remind

    @property
    def policy(self) -> ApprovalPolicy:
        """The policy, with a reminder that comes half way at the latest."""
        usual = min(DEFAULT_POLICY.remind_days, self.expires_days / 2)
        return ApprovalPolicy(
            expires_days=self.expires_days,
            remind_days=usual if self.remind_days is None else self.remind_days,
            self_approval=self.self_approval,
            one_rejection_settles=self.one_rejection_settles,
        )


class Traffic(Section):
    """How often the model is called in production, and which one is called otherwise."""

    calls_per_day: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    instead_of: Text | None = None


class Evidence(Section):
    """How checkpoints are evaluated before somebody decides on them."""

    runs: Annotated[int, Field(ge=1, le=20)] = 3


class Manifest(Section):
    """What task.yaml says. Which graders and prompts there are is known only to the folder."""

    title: Text | None = None
    description: Text | None = None
    prompt: Text | None = None
    reward: Text | None = None
    headline: Names = ()
    slice_fields: Annotated[Names, Field(alias="slices")] = ()
    measured_by: Text | None = None
    defaults: Defaults = Defaults()
    approvers: Names = ()
    quorum: Annotated[int, Field(ge=1, le=20)] = 2
    alerts: dict[str, object] = Field(default_factory=dict)
    held_out_graders: Annotated[Names, Field(alias="shadows")] = ()
    guardrails: Guardrails = Field(default_factory=dict)
    alias: Alias = "production"
    approval: Annotated[Approval, BeforeValidator(_without_auto)] = Approval()
    evidence: Annotated[Evidence, BeforeValidator(_without_auto)] = Evidence()
    traffic: Annotated[Traffic, BeforeValidator(_calls)] = Traffic()
    invalid_grade: Annotated[float, Field(allow_inf_nan=False)] | None = None
    lenient_json: bool = False
    ranges: Annotated[dict[str, tuple[float, float]], BeforeValidator(_ranges)] = Field(default_factory=dict)
    stronger_model: Text | None = None
    plain_model: Text | None = None

    @property
    def scoring(self) -> tuple[object, ...]:
        """What it changes about the scores of an answer; empty where it says nothing."""
        changes = (self.invalid_grade, self.lenient_json) if self.invalid_grade is not None or self.lenient_json else ()
        return (*changes, *sorted(self.ranges.items()), *([self.measured_by] if self.measured_by else []))


KEYS: Final = tuple(field.alias or name for name, field in Manifest.model_fields.items())
_MANIFEST = TypeAdapter(Manifest)


def read_manifest(text: str, where: str) -> tuple[Manifest, YamlFile]:
    """Read the text of a task.yaml; raise InvalidRequest naming file, line and key.

    The file comes along for complaints that need more than the file to be seen.
    """
    file = read_yaml(text, where, "keys such as 'title' and 'reward'")
    manifest = file.read(_MANIFEST, file.values)
    for path, change in _changes(manifest.alerts):
        try:
            changed_rules(change)
        except InvalidRequest as refused:
            raise InvalidRequest(f"{where} line {file.line(('alerts', *path))}: {refused}") from refused
    return manifest, file


def check_graders(manifest: Manifest, graders: Mapping[str, Mapping[str, object]], reward: str, file: YamlFile) -> None:
    """Refuse graders that the task does not have, and held-out graders that training climbs."""
    named = {
        "headline": manifest.headline,
        "shadows": manifest.held_out_graders,
        "guardrails": manifest.guardrails,
        "ranges": manifest.ranges,
    }
    for key, names in named.items():
        for name in names:
            if name not in graders:
                raise no_such_grader(file, key, name, graders)
    parts = graders[reward].get("graders")
    children = parts.items() if isinstance(parts, Mapping) else ()
    climbed = {str(child.get("name", key)) for key, child in children if isinstance(child, Mapping)}
    for name in manifest.held_out_graders:
        if name == reward or name in climbed:
            what = "the reward" if name == reward else "a part of the reward"
            raise file.error(
                ("shadows",), f"names {quoted(name)}, which is {what}; training climbs it, so it is not held out."
            )


def no_such_grader(file: YamlFile, key: str, name: str, graders: Iterable[str]) -> InvalidRequest:
    """Return the error for a key that names a grader which the task does not have."""
    return file.error((key,), f"names {quoted(name)}, which is no grader of this task; {nearest(name, graders)}")


def _changes(alerts: Mapping[str, object]) -> list[tuple[tuple[str, ...], Mapping[str, object]]]:
    """Return each change to the rules alone, with its path: a refusal can then name its line."""
    changes: list[tuple[tuple[str, ...], Mapping[str, object]]] = []
    for rule, change in alerts.items():
        if isinstance(change, Mapping):
            changes += [((rule, str(name)), {rule: {name: value}}) for name, value in change.items()]
        else:
            changes.append(((rule,), {rule: change}))
    return changes
