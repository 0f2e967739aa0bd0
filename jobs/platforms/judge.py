"""Judges and embeddings of one platform, for graders that ask a model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from jobs.core.errors import PlatformError, PlatformRejected, PlatformUnavailable, UserError
from jobs.core.records import Effort, Message
from jobs.graders import JudgeAnswer, JudgeQuestion
from jobs.platforms.gateway import Gateway
from jobs.platforms.sampling import Question, Remedy, Sampler, Trouble

REFUSED: Final = "refusal"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PlatformJudge:
    """Asks the models of graders on one platform, in the same queue as its evals."""

    sampler: Callable[[], Sampler]
    """Returns what asks the platform; raises UserError where it is not set up."""
    gateway: Callable[[], Gateway]
    """Returns what embeds there; raises as `sampler` does."""

    async def judge(self, question: JudgeQuestion) -> JudgeAnswer:
        """Ask a judge; see `jobs.graders.Judge`."""
        settings = question.settings
        answer = await _set_up(self.sampler).answer(
            Question(
                model=question.model,
                messages=tuple(Message(message.role, message.content) for message in question.messages),
                # Judges know more efforts than fine-tuning does; the platform says which.
                effort=cast("Effort | None", settings.effort),
                response_format=question.response_format,
                max_tokens=settings.max_tokens,
                temperature=settings.temperature,
                top_p=settings.top_p,
                seed=settings.seed,
            )
        )
        if isinstance(answer, Trouble):
            raise _error(answer)
        return JudgeAnswer(
            text=answer.text,
            finish_reason=answer.finish_reason,
            refused=answer.finish_reason == REFUSED,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
        )

    async def embed(self, model: str, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Embed texts; see `jobs.graders.Embedder`."""
        gateway = _set_up(self.gateway)
        try:
            return await gateway.embed(model, texts)
        except UserError as problem:  # there is no key to ask with
            raise PlatformRejected(str(problem)) from None


def _set_up(find: Callable[[], T]) -> T:
    """Return what was found; a platform that is not set up is one that does not answer."""
    try:
        return find()
    except UserError as problem:
        raise PlatformRejected(str(problem)) from None


def _error(trouble: Trouble) -> PlatformError:
    if trouble.remedy in {Remedy.NOTHING, Remedy.STOP}:
        return PlatformRejected(trouble.sentence)
    return PlatformUnavailable(trouble.sentence, retry_after=trouble.retry_after)
