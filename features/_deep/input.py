"""Preparation of clips as the input of a network, while the network computes on others."""

import numpy as np
from sklearn.pipeline import Pipeline

from cdmer._parameters import ParameterError
from cdmer.features._deep.workers import prepare_ahead
from cdmer.features._frames import KINETICS_MEAN, KINETICS_STD, Frames, channels_last


class Preparation:
    """Turn one clip into one array, and an array on the device into the input.

    What ends with `Frames` that only scale travels as bytes, channels last, and becomes numbers
    where the network is: a quarter of the traffic, and less work for the processor.

    Parameters
    ----------
    transformer : transformer
        Clips in, an array of numbers out.
    dtype : type
        Type of the numbers.
    mean, std : ndarray of shape (channels,) or (1,)
        What is subtracted, and what the rest is divided by.
    """

    def __init__(self, transformer, dtype, mean, std):
        steps, last = None, transformer
        if isinstance(transformer, Pipeline) and len(transformer) > 0:
            steps, last = transformer[:-1], transformer[-1]
        self.frames = last.fit() if _is_plain(last) else None
        self.steps = steps if self.frames is not None and steps is not None and len(steps) else None
        self.transformer = transformer
        self.dtype = np.dtype(dtype)
        self._moments = mean, std
        self._on_device = None

    def __getstate__(self):
        return self.__dict__ | {"_on_device": None}  # workers have no need of the GPU

    def rows(self, named, n_workers, n_ahead):
        """Prepare clips in workers, ahead of who takes them.

        Parameters
        ----------
        named : sequence of (str, clip)
        n_workers, n_ahead : int
            About `n_ahead` clips, at most, are prepared and not yet taken.

        Yields
        ------
        name : str
        row : ndarray
            In the order of the clips. Valid until the next one is asked for.
        """
        names = [name for name, _ in named]
        yield from zip(names, prepare_ahead(self._row, named, n_workers, n_ahead), strict=True)

    def input_shape(self, row):
        """Shape that the network sees for what `rows` gives."""
        return row.shape if self.frames is None else (row.shape[-1], *row.shape[:-1])

    def finish(self, x):
        """Make the input of a network of rows on its device.

        Parameters
        ----------
        x : torch.Tensor of shape (n_clips, ...)

        Returns
        -------
        torch.Tensor of shape (n_clips, ...)
            Floating point, channels first.
        """
        import torch

        if self.frames is not None:
            x = _scaled(x, self.frames.scaling, getattr(torch, self.dtype.name)).movedim(-1, 1)
        mean, std = self._moments
        if not mean.any() and (std == 1).all():
            return x
        if self._on_device is None:  # one transfer for all batches
            self._on_device = [
                torch.from_numpy(moment.astype(self.dtype)).to(x.device) for moment in self._moments
            ]
        for name, moment in zip(("mean", "std"), self._moments, strict=True):
            if len(moment) not in (1, x.shape[1]):
                raise ParameterError(
                    f"{name}: expected one number, or one for each of {x.shape[1]} channels, got "
                    f"{len(moment)}"
                )
        channels = (-1,) + (1,) * (x.ndim - 2) if x.ndim > 2 else (1,)
        mean, std = (moment.reshape(channels) for moment in self._on_device)
        return (x - mean) / std

    def _row(self, named_clip):
        name, clip = named_clip
        try:
            if self.frames is not None:
                clip = clip if self.steps is None else self.steps.transform([clip])[0]
                return channels_last(clip, name, self.frames.colour)
            rows = np.asarray(self.transformer.transform([clip]))
        except (ImportError, MemoryError, ParameterError):
            raise  # no clip is to blame
        except Exception as error:
            message = str(error).removeprefix("clip 0: ")  # alone, a bare array is the first
            if name in message:
                raise
            kind = next((k for k in (TypeError, OSError) if isinstance(error, k)), ValueError)
            raise kind(f"{name}: {message}") from error
        if rows.dtype.kind not in "biuf" or rows.ndim < 2 or len(rows) != 1:
            raise ParameterError(
                "prepare: expected a transformer that gives an array of numbers, one row per clip, "
                f"got {rows.dtype} of shape {rows.shape} for one clip"
            )
        return np.ascontiguousarray(rows[0], dtype=self.dtype)


def _is_plain(step):
    """Whether a step is `Frames` that only scales, and computes nothing else."""
    if type(step) is not Frames:
        return False
    scaled = Frames(colour=step.colour, scaling=step.scaling, n_jobs=step.n_jobs)
    return step.get_params() == scaled.get_params()


def _scaled(levels, scaling, dtype):
    """Grey levels as `Frames` scales them, but where they are; the axes stay."""
    import torch

    x = levels.to(dtype)
    if scaling == "standard":
        # Sums of integers are exact, for any number of clips at a time.
        axes, size = tuple(range(1, levels.ndim)), levels[0].numel()
        mean = levels.sum(axes, keepdim=True, dtype=torch.int64).double() / size
        squares = levels.int().square().sum(axes, keepdim=True, dtype=torch.int64).double()
        spread = (squares / size - mean**2).clamp(min=0).sqrt()
        spread = torch.where(spread > 0, spread, 1)
        return (x - mean.to(dtype)) / spread.to(dtype)
    if scaling == "kinetics":
        return (x / 255 - x.new_tensor(KINETICS_MEAN)) / x.new_tensor(KINETICS_STD)
    return x / 255 if scaling == "relative" else x
