"""The frame of a clip in which the expression is strongest."""

import numpy as np

from cdmer._parameters import check_choice, check_number
from cdmer._vision.grid import RegionGrid
from cdmer._vision.histograms import region_histograms
from cdmer._vision.optical_flow import check_size, optical_flow
from cdmer._vision.patterns import binned, orthogonal_patterns
from cdmer.preprocessing._base import numpy_frames
from cdmer.preprocessing._grey import ToGrey

REFERENCES = ("both", "onset")
# Of the local binary patterns.
RADIUS, N_POINTS = 3, 8
GRID = RegionGrid((6,))


def spot_apex(frames, method="frame-difference", reference="both", onset=0, offset=None):
    r"""Find the frame in which a face differs most from its neutral state.

    The frames after the onset, up to and with the offset, are searched. With a distance d between
    two frames, and o and e for onset and offset, the change of frame i is

    .. math:: c_i = d(i, o) + d(i, e), \qquad \text{or} \quad c_i = d(i, o)

    for ``reference="onset"``. A slow drift of the head or of the light takes a frame away from the
    onset as far as it brings it closer to the offset: it hardly changes the sum, but may outgrow
    the expression in the distance to the onset alone.

    Parameters
    ----------
    frames : ndarray of uint8, shape (T, H, W) or (T, H, W, 3)
        Grey levels, or red, green and blue, which are turned into grey levels first.
    method : {"frame-difference", "flow", "lbp"}, default="frame-difference"
        - "frame-difference": d is the mean absolute difference of grey levels, as in [1]_, without
          its division by the difference to the preceding frame. The apex is the frame of the
          greatest change.
        - "flow": d is the mean length of the optical flow, see `cdmer.features.optical_flow`, from
          onset or offset to the frame, less its median, which is taken for the motion of the head.
          The apex is the frame of the greatest change.
        - "lbp": D&C-RoIs [2]_. d is 1 − r, with r the correlation coefficient between the
          histograms of the uniform local binary patterns (8 neighbours on a circle of radius 3,
          59 bins) in the same region of both frames; mean over a grid of 6 × 6 regions. Of the
          peaks of the change over time, those of one half are dropped, again and again, until one
          is left: the half in which they sum up to less.
    reference : {"both", "onset"}, default="both"
        Frames to compare with: onset and offset, or the onset alone as in [2]_.
    onset : int, default=0
        Position of the onset among the frames.
    offset : int, default=None
        Position of the offset. None stands for the last frame.

    Returns
    -------
    int
        Position of the apex among the frames, from 0. Of frames with the same change the first.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter has the wrong type or value.
    TypeError
        If the frames are not uint8.
    ValueError
        If the frames have another shape or are too small for the method, if there are fewer than
        two frames to choose from, or none that differs from the others.

    Notes
    -----
    A peak is a frame, or the middle of several equal ones, whose neighbours change less; the first
    and the last frame searched count as peaks if their only neighbour changes less. Of n frames the
    first half are ``n // 2``; equal sums keep the first half. In [2]_ the regions are eyes, brows
    and mouth, from landmarks; the grid needs none.

    No method distinguishes an expression from a blink, which changes more.

    Noise makes peaks in every half. Where a clip has many frames, their sum can outweigh the peak
    of the expression: then "lbp" errs by more frames than the others.

    References
    ----------
    .. [1] N. Van Quang, J. Chun and T. Tokuyama, "CapsuleNet for micro-expression recognition",
       FG 2019, https://doi.org/10.1109/FG.2019.8756544
    .. [2] S.-T. Liong, J. See, K. Wong, A. C. Le Ngo, Y.-H. Oh and R. Phan, "Automatic apex frame
       spotting in micro-expression database", ACPR 2015,
       https://doi.org/10.1109/ACPR.2015.7486586

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.preprocessing import spot_apex
    >>> brightness = np.array([10, 14, 25, 17, 11], dtype=np.uint8)
    >>> spot_apex(np.tile(brightness[:, None, None], (1, 8, 8)))
    2
    """
    check_choice("method", method, METHODS)
    check_choice("reference", reference, REFERENCES)
    if not isinstance(frames, np.ndarray):
        raise TypeError(f"frames: expected a NumPy array, got {type(frames).__name__}")
    frames = numpy_frames(frames, "frames")
    last = len(frames) - 1
    check_number("onset", onset, least=0, most=last, whole=True)
    if offset is not None:
        check_number("offset", offset, least=0, most=last, whole=True)
    return spot(frames, method, reference, onset, last if offset is None else offset, "frames")


def spot(frames, method, reference, onset, offset, name):
    """Find the apex of frames that are known to be good.

    Parameters
    ----------
    frames, method, reference, onset, offset
        See `spot_apex`.
    name : str
        Name of the clip in messages.

    Returns
    -------
    int
        Position among the frames, from 0.
    """
    if offset - onset < 2:
        raise ValueError(
            f"{name}: expected at least two frames after the onset to find the apex among, got "
            f"onset {onset} and offset {offset} (positions among the frames, from 0)"
        )
    measure, pick = METHODS[method]
    grey = ToGrey().transform([frames[onset : offset + 1]])[0]
    changes = measure(grey, (0, -1) if reference == "both" else (0,), name)[1:]
    if not changes.any():
        raise ValueError(f"{name}: has no apex, all frames from onset to offset are alike")
    return onset + 1 + pick(changes)


def _pixel_changes(frames, ends, name):
    """Mean absolute difference of grey levels of each frame from those at the ends, summed."""
    references = [frames[end].astype(np.int16) for end in ends]
    return np.array([sum(np.abs(frame - r).mean() for r in references) for frame in frames])


def _flow_changes(frames, ends, name):
    """Mean length of the flow, less its median, from the frames at the ends to each frame."""
    check_size(frames.shape[1:], "dis", name)
    return np.array([sum(_mean_length(frames[end], frame) for end in ends) for frame in frames])


def _mean_length(first, second):
    flow = optical_flow(first, second).astype(np.float64)
    flow -= np.median(flow, axis=(0, 1))
    return np.hypot(flow[..., 0], flow[..., 1]).mean()


def _pattern_changes(frames, ends, name):
    """1 − correlation of the patterns' histograms with those at the ends, mean over regions."""
    height, width = frames.shape[1:]
    try:
        boxes = GRID.place(frames, RADIUS)
    except ValueError as error:
        raise ValueError(f"{name}: got frames of {height} x {width} pixels; {error}") from error
    # Frames before and after, which the patterns in space do not look at, give each its code.
    volume = np.pad(frames, ((RADIUS, RADIUS), (0, 0), (0, 0)), mode="edge")
    codes = orthogonal_patterns(volume, RADIUS, N_POINTS, "bilinear")[0]
    counts = [region_histograms(code[None], 2**N_POINTS, boxes) for code in codes]
    histograms = np.stack([binned(count, N_POINTS, uniform=True) for count in counts])
    histograms -= histograms.mean(axis=-1, keepdims=True)
    lengths = np.linalg.norm(histograms, axis=-1, keepdims=True)
    histograms /= np.where(lengths > 0, lengths, 1)
    # Half the squared distance of vectors of length 1 is 1 - r, and exactly 0 for equal ones.
    changes = sum(np.square(histograms - histograms[end]).sum(axis=-1) / 2 for end in ends)
    return changes.mean(axis=-1)


def _greatest(changes):
    return int(np.argmax(changes))


def _divide_and_conquer(changes):
    """The last peak that is left when halves with the smaller sum of peaks are dropped."""
    from scipy.signal import find_peaks  # it loads much that nothing else needs

    peaks = find_peaks(np.concatenate([[-np.inf], changes, [-np.inf]]))[0] - 1
    start, stop = 0, len(changes)
    while len(peaks) > 1:
        middle = (start + stop) // 2
        first, second = peaks[peaks < middle], peaks[peaks >= middle]
        if changes[first].sum() >= changes[second].sum():
            peaks, stop = first, middle
        else:
            peaks, start = second, middle
    return int(peaks[0])


METHODS = {
    "frame-difference": (_pixel_changes, _greatest),
    "flow": (_flow_changes, _greatest),
    "lbp": (_pattern_changes, _divide_and_conquer),
}
