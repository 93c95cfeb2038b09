"""Features of many clips: in parallel, cached, resumable, one bad clip never kills the run."""

from cdmer._public import publish
from cdmer.extraction._extract import extract
from cdmer.extraction._table import FeatureTable

__all__ = ["FeatureTable", "extract"]

publish(__name__)
