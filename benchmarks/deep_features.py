"""DeepFeatures end to end, from encoded frames on disk, against the forward pass alone.

Clips of JPEG files are made in a temporary folder. Each stage is timed by itself on the same clips:
decode (files to grey levels), prepare (decode, then frames of the network's size and number),
transfer (batches in memory to the device), forward (the network with its input on the device).
Then all of it: `DeepFeatures.transform`. The share is what end to end reaches of the forward pass;
no pipeline can be faster than its slowest stage. Decode and prepare run in as many workers as
DeepFeatures does, on processors that the other stages leave idle while they are timed; workers have
started before.
"""

import argparse
import datetime
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from cdmer._devices import mixed
from cdmer.corpora import Clip, FrameFolder
from cdmer.features import DeepFeatures
from cdmer.features._deep.forward import find_embedder
from cdmer.features._deep.input import Preparation
from cdmer.features._deep.network import features_of
from cdmer.features._deep.settings import moments
from cdmer.features._deep.workers import prepare_ahead


def make_clips(folder, options):
    """Write the frames of clips, smooth textures with noise, and give the clips."""
    rng, clips = np.random.default_rng(0), []
    for i in range(options.clips):
        place = folder / f"{i:05d}"
        place.mkdir()
        small = rng.integers(0, 256, size=(options.frames, 12, 12, 3), dtype=np.uint8)
        names = tuple(f"{t:03d}.jpg" for t in range(options.frames))
        for name, texture in zip(names, small, strict=True):
            frame = cv2.resize(texture, (options.pixels, options.pixels))
            frame = cv2.add(frame, rng.integers(0, 8, size=frame.shape, dtype=np.uint8))
            cv2.imwrite(str(place / name), frame)
        source = FrameFolder(str(place), names, colour=True)
        clips.append(Clip(source, f"{i:05d}", "s", "jpeg"))
    return clips


def read(clip):
    """Decode the frames of a clip."""
    return clip.frames


def alternate(works, device, repeats):
    """Median time of each piece of work, done in turns so that all meet the same machine."""
    times = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(each) for name, each in times.items()}


def stages(model, clips, options):
    """Seconds of each stage alone and of all together."""
    embedder = find_embedder(model)
    device = embedder.device
    preparation = Preparation(model.prepare_, embedder.dtype, *moments(model))
    named = [(clip.key, clip) for clip in clips]

    ahead = 2 * options.batch_size + options.jobs

    def decode():
        return sum(len(frames) for frames in prepare_ahead(read, clips, options.jobs, ahead))

    def prepare():
        return sum(len(row) for _, row in preparation.rows(named, options.jobs, ahead))

    rows = preparation.rows(named, options.jobs, ahead)
    batches = [b for _, b in embedder.batches(rows, options.batch_size, preparation.input_shape)]

    def transfer():
        return [batch.to(device, non_blocking=True) for batch in batches]

    # The network as anybody would call it, in the layout that DeepFeatures gives it.
    inputs = [embedder._laid_out(preparation.finish(batch)) for batch in transfer()]
    function = features_of(embedder.network, None, None)
    function = torch.compile(function) if options.compile else function

    @torch.inference_mode()
    def forward():
        with mixed(options.precision, device):
            return [function(x) for x in inputs]

    model.transform(clips[: options.batch_size])  # what is made and chosen the first time
    works = {"decode": decode, "prepare (with decode)": prepare}
    if device.type == "cuda":
        forward()
        works["transfer"] = transfer
    works |= {"forward": forward, "end to end": lambda: model.transform(clips)}
    return alternate(works, device, options.repeats)


def main():
    """Run the benchmark."""
    cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if cuda else "cpu")
    parser.add_argument("--network", choices=["C3D", "R3D18"], default="R3D18")
    parser.add_argument("--clips", type=int, default=1024 if cuda else 8)
    parser.add_argument("--frames", type=int, default=16, help="files per clip (default: 16)")
    parser.add_argument("--pixels", type=int, default=112, help="side of a file (default: 112)")
    parser.add_argument("--batch-size", type=int, default=64 if cuda else 2)
    parser.add_argument("--precision", default="bf16" if cuda else "float32")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() if cuda else 1)
    parser.add_argument("--compile", action="store_true", help="translate the network first")
    parser.add_argument("--repeats", type=int, default=5 if cuda else 3)
    options = parser.parse_args()

    # By name, so that the network is made once for all calls.
    model = DeepFeatures(
        options.network,
        device=options.device,
        batch_size=options.batch_size,
        precision=options.precision,
        compile=options.compile,
        random_state=0,
        n_jobs=options.jobs,
    ).fit()
    with tempfile.TemporaryDirectory() as folder:
        clips = make_clips(Path(folder), options)
        found = stages(model, clips, options)
    where = options.device
    if where.startswith("cuda"):
        where = torch.cuda.get_device_name(torch.device(where))
    print(
        f"{datetime.date.today()}, {where}, {os.cpu_count()} cores, {platform.machine()}, torch "
        f"{torch.__version__} with {torch.get_num_threads()} threads; {options.network}, "
        f"{options.clips} clips of {options.frames} JPEG files of {options.pixels} x "
        f"{options.pixels}, batches of {options.batch_size}, {options.precision}, {options.jobs} "
        f"worker(s) that prepare{', compiled' * options.compile}.\n"
    )
    print("| stage | seconds | clips/s | share of the forward pass |\n|---|---|---|---|")
    bare = found["forward"]
    for name, taken in found.items():
        print(f"| {name} | {taken:.3f} | {len(clips) / taken:.1f} | {bare / taken:.0%} |")


if __name__ == "__main__":
    main()
