"""The published networks and what they are built of."""
