"""Conditional domain-adversarial network."""

import torch
from torch import nn

from cdmer._parameters import check_flag, check_number
from cdmer.nets.adaptation._adversarial import Adversarial, domain_head, domain_loss, reverse
from cdmer.nets.adaptation._base import entropy

# Above this many products of features and classes the paper draws random ones.
LARGEST_PRODUCT = 4096


class CDAN(Adversarial):
    r"""Conditional domain-adversarial network.

    As `DANN`, with a head h that sees each feature together with the prediction
    :math:`g = \operatorname{softmax}(\text{scores})`, so that domains are brought together class by
    class:

    .. math::
        D = -\frac{1}{n} \sum_i w_i \log \sigma(h(f_i \otimes g_i))
            - \frac{1}{m} \sum_j w_j \log(1 - \sigma(h(f_j \otimes g_j))),

    with :math:`w = 1`, or :math:`w = 1 + e^{-H(g)}`, H the entropy, where `entropy` is true
    (CDAN+E): rows whose class is certain count up to twice as much. Beyond 4096 products (features
    times classes) the head sees :math:`\frac{1}{\sqrt{k}} (R_f f) \odot (R_g g)` with k entries
    instead, R drawn once from the standard normal distribution.

    Parameters
    ----------
    weight : float, default=1.0
        Largest weight λ of the loss.
    schedule : {"constant", "ramp"}, default="ramp"
        How λ grows, see `Adaptation`; "ramp" is the paper's.
    entropy : bool, default=False
        Whether rows with a certain prediction count more (CDAN+E).
    hidden_layer_sizes : tuple of int, default=(100,)
        Widths of the head's hidden layers, with ReLU; () makes it linear.
    n_random : int, default=1024
        Number of random products, k.
    lr_factor : float, default=1.0
        Learning rate of the head divided by that of the network. The paper has 10 where the network
        is pre-trained and fine-tuned.

    Notes ----- The predictions in the products are a condition: no gradient passes through them, as
    otherwise the network brings domains together by being wrong about classes. Gradients are
    reversed on their way to the features, and to the entropies: fooling the head asks for certain
    predictions, which is the minimisation of entropy that the paper speaks of.

    References
    ----------
    M. Long, Z. Cao, J. Wang, M. I. Jordan, "Conditional Adversarial Domain Adaptation", NeurIPS
    2018, arXiv:1705.10667.

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets.adaptation import CDAN, Batch
    >>> adaptation = CDAN(entropy=True, hidden_layer_sizes=(16,))
    >>> head = adaptation.build(n_features=2, n_classes=3)
    >>> source, target = (Batch(torch.randn(8, 2), torch.randn(8, 3)) for _ in range(2))
    >>> adaptation.loss(source, target, progress=0.5, module=head).shape
    torch.Size([])
    """

    def __init__(
        self,
        weight=1.0,
        schedule="ramp",
        entropy=False,
        hidden_layer_sizes=(100,),
        n_random=1024,
        lr_factor=1.0,
    ):
        self.weight = weight
        self.schedule = schedule
        self.entropy = entropy
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_random = n_random
        self.lr_factor = lr_factor

    def _check_parameters(self):
        super()._check_parameters()
        check_flag("entropy", self.entropy)
        check_number("n_random", self.n_random, least=1, whole=True)

    def _build(self, n_features, n_classes):
        if n_features * n_classes <= LARGEST_PRODUCT:
            pairs, n_pairs = OuterProduct(), n_features * n_classes
        else:
            pairs, n_pairs = RandomProducts(n_features, n_classes, self.n_random), self.n_random
        return ConditionalHead(pairs, domain_head(n_pairs, self.hidden_layer_sizes))

    def _loss(self, source, target, progress, module):
        strength = self._strength(progress)
        domain_scores, weights = [], []
        for batch in (source, target):
            features, scores = reverse(batch.features, strength), reverse(batch.scores, strength)
            domain_scores.append(module(features, batch.scores.detach().softmax(dim=1)))
            weights.append(1 + torch.exp(-entropy(scores)) if self.entropy else 1.0)
        return domain_loss(*domain_scores, *weights)


class ConditionalHead(nn.Module):
    """Scores of features and predictions that are joined by `pairs`."""

    def __init__(self, pairs, head):
        super().__init__()
        self.pairs = pairs
        self.head = head

    def forward(self, features, predictions):
        """Score rows, shape (n,)."""
        return self.head(self.pairs(features, predictions))


class OuterProduct(nn.Module):
    """Every feature times every prediction."""

    def forward(self, features, predictions):
        """Join rows, shape (n, n_features * n_classes)."""
        return torch.einsum("nf,nc->nfc", features, predictions).flatten(1)


class RandomProducts(nn.Module):
    """Products of random mixtures, whose inner products are in the mean those of `OuterProduct`."""

    def __init__(self, n_features, n_classes, n_random):
        super().__init__()
        self.register_buffer("feature_mixtures", torch.randn(n_features, n_random))
        self.register_buffer("class_mixtures", torch.randn(n_classes, n_random))

    def forward(self, features, predictions):
        """Join rows, shape (n, n_random)."""
        products = (features @ self.feature_mixtures) * (predictions @ self.class_mixtures)
        return products / self.class_mixtures.shape[1] ** 0.5
