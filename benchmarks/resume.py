"""Kill a benchmark at random moments, resume it, and compare its result with an uninterrupted run.

`cdmer benchmark CONFIG` runs once undisturbed. Then it runs again into another store, and process
group and all is killed with SIGKILL at random moments; the last start is left to finish. Then,
where mounting is permitted (as root), it runs into a store on a tmpfs that is too small for it; the
store is moved to a larger disk and the run resumed. Every prediction, score, chosen setting and the
table have to be the same.

Prints markdown. The default CONFIG needs the published features: `cdmer fetch casme2 smic-vis
smic-nir`, or CDMER_DATA.
"""

import argparse
import datetime
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from cdmer.evaluation import ResultStore

DEFAULT = Path(__file__).with_name("published_features.toml")


def command(config, store, jobs):
    """Command line of one run; the report goes beside the store."""
    report = store.with_suffix(".html")
    start = [sys.executable, "-m", "cdmer.cli", "benchmark", str(config), "--store", str(store)]
    return [*start, "--report", str(report), "--n-jobs", str(jobs), "--quiet"]


def run(config, store, jobs):
    """Run until it ends by itself: exit code, its last line of its own, seconds."""
    started = time.perf_counter()
    done = subprocess.run(command(config, store, jobs), capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if line.startswith("cdmer: ")]
    return done.returncode, lines[-1] if lines else "", time.perf_counter() - started


def run_and_kill(config, store, jobs, seconds):
    """Start, wait, kill the whole process group: whether it was still running."""
    process = subprocess.Popen(
        command(config, store, jobs),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def count(store):
    """Jobs in a store."""
    if not store.exists():
        return 0
    with ResultStore(store, read_only=True) as kept:
        return len(kept)


def read(store):
    """Everything that has to be the same."""
    with ResultStore(store, read_only=True) as kept:
        results = kept.results()
    jobs = results.jobs
    scores = [None if s is None else np.asarray(s).tobytes() for s in jobs["scores"]]
    return results.predictions, scores, jobs["params"].tolist(), results.table()


def same(one, other):
    """Tell whether two stores hold the same results, to the last bit."""
    (frame, scores, params, table), (frame2, scores2, params2, table2) = read(one), read(other)
    return frame.equals(frame2) and scores == scores2 and params == params2 and table.equals(table2)


def kill_and_resume(config, folder, options, seconds):
    """Kill a run at random moments, then let it end."""
    store, draw = folder / "killed.sqlite", random.Random(options.seed)
    kept = []
    for _ in range(options.kills):
        # On average the moments together cover the whole run.
        delay = options.startup + draw.uniform(0, 2 * seconds / options.kills)
        if not run_and_kill(config, store, options.jobs, delay):
            break
        kept.append(count(store))
        print(f"- killed after {delay:.1f} s: {kept[-1]} jobs in the store", flush=True)
    code, _, _ = run(config, store, options.jobs)
    return store, kept, code


def fill_a_small_disk(config, folder, options, size):
    """Run into a store that does not fit its disk, then move it and resume."""
    disk = folder / "small"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        print("- small disk: not run, mounting a tmpfs is not permitted here")
        return None
    try:
        code, message, _ = run(config, disk / "r.sqlite", options.jobs)
        n_kept = count(disk / "r.sqlite")
        store = folder / "moved.sqlite"
        for path in disk.glob("r.sqlite*"):
            shutil.copy(path, folder / path.name.replace("r.sqlite", "moved.sqlite"))
    finally:
        subprocess.run(["umount", str(disk)], check=False)
    print(f"- disk of {size} bytes: exit code {code}, {n_kept} jobs kept; it said: {message}")
    run(config, store, options.jobs)
    return store


def main():
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, default=DEFAULT)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument(
        "--startup", type=float, default=5.0, help="no kill comes within so many seconds"
    )
    parser.add_argument("--reference", type=Path, help="store of a run that was left alone")
    options = parser.parse_args()
    print(
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, {options.config.name}\n"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone = folder / "alone.sqlite"
        if options.reference:
            shutil.copy(options.reference, alone)
        code, _, seconds = run(options.config, alone, options.jobs)
        size = alone.stat().st_size
        print(f"- left alone: {count(alone)} jobs in {seconds:.0f} s, exit code {code}", flush=True)
        if options.reference:
            seconds = _seconds_of(alone) / options.jobs
        killed, kept, code = kill_and_resume(options.config, folder, options, seconds)
        verdict = "identical" if same(alone, killed) else "DIFFERENT"
        print(f"- killed {len(kept)} times and resumed (exit code {code}): {verdict}", flush=True)
        moved = fill_a_small_disk(options.config, folder, options, size // 2)
        if moved is not None:
            print(
                f"- resumed on a larger disk: {'identical' if same(alone, moved) else 'DIFFERENT'}"
            )


def _seconds_of(store):
    with ResultStore(store, read_only=True) as kept:
        jobs = kept.results().jobs
    return float(np.nansum(jobs[["select_s", "fit_s", "predict_s"]].to_numpy(dtype=float)))


if __name__ == "__main__":
    main()
