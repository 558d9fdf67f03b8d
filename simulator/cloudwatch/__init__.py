"""CloudWatch as the world keeps it: what is measured, when it can be read, what alarms say, what it costs."""
