"""All folds of a network trained at once."""
