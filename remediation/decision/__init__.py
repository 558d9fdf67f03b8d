"""Whether the service may act by itself."""
