"""Series written down figure by figure, for tests of one rule each."""

import random
from collections.abc import Callable, Mapping

from jobs.core.series import GraderFigures, Series, Step
from jobs.rules import JobFacts

Figure = Callable[[int], float]
FACTS = JobFacts(80, 16, 50, 3, "reward")
"""An epoch of five steps."""
LAST = 60


def wobbling(step: int) -> float:
    """A small, regular unrest, so that no reward is the same twice."""
    return 0.002 * ((step * 5) % 7 - 3)


def a_series(
    train: Figure = lambda step: 0.4 + wobbling(step),
    valid: Figure = lambda step: 0.4 + wobbling(step),
    *,
    last: int = LAST,
    parts: Mapping[str, Figure] | None = None,
    tokens: Figure | None = None,
    entropy: Figure | None = None,
    zero_std_share: Figure | None = None,
    clipped_share: Figure | None = None,
    errors: Mapping[str, Figure] | None = None,
    broken_from: int | None = None,
) -> Series:
    """Every step up to `last`, a minute each, evaluated every five steps; a loss is NaN from `broken_from` on."""

    def one(step: int) -> Step:
        evaluated = step % 5 == 0
        graders = [GraderFigures(name, valid_score=score(step)) for name, score in (parts or {}).items() if evaluated]
        if errors:
            graders.append(GraderFigures("judge", train_errors={kind: share(step) for kind, share in errors.items()}))
        return Step(
            step,
            at=60.0 * step,
            train_reward=train(step),
            valid_reward=valid(step) if evaluated else None,
            graders=tuple(graders),
            train_completion_tokens=tokens(step) if tokens else None,
            zero_std_share=zero_std_share(step) if zero_std_share else None,
            clipped_share=clipped_share(step) if clipped_share else None,
            entropy=entropy(step) if entropy else None,
            not_finite=("loss",) if broken_from is not None and step >= broken_from else (),
        )

    return Series(tuple(map(one, range(last + 1))))


def between(start: float, end: float, first: int, last: int) -> Figure:
    """From `start` to `end` in a straight line between two steps, with a small unrest."""
    return lambda step: start + (end - start) * min(1.0, max(0.0, (step - first) / (last - first))) + wobbling(step)


def from_step(first: int, before: float, after: float) -> Figure:
    return lambda step: after if step >= first else before


def restless(series_seed: int) -> Series:
    """Figures that jump about, so that every rule fires and clears several times."""
    noise = random.Random(series_seed)

    def jumping(low: float, high: float) -> Figure:
        levels = [noise.uniform(low, high) for _ in range(12)]
        return lambda step: levels[step // 14] + noise.gauss(0, 0.02 * (high - low))

    return a_series(
        jumping(0, 1),
        jumping(0, 1),
        last=150,
        parts={"precision": jumping(0, 1), "recall": jumping(0, 1), "checked": jumping(0, 1)},
        tokens=jumping(50, 4000),
        zero_std_share=jumping(0.3, 1),
        clipped_share=jumping(0, 1),
        entropy=jumping(0.01, 2),
        errors={
            "sample_parse_error": jumping(0, 0.4),
            "python_grader_runtime_error": jumping(-0.5, 0.4),
            "model_grader_server_error": jumping(0, 0.2),
        },
    )
