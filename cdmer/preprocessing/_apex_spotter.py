"""Clips with an apex where nobody annotated one."""

from dataclasses import replace

from cdmer._clips import is_clip, named_clips
from cdmer._moments import offset_position, onset_position
from cdmer._parameters import check_choice
from cdmer.preprocessing._apex import METHODS, REFERENCES, spot
from cdmer.preprocessing._base import ClipTransformer, numpy_frames


class ApexSpotter(ClipTransformer):
    """Give clips an apex where none is annotated.

    Where an apex is known, the clip passes unchanged and its frames are not read. The apex found is
    the number of a frame, as annotations are, and `apex_spotted_by` of the new clip names the
    method. The frames stay as they are; unlike in the other steps, they are read by `transform`,
    because the next step may ask for the apex.

    Parameters
    ----------
    method : {"frame-difference", "flow", "lbp"}, default="frame-difference"
        Method of `spot_apex`.
    reference : {"both", "onset"}, default="both"
        Frames to compare with, see `spot_apex`.
    n_jobs : int, default=None
        Number of threads, each of which handles one clip at a time. None means 1 unless in a
        `joblib.parallel_config` context, -1 means all processors. The result is the same for any
        number.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: by `fit` and `transform`, if a parameter has the wrong type or
        value.
    TypeError
        By `transform`, if a clip is a bare array, which cannot carry an apex.
    ValueError
        By `transform`, if onset and offset are not in order within the clip, are less than two
        frames apart, or nothing changes between them. The message names the clip.

    Notes
    -----
    A clip without an annotated onset is searched from its first frame on, one without an annotated
    offset up to its last frame.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.preprocessing import ApexSpotter
    >>> clip = make_synthetic_corpus("nir-25fps", n_clips=3, random_state=0)[0]
    >>> [spotted] = ApexSpotter().fit_transform([replace(clip, apex=None)])
    >>> clip.apex, spotted.apex, spotted.apex_spotted_by
    (6, 6, 'frame-difference')
    """

    def __init__(self, method="frame-difference", reference="both", n_jobs=None):
        self.method = method
        self.reference = reference
        self.n_jobs = n_jobs

    def _check_parameters(self):
        check_choice("method", self.method, METHODS)
        check_choice("reference", self.reference, REFERENCES)

    def transform(self, X):
        """Find the apex of clips.

        Parameters
        ----------
        X : sequence of clips
            A clip is a `cdmer.corpora.Clip`. Clips may differ in length and size.

        Returns
        -------
        ndarray of object, shape (n_clips,)
            In the order of `X`: the clip itself if its apex is known, else a new Clip.
        """
        pairs = named_clips(X)
        for name, clip in pairs:
            if not is_clip(clip):
                raise TypeError(
                    f"{name}: expected a Clip, which can carry an apex, got "
                    f"{type(clip).__name__}; spot_apex finds its position in an array"
                )
        return super().transform([clip for _, clip in pairs])

    def _apply(self, frames, clip, name):
        return frames

    def _process(self, clip, name):
        if clip.apex is not None:
            return clip
        frames = numpy_frames(clip, name)
        onset = onset_position(clip, len(frames), name)
        offset = offset_position(clip, len(frames), name)
        apex = spot(frames, self.method, self.reference, onset, offset, name)
        numbers = clip.frame_numbers
        number = apex if numbers is None else int(numbers[apex])
        return replace(clip, apex=number, apex_spotted_by=self.method)
