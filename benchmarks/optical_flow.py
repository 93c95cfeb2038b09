"""Accuracy and speed of the methods of `optical_flow`, on faces whose motion is known.

Synthetic faces are warped by smooth local motions (six bumps of 6 to 12 pixels, like action units)
whose largest displacement is given, with and without the noise of a sensor on both frames. The
table holds, per method,

- the error: mean distance between measured and true motion, as a share of the mean true motion
  (1 is as good as always saying "no motion"), without noise and with it;
- the rest: the length below which nine vectors in ten lie when nothing moves but the noise;
- the median time for a pair of frames, on one thread.

Prints markdown.
"""

import argparse
import datetime
import statistics
import time

import cv2
import numpy as np
import skimage

from cdmer._vision.optical_flow import METHODS
from cdmer.corpora import make_synthetic_corpus
from cdmer.features import optical_flow

BORDER = 8  # pixels next to the border are left out


def faces(n_faces, size):
    """First frames of synthetic clips, an array of float32 each."""
    clips = make_synthetic_corpus(
        "webcam-25fps", n_clips=n_faces, n_subjects=n_faces, random_state=0
    )
    for clip in clips:
        face = cv2.resize(
            clip.frames[0].astype(np.float32), (size, size), interpolation=cv2.INTER_AREA
        )
        yield cv2.GaussianBlur(face, (0, 0), 0.7)  # warping blurs the second frame, too


def local_motion(size, largest, rng):
    """Smooth displacement, two arrays of float32, shape (size, size)."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    motion = np.zeros((2, size, size), np.float32)
    for _ in range(6):
        cx, cy = rng.uniform(0.22, 0.78, size=2) * size
        spread, angle = rng.uniform(6, 12), rng.uniform(0, 2 * np.pi)
        bump = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * spread**2))
        motion += bump * np.array([np.cos(angle), np.sin(angle)], np.float32)[:, None, None]
    return largest * motion / np.hypot(*motion).max()


def warped(face, motion):
    """The face after the motion: grey level of (x, y) at (x + u, y + v)."""
    y, x = np.mgrid[: face.shape[0], : face.shape[1]].astype(np.float32)
    u, v = motion
    for _ in range(40):  # where each pixel of the second frame came from, as a fixed point
        u, v = (cv2.remap(m, x - u, y - v, cv2.INTER_LINEAR) for m in motion)
    return cv2.remap(face, x - u, y - v, cv2.INTER_CUBIC)


def recorded(face, noise, rng):
    """The face as a camera gives it, an array of uint8."""
    noisy = face + noise * rng.standard_normal(face.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def lengths(vectors):
    """Lengths of vectors away from the border of the picture."""
    inner = slice(BORDER, -BORDER)
    return np.hypot(vectors[inner, inner, 0], vectors[inner, inner, 1])


def measure(method, pictures, largest, noise, seed=0):
    """Relative error over all faces."""
    rng = np.random.default_rng(seed)
    error = truth = 0.0
    for face in pictures:
        motion = local_motion(len(face), largest, rng)
        first, second = recorded(face, noise, rng), recorded(warped(face, motion), noise, rng)
        motion = np.moveaxis(motion, 0, -1)
        error += lengths(optical_flow(first, second, method) - motion).mean()
        truth += lengths(motion).mean()
    return error / truth


def rest(method, pictures, noise, seed=0):
    """Length below which nine vectors in ten lie when nothing moves."""
    rng = np.random.default_rng(seed)
    pairs = [(recorded(face, noise, rng), recorded(face, noise, rng)) for face in pictures]
    return np.quantile([lengths(optical_flow(*pair, method)) for pair in pairs], 0.9)


def median_ms(method, pictures, repeats):
    """Median run time for a pair of frames in milliseconds, after one run to warm up."""
    first, second = (face.astype(np.uint8) for face in pictures[:2])
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        optical_flow(first, second, method)
        times.append(time.perf_counter() - started)
    return 1e3 * statistics.median(times[1:])


def main():
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=112, help="height = width (default: 112)")
    parser.add_argument("--faces", type=int, default=10, help="number of faces (default: 10)")
    parser.add_argument(
        "--noise", type=float, default=1.5, help="standard deviation in grey levels (default: 1.5)"
    )
    parser.add_argument(
        "--largest",
        type=float,
        nargs="+",
        default=[0.5, 1.5, 3.0],
        help="largest displacements in pixels (default: 0.5 1.5 3)",
    )
    parser.add_argument("--repeats", type=int, default=11, help="timed runs (default: 11)")
    arguments = parser.parse_args()
    pictures = list(faces(arguments.faces, arguments.size))
    print(
        f"{datetime.date.today()}, OpenCV {cv2.__version__}, scikit-image {skimage.__version__}; "
        f"{arguments.faces} faces of {arguments.size} x {arguments.size} pixels\n"
    )
    columns = [f"error, {n:g} px{noise}" for n in arguments.largest for noise in ("", ", noise")]
    print("| method | " + " | ".join(columns) + " | rest, px | ms |")
    print("|---" * (len(columns) + 3) + "|", flush=True)
    for method in METHODS:
        cells = [
            f"{measure(method, pictures, largest, noise):.2f}"
            for largest in arguments.largest
            for noise in (0, arguments.noise)
        ]
        cells.append(f"{rest(method, pictures, arguments.noise):.2f}")
        cells.append(f"{median_ms(method, pictures, arguments.repeats):.1f}")
        print(f"| {method} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
