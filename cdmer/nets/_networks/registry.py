"""The networks by name."""

from cdmer.nets._networks.atnet import ATNet
from cdmer.nets._networks.c3d import C3D
from cdmer.nets._networks.dssn import DSSN, SSSN
from cdmer.nets._networks.elrcn import ELRCN
from cdmer.nets._networks.micro_attention import MicroAttentionNet
from cdmer.nets._networks.micro_exp import MicroExpFuseNet, MicroExpSTCNN
from cdmer.nets._networks.mlp import MLP
from cdmer.nets._networks.off_apexnet import OffApexNet
from cdmer.nets._networks.r3d18 import R3D18
from cdmer.nets._networks.resnet10 import ResNet10
from cdmer.nets._networks.ststnet import STSTNet

NETWORKS = {
    cls.__name__: cls
    for cls in (
        ATNet,
        C3D,
        DSSN,
        ELRCN,
        MLP,
        MicroAttentionNet,
        MicroExpFuseNet,
        MicroExpSTCNN,
        OffApexNet,
        R3D18,
        ResNet10,
        SSSN,
        STSTNet,
    )
}
