"""Clips of another number of frames: every new frame is a weighted sum of the old ones."""

import math
from fractions import Fraction

import numpy as np

from cdmer._clips import known_length
from cdmer._limits import check_clip_bytes
from cdmer._moments import covered_numbers
from cdmer._parameters import ParameterError, check_number
from cdmer.preprocessing._base import ClipTransformer, numpy_frames
from cdmer.preprocessing._frame_sums import cosine_weights, linear_weights, spread, weighted_sums

MOST_FRAMES = 100_000  # of a new clip: minutes at the rates of fast cameras


class TemporalInterpolation(ClipTransformer):
    r"""Interpolate clips in time on the curve of their graph embedding (TIM) [1]_.

    The frames of a clip, vectors :math:`x_1, …, x_n`, are the nodes of a path graph. The
    eigenvectors of its Laplacian, :math:`y_k(i) = \sin(\pi k i/n + \pi(n - k)/(2n))` for
    :math:`k = 1, …, n - 1`, are samples at :math:`t = i/n` of a curve

    .. math:: f^k(t) = \sin\left(\pi k t + \frac{\pi (n - k)}{2n}\right), \quad t \in [1/n, 1],

    which the centred frames are mapped onto linearly and back. New frames are read off the curve
    at `n_frames` equally spaced :math:`t`, from the first frame to the last.

    Parameters
    ----------
    n_frames : int, default=10
        Number of frames of the new clips, at least 2 and at most 100,000.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: by `fit` and `transform`, if `n_frames` has the wrong type or
        value.
    ValueError
        By `transform`, if an annotated moment lies outside its clip. Where frames are computed, if
        a clip has a single one. The message names the clip.

    Notes
    -----
    The mapping onto the curve and back needs no singular value decomposition of the frames. The
    eigenvectors are those of the discrete cosine transform, orthogonal to each other and to the
    constant, with :math:`\|y_k\|^2 = n/2`. So the new frames are

    .. math:: x(t) = \bar{x} + \frac{2}{n} \sum_{k=1}^{n-1} f^k(t) \sum_{i=1}^{n} y_k(i)\, x_i,

    sums of the old ones with weights that depend on n and t alone. For linearly independent
    frames they are those of [1]_; for others, such as repeated ones, the matrices of [1]_ are
    singular, and implementations add random numbers to the frames. Nothing is random here, and the
    curve passes through the given frames whatever they are: a new frame that falls onto an old one
    equals it bit for bit, and ``n_frames`` equal to the old number leaves the clip as it is.

    Every new frame holds some of every old one, so that all are in memory at a time.

    Sums are taken in float64, rounded to the nearest integer and cut to 0…255; the curve swings
    beyond the grey levels that it passes through where they jump.

    Onset, apex and offset become positions in the new clip: each that of the new frame nearest to
    it in time, the earlier of two. `frame_numbers` become None, and `fps` the mean rate of the new
    frames. Where a clip has annotations or a frame rate, that takes its number of frames: it is
    that of `frame_numbers`, or what the source gives as its attribute `n_frames`, or the frames are
    read once by `transform`.

    References
    ----------
    .. [1] Z. Zhou, G. Zhao and M. Pietikäinen, "Towards a practical lipreading system", CVPR 2011,
       https://doi.org/10.1109/CVPR.2011.5995345

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.preprocessing import TemporalInterpolation
    >>> clip = np.arange(70, dtype=np.uint8).reshape(70, 1, 1)
    >>> TemporalInterpolation(n_frames=4).transform([clip])[0].ravel()
    array([ 0, 23, 46, 69], dtype=uint8)
    """

    def __init__(self, n_frames=10):
        self.n_frames = n_frames

    def _check_parameters(self):
        check_number("n_frames", self.n_frames, least=2, most=MOST_FRAMES, whole=True)

    def _apply(self, frames, clip, name):
        check_two(len(frames), name)
        positions = spread(len(frames), self.n_frames)
        check_sums(frames, len(positions), name)
        return weighted_sums(frames, cosine_weights(positions, len(frames)))

    def _n_frames_out(self, clip, n_frames):
        return self.n_frames

    def _annotate(self, clip, name):
        return retimed(clip, name, lambda n: spread(n, self.n_frames))


class LinearResampling(ClipTransformer):
    """Interpolate clips in time linearly between neighbouring frames.

    Parameters
    ----------
    n_frames : int, default=None
        Number of frames of the new clips, at least 2: equally spaced, from the first old frame to
        the last.
    fps : float, default=None
        Frames per second of the new clips instead: from the first old frame on, as far as the old
        ones reach. Exactly one of the two is given.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: by `fit` and `transform`, if a parameter has the wrong type or
        value, or not exactly one is given.
    ValueError
        By `transform`, if an annotated moment lies outside its clip. Where frames are computed, if
        a clip has a single one, or no `fps` where that is asked for. The message names the clip.

    Notes
    -----
    With `fps`, old frames lie in time where `Clip.frame_numbers` puts them, so that dropped ones
    are bridged. Bare arrays have no frame rate and can only be resampled to `n_frames`.

    Where the new frames lie depends on the number of old ones, so that all are in memory at a time.

    New frames are rounded to the nearest integer. One that falls onto an old one equals it bit for
    bit. Onset, apex, offset, `frame_numbers` and `fps` change as in `TemporalInterpolation`.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.preprocessing import LinearResampling
    >>> clip = np.array([0, 10, 20, 60], dtype=np.uint8).reshape(4, 1, 1)
    >>> LinearResampling(n_frames=7).transform([clip])[0].ravel()
    array([ 0,  5, 10, 15, 20, 40, 60], dtype=uint8)
    """

    def __init__(self, n_frames=None, fps=None):
        self.n_frames = n_frames
        self.fps = fps

    @property
    def _reads(self):
        return () if self.fps is None else ("fps", "frame_numbers")

    def _check_parameters(self):
        if (self.n_frames is None) == (self.fps is None):
            raise ParameterError(
                "n_frames, fps: expected exactly one of the two, got "
                f"n_frames={self.n_frames!r} and fps={self.fps!r}"
            )
        if self.fps is None:
            check_number("n_frames", self.n_frames, least=2, most=MOST_FRAMES, whole=True)
        else:
            check_number("fps", self.fps, above=0)

    def _apply(self, frames, clip, name):
        check_two(len(frames), name)
        positions = self._positions(clip, name, len(frames))
        check_sums(frames, len(positions), name)
        return weighted_sums(frames, linear_weights(positions, len(frames)))

    def _n_frames_out(self, clip, n_frames):
        if self.fps is None:
            return self.n_frames
        known = n_frames is not None and clip.fps is not None
        return len(self._positions(clip, f"clip {clip.key!r}", n_frames)) if known else None

    def _annotate(self, clip, name):
        fields = retimed(clip, name, lambda n: self._positions(clip, name, n))
        return fields if self.fps is None else {**fields, "fps": float(self.fps)}

    def _positions(self, clip, name, n_frames):
        if self.fps is None:
            return spread(n_frames, self.n_frames)
        if getattr(clip, "fps", None) is None:
            raise ValueError(f"{name}: has no fps; give n_frames in place of fps={self.fps!r}")
        numbers = np.arange(n_frames) if clip.frame_numbers is None else clip.frame_numbers
        # The shortest decimals that stand for the rates, so that 29.97 to 9.99 is exactly a third.
        step = Fraction(str(float(clip.fps))) / Fraction(str(float(self.fps)))
        n_new = math.floor((int(numbers[-1]) - int(numbers[0])) / step) + 1
        check_number_of(n_new, name)
        times = [int(numbers[0]) + i * step for i in range(n_new)]
        return np.interp([float(t) for t in times], numbers, np.arange(n_frames))


def check_number_of(n_new, name):
    """Refuse more new frames than any clip has.

    Raises
    ------
    ValueError
        If `n_new` is above `MOST_FRAMES`.
    """
    if n_new > MOST_FRAMES:
        raise ValueError(f"{name}: expected at most {MOST_FRAMES} new frames, got {n_new}")


def check_sums(frames, n_new, name):
    """Refuse new frames, or weights of the old ones in them, that would fill the memory.

    Raises
    ------
    ValueError
        See `check_clip_bytes`.
    """
    check_clip_bytes(n_new * frames[0].size, name)
    check_clip_bytes(8 * n_new * len(frames), name)


def check_two(n_frames, name):
    """Refuse a clip of one frame, which says nothing of time.

    Raises
    ------
    ValueError
        If `n_frames` is less than 2.
    """
    if n_frames < 2:
        raise ValueError(f"{name}: got {n_frames} frame; resampling in time needs at least 2")


def retimed(clip, name, positions_of):
    """What is known about a clip, after its frames were resampled.

    Parameters
    ----------
    clip : Clip
        Its frames are read only if their number is needed and cannot be known otherwise.
    name : str
        Name of the clip in messages.
    positions_of : callable
        Gives positions of the new frames, see `spread`, for a number of old ones.

    Returns
    -------
    dict
        Fields of the new clip that differ from the old one's.

    Raises
    ------
    ValueError
        If an annotated moment lies outside the clip.
    """
    moments = [m for m in ("onset", "apex", "offset") if getattr(clip, m) is not None]
    if not moments and clip.fps is None:
        return {"frame_numbers": None, "ends": None}
    n_frames = known_length(clip)
    if n_frames is None:
        n_frames = len(numpy_frames(clip, name))
    check_two(n_frames, name)
    numbers = np.arange(n_frames) if clip.frame_numbers is None else clip.frame_numbers
    new = np.interp(positions_of(n_frames), np.arange(n_frames), numbers)
    fields = {m: _nearest(new, clip, m, numbers) for m in moments}
    if clip.fps is not None:
        fields["fps"] = clip.fps * (len(new) - 1) / int(numbers[-1] - numbers[0])
    return {"frame_numbers": None, "ends": None, **fields}


def _nearest(new, clip, moment, numbers):
    """Index of the new frame nearest to an annotated moment; `new` counts as `numbers` do."""
    number = getattr(clip, moment)
    bridged = clip.frame_numbers is not None
    first, last = covered_numbers(clip, numbers) if bridged else (numbers[0], numbers[-1])
    if not first <= number <= last:
        raise ValueError(
            f"clip {clip.key!r}: {moment} {number} lies outside its frames, {numbers[0]} to "
            f"{numbers[-1]}"
        )
    return int(np.argmin(np.abs(new - number)))
