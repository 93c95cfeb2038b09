"""The input of networks that look at whole clips."""

from cdmer.nets._networks.network import Part


def video_input(channels, n_frames, size, region=None):
    """Describe frames, channels first.

    Parameters
    ----------
    channels : int
        1 for grey frames, 3 for colour.
    n_frames, size : int
        Number of frames, and their height and width.
    region : str or None
        What part of the face they show, see `cdmer.preprocessing.CropRegion`.

    Returns
    -------
    Part
    """
    steps = [] if region is None else [f"CropRegion({region!r})"]
    steps += [f"Resize({size}, {size})", f"TemporalInterpolation({n_frames})"]
    made_by = f"make_pipeline({', '.join(steps)}, {frame_maker('Frames', channels)})"
    return Part(region or "frames", (channels, n_frames, size, size), made_by)


def frame_maker(name, channels, *arguments):
    """Write down the call of a transformer of `cdmer.features` that gives frames.

    Parameters
    ----------
    name : {"Frames", "ApexFrame"}
    channels : int
    *arguments
        In front of the colour, written down.

    Returns
    -------
    str
        An expression for one or three channels; for others, which no transformer here makes, it
        says so.
    """
    if channels not in (1, 3):
        return f"<a transformer of your own, to {channels} channels>"
    return f"{name}({', '.join([*arguments, *['colour=True'] * (channels == 3)])})"
