"""What a clip shows, in numbers: whether it moves, is one shot, and holds a face throughout."""

import numpy as np

from cdmer._array import to_numpy
from cdmer._clip_transformer import ClipwiseTransformer
from cdmer._clips import is_clip, iterate_frames
from cdmer._cv2 import one_cv2_thread
from cdmer._vision.local_motion import align, blur, displacement, likeness, outlines
from cdmer.preprocessing import ToGrey

MEASURES = ("frames", "seconds", "movement", "likeness", "continuity", "detail")
# Frames are looked at in this size, whatever they have; motion counts in pixels of twice as many.
_SIDE = 56
_UNIT = 112 / _SIDE
# A head may have moved by so much: 12 of 112 pixels.
_REACH = 6
# A border in which a frame has nothing to show once it is aligned.
_INNER = slice(6, -6)
# Frames of fast cameras are averaged to so many in a second; a clip without a rate to so many.
_RATE, _MOST = 40, 40


class ClipMeasures(ClipwiseTransformer):
    r"""Measure what tells an expression from a still, a cut, and a face that is lost.

    One row per clip, of six numbers:

    - ``frames``: their number;
    - ``seconds``: frames by the clip's rate, 0 where that is unknown;
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
    light hardly count. Every frame is turned and shifted over the first one, and its light matched;
    what remains is the change e(t). A displacement :math:`d_t(x)` explains it to first order
    (Lucas and Kanade, with flat regions damped). It is computed against the first frames of even
    number and, for the next frame, against those of odd number. These two share no noise: on
    average, their product vanishes wherever nothing moves, while the length of either does not. So

    .. math:: m = \Big(\max_{t, x} \big\langle d_t \cdot d'_{t+1} \big\rangle_x\Big)^{1/2},

    with a Gaussian mean over places. Frames of fast cameras are averaged first, to about 40 a
    second (without a rate, to 40 to a clip at most). Clips of fewer than five frames have no two
    estimates: the one is multiplied by itself.

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
        frames = iterate_frames(frames, name)
        pictures = np.stack([_small(cv2, frame) for frame in frames])
        n, rate = len(pictures), getattr(clip, "fps", None)
        edges = [outlines(picture) for picture in pictures]
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


def _small(cv2, frame):
    way = cv2.INTER_AREA if min(frame.shape) >= _SIDE else cv2.INTER_LINEAR
    return cv2.resize(frame, (_SIDE, _SIDE), interpolation=way).astype(np.float32)


def _means(pictures, rate):
    """Means of so many successive pictures that few are left."""
    n = max(1, round(rate / _RATE)) if rate else -(-len(pictures) // _MOST)
    n = min(n, -(-len(pictures) // 5))  # an expression in one mean is none
    whole = len(pictures) // n * n
    return pictures[:whole].reshape(-1, n, *pictures.shape[1:]).mean(axis=1)


def _movement(pictures):
    """Largest displacement of the skin, pixels of 112; see Notes of `ClipMeasures`."""
    first = pictures[0]
    aligned = np.stack([first, *(align(first, picture) for picture in pictures[1:])])
    n = len(aligned)
    if n < 2:
        return 0.0
    k = max(1, n // 8)
    start = blur(aligned[:k].mean(axis=0))
    smooth = [blur(picture) for picture in aligned]
    if n < 5:
        products = [np.square(displacement(start, one - start)) for one in smooth[1:]]
    else:
        even, odd = (blur(aligned[i : 2 * k : 2].mean(axis=0)) for i in (0, 1))
        evens = [displacement(start, one - even) for one in smooth[2:-1]]
        odds = [displacement(start, one - odd) for one in smooth[3:]]
        products = [a * b for a, b in zip(evens, odds, strict=True)]
    squares = [blur(product.sum(axis=-1), 1.5)[_INNER, _INNER].max() for product in products]
    return _UNIT * float(np.sqrt(max(0.0, *squares)))
