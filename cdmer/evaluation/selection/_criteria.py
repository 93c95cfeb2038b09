"""Criteria that rank models without target labels. In all of them more is better."""

import numpy as np
from scipy.special import entr, log_softmax, softmax
from sklearn.base import clone
from sklearn.metrics import accuracy_score

from cdmer._parameters import check_number
from cdmer.evaluation._fit import fit_adaptive


def source_accuracy(y_true, y_pred):
    """Accuracy on source rows that the model was not fitted on.

    Parameters
    ----------
    y_true : array-like of shape (n_validation,)
    y_pred : array-like of shape (n_validation,)

    Returns
    -------
    float
    """
    return float(accuracy_score(y_true, y_pred))


def importance_weighted_accuracy(y_true, y_pred, weights):
    r"""Accuracy on held-out source rows, weighted by how much they look like target rows.

    .. math:: \sum_i w_i [y_i = \hat y_i] \Big/ \sum_i w_i

    Parameters
    ----------
    y_true : array-like of shape (n_validation,)
    y_pred : array-like of shape (n_validation,)
    weights : array-like of shape (n_validation,)
        Ratio of target density to source density: see `cdmer.adaptation.density_ratio`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the weights do not match the rows, are negative or all zero.

    References
    ----------
    M. Sugiyama, M. Krauledat, K.-R. Müller, "Covariate Shift Adaptation by Importance Weighted
    Cross Validation", JMLR 8:985-1005, 2007.
    """
    weights = _check_weights(weights, y_true, y_pred)
    return float(np.average(np.asarray(y_true) == np.asarray(y_pred), weights=weights))


def deep_embedded_validation(y_true, y_pred, weights):
    r"""Importance-weighted accuracy with the weights' mean as a control variate.

    One less the estimated risk

    .. math::
        \overline{w \ell} + \eta \bar w - \eta,\qquad
        \eta = -\operatorname{cov}(w \ell, w) / \operatorname{var}(w),

    with the 0/1 loss; the weights, not scaled, should have mean 1, and the deviation from it is
    what reduces the variance. The paper takes the weights from a network's features; here they come
    from the rows.

    Parameters
    ----------
    y_true : array-like of shape (n_validation,)
    y_pred : array-like of shape (n_validation,)
    weights : array-like of shape (n_validation,)
        Ratio of target density to source density: see `cdmer.adaptation.density_ratio`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the weights do not match the rows, are negative or all zero.

    References
    ----------
    K. You, X. Wang, M. Long, M. I. Jordan, "Towards Accurate Model Selection in Deep Unsupervised
    Domain Adaptation", ICML 2019.
    """
    weights = _check_weights(weights, y_true, y_pred)
    loss = weights * (np.asarray(y_true) != np.asarray(y_pred))
    spread = weights.var()
    eta = 0.0
    if spread > (10 * np.finfo(float).eps * weights.max()) ** 2:
        eta = -((loss - loss.mean()) * (weights - weights.mean())).mean() / spread
    return float(1 - (loss.mean() + eta * weights.mean() - eta))


def _check_weights(weights, y_true, y_pred):
    weights = np.asarray(weights, dtype=float)
    if np.shape(y_true) != np.shape(y_pred):
        raise ValueError(
            f"y_pred: expected the shape of y_true, {np.shape(y_true)}, got {np.shape(y_pred)}"
        )
    good = weights.shape == np.shape(y_true) and bool(np.isfinite(weights).all())
    if not good or not (weights >= 0).all() or not weights.any():
        raise ValueError(
            f"weights: expected one finite number >= 0 per row, shape {np.shape(y_true)}, not all "
            f"zero, got {weights[:3] if weights.ndim else weights} of shape {weights.shape}"
        )
    return weights


def reverse_validation(model, X_validation, y_validation, X_target):
    """Circular validation: labels that the model gives to the target must lead back to the source.

    The target rows, with the labels that `model` predicts for them, become the source of a fresh
    model of the same parameters, and held-out source rows its target; their labels say how good it
    is.

    Parameters
    ----------
    model : estimator
        Fitted on the other source rows and on the target rows.
    X_validation : array-like of shape (n_validation, ...)
        Held-out source rows.
    y_validation : array-like of shape (n_validation,)
    X_target : array-like of shape (n_target, ...)

    Returns
    -------
    float
        Accuracy on the held-out rows.

    References
    ----------
    E. Zhong, W. Fan, Q. Yang, O. Verscheure, J. Ren, "Cross Validation Framework to Choose amongst
    Models and Datasets for Transfer Learning", ECML PKDD 2010, doi:10.1007/978-3-642-15939-8_35.
    """
    guessed = np.asarray(model.predict(X_target))
    y_validation = np.asarray(y_validation)
    if (guessed == guessed[0]).all():  # nothing to learn from one class: it is what comes back
        return float((y_validation == guessed[0]).mean())
    X = np.concatenate([X_target, X_validation])
    y = np.concatenate([guessed, np.repeat(guessed[:1], len(y_validation))])
    domain = np.repeat([1, -2], [len(guessed), len(y_validation)])
    returned = fit_adaptive(clone(model), X, y, domain).predict(X_validation)
    return float(accuracy_score(y_validation, returned))


def information_maximization(scores):
    r"""Entropy with diversity: confident predictions that use all classes.

    .. math:: H(\bar p) - \overline{H(p)},\qquad p = \operatorname{softmax}(\text{scores})

    Parameters
    ----------
    scores : array-like of shape (n_target, n_classes)
        Logarithms of probabilities, or decision values.

    Returns
    -------
    float
        In nats, between 0 and the logarithm of the number of classes.

    References
    ----------
    Y. Shi, F. Sha, "Information-Theoretical Learning of Discriminative Clusters for Unsupervised
    Domain Adaptation", ICML 2012, arXiv:1206.6438. P. Morerio, J. Cavazza, V. Murino,
    "Minimal-Entropy Correlation Alignment for Unsupervised Deep Domain Adaptation", ICLR 2018.
    """
    p = softmax(_check_scores(scores), axis=1)
    return float(entr(p.mean(axis=0)).sum() - entr(p).sum(axis=1).mean())


def soft_neighborhood_density(scores, temperature=0.05):
    """Density of soft neighbourhoods: predictions that form dense groups.

    Mean entropy of the softmax of each row's cosine similarities, of predicted probabilities, with
    all other rows.

    Parameters
    ----------
    scores : array-like of shape (n_target, n_classes)
        Logarithms of probabilities, or decision values.
    temperature : float, default=0.05
        Divides the similarities.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    ValueError
        If there are fewer than two rows, or the temperature is not positive.

    References
    ----------
    K. Saito, D. Kim, P. Teterwak, S. Sclaroff, T. Darrell, K. Saenko, "Tune It the Right Way:
    Unsupervised Validation of Domain Adaptation via Soft Neighborhood Density", ICCV 2021,
    arXiv:2108.10860.
    """
    p = softmax(_check_scores(scores), axis=1)
    check_number("temperature", temperature, above=0)
    if len(p) < 2:
        raise ValueError(f"scores: expected at least two rows, got {len(p)}")
    p /= np.linalg.norm(p, axis=1, keepdims=True)
    similarity = p @ p.T / temperature
    others = similarity[~np.eye(len(p), dtype=bool)].reshape(len(p), -1)
    logs = log_softmax(others, axis=1)
    return float(-(np.exp(logs) * logs).sum(axis=1).mean())


def _check_scores(scores):
    scores = np.asarray(scores, dtype=float)
    # The logarithm of a probability of 0 is minus infinity.
    if scores.ndim != 2 or not scores.size or not (scores < np.inf).all():
        raise ValueError(
            "scores: expected shape (n_target, n_classes) without NaN or plus infinity, got shape "
            f"{scores.shape}"
        )
    return scores
