"""Optical flow of whole clips, as a scikit-learn transformer."""

from itertools import pairwise, repeat

import numpy as np

from cdmer._array import to_numpy
from cdmer._clip_transformer import ClipwiseTransformer, as_objects
from cdmer._clips import read_frames
from cdmer._moments import onset_and_apex, onset_position
from cdmer._parameters import check_choice
from cdmer._vision.optical_flow import METHODS, check_size, flows

REFERENCES = ("onset", "previous")


class OpticalFlow(ClipwiseTransformer):
    """Optical flow of whole clips, frame by frame.

    Parameters
    ----------
    method : {"dis", "farneback", "tvl1"}, default="dis"
        Method of `optical_flow`.
    reference : {"onset", "previous"}, default="onset"
        - "onset": each frame after the onset has the motion from the onset to that frame. Where no
          onset is annotated, as for bare arrays, the first frame takes its place. A clip whose
          onset is frame o, counted from 0, gives T - 1 - o fields.
        - "previous": each frame but the first has the motion since the frame before; T - 1 fields,
          wherever the onset.
    n_jobs : int, default=None
        Number of threads, each of which handles one clip at a time. None means 1 unless in a
        `joblib.parallel_config` context, -1 means all processors. The result is the same for any
        number.

    Raises
    ------
    TypeError, ValueError
        By `fit`, if a parameter has the wrong type or value. By `transform`, if a clip is not grey
        uint8 (TypeError for another dtype), has fewer than two frames, frames too small for the
        method, or an onset without a frame after it. The message names the parameter or the clip.

    See Also
    --------
    optical_flow : Motion between two frames.
    FlowImages : Motion from onset to apex as pictures for a network.

    Notes
    -----
    Flow is measured on the CPU. In a recording of 100 to 200 frames per second the motion between
    successive frames of a micro-expression is smaller than the error of any method; motion since
    the onset adds up.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import OpticalFlow
    >>> clips = np.random.default_rng(0).integers(0, 256, size=(2, 5, 48, 48), dtype=np.uint8)
    >>> fields = OpticalFlow().fit_transform(clips)
    >>> fields.shape, fields[0].shape
    ((2,), (4, 48, 48, 2))
    """

    measures_flow = True

    def __init__(self, method="dis", reference="onset", n_jobs=None):
        self.method = method
        self.reference = reference
        self.n_jobs = n_jobs

    def _check_parameters(self):
        check_choice("method", self.method, METHODS)
        check_choice("reference", self.reference, REFERENCES)

    def transform(self, X):
        """Measure the motion in clips.

        Parameters
        ----------
        X : sequence of clips, or array of uint8 of shape (n_clips, T, H, W)
            A clip is a `cdmer.corpora.Clip` with grey frames or a uint8 array of shape (T, H, W).
            Clips may differ in length and size.

        Returns
        -------
        ndarray of objects, shape (n_clips,)
            For each clip an ndarray of float32, shape (n_fields, H, W, 2): ``[..., 0]`` is u, to
            the right, ``[..., 1]`` is v, down, both in pixels. `reference` says which frames have a
            field.
        """
        self.fit()
        return as_objects(self._each(self._fields, X))

    def _fields(self, clip, name):
        return clip_flow(
            read_frames(clip, name, colour=False), clip, name, self.method, self.reference
        )


def clip_flow(frames, clip, name, method, reference):
    """Measure the motion in a clip whose frames were read.

    Parameters
    ----------
    frames : array of uint8, shape (T, H, W)
        Frames of `clip`.
    clip : Clip or array
        The clip; only its onset is read.
    name : str
        Name of the clip in messages.
    method, reference : str
        See `OpticalFlow`.

    Returns
    -------
    ndarray of float32, shape (n_fields, H, W, 2)
        As `OpticalFlow` gives it.

    Raises
    ------
    ValueError
        If there are too few frames, or too small ones, or no frame after the onset.
    """
    frames = _in_memory(frames, method, name)
    if reference == "previous":
        return flows(pairwise(frames), method)
    onset = onset_position(clip, len(frames), name)
    if onset == len(frames) - 1:
        raise ValueError(
            f"{name}: the onset is the last of {len(frames)} frames, expected at least one after it"
        )
    return flows(zip(repeat(frames[onset]), frames[onset + 1 :], strict=False), method)


def onset_and_apex_frames(frames, clip, name, method):
    """Pick the two frames between which the motion of an expression is measured.

    Parameters
    ----------
    frames, clip, name, method
        See `clip_flow`; the onset of the clip is read, and its apex.

    Returns
    -------
    tuple of two ndarrays of uint8, shape (H, W)
        The frames at the onset and at the apex, large enough for the method.

    Raises
    ------
    ValueError
        If there are too few frames, or too small ones, the apex is missing, or it does not come
        after the onset.
    """
    frames = _in_memory(frames, method, name)
    onset, apex = onset_and_apex(clip, len(frames), name)
    return frames[onset], frames[apex]


def _in_memory(frames, method, name):
    """Frames as NumPy has them, checked for number and size."""
    if frames.shape[0] < 2:
        raise ValueError(f"{name}: expected at least 2 frames to see motion, got {frames.shape[0]}")
    check_size(frames.shape[1:], method, name)
    return np.ascontiguousarray(to_numpy(frames))
