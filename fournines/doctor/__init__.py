"""What is wrong with an installation, and the fix of each."""
