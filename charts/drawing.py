"""Which value is drawn by which function, and the one way from a value to a picture."""

from collections.abc import Callable, Mapping
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from charts.evaluated_models import draw_precision_recall, draw_score_intervals, draw_score_tokens
from charts.figure import png
from charts.fonts import families, texts_of
from charts.label_distribution import draw_label_distribution
from charts.learning_curve import draw_learning_curve
from charts.reward_curves import draw_job_curves, draw_reward_curve
from charts.reward_spread import draw_reward_spread
from charts.rule_trace import draw_rule_trace
from charts.score_bars import draw_checkpoint_comparison, draw_score_comparison
from charts.step_panels import draw_step_panels
from charts.step_times import draw_step_times
from charts.step_values import JobCurves, RewardCurve, RuleTrace, StepPanels, StepTimes
from charts.style import PALETTES, Palette, settings
from charts.values import (
    Chart,
    CheckpointComparison,
    LabelDistribution,
    LearningCurve,
    PrecisionRecall,
    RewardSpread,
    ScoreComparison,
    ScoreIntervals,
    ScoreTokens,
    Theme,
    VarianceStudy,
)
from charts.variance_study import draw_variance_study

CHARTS: Mapping[type[Chart], Callable[[Any, Palette], Figure]] = {
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
    LearningCurve: draw_learning_curve,
    ScoreTokens: draw_score_tokens,
    RewardSpread: draw_reward_spread,
}


def draw(chart: Chart, theme: Theme) -> bytes:
    """Return `chart` as a PNG, 1000 pixels wide."""
    palette = PALETTES[theme]
    with rc_context(settings(theme, families(texts_of(chart)))):
        return png(CHARTS[type(chart)](chart, palette))
