"""Maps of many filters over pictures on a GPU, computed window by window without being written."""

import numpy as np
import torch
import triton
import triton.language as tl
from torch.nn.functional import unfold

from cdmer.nets._folds.layers import fill_up

# Windows of one tile, pairs of a picture and a network that one program adds up.
_TILE, _PAIRS = 64, 4
_N_WARPS = 2
# Three products of 10-bit numbers for one of 24 bits, on tensor cores.
_PRECISION = "tf32x3"


class WindowMaps:
    """What `PatchMaps` computes, on a GPU.

    Places of the convolution are ordered by their window: nine tiles hold the nine places of up to
    64 windows, and a program that goes through them has the largest values of its windows when it
    is done. Maps are larger than everything else by an order and stay in registers. Places that are
    in no window stand in columns that are left over.

    Parameters
    ----------
    X : ndarray of shape (n, n_channels, size, size)
    widths : sequence of int
        Filters of each stream; their sum a power of two from 16 on.
    p : float
        Probability of dropout.
    generators : list of torch.Generator
        On the GPU, one per network: their seeds are read. Dropout depends on seed, step and place
        in the batch alone.
    device : torch.device

    Attributes
    ----------
    n_taps, side, pooled_side, summed_side : int
        As in `PatchMaps`.
    """

    def __init__(self, X, widths, p, generators, device):
        self.n_filters, self.p, self._device, self._n_steps = sum(widths), p, device, 0
        n_channels, size = X.shape[1:3]
        self.n_taps = 9 * n_channels + 1
        self.side = size + 2
        self.pooled_side = (self.side - 1) // 3 + 1
        self.summed_side = self.pooled_side // 2
        self._n_windows, self._n_sums = self.pooled_side**2, self.summed_side**2
        self._k = _power_of_two(self.n_taps)
        places = _places(self.side, self.pooled_side)
        self._n_tiles = len(places) // 9
        self._table = _table(torch.from_numpy(X).to(device), places, self._k)
        self._summing = _summing(self.pooled_side, self._n_tiles * _TILE).to(device)
        self._seeds = torch.tensor([g.initial_seed() % 2**62 for g in generators], device=device)
        self._rows = self._found = self._where = None

    def forward(self, batches, kernel, sign):
        """Compute the maps of every network on its batch, and keep what `backward` needs.

        Parameters
        ----------
        batches : list of (ndarray, ndarray, ndarray)
            Rows, codes and weights, one per network.
        kernel : torch.Tensor of shape (n_taps, n_networks, n_filters)
        sign : torch.Tensor of shape (n_networks, n_filters)
            Sign of what the maps are multiplied by before the largest is taken.

        Returns
        -------
        windows : torch.Tensor of shape (2, n_networks, n_rows, summed_side**2, n_filters)
            Sums over 2 x 2 of the values of the map where the product with `sign` is largest in its
            window, if they stay, and of how many stay. Zero for rows that fill up.
        sums : torch.Tensor of shape (2, n_taps, n_networks, n_filters)
            Sum of the patches times the maps, and of those where the maps are positive.
        """
        self._rows = fill_up(
            [torch.from_numpy(given.astype(np.int32)) for given, _, _ in batches], self._device, -1
        )
        n_networks, n_rows = self._rows.shape
        shape = (n_networks, n_rows, self.n_filters, self._n_tiles * _TILE)
        if self._found is None or self._found.shape != shape:
            self._found = kernel.new_empty(shape)
            self._where = torch.empty(shape, dtype=torch.uint8, device=self._device)
        windows = kernel.new_empty(2, n_networks, n_rows, self._n_sums, self.n_filters)
        n_programs = -(-n_rows // _PAIRS)
        parts = kernel.new_empty(n_networks, n_programs, 2, self.n_filters, self._k)
        _forward[(n_programs, n_networks)](
            self._table,
            self._rows,
            kernel,
            sign,
            self._summing,
            self._seeds,
            self._found,
            self._where,
            *windows,
            parts,
            n_rows,
            n_networks,
            self._n_steps,
            self.p,
            **self._sizes(),
            N_WINDOWS=self._n_windows,
        )
        self._n_steps += 1
        sums = parts.sum(1, dtype=torch.float64)[..., : self.n_taps]
        return windows, sums.permute(1, 3, 0, 2)

    def backward(self, slope):
        """Sum the patches at the largest places that count, times a slope.

        Parameters
        ----------
        slope : torch.Tensor of shape (n_networks, n_rows, summed_side**2, n_filters)
            Slope of the sums over 2 x 2.

        Returns
        -------
        torch.Tensor of shape (n_taps, n_networks, n_filters)
        """
        n_networks, n_rows = self._rows.shape
        n_programs = -(-n_rows // _PAIRS)
        parts = slope.new_empty(n_networks, n_programs, self.n_filters, self._k)
        _backward[(n_programs, n_networks)](
            self._table,
            self._rows,
            slope,
            self._summing,
            self._found,
            self._where,
            parts,
            n_rows,
            **self._sizes(),
        )
        return parts.sum(1, dtype=torch.float64)[..., : self.n_taps].permute(2, 0, 1)

    def passes(self, windows, batches):
        """Yield networks, their averages, and codes and weights of their batches: all at once.

        Parameters
        ----------
        windows : torch.Tensor
            As `forward` gives them.
        batches : list of (ndarray, ndarray, ndarray)

        Yields
        ------
        networks : slice
        seen, kept : torch.Tensor of shape (n_networks, n_rows, summed_side**2, n_filters)
        codes, weights : torch.Tensor of shape (n_networks, n_rows)
            Zero for rows that fill up.
        """
        given = ([torch.from_numpy(batch[i]) for batch in batches] for i in (1, 2))
        yield slice(None), *windows, *(fill_up(arrays, self._device) for arrays in given)

    def _sizes(self):
        return {
            "N_TAPS": self.n_taps,
            "K": self._k,
            "M": self.n_filters,
            "N_TILES": self._n_tiles,
            "TILE": _TILE,
            "N_SUMS": self._n_sums,
            "S": self._summing.shape[1],
            "PAIRS": _PAIRS,
            "PRECISION": _PRECISION,
            "num_warps": _N_WARPS,
        }


def _power_of_two(n):
    return max(16, 1 << (n - 1).bit_length())


def _places(side, pooled_side):
    """Which place of the map stands in which column of which tile; `side**2` where none does."""
    window, offset = np.arange(pooled_side), np.arange(3) - 1
    along = 3 * window[None, :] + offset[:, None]  # (offset, window)
    outside = (along < 0) | (along >= side)
    places = along[:, None, :, None] * side + along[None, :, None, :]
    places[outside[:, None, :, None] | outside[None, :, None, :]] = side**2
    places = places.reshape(9, -1)
    rest = np.setdiff1d(np.arange(side**2), places)
    n_windows = places.shape[1]
    n_tiles = -(-(9 * n_windows + len(rest)) // (9 * _TILE))
    n_tiles = max(n_tiles, -(-n_windows // _TILE))
    table = np.full((9, n_tiles * _TILE), side**2)
    table[:, :n_windows] = places
    table[:, n_windows:].flat[: len(rest)] = rest
    return table.reshape(9, n_tiles, _TILE).transpose(1, 0, 2).reshape(9 * n_tiles, _TILE)


def _table(pictures, places, k):
    """Patches in that order, of shape (n, 9 * n_tiles, k, TILE), zero where no place stands."""
    n = len(pictures)
    places = torch.from_numpy(places).to(pictures.device)
    table = pictures.new_zeros(n, len(places), k, _TILE)
    for row, picture in zip(table, pictures, strict=True):
        patches = unfold(picture[None], 3, padding=2)[0]
        patches = torch.cat([patches, torch.ones_like(patches[:1])])
        patches = torch.cat([patches, torch.zeros_like(patches[:, :1])], dim=1)
        row[:, : len(patches)] = patches[:, places].transpose(0, 1)
    return table


def _summing(pooled_side, n_columns):
    """Which window is in which sum over 2 x 2, of shape (n_columns, n_sums filled up)."""
    half = pooled_side // 2
    table = torch.zeros(n_columns, _power_of_two(half**2))
    row, column = np.divmod(np.arange(pooled_side**2), pooled_side)
    inside = np.flatnonzero((row < 2 * half) & (column < 2 * half))
    table[inside, (row // 2 * half + column // 2)[inside]] = 1
    return table


# Sizes are plain numbers: a kernel for every kind of number would take seconds to translate.
@triton.jit(do_not_specialize=["n_rows", "n_networks", "step"])
def _forward(
    table,
    rows,
    kernel,
    sign,
    summing,
    seeds,
    found,
    where,
    seen_sums,
    kept_sums,
    parts,
    n_rows,
    n_networks,
    step,
    p,
    N_TAPS: tl.constexpr,
    K: tl.constexpr,
    M: tl.constexpr,
    N_TILES: tl.constexpr,
    TILE: tl.constexpr,
    N_SUMS: tl.constexpr,
    S: tl.constexpr,
    PAIRS: tl.constexpr,
    N_WINDOWS: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Maps of some pictures and one network, all that is left of them."""
    program, network = tl.program_id(0), tl.program_id(1)
    filters, taps = tl.arange(0, M), tl.arange(0, K)
    columns, sums = tl.arange(0, TILE), tl.arange(0, S)
    at = taps[None, :] * n_networks * M + network * M + filters[:, None]
    weights = tl.load(kernel + at, mask=taps[None, :] < N_TAPS, other=0.0)
    turned = tl.load(sign + network * M + filters)[:, None]
    seed = tl.load(seeds + network) + step
    times_map = tl.zeros((M, K), tl.float32)
    times_sign = tl.zeros((M, K), tl.float32)
    for i in range(PAIRS):
        pair = program * PAIRS + i
        row = tl.load(rows + network * n_rows + pair, mask=pair < n_rows, other=-1)
        seen = tl.zeros((M, S), tl.float32)
        kept = tl.zeros((M, S), tl.float32)
        here = (network * n_rows + pair).to(tl.int64)
        if row >= 0:
            for tile in range(N_TILES):
                largest = tl.full((M, TILE), float("-inf"), tl.float32)
                value = tl.zeros((M, TILE), tl.float32)
                place = tl.zeros((M, TILE), tl.int32)
                for k in range(9):
                    first = table + (row.to(tl.int64) * N_TILES * 9 + tile * 9 + k) * K * TILE
                    patches = tl.load(first + taps[:, None] * TILE + columns[None, :])
                    ones = tl.load(first + (N_TAPS - 1) * TILE + columns)
                    maps = tl.maximum(tl.dot(weights, patches, input_precision=PRECISION), 0.0)
                    turn = tl.trans(patches)
                    times_map = tl.dot(maps, turn, times_map, input_precision=PRECISION)
                    sign_here = (maps > 0).to(tl.float32)
                    times_sign = tl.dot(sign_here, turn, times_sign, input_precision=PRECISION)
                    compared = tl.where(ones[None, :] > 0, maps * turned, float("-inf"))
                    better = compared > largest
                    largest = tl.where(better, compared, largest)
                    value = tl.where(better, maps, value)
                    place = tl.where(better, k, place)
                window = tile * TILE + columns
                cell = filters[:, None] * (N_TILES * TILE) + window[None, :]
                stays = (tl.rand(seed, pair * (M * N_TILES * TILE) + cell) >= p) & (
                    window[None, :] < N_WINDOWS
                )
                value = tl.where(stays, value, 0.0)
                at_cell = here * (M * N_TILES * TILE) + cell
                tl.store(found + at_cell, value)
                tl.store(where + at_cell, place.to(tl.uint8))
                joins = tl.load(summing + window[:, None] * S + sums[None, :])
                seen = tl.dot(value, joins, seen, input_precision=PRECISION)
                kept = tl.dot(stays.to(tl.float32), joins, kept, input_precision=PRECISION)
        at_sum = here * (N_SUMS * M) + sums[None, :] * M + filters[:, None]
        inside = sums[None, :] < tl.where(pair < n_rows, N_SUMS, 0)
        tl.store(seen_sums + at_sum, seen, mask=inside)
        tl.store(kept_sums + at_sum, kept, mask=inside)
    n_programs = tl.num_programs(0)
    at_part = ((network * n_programs + program) * 2 * M + filters[:, None]) * K + taps[None, :]
    tl.store(parts + at_part, times_map)
    tl.store(parts + at_part + M * K, times_sign)


@triton.jit(do_not_specialize=["n_rows"])
def _backward(
    table,
    rows,
    slope,
    summing,
    found,
    where,
    parts,
    n_rows,
    N_TAPS: tl.constexpr,
    K: tl.constexpr,
    M: tl.constexpr,
    N_TILES: tl.constexpr,
    TILE: tl.constexpr,
    N_SUMS: tl.constexpr,
    S: tl.constexpr,
    PAIRS: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Patches of some pictures times the slopes of one network, at the places that count."""
    program, network = tl.program_id(0), tl.program_id(1)
    filters, taps = tl.arange(0, M), tl.arange(0, K)
    columns, sums = tl.arange(0, TILE), tl.arange(0, S)
    total = tl.zeros((M, K), tl.float32)
    for i in range(PAIRS):
        pair = program * PAIRS + i
        row = tl.load(rows + network * n_rows + pair, mask=pair < n_rows, other=-1)
        if row >= 0:
            here = (network * n_rows + pair).to(tl.int64)
            at_sum = here * (N_SUMS * M) + sums[None, :] * M + filters[:, None]
            of_sums = tl.load(slope + at_sum, mask=sums[None, :] < N_SUMS, other=0.0)
            for tile in range(N_TILES):
                window = tile * TILE + columns
                cell = filters[:, None] * (N_TILES * TILE) + window[None, :]
                value = tl.load(found + here * (M * N_TILES * TILE) + cell)
                place = tl.load(where + here * (M * N_TILES * TILE) + cell).to(tl.int32)
                joins = tl.load(summing + window[None, :] * S + sums[:, None])
                slopes = tl.dot(of_sums, joins, input_precision=PRECISION)
                slopes = tl.where(value > 0, slopes, 0.0)
                for k in range(9):
                    first = table + (row.to(tl.int64) * N_TILES * 9 + tile * 9 + k) * K * TILE
                    turn = tl.load(first + taps[None, :] * TILE + columns[:, None])
                    chosen = tl.where(place == k, slopes, 0.0)
                    total = tl.dot(chosen, turn, total, input_precision=PRECISION)
    n_programs = tl.num_programs(0)
    at_part = ((network * n_programs + program) * M + filters[:, None]) * K + taps[None, :]
    tl.store(parts + at_part, total)
