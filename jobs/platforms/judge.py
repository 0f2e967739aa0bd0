"""Judges and embeddings of one platform, for graders that ask a model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from jobs.core.errors import PlatformError, PlatformRejected, PlatformUnavailable, UserError
from jobs.core.records import Effort, Message
from jobs.graders import JudgeAnswer, JudgeQuestion
from jobs.platforms.gateway import Gateway
from jobs.platforms.profiles import Profile
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
        settings, profile = question.settings, self._ready().profile
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
                patience=question.patience,
            )
        )
        if isinstance(answer, Trouble):
            if answer.silence and answer.silence.finish_reason == REFUSED:
                answer = answer.silence
            else:
                raise _error(answer, profile)
        return JudgeAnswer(
            text=answer.text,
            finish_reason=answer.finish_reason,
            refused=answer.finish_reason == REFUSED,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
        )

    async def embed(self, model: str, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Embed texts; see `jobs.graders.Embedder`."""
        return await self._ready().embed(model, texts)

    def _ready(self) -> Gateway:
        """Return what asks the platform, if there is a key to ask with: without one, nothing is sent anywhere."""
        gateway = _set_up(self.gateway)
        try:
            gateway.require_key()
        except UserError as problem:
            raise PlatformRejected(f"{problem} {_chosen_by(gateway.profile)}") from None
        return gateway


def _chosen_by(profile: Profile) -> str:
    return f"Judges are asked on {profile.name}; JUDGE_PLATFORM names another platform for them."


def _set_up(find: Callable[[], T]) -> T:
    """Return what was found; a platform that is not set up is one that does not answer."""
    try:
        return find()
    except UserError as problem:
        raise PlatformRejected(str(problem)) from None


def _error(trouble: Trouble, profile: Profile) -> PlatformError:
    if trouble.remedy is Remedy.NOTHING:
        return PlatformRejected(trouble.sentence)
    said = f"{trouble.sentence} {_chosen_by(profile)}"
    if trouble.remedy is Remedy.STOP:
        return PlatformRejected(said)
    return PlatformUnavailable(said, retry_after=trouble.retry_after)
