"""Descriptors: scikit-learn transformers that turn clips into feature vectors."""

from cdmer.features._grid import RegionGrid
from cdmer.features._histogram_maps import HellingerMap, PlaneSelector, lbp_top_planes
from cdmer.features._lbp_top import LBPTOP

__all__ = ["LBPTOP", "HellingerMap", "PlaneSelector", "RegionGrid", "lbp_top_planes"]
