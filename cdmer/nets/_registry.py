"""The networks by name."""

from cdmer.nets._atnet import ATNet
from cdmer.nets._c3d import C3D
from cdmer.nets._dssn import DSSN, SSSN
from cdmer.nets._elrcn import ELRCN
from cdmer.nets._micro_attention import MicroAttentionNet
from cdmer.nets._micro_exp import MicroExpFuseNet, MicroExpSTCNN
from cdmer.nets._mlp import MLP
from cdmer.nets._off_apexnet import OffApexNet
from cdmer.nets._r3d18 import R3D18
from cdmer.nets._resnet10 import ResNet10
from cdmer.nets._ststnet import STSTNet

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
