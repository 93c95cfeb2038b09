"""Results in a file."""
