"""Probabilities that hold what they say: scores calibrated on people left out."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax

from cdmer._parameters import check_flag, check_number

# More people than that are left out in groups.
_MOST_FOLDS = 20
_N_BINS = 10
# Probabilities that a classifier states are never quite 0, since it may err.
_LEAST = 1e-12
_MOST_CLASSES = 1000
# Far beyond what any fit gives; where a file says more, its sums would overflow.
_MOST = 1e9


@dataclass(frozen=True)
class Calibration:
    r"""Scores of classes turned into probabilities.

    With s the scores of a clip, the probabilities are

    .. math:: p = \mathrm{softmax}(a s + b)

    with one slope a (temperature scaling [1]_, with the temperature 1/a) and, where asked for, a
    bias b for each class. Where the scores are probabilities already, s are their logarithms.

    `Calibration.fit` makes one.

    Parameters
    ----------
    slope : float
        At least 0. Without biases, the class with the largest score has the largest probability.
    bias : tuple of float
        One for each class, in the order of the scores; all 0 without biases.
    of_probabilities : bool
        Whether it takes probabilities, and not scores without bounds.
    n_clips, n_people : int
        Clips and people that it was fitted on.
    log_loss, brier, calibration_error : float
        How well the probabilities are for people whom the calibration has not seen: mean of
        −log p of the true class; mean over clips of the squared distance between probabilities and
        truth, summed over classes; mean difference between the largest probability and the share of
        clips for which its class is right, in ten bins of equal width [1]_.
    log_loss_before : float
        The log loss of the scores as they are: their softmax, or the probabilities themselves.
    log_loss_prior : float
        That of the shares of the classes among the other people: what knowing nothing of a clip
        gives.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a number has the wrong type or is out of range.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural
       networks", ICML 2017, https://arxiv.org/abs/1706.04599
    .. [2] J. Platt, "Probabilistic outputs for support vector machines and comparisons to
       regularized likelihood methods", Advances in Large Margin Classifiers, 1999.
    """

    slope: float
    bias: tuple[float, ...]
    of_probabilities: bool
    n_clips: int
    n_people: int
    log_loss: float
    brier: float
    calibration_error: float
    log_loss_before: float
    log_loss_prior: float

    def __post_init__(self):
        check_number("slope", self.slope, least=0, most=_MOST)
        if not isinstance(self.bias, tuple | list) or not 2 <= len(self.bias) <= _MOST_CLASSES:
            raise ValueError(f"bias: expected a number for each of the classes, got {self.bias!r}")
        for value in self.bias:
            check_number("bias", value, least=-_MOST, most=_MOST)
        object.__setattr__(self, "bias", tuple(self.bias))
        check_flag("of_probabilities", self.of_probabilities)
        check_number("n_clips", self.n_clips, least=2, most=_MOST, whole=True)
        check_number("n_people", self.n_people, least=2, most=self.n_clips, whole=True)
        for name in ("log_loss", "log_loss_before", "log_loss_prior"):
            check_number(name, getattr(self, name), least=0, most=_MOST)
        check_number("brier", self.brier, least=0, most=2)
        check_number("calibration_error", self.calibration_error, least=0, most=1)

    @classmethod
    def fit(cls, scores, y, groups, *, of_probabilities=False, biased=False):
        r"""Fit to the scores of clips of people who were left out.

        Parameters
        ----------
        scores : array-like of shape (n_clips, n_classes)
            Scores of each class, as a classifier gave them that had not seen the clip's person. For
            two classes, −d/2 and d/2 with d the decision function.
        y : array-like of int of shape (n_clips,)
            Column of each clip's true class.
        groups : array-like of shape (n_clips,)
            The person of each clip; the clip itself, where people are unknown.
        of_probabilities : bool, default=False
            Whether the scores are probabilities.
        biased : bool, default=False
            Whether classes have biases. They mend scores that favour a class, and may then name
            another class than the largest score does.

        Returns
        -------
        Calibration

        Raises
        ------
        ValueError
            If shapes do not fit together, scores are not finite, there are fewer than two classes,
            or fewer than two people.

        Notes
        -----
        The fit is a convex problem: the mean log loss is minimised over a ≥ 0 and b. As in [2]_ the
        truth is softened, so that a handful of clips, all of them right, do not give probabilities
        of 1: for a class with n of the clips, the target is (n + 1)/(n + K) for the class and
        1/(n + K) for each of the K − 1 others. Biases are small: 1/N times the sum of their squares
        is added, for N clips.

        How well it does is measured on people whom the calibration has not seen: it is fitted to
        the others, for each person in turn (for more than 20, in 20 groups of people).
        """
        check_flag("of_probabilities", of_probabilities)
        check_flag("biased", biased)
        logits, y, people = _checked(scores, y, groups, of_probabilities)
        folds = people % _MOST_FOLDS
        left_out, prior = np.empty_like(logits), np.empty_like(logits)
        for fold in np.unique(folds):
            tested = folds == fold
            slope, bias = _fit(logits[~tested], y[~tested], biased)
            left_out[tested] = log_softmax(slope * logits[tested] + bias, axis=1)
            counts = np.bincount(y[~tested], minlength=logits.shape[1]) + 1
            prior[tested] = np.log(counts / counts.sum())
        slope, bias = _fit(logits, y, biased)
        probabilities = np.exp(left_out)
        return cls(
            slope=float(slope),
            bias=tuple(map(float, bias)),
            of_probabilities=bool(of_probabilities),
            n_clips=len(y),
            n_people=int(people.max()) + 1,
            log_loss=_log_loss(left_out, y),
            brier=_brier(probabilities, y),
            calibration_error=_calibration_error(probabilities, y),
            log_loss_before=_log_loss(log_softmax(logits, axis=1), y),
            log_loss_prior=_log_loss(prior, y),
        )

    def apply(self, scores):
        """Turn scores into probabilities.

        Parameters
        ----------
        scores : array-like of shape (n_clips, n_classes)

        Returns
        -------
        ndarray of float64, shape (n_clips, n_classes)
            At least 0; each row sums to 1.

        Raises
        ------
        ValueError
            If there is not one finite score for each class.
        """
        logits = _logits(scores, self.of_probabilities)
        if logits.shape[1] != len(self.bias):
            raise ValueError(
                f"scores: expected one for each of {len(self.bias)} classes, got {logits.shape[1]}"
            )
        return np.exp(log_softmax(self.slope * logits + np.asarray(self.bias), axis=1))


def _logits(scores, of_probabilities):
    """Scores about their mean, or logarithms of probabilities; ndarray of shape (n, n_classes)."""
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ValueError(f"scores: expected shape (n_clips, n_classes), got {scores.shape}")
    if not np.isfinite(scores).all():
        raise ValueError("scores: expected finite numbers, got NaN or infinity")
    if not of_probabilities:
        return scores - scores.mean(axis=1, keepdims=True)
    if scores.min() < 0 or scores.max() > 1:
        raise ValueError(
            f"scores: expected probabilities, from 0 to 1, got {scores.min():.3g} to "
            f"{scores.max():.3g}"
        )
    return np.log(np.maximum(scores, _LEAST))


def _checked(scores, y, groups, of_probabilities):
    logits = _logits(scores, of_probabilities)
    y, groups = np.asarray(y), np.asarray(groups)
    n, n_classes = logits.shape
    if y.shape != (n,) or not (np.issubdtype(y.dtype, np.integer) and n):
        raise ValueError(f"y: expected a whole number for each of {n} clips, got shape {y.shape}")
    if y.min() < 0 or y.max() >= n_classes:
        raise ValueError(f"y: expected columns 0 to {n_classes - 1}, got {y.min()} to {y.max()}")
    if groups.shape != (n,):
        raise ValueError(f"groups: expected the person of each of {n} clips, got {groups.shape}")
    people = np.unique(groups, return_inverse=True)[1]
    if people.max() < 1:
        raise ValueError("groups: expected clips of two people or more, got those of one")
    return logits, y.astype(np.int64), people


def _fit(logits, y, biased):
    """Slope and biases with the smallest log loss of softened truth."""
    from scipy.optimize import minimize  # predictions need none

    n, n_classes = logits.shape
    counts = np.bincount(y, minlength=n_classes)
    targets = np.repeat((1 / (counts[y] + n_classes))[:, None], n_classes, axis=1)
    targets[np.arange(n), y] *= counts[y] + 1
    # Any scores then have slopes of about 1, whatever their unit.
    unit = float(logits.std()) or 1.0
    scaled = logits / unit
    size = 1 + n_classes * biased

    def loss(parameters):
        slope, bias = parameters[0], parameters[1:]
        shifted = slope * scaled + (bias if biased else 0)
        logs = log_softmax(shifted, axis=1)
        wrong = np.exp(logs) - targets
        value, gradient = -(targets * logs).sum() / n, np.zeros(size)
        gradient[0] = (wrong * scaled).sum() / n
        if biased:
            value += bias @ bias / n
            gradient[1:] = wrong.sum(axis=0) / n + 2 * bias / n
        return value, gradient

    start = np.zeros(size)
    bounds = [(0, 1e3)] + [(-1e3, 1e3)] * (size - 1)
    found = minimize(
        loss,
        start,
        jac=True,
        bounds=bounds,
        method="L-BFGS-B",
        options={"gtol": 1e-9, "ftol": 1e-14, "maxiter": 1000},
    ).x
    bias = found[1:] if biased else np.zeros(n_classes)
    return min(found[0] / unit, _MOST), bias


def _log_loss(logs, y):
    return float(-logs[np.arange(len(y)), y].mean()) + 0.0


def _brier(probabilities, y):
    truth = np.eye(probabilities.shape[1])[y]
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


def _calibration_error(probabilities, y):
    """Expected calibration error of the largest probability, in bins of equal width."""
    most = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == y
    bins = np.minimum((most * _N_BINS).astype(int), _N_BINS - 1)
    gaps = np.bincount(bins, weights=right - most, minlength=_N_BINS)
    return float(min(1.0, math.fsum(np.abs(gaps)) / len(y)))
