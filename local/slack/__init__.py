"""A local Slack workspace: enough of Slack's Web API, Socket Mode and Block Kit to test and try an app against."""
