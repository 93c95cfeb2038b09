"""Speed of LBP-TOP against the same descriptor assembled from scikit-image.

scikit-image has local binary patterns of single images. `assembled` below runs its
``local_binary_pattern(method="nri_uniform")`` over every slice of the three planes and counts the
codes per region, as one would write it by hand. Both run in one thread on the same synthetic
clips; the table gives medians.

The two agree except in ties. scikit-image rounds the sampling offsets to 5 decimals and
interpolates in floating point, so a neighbour that equals the centre may come out below it; see
the Notes of `cdmer.features.LBPTOP`. The last columns compare the codes: the share of slices
(frames, rows and columns) that are identical, the share of voxels, and the largest difference of
a relative frequency.
"""

import argparse
import datetime
import os
import platform
import statistics
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np
import scipy
import skimage
import sklearn
from scipy.ndimage import gaussian_filter
from skimage.feature import local_binary_pattern
from threadpoolctl import threadpool_limits

from cdmer.features import LBPTOP, RegionGrid
from cdmer.features._histograms import region_histograms
from cdmer.features._patterns import orthogonal_patterns

RADIUS, N_POINTS, N_BINS = 3, 8, 59


def synthetic_clips(shape, seed=0):
    """Two extremes: noise has few ties, a smooth clip of few grey levels has many."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, size=shape, dtype=np.uint8)
    smooth = gaussian_filter(rng.normal(size=shape), (3, 4, 4))
    smooth = (smooth - smooth.min()) / np.ptp(smooth) * 120 + 60
    return {"noise": noise, "smooth": smooth.astype(np.uint8)}


def slice_codes(clip, method):
    """Codes of scikit-image in the planes XY, XT and YT, cut to the voxels with all neighbours."""
    n_frames, height, width = clip.shape
    inner = slice(RADIUS, -RADIUS)

    def codes(image):
        return local_binary_pattern(image, N_POINTS, RADIUS, method)[inner, inner]

    xy = np.stack([codes(clip[t]) for t in range(RADIUS, n_frames - RADIUS)])
    xt = np.stack([codes(clip[:, y]) for y in range(RADIUS, height - RADIUS)], axis=1)
    yt = np.stack([codes(clip[:, :, x]) for x in range(RADIUS, width - RADIUS)], axis=2)
    return xy, xt, yt


def count(planes, boxes):
    """Histogram of each region and plane."""
    planes = [plane.astype(np.intp) for plane in planes]
    histograms = []
    for top, bottom, left, right in boxes:
        for plane in planes:
            region = plane[:, top:bottom, left:right].ravel()
            histograms.append(np.bincount(region, minlength=N_BINS) / region.size)
    return np.concatenate(histograms)


def assembled(clip, boxes):
    """LBP-TOP from the parts of scikit-image."""
    return count(slice_codes(clip, "nri_uniform"), boxes)


def histograms(planes, boxes):
    """Counts of codes per plane and region."""
    return [region_histograms(codes, 256, boxes) for codes in planes]


def median_ms(repeats, function, *arguments):
    """Median run time in milliseconds, after one run to warm up."""
    function(*arguments)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def agreement(clip, grid):
    """Share of equal slices and of equal voxels, and the largest difference of a frequency."""
    ours = orthogonal_patterns(clip, RADIUS, N_POINTS, "bilinear")
    theirs = slice_codes(clip, "default")
    equal = [a == b for a, b in zip(ours, theirs, strict=True)]
    slices = np.concatenate([e.all(axis=tuple({0, 1, 2} - {axis})) for axis, e in enumerate(equal)])
    boxes = grid.place(clip, RADIUS)
    counts = [
        [region_histograms(codes.astype(np.uint8), 256, boxes) for codes in planes]
        for planes in (ours, theirs)
    ]
    ours, theirs = (h / h.sum(axis=-1, keepdims=True) for h in np.stack(counts))
    return slices.mean(), np.mean(equal), np.abs(ours - theirs).max()


def peer_rows(clips, repeats):
    """Table of run times and agreement."""
    lbp_top = LBPTOP().fit()
    grid = RegionGrid()
    rows = [
        "| clip | implementation | codes, ms | histograms, ms | LBP-TOP, ms per clip | ratio "
        "| equal slices | equal voxels | largest difference |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, clip in clips.items():
        boxes = grid.boxes(*(size - 2 * RADIUS for size in clip.shape[1:]))
        planes = slice_codes(clip, "nri_uniform")
        peer = (
            median_ms(repeats, slice_codes, clip, "nri_uniform"),
            median_ms(repeats, count, planes, boxes),
            median_ms(repeats, assembled, clip, boxes),
        )
        planes = orthogonal_patterns(clip, RADIUS, N_POINTS, "bilinear")
        own = (
            median_ms(4 * repeats, orthogonal_patterns, clip, RADIUS, N_POINTS, "bilinear"),
            median_ms(4 * repeats, histograms, planes, boxes),
            median_ms(4 * repeats, lbp_top.transform, [clip]),
        )
        slices, voxels, difference = agreement(clip, grid)
        rows += [
            f"| {name} | scikit-image, assembled | {peer[0]:.1f} | {peer[1]:.1f} | {peer[2]:.1f} "
            "| 1 | | | |",
            f"| {name} | cdmer | {own[0]:.1f} | {own[1]:.1f} | {own[2]:.1f} "
            f"| {peer[2] / own[2]:.1f} | {slices:.1%} | {voxels:.4%} | {difference:.1e} |",
        ]
    return rows


def device_rows(clips, repeats, device, n_clips):
    """Table of run times of the PyTorch path, frames starting in the memory of the host."""
    import torch

    torch.set_num_threads(1)
    expected = LBPTOP().fit()
    lbp_top = LBPTOP(device=device).fit()
    rows = ["| clip | device | LBP-TOP, ms per clip | equals NumPy |", "|---|---|---|---|"]
    for name, clip in clips.items():
        elapsed = median_ms(repeats, lbp_top.transform, [clip] * n_clips) / n_clips
        equal = np.array_equal(lbp_top.transform([clip]), expected.transform([clip]))
        rows.append(f"| {name} | {device} | {elapsed:.2f} | {'yes' if equal else 'NO'} |")
    return [f"torch {torch.__version__}", "", *rows]


def cpu_name():
    """Model of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main():
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--shape",
        type=int,
        nargs=3,
        default=(70, 112, 112),
        metavar=("T", "H", "W"),
        help="frames, height and width of a clip (default: 70 112 112)",
    )
    parser.add_argument("--repeats", type=int, default=5, help="runs of each peer (default: 5)")
    parser.add_argument(
        "--device",
        help="instead of the peer, time PyTorch on this device, such as cuda, and compare with "
        "NumPy",
    )
    parser.add_argument(
        "--n-clips", type=int, default=16, help="clips per run with --device (default: 16)"
    )
    arguments = parser.parse_args()
    clips = synthetic_clips(tuple(arguments.shape))
    print(
        f"{datetime.date.today()}, one thread of {cpu_name()}; Python "
        f"{platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, "
        f"scikit-learn {sklearn.__version__}, scikit-image {skimage.__version__}; clips of "
        f"{' x '.join(map(str, arguments.shape))}, R = {RADIUS}, P = {N_POINTS}, 85 regions\n"
    )
    with threadpool_limits(limits=1):
        if arguments.device:
            rows = device_rows(clips, arguments.repeats, arguments.device, arguments.n_clips)
        else:
            rows = peer_rows(clips, arguments.repeats)
    print("\n".join(rows))


if __name__ == "__main__":
    main()
