"""OpenSLO v1: documents that others write, read into objectives, composites and alert conditions."""
