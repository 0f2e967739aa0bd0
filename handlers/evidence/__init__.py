"""A job's checkpoints in Slack: how they were evaluated, and which to choose."""
