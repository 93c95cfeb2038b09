"""Features of every step of a clip, one after the other."""

import re
from dataclasses import dataclass

import numpy as np

from cdmer._array import to_numpy
from cdmer._clips import read_frames
from cdmer._parameters import ParameterError, check_choice
from cdmer._steps import any_part
from cdmer._vision.grid import RegionGrid
from cdmer.features._clip_arrays import ClipArrays
from cdmer.features._descriptor import ClipDescriptor
from cdmer.features._flow.histograms import HOOF
from cdmer.features._flow.sequence import REFERENCES


@dataclass(frozen=True)
class _Step:
    """Two frames as a clip, of which the first is the onset and the second the apex."""

    frames: np.ndarray
    key: str
    onset: int = 0
    apex: int = 1

    def position(self, moment):
        return getattr(self, moment)


class DescriptorSequence(ClipArrays):
    """Features of each step of a clip, for a network over sequences.

    A clip of T frames has T - 1 steps, each a pair of frames, and gives an array of shape (T - 1,
    n_features).

    Parameters
    ----------
    descriptor : descriptor, default=None
        Descriptor of a pair of frames: one of the descriptors of motion of `cdmer.features`, such
        as `HOOF`, `FHOFO` or `BiWOOF`. None stands for ``HOOF(grid=RegionGrid((4,)))``: 16 regions
        of 8 directions, 128 features.
    reference : {"first", "previous"}, default="first"
        The first frame of each pair: that of the clip, or the one before the second.
    n_jobs : int, default=None
        Number of threads, each of which handles one clip at a time. None means 1 unless in a
        `joblib.parallel_config` context, -1 means all processors. The result is the same for any
        number.

    Raises
    ------
    TypeError, ValueError
        By `fit`, if a parameter has the wrong type or value. By `transform`, if a clip is not grey
        uint8 (TypeError for another dtype), has fewer than two frames, the descriptor refuses a
        pair, or a clip has another number of frames than the first. The message names the parameter
        or the clip.

    See Also
    --------
    FlowSequence : Pictures of each step in place of features.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import DescriptorSequence
    >>> clips = np.random.default_rng(0).integers(0, 256, size=(2, 5, 48, 48), dtype=np.uint8)
    >>> DescriptorSequence().fit_transform(clips).shape
    (2, 4, 128)
    """

    def __init__(self, descriptor=None, reference="first", n_jobs=None):
        self.descriptor = descriptor
        self.reference = reference
        self.n_jobs = n_jobs

    needs_apex = False  # each step is given one

    @property
    def measures_flow(self):
        """Whether the descriptor is one of motion, a bool."""
        return self.descriptor is None or any_part(self.descriptor, "measures_flow")

    def _check_parameters(self):
        if self.descriptor is not None and not isinstance(self.descriptor, ClipDescriptor):
            raise ParameterError(
                "descriptor: expected a descriptor of cdmer.features, such as HOOF(), or None, "
                f"got {self.descriptor!r}"
            )
        check_choice("reference", self.reference, REFERENCES)

    def _array(self, clip, name):
        """Features of the steps of one clip, shape (n_steps, n_features)."""
        frames = to_numpy(read_frames(clip, name, colour=False))
        if len(frames) < 2:
            raise ValueError(f"{name}: expected at least 2 frames to see motion, got {len(frames)}")
        first = frames[:-1]
        if self.reference == "first":
            first = np.broadcast_to(frames[0], first.shape)
        pairs = [
            _Step(np.stack(two), f"step {i}")
            for i, two in enumerate(zip(first, frames[1:], strict=True))
        ]
        descriptor = HOOF(grid=RegionGrid((4,))) if self.descriptor is None else self.descriptor
        try:
            return to_numpy(descriptor.transform(pairs)).astype(np.float32)
        except ValueError as error:
            message = re.sub(r"clip '(step \d+)'", r"\1", str(error))
            raise ValueError(f"{name}, {message}") from error
