"""Sweeps scored on target labels, for comparison with papers that report the best of a grid."""

import numpy as np

from cdmer.adaptation import iter_tgsr_path
from cdmer.corpora import PublishedFeatures
from cdmer.evaluation._metrics.metrics import uf1, war


def tgsr_grid(full=False):
    """Settings of the TGSR sweep.

    Parameters
    ----------
    full : bool, default=False
        The authors' recorded sweep, 85 × 276 = 23,460 settings; otherwise every sixth number of
        regions at 19 weights from 0.001 to 1000, 285 settings.

    Returns
    -------
    n_selected : ndarray of int
        1 to 85 regions.
    mmd_weight : ndarray of float
        0.001 to 1000. Paired with `n_selected`.

    References
    ----------
    X. Jiang et al., ICPR 2022, arXiv:2111.15361, and the authors' recorded sweeps.
    """
    if full:
        # Six decades, each from its start to the next start inclusive, in 45 steps of a fiftieth.
        weights = np.concatenate([s * (1 + 0.2 * np.arange(46)) for s in 10.0 ** np.arange(-3, 3)])
        regions = np.arange(1, 86)
    else:
        weights = 10.0 ** np.linspace(-3, 3, 19)
        regions = np.arange(1, 86, 6)
    return np.repeat(regions, len(weights)), np.tile(weights, len(regions))


def tgsr_oracle_sweep(
    source, target, n_selected, mmd_weight, *, groups=85, n_jobs=None, progress=None
):
    """Score TGSR at every setting of a list on the target's labels.

    The best row is an oracle: nobody without target labels could have picked it. The fits
    themselves never read these labels.

    Parameters
    ----------
    source, target : PublishedFeatures
        Features and labels; class names must agree.
    n_selected : array-like of int of shape (n_settings,)
    mmd_weight : array-like of float of shape (n_settings,)
    groups : int, array-like or None, default=85
        See `cdmer.adaptation.TGSR`.
    n_jobs : int or None, default=None
        Number of threads.
    progress : bool or None, default=None
        None shows a bar on terminals alone, False never.

    Returns
    -------
    pandas.DataFrame
        Columns ``n_selected, mmd_weight, UF1, WAR``, a row per setting.

    Raises
    ------
    TypeError
        If source or target are not PublishedFeatures.
    ValueError
        If their class names differ, or a setting does not fit.
    """
    import pandas as pd

    for name, corpus in (("source", source), ("target", target)):
        if not isinstance(corpus, PublishedFeatures):
            raise TypeError(f"{name}: expected PublishedFeatures, got {type(corpus).__name__}")
    if source.class_names != target.class_names:
        raise ValueError(
            f"target: expected the source's classes {source.class_names}, got {target.class_names}"
        )
    codes = range(len(source.class_names))
    scores = pd.DataFrame(
        {"n_selected": n_selected, "mmd_weight": mmd_weight, "UF1": np.nan, "WAR": np.nan}
    )
    batches = iter_tgsr_path(
        np.concatenate([source.features, target.features]),
        np.concatenate([source.labels, np.full(len(target.labels), -1)]),
        sample_domain=np.repeat([1, -2], [len(source.labels), len(target.labels)]),
        n_selected=n_selected,
        mmd_weight=mmd_weight,
        groups=groups,
        n_jobs=n_jobs,
        progress=progress,
    )
    present = np.unique(source.labels)  # coefficients have a column per class of the source
    for settings, coefs, _ in batches:
        predicted = present[(target.features @ coefs).argmax(axis=2)]
        for metric, name in ((uf1, "UF1"), (war, "WAR")):
            values = [metric(target.labels, p, classes=codes) for p in predicted]
            scores.loc[settings, name] = values
    return scores
