"""Features of many clips: in parallel, cached, resumable, one bad clip never kills the run."""

from cdmer.extraction._extract import extract
from cdmer.extraction._table import FeatureTable

__all__ = ["FeatureTable", "extract"]
