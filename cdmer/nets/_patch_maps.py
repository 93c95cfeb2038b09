"""Maps of many filters over pictures that are laid out as patches, and the sums a gradient asks."""

import math
from itertools import pairwise

import numpy as np
import torch
from torch.nn.functional import unfold

# Networks whose maps of one picture stay in a processor's own cache.
_BLOCK = 24
_POOL = ([3, 3], [3, 3], [1, 1], [1, 1], False)  # window, stride, padding, dilation, ceil
_pool = torch.ops.aten.max_pool2d_with_indices.out
_pool_backward = torch.ops.aten.max_pool2d_with_indices_backward.grad_input


class PatchMaps:
    """Convolve (3 x 3, padding 2), rectify, and take the largest of 3 x 3 (padding 1).

    Goes picture by picture: one matrix product has the filters of all networks that have the
    picture in their batch.

    Parameters
    ----------
    X : ndarray of shape (n, n_channels, size, size)
    n_filters : int
        Of one network.

    Attributes
    ----------
    n_taps : int
        Numbers of one patch: 3 x 3 pixels of every channel, and a one.
    side, pooled_side : int
        Of the maps, before and after taking the largest.
    """

    def __init__(self, X, n_filters):
        n, n_channels, size = X.shape[:3]
        self.n_filters, self.n_taps = n_filters, 9 * n_channels + 1
        self.side = size + 2
        self.pooled_side = (self.side - 1) // 3 + 1
        pictures = torch.from_numpy(X)
        self._patches = pictures.new_ones(n, self.n_taps, self.side**2)
        for patches, picture in zip(self._patches, pictures, strict=True):
            patches[:-1] = unfold(picture[None], 3, padding=2)[0]
        self._maps, self._spread = pictures.new_empty(2, self.side**2 * _BLOCK * n_filters)
        self._largest = pictures.new_empty(self.pooled_side**2 * _BLOCK * n_filters)
        self._views, self._blocks, self._order = {}, [], torch.empty(0)
        self._where, self._found = torch.empty(0, dtype=torch.int64), pictures.new_empty(2, 0)

    def forward(self, rows, kernel, sign):
        """Compute the maps of every network on its batch, and keep what `backward` needs.

        Parameters
        ----------
        rows : list of ndarray of int
            The pictures of each network's batch.
        kernel : torch.Tensor of shape (n_taps, n_networks, n_filters)
        sign : torch.Tensor of shape (n_networks, n_filters)
            Of what the maps are multiplied by before the largest is taken.

        Returns
        -------
        largest : torch.Tensor of shape (n_pairs, pooled_side**2, n_filters)
            Value of the map where the product with `sign` is largest in each window, for each
            picture of the first network's batch, then those of the second and so on. Overwritten by
            the next call.
        sums : torch.Tensor of shape (2, n_taps, n_networks, n_filters)
            Sum of the patches times the maps, and of those where the maps are positive.
        """
        n_windows, wide = self.pooled_side**2, self.n_filters
        self._plan(rows)
        shape = (len(self._order), n_windows, wide)
        # Fresh memory of this size would be mapped, and cleared, in every step.
        found, picked = (room[: math.prod(shape)].view(shape) for room in self._found)
        sums = kernel.new_zeros(2, *kernel.shape, dtype=torch.float64)
        plain = bool((sign > 0).all())
        for row, pairs, networks, start in self._blocks:
            n = len(pairs) * wide
            maps, maps_4d, spread, spread_4d, largest, largest_4d, products = self._buffers(n)
            patches, where = self._patches[row], self._where_4d(start, n)
            torch.mm(patches.t(), kernel.index_select(1, networks).view(-1, n), out=maps)
            maps.relu_()
            if plain:
                _pool(maps_4d, *_POOL, out=largest_4d, indices=where)
            else:
                torch.mul(maps, sign[networks].view(n), out=spread)
                _pool(spread_4d, *_POOL, out=largest_4d, indices=where)
                torch.gather(maps, 0, where.permute(0, 2, 3, 1).view(-1, n), out=largest)
            found[start : start + len(pairs)] = largest.view(n_windows, -1, wide).transpose(0, 1)
            torch.mm(patches, maps, out=products[0])
            torch.mm(patches, maps.sign_(), out=products[1])
            sums.index_add_(2, networks, products.view(2, self.n_taps, -1, wide).double())
        return torch.index_select(found, 0, self._order.argsort(), out=picked), sums

    def backward(self, slope, n_networks):
        """Sum the patches at the largest places, times a slope.

        Parameters
        ----------
        slope : torch.Tensor of shape (n_pairs, pooled_side**2, n_filters)
        n_networks : int

        Returns
        -------
        torch.Tensor of shape (n_taps, n_networks, n_filters)
        """
        n_windows, wide = self.pooled_side**2, self.n_filters
        sums = slope.new_zeros(self.n_taps, n_networks, wide, dtype=torch.float64)
        for row, pairs, networks, start in self._blocks:
            n = len(pairs) * wide
            _, maps_4d, spread, spread_4d, given, given_4d, products = self._buffers(n)
            given.view(n_windows, -1, wide).copy_(slope.index_select(0, pairs).transpose(0, 1))
            where = self._where_4d(start, n)
            _pool_backward(given_4d, maps_4d, *_POOL, where, grad_input=spread_4d)
            torch.mm(self._patches[row], spread, out=products[0])
            sums.index_add_(1, networks, products[0].view(self.n_taps, -1, wide).double())
        return sums

    def _plan(self, rows):
        """Order the pairs of a picture and a network by picture, and make room for them."""
        joined = np.concatenate(rows)
        order = np.argsort(joined, kind="stable")
        network = np.repeat(np.arange(len(rows)), [len(given) for given in rows])
        self._order = torch.from_numpy(order)
        self._blocks = list(_blocks(joined[order], self._order, torch.from_numpy(network[order])))
        n_numbers = len(order) * self.n_filters
        if len(self._where) < n_numbers * self.pooled_side**2:
            self._where = self._where.new_empty(n_numbers * self.pooled_side**2)
            self._found = self._maps.new_empty(2, len(self._where))

    def _buffers(self, n):
        """Room for one block, the same for all: maps as tables and as pictures, then products."""
        if n not in self._views:
            tables = [
                buffer[: side**2 * n].view(side**2, n)
                for buffer, side in (
                    (self._maps, self.side),
                    (self._spread, self.side),
                    (self._largest, self.pooled_side),
                )
            ]
            views = [view for table in tables for view in (table, _as_pictures(table))]
            self._views[n] = [*views, self._maps.new_empty(2, self.n_taps, n)]
        return self._views[n]

    def _where_4d(self, start, n):
        side = self.pooled_side
        first = start * side**2 * self.n_filters
        return self._where.as_strided((1, n, side, side), (side**2 * n, 1, side * n, n), first)


def _as_pictures(table):
    """See columns of a table as channels of one square picture."""
    side = round(len(table) ** 0.5)
    return table.view(1, side, side, -1).permute(0, 3, 1, 2)


def _blocks(rows, pairs, networks):
    """Group the pairs of a picture and a network by picture, few at a time.

    Yields
    ------
    row : int
        The picture.
    pairs : torch.Tensor of int
        Positions among all pictures of all batches.
    networks : torch.Tensor of int
    start : int
        Number of pairs before.
    """
    edges = [0, *(np.flatnonzero(np.diff(rows)) + 1).tolist(), len(rows)]
    for first, last in pairwise(edges):
        n_parts = -(-(last - first) // _BLOCK)
        cuts = [first + (last - first) * i // n_parts for i in range(n_parts + 1)]
        for start, stop in pairwise(cuts):
            yield int(rows[first]), pairs[start:stop], networks[start:stop], start
