"""A Slack workspace and a training platform on this machine, to try and to test against; apart from the rest."""
