"""What form a task asks its answers for: whether one has it, and how graders get to read one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from jsonschema import Draft202012Validator

from jobs.graders.sandbox.sample import read_json
from jobs.tasks import Task

FENCE: Final = re.compile(r"\s*```(?:json)?[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL | re.IGNORECASE)
"""One block of code and nothing around it."""


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """The form of a task's answers; without a schema they are free text."""

    schema: Mapping[str, object] | None = None
    lenient: bool = False
    """Whether JSON in a block of code counts as JSON; models are trained without this."""
    _validator: Draft202012Validator | None = field(init=False, default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.schema is not None:
            object.__setattr__(self, "_validator", Draft202012Validator(dict(self.schema)))

    @classmethod
    def of(cls, task: Task) -> Self:
        """Return the form of a task's answers."""
        nested = (task.response_format or {}).get("json_schema")
        schema = nested.get("schema") if isinstance(nested, Mapping) else None
        return cls(schema if isinstance(schema, Mapping) else None, task.lenient_json)

    def read(self, text: str) -> str:
        """Return an answer as graders read it: out of its block of code, where the task is lenient about that."""
        fenced = FENCE.fullmatch(text) if self.lenient else None
        return fenced[1] if fenced and read_json(fenced[1]) is not None else text

    def is_kept(self, text: str) -> bool:
        """Tell whether an answer, as graders read it, has the form that the task asks for; free text has none to keep.

        What is no JSON, or JSON of another shape, has not.
        """
        value = read_json(text)
        return self._validator is not None and value is not None and self._validator.is_valid(value)
