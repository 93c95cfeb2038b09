"""Motion from onset to apex as small pictures: what many networks take in."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.parallel import Parallel, delayed

from cdmer._cv2 import import_cv2
from cdmer._parameters import ParameterError, check_choice, check_number
from cdmer.features._clips import grey_frames, named_clips
from cdmer.features._flow import METHODS, flows
from cdmer.features._optical_flow import onset_and_apex_frames
from cdmer.features._strain import optical_strain

CHANNELS = ("u", "v", "magnitude", "strain", "grey")
SCALINGS = ("per-image", "pixels", "relative")


class FlowImages(TransformerMixin, BaseEstimator):
    """Pictures of the motion from onset to apex, for a network.

    Flow is measured between the frames as they are; each channel is computed at their size and
    then brought to the size asked for.

    Parameters
    ----------
    channels : sequence of {"u", "v", "magnitude", "strain", "grey"}, default=("u", "v", "strain")
        What the channels hold, in this order: motion to the right, motion down, its length,
        `optical_strain`, and the grey levels of the apex frame. The default is the input of
        STSTNet [1]_; the two streams of DSSN [2]_ take ("u", "v", "magnitude") and ("u", "v",
        "strain").
    size : int, default=28
        Height and width of the pictures.
    scaling : {"per-image", "pixels", "relative"}, default="per-image"
        - "per-image": each channel of each picture runs from 0 (its minimum) to 255 (its maximum);
          a constant channel is 0 throughout. This is what the networks above were published with.
          Amplitude is lost: a strong and a weak expression look alike, and no motion is no fixed
          grey.
        - "pixels": motion in pixels of the frames, grey levels from 0 to 255.
        - "relative": motion to the right as a share of the width of the frames, motion down of
          their height, magnitude the length of that vector; comparable across resolutions. Grey
          levels run from 0 to 1.

        Strain has no unit and is the same under "pixels" and "relative".
    flow_method : {"dis", "farneback", "tvl1"}, default="dis"
        How motion is measured, see `optical_flow`. [1]_ uses a TV-L1 flow.
    n_jobs : int, default=None
        Number of threads, each of which handles one clip at a time. None means 1 unless in a
        `joblib.parallel_config` context, -1 means all processors. The result is the same for any
        number.

    Raises
    ------
    TypeError, ValueError
        By `fit`, if a parameter has the wrong type or value. By `transform`, if a clip is not grey
        uint8 (TypeError for another dtype), is too short or too small for the flow, has no apex, or
        one that does not come after the onset. The message names the parameter or the clip.

    See Also
    --------
    optical_flow : The flow between two frames.
    BiWOOF : A hand-crafted descriptor of the same flow.

    Notes
    -----
    Pictures that shrink are averaged over areas, others interpolated linearly; "per-image" scales
    afterwards. Where no onset is annotated the first frame takes its place.

    References
    ----------
    .. [1] S.-T. Liong, Y. S. Gan, J. See, H.-Q. Khor and Y.-C. Huang, "Shallow triple stream
       three-dimensional CNN (STSTNet) for micro-expression recognition", FG 2019,
       https://arxiv.org/abs/1902.03634
    .. [2] H.-Q. Khor, J. See, S.-T. Liong, R. C. W. Phan and W. Lin, "Dual-stream shallow networks
       for facial micro-expression recognition", ICIP 2019,
       https://doi.org/10.1109/ICIP.2019.8802965

    Examples
    --------
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.features import FlowImages
    >>> clips = make_synthetic_corpus("webcam-25fps", n_clips=3)
    >>> FlowImages().fit_transform(clips).shape
    (3, 3, 28, 28)
    """

    def __init__(
        self,
        channels=("u", "v", "strain"),
        size=28,
        scaling="per-image",
        flow_method="dis",
        n_jobs=None,
    ):
        self.channels = channels
        self.size = size
        self.scaling = scaling
        self.flow_method = flow_method
        self.n_jobs = n_jobs

    def fit(self, X=None, y=None):
        """Check the parameters; nothing is learnt from clips.

        Parameters
        ----------
        X : ignored
            Clips; their frames are not read.
        y : ignored

        Returns
        -------
        self
            The transformer itself.
        """
        if (
            not isinstance(self.channels, tuple | list)
            or not self.channels
            or not all(isinstance(c, str) and c in CHANNELS for c in self.channels)
            or len(set(self.channels)) < len(self.channels)
        ):
            raise ParameterError(
                f"channels: expected some of {CHANNELS}, each at most once, got {self.channels!r}"
            )
        check_number("size", self.size, least=1, whole=True)
        check_choice("scaling", self.scaling, SCALINGS)
        check_choice("flow_method", self.flow_method, METHODS)
        return self

    def transform(self, X):
        """Make the pictures of clips.

        Parameters
        ----------
        X : sequence of clips
            Each a `cdmer.corpora.Clip` with grey frames and an apex.

        Returns
        -------
        ndarray of float32, shape (n_clips, n_channels, size, size)
        """
        self.fit()
        pictures = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(self._pictures)(clip, name) for name, clip in named_clips(X)
        )
        return np.stack(pictures)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.requires_fit = False
        return tags

    def _pictures(self, clip, name):
        """Channels of one clip, shape (n_channels, size, size)."""
        pair = onset_and_apex_frames(grey_frames(clip, name), clip, name, self.flow_method)
        planes = self._planes(flows([pair], self.flow_method)[0], pair[1])
        pictures = [_resized(planes[channel], self.size) for channel in self.channels]
        if self.scaling == "per-image":
            pictures = [_stretched(picture) for picture in pictures]
        return np.stack(pictures)

    def _planes(self, flow, grey):
        """Channels at the size of the frames, a dict of arrays of float32, shape (H, W)."""
        planes = {"strain": optical_strain(flow), "grey": grey.astype(np.float32)}
        if self.scaling == "relative":
            height, width = grey.shape
            flow = flow / np.array([width, height], np.float32)
            planes["grey"] /= 255
        u, v = np.ascontiguousarray(flow[..., 0]), np.ascontiguousarray(flow[..., 1])
        return planes | {"u": u, "v": v, "magnitude": np.hypot(u, v)}


def _resized(plane, size):
    cv2 = import_cv2()
    way = cv2.INTER_AREA if min(plane.shape) >= size else cv2.INTER_LINEAR
    return cv2.resize(plane, (size, size), interpolation=way)


def _stretched(picture):
    """Scale a picture to run from 0 to 255."""
    low, high = picture.min(), picture.max()
    return (picture - low) / (high - low if high > low else 1) * 255
