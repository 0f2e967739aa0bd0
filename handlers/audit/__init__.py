"""The audit trail in Slack."""
