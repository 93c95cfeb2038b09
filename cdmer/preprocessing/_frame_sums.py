"""Frames as weighted sums of other frames: weights that interpolate in time."""

import numpy as np

# Values of frames in float64 at a time: 8 MiB.
CHUNK = 2**20


def spread(n_frames, n_new):
    """Place new frames evenly from the first old frame to the last.

    Parameters
    ----------
    n_frames, n_new : int
        Numbers of old and new frames; at least 2 new ones.

    Returns
    -------
    ndarray of float64, shape (n_new,)
        Positions among the old frames, from 0; exact wherever they are whole.
    """
    return np.arange(n_new) * (n_frames - 1) / (n_new - 1)


def cosine_weights(positions, n_frames):
    r"""Weights of the frames in new ones on the curve of the graph embedding.

    Parameters
    ----------
    positions : ndarray of float64, shape (n_new,)
        See `spread`.
    n_frames : int
        Number n of frames.

    Returns
    -------
    ndarray of float64, shape (n_new, n_frames)
        Rows sum to 1; those of whole positions hold a single 1.

    Notes
    -----
    With :math:`\alpha = \pi (p + 1/2)/n` at the position p and :math:`\beta` likewise at each
    frame, :math:`f^k = \cos k\alpha` and :math:`y_k = \cos k\beta`. By

    .. math:: 1 + 2 \sum_{k=1}^{n-1} \cos k\theta
              = D(\theta) = \frac{\sin((n - 1/2)\,\theta)}{\sin(\theta / 2)}

    the weights :math:`(1 + 2 \sum_k \cos k\alpha \cos k\beta)/n` are
    :math:`(D(\alpha - \beta) + D(\alpha + \beta))/(2n)`.
    """
    alpha = np.pi * (positions[:, None] + 0.5) / n_frames
    beta = np.pi * (np.arange(n_frames) + 0.5) / n_frames

    def dirichlet(theta):
        return np.sin((n_frames - 0.5) * theta) / np.sin(theta / 2)

    with np.errstate(invalid="ignore", divide="ignore"):  # 0 / 0 where a new frame is an old one
        weights = (dirichlet(alpha - beta) + dirichlet(alpha + beta)) / (2 * n_frames)
    whole = positions == np.rint(positions)
    weights[whole] = np.arange(n_frames) == positions[whole, None]
    return weights


def linear_weights(positions, n_frames):
    """Weights of the frames in new ones between two neighbours.

    Parameters are those of `cosine_weights`.

    Returns
    -------
    ndarray of float64, shape (n_new, n_frames)
        Rows sum to 1.
    """
    return np.maximum(0, 1 - np.abs(positions[:, None] - np.arange(n_frames)))


def weighted_sums(frames, weights):
    """Sum frames with weights, rounded to the nearest integer and cut to 0…255.

    Parameters
    ----------
    frames : ndarray of uint8, shape (n_frames, ...)
        The frames.
    weights : ndarray of float64, shape (n_new, n_frames)
        See `cosine_weights`.

    Returns
    -------
    ndarray of uint8, shape (n_new, ...)
        The new frames.
    """
    if (np.count_nonzero(weights, axis=1) == 1).all() and (weights.max(axis=1) == 1).all():
        return frames[weights.argmax(axis=1)]  # every new frame is an old one
    values = frames.reshape(len(frames), -1)
    sums = np.empty((len(weights), values.shape[1]), dtype=np.uint8)
    step = max(1, CHUNK // len(frames))
    for start in range(0, values.shape[1], step):
        chunk = slice(start, start + step)
        new = weights @ values[:, chunk].astype(np.float64)
        sums[:, chunk] = np.clip(np.rint(new, out=new), 0, 255, out=new)
    return sums.reshape(len(weights), *frames.shape[1:])
