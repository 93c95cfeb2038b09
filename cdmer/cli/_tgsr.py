"""One experiment on the published features: fixed settings beside the oracle and the print."""

from cdmer.adaptation import TGSR, SourceOnly
from cdmer.evaluation._oracle import tgsr_grid, tgsr_oracle_sweep
from cdmer.evaluation._runner.benchmark import benchmark
from cdmer.evaluation.protocols import CDMER_EXPERIMENTS, CDMERPairs
from cdmer.evaluation.published import published_results


def run_tgsr_experiment(
    source, target, n_selected, mmd_weight, *, full=False, n_jobs=None, progress=None
):
    """Compare the SVM, TGSR at fixed settings and TGSR's oracle on one pair of corpora.

    Parameters
    ----------
    source, target : PublishedFeatures
    n_selected : int
        Regions to keep at the fixed setting.
    mmd_weight : float
        Weight of the mean discrepancy at the fixed setting.
    full : bool, default=False
        Whether the oracle sweeps the authors' whole grid: see `tgsr_grid`.
    n_jobs : int or None, default=None
    progress : bool or None, default=None

    Returns
    -------
    table : pandas.DataFrame
        A row per way of running the experiment; columns ``UF1, WAR, published UF1, published WAR,
        n_selected, mmd_weight``.
    sweep : pandas.DataFrame
        See `tgsr_oracle_sweep`.
    """
    import pandas as pd

    experiment = next(
        e for e in CDMER_EXPERIMENTS if (e.source, e.target) == (source.corpus, target.corpus)
    )
    methods = {
        "SVM, source only": SourceOnly(),
        "TGSR, fixed": TGSR(groups=85, n_selected=n_selected, mmd_weight=mmd_weight),
    }
    results = benchmark(methods, [source, target], CDMERPairs([experiment]), progress=False)
    scores = results.scores().set_index("method")[["UF1", "WAR"]]
    grid = tgsr_grid(full)
    sweep = tgsr_oracle_sweep(source, target, *grid, n_jobs=n_jobs, progress=progress)
    # First of equals: the fewest regions, then the smallest weight.
    best = sweep.loc[sweep["UF1"].idxmax()]

    oracle = f"TGSR, oracle of {len(sweep)}"
    table = pd.concat([scores, best[["UF1", "WAR"]].to_frame(oracle).T]).astype(float)
    published = published_results()
    for row, method in {"SVM, source only": "SVM", oracle: "TGSR"}.items():
        m_f1, accuracy = published[method][experiment.name]
        table.loc[row, ["published UF1", "published WAR"]] = m_f1, accuracy / 100
    settings = {
        "TGSR, fixed": (n_selected, mmd_weight),
        oracle: (int(best["n_selected"]), best["mmd_weight"]),
    }
    for row, (kept, weight) in settings.items():
        table.loc[row, "n_selected"] = f"{kept}"
        table.loc[row, "mmd_weight"] = f"{weight:g}"
    return table, sweep
