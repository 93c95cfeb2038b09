"""What hiding places of a picture does to the score of a class."""

from itertools import product

import numpy as np

from cdmer._devices import RowsAtOnce
from cdmer._parameters import ParameterError, check_number
from cdmer._progress import progress_bar
from cdmer.nets._training.training import forward_all


def occlusion(model, X, codes, scores, part, window, stride, baseline, device):
    """Map how far the score falls when a place is hidden.

    Parameters
    ----------
    model : NetClassifier
        Fitted; its network is in evaluation mode, on the device.
    X : ndarray of shape (n, ...)
        In the network's own shape.
    codes : ndarray of int, shape (n,)
        Positions of the classes to explain.
    scores : ndarray of shape (n, n_classes)
        Scores of the clips as they are.
    part : PlacedPart
    window, stride : int, tuple of int or None
    baseline : "median", float or sequence of float
    device : torch.device

    Returns
    -------
    ndarray of shape (n, height, width) or (n, frames, height, width)
    """
    window = _window(window, part)
    windows = _windows(part.places, window, _stride(stride, window, part))
    X = np.ascontiguousarray(X)
    hidden = _hidden_values(baseline, X, part)
    total, count = np.zeros((len(X), *part.places)), np.zeros(part.places)
    fall = _falls(model, X, codes, scores, part, windows, hidden, device)
    for i, place in enumerate(windows):
        total[(slice(None), *place)] += fall[:, i, None, None, None]
        count[place] += 1
    return part.shaped(total / count).astype(X.dtype)


def _window(window, part):
    """Size of a window, for frames, height and width."""
    n_frames, height, width = part.places
    if window is None:
        return n_frames, -(-height // 8), -(-width // 8)
    return _three("window", window, part.places, part)


def _stride(stride, window, part):
    """Steps to the next window, for frames, height and width."""
    if stride is None:
        return tuple(max(1, size // 2) for size in window)
    # A larger one would leave places that nothing hides.
    return _three("stride", stride, window, part)


def _three(name, value, most, part):
    values = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(values) == 2:
        values = (most[0], *values)
    if len(values) != 3 or not (part.is_video or values[0] == 1):
        raise ParameterError(
            f"{name}: expected one number, (height, width) or, for videos, (frames, height, "
            f"width), got {value!r}"
        )
    for number, largest in zip(values, most, strict=True):
        check_number(name, number, least=1, most=largest, whole=True)
    return values


def _windows(places, window, stride):
    """Slices of frames, rows and columns, a list of one triple per window."""
    cuts = []
    for size, length, step in zip(places, window, stride, strict=True):
        starts = [*range(0, size - length, step), size - length]
        cuts.append([slice(start, start + length) for start in starts])
    return list(product(*cuts))


def _hidden_values(baseline, X, part):
    """What replaces each channel of each clip, shape (n, n_channels)."""
    n_channels = part.shape[0]
    if isinstance(baseline, str) and baseline == "median":
        pictures = (part.of_row(row).reshape(n_channels, -1) for row in X)
        return np.stack([np.median(picture, axis=1) for picture in pictures])
    values = baseline if isinstance(baseline, tuple | list | np.ndarray) else [baseline]
    if np.ndim(values) != 1 or len(values) not in (1, n_channels):
        raise ParameterError(
            f'baseline: expected "median", a number or one for each of {n_channels} channels, got '
            f"{baseline!r}"
        )
    for value in values:
        check_number("baseline", value)
    return np.broadcast_to(np.asarray(values, X.dtype), (len(X), n_channels))


def _falls(model, X, codes, scores, part, windows, hidden, device):
    """How far the score of each clip falls with each window, shape (n, n_windows)."""
    memory = RowsAtOnce()
    n_trials = len(X) * len(windows)
    falls = np.empty((len(X), len(windows)))
    with progress_bar(n_trials, "Hiding windows", "picture", model.progress) as bar:
        for start in range(0, n_trials, model.batch_size):
            trials = np.arange(start, min(start + model.batch_size, n_trials))
            clips, places = np.divmod(trials, len(windows))
            trial_rows = X[clips]
            for row, clip, place in zip(trial_rows, clips, places, strict=True):
                values = hidden[clip][:, None, None, None]
                part.of_row(row)[(slice(None), *windows[place])] = values
            after = forward_all(model.network_, trial_rows, device, model, memory).numpy()
            wanted = codes[clips]
            falls[clips, places] = scores[clips, wanted] - after[np.arange(len(trials)), wanted]
            bar.update(len(trials))
    return falls
