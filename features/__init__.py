"""Descriptors: scikit-learn transformers that turn clips into feature vectors."""

from cdmer.features._gradients import HIGOTOP, HOGTOP
from cdmer.features._grid import RegionGrid
from cdmer.features._histogram_maps import HellingerMap, PlaneSelector, lbp_top_planes
from cdmer.features._lbp_mop import LBPMOP
from cdmer.features._lbp_sip import LBPSIP
from cdmer.features._lbp_top import LBPTOP
from cdmer.features._lpq_top import LPQTOP
from cdmer.features._stlbp_ip import STLBPIP

__all__ = [
    "HIGOTOP",
    "HOGTOP",
    "LBPMOP",
    "LBPSIP",
    "LBPTOP",
    "LPQTOP",
    "STLBPIP",
    "HellingerMap",
    "PlaneSelector",
    "RegionGrid",
    "lbp_top_planes",
]
