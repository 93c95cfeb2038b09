"""Domain-adversarial network."""

from cdmer.nets.adaptation._adversarial import Adversarial, domain_head, domain_loss, reverse


class DANN(Adversarial):
    r"""Domain-adversarial neural network.

    A head h learns to distinguish source features from target features; the network learns
    features that it cannot distinguish:

    .. math::
        D = -\frac{1}{n} \sum_i \log \sigma(h(s_i)) - \frac{1}{m} \sum_j \log(1 - \sigma(h(t_j))),
        \qquad \min_{\text{network}} \max_h\; L_{\text{classes}} - \lambda(p) D.

    Both at once: `loss` is D, in which gradients that reach the features are reversed and
    multiplied by λ(p). The head itself always learns in full, as in the paper.

    Parameters
    ----------
    weight : float, default=1.0
        Largest weight λ of the loss.
    schedule : {"constant", "ramp"}, default="ramp"
        How λ grows, see `Adaptation`; "ramp" is the paper's.
    hidden_layer_sizes : tuple of int, default=(100,)
        Widths of the head's hidden layers, with ReLU; () makes it linear. The paper has (100,) for
        small networks and (1024, 1024) for AlexNet.
    lr_factor : float, default=1.0
        Learning rate of the head divided by that of the network. The paper has 10 where the network
        is pre-trained and fine-tuned.

    References
    ----------
    Y. Ganin, E. Ustinova, H. Ajakan, P. Germain, H. Larochelle, F. Laviolette, M. Marchand,
    V. Lempitsky, "Domain-Adversarial Training of Neural Networks", JMLR 17, 2016, arXiv:1505.07818.

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets.adaptation import DANN, Batch
    >>> adaptation = DANN(hidden_layer_sizes=(16,))
    >>> head = adaptation.build(n_features=2, n_classes=3)
    >>> source, target = (Batch(torch.randn(8, 2), torch.randn(8, 3)) for _ in range(2))
    >>> adaptation.loss(source, target, progress=0.5, module=head).shape
    torch.Size([])
    """

    def __init__(self, weight=1.0, schedule="ramp", hidden_layer_sizes=(100,), lr_factor=1.0):
        self.weight = weight
        self.schedule = schedule
        self.hidden_layer_sizes = hidden_layer_sizes
        self.lr_factor = lr_factor

    def _build(self, n_features, n_classes):
        return domain_head(n_features, self.hidden_layer_sizes)

    def _loss(self, source, target, progress, module):
        strength = self._strength(progress)
        return domain_loss(
            *(module(reverse(batch.features, strength)) for batch in (source, target))
        )
