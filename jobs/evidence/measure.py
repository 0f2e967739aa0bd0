"""From the answers of a round's evals to what a team decides on: each checkpoint's figures, changes and guardrails.

Reading answers blocks and statistics compute: not for the event loop.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final, Self

from jobs.core.errors import NotFound
from jobs.core.records import Checkpoint, Job
from jobs.evals.answer_store import AnswerReader
from jobs.evals.records import DEFAULT_MARGIN, ArmSummary, Eval, EvalState, SliceFall
from jobs.evals.stats.advice import non_inferiority
from jobs.evals.stats.before_after import before_after
from jobs.evals.stats.comparison import gather
from jobs.evals.stats.pair import Side, pair_up
from jobs.evals.stats.paired_tests import difference, holm, interval_of_verdict
from jobs.evals.stats.slices import Groups, groups_of, slice_falls, slice_scores
from jobs.evals.stats.splits import Gap, welch
from jobs.evals.stats.summary import cost_of
from jobs.evals.stats.variance_components import ItemScores, item_means, run_variance, selection_bias
from jobs.evals.verdict import Verdict
from jobs.evidence.plan import TEST, VALID, by_step, checkpoint_candidate, digest_of, hash_of
from jobs.evidence.records import (
    AgainstBest,
    Candidate,
    ChangedItem,
    Evidence,
    EvidenceState,
    Figure,
    Guard,
    Role,
    Versus,
)
from jobs.platforms.profiles import Price, Retirement
from jobs.tasks.records import NATURAL

NOT_SHOWN: Final = -1.0
"""The lower bound if there is nothing to compute it from: what was not measured is not shown to hold."""
NOT_EVALUATED: Final = "evidence"
"""The guardrail that a checkpoint breaks if nothing of ours was measured: approving it takes an explicit override."""
MOST_SHOWN: Final = 5
LEAST_CHANGE: Final = 0.10
"""A smaller change of one item's reward is not worth a line."""
LEAST_AT_SINGLE_RUNS: Final = 0.50
"""If each item was answered once, nothing says how much of a change is luck: only large ones count."""
ERRORS: Final = 2.0
"""Standard errors that a change must exceed."""
MOST_LETTERS: Final = 200
"""Of an item's text."""


@dataclass(frozen=True, slots=True)
class SplitAnswers:
    """One eval's scores on a split, by model."""

    evaluation: Eval
    scores: Mapping[str, Mapping[str, ItemScores]]
    """Model to grader to its scores."""

    @classmethod
    def read(cls, evaluation: Eval, file: AnswerReader) -> Self:
        """Read the scores of an eval's answers."""
        models = {arm.name: arm.model for arm in evaluation.arms}
        gathered = gather(evaluation, file.answers(evaluation.id))
        return cls(evaluation, {models[each.arm]: each.scores for each in gathered})

    def of(self, model: str | None, grader: str) -> ItemScores:
        """Return the scores that a grader gave a model; {} if it gave none."""
        return self.scores.get(model or "", {}).get(grader, {})

    def rewards(self, model: str | None) -> ItemScores:
        """Return the scores that the reward grader gave a model."""
        return self.of(model, self.evaluation.reward)


def measured(
    evidence: Evidence,
    evals: Mapping[str, Eval],
    file: AnswerReader,
    *,
    guardrails: Mapping[str, float],
    price_of: Callable[[str], Price | None],
    evaluations: int,
) -> Evidence:
    """Return the evidence, ready, with what its evals measured.

    Figures are the evals' own. Changes are paired item by item (`pair_up`); their p is adjusted over the checkpoints
    (Holm), against the base and against the alias's model separately. A missing answer is counted and never scored.

    Args:
        evidence: its candidates' models are the evals' arms.
        evals: by split, the one that chooses (valid) among them; another is left out, and the note says why, if it
            measured nothing.
        file: has their answers.
        guardrails: grader to the fall that is allowed, as a share of its range (-.02).
        price_of: the price of a model, or None if it is not known.
        evaluations: during training, from which the platform kept these checkpoints.
    """
    valid, notes = evals[VALID], [evidence.note]
    troubles = {split: trouble(each) for split, each in evals.items() if split != VALID}
    notes += [f"On the {split} split: {problem}" for split, problem in troubles.items() if problem]
    evals = {split: each for split, each in evals.items() if not troubles.get(split)}
    answers = {split: SplitAnswers.read(each, file) for split, each in evals.items()}
    chosen = answers[VALID]
    bounds = valid.ranges.get(valid.reward)
    width = bounds[1] - bounds[0] if bounds else 1.0
    base = evidence.base.model if evidence.base else None
    against = {
        split: [versus(model, evidence.candidates, each) for model in (base, evidence.alias_model)]
        for split, each in answers.items()
    }
    nothing: list[dict[str, Versus]] = [{}, {}]
    tested, natural = against.get(TEST, nothing), against.get(NATURAL, nothing)
    disagree = _disagreements(evidence, chosen, answers[NATURAL]) if NATURAL in answers else {}
    texts = shown_texts(file, valid.id)
    groups = _groups(valid, file)
    falls = _slice_falls(evidence, chosen, groups)
    margin = width * (abs(guardrails.get(valid.reward, 0.0)) or DEFAULT_MARGIN)
    losses = against_best(evidence.candidates, chosen, margin, width)
    candidates = []
    for each in evidence.candidates:
        fixed, broken = changed_items(chosen.rewards(base), chosen.rewards(each.model), texts, width)
        candidate = replace(
            _with_figures(each, evals, price_of(each.model)),
            versus_base=against[VALID][0].get(each.model),
            versus_alias=against[VALID][1].get(each.model),
            test_versus_base=tested[0].get(each.model),
            test_versus_alias=tested[1].get(each.model),
            natural_versus_base=natural[0].get(each.model),
            natural_versus_alias=natural[1].get(each.model),
            splits_disagree=disagree.get(each.model, ""),
            slice_falls=tuple(fall for fall in falls if fall.after == each.name),
            against_best=losses.get(each.model),
            before_after=_before_after(each, chosen, base, bounds),
            fixed=fixed,
            broken=broken,
            guards=_guards(each.model, evidence, chosen, guardrails) if each.checkpoint else (),
            digest=digest_of(each.checkpoint, each.model, evidence.parts) if each.checkpoint else "",
        )
        candidates.append(candidate)
    rewards = [chosen.rewards(each.model) for each in candidates if each.role is Role.CHECKPOINT]
    return replace(
        evidence,
        state=EvidenceState.READY,
        candidates=tuple(candidates),
        bias=selection_bias([scores for scores in rewards if scores], evaluations),
        constrained=valid.constrained,
        judges={name: valid.fingerprints[name] for name in valid.judges if name in valid.graders},
        headline=valid.headline_graders,
        slices=slice_scores(groups, {each.model: chosen.rewards(each.model) for each in candidates}),
        scoring=valid.scoring,
        scale=bounds,
        answered=sum(each.progress.answered for each in evals.values()),
        note=" ".join(filter(None, (*notes, *_left_out([*evals.values()]), *map(_missing, evals.values())))) or None,
    )


def _disagreements(evidence: Evidence, valid: SplitAnswers, natural: SplitAnswers) -> dict[str, str]:
    """Return for each checkpoint what the natural split says otherwise, by model; p is adjusted over all (Holm).

    Looked at are how high it scores, and how much it gained on the base.
    """
    base = evidence.base.model if evidence.base else None
    found: dict[tuple[str, str], Gap] = {}
    for each in evidence.candidates:
        if each.role is Role.CHECKPOINT:
            levels = [[*item_means(split.rewards(each.model)).values()] for split in (valid, natural)]
            leads = [_gains(split, base, each.model) for split in (valid, natural)]
            found |= {
                (each.model, name): welch(*both) for name, both in (("scores", levels), ("gained", leads)) if all(both)
            }
    adjusted = {
        key: replace(gap, p=p)
        for (key, gap), p in zip(found.items(), holm([gap.p for gap in found.values()]), strict=True)
    }
    told: dict[str, list[str]] = {}
    for (model, name), gap in adjusted.items():
        if gap.verdict is not Verdict.CANT_TELL:
            than = " over the base" if name == "gained" else ""
            told.setdefault(model, []).append(f"it {name} {'more' if gap.change > 0 else 'less'}{than}, {gap.words}")
    return {model: f"{NATURAL} says otherwise: {'; '.join(parts)}." for model, parts in told.items()}


def _groups(valid: Eval, file: AnswerReader) -> Groups:
    """Return the slices of the validation split; none if its items are gone."""
    try:
        return groups_of({item.id: item.fields for item in file.items(valid.id)}, valid.slice_fields)
    except NotFound:
        return {}


def _slice_falls(evidence: Evidence, split: SplitAnswers, groups: Groups) -> tuple[SliceFall, ...]:
    """Return where checkpoints are worse than what is in use, or than the base; p is adjusted over all (Holm)."""
    base, alias = evidence.base, evidence.alias_model
    pairs = {}
    for each in evidence.candidates:
        reference = alias if alias and alias != each.model else base.model if base else None
        if each.role is Role.CHECKPOINT and reference:
            name = (evidence.alias or "what is in use") if reference == alias else "base"
            pairs[name, each.name] = (split.rewards(reference), split.rewards(each.model))
    return slice_falls(groups, pairs)


def _gains(split: SplitAnswers, base: str | None, model: str) -> list[float]:
    """Return how much a model is above the base, item by item."""
    before, after = item_means(split.rewards(base)), item_means(split.rewards(model))
    return [round(after[item] - before[item], 12) for item in sorted(before.keys() & after.keys())]


def _with_figures(candidate: Candidate, evals: Mapping[str, Eval], price: Price | None) -> Candidate:
    """Return the candidate with its scores, how many answers it gave, the tokens that each took, and their cost."""
    valid, of_split = evals[VALID], {split: _summary(each, candidate.model) for split, each in evals.items()}
    summary = of_split[VALID]
    given, said, thought = summary.answers, summary.output_tokens, summary.reasoning_tokens
    candidate = replace(
        candidate,
        valid=_figures(summary),
        test=_figures(of_split[TEST]) if TEST in of_split else {},
        natural=_figures(of_split[NATURAL]) if NATURAL in of_split else {},
        over_labels={
            split: (each.micro.f1, each.macro.f1)
            for split, each in of_split.items()
            if split != TEST and each.micro and each.macro
        },
        answers=given,
        failures=valid.items * valid.runs - given,
        coverage=replace(summary.coverage(valid.reward), asked=valid.items * valid.runs),
    )
    if not given:
        return candidate
    return replace(
        candidate,
        reasoning_tokens=None if thought is None else thought / given,
        output_tokens=said / given if said else None,
        cost=cost_of(summary, price),
    )


def _summary(evaluation: Eval, model: str) -> ArmSummary:
    arm = next((arm.name for arm in evaluation.arms if arm.model == model), model)
    return evaluation.summary(arm) or ArmSummary(arm, 0)


def _figures(summary: ArmSummary) -> dict[str, Figure]:
    return {
        each.grader: Figure(each.mean, *((each.interval.low, each.interval.high) if each.interval else ()))
        for each in summary.graders
        if each.mean is not None
    }


def _before_after(
    candidate: Candidate, split: SplitAnswers, base: str | None, bounds: tuple[float, float] | None
) -> str:
    if candidate.role is not Role.CHECKPOINT or base is None:
        return ""
    return before_after(split.rewards(base), split.rewards(candidate.model), "validation", bounds)


def versus(reference: str | None, candidates: Sequence[Candidate], split: SplitAnswers) -> dict[str, Versus]:
    """Return how each other candidate stands against the model `reference` on the reward, by model.

    The checkpoints are one family of comparisons (Holm); every other candidate is a comparison of its own.
    """
    reward, before = split.evaluation.reward, split.rewards(reference) if reference else {}
    pairs = {
        each.model: pair_up(
            Side(reference or "", before), Side(each.model, after), reward, bounds=split.evaluation.ranges.get(reward)
        )
        for each in candidates
        if each.model != reference and before.keys() & (after := split.rewards(each.model)).keys()
    }
    family = [each.model for each in candidates if each.role is Role.CHECKPOINT and each.model in pairs]
    adjusted = dict(zip(family, holm([pairs[model].p for model in family]), strict=True))
    found = {}
    for model, pair in pairs.items():
        result = replace(pair, p=adjusted[model], pairs=len(family)) if model in adjusted else pair
        interval = interval_of_verdict(result.difference, result.p)
        low, high = (interval.low, interval.high) if interval else (None, None)
        mean = result.difference.mean
        found[model] = Versus(mean, low, high, result.p, result.verdict, result.items, result.items_needed)
    return found


def against_best(
    candidates: Sequence[Candidate], split: SplitAnswers, margin: float, width: float
) -> dict[str, AgainstBest]:
    """Return how each other checkpoint stands against the one with the highest reward, by model; see `AgainstBest`."""
    means = {each.model: item_means(split.rewards(each.model)) for each in candidates if each.role is Role.CHECKPOINT}
    scored = {model: fmean(items.values()) for model, items in means.items() if items}
    if len(scored) < 2:
        return {}
    best = max(scored, key=lambda model: scored[model])
    name = next(each.name for each in candidates if each.model == best)
    found = {}
    for model in scored.keys() - {best}:
        common = sorted(means[model].keys() & means[best].keys())
        differences = [round(means[model][item] - means[best][item], 12) for item in common]
        test = non_inferiority(differences, margin, width=width, candidates=len(scored) - 1)
        if math.isfinite(test.low):
            found[model] = AgainstBest(name, test.mean, test.low, margin)
    return found


def guard(
    grader: str,
    share: float,
    against: Role,
    before: Mapping[str, float],
    after: Mapping[str, float],
    bounds: tuple[float, float] | None = None,
) -> Guard:
    """Return whether a guardrail holds: the lower end of the change's 95% interval must lie above what is allowed.

    Non-inferiority with the margin `share` of the grader's range: the interval is that of the paired t test, m -
    t(.975, n - 1) SE, over the items both have. With fewer than two of these, nothing is shown and the guardrail is
    broken.

    Args:
        grader: whose score must not fall.
        share: the margin, at most 0, as a share of the range (-.02 of 0..5 is -.10).
        against: what the change is from.
        before: mean score by item of that.
        after: mean score by item of the checkpoint.
        bounds: the lowest and the highest score that the grader gives; 0..1 if that is not known.
    """
    width = bounds[1] - bounds[0] if bounds else 1.0
    allowed = share * width
    common = sorted(before.keys() & after.keys())
    if len(common) < 2:
        return Guard(grader, allowed, 0.0, NOT_SHOWN, against, is_broken=True)
    found = difference(
        [round(after[item] - before[item], 12) for item in common], flips=1, largest=width if bounds else None
    )
    low = found.interval.low if found.interval else NOT_SHOWN
    return Guard(grader, allowed, found.mean, low, against, is_broken=not low > allowed)


def _guards(model: str, evidence: Evidence, split: SplitAnswers, guardrails: Mapping[str, float]) -> tuple[Guard, ...]:
    """Return the guardrails against what is in production, or against the base if that is nothing or the model."""
    reference, against = evidence.alias_model, Role.ALIAS
    if reference in {None, model}:
        reference, against = evidence.base.model if evidence.base else None, Role.BASE
    return tuple(
        guard(
            grader,
            share,
            against,
            item_means(split.of(reference, grader)),
            item_means(split.of(model, grader)),
            split.evaluation.ranges.get(grader),
        )
        for grader, share in guardrails.items()
    )


# -- items ---------------------------------------------------------------------------------------------------------

Items = tuple[ChangedItem, ...]


def changed_items(
    before: ItemScores, after: ItemScores, texts: Mapping[str, str], width: float = 1.0
) -> tuple[Items, Items]:
    """Return the items that `after` does most better and most worse, the largest change first, at most 5 each.

    Counted are changes of an item's mean reward of at least .10 and more than twice their standard error
    sqrt(s_A^2 / K_A + s_B^2 / K_B), s^2 the mean over items of the variance between runs: three runs of one item say
    little about its own. At single runs, changes of at least .50.

    Args:
        before: the base model's rewards.
        after: the checkpoint's.
        texts: item id to its text as it is shown.
        width: of the reward's scale; what counts as a large change grows with it.
    """
    old, new = item_means(before), item_means(after)
    noise = [each for scores in (before, after) if (each := run_variance(scores.values())) is not None]
    least = width * LEAST_AT_SINGLE_RUNS
    if len(noise) == 2:
        least = max(width * LEAST_CHANGE, ERRORS * math.sqrt(sum(noise)))
    found = [
        ChangedItem(item, old[item], new[item], texts.get(item, ""))
        for item in sorted(old.keys() & new.keys())
        if abs(new[item] - old[item]) >= least
    ]
    found.sort(key=lambda each: abs(each.after - each.before), reverse=True)
    fixed = [each for each in found if each.after > each.before]
    broken = [each for each in found if each.after < each.before]
    return tuple(fixed[:MOST_SHOWN]), tuple(broken[:MOST_SHOWN])


def shown_texts(file: AnswerReader, eval_id: str) -> dict[str, str]:
    """Return each item's text on one line, cut if it is long; {} if the items are gone."""
    try:
        lines = {item.id: " ".join(item.input.split()) for item in file.items(eval_id)}
    except NotFound:
        return {}
    long = MOST_LETTERS
    return {item: line if len(line) <= long else f"{line[: long - 1].rstrip()}…" for item, line in lines.items()}


# -- nothing measured ----------------------------------------------------------------------------------------------


def failed(evidence: Evidence, job: Job, retired: Mapping[str, Retirement], reason: str, now: float) -> Evidence:
    """Return the evidence if nothing could be measured: the platform's own figures, and why there are no others.

    Each checkpoint has a digest over those, and breaks the guardrail `evidence`.
    """
    candidates = []
    for checkpoint in by_step(job):
        figures = platform_figures(checkpoint, job.training_reward)
        means = {grader: figure.mean for grader, figure in figures.items()}
        guard = Guard(NOT_EVALUATED, 0.0, 0.0, NOT_SHOWN, Role.BASE, is_broken=True)
        digest = hash_of([digest_of(checkpoint.id, checkpoint.model_id, evidence.parts), means])
        shown = checkpoint_candidate(checkpoint, job, retired)
        candidates.append(replace(shown, valid=figures, guards=(guard,), digest=digest))
    again = f" `/rft checkpoints {job.id} again=yes` tries once more." if job.has_task else ""
    return replace(
        evidence,
        state=EvidenceState.FAILED,
        candidates=tuple(candidates),
        bias=None,
        finished_at=now,
        note=f"{reason} The figures here are those of {job.platform}.{again}",
    )


def platform_figures(checkpoint: Checkpoint, reward: str) -> dict[str, Figure]:
    """Return what the platform says a checkpoint scored on its validation file: no interval, no runs of ours."""
    figures = {grader: Figure(score) for grader, score in checkpoint.scores.items()}
    if checkpoint.valid_reward is not None:
        figures.setdefault(reward, Figure(checkpoint.valid_reward))
    return figures


def trouble(evaluation: Eval) -> str | None:
    """Return why an eval that has ended is no evidence, as a sentence; None if it is."""
    rewards = [summary.grader(evaluation.reward) for summary in evaluation.summaries]
    match evaluation.state:
        case EvalState.FINISHED if any(summary and summary.graded for summary in rewards):
            return None
        case EvalState.FINISHED:
            return f"{evaluation.id} got no answer that could be graded{_first_failure(evaluation)}."
        case EvalState.CANCELLED:
            return f"{evaluation.id} was cancelled."
        case _:
            return evaluation.note or f"{evaluation.id} failed."


def _left_out(evals: Sequence[Eval]) -> tuple[str, ...]:
    """Return which graders measured nothing and why, each sentence once."""
    return tuple(dict.fromkeys(note for each in evals if (note := each.left_out_note)))


def _missing(evaluation: Eval) -> str | None:
    """Return what an eval lacks, as a sentence; None if it is complete."""
    if evaluation.note:
        return f"{evaluation.id} on {evaluation.split}: {evaluation.note}"
    told = []
    if missing := sum(evaluation.progress.failures.values()):
        of_all = f"{missing:,} of {evaluation.total:,} answers{_first_failure(evaluation)}"
        told.append(f"Missing on the {evaluation.split} split: {of_all}.")
    remarks = [(each, each.coverage(evaluation.reward)) for each in evaluation.summaries]
    told += [
        f"{each.arm} on the {evaluation.split} split: {coverage.remark}."
        for each, coverage in remarks
        if coverage.ungradable or coverage.scored < each.answers
    ]
    return " ".join(told) or None


def _first_failure(evaluation: Eval) -> str:
    return next((f" ({reason})" for reason in evaluation.progress.failures), "")
