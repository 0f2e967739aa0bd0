"""Approvals in Slack: the form, the votes, what is pending."""
