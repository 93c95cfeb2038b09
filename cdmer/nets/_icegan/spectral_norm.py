"""Convolutions whose weights have a spectral norm of one."""

import torch
from torch import nn
from torch.nn import functional

EPS = 1e-12
FIRST = 15


class SpectralNorm(nn.Module):
    r"""Base of the layers with spectral normalisation [1]_.

    The weight :math:`W`, taken as a matrix with a row per output channel, is divided by an estimate
    of its largest singular value,

    .. math::
        \sigma = u^\top W v, \qquad v \leftarrow W^\top u / \|W^\top u\|, \quad
        u \leftarrow W v / \|W v\|,

    of which every pass in training mode makes one iteration, after fifteen at the start. :math:`u`
    and :math:`v` are buffers, so that weights from a file compute what they computed when they were
    written.

    Notes
    -----
    PyTorch has this as a parametrization; modules with such cannot be pickled, and estimators that
    hold them could not be sent to another process.

    References
    ----------
    .. [1] T. Miyato, T. Kataoka, M. Koyama and Y. Yoshida, "Spectral normalization for generative
       adversarial networks", ICLR 2018, https://arxiv.org/abs/1802.05957
    """

    _out = 0  # axis of the weight that counts output channels

    def _start_iteration(self):
        rows, columns = self._matrix().shape
        for name, size in (("u", rows), ("v", columns)):
            # Without numbers where the weight has none, which then all come from a file.
            start = torch.empty if self.weight.is_meta else torch.randn
            self.register_buffer(name, start(size))
        if self.weight.is_meta:
            return
        self.u, self.v = (functional.normalize(start, dim=0) for start in (self.u, self.v))
        for _ in range(FIRST):
            self._iterate(self._matrix().detach())

    def _matrix(self):
        return self.weight.movedim(self._out, 0).flatten(1)

    def normalised_weight(self):
        """Weight by its spectral norm, a torch.Tensor; in training mode after one iteration."""
        with torch.autocast(self.weight.device.type, enabled=False):
            matrix = self._matrix()
            if self.training:
                self._iterate(matrix.detach())
            # Copies: a later pass moves u and v before the gradient of this one is taken.
            return self.weight / (self.u.clone() @ (matrix @ self.v.clone()))

    @torch.no_grad()
    def _iterate(self, matrix):
        self.v.copy_(functional.normalize(matrix.T @ self.u, dim=0, eps=EPS))
        self.u.copy_(functional.normalize(matrix @ self.v, dim=0, eps=EPS))


class SpectralConv2d(SpectralNorm, nn.Conv2d):
    """A convolution with spectral normalisation; parameters as in `torch.nn.Conv2d`."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._start_iteration()

    def forward(self, x):
        """Convolve with the normalised weight."""
        return functional.conv2d(x, self.normalised_weight(), self.bias, self.stride, self.padding)


class SpectralConvTranspose2d(SpectralNorm, nn.ConvTranspose2d):
    """A transposed convolution with spectral normalisation; parameters as in PyTorch."""

    _out = 1

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._start_iteration()

    def forward(self, x):
        """Convolve, transposed, with the normalised weight."""
        return functional.conv_transpose2d(
            x, self.normalised_weight(), self.bias, self.stride, self.padding
        )
