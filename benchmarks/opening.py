"""Time to open what cdmer is given: a manifest, a model, a table of features and a store.

Each is written and read by processes of its own, in turns by this code and, with ``--against``, by
that of another checkout, which writes files of its own since formats differ. What is given is the
median of the rounds in seconds, and the ratio to the other code. One BLAS thread; all files lie in
the page cache. Features, labels and results are random numbers: only time is measured.
"""

import argparse
import datetime
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

WRITE = """
import sys
from pathlib import Path
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from cdmer.adaptation import TGSR
from cdmer.corpora import make_synthetic_corpus, pack
from cdmer.evaluation import ResultStore, benchmark
from cdmer.extraction import FeatureTable
from cdmer.features import LBPTOP
from cdmer.models import save_model

folder, n_clips, n_frames = Path(sys.argv[1]), int(sys.argv[2]), 12
rng = np.random.default_rng(0)
(folder / "frame").write_bytes(b"no frame is read")
rows = ["path,subject,label,onset,apex,offset,fps"]
for number in range(n_clips):
    place = folder / f"sub{number // 50:03d}" / f"EP{number % 50:02d}_01"
    place.mkdir(parents=True)
    for frame in range(100, 100 + n_frames):
        (place / f"reg_img{frame}.jpg").hardlink_to(folder / "frame")
    rows.append(f"{place.relative_to(folder)},{number // 50},happiness,101,105,110,200")
(folder / "corpus.csv").write_text("\\n".join(rows))

clips = make_synthetic_corpus("webcam-25fps", n_clips=60, n_subjects=6, random_state=0)
clips, y, _ = pack(clips, [], "cdmer-130")
for name, classifier in (("svc", SVC(kernel="linear")), ("tgsr", TGSR())):
    pipeline = make_pipeline(LBPTOP(), classifier).fit(clips, y)
    save_model(folder / f"{name}.skops", pipeline, clips, class_names=["a", "b", "c"])

emotions = rng.choice(["negative", "positive", "surprise"], 500)
people = [f"s{number // 20}" for number in range(500)]
features = rng.normal(size=(500, 15045))
FeatureTable.from_arrays(features, emotions, people, corpus="all").save(folder / "table.npz")

small = FeatureTable.from_arrays(features[:, :10], emotions, people, corpus="all")
methods = {f"C{number}": SVC(C=10.0**number) for number in range(-3, 4)}
from cdmer.evaluation.protocols import WithinCorpusLOSO
with ResultStore(folder / "store.sqlite") as store:
    benchmark(methods, [small], WithinCorpusLOSO(), scheme="labels", store=store, progress=False)
"""
READ = {
    "manifest of 5,000 clips": "from cdmer.corpora import load_manifest as load; name='corpus.csv'",
    "model, linear SVM": "from cdmer.models import load_model as load; name='svc.skops'",
    "model, TGSR": "from cdmer.models import load_model as load; name='tgsr.skops'",
    "table of 500 × 15,045": (
        "from cdmer.extraction import FeatureTable; load = FeatureTable.load; name='table.npz'"
    ),
    "store of 175 jobs, results": (
        "from cdmer.evaluation import ResultStore\n"
        "load = lambda path: ResultStore(path, read_only=True).results()\n"
        "name='store.sqlite'"
    ),
}
TIME = """
import sys, time, warnings
from pathlib import Path
warnings.simplefilter("ignore")
{setup}
path = Path(sys.argv[1]) / name
load(path)  # imports, and the page cache
times = []
for _ in range(3):
    started = time.perf_counter()
    load(path)
    times.append(time.perf_counter() - started)
print(min(times))
"""


def run(code, root, *arguments):
    """Run code with the package of a checkout, and give what it prints."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = {**os.environ, **threads, "PYTHONPATH": str(root)}
    command = [sys.executable, "-P", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", metavar="CHECKOUT", help="folder of other code of cdmer")
    parser.add_argument("--rounds", type=int, default=7, help="per kind and code (default 7)")
    parser.add_argument("--clips", type=int, default=5000, help="of the manifest (default 5000)")
    arguments = parser.parse_args()
    roots = {"this code": Path(__file__).parent.parent}
    if arguments.against:
        roots["other code"] = Path(arguments.against)
    print(f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores")
    print(f"{'seconds':28}" + "".join(f"{name:>12}" for name in roots) + f"{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name, root in roots.items():
            place = Path(folder, name)
            place.mkdir()
            run(WRITE, root, place, arguments.clips)
        for kind, setup in READ.items():
            code, seconds = TIME.format(setup=setup), {name: [] for name in roots}
            for _ in range(arguments.rounds):
                for name, root in roots.items():
                    seconds[name].append(float(run(code, root, Path(folder, name))))
            medians = [statistics.median(times) for times in seconds.values()]
            ratio = f"{medians[0] / medians[1]:8.2f}" if len(medians) > 1 else ""
            print(f"{kind:28}" + "".join(f"{median:12.4f}" for median in medians) + ratio)


if __name__ == "__main__":
    main()
