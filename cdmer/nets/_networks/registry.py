"""The networks by name."""

import inspect
from types import MappingProxyType

from cdmer._parameters import ParameterError
from cdmer.nets._networks.atnet import ATNet
from cdmer.nets._networks.c3d import C3D
from cdmer.nets._networks.dssn import DSSN, SSSN
from cdmer.nets._networks.elrcn import ELRCN
from cdmer.nets._networks.micro_attention import MicroAttentionNet
from cdmer.nets._networks.micro_exp import MicroExpFuseNet, MicroExpSTCNN
from cdmer.nets._networks.mlp import MLP
from cdmer.nets._networks.network import Network
from cdmer.nets._networks.off_apexnet import OffApexNet
from cdmer.nets._networks.r3d18 import R3D18
from cdmer.nets._networks.resnet10 import ResNet10
from cdmer.nets._networks.ststnet import STSTNet

_REGISTERED = {
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
# To read, not to write to.
NETWORKS = MappingProxyType(_REGISTERED)


def register_network(network):
    """Make a network known by the name of its class: a decorator of the class.

    `NetClassifier`, `cdmer.features.DeepFeatures` and config files of `cdmer.evaluation.config`
    then take that name, once the module that defines it is imported.

    Parameters
    ----------
    network : type
        A subclass of `Network` whose constructor takes ``n_classes``.

    Returns
    -------
    type
        The class itself.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if it is no such class, or another one has that name.

    Notes
    -----
    Workers in other processes know a class, and not its name: give ``network=`` the class itself
    where those compute.

    Examples
    --------
    >>> from cdmer.nets import NETWORKS
    >>> NETWORKS["STSTNet"]
    <class 'cdmer.nets.STSTNet'>
    """
    if not isinstance(network, type) or not issubclass(network, Network):
        raise ParameterError(f"network: expected a subclass of Network, got {network!r}")
    if inspect.isabstract(network):
        raise ParameterError(
            f"network: expected a class that defines {sorted(network.__abstractmethods__)}, got "
            f"{network.__name__}"
        )
    if "n_classes" not in inspect.signature(network).parameters:
        raise ParameterError(
            f"network: expected a class whose constructor takes n_classes, got {network.__name__}"
        )
    known = NETWORKS.get(network.__name__, network)
    # A cell of a notebook that is run again defines its class anew.
    if (known.__module__, known.__qualname__) != (network.__module__, network.__qualname__):
        raise ParameterError(
            f"network: expected a name that is not taken, got {network.__name__}, which is a class "
            f"of {known.__module__}"
        )
    _REGISTERED[network.__name__] = network
    return network
