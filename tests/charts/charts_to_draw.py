"""Values the chart tests draw: one job that overfits, three checkpoints, and everything odd that can come in."""

import math
import random

from charts.values import Chart, CheckpointComparison, CheckpointScores, Points, RewardCurve


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

CHECKPOINTS = CheckpointComparison(
    title="Step 45 finds most labels; step 30 is nearly always right",
    subtitle="eurovoc, 50 validation items",
    rows=(
        CheckpointScores("ckpt-step-30", 30, precision=0.87, recall=0.41, f1=0.56),
        CheckpointScores("ckpt-step-45", 45, precision=0.61, recall=0.72, f1=0.66),
        CheckpointScores("ckpt-step-60", 60, precision=0.58, recall=0.69, f1=0.63),
    ),
)

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
}
