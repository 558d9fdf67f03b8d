"""A scenario lived through on a stepped clock, without any network."""
