"""Aliases in Slack: moves, rollbacks and their messages."""
