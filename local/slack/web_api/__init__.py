"""Slack's Web API: one file for each family of methods, `methods.py` lists them, `endpoint.py` serves them."""
