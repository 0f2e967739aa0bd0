"""Evals in Slack: /eval and its cards."""
