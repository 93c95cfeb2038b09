"""Features of many clips: in parallel, cached, resumable, one bad clip never kills the run."""

__all__ = []
