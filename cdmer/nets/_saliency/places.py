"""Which part of a network's input has places, and looking at a network without changing it."""

from contextlib import contextmanager
from math import prod
from typing import NamedTuple

from cdmer._parameters import ParameterError
from cdmer.nets._networks.network import Network


class PlacedPart(NamedTuple):
    """A part of an input that is a picture or a video.

    Parameters
    ----------
    name : str
    shape : tuple of int
        (channels, height, width) or (channels, frames, height, width).
    position : int
        Among the parts.
    start : int
        First of its columns where all parts are flattened into rows.
    """

    name: str
    shape: tuple[int, ...]
    position: int = 0
    start: int = 0

    @classmethod
    def find(cls, network, shape, name=None):
        """Find the part with a name, or the only one.

        Parameters
        ----------
        network : torch.nn.Module
        shape : tuple of int
            Shape of one clip: the only part of a module that is no `Network`.
        name : str or None

        Returns
        -------
        PlacedPart

        Raises
        ------
        ParameterError
            If no part has places, several have, or none of those has the name.
        """
        shapes = {"pictures": shape}
        if isinstance(network, Network):
            shapes = {given.name: given.shape for given in network.expected_input}
        parts, start = {}, 0
        for position, (key, given) in enumerate(shapes.items()):
            if len(given) in (3, 4):
                parts[key] = cls(key, given, position, start)
            start += prod(given)
        if not parts:
            got = " and ".join(f"{key} of shape {given}" for key, given in shapes.items())
            raise ParameterError(
                "estimator: expected a network that takes in pictures, of shape (channels, height, "
                f"width) or (channels, frames, height, width), got {type(network).__name__}, which "
                f"takes in {got}: columns have no place on a face"
            )
        if name is None and len(parts) == 1:
            (name,) = parts
        if name not in parts:
            raise ParameterError(f"part: expected one of {tuple(parts)}, got {name!r}")
        return parts[name]

    @property
    def places(self):
        """Frames (1 for a picture), height and width, three int."""
        return (1, *self.shape[1:])[-3:]

    @property
    def is_video(self):
        """Whether it has frames."""
        return len(self.shape) == 4

    def of_row(self, row):
        """View of a part within a row of all parts.

        Parameters
        ----------
        row : ndarray
            One clip, contiguous.

        Returns
        -------
        ndarray of shape (channels, frames, height, width)
            A picture has one frame.
        """
        flat = row.reshape(-1)[self.start : self.start + prod(self.shape)]
        return flat.reshape(self.shape[0], *self.places)

    def shaped(self, maps):
        """Leave out the axis of frames of a picture's maps, (n, frames, height, width)."""
        return maps if self.is_video else maps[:, 0]


@contextmanager
def as_found(network):
    """Put each module of a network back into the mode that it was in when the block ends."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
