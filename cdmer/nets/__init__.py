"""The published networks, and the estimator that trains them (extra ``deep``)."""

from cdmer._extras import import_extra
from cdmer._public import publish

import_extra("torch", "deep")

from cdmer.nets._folds.fit_folds import fit_folds, stacks_well  # noqa: E402
from cdmer.nets._icegan.classifier import ICEGANClassifier  # noqa: E402
from cdmer.nets._icegan.file import load_generator  # noqa: E402
from cdmer.nets._icegan.network import ICEGAN  # noqa: E402
from cdmer.nets._networks.atnet import ATNet  # noqa: E402
from cdmer.nets._networks.c3d import C3D  # noqa: E402
from cdmer.nets._networks.dssn import DSSN, SSSN  # noqa: E402
from cdmer.nets._networks.elrcn import ELRCN  # noqa: E402
from cdmer.nets._networks.micro_attention import MicroAttentionNet  # noqa: E402
from cdmer.nets._networks.micro_exp import MicroExpFuseNet, MicroExpSTCNN  # noqa: E402
from cdmer.nets._networks.mlp import MLP  # noqa: E402
from cdmer.nets._networks.network import Network, Part, count_parameters  # noqa: E402
from cdmer.nets._networks.off_apexnet import OffApexNet  # noqa: E402
from cdmer.nets._networks.r3d18 import R3D18  # noqa: E402
from cdmer.nets._networks.registry import NETWORKS, register_network  # noqa: E402
from cdmer.nets._networks.resnet10 import ResNet10  # noqa: E402
from cdmer.nets._networks.ststnet import STSTNet  # noqa: E402
from cdmer.nets._saliency.maps import SaliencyMaps  # noqa: E402
from cdmer.nets._saliency.saliency import saliency  # noqa: E402
from cdmer.nets._training.classifier import NetClassifier  # noqa: E402
from cdmer.nets._training.horizontal_flip import HorizontalFlip  # noqa: E402
from cdmer.nets._weights.weights import (  # noqa: E402
    WeightsReport,
    load_weights,
    save_weights,
)

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
    "register_network",
    "saliency",
    "save_weights",
    "stacks_well",
]

publish(__name__)
