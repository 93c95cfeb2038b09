"""What a clip shows, in numbers: whether it moves, is one shot, and holds a face throughout."""

import numpy as np

from cdmer._array import to_numpy
from cdmer._clip_transformer import ClipwiseTransformer
from cdmer._clips import is_clip, iterate_frames
from cdmer._cv2 import one_cv2_thread
from cdmer._vision.local_motion import align, blur, displacement, likeness, outlines
from cdmer.preprocessing import ToGrey

MEASURES = ("frames", "seconds", "movement", "likeness", "continuity", "detail")
# Frames are looked at in this size, whatever they have, and compared as wholes in half of it.
_SIDE = 112
# A head may have moved by so much in pictures of half the size: 12 of 112 pixels.
_REACH = 6
# A border in which a frame may have nothing to show once it is aligned.
_INNER = slice(12, -12)
# Spread of the mean over places, pixels.
_PLACE = 3.0
# Frames of fast cameras are averaged to so many in a second; a clip without a rate to so many.
_RATE, _MOST = 40, 40
_FASTEST = 10_000


def known_rate(fps):
    """Frames per second; None where unknown, or no camera's: some files announce clock ticks."""
    return float(fps) if fps and 1 <= fps <= _FASTEST else None


class ClipMeasures(ClipwiseTransformer):
    r"""Measure what tells an expression from a still, a cut, and a face that is lost.

    One row per clip, of six numbers:

    - ``frames``: their number;
    - ``seconds``: frames by the clip's rate, 0 where that is unknown (or not 1 to 10,000 a second);
    - ``movement``: how far the skin moves where it moves most, in pixels of a frame of 112 × 112,
      see Notes;
    - ``likeness``: the lowest correlation of a frame with the first one, over shifts of
      up to 12 pixels of 112: near 1 for the same face, near 0 for another picture;
    - ``continuity``: the lowest such correlation of two successive frames: low where a cut is;
    - ``detail``: the least mean gradient of a frame, as a share of the greatest: near 0 for a black
      frame or an empty wall.

    Measure clips as the descriptor gets them, but without steps that change the number of frames
    or magnify motion: with a `CropAlign` in front where the descriptor has one. Annotations are not
    read, since clips to be judged have none.

    Notes
    -----
    Movement is measured so that the noise of a camera, its compression, and a drift of head or
    light hardly count. Every frame is turned and shifted over the first one, and its light matched.
    A displacement :math:`d_t(x)` explains the change that remains to first order (Lucas and Kanade,
    flat regions damped); its median over places is taken away. It is computed twice: from frames
    of even number against the first ones of even number, and from frames of odd number against
    the first ones of odd number. The two share no noise: on average, their product vanishes where
    nothing moves, while the length of either does not. So

    .. math:: m = \Big(\max_{t, x} \big\langle d_t \cdot d'_t \big\rangle_x\Big)^{1/2},

    with a Gaussian mean over places, and frames t to t + 3, two of which are even. Frames of fast
    cameras are averaged first, to about 40 a second (without a rate, to 40 to a clip at most). From
    six frames on it is so; of five, single frames are compared, and fewer frames have no two
    estimates: the one is multiplied by itself.

    The flow of a descriptor, whose mean is the common measure, tells less: of drawn expressions of
    0.3 of their usual strength, two fifths move more than 95 % of the stills do, here nearly all
    (``benchmarks/answers.py``).

    Correlations are those of the lengths of the gradients of smoothed frames, so that light that
    changes slowly has no say in them.

    See Also
    --------
    ClipLimits : What is learnt from such rows.

    Examples
    --------
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.models import ClipMeasures
    >>> corpus = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)
    >>> measures = ClipMeasures()
    >>> measures.get_feature_names_out().tolist()
    ['frames', 'seconds', 'movement', 'likeness', 'continuity', 'detail']
    >>> measures.fit_transform(corpus).shape
    (3, 6)
    """

    def transform(self, X):
        """Measure clips.

        Parameters
        ----------
        X : sequence of clips
            A clip is a `cdmer.corpora.Clip`, or a uint8 array of shape (T, H, W) or (T, H, W, 3).

        Returns
        -------
        ndarray of float64, shape (n_clips, 6)

        Raises
        ------
        TypeError, ValueError
            If a clip is none, or its frames cannot be read; the message names it.
        """
        return np.stack(self._each(_measure, X))

    def get_feature_names_out(self, input_features=None):
        """Names of the columns.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str objects, shape (6,)
        """
        return np.asarray(MEASURES, dtype=object)


def _measure(clip, name):
    """The row of one clip, ndarray of float64."""
    with one_cv2_thread() as cv2:
        frames = ToGrey().transform([clip if is_clip(clip) else to_numpy(clip)])[0]
        pictures = np.stack([_resized(cv2, one, _SIDE) for one in iterate_frames(frames, name)])
        n, rate = len(pictures), known_rate(getattr(clip, "fps", None))
        edges = [
            outlines(_resized(cv2, picture, _SIDE // 2).astype(np.float32)) for picture in pictures
        ]
        similar = [likeness(edges[0], one, _REACH) for one in edges]
        following = [likeness(*pair, _REACH) for pair in zip(edges[:-1], edges[1:], strict=True)]
        details = [float(one.mean()) for one in edges]
        return np.array(
            [
                n,
                n / rate if rate else 0,
                _movement(_means(pictures, rate)),
                min(similar),
                min(following, default=1),
                min(details) / max(1.0, *details),
            ],
            dtype=np.float64,
        )


def _resized(cv2, frame, side):
    way = cv2.INTER_AREA if min(frame.shape) >= side else cv2.INTER_LINEAR
    return cv2.resize(frame, (side, side), interpolation=way)


def _means(pictures, rate):
    """Means of so many successive pictures that few are left, float32."""
    n = max(1, round(rate / _RATE)) if rate else -(-len(pictures) // _MOST)
    n = min(n, -(-len(pictures) // 5))  # an expression in one mean is none
    whole = len(pictures) // n * n
    groups = pictures[:whole].reshape(-1, n, *pictures.shape[1:])
    return np.stack([group.mean(axis=0, dtype=np.float32) for group in groups])


def _movement(pictures):
    """Largest displacement of the skin, pixels of 112; see Notes of `ClipMeasures`."""
    first, n = pictures[0], len(pictures)
    if n < 2:
        return 0.0
    smooth = np.stack([blur(first), *(blur(align(first, one)) for one in pictures[1:])])
    k = max(1, n // 8)
    start = smooth[: 2 * k if n > 8 else k].mean(axis=0)
    if n < 5:
        moved = [displacement(start, one - start) for one in smooth[1:]]
        pairs = zip(moved, moved, strict=True)
    else:
        references = [smooth[i : 2 * k : 2].mean(axis=0) for i in (0, 1)]
        reach = 4 if n > 5 else 2  # frames that are compared at once, half of them even
        pairs = (
            [
                displacement(start, smooth[t + i : t + reach : 2].mean(axis=0) - reference)
                for i, reference in enumerate(references)
            ]
            for t in range(2, n - reach + 1)
        )
    squares = [blur((a * b).sum(axis=-1), _PLACE)[_INNER, _INNER].max() for a, b in pairs]
    return float(np.sqrt(max(0.0, *squares)))
