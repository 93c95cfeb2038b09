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


def apex_position(clip, n_frames, name):
    """Find the apex of a clip.

    Parameters
    ----------
    clip, n_frames, name
        See `onset_position`; `apex` is annotated like `onset`.

    Returns
    -------
    int
        Position among the frames, from 0.

    Raises
    ------
    ValueError
        If the apex is not annotated, or lies outside the clip.
    """
    if getattr(clip, "apex", None) is None:
        raise ValueError(
            f"{name}: has no apex; annotate one (`apex` of a Clip), or let "
            "cdmer.preprocessing.ApexSpotter find it"
        )
    return _position(clip, "apex", n_frames, name)


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
    apex = apex_position(clip, n_frames, name)
    onset = onset_position(clip, n_frames, name)
    if apex <= onset:
        raise ValueError(
            f"{name}: expected the apex after the onset, got onset {onset} and apex {apex} "
            "(positions among the frames, from 0)"
        )
    return onset, apex


def covered_numbers(clip, numbers):
    """First and last number that frames stand for, those dropped at the ends included.

    A frame that is missing at an end of the expression is bridged as one in the middle is: however
    many of them were dropped there (`Clip.ends`), or, where that is unknown, one, or a tenth of the
    number of frames.

    Parameters
    ----------
    clip : Clip
        With `onset`, `offset` and `ends`.
    numbers : sequence of int
        Numbers of its frames, rising.

    Returns
    -------
    first, last : int
    """
    first, last = int(numbers[0]), int(numbers[-1])
    reach = max(1, len(numbers) // 10)
    onset = first if clip.onset is None else clip.onset
    offset = last if clip.offset is None else clip.offset
    begin, end = min(first, max(onset, first - reach, 0)), max(last, min(offset, last + reach))
    return (begin, end) if clip.ends is None else (min(begin, clip.ends[0]), max(end, clip.ends[1]))


def _position(clip, moment, n_frames, name):
    position = clip.position(moment)
    if not 0 <= position < n_frames:
        raise ValueError(
            f"{name}: {moment} lies outside the clip, at position {position} of {n_frames} frames "
            "(positions count from 0)"
        )
    return position
