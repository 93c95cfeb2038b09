import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from counted import main

N_CLIPS, N_WORKERS = 60, 2
LOG = "CDMER_TEST_LOG"


def start(folder):
    """Start an extraction of its own process group: parent, workers and all."""
    script = Path(__file__).with_name("counted.py")
    return subprocess.Popen(
        [sys.executable, str(script), str(folder / "cache"), str(folder / "table.npz")],
        env=os.environ | {LOG: str(folder / "log")},
        start_new_session=True,
    )


def computed(folder):
    log = folder / "log"
    return log.read_text().splitlines() if log.exists() else []


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_at_any_moment_and_run_again(tmp_path, monkeypatch):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
    monkeypatch.setenv(LOG, str(whole / "log"))
    main(whole / "cache", whole / "table.npz", n_jobs=1)
    assert sorted(set(computed(whole))) == sorted(computed(whole))

    rng = np.random.default_rng()
    moments = np.sort(rng.integers(1, N_CLIPS - 15, size=3))
    n_killed = 0
    for moment in moments:
        process = start(broken)
        # At a random clip, and at a random moment of it: reading, computing, writing.
        while len(set(computed(broken))) < moment and process.poll() is None:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.02))
        os.killpg(process.pid, signal.SIGKILL)
        n_killed += process.wait() == -signal.SIGKILL
    assert n_killed
    monkeypatch.setenv(LOG, str(broken / "log"))
    main(broken / "cache", broken / "table.npz", n_jobs=1)

    assert (broken / "table.npz").read_bytes() == (whole / "table.npz").read_bytes()
    counts = Counter(computed(broken))
    assert len(counts) == N_CLIPS
    assert counts.total() <= N_CLIPS + n_killed * N_WORKERS, (moments, counts)
