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
    ItemScores,
    LabelCount,
    LabelDistribution,
    Score,
    ScoreComparison,
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
    "ItemScores",
    "JobCurve",
    "JobCurves",
    "LabelCount",
    "LabelDistribution",
    "Panel",
    "Points",
    "RewardCurve",
    "RuleTrace",
    "Score",
    "ScoreComparison",
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
