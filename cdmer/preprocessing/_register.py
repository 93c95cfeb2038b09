"""Frames brought to where the head was at the onset."""

import math
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from cdmer._clips import collect_frames, iterate_frames, named_clips
from cdmer._cv2 import one_cv2_thread
from cdmer._moments import onset_position
from cdmer._parameters import ParameterError, check_choice, check_number
from cdmer.preprocessing._alignment import GreyLevels, Landmarks, undo
from cdmer.preprocessing._base import FrameTransformer
from cdmer.preprocessing._grey import to_grey

MOTIONS = ("rigid", "similarity")
# What is found is not believed beyond these: share of the shorter side that the corners move, and
# correlation with the onset.
FURTHEST, LEAST_ALIKE = 0.25, 0.5


@dataclass(frozen=True, eq=False)
class HeadMotion:
    """Where the head is in each frame of a clip, beside its place at the onset.

    Parameters
    ----------
    right, down : ndarray of float64, shape (T,)
        How far the centre of the onset frame moved, pixels.
    turn : ndarray of float64, shape (T,)
        Clockwise on the screen, degrees.
    scale : ndarray of float64, shape (T,)
        Size as a factor; 1 for rigid motion.
    residual : ndarray of float64, shape (T,)
        What registration leaves: 1 less the correlation of grey levels with the onset frame, over
        the face. 0 where both are alike, about 1 where they have nothing in common.
    followed : ndarray of bool, shape (T,)
        Whether the head was found. Where it was not, the frame has the motion of the one next to it
        on the side of the onset.
    """

    right: np.ndarray
    down: np.ndarray
    turn: np.ndarray
    scale: np.ndarray
    residual: np.ndarray
    followed: np.ndarray


class Register(FrameTransformer):
    r"""Bring each frame of a clip to where the head was at the onset.

    A shift and a turn, and for ``motion="similarity"`` a change of size, are undone. What is left
    is the motion of the face itself. Clips are taken to be filled by a face, as `CropAlign` leaves
    them: the frame's inner ellipse counts, its corners do not.

    With I for the onset frame, J for another one, both smoothed, W for a motion, and p for places,

    .. math:: \sum_p w_p \rho\left(J(W(p)) - a I(p) - b\right)

    is made small over the motion, a contrast a and a brightness b. With a and b free and squares
    for ρ, the correlation of both frames is greatest there, as in [1]_; each step undoes a motion
    of the onset frame, whose gradients are computed once [2]_. ρ is Tukey's biweight [3]_: pixels
    that change otherwise than most, which are those of the expression, are left out, lest it be
    taken for motion of the head. Coarser frames come first, with squares for ρ.

    Parameters
    ----------
    motion : {"rigid", "similarity"}, default="rigid"
        Whether a head may turn and shift, or come closer as well.
    by : "ecc" or callable, default="ecc"
        "ecc" compares grey levels. A callable is a landmarker, as `cdmer.features.LandmarkRegions`
        takes them: function of a frame, an ndarray of uint8 of shape (H, W), that gives an array of
        shape (68, 2), x and y of each point in the order of iBUG 300-W; it raises a ValueError,
        or gives None, where it finds no face. The motion is then that of least squares [4]_ for the
        bridge of the nose and the corners of the eyes.
    max_iter : int, default=60
        Most steps at each of up to three sizes of the frames; they end once they are smaller than
        0.003 pixels. Landmarks take none.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: by `fit` and `transform`, if a parameter has the wrong type or
        value.
    ValueError
        When the frames of a clip are read (for arrays by `transform`), if its onset lies outside of
        it, or the landmarker finds no face at the onset. The message names the clip.

    See Also
    --------
    CropAlign : Cuts out the face, to be used before.

    Notes
    -----
    The onset frame, the first frame where no onset is annotated, stays as it is. The search in each
    frame starts from the motion of its neighbour on the side of the onset, so that frames before
    the onset wait for it; of those after it, one is in memory at a time.

    Each frame is interpolated once (Lanczos, over 8 × 8 pixels), which blurs less than linear
    interpolation would; frames that moved are still a little smoother than the onset. Where a frame
    shows nothing, beyond its border, the onset frame is shown: nothing moves there.

    Motion that moves the corners of the frame by more than a quarter of its shorter side, or leaves
    a correlation below 0.5, is not believed, such as after a cut or where the face is lost. The
    frame then keeps the motion of its neighbour; `measure` tells.

    On drawn and photographed faces, with expressions that move the skin by 2 pixels of 112 and
    heads that move by 4 (up to 12), the median error over the face is 0.01 to 0.05 pixels; with
    squares for ρ, as OpenCV's ``findTransformECC`` has them, it is 0.2 to 0.4
    (``benchmarks/registration.py``). A frame of 112 × 112 pixels takes about 5 ms.

    References
    ----------
    .. [1] G. D. Evangelidis and E. Z. Psarakis, "Parametric image alignment using enhanced
       correlation coefficient maximization", IEEE Transactions on Pattern Analysis and Machine
       Intelligence 30(10), 2008, https://doi.org/10.1109/TPAMI.2008.113
    .. [2] S. Baker and I. Matthews, "Lucas-Kanade 20 years on: a unifying framework", International
       Journal of Computer Vision 56(3), 2004, https://doi.org/10.1023/B:VISI.0000011205.11775.fd
    .. [3] A. E. Beaton and J. W. Tukey, "The fitting of power series, meaning polynomials,
       illustrated on band-spectroscopic data", Technometrics 16(2), 1974,
       https://doi.org/10.1080/00401706.1974.10489171
    .. [4] S. Umeyama, "Least-squares estimation of transformation parameters between two point
       patterns", IEEE Transactions on Pattern Analysis and Machine Intelligence 13(4), 1991,
       https://doi.org/10.1109/34.88573

    Examples
    --------
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.preprocessing import Register
    >>> clip = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)[0]
    >>> register = Register()
    >>> [still] = register.fit_transform([clip])
    >>> still.frames.shape == clip.frames.shape
    True
    >>> before, after = (abs(register.measure(c).right).max() for c in (clip, still))
    >>> bool(after < before / 2)
    True
    """

    _reads = ("onset", "offset", "frame_numbers", "ends")  # what places the onset

    def __init__(self, motion="rigid", by="ecc", max_iter=60):
        self.motion = motion
        self.by = by
        self.max_iter = max_iter

    def _check_parameters(self):
        check_choice("motion", self.motion, MOTIONS)
        if self.by != "ecc" and not callable(self.by):
            raise ParameterError(
                f"by: expected 'ecc' or a callable that takes a frame, got {self.by!r}"
            )
        check_number("max_iter", self.max_iter, least=1, whole=True)

    def measure(self, clip):
        """Measure how the head moves in a clip.

        Parameters
        ----------
        clip : Clip or ndarray of uint8, shape (T, H, W) or (T, H, W, 3)
            Its frames are read, one by one where its source allows it.

        Returns
        -------
        HeadMotion
            What `transform` undoes, and what is left.

        Raises
        ------
        ParameterError, ValueError
            As `transform`.
        """
        self._check_parameters()
        [(name, clip)] = named_clips([clip])
        with self._naming(name):
            moves = [move for _, move, _ in self._follow(iterate_frames(clip, name), clip, name)]
        turn, shift = (np.array([getattr(m, part) for m in moves]) for part in ("turn", "shift"))
        return HeadMotion(
            shift.real,
            shift.imag,
            np.rad2deg(np.angle(turn)),
            np.abs(turn),
            np.array([move.residual for move in moves]),
            np.array([move.followed for move in moves]),
        )

    def _stream(self, frames, clip, name):
        for frame, move, onset in self._follow(frames, clip, name):
            yield frame if move == STILL else _undone(frame, move, onset)

    def _follow(self, frames, clip, name):
        """Frames in their order, the motion of each, and the onset frame."""
        last = 0 if getattr(clip, "onset", None) is None else max(0, clip.position("onset"))
        before = collect_frames(islice(frames, last + 1), None, name)
        onset = before[onset_position(clip, len(before), name)]
        head = _Head(onset, self, name)
        moves = [STILL]
        for frame in before[-2::-1]:
            moves.append(head.move(frame, moves[-1]))
        for frame, move in zip(before, reversed(moves), strict=True):
            yield frame, move, onset
        move = STILL
        for frame in frames:
            move = head.move(frame, move)
            yield frame, move, onset


class _Move(NamedTuple):
    turn: complex = 1 + 0j
    shift: complex = 0j
    residual: float = 0.0
    followed: bool = True


STILL = _Move()


class _Head:
    """The head at the onset, which is looked for in other frames."""

    def __init__(self, onset, step, name):
        scales = step.motion == "similarity"
        self.step, (height, width) = step, onset.shape[:2]
        self.furthest, self.corner = FURTHEST * min(height, width), math.hypot(height, width) / 2
        grey = to_grey(onset)
        with one_cv2_thread():
            self.levels = GreyLevels(grey, scales, step.max_iter)
        if step.by != "ecc":
            points = self._points(grey)
            if points is None:
                raise ValueError(f"{name}: the landmarker found no face in the onset frame")
            self.landmarks = Landmarks(points, grey.shape, scales)

    def move(self, frame, neighbour):
        """Motion of one frame, from that of the neighbour on the side of the onset."""
        grey = to_grey(frame)
        found = neighbour.turn, neighbour.shift
        with one_cv2_thread():
            if self.step.by == "ecc":
                found = self.levels.follow(grey, *found)
            else:
                try:
                    points = self._points(grey)
                except ValueError:  # of a frame without a face; on the onset frame it is told
                    points = None
                found = None if points is None else self.landmarks.follow(points)
            if found is not None:
                alike = self.levels.correlation(grey, *found)
                reach = abs(found[0] - 1) * self.corner + abs(found[1])
                if reach <= self.furthest and alike >= LEAST_ALIKE:
                    return _Move(*found, 1 - alike, True)
            kept = neighbour.turn, neighbour.shift
            return _Move(*kept, 1 - self.levels.correlation(grey, *kept), False)

    def _points(self, frame):
        """Landmarks of a frame, ndarray of float64, shape (68, 2), or None without a face."""
        points = self.step.by(frame)
        if points is None:
            return None
        points = np.asarray(points, dtype=np.float64)
        if points.shape != (68, 2) or not np.isfinite(points).all():
            raise TypeError(
                f"by: expected a landmarker that gives finite numbers of shape (68, 2), got shape "
                f"{points.shape}"
            )
        return points


def _undone(frame, move, onset):
    """A frame without the motion of the head; the onset frame shows where it shows nothing."""
    with one_cv2_thread() as cv2:
        where = move.turn, move.shift
        seen = undo(np.ones(frame.shape[:2], np.float32), *where, cv2.INTER_LINEAR, 0.0)
        moved = undo(frame, *where, cv2.INTER_LANCZOS4)
    seen = seen.reshape(*seen.shape, *(1,) * (frame.ndim - 2))
    return np.rint(seen * moved + (1 - seen) * onset).astype(np.uint8)
