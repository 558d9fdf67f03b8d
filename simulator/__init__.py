"""A living ECS estate behind the real AWS API, and a fake Slack: the world that rehearsals are lived in."""
