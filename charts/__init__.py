"""Numbers in, picture out.

Importing this package never imports matplotlib: values, words and the pool live here, drawing lives in child processes.
"""

from charts.alt_text import describe
from charts.pool import ChartFailed, ChartPool
from charts.values import Chart, CheckpointComparison, CheckpointScores, RewardCurve, Theme

__all__ = [
    "Chart",
    "ChartFailed",
    "ChartPool",
    "CheckpointComparison",
    "CheckpointScores",
    "RewardCurve",
    "Theme",
    "describe",
]
