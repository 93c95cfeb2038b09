"""Deep CORAL: covariances of the features."""

import torch

from cdmer.nets.adaptation._base import Adaptation


class DeepCORAL(Adaptation):
    r"""Deep CORAL: squared distance between the covariances of the features.

    .. math::
        D = \frac{1}{4 d^2} \|C_S - C_T\|_F^2,

    with d the number of features and C the covariance of a batch (over n - 1).

    Parameters
    ----------
    weight : float, default=1.0
        Weight of the distance against the classification loss. The factor 1/(4d²) makes the
        distance small where d is large. The paper chooses the weight such that both losses are
        about the same at the end of the training.
    schedule : {"constant", "ramp"}, default="constant"
        How the weight grows, see `Adaptation`.

    Notes
    -----
    No d × d matrix is formed. With the centred rows of both batches, each over the root of its
    n - 1, stacked in Z, and signs J = diag(1, ..., -1, ...), the difference of the covariances is
    ZᵀJZ, and its squared norm the sum of all :math:`J_i J_j (Z Z^\top)_{ij}^2`.

    The paper adapts the scores of the final layer; here it is the features before it. Means are
    not compared. A batch of one row counts as one without variance.

    References
    ----------
    B. Sun, K. Saenko, "Deep CORAL: Correlation Alignment for Deep Domain Adaptation", ECCV
    Workshops 2016, arXiv:1607.01719.

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets.adaptation import Batch, DeepCORAL
    >>> rows = torch.tensor([[0.0], [2.0]])  # variance 2; doubled: variance 8
    >>> scores = torch.zeros(2, 3)
    >>> DeepCORAL().loss(Batch(rows, scores), Batch(2 * rows, scores), progress=0.5)
    tensor(9.)
    """

    def __init__(self, weight=1.0, schedule="constant"):
        self.weight = weight
        self.schedule = schedule

    def _discrepancy(self, source, target):
        batches = [source.features, target.features]
        rows = torch.cat([(x - x.mean(dim=0)) / max(len(x) - 1, 1) ** 0.5 for x in batches])
        signs = torch.cat(
            [rows.new_full((len(x),), s) for x, s in zip(batches, (1, -1), strict=True)]
        )
        distance = signs @ (rows @ rows.T).square() @ signs
        return distance / (4 * rows.shape[1] ** 2)
