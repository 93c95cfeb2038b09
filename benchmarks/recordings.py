"""Time and memory of recordings of one's own: a short one, 20 s of 1080p, and one of 3,300 frames.

Each line runs in a process of its own, in turns by this code and, with ``--against``, by that of
another checkout. Seconds are those of the line without its imports, of `cdmer predict` those of the
whole command; memory is the peak of the process (resident, imports included). What is given is the
median of the rounds, and the ratio to the other code. One thread of BLAS; files lie in the page
cache; the limit CDMER_MAX_CLIP_BYTES is raised, for code that keeps all frames.

The recordings are synthetic: a photograph that comes with scikit-image, shifted and with noise, as
OpenCV writes MPEG-4. Models are saved by each code itself, and `cdmer predict` gets no option: what
it does by default, which may differ, is measured.
"""

import argparse
import datetime
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Name, width, height, frames, frames per second.
RECORDINGS = (
    ("360p, 60 frames", 640, 360, 60, 30),
    ("1080p, 1,200 frames", 1920, 1080, 1200, 60),
    ("360p, 3,300 frames", 640, 360, 3300, 30),
)
WRITE = """
import sys
import cv2
import numpy as np
from skimage.data import astronaut

path, (width, height, n_frames, fps) = sys.argv[1], map(int, sys.argv[2:])
rng = np.random.default_rng(0)
coarse = rng.integers(60, 190, (height // 8, width // 8, 3), dtype=np.uint8)
back = cv2.resize(coarse, (width, height))
side = height * 9 // 10
left = (width - side) // 2
back[height - side :, left : left + side] = cv2.resize(astronaut()[..., ::-1], (side, side))
frames = []
for angle in np.arange(40) * np.pi / 20:
    shift = np.float32([[1, 0, 2 * np.sin(angle)], [0, 1, np.cos(angle)]])
    moved = cv2.warpAffine(back, shift, (width, height), borderMode=cv2.BORDER_REFLECT)
    noise = rng.normal(0, 2, back.shape).astype(np.float32)
    frames.append(np.clip(moved + noise, 0, 255).astype(np.uint8))
writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"mp4v"), fps, (width, height))
for i in range(n_frames):
    writer.write(frames[i % len(frames)])
writer.release()
"""
SAVE = """
import sys
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from cdmer.corpora import make_synthetic_corpus, pack
from cdmer.features import BiWOOF
from cdmer.models import save_model

clips = make_synthetic_corpus("webcam-25fps", n_clips=30, n_subjects=6, random_state=0)
clips, y, _ = pack(clips, [], "cdmer-130")
pipeline = make_pipeline(BiWOOF(), SVC(kernel="linear")).fit(clips, y)
save_model(sys.argv[1], pipeline, clips, class_names=["a", "b", "c"])
"""
LINE = """
import sys, time
from sklearn.pipeline import make_pipeline
from cdmer.corpora import Clip, VideoFile
from cdmer.extraction import extract
from cdmer.features import BiWOOF, LBPTOP
from cdmer.preprocessing import ApexSpotter, CropAlign, ToGrey

started = time.perf_counter()
clip = Clip(VideoFile(sys.argv[1], colour={colour}), "clip", "person", "corpus", fps=30)
extract([clip], make_pipeline({steps}), progress=False)
print(time.perf_counter() - started)
"""
LINES = {
    "grey: crop, LBP-TOP": (False, "CropAlign(), LBPTOP()"),
    "colour: crop, grey, LBP-TOP": (True, "CropAlign(), ToGrey(), LBPTOP()"),
    "grey: crop, apex, BiWOOF": (False, "CropAlign(), ApexSpotter(), BiWOOF()"),
}


def run(root, *arguments):
    """Run Python with the package of a checkout: what it prints, seconds, and MiB at its peak."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = {**os.environ, **threads, "PYTHONPATH": str(root)}
    environment["CDMER_MAX_CLIP_BYTES"] = str(2**40)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = time.perf_counter()
        # -P: not the package of the folder that this is called in.
        command = [sys.executable, "-P", *map(str, arguments)]
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        out.seek(0)
        err.seek(0)
        if process.returncode:
            raise RuntimeError(err.read())
        return out.read(), seconds, usage.ru_maxrss / 1024  # kilobytes on Linux


def time_line(line, root, video, model):
    """Seconds and MiB of one line."""
    if line not in LINES:
        return run(root, "-m", "cdmer.cli", "predict", model, video)[1:]
    colour, steps = LINES[line]
    printed, _, memory = run(root, "-c", LINE.format(colour=colour, steps=steps), video)
    return float(printed), memory


def show(name, values, form):
    """Print a row of the table, with the ratio of the other code to this one."""
    ratio = f"{values[1] / values[0]:8.2f}" if len(values) > 1 else ""
    print(f"{name:52}" + "".join(f"{value:12{form}}" for value in values) + ratio, flush=True)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", metavar="CHECKOUT", help="folder of other code of cdmer")
    parser.add_argument("--rounds", type=int, default=3, help="per line and code (default 3)")
    parser.add_argument("--only", default="", help="lines whose names hold this, such as 1080p")
    arguments = parser.parse_args()
    roots = {"this code": Path(__file__).parent.parent}
    if arguments.against:
        roots["other code"] = Path(arguments.against).resolve()
    print(f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores")
    print(f"{'':52}" + "".join(f"{name:>12}" for name in roots) + f"{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        models = {name: Path(folder, f"{i}.skops") for i, name in enumerate(roots)}
        for name, root in roots.items():
            run(root, "-c", SAVE, models[name])
        video = Path(folder, "clip.mp4")
        for recording, *settings in RECORDINGS:
            names = {line: f"{recording}; {line}" for line in (*LINES, "cdmer predict")}
            lines = [line for line, name in names.items() if arguments.only in name]
            if lines:
                run(roots["this code"], "-c", WRITE, video, *settings)
            for line in lines:
                found = {name: [] for name in roots}
                for _ in range(arguments.rounds):
                    for name, root in roots.items():
                        found[name].append(time_line(line, root, video, models[name]))
                seconds, memory = (
                    [statistics.median(one[i] for one in found[name]) for name in roots]
                    for i in (0, 1)
                )
                show(f"{names[line]}, s", seconds, ".2f")
                show(f"{names[line]}, MiB", memory, ".0f")


if __name__ == "__main__":
    main()
