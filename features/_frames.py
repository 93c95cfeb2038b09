"""Frames as numbers, for networks that see the face itself."""

import numpy as np

from cdmer._array import to_numpy
from cdmer._clips import read_frames
from cdmer._moments import apex_position
from cdmer._parameters import ParameterError, check_choice, check_flag, check_number
from cdmer.features._clip_arrays import ClipArrays
from cdmer.features._flow.motion_channels import resized

SCALINGS = ("standard", "pixels", "relative")
# Red, green and blue in Kinetics-400, as torchvision states them.
KINETICS_MEAN = (0.43216, 0.394666, 0.37645)
KINETICS_STD = (0.22803, 0.22145, 0.216989)


class Frames(ClipArrays):
    """All frames of a clip, for a network over space and time.

    A clip of T frames gives an array of shape (channels, T, H, W). Networks take one number of
    frames of one size: ``make_pipeline(Resize(64, 64), TemporalInterpolation(18), Frames())``.

    Parameters
    ----------
    colour : bool, default=False
        Whether to give red, green and blue; grey clips have the same three times. False takes grey
        clips, one channel.
    difference : bool, default=False
        Whether to subtract the first frame from all frames, which leaves changes and not the looks
        of the person.
    scaling : {"standard", "pixels", "relative", "kinetics"}, default="standard"
        - "standard": the levels of each clip, all channels together, have mean 0 and standard
          deviation 1; a constant clip is 0 throughout. Networks without batch normalisation hardly
          learn from the other scalings.
        - "pixels": levels as they are, from 0 to 255.
        - "relative": levels as shares of 255.
        - "kinetics": with `colour`, these shares less the means of red, green and blue in
          Kinetics-400, divided by their standard deviations: what the video networks of torchvision
          were trained with.
    n_jobs : int, default=None
        Number of threads, each of which handles one clip at a time. None means 1 unless in a
        `joblib.parallel_config` context, -1 means all processors. The result is the same for any
        number.

    Raises
    ------
    TypeError, ValueError
        By `fit`, if a parameter has the wrong type or value. By `transform`, if a clip is not uint8
        (TypeError), not grey where that is asked for, or has another number or size of frames than
        the first clip. The message names the parameter or the clip.

    See Also
    --------
    ApexFrame : The apex frame alone.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import Frames
    >>> Frames().fit_transform(np.zeros((2, 9, 32, 32), dtype=np.uint8)).shape
    (2, 1, 9, 32, 32)
    """

    def __init__(self, colour=False, difference=False, scaling="standard", n_jobs=None):
        self.colour = colour
        self.difference = difference
        self.scaling = scaling
        self.n_jobs = n_jobs

    def _check_parameters(self):
        check_flag("colour", self.colour)
        check_flag("difference", self.difference)
        check_choice("scaling", self.scaling, (*SCALINGS, "kinetics"))
        if self.scaling == "kinetics" and not (self.colour and not self.difference):
            raise ParameterError(
                "scaling: expected colour=True and difference=False with 'kinetics', got "
                f"colour={self.colour} and difference={self.difference}"
            )

    def _array(self, clip, name):
        """Frames of one clip, shape (channels, T, H, W)."""
        frames = channels_last(clip, name, self.colour).astype(np.float32)
        if self.difference:
            frames -= frames[0].copy()
        return _scaled(np.moveaxis(frames, -1, 0), self.scaling)


class ApexFrame(ClipArrays):
    """The apex frame of a clip, for a network over pictures.

    A clip gives an array of shape (channels, size, size).

    Parameters
    ----------
    size : int, default=224
        Height and width of the picture.
    colour : bool, default=False
        Whether to give red, green and blue; grey clips have the same three times. False takes grey
        clips, one channel.
    scaling : {"standard", "pixels", "relative"}, default="standard"
        See `Frames`; "standard" is computed on the apex frame alone.
    n_jobs : int, default=None
        Number of threads, each of which handles one clip at a time. None means 1 unless in a
        `joblib.parallel_config` context, -1 means all processors. The result is the same for any
        number.

    Raises
    ------
    TypeError, ValueError
        By `fit`, if a parameter has the wrong type or value. By `transform`, if a clip is not uint8
        (TypeError), not grey where that is asked for, or has no apex, or one outside of its frames.
        The message names the parameter or the clip.

    See Also
    --------
    Frames : All frames.
    FlowImages : The motion that leads to the apex.

    Notes
    -----
    Pictures that shrink are averaged over areas, others interpolated linearly.

    Examples
    --------
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.features import ApexFrame
    >>> clips = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)
    >>> ApexFrame(size=64).fit_transform(clips).shape
    (3, 1, 64, 64)
    """

    needs_apex = True

    def __init__(self, size=224, colour=False, scaling="standard", n_jobs=None):
        self.size = size
        self.colour = colour
        self.scaling = scaling
        self.n_jobs = n_jobs

    def _check_parameters(self):
        check_number("size", self.size, least=1, whole=True)
        check_flag("colour", self.colour)
        check_choice("scaling", self.scaling, SCALINGS)

    def _array(self, clip, name):
        """Apex of one clip, shape (channels, size, size)."""
        frames = channels_last(clip, name, self.colour)
        apex = apex_position(clip, len(frames), name)
        planes = np.moveaxis(frames[apex].astype(np.float32), -1, 0)
        face = np.stack([resized(np.ascontiguousarray(plane), self.size) for plane in planes])
        return _scaled(face, self.scaling)


def channels_last(clip, name, colour):
    """Frames of one clip with one or three channels, ndarray of uint8, (T, H, W, channels)."""
    frames = to_numpy(read_frames(clip, name, colour=colour))
    if frames.ndim == 4:
        return frames
    return np.repeat(frames[..., None], 3, axis=-1) if colour else frames[..., None]


def _scaled(levels, scaling):
    if scaling == "standard":
        spread = levels.std(dtype=np.float64)
        return (levels - levels.mean(dtype=np.float64).astype(np.float32)) / np.float32(spread or 1)
    if scaling == "kinetics":
        mean, std = (
            np.float32(numbers)[:, None, None, None] for numbers in (KINETICS_MEAN, KINETICS_STD)
        )
        return (levels / np.float32(255) - mean) / std
    return levels / np.float32(255) if scaling == "relative" else levels
