"""The input of networks that look at pictures of motion."""

from cdmer._parameters import ParameterError, check_number
from cdmer.nets._networks.network import Part


def flow_input(channels, size, *, least):
    """Describe pictures of motion, as `cdmer.features.FlowImages` makes them.

    Parameters
    ----------
    channels : sequence of str
        What the channels hold.
    size : int
        Height and width.
    least : int
        The smallest size that the network's pools leave anything of.

    Returns
    -------
    Part

    Raises
    ------
    ParameterError
        If the channels are no distinct names, or the size is too small.
    """
    if (
        not isinstance(channels, tuple | list)
        or not channels
        or not all(isinstance(channel, str) for channel in channels)
        or len(set(channels)) < len(channels)
    ):
        raise ParameterError(f"channels: expected distinct names, got {channels!r}")
    check_number("size", size, least=least, whole=True)
    maker = f"FlowImages(channels={tuple(channels)}, size={size})"
    return Part("flow images", (len(channels), int(size), int(size)), maker)
