"""Motion from onset to apex as small pictures, the input of many networks."""

import numpy as np

from cdmer._clips import read_frames
from cdmer._parameters import check_choice, check_number
from cdmer._vision.optical_flow import METHODS, flows
from cdmer.features._clip_arrays import ClipArrays
from cdmer.features._flow.clip_flow import onset_and_apex_frames
from cdmer.features._flow.motion_channels import check_channels, motion_pictures, stretched

SCALINGS = ("per-image", "pixels", "relative")


class FlowImages(ClipArrays):
    """Pictures of the motion from onset to apex, for a network.

    Flow is measured between the frames as they are; each channel is computed at their size and
    then brought to the size asked for. A clip gives an array of shape (n_channels, size, size).

    Parameters
    ----------
    channels : sequence of {"u", "v", "magnitude", "strain", "grey"}, default=("u", "v", "strain")
        Content of the channels, in this order: motion to the right, motion down, its length,
        `optical_strain`, and the grey levels of the apex frame. The default is the input of
        STSTNet [1]_; the two streams of DSSN [2]_ take ("u", "v", "magnitude") and ("u", "v",
        "strain").
    size : int, default=28
        Height and width of the pictures.
    scaling : {"per-image", "pixels", "relative"}, default="per-image"
        - "per-image": each channel of each picture runs from 0 (its minimum) to 255 (its maximum);
          a constant channel is 0 throughout. This is what the networks above were published with.
          Amplitude is lost: a strong and a weak expression look alike, and where nothing moves
          the grey level is not fixed.
        - "pixels": motion in pixels of the frames, grey levels from 0 to 255.
        - "relative": motion to the right as a share of the width of the frames, motion down of
          their height, magnitude the length of that vector; comparable across resolutions. Grey
          levels run from 0 to 1.

        Strain has no unit and is the same under "pixels" and "relative".
    flow_method : {"dis", "farneback", "tvl1"}, default="dis"
        Method of `optical_flow`. [1]_ uses a TV-L1 flow.
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
    FlowSequence : Such pictures for every step of a clip.
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
    >>> clips = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)
    >>> FlowImages().fit_transform(clips).shape
    (3, 3, 28, 28)
    """

    measures_flow = needs_apex = True

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

    def _check_parameters(self):
        check_channels(self.channels)
        check_number("size", self.size, least=1, whole=True)
        check_choice("scaling", self.scaling, SCALINGS)
        check_choice("flow_method", self.flow_method, METHODS)

    def _array(self, clip, name):
        """Channels of one clip, shape (n_channels, size, size)."""
        pair = onset_and_apex_frames(
            read_frames(clip, name, colour=False), clip, name, self.flow_method
        )
        flow = flows([pair], self.flow_method)[0]
        relative = self.scaling == "relative"
        pictures = motion_pictures(flow, pair[1], self.channels, self.size, relative=relative)
        if self.scaling == "per-image":
            pictures = np.stack([stretched(picture) for picture in pictures])
        return pictures
