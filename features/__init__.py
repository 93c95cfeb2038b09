"""Descriptors: scikit-learn transformers that turn clips into feature vectors."""

from cdmer._public import publish
from cdmer._vision.grid import RegionGrid
from cdmer._vision.optical_flow import optical_flow
from cdmer.features._deep.features import DeepFeatures
from cdmer.features._descriptor import ClipDescriptor
from cdmer.features._descriptor_sequence import DescriptorSequence
from cdmer.features._flow.biwoof import BiWOOF
from cdmer.features._flow.clip_flow import OpticalFlow
from cdmer.features._flow.descriptor import FlowDescriptor
from cdmer.features._flow.histograms import FHOFO, HOOF
from cdmer.features._flow.images import FlowImages
from cdmer.features._flow.mdmo import MDMO
from cdmer.features._flow.sequence import FlowSequence
from cdmer.features._flow.strain import optical_strain
from cdmer.features._frames import ApexFrame, Frames
from cdmer.features._gradients import HIGOTOP, HOGTOP
from cdmer.features._histogram_maps import HellingerMap, PlaneSelector, lbp_top_planes
from cdmer.features._landmarks import LandmarkRegions
from cdmer.features._lbp_mop import LBPMOP
from cdmer.features._lbp_sip import LBPSIP
from cdmer.features._lbp_top import LBPTOP
from cdmer.features._lpq_top import LPQTOP
from cdmer.features._parts import Parts
from cdmer.features._registry import DESCRIPTORS, register_descriptor
from cdmer.features._stlbp_ip import STLBPIP

__all__ = [
    "DESCRIPTORS",
    "FHOFO",
    "HIGOTOP",
    "HOGTOP",
    "HOOF",
    "LBPMOP",
    "LBPSIP",
    "LBPTOP",
    "LPQTOP",
    "MDMO",
    "STLBPIP",
    "ApexFrame",
    "BiWOOF",
    "ClipDescriptor",
    "DeepFeatures",
    "DescriptorSequence",
    "FlowDescriptor",
    "FlowImages",
    "FlowSequence",
    "Frames",
    "HellingerMap",
    "LandmarkRegions",
    "OpticalFlow",
    "Parts",
    "PlaneSelector",
    "RegionGrid",
    "lbp_top_planes",
    "optical_flow",
    "optical_strain",
    "register_descriptor",
]

publish(__name__)
