"""The port through which graders ask models: whoever answers it also retries as long as that may help."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from jobs.graders.kinds import JudgeMessage, JudgeSettings


@dataclass(frozen=True, slots=True)
class JudgeQuestion:
    """A question to a judge, independent of any platform's wire format."""

    model: str
    messages: tuple[JudgeMessage, ...]
    response_format: Mapping[str, object]
    """Chat-completions nesting: `{"type": "json_schema", "json_schema": {"name", "strict", "schema"}}`."""
    settings: JudgeSettings
    patience: float | None = None
    """Seconds to wait for a platform that is overrun or away; None leaves it to whoever asks."""


@dataclass(frozen=True, slots=True)
class JudgeAnswer:
    """A judge's answer; None for what the platform did not report."""

    text: str
    finish_reason: str | None = None
    """`length` if it was cut short."""
    refused: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None


class Judge(Protocol):
    """Asks the models of score_model and label_model graders."""

    async def judge(self, question: JudgeQuestion) -> JudgeAnswer:
        """Ask, retrying as long as that may help.

        Raises:
            PlatformError: there is no answer, and the text says why.
        """
        ...


class Embedder(Protocol):
    """Asks models that embed texts."""

    async def embed(self, model: str, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return one vector for each text.

        Raises:
            PlatformError: there are none, and the text says why.
        """
        ...
