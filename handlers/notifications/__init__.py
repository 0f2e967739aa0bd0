"""Mutes, quiet hours, digests and mentions in Slack."""
