"""Motion step by step as small pictures, the input of networks over sequences."""

import numpy as np

from cdmer._array import to_numpy
from cdmer._clips import read_frames
from cdmer._parameters import check_choice, check_number
from cdmer._vision.optical_flow import METHODS
from cdmer.features._clip_arrays import ClipArrays
from cdmer.features._flow.clip_flow import clip_flow
from cdmer.features._flow.motion_channels import check_channels, motion_pictures, stretched

SCALINGS = ("per-clip", "pixels", "relative")
# The reference of `clip_flow` that each stands for, in frames without annotations.
REFERENCES = {"first": "onset", "previous": "previous"}


class FlowSequence(ClipArrays):
    """Pictures of the motion at every step of a clip, for a network over sequences.

    A clip of T frames has T - 1 steps, the motion to each frame but the first, and gives an array
    of shape (n_channels, T - 1, size, size). Networks take a fixed number of steps: bring clips to
    one number of frames first, as ``make_pipeline(TemporalInterpolation(10), FlowSequence())`` does
    for the nine steps of ELRCN [1]_.

    Parameters
    ----------
    channels : sequence of {"u", "v", "magnitude", "strain", "grey"}, default=("u", "v", "strain")
        Content of the channels, in this order: motion to the right, motion down, its length,
        `optical_strain`, and the grey levels of the frame that the step leads to.
    size : int, default=28
        Height and width of the pictures.
    scaling : {"per-clip", "pixels", "relative"}, default="per-clip"
        - "per-clip": each channel of each clip runs from 0 (its minimum) to 255 (its maximum) over
          all steps, so that steps compare with each other; a constant channel is 0 throughout.
          Amplitude is lost.
        - "pixels", "relative": see `FlowImages`.
    reference : {"first", "previous"}, default="first"
        The frame that motion is measured from: the first of the clip, or the one before. Between
        successive frames of a fast camera motion is smaller than the error of any method.
    flow_method : {"dis", "farneback", "tvl1"}, default="dis"
        Method of `optical_flow`.
    n_jobs : int, default=None
        Number of threads, each of which handles one clip at a time. None means 1 unless in a
        `joblib.parallel_config` context, -1 means all processors. The result is the same for any
        number.

    Raises
    ------
    TypeError, ValueError
        By `fit`, if a parameter has the wrong type or value. By `transform`, if a clip is not grey
        uint8 (TypeError for another dtype), is too short or too small for the flow, or has another
        number of frames than the first clip. The message names the parameter or the clip.

    See Also
    --------
    FlowImages : The motion from onset to apex alone.
    DescriptorSequence : Features of each step in place of pictures.

    Notes
    -----
    No annotation is read: clips are taken to begin with a neutral face, as databases cut them.

    References
    ----------
    .. [1] H.-Q. Khor, J. See, R. C. W. Phan and W. Lin, "Enriched long-term recurrent convolutional
       network for facial micro-expression recognition", FG 2018,
       https://doi.org/10.1109/FG.2018.00105, https://arxiv.org/abs/1805.08417

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import FlowSequence
    >>> clips = np.random.default_rng(0).integers(0, 256, size=(2, 5, 48, 48), dtype=np.uint8)
    >>> FlowSequence(("u", "v"), size=16).fit_transform(clips).shape
    (2, 2, 4, 16, 16)
    """

    measures_flow = True

    def __init__(
        self,
        channels=("u", "v", "strain"),
        size=28,
        scaling="per-clip",
        reference="first",
        flow_method="dis",
        n_jobs=None,
    ):
        self.channels = channels
        self.size = size
        self.scaling = scaling
        self.reference = reference
        self.flow_method = flow_method
        self.n_jobs = n_jobs

    def _check_parameters(self):
        check_channels(self.channels)
        check_number("size", self.size, least=1, whole=True)
        check_choice("scaling", self.scaling, SCALINGS)
        check_choice("reference", self.reference, REFERENCES)
        check_choice("flow_method", self.flow_method, METHODS)

    def _array(self, clip, name):
        """Channels of one clip, shape (n_channels, n_steps, size, size)."""
        frames = to_numpy(read_frames(clip, name, colour=False))
        # Bare frames have no annotated onset: their first one is the reference.
        flow = clip_flow(frames, frames, name, self.flow_method, REFERENCES[self.reference])
        relative = self.scaling == "relative"
        steps = [
            motion_pictures(field, grey, self.channels, self.size, relative=relative)
            for field, grey in zip(flow, frames[1:], strict=True)
        ]
        channels = np.stack(steps, axis=1)
        if self.scaling == "per-clip":
            channels = np.stack([stretched(pictures) for pictures in channels])
        return channels
