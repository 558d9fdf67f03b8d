"""What is known, and which cause it names."""
