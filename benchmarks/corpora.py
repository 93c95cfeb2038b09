"""Corpora of image files: time to open one, and speed at which its frames stream.

Opening: a manifest of many folders is loaded, in a process that starts for it; no frame is read, so
that the folders hold links to a few small files. Streaming: each clip is read through `Clip.frames`
and, in turns, by a bare loop of `cv2.imread` that keeps nothing; a round reads all clips with both,
and what is given is the median of rounds. Frames are rendered faces in three kinds of files;
all lie in the page cache, so that the decoder sets the speed, not the disk. One thread.
"""

import argparse
import csv
import datetime
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from cdmer._cv2 import one_cv2_thread
from cdmer.corpora import load_manifest, make_synthetic_corpus

# Size and kind of file: whole pictures, and cropped faces.
STREAMS = [((640, 480), "jpg"), ((280, 340), "jpg"), ((640, 480), "bmp"), ((280, 340), "png")]
OPEN = """
import sys, time
from cdmer.corpora import load_manifest
started = time.perf_counter()
corpus = load_manifest(sys.argv[1])
print(time.perf_counter() - started, len(corpus), sum(c.source.n_frames for c in corpus))
"""


def write_folders(root, n_clips, n_frames):
    """Write clips of which each frame is a link to one of a few files."""
    files = []
    for i in range(n_frames):
        files.append(root / f"frame{i}")
        files[i].write_bytes(b"no frame is read")
    with open(root / "corpus.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "subject", "label", "onset", "apex", "offset", "fps"])
        for number in range(n_clips):
            folder = root / f"sub{number // 50:03d}" / f"EP{number % 50:02d}_01"
            folder.mkdir(parents=True)
            for i, target in enumerate(files, start=100):
                os.link(target, folder / f"reg_img{i}.jpg")
            place = folder.relative_to(root)
            rows.writerow([place, number // 50, "happiness", 101, 110, 99 + n_frames, 200])


def open_often(manifest, n_rounds):
    """Seconds that loading takes, one process each."""
    seconds = []
    for _ in range(n_rounds):
        done = subprocess.run(
            [sys.executable, "-c", OPEN, str(manifest)], capture_output=True, text=True, check=True
        )
        seconds.append(float(done.stdout.split()[0]))
    return seconds, done.stdout.split()[1:]


def write_frames(root, size, suffix, n_clips):
    """Write clips of rendered faces."""
    lines = ["path,subject,label"]
    for clip in make_synthetic_corpus("lab-200fps", n_clips=n_clips, size=256, random_state=0):
        folder = root / clip.name
        folder.mkdir()
        lines.append(f"{clip.name},{clip.subject},{clip.label}")
        for i, frame in enumerate(clip.frames):
            picture = cv2.cvtColor(cv2.resize(frame, size), cv2.COLOR_GRAY2BGR)
            cv2.imwrite(str(folder / f"img{i + 1}.{suffix}"), picture)
    (root / "corpus.csv").write_text("\n".join(lines))


def read(clip):
    """Read a clip as the library does."""
    _ = clip.frames


def read_bare(clip):
    """Read the same files one by one."""
    for name in clip.source.names:
        cv2.imread(os.path.join(clip.source.folder, name), cv2.IMREAD_GRAYSCALE)


def compare(corpus, n_rounds):
    """Seconds per round of both ways, in turns clip by clip; the one that starts changes."""
    rounds = []
    for number in range(n_rounds + 1):
        seconds = {read: 0.0, read_bare: 0.0}
        for i, clip in enumerate(corpus):
            for way in sorted(seconds, key=lambda w: w is read, reverse=(number + i) % 2 == 0):
                started = time.perf_counter()
                way(clip)
                seconds[way] += time.perf_counter() - started
        rounds.append(seconds)
    # The first round fills the page cache.
    return ([seconds[way] for seconds in rounds[1:]] for way in (read, read_bare))


def main():
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=5000, help="folders to open (default: 5000)")
    parser.add_argument("--frames", type=int, default=50, help="frames in each (default: 50)")
    parser.add_argument("--stream", type=int, default=12, help="clips to stream (default: 12)")
    parser.add_argument("--rounds", type=int, default=9, help="number of rounds (default: 9)")
    options = parser.parse_args()

    print(
        f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}, numpy {np.__version__}, OpenCV {cv2.__version__}\n"
    )
    with tempfile.TemporaryDirectory() as root:
        write_folders(Path(root), options.clips, options.frames)
        seconds, (n_clips, n_frames) = open_often(Path(root, "corpus.csv"), options.rounds)
    print("| clips | files | seconds to open, median | fastest | slowest |")
    print("|---|---|---|---|---|")
    print(
        f"| {n_clips} | {n_frames} | {statistics.median(seconds):.2f} | {min(seconds):.2f} "
        f"| {max(seconds):.2f} |\n",
        flush=True,
    )

    print(
        "| frames | file | Clip.frames, frames/s | cv2.imread, frames/s | share, median "
        "| lowest | highest |"
    )
    print("|---|---|---|---|---|---|---|", flush=True)
    for size, suffix in STREAMS:
        with tempfile.TemporaryDirectory() as root, one_cv2_thread():
            write_frames(Path(root), size, suffix, options.stream)
            corpus = load_manifest(Path(root, "corpus.csv"))
            own, bare = compare(corpus, options.rounds)
        n_frames = sum(clip.source.n_frames for clip in corpus)
        shares = [b / a for a, b in zip(own, bare, strict=True)]
        print(
            f"| {size[0]} x {size[1]} | {suffix} | {n_frames / statistics.median(own):.0f} "
            f"| {n_frames / statistics.median(bare):.0f} | {statistics.median(shares):.0%} "
            f"| {min(shares):.0%} | {max(shares):.0%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
