"""Statistics of evals: intervals, paired tests, sample sizes, label metrics, verdicts. Pure functions over scores."""
