"""Which value is drawn by which function, and the one way from a value to a picture."""

from collections.abc import Callable, Mapping
from typing import Any

from charts.checkpoints import draw_checkpoint_comparison
from charts.comparison import draw_score_comparison
from charts.intervals import draw_score_intervals
from charts.labels import draw_label_distribution
from charts.over_steps import JobCurves, RewardCurve, RuleTrace, StepPanels, StepTimes
from charts.overlay import draw_job_curves
from charts.panels import draw_step_panels
from charts.precision_recall import draw_precision_recall
from charts.reasoning import draw_rule_trace
from charts.reward import draw_reward_curve
from charts.sheet import Sheet
from charts.timing import draw_step_times
from charts.values import (
    Chart,
    CheckpointComparison,
    LabelDistribution,
    PrecisionRecall,
    ScoreComparison,
    ScoreIntervals,
    VarianceStudy,
)
from charts.variance import draw_variance_study

CHARTS: Mapping[type[Chart], Callable[[Sheet, Any], None]] = {
    RewardCurve: draw_reward_curve,
    StepPanels: draw_step_panels,
    StepTimes: draw_step_times,
    JobCurves: draw_job_curves,
    RuleTrace: draw_rule_trace,
    CheckpointComparison: draw_checkpoint_comparison,
    VarianceStudy: draw_variance_study,
    ScoreComparison: draw_score_comparison,
    LabelDistribution: draw_label_distribution,
    PrecisionRecall: draw_precision_recall,
    ScoreIntervals: draw_score_intervals,
}


def draw(sheet: Sheet, chart: Chart) -> bytes:
    """Return `chart` drawn on `sheet` as a PNG, 1000 pixels wide; what was on the sheet before leaves no trace."""
    sheet.wipe()
    CHARTS[type(chart)](sheet, chart)
    return sheet.png()
