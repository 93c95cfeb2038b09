"""Figures of results: selected regions, confusion matrices, embeddings.

Drawn on `matplotlib.figure.Figure` without pyplot: no window, no global state, safe in threads.
"""

from cdmer._public import publish
from cdmer.evaluation.figures._confusion import plot_confusion
from cdmer.evaluation.figures._embedding import domain_gap, plot_embedding
from cdmer.evaluation.figures._region_map import RegionMap
from cdmer.evaluation.figures._regions import plot_regions

__all__ = ["RegionMap", "domain_gap", "plot_confusion", "plot_embedding", "plot_regions"]

publish(__name__)
