"""From the answers of a job's evals to what a team decides on: each checkpoint's figures, changes and guardrails.

Everything here reads answers from file and computes: not for the event loop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from jobs.evals.paired import FLIPS, difference, holm
from jobs.evals.pairing import Pair, Side, judged, pair_up
from jobs.evals.records import Eval
from jobs.evidence.answers import EvalFile, SplitAnswers, Use, item_means
from jobs.evidence.bias import selection_bias
from jobs.evidence.items import changed_items, shown_texts
from jobs.evidence.records import Candidate, Guard, Role, Versus
from jobs.platforms.profiles import Price

NOT_SHOWN: Final = -1.0
"""The lower bound where there is nothing to compute it from: what was not measured is not shown to hold."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the figures are held against."""

    guardrails: Mapping[str, float] = field(default_factory=dict)
    """Grader to the fall that is allowed (-.02)."""
    alias_model: str | None = None
    """The model that the task's alias points at; None where it points at nothing."""
    prices: Mapping[str, Price] = field(default_factory=dict)
    """By model id."""
    looked_at: int | None = None
    """Evaluations during training from which the platform kept these checkpoints."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the evals came to."""

    candidates: tuple[Candidate, ...]
    bias: tuple[float, float] | None


def read_evidence(
    line_up: Sequence[Candidate], valid: Eval, test: Eval | None, file: EvalFile, terms: Terms
) -> Reading:
    """Return the candidates of `line_up` with what the evals measured of them.

    Means and intervals are over items, each item's runs averaged first (`mean_interval`). Changes are paired item by
    item (`pair_up`); their p is adjusted over the checkpoints (Holm), against the base and against the alias's model
    each by itself. A missing answer is counted and never scored.

    Args:
        line_up: base, checkpoints, and what the alias points at; the evals' arms are their models.
        valid: the eval on the split that chooses.
        test: the eval on the held-out split; None where there is none.
        file: has their answers.
        terms: guardrails, alias, prices, and from how many the checkpoints were kept.
    """
    chosen = SplitAnswers.read(valid, file)
    held_out = SplitAnswers.read(test, file) if test else None
    base = next((each.model for each in line_up if each.role is Role.BASE), None)
    with_base = versus(base, line_up, chosen)
    with_alias = versus(terms.alias_model, line_up, chosen)
    tested = versus(base, line_up, held_out) if held_out else {}
    texts = shown_texts(file, valid.id)
    measured = []
    for each in line_up:
        fixed, broken = changed_items(chosen.rewards(base or ""), chosen.rewards(each.model), texts)
        figures = replace(
            each,
            valid=chosen.figures(each.model),
            test=held_out.figures(each.model) if held_out else {},
            versus_base=with_base.get(each.model),
            versus_alias=with_alias.get(each.model),
            test_versus_base=tested.get(each.model),
            guards=_guards(each, base, chosen, terms) if each.role is Role.CHECKPOINT else (),
            fixed=fixed,
            broken=broken,
        )
        measured.append(_with_use(figures, chosen, terms.prices.get(each.model)))
    rewards = [chosen.rewards(each.model) for each in line_up if each.role is Role.CHECKPOINT]
    return Reading(tuple(measured), selection_bias([scores for scores in rewards if scores], terms.looked_at))


def versus(reference: str | None, line_up: Sequence[Candidate], split: SplitAnswers) -> dict[str, Versus]:
    """Return how each other model of the line-up stands against `reference` on the reward, by model.

    The checkpoints are one family of comparisons (Holm); whatever else is in the line-up is one each.
    """
    if reference is None:
        return {}
    pairs = {
        each.model: pair
        for each in line_up
        if each.model != reference and (pair := _pair(reference, each.model, split)) is not None
    }
    family = [each.model for each in line_up if each.role is Role.CHECKPOINT and each.model in pairs]
    adjusted = dict(zip(family, holm([pairs[model].p for model in family]), strict=True))
    return {
        model: _versus(pair, adjusted.get(model, pair.p), len(family) if model in adjusted else 1, split)
        for model, pair in pairs.items()
    }


def guard(grader: str, allowed: float, against: Role, before: Mapping[str, float], after: Mapping[str, float]) -> Guard:
    """Return whether a guardrail holds: the lower end of the change's 95% interval must lie above what is allowed.

    Non-inferiority with the margin `allowed`: the interval is that of the paired t test, m - t(.975, n - 1) SE, over
    the items both have. Where fewer than two have a score, nothing is shown and the guardrail is broken.

    Args:
        grader: whose score must not fall.
        allowed: the margin, at most 0.
        against: what the change is from.
        before: item to mean score of that.
        after: item to mean score of the checkpoint.
    """
    common = sorted(before.keys() & after.keys())
    if len(common) < 2:
        return Guard(grader, allowed, 0.0, NOT_SHOWN, against, is_broken=True)
    found = difference([round(after[item] - before[item], 12) for item in common], flips=1)
    low = found.interval.low if found.interval else NOT_SHOWN
    return Guard(grader, allowed, found.mean, low, against, is_broken=not low > allowed)


def _pair(before: str, after: str, split: SplitAnswers) -> Pair | None:
    """Return two models on the items that both have; None where they share none."""
    old, new = Side(before, split.rewards(before)), Side(after, split.rewards(after))
    return pair_up(old, new, None, FLIPS) if old.rewards.keys() & new.rewards.keys() else None


def _versus(pair: Pair, p: float, family: int, split: SplitAnswers) -> Versus:
    told = judged(pair, p, family, split.evaluation.reward)
    interval = told.difference.interval
    return Versus(
        mean=told.difference.mean,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        p=told.p,
        verdict=told.verdict,
        items=told.items,
        items_needed=told.items_needed,
    )


def _guards(candidate: Candidate, base: str | None, split: SplitAnswers, terms: Terms) -> tuple[Guard, ...]:
    """Return the guardrails against what runs in production, or against the base where that is nothing or itself."""
    production = terms.alias_model if terms.alias_model != candidate.model else None
    reference, against = (production, Role.ALIAS) if production else (base or "", Role.BASE)
    return tuple(
        guard(
            grader,
            allowed,
            against,
            item_means(split.of(reference, grader)),
            item_means(split.of(candidate.model, grader)),
        )
        for grader, allowed in terms.guardrails.items()
    )


def _with_use(candidate: Candidate, split: SplitAnswers, price: Price | None) -> Candidate:
    use = split.use.get(candidate.model, Use())
    sent, said = _mean(use.input), _mean(use.output)
    cost = None
    if price and sent is not None and said is not None:
        cost = (sent * price.input + said * price.output) / 1000
    return replace(
        candidate,
        answers=use.answers,
        failures=split.missing(candidate.model),
        reasoning_tokens=_mean(use.reasoning),
        output_tokens=said,
        cost=cost,
    )


def _mean(tokens: Sequence[int]) -> float | None:
    return sum(tokens) / len(tokens) if tokens else None
