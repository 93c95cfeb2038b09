"""The benchmark: data, methods, plan, dispatch and work."""
