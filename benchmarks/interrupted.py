"""End long commands by SIGTERM and SIGKILL at random moments, and look what is left of them.

Each command runs once undisturbed, with two workers. Then it is started again and again in another
folder, and its first process alone gets a signal at a random moment. Within five seconds no process
of the run may be left and nothing may hold its output open; the last start is left to finish, and
its result has to be the same as that of the undisturbed run. SIGTERM has to leave one line at most
and no unfinished file. (Before a command's own code runs, and after it, SIGTERM ends Python as it
ends any program: exit code -15.)

Prints markdown. The exit code is 1 if anything is otherwise.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from cdmer.evaluation import ResultStore

MARK = "CDMER_INTERRUPTED"  # variable of the environment that all processes of a run inherit
SECONDS = 5
BENCH = """
corpora = [
    {source = "synthetic:webcam-25fps", n_clips = 9},
    {source = "synthetic:nir-25fps", n_clips = 9},
]
seeds = [0, 1, 2]
protocol = {class = "CDMERPairs", experiments = "all"}
descriptor = {class = "LBPTOP"}
[methods.forest]
class = "SourceOnly"
estimator = {class = "RandomForestClassifier", n_estimators = 60}
"""
COMMANDS = {
    "benchmark": ["bench.toml", "--cache", "cache"],
    "extract": "synthetic:webcam-25fps --n-clips 40 --descriptor lbp-top --cache cache -o t.npz",
    "synthesize": "--identities 40 --size 48 --out out",
}
UNFINISHED = re.compile(r"\..+-[0-9a-f]{16}|[0-9a-f]{16}")


def start(name, folder):
    """Start a command; its process, and the mark of its run."""
    options = COMMANDS[name]
    options = options.split() if isinstance(options, str) else options
    (folder / "bench.toml").write_text(BENCH, "utf-8")
    mark = str(random.SystemRandom().random())
    process = subprocess.Popen(
        [sys.executable, "-m", "cdmer.cli", name, *options, "-j", "2", "-q"],
        cwd=folder,
        env=os.environ | {MARK: mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return process, mark


def alive(mark):
    """Processes of a run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:  # it ended, or belongs to somebody else
            continue
    return found


def result(name, folder):
    """All that has to be the same."""
    if name == "extract":
        return (folder / "t.npz").read_bytes()
    if name == "synthesize":
        root = folder / "out"
        return {
            str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.[pcj]*[gvn]")
        }
    with ResultStore(folder / "bench.sqlite", read_only=True) as store:
        results = store.results()
    scores = [one.tobytes() for one in results.jobs["scores"]]
    return results.predictions.to_csv(), scores, results.table().to_csv()


def unfinished(folder):
    """Files and folders that are still under the names that they have while they are written."""
    return {path for path in folder.rglob("*") if UNFINISHED.fullmatch(path.name)}


def interrupt(name, folder, number, delay):
    """End a run; what was seen, or None if it was over before."""
    before = unfinished(folder)
    process, mark = start(name, folder)
    time.sleep(delay)
    if process.poll() is not None:
        process.communicate()
        return None
    n_before = len(alive(mark))
    os.kill(process.pid, number)
    began = time.monotonic()
    try:
        _, words = process.communicate(timeout=SECONDS)
        held = False
    except subprocess.TimeoutExpired:
        words, held = "", True
    seconds = time.monotonic() - began
    while (left := alive(mark)) and time.monotonic() - began < SECONDS:
        time.sleep(0.05)
    for one in left:
        one.kill()
    if held:
        process.communicate()
    return {
        "workers": n_before > 1,
        "seconds": seconds,
        "left": len(left),
        "held": held,
        "code": process.returncode,
        "lines": len(words.splitlines()),
        "unfinished": len(unfinished(folder) - before),
    }


def examine(name, folder, options, draw):
    """Ends of one command: a list per signal of what was seen, and whether the result is right."""
    whole, broken = folder / f"{name}-whole", folder / f"{name}-broken"
    whole.mkdir()
    began = time.monotonic()
    process, _ = start(name, whole)
    _, words = process.communicate()
    if process.returncode:
        raise SystemExit(f"{name}: exit code {process.returncode}: {words}")
    length, expected = time.monotonic() - began, result(name, whole)
    seen, same, n_finished = {signal.SIGTERM: [], signal.SIGKILL: []}, True, 0
    broken.mkdir()
    turns = [number for number in seen for _ in range(options.ends)]
    draw.shuffle(turns)
    while turns:
        found = interrupt(name, broken, turns[-1], draw.uniform(0.1, length))
        if found is not None:
            seen[turns.pop()].append(found)
            continue
        same &= result(name, broken) == expected
        n_finished += 1
        broken = folder / f"{name}-{n_finished}"
        broken.mkdir()
    process, _ = start(name, broken)
    process.communicate()
    same &= process.returncode == 0 and result(name, broken) == expected
    return seen, same


def main():
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--ends", type=int, default=10, help="of each command by each signal")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    options = parser.parse_args()
    draw, good = random.Random(options.seed), True
    columns = "command|signal|ends|with workers|slowest, s|processes left|output held|exit codes"
    columns += "|most lines|unfinished|resumed"
    print(f"|{columns}|\n|{'---|' * 11}")
    with tempfile.TemporaryDirectory() as name:
        for command in options.commands:
            seen, same = examine(command, Path(name), options, draw)
            for number, ends in seen.items():
                code = 128 + number if number == signal.SIGTERM else -number
                sums = {key: [end[key] for end in ends] for key in ends[0]}
                good &= same and not sum(sums["left"]) and not any(sums["held"])
                good &= set(sums["code"]) <= {code, -number}
                if number == signal.SIGTERM:
                    good &= not sum(sums["unfinished"])
                    good &= all(end["lines"] <= 1 for end in ends if end["code"] == code)
                print(
                    f"| {command} | {number.name} | {len(ends)} | {sum(sums['workers'])} "
                    f"| {max(sums['seconds']):.1f} | {sum(sums['left'])} | {sum(sums['held'])} "
                    f"| {sorted(set(sums['code']))} | {max(sums['lines'])} "
                    f"| {sum(sums['unfinished'])} | {'identical' if same else 'DIFFERENT'} |",
                    flush=True,
                )
    sys.exit(not good)


if __name__ == "__main__":
    main()
