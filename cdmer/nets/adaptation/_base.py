"""What every adaptation loss shares: two batches in, one number out, a weight and a schedule."""

from math import exp
from typing import NamedTuple

import torch
from sklearn.base import BaseEstimator

from cdmer._parameters import check_choice, check_number

SCHEDULES = ("constant", "ramp")


class Batch(NamedTuple):
    """Outputs of the network for the rows of one domain, in one step of the training.

    Parameters
    ----------
    features : torch.Tensor of shape (n, n_features)
        Features before the final layer, as the network's `embed` computes them.
    scores : torch.Tensor of shape (n, n_classes)
        Scores of the classes, before any softmax.
    labels : torch.Tensor of int, shape (n,), or None
        Positions of the classes; None for target rows.
    """

    features: torch.Tensor
    scores: torch.Tensor
    labels: torch.Tensor | None = None


class Adaptation(BaseEstimator):
    r"""Base of the adaptation losses.

    A network is trained on the sum of its classification loss on source rows and of `loss`, which
    has `weight` and `schedule` in it already:

    .. math::
        \min\; L_{\text{classes}}(S) + \lambda(p)\, D(S, T),
        \qquad \lambda(p) = \text{weight} \cdot \text{schedule}(p),

    with p the share of the training that is done. The schedule "constant" is 1, "ramp" is
    :math:`2 / (1 + e^{-10 p}) - 1`, which climbs from 0 to 1 and lets the classes be learned first.

    A subclass that is a penalty defines ``_discrepancy(source, target)``, D. One with layers of its
    own makes them in ``_build(n_features, n_classes)`` and defines
    ``_loss(source, target, progress, module)``, the whole term; ``_strength(progress)`` is
    :math:`\lambda(p)`. ``_check_parameters()`` checks further parameters.

    Attributes
    ----------
    weight : float
        Weight of the term, 1 unless the constructor sets it.
    schedule : {"constant", "ramp"}
        How the weight grows, "constant" unless the constructor sets it.
    lr_factor : float
        The layers of `build` are trained with the network's learning rate times this.

    Notes
    -----
    A loss compares whole batches: it is no sum over rows, and that of a batch is not the mean of
    those of its halves.

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets.adaptation import Adaptation, Batch
    >>> class Means(Adaptation):
    ...     def _discrepancy(self, source, target):
    ...         return (source.features.mean(0) - target.features.mean(0)).square().sum()
    >>> source, target = (Batch(torch.full((4, 2), x), torch.zeros(4, 3)) for x in (0.0, 1.0))
    >>> Means().loss(source, target, progress=0.5)
    tensor(2.)
    """

    weight, schedule, lr_factor = 1.0, "constant", 1.0

    def build(self, n_features, n_classes):
        """Check the parameters and make the layers of the loss itself.

        Weights are drawn from torch's global generator.

        Parameters
        ----------
        n_features : int
            Number of the network's features.
        n_classes : int
            Number of classes.

        Returns
        -------
        torch.nn.Module or None
            Trained along with the network, and handed to `loss`; None if the loss needs none.

        Raises
        ------
        ParameterError
            If a parameter has the wrong type or value.
        """
        self._check_parameters()
        return self._build(n_features, n_classes)

    def loss(self, source, target, progress, module=None):
        """Compute the term that is added to the classification loss.

        Computed in float32 at least, also under autocast.

        Parameters
        ----------
        source, target : Batch
            Outputs for both domains; numbers of rows may differ.
        progress : float
            Share of the training that is done, from 0 to 1.
        module : torch.nn.Module or None, default=None
            Layers that `build` made.

        Returns
        -------
        torch.Tensor of shape ()
        """
        with torch.autocast(source.features.device.type, enabled=False):
            return self._loss(_in_full(source), _in_full(target), progress, module)

    def _check_parameters(self):
        check_number("weight", self.weight, least=0)
        check_choice("schedule", self.schedule, SCHEDULES)

    def _build(self, n_features, n_classes):
        return None

    def _loss(self, source, target, progress, module):
        return self._strength(progress) * self._discrepancy(source, target)

    def _discrepancy(self, source, target):
        raise NotImplementedError(
            f"{type(self).__name__}: expected a subclass of Adaptation that defines "
            "_discrepancy(source, target) or _loss(source, target, progress, module), got neither"
        )

    def _strength(self, progress):
        return self.weight * (1.0 if self.schedule == "constant" else ramp(progress))


def ramp(progress):
    """From 0 to 1, steep at first, as the share of the training that is done grows."""
    return 2 / (1 + exp(-10 * progress)) - 1


def entropy(scores):
    """Entropy of the softmax of each row, in nats, shape (n,)."""
    logs = scores.log_softmax(dim=1)
    return -(logs.exp() * logs).sum(dim=1)


def _in_full(batch):
    features, scores = (
        x.to(torch.promote_types(x.dtype, torch.float32)) for x in (batch.features, batch.scores)
    )
    return Batch(features, scores, batch.labels)
