"""May arms be compared? Only one thing may differ: the arm (model, effort, platform), or the prompt."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from jobs.core.errors import InvalidRequest
from jobs.evals.records import Eval

Named = tuple[Eval, str]
"""An eval and one of its arms."""


def check_comparable(arms: Sequence[Named]) -> None:
    """Return where a difference between the arms can come from nothing but the arms, or nothing but the prompt.

    Raises:
        InvalidRequest: says every other thing that differs, or that there are not two different arms.
    """
    if len(set(_keys(arms))) < max(2, len(arms)):
        raise InvalidRequest(
            "A comparison takes at least two arms, each named once: two evals, or one of several arms."
        )
    found = [_difference(arms, words, of) for words, of in _MUST_AGREE]
    if len({evaluation.prompt_hash for evaluation, _ in arms}) > 1 and len({arm for _, arm in arms}) > 1:
        found.append(_difference(arms, "other models and other prompts at once", _prompt))
    differences = [one for one in found if one]
    if differences:
        raise InvalidRequest(
            f"These evals cannot be compared: {'; '.join(differences)}. "
            "Run them again so that only the models differ, or only the prompts."
        )


def names(arms: Sequence[Named]) -> tuple[str, ...]:
    """Return what each arm is called, each name once: by model and effort, and where that is not enough by more."""
    repeated = {arm for arm, count in Counter(arm for _, arm in arms).items() if count > 1}
    apart = {name: _told_apart([evaluation for evaluation, arm in arms if arm == name]) for name in repeated}
    return tuple(apart[arm](arm, evaluation) if arm in apart else arm for evaluation, arm in arms)


def _told_apart(evals: Sequence[Eval]) -> Callable[[str, Eval], str]:
    """Return the first way of naming that gives each of the evals a name of its own."""
    return next(way for way in (_by_prompt, _by_platform, _by_id) if len({way("", one) for one in evals}) == len(evals))


def _keys(arms: Sequence[Named]) -> list[tuple[str, str]]:
    return [(evaluation.id, arm) for evaluation, arm in arms]


def _prompt(evaluation: Eval) -> str:
    """Its version; and a piece of the hash, for one version's text or response format may have changed."""
    return f"{evaluation.prompt} ({evaluation.prompt_hash[:6]})"


_MUST_AGREE: Final[tuple[tuple[str, Callable[[Eval], str]], ...]] = (
    ("other tasks", lambda evaluation: evaluation.task),
    ("other versions of the task's files", lambda evaluation: evaluation.task_version),
    ("other splits", lambda evaluation: evaluation.split),
    ("other rewards", lambda evaluation: evaluation.reward),
)


def _difference(arms: Sequence[Named], words: str, of: Callable[[Eval], str]) -> str | None:
    """Return what differs and which eval has which, or None."""
    values = {evaluation.id: of(evaluation) for evaluation, _ in arms}
    if len(set(values.values())) < 2:
        return None
    return f"{words} ({', '.join(f'{value} in {id_}' for id_, value in values.items())})"


def _by_prompt(name: str, evaluation: Eval) -> str:
    return f"{name}, prompt {evaluation.prompt}"


def _by_platform(name: str, evaluation: Eval) -> str:
    return f"{name} on {evaluation.platform}"


def _by_id(name: str, evaluation: Eval) -> str:
    return f"{name}, {evaluation.id}"
