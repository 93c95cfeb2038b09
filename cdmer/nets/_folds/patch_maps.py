"""Maps of many filters over pictures that are laid out as patches, and the sums a gradient asks."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import embedding_bag, unfold

from cdmer.nets._folds.layers import draw_mask

# Networks whose maps of one picture stay in a processor's own cache, and pairs of a picture and a
# network whose sums are added up together: every single call takes some microseconds.
_BLOCK, _RUN = 24, 96
_POOL = ([3, 3], [3, 3], [1, 1], [1, 1], False)  # window, stride, padding, dilation, ceil
_pool = torch.ops.aten.max_pool2d_with_indices.out
_threshold_backward = torch.ops.aten.threshold_backward.grad_input


class _Block(NamedTuple):
    """Room for the maps of one picture and some networks, as tables of a place by a filter."""

    maps: torch.Tensor
    maps_4d: torch.Tensor  # the same numbers as one picture with a channel per filter
    signed: torch.Tensor
    signed_4d: torch.Tensor
    largest: torch.Tensor
    largest_4d: torch.Tensor
    by_network: torch.Tensor  # the same numbers, of shape (n_networks, n_windows, n_filters)
    where: torch.Tensor
    where_4d: torch.Tensor
    places: torch.Tensor  # the same numbers in 32 bits, counted through all pictures


class _Run(NamedTuple):
    """Blocks that are computed one after the other; a block is a picture and some networks."""

    pairs: torch.Tensor  # positions among all pictures of all batches
    here: slice  # positions in the order in which they are computed
    networks: torch.Tensor
    rows: list  # the picture of each block
    counts: list  # its networks
    widths: list  # their filters


class PatchMaps:
    """Convolve (3 x 3, padding 2), rectify, pool (largest of 3 x 3, padding 1), mask, sum 2 x 2.

    Goes picture by picture: one matrix product has the filters of all networks that have the
    picture in their batch.

    Parameters
    ----------
    X : ndarray of shape (n, n_channels, size, size)
    widths : sequence of int
        Filters of each stream of one network.
    p : float
        Probability of dropout.
    generators : list of torch.Generator
        Generators of dropout, one per network.

    Attributes
    ----------
    n_taps : int
        Numbers of one patch: 3 x 3 pixels of every channel, and a one.
    side, pooled_side, summed_side : int
        Height and width of the maps, after taking the largest, and after summing.
    """

    def __init__(self, X, widths, p, generators):
        n, n_channels, size = X.shape[:3]
        self._widths, self._p, self._generators = widths, p, generators
        n_filters = sum(widths)
        self.n_filters, self.n_taps = n_filters, 9 * n_channels + 1
        self.side = size + 2
        self.pooled_side = (self.side - 1) // 3 + 1
        self.summed_side = self.pooled_side // 2
        pictures = torch.from_numpy(X)
        self._patches = pictures.new_ones(n * self.side**2, self.n_taps)
        # Views, since to make one takes as long as a small call.
        self._of_picture = [(part, part.t()) for part in self._patches.split(self.side**2)]
        for (patches, _), picture in zip(self._of_picture, pictures, strict=True):
            patches[:, :-1] = unfold(picture[None], 3, padding=2)[0].t()
        self._maps, self._signed = pictures.new_empty(2, self.side**2 * _BLOCK * n_filters)
        self._largest = pictures.new_empty(self.pooled_side**2 * _BLOCK * n_filters)
        self._products = pictures.new_empty(2 * self.n_taps * (_RUN + _BLOCK) * n_filters)
        self._masks, self._weights = pictures.new_empty(
            2, _RUN + _BLOCK, self.pooled_side**2, n_filters
        )
        self._where = torch.empty(self._largest.shape, dtype=torch.int64)
        self._where_32 = self._where.int()
        self._starts = torch.arange(
            0, self._weights.numel(), self.pooled_side**2, dtype=torch.int32
        )
        self._blocks, self._runs, self._stays = {}, [], torch.empty(0)
        # What `backward` needs of `forward`: the largest values that count, and their patches.
        self._found = pictures.new_empty(0, self.pooled_side**2, n_filters)
        self._places = torch.empty(0, n_filters, self.pooled_side**2, dtype=torch.int32)
        self._sums = pictures.new_empty(2, 0, self.summed_side**2, n_filters)

    def forward(self, batches, kernel, sign):
        """Compute the maps of every network on its batch, and keep what `backward` needs.

        Parameters
        ----------
        batches : list of (ndarray, ndarray, ndarray)
            Rows, codes and weights, one per network. A pair is a picture and a network; they are
            counted through the first network's batch, then that of the second and so on.
        kernel : torch.Tensor of shape (n_taps, n_networks, n_filters)
        sign : torch.Tensor of shape (n_networks, n_filters)
            Sign of what the maps are multiplied by before the largest is taken.

        Returns
        -------
        windows : torch.Tensor of shape (2, n_pairs, summed_side**2, n_filters)
            Sums over 2 x 2 of the values of the map where the product with `sign` is largest in its
            window, if they stay, and of how many stay. Overwritten by the next call.
        sums : torch.Tensor of shape (2, n_taps, n_networks, n_filters)
            Sum of the patches times the maps, and of those where the maps are positive.
        """
        rows = [given for given, _, _ in batches]
        stays = self._draw_dropout([len(given) for given in rows])
        wide = self.n_filters
        self._plan(rows)
        windows = self._sums[:, : len(stays)]
        sums = kernel.new_zeros(2, *kernel.shape, dtype=torch.float64)
        plain = bool((sign > 0).all())
        for run in self._runs:
            filters = kernel.index_select(1, run.networks).flatten(1).split(run.widths, 1)
            signs = sign.index_select(0, run.networks).view(-1).split(run.widths)
            products, found = self._products_of(run), self._found[run.here]
            places = self._places[run.here].flatten(0, 1).split(run.widths)
            for row, n, filters_here, signs_here, values, places_here, first, second in zip(
                run.rows,
                run.widths,
                filters,
                signs,
                found.split(run.counts),
                places,
                *(table.split(run.widths, 1) for table in products),
                strict=True,
            ):
                block, (patches, patches_t) = self._block(n), self._of_picture[row]
                torch.mm(patches, filters_here, out=block.maps)
                block.maps.relu_()
                if plain:
                    _pool(block.maps_4d, *_POOL, out=block.largest_4d, indices=block.where_4d)
                else:
                    torch.mul(block.maps, signs_here, out=block.signed)
                    _pool(block.signed_4d, *_POOL, out=block.largest_4d, indices=block.where_4d)
                    torch.gather(block.maps, 0, block.where, out=block.largest)
                values.copy_(block.by_network)
                # To turn these round after they became shorter is faster.
                block.places.copy_(block.where).add_(row * len(patches))
                places_here.copy_(block.places.t())
                torch.mm(patches_t, block.maps, out=first)
                torch.mm(patches_t, block.maps.sign_(), out=second)
            sums.index_add_(2, run.networks, products.unflatten(2, (-1, wide)).double())
            mask = self._masks[: len(found)]
            # To turn bytes round before they become numbers is faster.
            mask.copy_(stays.index_select(0, run.pairs).transpose(1, 2).contiguous())
            for total, part in zip(windows, (found.mul_(mask), mask), strict=True):
                total.index_copy_(0, run.pairs, self._sum(part))
        return windows, sums

    def backward(self, slope):
        """Sum the patches at the largest places that count, times a slope.

        Parameters
        ----------
        slope : torch.Tensor of shape (n_pairs, summed_side**2, n_filters)
            Slope of the sums over 2 x 2.

        Returns
        -------
        torch.Tensor of shape (n_taps, n_networks, n_filters)
        """
        sums = slope.new_zeros(
            len(self._generators), self.n_filters, self.n_taps, dtype=torch.float64
        )
        for run in self._runs:
            found, places = self._found[run.here], self._places[run.here]
            slopes = self._masks[: len(found)]
            self._spread_out(slope.index_select(0, run.pairs), slopes)
            _threshold_backward(slopes, found, 0, grad_input=slopes)
            weights = self._weights.view(-1, *places.shape[1:])[: len(found)]
            weights.copy_(slopes.transpose(1, 2))
            # A bag has the patches of one map's largest values: one in nine of all, so that this
            # is faster than a product with the whole map.
            summed = embedding_bag(
                places.flatten(),
                self._patches,
                self._starts[: sum(run.widths)],
                mode="sum",
                per_sample_weights=weights.flatten(),
            )
            sums.index_add_(0, run.networks, summed.view(*places.shape[:2], -1).double())
        return sums.permute(2, 0, 1)

    def passes(self, windows, batches):
        """Yield networks, their averages, and codes and weights of their batches: one by one.

        Parameters
        ----------
        windows : torch.Tensor
            As `forward` gives them.
        batches : list of (ndarray, ndarray, ndarray)

        Yields
        ------
        networks : slice
        seen, kept : torch.Tensor of shape (1, n_rows, summed_side**2, n_filters)
            Views of `windows`.
        codes, weights : torch.Tensor of shape (1, n_rows)
        """
        parts = windows.split([len(rows) for rows, _, _ in batches], dim=1)
        for i, (part, (_, codes, weights)) in enumerate(zip(parts, batches, strict=True)):
            given = (torch.from_numpy(array)[None] for array in (codes, weights))
            yield slice(i, i + 1), *part[:, None], *given

    def _draw_dropout(self, lengths):
        """Draw which of the largest values stay: of shape (n_pairs, n_filters, n_windows)."""
        if len(self._stays) < sum(lengths):  # else memory would be mapped anew in every step
            shape = (sum(lengths), self.n_filters, self.pooled_side**2)
            self._stays = torch.ones(shape, dtype=torch.uint8)
        stays = self._stays[: sum(lengths)]
        if self._p > 0:
            for generator, part in zip(self._generators, stays.split(lengths), strict=True):
                for stream in part.split(self._widths, dim=1):
                    drawn = draw_mask(self._p, stream.shape, torch.bool, generator)
                    stream.copy_(drawn.view(torch.uint8))
        return stays

    def _sum(self, table):
        """Sum over 2 x 2: from (n, n_windows, n_filters) to (n, n_sums, n_filters)."""
        side, even = self.pooled_side, 2 * self.summed_side
        square = table.view(-1, side, side, self.n_filters)
        rows = square[:, 0:even:2] + square[:, 1:even:2]
        return (rows[:, :, 0:even:2] + rows[:, :, 1:even:2]).flatten(1, 2)

    def _spread_out(self, sums, table):
        """Assign the value of each sum to its windows of 2 x 2."""
        side, half, wide = self.pooled_side, self.summed_side, self.n_filters
        if side % 2:
            table.zero_()  # the last row and column are in no sum
        # Every row of sums, each twice, stands for two rows of windows.
        rows = torch.cat([sums] * 2, dim=2).view(-1, half, 1, 2 * half * wide)
        windows = table.view(-1, side, side * wide)[:, : 2 * half, : 2 * half * wide]
        windows.unflatten(1, (half, 2)).copy_(rows)

    def _plan(self, rows):
        """Order the pairs of a picture and a network by picture, and make room for them."""
        joined = np.concatenate(rows)
        order = np.argsort(joined, kind="stable")
        network = np.repeat(np.arange(len(rows)), [len(given) for given in rows])
        if len(self._found) < len(order):
            # Fresh memory of this size would be mapped, and cleared, in every step.
            self._found = self._found.new_empty(len(order), *self._found.shape[1:])
            self._places = self._places.new_empty(len(order), *self._places.shape[1:])
            self._sums = self._sums.new_empty(2, len(order), *self._sums.shape[2:])
        pairs, networks = torch.from_numpy(order), torch.from_numpy(network[order])
        self._runs = [self._run(*run, pairs, networks) for run in _runs(joined[order])]

    def _run(self, start, blocks, pairs, networks):
        rows, counts = zip(*blocks, strict=True)
        here = slice(start, start + sum(counts))
        widths = [count * self.n_filters for count in counts]
        return _Run(pairs[here], here, networks[here], rows, counts, widths)

    def _products_of(self, run):
        """Room for sums of patches, of shape (2, n_taps, n_pairs * n_filters)."""
        n = sum(run.widths)
        return self._products[: 2 * self.n_taps * n].view(2, self.n_taps, n)

    def _block(self, n):
        """Room for one block of so many filters, the same for all."""
        if n not in self._blocks:
            maps, signed = (
                buffer[: self.side**2 * n].view(-1, n) for buffer in (self._maps, self._signed)
            )
            largest, where, places = (
                buffer[: self.pooled_side**2 * n].view(-1, n)
                for buffer in (self._largest, self._where, self._where_32)
            )
            by_network = largest.unflatten(1, (-1, self.n_filters)).transpose(0, 1)
            self._blocks[n] = _Block(
                maps,
                _as_pictures(maps),
                signed,
                _as_pictures(signed),
                largest,
                _as_pictures(largest),
                by_network,
                where,
                _as_pictures(where),
                places,
            )
        return self._blocks[n]


def _as_pictures(table):
    """See columns of a table as channels of one square picture."""
    side = round(len(table) ** 0.5)
    return table.view(1, side, side, -1).permute(0, 3, 1, 2)


def _runs(rows):
    """Cut pairs, ordered by picture, into blocks of one picture, and collect these into runs.

    Yields
    ------
    start : int
        Number of pairs before.
    blocks : list of (int, int)
        The picture, and the number of pairs, of each block.
    """
    edges = [0, *(np.flatnonzero(np.diff(rows)) + 1).tolist(), len(rows)]
    blocks, begun, stop = [], 0, 0
    for first, last in pairwise(edges):
        n_parts = -(-(last - first) // _BLOCK)
        cuts = [first + (last - first) * i // n_parts for i in range(n_parts + 1)]
        for start, stop in pairwise(cuts):
            blocks.append((int(rows[first]), stop - start))
            if stop - begun >= _RUN:
                yield begun, blocks
                blocks, begun = [], stop
    if blocks:
        yield begun, blocks
