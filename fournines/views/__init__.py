"""What is shown, computed once: Slack, web, JSON, metrics and paper draw from the same values."""
