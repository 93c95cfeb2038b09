"""Features computed by networks."""
