"""What AWS or a person told us."""
