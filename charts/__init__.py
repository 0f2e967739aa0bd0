"""Numbers in, picture out.

Importing this package never imports matplotlib: values, words and the pool live here, drawing lives in child processes.
"""

from charts.alt_text import describe
from charts.over_steps import (
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
from charts.pool import ChartFailed, ChartPool
from charts.splitting import time_shares
from charts.values import (
    ArmScores,
    Chart,
    CheckpointComparison,
    CheckpointScores,
    Estimate,
    EvaluatedModel,
    ItemScores,
    LabelCount,
    LabelDistribution,
    ModelKind,
    PrecisionRecall,
    Score,
    ScoreComparison,
    ScoreIntervals,
    Theme,
    VarianceStudy,
)

__all__ = [
    "ArmScores",
    "Chart",
    "ChartFailed",
    "ChartPool",
    "CheckpointComparison",
    "CheckpointScores",
    "Estimate",
    "EvaluatedModel",
    "ItemScores",
    "JobCurve",
    "JobCurves",
    "LabelCount",
    "LabelDistribution",
    "ModelKind",
    "Panel",
    "Points",
    "PrecisionRecall",
    "RewardCurve",
    "RuleTrace",
    "Score",
    "ScoreComparison",
    "ScoreIntervals",
    "StepPanels",
    "StepTime",
    "StepTimes",
    "Theme",
    "Threshold",
    "TracePanel",
    "TracedLine",
    "VarianceStudy",
    "describe",
    "time_shares",
]
