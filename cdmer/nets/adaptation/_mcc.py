"""Minimum class confusion."""

import torch

from cdmer._parameters import check_number
from cdmer.nets.adaptation._base import Adaptation, entropy


class MCC(Adaptation):
    r"""Minimum class confusion on the target rows.

    With predictions :math:`\hat y_{ij}`, the softmax over classes of a target row's scores over the
    temperature, and weights :math:`w_i \propto 1 + e^{-H(\hat y_i)}`, H the entropy:

    .. math::
        C_{jk} = \sum_i w_i\, \hat y_{ij}\, \hat y_{ik}, \qquad
        D = \frac{1}{c} \sum_{j} \sum_{k \ne j} \frac{C_{jk}}{\sum_l C_{jl}}.

    It is 0 where every class is predicted without doubt, and needs no source rows: they only teach
    the classes.

    Parameters
    ----------
    weight : float, default=1.0
        Weight of the confusion against the classification loss; 1 in the paper.
    schedule : {"constant", "ramp"}, default="constant"
        How the weight grows, see `Adaptation`.
    temperature : float, default=2.5
        Temperature of the softmax: scores are divided by it, as networks are overconfident.

    Notes
    -----
    Each :math:`\hat y_i` sums to 1, so :math:`\sum_l C_{jl} = \sum_i w_i \hat y_{ij}`, and each
    diagonal entry over its row's sum is a mean of the :math:`\hat y_{ij}` with weights
    :math:`w_i \hat y_{ij}`. Taken from logarithms, it is right also for a class that no row is
    given to, where C itself underflows to 0/0.

    References
    ----------
    Y. Jin, X. Wang, M. Long, J. Wang, "Minimum Class Confusion for Versatile Domain Adaptation",
    ECCV 2020, arXiv:1912.03699.

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets.adaptation import MCC, Batch
    >>> features, scores = torch.zeros(3, 2), torch.eye(3)
    >>> sure, unsure = (Batch(features, size * scores) for size in (100.0, 0.0))
    >>> round(float(MCC().loss(sure, sure, progress=0.5)), 4)
    0.0
    >>> round(float(MCC().loss(sure, unsure, progress=0.5)), 4)
    0.6667
    """

    def __init__(self, weight=1.0, schedule="constant", temperature=2.5):
        self.weight = weight
        self.schedule = schedule
        self.temperature = temperature

    def _check_parameters(self):
        super()._check_parameters()
        check_number("temperature", self.temperature, above=0)

    def _discrepancy(self, source, target):
        scores = target.scores / self.temperature
        logs = scores.log_softmax(dim=1)
        weights = 1 + torch.exp(-entropy(scores))
        shares = (weights.log()[:, None] + logs).softmax(dim=0)  # w_i y_ij over its sum over i
        return 1 - (shares * logs.exp()).sum(dim=0).mean()
