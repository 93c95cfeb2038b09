"""Extraction of many clips: speed, memory, and what is left to do after SIGKILL.

Synthetic clips go through LBP-TOP with 85 regions, each run in a session of its own. One run is
left alone; another is killed, parent and workers together, at random moments and started again
until it is done; a third finds everything in the cache. Memory is sampled over all processes of a
run: RSS counts the pages of shared libraries once per process, PSS once in all. The seconds of the
killed run are those of all its starts. Needs the /proc of Linux.
"""

import argparse
import datetime
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import sklearn

from cdmer.corpora import PRESETS, make_synthetic_corpus
from cdmer.extraction import extract
from cdmer.features import LBPTOP

LOG = "CDMER_BENCHMARK_LOG"
PERIOD = 0.1  # seconds between two looks at memory


class CountedLBPTOP(LBPTOP):
    """LBP-TOP that appends a line to a file for every clip that it computes."""

    def transform(self, X):
        """Describe clips."""
        handle = os.open(os.environ[LOG], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        for clip in X:
            os.write(handle, f"{clip.key}\n".encode())
        os.close(handle)
        return super().transform(X)


def run_extraction(options):
    """Do what is measured."""
    corpus = make_synthetic_corpus(options.preset, n_clips=options.clips, random_state=0)
    table = extract(
        corpus,
        CountedLBPTOP(),
        n_jobs=options.jobs,
        cache_dir=options.child / "cache",
        progress=False,
    )
    table.save(options.child / "table.npz")


class Run:
    """One extraction in a folder, over as many starts as it takes."""

    def __init__(self, folder, options, jobs):
        self.folder, self.options, self.jobs = folder, options, jobs
        folder.mkdir(exist_ok=True)
        (folder / "log").unlink(missing_ok=True)
        self.seconds, self.n_kills, self.rss, self.pss = 0.0, 0, 0, 0

    def start(self, kill_after=float("inf")):
        """Run until it is done or the time is over; tell whether it is done."""
        command = [sys.executable, __file__, "--child", self.folder, "--jobs", self.jobs]
        command += ["--clips", self.options.clips, "--preset", self.options.preset]
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            env=os.environ | {LOG: str(self.folder / "log")},
            start_new_session=True,
        )
        while process.poll() is None and time.perf_counter() - started < kill_after:
            self._look_at_memory(process.pid)
            left = kill_after - (time.perf_counter() - started)
            time.sleep(max(0, min(PERIOD, left)))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            self.n_kills += 1
        code = process.wait()
        self.seconds += time.perf_counter() - started
        if code not in (0, -signal.SIGKILL):
            raise RuntimeError(f"the extraction ended with code {code}")
        return code == 0

    def _look_at_memory(self, session):
        rss = pss = 0
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session:
                    rss += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
                    rollup = (folder / "smaps_rollup").read_text()
                    pss += 1024 * int(rollup.partition("Pss:")[2].split()[0])
            except (OSError, IndexError):  # it has just ended
                continue
        self.rss, self.pss = max(self.rss, rss), max(self.pss, pss)

    def row(self, name, reference):
        """Row of the table."""
        log = self.folder / "log"
        computed = log.read_text().splitlines() if log.exists() else []
        same = (self.folder / "table.npz").read_bytes() == reference
        return (
            f"| {name} | {self.jobs} | {self.n_kills} | {self.seconds:.1f} "
            f"| {self.options.clips / self.seconds:.1f} | {len(computed)} "
            f"| {len(computed) - len(set(computed))} | {self.rss / 1e6:.0f} | {self.pss / 1e6:.0f} "
            f"| {'yes' if same else 'NO'} |"
        )


def milliseconds(corpus, n_clips=12):
    """Median times of rendering and of describing a clip, one thread."""
    lbp_top, rendering, describing = LBPTOP().fit(), [], []
    for clip in corpus[:n_clips]:
        started = time.perf_counter()
        frames = clip.frames
        rendered = time.perf_counter()
        lbp_top.transform([frames])
        rendering.append(1e3 * (rendered - started))
        describing.append(1e3 * (time.perf_counter() - rendered))
    return statistics.median(rendering), statistics.median(describing)


def kill_and_resume(run, whole_seconds, n_kills, rng):
    """Kill a run at random moments, then let it finish."""
    for _ in range(n_kills):
        if run.start(rng.uniform(0, 2 * whole_seconds / (n_kills + 1))):
            return
    run.start()


def main():
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=2000, help="number of clips (default: 2000)")
    parser.add_argument(
        "--preset", choices=list(PRESETS), default="lab-200fps", help="(default: lab-200fps)"
    )
    parser.add_argument("--jobs", type=int, default=2, help="workers (default: 2)")
    parser.add_argument("--kills", type=int, default=10, help="number of SIGKILLs (default: 10)")
    parser.add_argument("--seed", type=int, help="of the moments; default: others every time")
    parser.add_argument("--one-job", action="store_true", help="run with one worker, too")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        run_extraction(options)
        return

    corpus = make_synthetic_corpus(options.preset, n_clips=options.clips, random_state=0)
    rendering, describing = milliseconds(corpus)
    print(
        f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}, numpy {np.__version__}, scikit-learn {sklearn.__version__}; "
        f"{options.clips} clips of {options.preset}, 112 x 112 pixels, 15045 features "
        f"({options.clips * 15045 * 8 / 1e6:.0f} MB). One clip, one thread: {rendering:.0f} ms to "
        f"render, {describing:.0f} ms to describe: {rendering / (rendering + describing):.0%} of "
        "the work is rendering.\n"
    )
    print(
        "| run | workers | kills | seconds | clips/s | clips computed | of these again "
        "| peak RSS, MB | peak PSS, MB | same file |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        whole = Run(folder / "whole", options, options.jobs)
        whole.start()
        reference = (whole.folder / "table.npz").read_bytes()
        print(whole.row("left alone", reference), flush=True)
        broken = Run(folder / "broken", options, options.jobs)
        kill_and_resume(broken, whole.seconds, options.kills, random.Random(options.seed))
        print(broken.row("killed and resumed", reference), flush=True)
        again = Run(folder / "whole", options, options.jobs)
        again.start()
        print(again.row("all in the cache", reference), flush=True)
        if options.one_job:
            alone = Run(folder / "alone", options, 1)
            alone.start()
            print(alone.row("one worker", reference), flush=True)


if __name__ == "__main__":
    main()
