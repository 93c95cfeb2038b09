"""Synthesis of micro-expressions: pairs per second and core, memory, bytes, and a kill.

Pairs of onset and apex as in MiE-X, three classes and three sources of action units for each
identity, are drawn, rendered and written by `cdmer.synthesis.synthesize`, in a process of its own
for every number of workers. Prints a Markdown table: seconds from the start of the process,
imports and start of workers included, pairs per second and worker, pairs per second of CPU time
(which other programs on the machine change less), the largest memory of parent and workers
together, bytes per pair, and the time that 45,000 pairs would take at this rate. Then a run is
killed in the middle and started again; whether that leaves the same bytes is printed, too. --sheet
draws some pairs.

Annotated units and tables of macro-expressions are stand-ins, those of pretraining.py.
"""

import argparse
import datetime
import hashlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import psutil

from cdmer.corpora import load_manifest
from cdmer.synthesis import WarpRenderer, synthesize

WHOLE = 45_000
PER_IDENTITY = 9


def make(folder, tables, identities, size, jobs):
    """Write a corpus; runs in a process of its own."""
    from pretraining import make_sources

    synthesize(
        folder,
        sources=make_sources(Path(tables)),
        renderer=WarpRenderer(size=size),
        identities=identities,
        n_jobs=jobs,
        progress=False,
    )


def start(folder, options, jobs):
    """Start `make` in a process group of its own."""
    given = [folder, options.tables, options.identities, options.size, jobs]
    return subprocess.Popen(
        [sys.executable, __file__, "--make", *map(str, given)], start_new_session=True
    )


def measure(folder, options, jobs):
    """Seconds of a run, seconds of CPU time, and the most memory that it takes at a time."""
    started = time.perf_counter()
    process = start(folder, options, jobs)
    used = {"memory": 0, "cpu": {}}
    watch = threading.Thread(target=_watch, args=(process, used))
    watch.start()
    if process.wait():
        raise SystemExit("the run failed")
    seconds = time.perf_counter() - started
    watch.join()
    return seconds, sum(used["cpu"].values()), used["memory"]


def _watch(process, used):
    parent = psutil.Process(process.pid)
    while process.poll() is None:
        total = 0
        for one in [parent, *_children(parent)]:
            try:
                total += one.memory_info().rss
                used["cpu"][one.pid] = sum(one.cpu_times()[:2])  # its own, user and system
            except psutil.Error:  # it has ended
                continue
        used["memory"] = max(used["memory"], total)
        time.sleep(0.1)


def _children(parent):
    try:
        return parent.children(recursive=True)
    except psutil.Error:
        return []


def kill_in_the_middle(folder, options, jobs):
    """Start a run, kill it and all its workers after half of its clips; how many it left."""
    process = start(folder, options, jobs)
    while process.poll() is None and _count(folder) < options.identities * PER_IDENTITY / 2:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return _count(folder)


def _count(folder):
    return sum(1 for _ in folder.glob("id*/*/001.png"))


def digest(folder):
    """Hash of the names and bytes of all files."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def draw_sheet(corpus, path, n_rows=8, per_row=4):
    """Draw onset, apex and their difference, ten times as strong, of some pairs."""
    picks = np.linspace(0, len(corpus) - 1, n_rows * per_row).astype(int)
    cells = []
    for i in picks:
        onset, apex = corpus[i].frames
        difference = np.clip(128 + 10 * (apex.astype(float) - onset), 0, 255).astype(np.uint8)
        cell = np.hstack([onset, apex, difference])
        caption = np.full((14, cell.shape[1]), 255, np.uint8)
        text = f"{corpus[i].name} {'+'.join(corpus[i].action_units)}"
        cv2.putText(caption, text, (2, 10), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 0, 1, cv2.LINE_AA)
        cells.append(np.vstack([caption, cell]))
    rows = [np.hstack(cells[i : i + per_row]) for i in range(0, len(cells), per_row)]
    cv2.imwrite(str(path), np.vstack(rows))


def main():
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=2000, help="at least so many (default: 2000)")
    parser.add_argument("--size", type=int, default=128, help="of the frames (default: 128)")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2], help="numbers of workers")
    parser.add_argument("--sheet", type=Path, help="draw some pairs into this PNG file")
    parser.add_argument("--make", nargs=5, metavar="X", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        folder, tables, *numbers = options.make
        make(folder, tables, *map(int, numbers))
        return
    options.identities = -(-options.pairs // PER_IDENTITY)
    n_pairs = options.identities * PER_IDENTITY
    print(
        f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}, numpy {np.__version__}, OpenCV {cv2.__version__}; {n_pairs} "
        f"pairs of {options.identities} identities, {options.size} x {options.size} pixels\n"
    )
    print(
        "| workers | s | pairs/s per worker | pairs per CPU second | memory, MiB | KiB per pair "
        "| 45,000 pairs, min |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        options.tables = place / "tables"
        digests = set()
        for jobs in options.jobs:
            out = place / f"jobs{jobs}"
            seconds, cpu, memory = measure(out, options, jobs)
            size = sum(p.stat().st_size for p in out.rglob("*") if p.is_file())
            rate = n_pairs / seconds
            cells = [
                f"{jobs}",
                f"{seconds:.1f}",
                f"{rate / jobs:.1f}",
                f"{n_pairs / cpu:.1f}",
                f"{memory / 2**20:.0f}",
                f"{size / n_pairs / 1024:.1f}",
                f"{WHOLE / rate / 60:.1f}",
            ]
            print(f"| {' | '.join(cells)} |", flush=True)
            digests.add(digest(out))
            if options.sheet and jobs == options.jobs[0]:
                draw_sheet(load_manifest(out / "manifest.csv"), options.sheet)
            shutil.rmtree(out)
        print(f"\nsame bytes for every number of workers: {'yes' if len(digests) == 1 else 'NO'}")
        n_left = kill_in_the_middle(place / "killed", options, options.jobs[-1])
        start(place / "killed", options, options.jobs[-1]).wait()
        same = digests == {digest(place / "killed")}
        print(
            f"killed after {n_left} pairs and started again, same bytes: {'yes' if same else 'NO'}"
        )


if __name__ == "__main__":
    main()
