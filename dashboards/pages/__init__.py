"""The five pages, each with the question that it answers."""
