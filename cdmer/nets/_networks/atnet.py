"""ATNet: the apex frame and the motion around it."""

import torch
from torch import nn
from torch.nn import functional

from cdmer.nets._networks.inputs import apex_part
from cdmer.nets._networks.layers import check_sizes, read_steps
from cdmer.nets._networks.network import Network, Part
from cdmer.nets._networks.residual import WIDTHS, ResidualTrunk


class ATNet(Network):
    """Apex-Time Network [1]_: what the face looks like at the apex, and how it moves.

    - Spatial stream: grey apex face, the trunk of `ResNet10`, 512 features of Euclidean length 1.
    - Temporal stream: 64 steps of 128 flow features, two LSTM layers of 512 units, mean over the
      steps of the second, again brought to length 1.

    Both side by side, dropout, linear layer. 8,318,659 parameters for three classes.

    Parameters
    ----------
    n_classes : int, default=3
        Number of scores.
    size : int, default=224
        Height and width of the face.
    n_steps : int, default=64
        Steps of the flow sequence.
    n_flow : int, default=128
        Flow features per step.
    widths : sequence of four int, default=(64, 128, 256, 512)
        Channels of the residual blocks; the last is the number of spatial features.
    lstm_size : int, default=512
        Units of each LSTM layer, the number of temporal features.
    dropout : float, default=0.5
        Share of the features set to zero in training.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter has the wrong type or value.

    Notes
    -----
    The input are rows: the face row by row, then the flow step by step, as `Parts` makes them. For
    the flow features of a step, which [1]_ does not spell out, `made_by` takes the histograms of
    its directions in 4 x 4 regions, and for the steps the whole clip brought to one length.
    Published were training by SGD (learning rate 0.01, momentum 0.9, weight decay 5e-6, batches of
    16), mirrored, slightly rotated and recoloured faces, and classes balanced by oversampling.

    No weights of it are public for PyTorch, as far as is known.

    References
    ----------
    .. [1] M. Peng, C. Wang, T. Bi, Y. Shi, X. Zhou and T. Chen, "A novel apex-time network for
       cross-dataset micro-expression recognition", ACII 2019, https://arxiv.org/abs/1904.03699

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets import ATNet
    >>> network = ATNet(size=64, n_steps=5).eval()
    >>> faces, flows = torch.rand(2, 1, 64, 64), torch.rand(2, 5, 128)
    >>> rows = torch.cat([faces.flatten(1), flows.flatten(1)], dim=1)
    >>> network(rows).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        n_classes=3,
        size=224,
        n_steps=64,
        n_flow=128,
        widths=WIDTHS,
        lstm_size=512,
        dropout=0.5,
    ):
        check_sizes(size=size, n_steps=n_steps, n_flow=n_flow, lstm_size=lstm_size)
        super().__init__([apex_part(1, size), _flow_part(n_steps, n_flow)])
        self.spatial = ResidualTrunk(1, widths)
        self.temporal = nn.LSTM(n_flow, lstm_size, num_layers=2, batch_first=True)
        self._finish(self.spatial.n_features + lstm_size, n_classes, dropout)

    def _features(self, face, flow):
        streams = self.spatial(face), read_steps(self.temporal, flow).mean(1)
        return torch.cat([functional.normalize(stream, dim=1) for stream in streams], dim=1)


def _flow_part(n_steps, n_flow):
    # The finest grid whose regions share the numbers: 16 regions of 8 directions for 128.
    side = next((n for n in (4, 3, 2) if n_flow % n**2 == 0 and n_flow > n**2), 1)
    hoof = f"HOOF({n_flow // side**2}, grid=RegionGrid(({side},)))"
    made_by = f"make_pipeline(TemporalInterpolation({n_steps + 1}), DescriptorSequence({hoof}))"
    return Part("flow features", (n_steps, n_flow), made_by)
