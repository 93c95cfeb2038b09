"""The base of preprocessing steps: clips in, clips out, frames computed when they are read."""

from abc import abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import clone

from cdmer._clip_transformer import ClipwiseTransformer, as_objects
from cdmer._clips import (
    collect_frames,
    expected_length,
    is_clip,
    iterate_frames,
    known_length,
    read_frames,
)
from cdmer._fingerprint import fingerprint
from cdmer._images.decoders import watch_source


@dataclass(frozen=True, eq=False)
class Processed:
    """Frames of a processed clip: calling it reads the clip and computes them.

    Iterating over it gives the same frames one by one; as far as the steps need no more than one
    frame at a time, no more are in memory.

    Parameters
    ----------
    clip : Clip
        The clip before the step.
    step : ClipTransformer
        Never changed afterwards.
    """

    clip: object
    step: "ClipTransformer"

    def __call__(self):
        """Compute the frames, ndarray of uint8, shape (T, H, W) or (T, H, W, 3)."""
        return self.step._compute(self.clip, f"clip {self.clip.key!r}")

    def __iter__(self):
        """Compute the frames one by one, ndarrays of uint8, shape (H, W) or (H, W, 3)."""
        return self.step._iterate(self.clip, f"clip {self.clip.key!r}")

    @property
    def n_frames(self):
        """Number of frames, int, or None where it is unknown until the clip is read."""
        return self.step._n_frames_out(self.clip, known_length(self.clip))

    def expected_frames(self):
        """Number of frames, known or as a file announces it, int, or None; may open the file."""
        return self.step._n_frames_out(self.clip, expected_length(self.clip))

    def fingerprint(self):
        """Identify the frames without computing them.

        Returns
        -------
        str or None
            A hash of the fingerprint of the clip's own source, of the step with its parameters,
            and of the annotations that the step reads. None if the clip's source has none, or if
            a parameter is an object that its content does not identify.
        """
        own = getattr(self.clip.source, "fingerprint", None)
        own = own() if own is not None else None
        if own is None:
            return None
        read = {name: getattr(self.clip, name) for name in self.step._reads}
        try:
            return fingerprint(own, self.step, read)
        except TypeError:
            return None


class ClipTransformer(ClipwiseTransformer, auto_wrap_output_keys=None):
    """Base of the steps that turn clips into clips.

    Frames are computed when they are read: a new `cdmer.corpora.Clip` holds the old one and the
    step.

    Attributes
    ----------
    needs : {"frame", "all"}
        What a step needs of a clip to give one frame: the frame itself and what it remembers of
        those before, see `FrameTransformer`; or all frames.

    Notes
    -----
    A subclass must define the first of these methods, the others where it has need of them:

    - ``_apply(frames, clip, name)``: the new frames, ndarray of uint8, shape (T', H', W') or
      (T', H', W', 3). `frames`, of shape (T, H, W) or (T, H, W, 3), are checked and must not be
      written to; `clip` is the clip that they come from, or the bare array; `name` is what messages
      call it.
    - ``_check_parameters()``: raises an error that names the parameter, what was expected and what
      came.
    - ``_annotate(clip, name)``: fields of the new clip that differ from those of the old one, a
      dict, such as ``{"onset": 3}``. It reads `clip.frames` only where nothing else would do.
    - ``_n_frames_out(clip, n_frames)``: number of new frames, int, or None where it is unknown;
      `n_frames` is that of the old ones, or None.
    - ``_reads``: names of the clip's fields, other than its frames, that `_apply` uses; a tuple.
    """

    needs = "all"
    _reads = ()

    def __init_subclass__(cls, **kwargs):
        # Subclasses leave their output alone as well, whatever set_config asks for.
        super().__init_subclass__(auto_wrap_output_keys=None, **kwargs)

    def transform(self, X):
        """Process clips.

        Parameters
        ----------
        X : sequence of clips
            A clip is a `cdmer.corpora.Clip`, or a uint8 array of shape (T, H, W) or (T, H, W, 3),
            colours in the order red, green, blue. Clips may differ in length and size.

        Returns
        -------
        ndarray of object, shape (n_clips,)
            In the order of `X`. A Clip gives a new Clip, whose frames are computed each time they
            are read, with the parameters that the transformer has now; an array gives an array.
        """
        self._check_parameters()
        step = clone(self)  # later changes of parameters do not reach clips that wait to be read
        return as_objects(step._each(step._process, _as_clips(X)))

    def get_feature_names_out(self, input_features=None):
        """Name the only column, which pipelines of steps and a descriptor ask for.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str objects, shape (1,)
            ``"clip"``.
        """
        return np.asarray(["clip"], dtype=object)

    def set_output(self, *, transform=None):
        """Leave the output as it is: clips fit in no table.

        Parameters
        ----------
        transform : ignored

        Returns
        -------
        self
            The transformer itself.
        """
        return self

    @abstractmethod
    def _apply(self, frames, clip, name):
        """New frames of one clip, ndarray of uint8, shape (T', H', W') or (T', H', W', 3)."""

    def _annotate(self, clip, name):
        return {}

    def _n_frames_out(self, clip, n_frames):
        return n_frames

    def _process(self, clip, name):
        """New clip, its frames to be computed, or new array."""
        if is_clip(clip):
            return replace(clip, source=Processed(clip, self), **self._annotate(clip, name))
        return self._compute(clip, name)

    def _compute(self, clip, name):
        """New frames of one clip; whatever goes wrong names the clip."""
        with self._naming(name):
            return self._apply(numpy_frames(clip, name), clip, name)

    def _iterate(self, clip, name):
        """New frames of one clip one by one, an iterator."""
        return iter(self._compute(clip, name))

    @contextmanager
    def _naming(self, name):
        try:
            yield
        except (ImportError, MemoryError):
            raise  # no clip is to blame
        except Exception as error:
            if name in str(error):
                raise
            kind, step = type(error).__name__, type(self).__name__
            raise RuntimeError(f"{name}: {step} failed with {kind}: {error}") from error


class FrameTransformer(ClipTransformer):
    """Base of the steps from clip to clip that need one frame at a time, in their order.

    A long recording that flows through them takes the memory of what comes out, not of what is
    recorded.

    Notes
    -----
    A subclass must define the first of these methods; `ClipTransformer` lists the others.

    - ``_stream(frames, clip, name)``: a generator of the new frames, of shape (H', W') or
      (H', W', 3), from an iterator of the old ones. It may look at several frames before it gives
      the first. `clip` and `name` are as in ``_apply`` of `ClipTransformer`.
    """

    needs = "frame"

    @abstractmethod
    def _stream(self, frames, clip, name):
        """New frames of one clip from an iterator of old ones, one by one."""

    def _apply(self, frames, clip, name):
        new = self._stream(iter(frames), clip, name)
        return collect_frames(new, self._n_frames_out(clip, len(frames)), name)

    def _compute(self, clip, name):
        if not is_clip(clip):
            return super()._compute(clip, name)
        recorded = clip.source
        while isinstance(recorded, Processed):
            recorded = recorded.clip.source
        with self._naming(name):
            expected = self._n_frames_out(clip, expected_length(clip))
            return watch_source(
                lambda: collect_frames(self._iterate(clip, name), expected, name), recorded
            )

    def _iterate(self, clip, name):
        with self._naming(name):
            yield from self._stream(iterate_frames(clip, name), clip, name)


def numpy_frames(clip, name):
    """Read the frames of one clip, which libraries of pictures take from NumPy alone.

    Parameters
    ----------
    clip : Clip, or ndarray of shape (T, H, W) or (T, H, W, 3)
    name : str
        Name of the clip in messages.

    Returns
    -------
    ndarray of uint8, shape (T, H, W) or (T, H, W, 3)

    Raises
    ------
    TypeError, ValueError
        See `cdmer._clips.read_frames`; also if the frames are an array of another library.
    """
    if not is_clip(clip) and not isinstance(clip, np.ndarray):
        raise TypeError(f"{name}: expected a Clip or a NumPy array, got {type(clip).__name__}")
    return read_frames(clip, name)


def _as_clips(X):
    """Take one array of colour clips apart; refuse one colour clip, which looks like grey ones."""
    if not isinstance(X, np.ndarray) or X.dtype == object:
        return X
    if X.ndim == 4 and X.shape[-1] == 3:
        raise ValueError(
            f"X: expected a sequence of clips, got one array of shape {X.shape}, which looks like "
            "one colour clip; wrap it in a list"
        )
    return list(X) if X.ndim == 5 else X
