"""What a person should do: Markdown runbooks with steps a machine can read."""
