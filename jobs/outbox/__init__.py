"""Delivery of the messages that were committed with a change."""
