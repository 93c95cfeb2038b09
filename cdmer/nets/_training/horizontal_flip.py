"""Mirrored pictures of motion as further training data."""

from dataclasses import dataclass

import torch

from cdmer._parameters import ParameterError, check_choice, check_number


@dataclass(frozen=True)
class HorizontalFlip:
    """Mirror random pictures of a batch left to right, with the motion in them.

    What moved to the right then moves to the left, so the channels of horizontal motion change
    sign as well; see `cdmer.preprocessing.flip_flow`.

    Parameters
    ----------
    probability : float, default=0.5
        Probability that a picture is mirrored.
    horizontal : tuple of int, default=(0,)
        Channels that hold horizontal motion; () for pictures of grey levels.
    scaling : {"per-image", "pixels", "relative"}, default="per-image"
        How the channels are scaled, as in `cdmer.features.FlowImages`: under "per-image" a channel
        that runs from 0 to 255 still does so when it is mirrored, u becomes 255 - u.

    Raises
    ------
    ParameterError
        If a parameter has the wrong type or value.

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets import HorizontalFlip
    >>> flow = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    >>> HorizontalFlip(1.0, scaling="pixels")(flow, torch.Generator())
    tensor([[[[-2., -1.]],
    <BLANKLINE>
             [[ 4.,  3.]]]])
    """

    probability: float = 0.5
    horizontal: tuple[int, ...] = (0,)
    scaling: str = "per-image"

    def __post_init__(self):
        check_number("probability", self.probability, least=0, most=1)
        check_choice("scaling", self.scaling, ("per-image", "pixels", "relative"))
        if not isinstance(self.horizontal, tuple | list):
            raise ParameterError(
                f"horizontal: expected a tuple of channel numbers, got {self.horizontal!r}"
            )
        for channel in self.horizontal:
            check_number("horizontal", channel, least=0, whole=True)

    def __call__(self, x, generator):
        """Mirror random pictures.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, ..., height, width)
            Pictures.
        generator : torch.Generator
            Draws which pictures are mirrored.

        Returns
        -------
        torch.Tensor of the same shape

        Raises
        ------
        ValueError
            If x holds no pictures, or lacks a channel of horizontal motion.
        """
        if x.ndim < 4 or any(channel >= x.shape[1] for channel in self.horizontal):
            raise ValueError(
                "x: expected pictures of shape (n, n_channels, height, width) with horizontal "
                f"motion in channels {tuple(self.horizontal)}, got {tuple(x.shape)}"
            )
        mirrored = x.flip(-1)
        for channel in self.horizontal:
            motion = mirrored[:, channel]
            if self.scaling == "per-image":
                # Constant pictures, which are 0 throughout, stay so.
                ends = motion.flatten(1)
                ends = ends.amin(1) + ends.amax(1)
                mirrored[:, channel] = ends.view(-1, *[1] * (motion.ndim - 1)) - motion
            else:
                mirrored[:, channel] = -motion + 0  # no -0.0, whose angle would be pi
        chosen = torch.rand(len(x), generator=generator) < self.probability
        return torch.where(chosen.view(-1, *[1] * (x.ndim - 1)).to(x.device), mirrored, x)
