"""ELRCN: a network for pictures, then one for sequences."""

import torch
from torch import nn
from torch.nn import functional

from cdmer._parameters import ParameterError, check_choice, check_number
from cdmer.nets._networks.layers import check_sizes, read_steps
from cdmer.nets._networks.network import Network, Part
from cdmer.nets._networks.residual import ResidualTrunk
from cdmer.nets._networks.vgg16 import VGG16Trunk

# Names of the channels of each kind of picture, as FlowImages has them.
_KINDS = {"flow": ("u", "v", "magnitude"), "strain": ("strain",), "grey": ("grey",)}
_TRUNKS = {"vgg16": VGG16Trunk, "resnet10": ResidualTrunk}
_LEAST_SIZE = {"vgg16": 32, "resnet10": 1}


class ELRCN(Network):
    """Enriched long-term recurrent convolutional network [1]_.

    A trunk describes the pictures of each step of a sequence, the same weights for all steps; an
    LSTM reads the descriptions in order; its last state passes a dense layer with ReLU and the
    linear layer. Three kinds of pictures show each step: flow (u, v, magnitude), strain, and grey
    levels.

    - Spatial enrichment (ELRCN-SE) stacks all channels and has one trunk: 4096 features per step.
    - Temporal enrichment (ELRCN-TE) has a trunk per kind, with weights of its own, and puts their
      features side by side: 12,288 per step.

    219,822,211 parameters with spatial, 586,643,843 with temporal enrichment, for all kinds and
    three classes.

    Parameters
    ----------
    n_classes : int, default=3
        Number of scores.
    enrichment : {"spatial", "temporal"}, default="spatial"
        Whether kinds of pictures meet before the trunk or after it.
    kinds : sequence of {"flow", "strain", "grey"}, default=("flow", "strain", "grey")
        Pictures of each step, in this order: 5 channels. [1]_ also leaves out grey: 4.
    trunk : {"vgg16", "resnet10"}, default="vgg16"
        What describes a picture: VGG-16 up to its second dense layer, 4096 numbers, as published;
        or the trunk of `ResNet10`, 512 numbers from 27 times fewer parameters.
    widths : sequence of int, default=None
        Channels of the trunk's stages: five for VGG-16, whose dense layers have eight times as many
        units as the last, four for ResNet-10. None stands for the published ones.
    size : int, default=224
        Height and width of the pictures; at least 32 with VGG-16.
    n_steps : int, default=9
        Steps of the sequence, one less than frames.
    lstm_size : int, default=3000
        Units of the LSTM.
    n_hidden : int, default=128
        Units of the dense layer, the number of features.
    dropout : float, default=0.0
        Share of the features set to zero in training. VGG-16 has its own dropout of 0.5 after each
        of its two dense layers.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter has the wrong type or value.

    Notes
    -----
    Both enrichments take the same input, channels first, then steps. Published were trunks that
    start from weights learnt on faces, which see strain and grey levels as three equal channels
    where this network has one, and training by Adam (learning rate 1e-5, decay 1e-6). The public
    code scrambles pixels (it reshapes where axes had to be swapped) and its F1 is not the mean over
    classes, so that the published figures are no yardstick.

    No weights of it are public for PyTorch, as far as is known.

    References
    ----------
    .. [1] H.-Q. Khor, J. See, R. C. W. Phan and W. Lin, "Enriched long-term recurrent convolutional
       network for facial micro-expression recognition", FG 2018,
       https://doi.org/10.1109/FG.2018.00105, https://arxiv.org/abs/1805.08417

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets import ELRCN
    >>> network = ELRCN(trunk="resnet10", size=32, lstm_size=64).eval()
    >>> network(torch.zeros(2, 5, 9, 32, 32)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        n_classes=3,
        enrichment="spatial",
        kinds=("flow", "strain", "grey"),
        trunk="vgg16",
        widths=None,
        size=224,
        n_steps=9,
        lstm_size=3000,
        n_hidden=128,
        dropout=0.0,
    ):
        check_choice("enrichment", enrichment, ("spatial", "temporal"))
        check_choice("trunk", trunk, tuple(_TRUNKS))
        _check_kinds(kinds)
        check_sizes(n_steps=n_steps, lstm_size=lstm_size, n_hidden=n_hidden)
        check_number("size", size, least=_LEAST_SIZE[trunk], whole=True)
        super().__init__([_sequence_part(kinds, size, n_steps)])
        channels = [len(_KINDS[kind]) for kind in kinds]
        self.channels_per_trunk = channels if enrichment == "temporal" else [sum(channels)]
        shape = {} if widths is None else {"widths": widths}
        self.trunks = nn.ModuleList(_TRUNKS[trunk](n, **shape) for n in self.channels_per_trunk)
        per_step = sum(trunk.n_features for trunk in self.trunks)
        self.lstm = nn.LSTM(per_step, lstm_size, batch_first=True)
        self.dense = nn.Linear(lstm_size, n_hidden)
        self._finish(n_hidden, n_classes, dropout)

    def _features(self, sequence):
        steps = read_steps(self.lstm, self._describe_steps(sequence))
        return functional.relu(self.dense(steps[:, -1]))

    def _describe_steps(self, sequence):
        n_clips, channels, n_steps, height, width = sequence.shape
        # Axes are swapped before clips and steps become one: a reshape alone would mix channels
        # with steps.
        pictures = sequence.transpose(1, 2).reshape(n_clips * n_steps, channels, height, width)
        kinds = torch.split(pictures, self.channels_per_trunk, dim=1)
        features = [trunk(kind) for trunk, kind in zip(self.trunks, kinds, strict=True)]
        return torch.cat(features, dim=1).reshape(n_clips, n_steps, -1)


def _sequence_part(kinds, size, n_steps):
    channels = tuple(channel for kind in kinds for channel in _KINDS[kind])
    pictures = f"FlowSequence(channels={channels}, size={size})"
    made_by = f"make_pipeline(TemporalInterpolation({n_steps + 1}), {pictures})"
    return Part("flow sequence", (len(channels), n_steps, size, size), made_by)


def _check_kinds(kinds):
    if (
        not isinstance(kinds, tuple | list)
        or not kinds
        or not all(isinstance(kind, str) and kind in _KINDS for kind in kinds)
        or len(set(kinds)) < len(kinds)
    ):
        raise ParameterError(f"kinds: expected some of {tuple(_KINDS)}, each once, got {kinds!r}")
