"""What can be done, as values, each with its inverse and its read-back."""
