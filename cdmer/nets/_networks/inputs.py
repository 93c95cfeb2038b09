"""The parts that networks take in: whole clips, single faces, pictures of motion."""

from cdmer._parameters import ParameterError, check_number
from cdmer.nets._networks.network import Part


def video_input(channels, n_frames, size, region=None, scaling="standard"):
    """Describe frames, channels first.

    Parameters
    ----------
    channels : int
        1 for grey frames, 3 for colour.
    n_frames, size : int
        Number of frames, and their height and width.
    region : str or None
        What part of the face they show, see `cdmer.preprocessing.CropRegion`.
    scaling : str
        See `cdmer.features.Frames`.

    Returns
    -------
    Part
    """
    steps = [] if region is None else [f"CropRegion({region!r})"]
    steps += [f"Resize({size}, {size})", f"TemporalInterpolation({n_frames})"]
    maker = _frame_maker("Frames", channels, scaling=scaling)
    made_by = f"make_pipeline({', '.join(steps)}, {maker})"
    return Part(region or "frames", (channels, n_frames, size, size), made_by)


def _frame_maker(name, channels, *arguments, scaling="standard"):
    """Write down the call of a transformer of `cdmer.features` that gives frames.

    Parameters
    ----------
    name : {"Frames", "ApexFrame"}
    channels : int
    *arguments
        In front of the colour, written down.
    scaling : str
        Left out where it is the default of both.

    Returns
    -------
    str
        An expression for one or three channels; for others, which no transformer here makes, it
        says so.
    """
    if channels not in (1, 3):
        return f"<a transformer of your own, to {channels} channels>"
    arguments = [*arguments, *["colour=True"] * (channels == 3)]
    arguments += [f"scaling={scaling!r}"] * (scaling != "standard")
    return f"{name}({', '.join(arguments)})"


def apex_part(channels, size):
    """Describe the apex frame as a part of an input."""
    made_by = _frame_maker("ApexFrame", channels, f"size={size}")
    return Part("apex face", (channels, size, size), made_by)


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
