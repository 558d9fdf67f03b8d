"""The pages, and the same values as JSON.  Read only."""
