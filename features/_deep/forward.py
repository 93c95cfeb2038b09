"""Forward passes, batch after batch, with transfers and preparation going on beside them."""

import threading
from collections import OrderedDict

import numpy as np

from cdmer._devices import RowsAtOnce, exact, find_device, mixed, weight_dtype
from cdmer.features._deep.network import features_of, make_network, name_network

# What this process computed with last: work on clips one by one must not make a network for each.
_kept = OrderedDict()
_MOST = 2
_lock = threading.Lock()


def find_embedder(settings):
    """Find what computes a descriptor's features in this process.

    Parameters
    ----------
    settings : DeepFeatures
        Its parameters are read.

    Returns
    -------
    Embedder

    Raises
    ------
    ImportError, FileNotFoundError, ParameterError, ValueError
        As `make_network`; ParameterError, too, if there is no such device or layer.
    """
    device = find_device(settings.device)
    name = name_network(settings)
    if name is None:
        return Embedder(*make_network(settings), device, settings)
    # A class that took the name of another, as when a cell of a notebook is run again, is another.
    kind = settings.network
    if isinstance(kind, str):
        from cdmer.nets import NETWORKS

        kind = NETWORKS.get(kind)
    key = name, kind, device, settings.layer, settings.pool, settings.precision, settings.compile
    with _lock:
        if key not in _kept:
            _kept[key] = Embedder(*make_network(settings), device, settings)
            if len(_kept) > _MOST:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
        return _kept[key]


class Embedder:
    """A network on its device, and the way from its input to features.

    Parameters
    ----------
    network : torch.nn.Module
        Moved to the device.
    report : WeightsReport or None
    device : torch.device
    settings : DeepFeatures

    Attributes
    ----------
    network : torch.nn.Module
    report : WeightsReport or None
    dtype : type
        Type of the input and of the features.
    """

    def __init__(self, network, report, device, settings):
        import torch

        self.device, self.report, self.precision = device, report, settings.precision
        self.dtype = np.float64 if settings.precision == "float64" else np.float32
        self.channels_last = device.type == "cuda"
        network.requires_grad_(False)
        network.to(device, weight_dtype(settings.precision))
        for parameter in network.parameters():
            parameter.data = self._laid_out(parameter.data)
        self.network = network.eval()
        function = features_of(network, settings.layer, settings.pool)
        self._function = torch.compile(function) if settings.compile else function
        self._memory = RowsAtOnce()
        self._copies = torch.cuda.Stream(device) if self.channels_last else None
        # A hook belongs to one pass at a time, and so does the memory of the device.
        self._lock = threading.Lock()

    def batches(self, rows, batch_size, shape_of):
        """Put rows together, where the device can fetch them from.

        Parameters
        ----------
        rows : iterable of (str, ndarray)
            Name and input of each clip, one shape for all.
        batch_size : int
        shape_of : callable
            Gives the shape that the network sees of a row.

        Yields
        ------
        names : list of str
        batch : torch.Tensor of shape (n_clips, ...)
            On the CPU; pinned if the device is a GPU.

        Raises
        ------
        ValueError
            If an input has the wrong shape; names the clip.
        """
        names, batch, first = [], None, None
        for name, row in rows:
            if first is None:
                first = shape_of(row)
                self._check_shape(name, first)
            if shape_of(row) != first:
                raise ValueError(
                    f"{name}: prepare gave shape {shape_of(row)}, and {first} for the clips before"
                )
            if not names:
                batch = self._room(batch_size, row)
            # By NumPy, in this thread: torch's threads would wait for processors that workers use.
            batch.numpy()[len(names)] = row
            names.append(name)
            if len(names) == batch_size:
                yield names, batch
                names = []
        if names:
            yield names, batch[: len(names)]

    def __call__(self, batches, finish):
        """Compute features, one batch queued on the device while the next is prepared.

        Parameters
        ----------
        batches : iterable of (list of str, torch.Tensor)
        finish : callable
            Makes the network's input of a batch on the device.

        Yields
        ------
        names : list of str
        features : ndarray of shape (n_clips, n_features)
        """
        queued = None
        for names, batch in batches:
            latest = names, *self._pass(batch, finish)
            if queued is not None:
                yield self._fetched(*queued)
            queued = latest
        if queued is not None:
            yield self._fetched(*queued)

    def count_features(self):
        """Count the features by a clip of zeros.

        Returns
        -------
        int or None
            None if the network does not state its input.
        """
        import torch

        parts = getattr(self.network, "expected_input", None)
        if parts is None:
            return None
        zeros = torch.zeros(1, sum(part.size for part in parts))
        if len(parts) == 1:
            zeros = zeros.reshape(1, *parts[0].shape)
        zeros = zeros.to(self.device, next(self.network.parameters()).dtype)
        with self._lock, torch.inference_mode():
            return self._function(self._laid_out(zeros)).shape[1]

    def _pass(self, batch, finish):
        """Features of a batch, on their way to the CPU, and the event of their arrival."""
        import torch

        def compute(n_parts):
            parts = [self._features(part, finish) for part in batch.tensor_split(n_parts)]
            return torch.cat(parts)

        with self._lock, torch.inference_mode():
            features = self._memory.try_smaller(
                compute, len(batch), lambda: "the result is the same but for rounding"
            )
            # Into pinned memory; on the CPU it is there already.
            features = features.to("cpu", non_blocking=True)
            event = None
            if self._copies is not None:
                event = torch.cuda.Event()
                event.record(torch.cuda.current_stream(self.device))
        return features, event

    def _features(self, part, finish):
        import torch

        if self._copies is not None:
            here = torch.cuda.current_stream(self.device)
            with torch.cuda.stream(self._copies):
                part = part.to(self.device, non_blocking=True)
            here.wait_stream(self._copies)
            part.record_stream(here)
        else:
            part = part.to(self.device)
        x = self._laid_out(finish(part))
        with exact(self.device), mixed(self.precision, self.device):
            try:
                return self._function(x)
            except _of_the_device():
                raise
            except RuntimeError as error:  # a module of torch itself, which knows no names
                raise ValueError(
                    f"prepare: {type(self.network).__name__} does not take input of shape "
                    f"{tuple(x.shape[1:])}: {error}"
                ) from error

    def _fetched(self, names, features, event):
        if event is not None:
            event.synchronize()
        features = features.numpy().astype(self.dtype, copy=False)
        good = np.isfinite(features).all(axis=1)
        if not good.all():
            raise ValueError(
                f"{names[np.argmin(good)]}: its features are not finite; "
                f'precision="{self.precision}" may be too little for its input'
            )
        return names, features

    def _check_shape(self, name, shape):
        if not hasattr(self.network, "split"):
            return
        import torch

        try:
            self.network.split(torch.empty(0, *shape))
        except ValueError as error:
            raise ValueError(f"{name}: prepare gave another input; {error}") from None

    def _room(self, n_rows, like):
        import torch

        dtype = torch.from_numpy(like[:0].copy()).dtype
        pinned = self._copies is not None
        return torch.empty((n_rows, *like.shape), dtype=dtype, pin_memory=pinned)

    def _laid_out(self, x):
        """Pictures in the order in memory that the device is fastest with."""
        import torch

        if x.ndim not in (4, 5) or not self.channels_last:
            return x.contiguous()
        last = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
        return x.contiguous(memory_format=last)


def _of_the_device():
    """Errors that say nothing of a network's input, though they are a RuntimeError each."""
    import torch

    newer = [torch.AcceleratorError] if hasattr(torch, "AcceleratorError") else []
    return torch.cuda.OutOfMemoryError, *newer
