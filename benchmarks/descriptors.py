"""Speed of the descriptors, of flow and of clip preparation, and of peers where there are any.

One thread, one run, medians, on clips of a moving texture with noise that are in memory already.
Peers are what people put together today, or install:

- LBP-TOP, HOG-TOP: scikit-image's ``local_binary_pattern(method="nri_uniform")`` and ``hog`` over
  every slice of the three planes, counted per region (`hog`: 8 x 8 regions alone);
- LPQ-TOP: the short-term Fourier transform by ``scipy.signal.convolve2d`` over every slice, without
  decorrelation;
- flow images: scikit-image's TV-L1 flow, NumPy's gradient, scikit-image's resize;
- temporal interpolation: Zhou's graph embedding with a singular value decomposition per clip;
- motion magnification: `eulerian-magnification` from the package index, if installed (it filters
  by FFT, another band-pass).

No package on the index has the other descriptors. With --scaling, `extract` with one worker and
with two; with --device cuda, LBP-TOP from frames in memory, and where its time goes.

Prints markdown.
"""

import argparse
import contextlib
import datetime
import io
import os
import platform
import statistics
import time
import warnings
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import cv2
import numpy as np
import scipy
import skimage
import sklearn
from scipy.ndimage import gaussian_filter
from scipy.signal import convolve2d
from skimage.feature import hog, local_binary_pattern
from skimage.registration import optical_flow_tvl1
from skimage.transform import resize
from threadpoolctl import threadpool_limits

from cdmer._vision.histograms import region_histograms
from cdmer._vision.patterns import orthogonal_patterns
from cdmer.corpora import Clip
from cdmer.extraction import extract
from cdmer.features import (
    FHOFO,
    HIGOTOP,
    HOGTOP,
    HOOF,
    LBPMOP,
    LBPSIP,
    LBPTOP,
    LPQTOP,
    MDMO,
    STLBPIP,
    BiWOOF,
    FlowImages,
    OpticalFlow,
    RegionGrid,
)
from cdmer.preprocessing import MotionMagnification, TemporalInterpolation

RADIUS, N_POINTS, N_BINS = 3, 8, 59


def moving_texture(shape, seed=0):
    """A smooth texture that drifts and swells, with the noise of a camera."""
    rng = np.random.default_rng(seed)
    n_frames, height, width = shape
    texture = gaussian_filter(rng.normal(size=(height + 20, width + 20)), 3)
    texture = (texture - texture.min()) / np.ptp(texture) * 160 + 40
    frames = np.empty(shape, dtype=np.uint8)
    for t in range(n_frames):
        shift = 2 * np.sin(np.pi * t / n_frames)
        moved = scipy.ndimage.shift(texture, (shift, shift / 2), order=1, mode="nearest")
        noisy = moved[10:-10, 10:-10] + rng.normal(scale=1.5, size=(height, width))
        frames[t] = np.clip(np.rint(noisy), 0, 255)
    return frames


def slices(clip):
    """Pictures of the three planes, by plane."""
    n_frames, height, width = clip.shape
    return (
        [clip[t] for t in range(n_frames)],
        [clip[:, y] for y in range(height)],
        [clip[:, :, x] for x in range(width)],
    )


def assembled_lbp_top(clip):
    """LBP-TOP from the parts of scikit-image."""
    boxes = RegionGrid().place(clip, RADIUS)
    inner = slice(RADIUS, -RADIUS)
    parts = []
    for axis, pictures in enumerate(slices(clip)):
        codes = np.stack(
            [
                local_binary_pattern(picture, N_POINTS, RADIUS, "nri_uniform")[inner, inner]
                for picture in pictures[inner]
            ],
            axis=axis,
        ).astype(np.intp)
        for top, bottom, left, right in boxes:
            region = codes[:, top:bottom, left:right].ravel()
            parts.append(np.bincount(region, minlength=N_BINS) / region.size)
    return np.concatenate(parts)


def assembled_hog_top(clip):
    """Histograms of gradients of all slices by scikit-image, on a grid of 8 x 8 regions."""
    n_frames, height, width = clip.shape
    cells = ((height // 8, width // 8), (n_frames, width // 8), (n_frames, height // 8))
    return [
        sum(hog(p, 8, cell, (1, 1), feature_vector=False) for p in pictures)
        for cell, pictures in zip(cells, slices(clip), strict=True)
    ]


def assembled_lpq_top(clip, size=5):
    """Local phase quantisation of all slices by SciPy's convolutions."""
    boxes = RegionGrid().place(clip, size // 2)
    place = np.arange(size) - size // 2
    flat = np.ones((1, size))
    wave = np.exp(-2j * np.pi * place / size)[None]
    filters = [(flat.T, wave), (wave.T, flat), (wave.T, wave), (wave.T, wave.conj())]
    parts, inner = [], slice(size // 2, -(size // 2))
    for axis, pictures in enumerate(slices(clip)):
        codes = []
        for picture in pictures[inner]:
            numbers = []
            for down, across in filters:
                full = convolve2d(convolve2d(picture, down, "valid"), across, "valid")
                numbers += [full.real, full.imag]
            codes.append(sum((n >= 0) * 2**bit for bit, n in enumerate(numbers)))
        codes = np.stack(codes, axis=axis)
        for top, bottom, left, right in boxes:
            region = codes[:, top:bottom, left:right].ravel()
            parts.append(np.bincount(region, minlength=256) / region.size)
    return np.concatenate(parts)


def assembled_flow_images(clip):
    """u, v and strain, 28 x 28, by scikit-image."""
    v, u = optical_flow_tvl1(clip[0] / 255.0, clip[len(clip) // 2] / 255.0)
    (u_y, u_x), (v_y, v_x) = np.gradient(u), np.gradient(v)
    strain = np.sqrt(u_x**2 + v_y**2 + 0.5 * (u_y + v_x) ** 2)
    small = [resize(image, (28, 28), anti_aliasing=True) for image in (u, v, strain)]
    return np.stack([(s - s.min()) / np.ptp(s) * 255 for s in small])


def embedded_interpolation(clip, n_frames=10):
    """Temporal interpolation as the original: embed the frames, follow the curve, map back."""
    n = len(clip)
    data = clip.reshape(n, -1).T.astype(float)
    mean = data.mean(axis=1, keepdims=True)
    left, values, right = np.linalg.svd(data - mean, full_matrices=False)
    left, reduced = left[:, : n - 1], (values[:, None] * right)[: n - 1]
    k = np.arange(1, n)[:, None]

    def curve(t):
        return np.sin(np.pi * k * t + np.pi * (n - k) / (2 * n))

    nodes = curve(np.arange(1, n + 1) / n)
    back = reduced @ nodes.T @ np.linalg.inv(nodes @ nodes.T)
    frames = left @ (back @ curve(np.linspace(1 / n, 1, n_frames))) + mean
    return np.clip(np.rint(frames.T), 0, 255).astype(np.uint8).reshape(n_frames, *clip.shape[1:])


def packaged_magnification(clip):
    """Eulerian magnification by the package of that name."""
    from eulerian_magnification.base import eulerian_magnification

    colour = np.repeat(clip[..., None], 3, axis=3).astype(float) / 255
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eulerian_magnification(colour, 30, 0.4, 3, 20, skip_levels_at_top=2)


def has_packaged_magnification():
    """Say whether the package is installed and can be imported."""
    try:
        from eulerian_magnification.base import eulerian_magnification  # noqa: F401
    except Exception:  # it dates from 2016, and its imports may fail in any way
        return False
    return True


def subjects():
    """What is measured: name, transformer, peer or None, name of the peer."""
    rows = [
        ("LBPTOP", LBPTOP(), assembled_lbp_top, "scikit-image, assembled"),
        ("LBPSIP", LBPSIP(), None, ""),
        ("LBPMOP", LBPMOP(), None, ""),
        ("LPQTOP", LPQTOP(), assembled_lpq_top, "SciPy, assembled"),
        ("STLBPIP", STLBPIP(), None, ""),
        ("HOGTOP", HOGTOP(), assembled_hog_top, "scikit-image, assembled"),
        ("HIGOTOP", HIGOTOP(), None, ""),
        ("FlowImages, DIS", FlowImages(), assembled_flow_images, "scikit-image, assembled"),
        ("FlowImages, TV-L1", FlowImages(flow_method="tvl1"), assembled_flow_images, "the same"),
        ("OpticalFlow, DIS, every frame", OpticalFlow("dis"), None, ""),
        ("HOOF", HOOF(), None, ""),
        ("FHOFO", FHOFO(), None, ""),
        ("MDMO", MDMO(), None, ""),
        ("BiWOOF", BiWOOF(), None, ""),
        (
            "TemporalInterpolation(10)",
            TemporalInterpolation(10),
            embedded_interpolation,
            "NumPy, with SVD",
        ),
        ("MotionMagnification", MotionMagnification(), None, ""),
    ]
    if has_packaged_magnification():
        rows[-1] = (*rows[-1][:2], packaged_magnification, "eulerian-magnification")
    return rows


def median_s(repeats, function, *arguments):
    """Median run time in seconds, after one run to warm up."""
    function(*arguments)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def speed_table(shape, repeats, names):
    """Clips per second, and ratios to peers."""
    frames = moving_texture(shape)
    clip = Clip(frames, "c", "s", "texture", onset=0, apex=shape[0] // 2, offset=shape[0] - 1)
    print(f"\n{' x '.join(map(str, shape))}\n")
    print("| what | columns | ms per clip | clips/s | peer | its ms per clip | ratio |")
    print("|---|---|---|---|---|---|---|", flush=True)

    def run(transformer):
        result = transformer.transform([clip])[0]
        return getattr(result, "frames", result)  # preprocessing waits until frames are read

    for name, transformer, peer, peer_name in subjects():
        if names and name not in names:
            continue
        transformer.fit()
        own = median_s(repeats, run, transformer)
        result = run(transformer)
        columns = len(result) if result.ndim == 1 else " x ".join(map(str, result.shape))
        cells = [name, columns, f"{own * 1e3:.1f}", f"{1 / own:.1f}", peer_name, "", ""]
        if peer is not None:
            try:
                theirs = median_s(max(1, repeats // 3), peer, frames)
            except ValueError as error:  # eulerian-magnification takes even sizes alone
                cells[-2] = f"fails: {error}"
            else:
                cells[-2:] = f"{theirs * 1e3:.0f}", f"{theirs / own:.1f}"
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def agreement_table(shape):
    """Codes of LBP-TOP and of scikit-image: they differ in ties, which it rounds."""
    rng = np.random.default_rng(0)
    smooth = gaussian_filter(rng.normal(size=shape), (3, 4, 4))
    smooth = (smooth - smooth.min()) / np.ptp(smooth) * 120 + 60
    clips = {"noise": rng.integers(0, 256, size=shape), "smooth": smooth}
    grid, inner = RegionGrid(), slice(RADIUS, -RADIUS)
    print("\nLBP-TOP, codes equal to those of scikit-image (which rounds where neighbours tie)\n")
    print("| clip | equal voxels | largest difference of a frequency |")
    print("|---|---|---|")
    for name, values in clips.items():
        clip = values.astype(np.uint8)
        ours = orthogonal_patterns(clip, RADIUS, N_POINTS, "bilinear")
        theirs = [
            np.stack(
                [local_binary_pattern(p, N_POINTS, RADIUS)[inner, inner] for p in pictures[inner]],
                axis=axis,
            ).astype(np.uint8)
            for axis, pictures in enumerate(slices(clip))
        ]
        equal = np.mean([a == b for a, b in zip(ours, theirs, strict=True)])
        boxes = grid.place(clip, RADIUS)
        counts = [[region_histograms(c, 256, boxes) for c in codes] for codes in (ours, theirs)]
        own, other = (h / h.sum(axis=-1, keepdims=True) for h in np.array(counts))
        print(f"| {name} | {equal:.4%} | {np.abs(own - other).max():.1e} |", flush=True)


class Texture:
    """Makes the frames of a clip where they are needed, so that clips are cheap to send."""

    def __init__(self, frames, seed):
        self.frames, self.seed = frames, seed

    def __call__(self):
        """Read the texture, and shift it."""
        return np.roll(np.load(self.frames), self.seed, axis=2)


def scaling_table(shape, n_clips, folder):
    """Clips per second of `extract` with one worker and with two."""
    path = folder / "texture.npy"
    np.save(path, moving_texture(shape))
    clips = [Clip(Texture(path, seed), f"c{seed}", "s", "texture") for seed in range(n_clips)]
    print(f"\nextract over {n_clips} clips\n")
    print("| descriptor | 1 worker, clips/s | 2 workers, clips/s | ratio |")
    print("|---|---|---|---|", flush=True)
    slow = clips[: -(-n_clips // 6)]
    for descriptor, some in ((LBPTOP(), clips), (HIGOTOP(), clips), (HOOF(), slow)):
        rates = {1: [], 2: []}
        for _ in range(6):  # in turn, since machines are faster at some times than at others
            for n_jobs, of_workers in rates.items():
                started = time.perf_counter()
                extract(some, descriptor, n_jobs=n_jobs, progress=False)
                of_workers.append(len(some) / (time.perf_counter() - started))
        one, two = (statistics.median(of_workers[1:]) for of_workers in rates.values())
        name = type(descriptor).__name__
        print(f"| {name} | {one:.1f} | {two:.1f} | {two / one:.2f} |", flush=True)


def device_table(shape, repeats, device, n_clips):
    """LBP-TOP on a device of PyTorch, from frames in the memory of the host and of the device."""
    import torch

    def wait():
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    def timed(function):
        def run():
            function()
            wait()

        return median_s(repeats, run) / n_clips * 1e3

    clips = np.stack([moving_texture(shape, seed) for seed in range(n_clips)])
    there = torch.tensor(clips, device=device)
    expected = LBPTOP().fit_transform(clips)
    on_device = LBPTOP(device=device).fit()
    boxes = RegionGrid().place(clips[0], RADIUS)
    codes = [orthogonal_patterns(clip, RADIUS, N_POINTS, "bilinear") for clip in there]
    rows = {
        "all, frames in the memory of the host": lambda: on_device.transform(clips),
        "all, frames on the device": lambda: LBPTOP().fit().transform(there),
        "moving the frames": lambda: [torch.tensor(clip, device=device) for clip in clips],
        "codes": lambda: [orthogonal_patterns(c, RADIUS, N_POINTS, "bilinear") for c in there],
        "histograms": lambda: [
            region_histograms(plane, 256, boxes) for planes in codes for plane in planes
        ],
    }
    equal = np.array_equal(on_device.transform(clips), expected)
    print(
        f"\nLBP-TOP on {device}, torch {torch.__version__}, {n_clips} clips of "
        f"{' x '.join(map(str, shape))}; equals NumPy: {'yes' if equal else 'NO'}\n"
    )
    print("| what | ms per clip | clips/s |")
    print("|---|---|---|")
    for name, function in rows.items():
        elapsed = timed(function)
        print(f"| {name} | {elapsed:.2f} | {1e3 / elapsed:.0f} |", flush=True)


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
        "--sizes", type=int, nargs="+", default=[112, 170], help="height = width (default: 112 170)"
    )
    parser.add_argument("--frames", type=int, default=70, help="frames per clip (default: 70)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each (default: 5)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="rows to measure")
    parser.add_argument("--agreement", action="store_true", help="compare codes of LBP-TOP too")
    parser.add_argument("--scaling", type=int, metavar="N", help="measure extract over N clips too")
    parser.add_argument("--device", help="measure LBP-TOP on this device of PyTorch instead")
    parser.add_argument("--n-clips", type=int, default=32, help="with --device (default: 32)")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    print(
        f"{datetime.date.today()}, one thread of {cpu_name()}; Python "
        f"{platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, "
        f"scikit-learn {sklearn.__version__}, scikit-image {skimage.__version__}, OpenCV "
        f"{cv2.__version__}"
    )
    shapes = [(arguments.frames, size, size) for size in arguments.sizes]
    if arguments.device:
        for shape in shapes:
            device_table(shape, arguments.repeats, arguments.device, arguments.n_clips)
        return
    with threadpool_limits(limits=1):
        for shape in shapes:
            speed_table(shape, arguments.repeats, arguments.only)
    if arguments.agreement:
        agreement_table(shapes[0])
    if arguments.scaling:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            scaling_table(shapes[0], arguments.scaling, Path(folder))


if __name__ == "__main__":
    main()
