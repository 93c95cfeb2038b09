"""Descriptors: scikit-learn transformers that turn clips into feature vectors."""

from cdmer.features._grid import RegionGrid
from cdmer.features._lbp_top import LBPTOP

__all__ = ["LBPTOP", "RegionGrid"]
