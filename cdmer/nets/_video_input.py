"""The input of networks that look at whole clips."""

from cdmer.nets._network import Part


def video_input(channels, n_frames, size, region=None):
    """Describe frames, channels first.

    Parameters
    ----------
    channels : int
        1 for grey frames.
    n_frames, size : int
        Number of frames, and their height and width.
    region : str or None
        What part of the face they show.

    Returns
    -------
    Part
    """
    steps = ["ToGrey()"] if channels == 1 else []
    steps += ["CropAlign()", f"Resize({size}, {size})", f"TemporalInterpolation({n_frames})"]
    made_by = f"make_pipeline({', '.join(steps)})"
    if region is not None:
        made_by += f" on the {region} alone"
    return Part(region or "frames", (channels, n_frames, size, size), made_by)
