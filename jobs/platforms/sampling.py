"""Asking a model, again where that may help: the question, the answer, and how long to wait for it.

A platform that wants less (429) or cannot be reached holds up everybody who asks it, until the time it named; that is
no failure of the answer until patience runs out. A platform with a fault of its own is asked a few times.
"""

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from time import monotonic
from typing import Final, Protocol

from jobs.core.records import Effort, Message
from jobs.core.series import JsonObject
from jobs.platforms.client import Sleep

ANSWER_SECONDS: Final = 600.0
"""The API's own limit for one answer; a reasoning model may need minutes."""
PATIENCE: Final = 900.0
"""Seconds that one question waits for a platform which is overrun or away."""
ATTEMPTS: Final = 4
"""Times that a platform with faults of its own is asked the same question."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked, in nobody's wire format; None leaves a setting to the platform."""

    model: str
    messages: tuple[Message, ...]
    effort: Effort | None = None
    response_format: JsonObject | None = None
    """Chat-completions nesting: `{"type": "json_schema", "json_schema": {"name", "strict", "schema"}}`."""
    tools: tuple[JsonObject, ...] = ()
    """What the model may call, in the nesting of either API."""
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    """Most tokens of the answer, reasoning included."""
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    """Only chat completions take one; elsewhere it is not sent."""
    seconds: float = ANSWER_SECONDS
    """How long one answer may take."""
    patience: float | None = None
    """Seconds to wait for a platform that is overrun or away; None leaves it to the sampler."""


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a model said; None for what the platform did not report."""

    text: str
    finish_reason: str | None = None
    """`stop`, `tool_calls`, `length`, `content_filter`, `refusal`, or whatever a platform adds."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    """Reasoning included."""
    reasoning_tokens: int | None = None
    latency: float = 0.0
    """Seconds from the question to the last byte, of the attempt that was answered."""
    tool_calls: tuple[JsonObject, ...] = ()
    """The tools that it calls, in the nesting of chat completions."""

    @property
    def tokens(self) -> int | None:
        """Input and output together; None where neither was reported."""
        known = [count for count in (self.input_tokens, self.output_tokens) if count is not None]
        return sum(known) if known else None


class Remedy(StrEnum):
    """What may help against a trouble."""

    WAIT = "wait"
    """Everybody waits: the platform is overrun or away."""
    AGAIN = "again"
    """Ask again: a fault, a time-out, an unreadable answer."""
    NOTHING = "nothing"
    """This question is refused; another may not be."""
    STOP = "stop"
    """No question will be answered: the key, the model, the credit."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no answer."""

    reason: str
    """A few words that group alike troubles, such as `429 rate limited`."""
    sentence: str
    """For the person."""
    remedy: Remedy
    retry_after: float | None = None
    """Seconds that the platform asked to wait."""
    silence: ModelAnswer | None = None
    """The answer without text, where the model was asked and said nothing: nothing broke."""


class NotAnswered(Exception):
    """One attempt brought no answer."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.sentence)
        self.trouble = trouble


class Model(Protocol):
    """Answers one question at the first attempt, or raises NotAnswered; a `Gateway` is one."""

    async def answer(self, question: Question) -> ModelAnswer:
        """Ask once."""
        ...


@dataclass(slots=True)
class Sampler:
    """Asks one platform, as often as it takes, at most so many questions at once. Shared by all who ask it."""

    model: Model
    concurrency: int
    _: KW_ONLY
    sleep: Sleep = asyncio.sleep
    clock: Callable[[], float] = monotonic
    patience: float = PATIENCE
    attempts: int = ATTEMPTS
    _slots: asyncio.Semaphore = field(init=False)
    _setting_off: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _closed_until: float = field(init=False, default=-math.inf)
    _closed_by: Trouble | None = field(init=False, default=None)
    _closings: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.concurrency)

    async def answer(self, question: Question) -> ModelAnswer | Trouble:
        """Return the answer, or the trouble that is left after everything that may help was tried."""
        since, attempt = self.clock(), 0
        while True:
            said = await self._ask_once(question, since)
            attempt += 1
            if isinstance(said, ModelAnswer) or said.remedy is not Remedy.AGAIN or attempt >= self.attempts:
                return said
            await self.sleep(said.retry_after or _backoff(attempt))

    async def _ask_once(self, question: Question, since: float) -> ModelAnswer | Trouble:
        """Ask as soon as there is room and the platform lets itself be asked; give up when patience runs out."""
        async with self._slots:
            while True:
                closed = await self._opening(since, self.patience if question.patience is None else question.patience)
                if closed:
                    return closed
                async with self._setting_off:
                    # One question a turn of the event loop: a request takes a millisecond to make, and when many set
                    # off at once, everything else in this process would wait for all of them.
                    await asyncio.sleep(0)
                try:
                    answer = await self.model.answer(question)
                except NotAnswered as failure:
                    if failure.trouble.remedy is not Remedy.WAIT:
                        return failure.trouble
                    self._close(failure.trouble)
                else:
                    self._closings = 0
                    return answer

    async def _opening(self, since: float, patience: float) -> Trouble | None:
        """Wait until the platform may be asked; return why not if that takes longer than patience allows."""
        while (wait := self._closed_until - self.clock()) > 0:
            if self._closed_until - since > patience:
                return self._closed_by
            await self.sleep(wait * random.uniform(1.0, 1.1))
        return None

    def _close(self, trouble: Trouble) -> None:
        """Leave the platform alone for as long as it asked, or for twice as long as the last time."""
        now = self.clock()
        if now < self._closed_until and trouble.retry_after is None:
            return  # asked before it was closed
        self._closings += 1
        self._closed_by = trouble
        self._closed_until = max(self._closed_until, now + (trouble.retry_after or _backoff(self._closings)))


def _backoff(times: int) -> float:
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (times - 1)) * random.uniform(0.75, 1.0)
