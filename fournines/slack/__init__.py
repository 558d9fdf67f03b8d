"""What people read in Slack, and how it gets there."""
