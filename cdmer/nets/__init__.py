"""The published networks, and the estimator that trains them (extra ``deep``)."""

from cdmer._extras import import_extra

import_extra("torch", "deep")

from cdmer.nets._atnet import ATNet  # noqa: E402
from cdmer.nets._c3d import C3D  # noqa: E402
from cdmer.nets._classifier import NetClassifier  # noqa: E402
from cdmer.nets._dssn import DSSN, SSSN  # noqa: E402
from cdmer.nets._elrcn import ELRCN  # noqa: E402
from cdmer.nets._folds import fit_folds  # noqa: E402
from cdmer.nets._horizontal_flip import HorizontalFlip  # noqa: E402
from cdmer.nets._icegan import ICEGAN  # noqa: E402
from cdmer.nets._icegan_classifier import ICEGANClassifier  # noqa: E402
from cdmer.nets._icegan_file import load_generator  # noqa: E402
from cdmer.nets._micro_attention import MicroAttentionNet  # noqa: E402
from cdmer.nets._micro_exp import MicroExpFuseNet, MicroExpSTCNN  # noqa: E402
from cdmer.nets._mlp import MLP  # noqa: E402
from cdmer.nets._network import Network, Part, count_parameters  # noqa: E402
from cdmer.nets._off_apexnet import OffApexNet  # noqa: E402
from cdmer.nets._r3d18 import R3D18  # noqa: E402
from cdmer.nets._registry import NETWORKS  # noqa: E402
from cdmer.nets._resnet10 import ResNet10  # noqa: E402
from cdmer.nets._saliency import saliency  # noqa: E402
from cdmer.nets._saliency_maps import SaliencyMaps  # noqa: E402
from cdmer.nets._ststnet import STSTNet  # noqa: E402
from cdmer.nets._weights import WeightsReport, load_weights  # noqa: E402

__all__ = [
    "C3D",
    "DSSN",
    "ELRCN",
    "ICEGAN",
    "MLP",
    "NETWORKS",
    "R3D18",
    "SSSN",
    "ATNet",
    "HorizontalFlip",
    "ICEGANClassifier",
    "MicroAttentionNet",
    "MicroExpFuseNet",
    "MicroExpSTCNN",
    "NetClassifier",
    "Network",
    "OffApexNet",
    "Part",
    "ResNet10",
    "STSTNet",
    "SaliencyMaps",
    "WeightsReport",
    "count_parameters",
    "fit_folds",
    "load_generator",
    "load_weights",
    "saliency",
]
