"""Values the chart tests draw: one job that overfits, three checkpoints, and everything odd that can come in."""

import math
import random
from dataclasses import replace
from statistics import fmean

from charts.step_values import (
    JobCurve,
    JobCurves,
    Panel,
    Points,
    RewardCurve,
    RuleTrace,
    StepPanels,
    StepTime,
    StepTimes,
    Threshold,
    TracedLine,
    TracePanel,
)
from charts.values import (
    ArmScores,
    Chart,
    CheckpointComparison,
    CheckpointScores,
    Estimate,
    EvaluatedModel,
    Histogram,
    ItemScores,
    LabelCount,
    LabelDistribution,
    LearningCurve,
    ModelKind,
    PrecisionRecall,
    RewardSpread,
    Score,
    ScoreComparison,
    ScoreIntervals,
    ScoreTokens,
    VarianceStudy,
)


def train_points(steps: int, *, level: float = 0.16, seed: int = 3) -> Points:
    noise = random.Random(seed)
    return tuple((s, level + 0.6 * (1 - math.exp(-s / 25)) + noise.gauss(0, 0.035)) for s in range(1, steps + 1))


def valid_points(steps: int, *, every: int = 5, level: float = 0.16, seed: int = 4) -> Points:
    noise = random.Random(seed)
    rise = ((s, level + 0.42 * (1 - math.exp(-s / 12))) for s in range(0, steps + 1, every))
    return tuple((s, value + noise.gauss(0, 0.012)) for s, value in rise)


OVERFIT = RewardCurve(
    title="Validation stopped rising at step 40 while train reward went on",
    subtitle="eurovoc, local-policy-1, job ftjob-7f3a",
    train=train_points(100),
    valid=valid_points(100),
    checkpoints=(35, 40, 55),
    alerts=(65,),
    total_steps=100,
)

NOISE_SHOWN = replace(OVERFIT, epoch_steps=7, valid_error=0.0148)
"""The same with the mean of one epoch and the band of the standard error."""

GRADERS = StepPanels(
    title="Step 100: precision 0.61, recall 0.55, F1 0.58 on the validation split",
    panels=(
        Panel("precision", train_points(100, seed=7), valid_points(100, seed=8)),
        Panel("recall", train_points(100, level=0.02, seed=9), valid_points(100, level=0.1, seed=10)),
        Panel("F1, the reward", train_points(100, level=0.06, seed=11), valid_points(100, level=0.12, seed=12)),
    ),
    unit="score",
    subtitle="eurovoc, local-policy-1, job ftjob-7f3a",
    shared=True,
    total_steps=100,
)

TOKENS = StepPanels(
    title="Completions are 42% longer than at step 1: 1,198 tokens each",
    panels=(
        Panel("completion tokens", tuple((s, 840 + 3.6 * s + 30 * math.sin(s * 7)) for s in range(1, 101))),
        Panel("reasoning tokens"),
    ),
    unit="tokens",
    subtitle="eurovoc, local-policy-1, job ftjob-7f3a",
    total_steps=100,
    note="The platform local sends no reasoning tokens.",
)

TIMES = StepTimes(
    title="Sampling takes 58% of the time, training 33%, evaluation 9%",
    steps=tuple(
        StepTime(s, 1.9 + 0.4 * math.sin(s), 1.1, 1.6 if s % 5 == 0 else None, 3.2 + (1.6 if s % 5 == 0 else 0.0))
        for s in range(1, 101)
        if not 60 <= s <= 64
    ),
    subtitle="eurovoc, local-policy-1, job ftjob-7f3a",
    total_steps=100,
)

JOBS = JobCurves(
    title="rft-k7m3pq has the highest validation reward: 0.63 at step 95",
    jobs=(
        JobCurve("rft-k7m3pq  eurovoc, local-policy-1, epochs=5", valid_points(100, seed=1)),
        JobCurve("rft-b2x9nd  eurovoc, local-policy-1, epochs=5 seed=7", valid_points(100, level=0.12, seed=2)),
        JobCurve("rft-zz81aa  eurovoc, local-policy-1", valid_points(55, level=0.08, seed=3)),
        JobCurve("rft-q4q4q4  eurovoc, local-policy-1, batch=8", valid_points(80, level=0.10, seed=6)),
        JobCurve("rft-fresh2  eurovoc, local-policy-1"),
    ),
    subtitle="eurovoc, 50 validation items",
)

DRIFT = TracePanel(
    "drift of the gap between train and validation",
    "score",
    (TracedLine("drift of the gap", valid_points(100, level=-0.1)),),
    (Threshold("what noise explains", valid_points(100, level=0.0, seed=9)), Threshold("wide", 0.1)),
)
BOTH = TracePanel("validation scores", "score", (TracedLine("precision", valid_points(100)), TracedLine("recall")))
TRACE = RuleTrace(
    "The gap grew from 0.02 to 0.20, more than noise explains",
    (DRIFT, BOTH),
    "rule O1, rft-k7m3pq",
    fired=(65,),
    cleared=(90,),
    total_steps=100,
)
CHECKPOINTS = CheckpointComparison(
    title="Can't tell steps 30, 45 and 60 apart: F1 0.56 to 0.66",
    subtitle="eurovoc, 50 validation items",
    noise=0.14,
    rows=(
        CheckpointScores("ckpt-step-30", 30, precision=0.87, recall=0.41, f1=0.56),
        CheckpointScores("ckpt-step-45", 45, precision=0.61, recall=0.72, f1=0.66),
        CheckpointScores("ckpt-step-60", 60, precision=0.58, recall=0.69, f1=0.63),
    ),
)


def estimate(mean: float, half: float = 0.08) -> Estimate:
    return Estimate(mean, max(mean - half, 0.0), min(mean + half, 1.0))


def evaluated(
    label: str, precision: float, recall: float, *, half: float = 0.08, kind: ModelKind = "checkpoint"
) -> EvaluatedModel:
    f1 = 2 * precision * recall / (precision + recall)
    return EvaluatedModel(
        label, kind, estimate(precision, half), estimate(recall, half), estimate(f1, half), label == "step 45"
    )


MODELS = (
    evaluated("base", 0.45, 0.42, kind="base"),
    evaluated("step 30", 0.87, 0.41),
    evaluated("step 45", 0.61, 0.72),
    evaluated("step 60", 0.58, 0.69),
    evaluated("eurovoc@production", 0.64, 0.55, kind="alias"),
)
TRADE_OFF = PrecisionRecall(
    "Step 45 is better than the base: F1 up 0.20 (95% interval 0.12 to 0.28)",
    MODELS,
    "eurovoc, validation split, 50 items x 3 runs",
)
REWARDS = ScoreIntervals("Step 45 is better than the base", MODELS, "exactness", "acts, validation split, 50 items")


def items(count: int, *, seed: int = 5) -> tuple[ItemScores, ...]:
    """Return items of a study of 9 runs; every eighth never scores, the others lie all over 0..1."""
    noise = random.Random(seed)
    found = []
    for number in range(count):
        level = 0.0 if number % 8 == 0 else noise.betavariate(1.2, 1.6)
        runs = [min(1.0, max(0.0, noise.gauss(level, 0.12))) if level else 0.0 for _ in range(9)]
        found.append(ItemScores(f"act-{number}", fmean(runs), max(runs), min(runs)))
    return tuple(found)


STUDY = VarianceStudy(
    title="READY: the mean is 0.38 and the best of nine runs 0.55, so there is room to learn",
    items=items(50),
    runs=9,
    mean=0.38,
    mean_best=0.55,
    mean_variance=0.0123,
    subtitle="eurovoc, local-policy-1, validation split",
)

LEARNING = LearningCurve(
    title="More data pays: another 100 items would bring about +0.03 (0.01 to 0.06)",
    points=((50, 0.44), (50, 0.46), (100, 0.50), (100, 0.53), (200, 0.56), (200, 0.55)),
    curve=tuple((n, 0.66 - 1.45 / math.sqrt(n)) for n in range(50, 301, 10)),
    promised=(300, 0.565, 0.615),
    base=0.41,
    subtitle="eurovoc · 50, 100 and 200 x 2 seeds · best checkpoints, validation split",
    score="F1",
)

PUBLISHED = ScoreComparison(
    title="The tuned model is better: F1 0.671 against 0.537 and 0.449",
    graders=("F1", "precision", "recall"),
    arms=(
        ArmScores("gpt-4.1", (Score(0.449, 0.006), Score(0.390, 0.007), Score(0.593, 0.004))),
        ArmScores("o4-mini", (Score(0.537, 0.020), Score(0.754, 0.018), Score(0.474, 0.013))),
        ArmScores("tuned", (Score(0.671, 0.003), Score(0.774, 0.019), Score(0.628, 0.016))),
    ),
    subtitle="150 validation items, several runs each",
    best="tuned",
)
"""The figures of the field's demonstration, as published."""

SCRIPTS = (
    "\u519c\u4e1a",
    "\u6e14\u4e1a\u4e0e\u6d77\u6d0b\u4e8b\u52a1",
    "\u65e5\u672c\u8a9e\u306e\u30e9\u30d9\u30eb",
    "\ud55c\uad6d\uc5b4",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "\u05e2\u05d1\u05e8\u05d9\u05ea",
    "\u0939\u093f\u0928\u094d\u0926\u0940",
    "\u0e44\u0e17\u0e22",
    "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd",
    "\u09ac\u09be\u0982\u09b2\u09be",
    "\u0c24\u0c46\u0c32\u0c41\u0c17\u0c41",
    "\u12a0\u121b\u122d\u129b",
    "\u10e5\u10d0\u10e0\u10d7\u10e3\u10da\u10d8",
    "\u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac",
    "\u0420\u0443\u0441\u0441\u043a\u0438\u0439",
    "Ti\u1ebfng Vi\u1ec7t",
    "\U0001f44d",
    "\U00020bb7\u91ce\u5bb6",
)
"""The same few words in scripts that one font alone does not have."""
ONE_LABEL = LabelCount("agriculture", 12, 90)
BALANCE = LabelDistribution(
    title="Balanced: the most frequent label comes 1.5 times as often as the rarest",
    labels=(ONE_LABEL, LabelCount("energy", 10, 41), LabelCount("taxation", 9, 11), LabelCount("fisheries", 8, 3)),
    subtitle="eurovoc, 150 of 1,200 items",
)
LONG_NAME = "ft:o4-mini-2025-04-16:acme-legal-department:eurovoc-{}:Bx12Ab (high)"

ODD: dict[str, Chart] = {
    "no step yet": RewardCurve("Queued", total_steps=100),
    "no title": RewardCurve("", train=((1, 0.5),)),
    "one point each": RewardCurve("Step 1", train=((1, 0.2),), valid=((1, 0.3),)),
    "only validation": RewardCurve("No train reward", valid=valid_points(20)),
    "equal rewards": RewardCurve("Nothing moves", train=tuple((s, 0.0) for s in range(20)), valid=((0, 0.0),)),
    "all at one": RewardCurve("Saturated", train=tuple((s, 1.0) for s in range(20)), total_steps=20),
    "not finite": RewardCurve("Holes", train=((1, math.nan), (2, 0.2), (3, math.inf)), valid=((0, math.nan),)),
    "negative": RewardCurve("Penalties", train=train_points(60, level=-0.9), valid=valid_points(60, level=-0.7)),
    "huge": RewardCurve("Unscaled", train=((1, -2.5e6), (2, 1e7), (3, 4.0e6))),
    "past the plan": RewardCurve("Longer", train=train_points(30), total_steps=20, checkpoints=(25,), alerts=(29, 31)),
    "unsorted": RewardCurve("Late events", train=((3, 0.3), (1, 0.1), (2, 0.2))),
    "5,000 steps": RewardCurve("Long", train=train_points(5000), valid=valid_points(5000), alerts=(1, 2, 3, 4)),
    "a band over one": RewardCurve("Near the top", valid=((0, 0.99), (5, 1.0)), valid_error=0.2, epoch_steps=4),
    "a band of nothing": RewardCurve("Bad error", valid=((0, 0.5),), train=((1, 0.5),), valid_error=math.nan),
    "no panel": StepPanels("Nothing", (), "score"),
    "empty panels": StepPanels("Early", (Panel("a"), Panel("b" * 200, ((1, math.nan),))), "seconds", note="why " * 99),
    "a point each": StepPanels("Step 1", (Panel("a", ((1, 3.0),), ((1, 2.0),)),), "tokens"),
    "all panels at zero": StepPanels("Zero", (Panel("a", ((1, 0.0), (2, 0.0)), ((2, 0.0),)),), "share"),
    "negative panels": StepPanels("Penalties", (Panel("a", ((1, -0.5), (2, 0.5))), Panel("b", ((1, 9.0),))), "score"),
    "twenty panels": StepPanels(
        "Many", tuple(Panel(f"p{n}", train_points(9)) for n in range(20)), "score", shared=True
    ),
    "5,000 steps of latency": StepPanels("Long", (Panel("judge", train_points(5000), valid_points(5000)),), "seconds"),
    "no times": StepTimes("Nothing", ()),
    "times without values": StepTimes("Nothing", (StepTime(1), StepTime(2, math.nan))),
    "only whole steps": StepTimes("Whole", tuple(StepTime(s, full=float(s)) for s in range(1, 9)), total_steps=8),
    "5,000 step times": StepTimes("Long", tuple(StepTime(s, 200.0, 400.0, 99.0) for s in range(5000))),
    "negative times": StepTimes("Broken clock", (StepTime(1, -1.0, 2.0, None, 0.5),)),
    "no job": JobCurves("Nobody", ()),
    "nine jobs": JobCurves("Many", tuple(JobCurve(f"job {n} " * 30, valid_points(20, seed=n)) for n in range(9))),
    "jobs without evaluations": JobCurves("Early", (JobCurve("a"), JobCurve("b", ((0, math.nan),)))),
    "jobs below zero": JobCurves("Penalties", (JobCurve("a", ((0, -3.0), (5, 2.0))), JobCurve("b", ((0, 1.0),)))),
    "hostile words": RewardCurve("$x^2$ {0} %s \\frac{ \x00 \u4e2d\u6587 \U0001f600 " * 4, "\n\t\u202e" * 9),
    "no rows": CheckpointComparison("Nothing kept", ()),
    "no scores": CheckpointComparison("Not measured", (CheckpointScores("a", 1), CheckpointScores("b", 2))),
    "base model": CheckpointComparison("Base", (CheckpointScores("base model", f1=0.16), *CHECKPOINTS.rows)),
    "one row": CheckpointComparison("Just one", (CheckpointScores("", 5, f1=0.0),)),
    "no names": CheckpointComparison("Who", (CheckpointScores("", None, f1=0.2), CheckpointScores("", None, f1=0.2))),
    "rewards below zero": CheckpointComparison(
        "Penalties", (CheckpointScores("a", 1, reward=-0.4, f1=math.nan), CheckpointScores("b" * 90, 2, reward=1.6))
    ),
    "many rows": CheckpointComparison("Many", tuple(CheckpointScores("ckpt", s, s / 40, 0.5, 0.6) for s in range(40))),
    "no point": LearningCurve("Nothing", ()),
    "one point, no curve": LearningCurve("One", ((10, 0.5),), score="a grader with a long name" * 4),
    "24 jobs on up to 40,000 items": LearningCurve(
        "Many",
        tuple((n, 3 - 40 / math.sqrt(n)) for n in (5_000, 10_000, 20_000, 40_000) for _ in range(6)),
        tuple((n, 3 - 40 / math.sqrt(n)) for n in range(5_000, 60_001, 5_000)),
        (60_000, 2.2, 3.4),
        -0.5,
    ),
    "no item": VarianceStudy("Nothing sampled", (), 9),
    "no item graded": VarianceStudy("Nothing graded", (ItemScores("a", None, None, None),), 9),
    "one item, one run": VarianceStudy("One", (ItemScores("a", 0.5, 0.5, 0.5),), 1, 0.5, 0.5, 0.0),
    "1,000 items": VarianceStudy("Many", items(1000), 9, 0.38, 0.55, 0.012),
    "30,000 items": VarianceStudy("Very many", items(30_000), 3, score="a grader with a long name"),
    "items with holes": VarianceStudy(
        "Holes", (*items(4), ItemScores("b", 0.4, None, math.nan), ItemScores("c", math.nan, 1.0, 0.0)), 2, math.nan
    ),
    "items outside 0..1": VarianceStudy(
        "\u4e2d $x^2$", tuple(ItemScores(f"i{n}", n - 5.0, n - 4.0, n - 7.0) for n in range(9)), 3, score="\x00" * 99
    ),
    "no arm": ScoreComparison("Nobody", ("F1",), ()),
    "no grader": ScoreComparison("Nothing", (), (ArmScores("a", ()),)),
    "no score": ScoreComparison("Failed", ("F1",), (ArmScores("a", (Score(None),)), ArmScores("b", ()))),
    "five long arms": ScoreComparison(
        "Can't tell",
        ("precision", "recall", "F1", "judge " * 30),
        tuple(ArmScores(LONG_NAME.format(n), (Score(0.5, 0.02 * n), Score(0.4), Score(0.3, 0.9))) for n in range(5)),
    ),
    "twenty arms": ScoreComparison("Crowd", ("F1",), tuple(ArmScores(f"m{n}", (Score(n / 20),)) for n in range(20))),
    "scores outside 0..1": ScoreComparison(
        "Judge 1..10",
        ("judge", "penalty"),
        (ArmScores("$a$ \u4e2d", (Score(7.25, 0.5), Score(-0.4, 0.3))), ArmScores("", (Score(math.inf), Score(0.2)))),
    ),
    "no label": LabelDistribution("Nothing", ()),
    "labels never used": LabelDistribution("Empty", (LabelCount("a", 0), LabelCount("b", 0, None))),
    "labels not counted": LabelDistribution("Unknown", (LabelCount("a", None), LabelCount("b", None, 3))),
    "40 labels": LabelDistribution("Forty", tuple(LabelCount(f"label {n}", 90 - 2 * n) for n in range(40))),
    "500 labels": LabelDistribution("Many", tuple(LabelCount(f"{n} " * 40, 1000 - n, 2000 - n) for n in range(500))),
}

ODD |= {
    "no model": PrecisionRecall("Nothing", ()),
    "one model without an interval": PrecisionRecall(
        "One", (EvaluatedModel("base", "base", Estimate(0.5), Estimate(0.5)),)
    ),
    "a model that was not measured": PrecisionRecall(
        "Holes", (*MODELS, EvaluatedModel("step 75", "checkpoint", Estimate(math.nan), Estimate(0.5)))
    ),
    "eight models in one place": PrecisionRecall(
        "Can't tell them apart", tuple(evaluated(f"step {n}", 0.6 + n / 1000, 0.5) for n in range(8))
    ),
    "tiny intervals": PrecisionRecall("Tiny", (evaluated("a", 0.6, 0.5, half=0.002), evaluated("b", 0.6, 0.51))),
    "at the top": PrecisionRecall("Top", (evaluated("a", 1.0, 1.0, half=0.0), evaluated("b", 1.0, 0.99, half=0.02))),
    "at the foot": PrecisionRecall("Foot", (EvaluatedModel("base", "base", estimate(0.0), estimate(0.0)), *MODELS)),
    "precision outside 0..1": PrecisionRecall(
        "Odd", (EvaluatedModel("x" * 90, "alias", Estimate(7.0), Estimate(-3.0)),)
    ),
    "forty models": PrecisionRecall(
        "Crowd", tuple(evaluated(f"step {n}", 0.3 + n / 80, 0.9 - n / 80) for n in range(40))
    ),
    "no scored model": ScoreIntervals("Nothing", (EvaluatedModel("base", "base"),)),
    "models with holes": ScoreIntervals("Holes", (*MODELS, EvaluatedModel("z" * 99, "checkpoint"))),
    "scores below zero": ScoreIntervals("Penalties", (EvaluatedModel("a", "base", score=Estimate(-2.0, -3.0, 8.0)),)),
    "thirty scores": ScoreIntervals("Many", tuple(evaluated(f"step {n}", 0.5, 0.5) for n in range(30)), "judge " * 40),
}

ODD |= {
    "no condition": RuleTrace("Nothing", ()),
    "a condition without points": RuleTrace(
        "Nothing yet", (TracePanel("tokens", "tokens", (TracedLine("mean"),), ()),)
    ),
    "conditions that are not finite": RuleTrace(
        "Holes",
        (
            TracePanel(
                "share",
                "share",
                (TracedLine("a", ((1, math.nan), (2, 0.2), (3, math.inf))),),
                (Threshold("b", math.nan), Threshold("c", ((1, math.nan),))),
            ),
        ),
    ),
    "a condition of one point": RuleTrace(
        "One", (TracePanel("seconds", "seconds", (TracedLine("a", ((4, 2.0),)),)),), fired=(4,)
    ),
    "too many conditions": RuleTrace(
        "Crowd",
        (
            TracePanel(
                "score " * 60,
                "score",
                tuple(TracedLine(LONG_NAME.format(n) * 3, train_points(30, seed=n)) for n in range(9)),
                tuple(Threshold(f"t{n}", n / 9) for n in range(9)),
            ),
        )
        * 3,
        fired=tuple(range(1, 30)),
        cleared=tuple(range(2, 31)),
    ),
    "a condition below zero": RuleTrace(
        "Penalties", (TracePanel("a", "score", (TracedLine("r", train_points(60, level=-3)),)),)
    ),
    "5,000 steps of a condition": RuleTrace(
        "Long", (TracePanel("a", "tokens", (TracedLine("r", train_points(5000)),)),)
    ),
    "alerts past the plan": RuleTrace("Longer", (DRIFT,), fired=(140,), total_steps=50),
}

ODD |= {
    "twelve models": PrecisionRecall(
        "Step 40 is better than the base: F1 up 0.09 (95% interval 0.02 to 0.16)",
        tuple(evaluated(f"step {5 * n} of rft-k7m3pq", 0.5 + n / 90, 0.52 + (n % 5) / 60) for n in range(12)),
        "eurovoc \u00b7 rft-k7m3pq \u00b7 50 validation items x 3 runs",
    ),
    "long names of models": ScoreIntervals(
        "Can't tell them apart " * 6,
        tuple(replace(model, label=LONG_NAME.format(n), chosen=n == 1) for n, model in enumerate(MODELS)),
        "a grader with a very long name indeed",
    ),
    "3,000 steps of everything": replace(
        NOISE_SHOWN,
        title="Validation reward 0.5832 at step 2,995 of 3,000, more than noise explains, and " * 3,
        train=train_points(3000),
        valid=valid_points(3000),
        checkpoints=tuple(range(100, 3001, 100)),
        alerts=(1, 700, 1400, 2100, 2999),
        total_steps=3000,
    ),
    "twelve models with long names": PrecisionRecall(
        "Can't tell them apart",
        tuple(evaluated(LONG_NAME.format(n), 0.5 + n % 4 / 20, 0.4 + n % 3 / 10) for n in range(12)),
    ),
    "twelve jobs": JobCurves(
        "rft-11 is highest", tuple(JobCurve(f"rft-{n:02}", valid_points(100, level=n / 30)) for n in range(12))
    ),
    "twelve arms": ScoreComparison(
        "Twelve", ("F1",), tuple(ArmScores(LONG_NAME.format(n), (Score(n / 20, 0.02),)) for n in range(12))
    ),
    "a judge of 0 to 5": ScoreComparison(
        "Answers are better: quality 4.1 against 3.2",
        ("quality", "F1"),
        (ArmScores("a", (Score(3.2, 0.2), Score(0.5, 0.1))), ArmScores("b", (Score(4.1, 0.2), Score(0.6)))),
        scales=(("quality", (0.0, 5.0)),),
    ),
    "a study of 0 to 5": VarianceStudy("t", (ItemScores("a", 3.0, 4.0, 1.0),), 3, 3.0, 4.0, 0.5, scale=(0.0, 5.0)),
    "a judge of 0 to 5 over steps": RewardCurve(
        "Reward 3.9",
        train=tuple((step, 2 + step / 40) for step in range(1, 81)),
        valid=tuple((step, 2 + step / 45) for step in range(0, 81, 5)),
        valid_error=0.15,
    ),
    "one step": RewardCurve(
        "Step 1", train=((1, 0.2),), valid=((1, 0.21),), total_steps=1, checkpoints=(1,), alerts=(1,)
    ),
    "thirty long labels": LabelDistribution(
        "Thirty", tuple(LabelCount(f"Directorate-General for Agriculture, unit {n}", 60 - n, 90 - n) for n in range(30))
    ),
    "halfway": replace(OVERFIT, train=train_points(45), valid=valid_points(45), checkpoints=(), alerts=(44,)),
    "labels in many scripts": LabelDistribution(
        "\u6807\u7b7e\u5206\u5e03" * 20, tuple(LabelCount(label, 9 + n) for n, label in enumerate(SCRIPTS))
    ),
    "scripts without letters": LabelDistribution(
        "\u0420\u0443\u0441\u0441\u043a\u0438\u0439 \u4e2d\u6587",
        (LabelCount("\u4e2d\u6587\u6807\u7b7e", 4), LabelCount("\u0627\u0644\u0639\u0631\u0628\u064a\u0629", 2)),
    ),
}

MAIN: dict[str, Chart] = {
    "overfit": OVERFIT,
    "noise shown": NOISE_SHOWN,
    "graders": GRADERS,
    "tokens": TOKENS,
    "times": TIMES,
    "jobs": JOBS,
    "rule trace": TRACE,
    "checkpoints": CHECKPOINTS,
    "study": STUDY,
    "learning": LEARNING,
    "published": PUBLISHED,
    "balance": BALANCE,
    "trade-off": TRADE_OFF,
    "rewards": REWARDS,
}
"""One of each kind, as in a real thread."""
TENTHS = tuple(n / 10 for n in range(11))
SPREAD = RewardSpread(
    "31% of the spend would teach nothing",
    Histogram(TENTHS, (190, 12, 30, 41, 44, 52, 38, 29, 20, 84)),
    Histogram(TENTHS, (0, 2, 4, 9, 12, 6, 3, 2, 2, 1)),
    flat=19,
    runs=9,
    score="F1",
    subtitle="eurovoc \u00b7 local-policy-1 \u00b7 valid, 60 items x 9 runs",
)
BY_TOKENS = ScoreTokens(
    "Step 45 is the cheapest that is as good as step 60",
    tuple(replace(model, tokens=500.0 + 90 * place) for place, model in enumerate(MODELS)),
    "F1",
    "reasoning tokens of an answer",
    "eurovoc, validation split, 50 items x 3 runs",
)
BY_EFFORT = ScoreTokens(
    "Effort low is as good as medium and costs 59% less",
    tuple(
        replace(evaluated(effort, 0.5 + place / 50, 0.55, kind="arm"), tokens=300.0 * 2**place)
        for place, effort in enumerate(("low", "medium", "high"))
    ),
    "F1",
    "reasoning tokens of an answer",
)
MAIN |= {"spread of rewards": SPREAD, "score against tokens": BY_TOKENS}
ODD |= {
    "no reward": RewardSpread("Nothing", Histogram((0.0, 1.0), (0,)), Histogram((0.0, 1.0), (0,)), 0, 9),
    "no item with spread": RewardSpread("Flat", Histogram((0.0, 1.0), (90,)), Histogram((0.0, 1.0), (0,)), 10, 9),
    "rewards of their own scale": replace(
        SPREAD,
        score="a judge with a very long name indeed " * 3,
        flat=0,
        rewards=Histogram((-1.0, 2.0, 5.0), (1, 123_456)),
        spreads=Histogram((0.0, 3.0, 6.0), (1, 2_345)),
    ),
    "nearly every item flat": replace(SPREAD, flat=5_000),
    "efforts": BY_EFFORT,
    "no model with tokens": ScoreTokens("Nothing", MODELS),
    "models of the same tokens": ScoreTokens("Equal", tuple(replace(model, tokens=0.0) for model in MODELS)),
    "a model without tokens": replace(BY_TOKENS, models=(*BY_TOKENS.models, replace(MODELS[1], label="z" * 99))),
    "twelve models by tokens": ScoreTokens(
        "Crowd", tuple(replace(evaluated(LONG_NAME.format(n), 0.5, 0.5), tokens=9e5 + 1e4 * n) for n in range(12))
    ),
}
EVERY: dict[str, Chart] = {**MAIN, **ODD}
