"""A Slack workspace that enforces Slack's limits, can be made to fail, and shows itself as one page."""
