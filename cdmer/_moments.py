"""Where a clip's annotated moments lie among its frames; clips are known by their attributes."""


def onset_position(clip, n_frames, name):
    """Find the onset of a clip.

    Parameters
    ----------
    clip : Clip or array
        Anything with an attribute `onset`, a frame number or None, and a method ``position``, see
        `cdmer.corpora.Clip`. Bare arrays have no annotation.
    n_frames : int
        Number of its frames.
    name : str
        Name of the clip in messages.

    Returns
    -------
    int
        Position among the frames, from 0; 0 where no onset is annotated.

    Raises
    ------
    ValueError
        If the onset lies outside the clip.
    """
    if getattr(clip, "onset", None) is None:
        return 0
    return _position(clip, "onset", n_frames, name)


def offset_position(clip, n_frames, name):
    """Find the offset of a clip.

    Parameters
    ----------
    clip, n_frames, name
        See `onset_position`; `offset` is annotated like `onset`.

    Returns
    -------
    int
        Position among the frames, from 0; the last one where no offset is annotated.

    Raises
    ------
    ValueError
        If the offset lies outside the clip.
    """
    if getattr(clip, "offset", None) is None:
        return n_frames - 1
    return _position(clip, "offset", n_frames, name)


def onset_and_apex(clip, n_frames, name):
    """Find the onset and the apex of a clip.

    Parameters
    ----------
    clip, n_frames, name
        See `onset_position`; `apex` is annotated like `onset`.

    Returns
    -------
    onset, apex : int
        Positions among the frames, from 0. The onset is 0 where none is annotated.

    Raises
    ------
    ValueError
        If the apex is not annotated, one of them lies outside the clip, or the apex does not come
        after the onset.
    """
    if getattr(clip, "apex", None) is None:
        raise ValueError(
            f"{name}: has no apex; annotate one (`apex` of a Clip), or let "
            "cdmer.preprocessing.ApexSpotter find it"
        )
    onset = onset_position(clip, n_frames, name)
    apex = _position(clip, "apex", n_frames, name)
    if apex <= onset:
        raise ValueError(
            f"{name}: expected the apex after the onset, got onset {onset} and apex {apex} "
            "(positions among the frames, from 0)"
        )
    return onset, apex


def _position(clip, moment, n_frames, name):
    position = clip.position(moment)
    if not 0 <= position < n_frames:
        raise ValueError(
            f"{name}: {moment} lies outside the clip, at position {position} of {n_frames} frames "
            "(positions count from 0)"
        )
    return position
