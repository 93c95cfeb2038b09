"""The self-test of `cdmer doctor`: the whole line on rendered clips, in a few seconds."""

import tempfile
import time
from pathlib import Path

from cdmer.cli._doctor_checks import one_line

# With other libraries and processors a clip or two may come out otherwise. Of 1,000 guesses at
# random one reaches the least.
_EXPECTED_UF1, _LEAST_UF1 = 0.7053, 0.63


def self_test():
    """The whole line on rendered clips; each step held to what must be so."""
    steps = {
        "LBP-TOP": _check_histograms,
        "TGSR, optimality": _check_optimality,
        "TGSR, recognition": _check_recognition,
        "SVM": _check_svm,
        "store": _check_store,
    }
    started = time.perf_counter()
    lines, shared = [], {}
    for name, step in steps.items():
        try:
            lines.append((name, *step(shared)))
        except Exception as error:  # a broken library can fail anywhere
            lines.append((name, f"{type(error).__name__}: {one_line(error)}", False))
    return [*lines, ("time", f"{time.perf_counter() - started:.1f} s", True)]


def _check_histograms(shared):
    import numpy as np

    from cdmer.corpora import get_scheme, make_synthetic_corpus, pack
    from cdmer.features import LBPTOP, RegionGrid

    source, target = (
        make_synthetic_corpus(preset, n_clips=24, n_subjects=6, size=48, random_state=seed)
        for preset, seed in (("webcam-25fps", 1), ("nir-25fps", 11))
    )
    grid, scheme = RegionGrid((1, 2, 4)), get_scheme("cdmer-130")
    clips, y, domain = pack(source, target, scheme)
    X = LBPTOP(grid=grid).fit_transform(clips)
    truth = np.array([scheme.classes.index(name) for name in target.labels(scheme)])
    shared.update(X=X, y=y, domain=domain, truth=truth, groups=grid.n_regions)
    sums = X.reshape(len(X), -1, 59).sum(axis=2)
    error = float(np.abs(sums - 1).max())
    return f"{sums.size} histograms of {len(X)} clips sum to 1 within {error:.0e}", error < 1e-12


def _check_optimality(shared):
    """With all regions TGSR is one ridge step, of weight 1e-3, around a matrix of ones."""
    import numpy as np

    from cdmer.adaptation import TGSR

    X, y, domain = shared["X"], shared["y"], shared["domain"]
    model = TGSR(groups=shared["groups"], mmd_weight=2.0).fit(X, y, sample_domain=domain)
    source, target, C = X[domain >= 0], X[domain < 0], model.coef_
    one_hot = (y[domain >= 0][:, None] == model.classes_).astype(float)
    gap = source.mean(axis=0) - target.mean(axis=0)
    gradient = 2 * source.T @ (source @ C - one_hot) + 4 * np.outer(gap, gap @ C) + 1e-3 * (C - 1)
    relative = float(np.abs(gradient).max() / np.abs(2 * source.T @ one_hot).max())
    return f"with all regions the gradient vanishes within {relative:.0e}", relative < 1e-9


def _check_recognition(shared):
    from cdmer.adaptation import TGSR

    model = TGSR(groups=shared["groups"], n_selected=10)
    score = _score(model, shared)
    kept = len(model.selected_groups_)
    return (
        f"keeps {kept} of {shared['groups']} regions, expected 10; UF1 {score:.4f}, expected "
        f"{_EXPECTED_UF1:.4f}, at least {_LEAST_UF1}",
        kept == 10 and score >= _LEAST_UF1,
    )


def _check_svm(shared):
    import numpy as np
    from sklearn.svm import SVC

    from cdmer.adaptation import SourceOnly

    model = SourceOnly()
    score = _score(model, shared)
    X, domain = shared["X"], shared["domain"]
    other = SVC(kernel="linear").fit(X[domain >= 0], shared["y"][domain >= 0])
    target = X[domain < 0]
    gap = float(np.abs(model.decision_function(target) - other.decision_function(target)).max())
    return f"scores are scikit-learn's within {gap:.0e}; UF1 {score:.4f}", gap < 1e-3


def _check_store(shared):
    from cdmer.evaluation import JobResult, ResultStore, TestSet

    n_clips = len(shared["truth"])
    texts = tuple(map(str, range(n_clips)))
    test_set = TestSet(texts, texts, texts, tuple(shared["truth"].tolist()))
    job = JobResult("{}", test_set.key, predicted=test_set.truth)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        with ResultStore(path) as store:
            store.add(job, test_set)
        with ResultStore(path, read_only=True) as store:
            good = store.finished([job.key]) == {job.key}
    return "a job written, and read again by its checksum", good


def _score(model, shared):
    from cdmer.evaluation import uf1

    X, domain = shared["X"], shared["domain"]
    model.fit(X, shared["y"], sample_domain=domain)
    return uf1(shared["truth"], model.predict(X[domain < 0]), classes=range(3))
