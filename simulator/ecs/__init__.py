"""Amazon ECS: services that keep their tasks, roll out revisions, and fall back when these fail."""
