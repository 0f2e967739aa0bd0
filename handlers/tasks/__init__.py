"""Tasks in Slack: check, balance, upload."""
