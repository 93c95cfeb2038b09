"""Transfer group sparse regression (TGSR)."""

import array_api_compat
import joblib
import numpy as np
from threadpoolctl import threadpool_limits

from cdmer._array import is_foreign, to_numpy
from cdmer._progress import progress_bar
from cdmer.adaptation._base import LargestScore, PathClassifier
from cdmer.adaptation._regression.alm import check_stopping, warn_unless_converged
from cdmer.adaptation._regression.groups import GroupPartition
from cdmer.adaptation._regression.tgsr_solver import TGSRProblem


class TGSR(LargestScore, PathClassifier):
    r"""Transfer group sparse regression.

    Regresses one-hot labels of the source rows on groups of columns, such as the descriptors of
    facial regions, draws the mean predictions of source and target together, and keeps exactly
    `n_selected` groups:

    .. math::
        \min_C \|L - X_s C\|_F^2 + \lambda \|\delta^\top C\|_2^2
        \quad\text{with the } \kappa \text{ groups of largest norm},\qquad
        \delta = \bar x_s - \bar x_t,

    solved by the published augmented Lagrangian method with a splitting P = B: P takes a ridge
    step, B the group shrinkage whose threshold is the (κ + 1)-th largest group norm, and the
    penalty μ grows from 1e-3 by 1.1 per iteration. Rows are used as they are: no scaling, no
    intercept. The constraint is not convex; the result is the one that this method reaches from
    all ones, which is what reproduces the authors' recorded sweeps.

    Parameters
    ----------
    groups : int, array-like of shape (n_features,) or None, default=None
        A number of equal blocks of neighbouring columns (85 for the benchmark's regions), a group
        id per column, or None for every column its own group.
    n_selected : int or None, default=None
        Number of groups to keep, κ. None keeps all; the method then stops after one step.
    mmd_weight : float, default=1.0
        Weight λ of the difference between the mean predictions on source and target.
    tol : float, default=1e-8
        Stop where no entry of P and B differs by more.
    max_iter : int, default=1000
        Largest number of iterations. The penalty reaches its end within 440.

    Attributes
    ----------
    coef_ : array of shape (n_features, n_classes)
        Coefficients C, one column per class: scores are ``X @ coef_``. The layout is the
        paper's, and that of `tgsr_path`.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.
    groups_ : ndarray of shape (n_groups,)
        Sorted group ids.
    group_norms_ : ndarray of shape (n_groups,)
        Frobenius norm of each group's coefficients, in the order of `groups_`.
    selected_groups_ : ndarray of shape (n_kept,)
        Sorted ids of the groups that are kept.
    n_iter_ : int
        Number of iterations that were run.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names, where X had any.

    See Also
    --------
    tgsr_path : Many settings of `n_selected` and `mmd_weight` at once.

    Notes
    -----
    The cost of an iteration grows with the number of source rows and of groups, not with the number
    of columns: the work is done in the span of the rows, exactly.

    Where the (κ + 1)-th largest norm is shared, as by groups that are copies of each other, fewer
    than κ groups are kept: of those that tie, none.

    References
    ----------
    X. Jiang, Y. Zong, W. Zheng, J. Liu, M. Wei, "Seeking Salient Facial Regions for Cross-Database
    Micro-Expression Recognition", ICPR 2022, arXiv:2111.15361.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.adaptation import TGSR
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 12))
    >>> y = (X[:, :3].sum(axis=1) > 0).astype(int)
    >>> X[40:] += 0.5  # the target was recorded elsewhere
    >>> domain = np.repeat([1, -2], [40, 20])
    >>> y_seen = np.where(domain > 0, y, -1)
    >>> model = TGSR(groups=4, n_selected=1).fit(X, y_seen, sample_domain=domain)
    >>> model.selected_groups_
    array([0])
    """

    _path_parameters = ("n_selected", "mmd_weight")
    _takes_foreign_arrays = True

    def __init__(self, groups=None, n_selected=None, mmd_weight=1.0, tol=1e-8, max_iter=1000):
        self.groups = groups
        self.n_selected = n_selected
        self.mmd_weight = mmd_weight
        self.tol = tol
        self.max_iter = max_iter

    def _fit_path(self, rows, models):
        partition = GroupPartition.from_parameter(self.groups, rows.source.shape[1])
        kept, weights = _check_settings(
            [len(partition) if m.n_selected is None else m.n_selected for m in models],
            [m.mmd_weight for m in models],
            len(partition),
        )
        check_stopping(self.tol, self.max_iter)
        problem = _make_problem(rows, partition, len(models))
        settings = (kept, weights, self.tol, self.max_iter, 1, False)
        for batch, coefs, n_iters in _iter_batches(problem, settings):
            for index, coef, n_iter in zip(batch, coefs, n_iters, strict=True):
                models[index]._set_coef(coef, n_iter, rows.classes, partition)
                yield models[index]

    def _set_coef(self, coef, n_iter, classes, partition):
        self.classes_ = classes
        self.coef_ = coef
        self.n_iter_ = int(n_iter)
        self.groups_ = partition.ids
        squares = to_numpy(coef**2).sum(axis=1)
        self.group_norms_ = np.sqrt([squares[columns].sum() for columns in partition.members])
        self.selected_groups_ = partition.ids[self.group_norms_ > 0]

    def _scores(self, X):
        return X @ (self.coef_ if is_foreign(X) else to_numpy(self.coef_))


def tgsr_path(
    X,
    y,
    *,
    sample_domain,
    n_selected,
    mmd_weight,
    groups=None,
    tol=1e-8,
    max_iter=1000,
    n_jobs=None,
    progress=None,
    return_n_iter=False,
):
    """Solve TGSR for a list of settings at once.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Source and target rows in any order. Torch tensors are worked on where they are, on their
        GPU if they live on one.
    y : array-like of shape (n_samples,)
        Class labels; those of target rows are never read.
    sample_domain : array-like of int of shape (n_samples,) or None
        ``>= 0`` for source rows, ``< 0`` for target rows. None: every row is a source row.
    n_selected : array-like of int of shape (n_settings,)
        Number of groups to keep, per setting.
    mmd_weight : array-like of float of shape (n_settings,)
        Weight of the mean discrepancy, per setting.
    groups : int, array-like of shape (n_features,) or None, default=None
        Groups of columns, as in `TGSR`.
    tol : float, default=1e-8
        Stop where no entry of P and B differs by more, as in `TGSR`.
    max_iter : int, default=1000
        Largest number of iterations.
    n_jobs : int or None, default=None
        Number of threads, on the processor. The result does not depend on it.
    progress : bool or None, default=None
        Whether to show a progress bar. None: on terminals only.
    return_n_iter : bool, default=False
        Whether to return the numbers of iterations too.

    Returns
    -------
    coefs : array of shape (n_settings, n_features, n_classes)
        Coefficients, classes in sorted order, in the namespace and on the device of X.
    n_iters : ndarray of int, shape (n_settings,)
        Numbers of iterations, only with `return_n_iter`.

    Raises
    ------
    ValueError
        As in `TGSR.fit`, and if the two lists differ in length.

    See Also
    --------
    iter_tgsr_path : The same in batches, for lists whose coefficients would not fit in memory.

    References
    ----------
    See `TGSR`.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.adaptation import tgsr_path
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(30, 12)), np.arange(30) % 3
    >>> coefs = tgsr_path(X, y, sample_domain=np.where(np.arange(30) < 20, 1, -2), groups=4,
    ...                   n_selected=[1, 2, 4], mmd_weight=[0.1, 1.0, 1.0])
    >>> coefs.shape
    (3, 12, 3)
    """
    batches = list(
        iter_tgsr_path(
            X,
            y,
            sample_domain=sample_domain,
            n_selected=n_selected,
            mmd_weight=mmd_weight,
            groups=groups,
            tol=tol,
            max_iter=max_iter,
            n_jobs=n_jobs,
            progress=progress,
        )
    )
    xp = array_api_compat.array_namespace(batches[0][1])
    back = np.argsort(np.concatenate([settings for settings, _, _ in batches]))
    coefs = xp.concat([coef for _, coef, _ in batches])
    coefs = xp.take(coefs, xp.asarray(back, device=array_api_compat.device(coefs)), axis=0)
    if not return_n_iter:
        return coefs
    return coefs, np.concatenate([n_iter for _, _, n_iter in batches])[back]


def iter_tgsr_path(
    X,
    y,
    *,
    sample_domain,
    n_selected,
    mmd_weight,
    groups=None,
    tol=1e-8,
    max_iter=1000,
    n_jobs=None,
    progress=None,
):
    """Solve TGSR for a list of settings, a batch at a time.

    Parameters are those of `tgsr_path`. Until the last batch has come, BLAS runs on one thread in
    the whole process, as batches run in parallel.

    Yields
    ------
    settings : ndarray of int, shape (n_batch,)
        Positions of the settings of the batch. Each comes once; the order may vary.
    coefs : array of shape (n_batch, n_features, n_classes)
        Coefficients, as `tgsr_path` returns them.
    n_iters : ndarray of int, shape (n_batch,)
        Numbers of iterations.
    """
    rows = TGSR()._read(X, y, sample_domain)
    partition = GroupPartition.from_parameter(groups, X.shape[1])
    kept, weights = _check_settings(n_selected, mmd_weight, len(partition))
    check_stopping(tol, max_iter)
    return _iter_batches(
        _make_problem(rows, partition, len(kept)),
        (kept, weights, tol, max_iter, n_jobs, progress),
    )


def _iter_batches(problem, settings):
    kept, weights, tol, max_iter, n_jobs, progress = settings
    # Neighbours in (number, weight) keep similar groups and need similar numbers of iterations.
    order = np.lexsort((weights, kept))
    n_batches = -(-len(order) // problem.batch_size)
    batches = np.array_split(order, n_batches)

    def solve(batch):
        return batch, *problem.solve(kept[batch], weights[batch], tol, max_iter)

    # One BLAS thread throughout: jobs work on batches, and sums come out the same for any n_jobs.
    jobs = joblib.Parallel(
        n_jobs=n_jobs if problem.on_cpu else 1,
        backend="threading",
        return_as="generator_unordered",
        pre_dispatch="n_jobs",
    )
    worst = 0.0
    with (
        threadpool_limits(1, user_api="blas"),
        progress_bar(len(order), "TGSR path", "setting", progress) as bar,
    ):
        for batch, coef, n_iter, gap in jobs(joblib.delayed(solve)(b) for b in batches):
            worst = max(worst, gap.max())
            bar.update(len(batch))
            yield batch, coef, n_iter
    warn_unless_converged("TGSR", worst, tol, max_iter)


def _make_problem(rows, partition, n_settings):
    return TGSRProblem(
        rows.source, rows.target, rows.codes, len(rows.classes), partition.members, n_settings
    )


def _check_settings(n_selected, mmd_weight, n_groups):
    kept, weights = np.asarray(n_selected), np.asarray(mmd_weight)
    if kept.ndim != 1 or not kept.size or kept.dtype.kind not in "iu":
        raise ValueError(
            f"n_selected: expected whole numbers between 1 and the number of groups ({n_groups}), "
            f"got {n_selected!r}"
        )
    if ((kept < 1) | (kept > n_groups)).any():
        wrong = kept[(kept < 1) | (kept > n_groups)][0]
        raise ValueError(
            f"n_selected: expected between 1 and the number of groups ({n_groups}), got {wrong}"
        )
    if weights.dtype.kind not in "iuf" or not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(f"mmd_weight: expected finite numbers >= 0, got {mmd_weight!r}")
    if weights.shape != kept.shape:
        raise ValueError(
            f"mmd_weight: expected one per entry of n_selected, shape {kept.shape}, got "
            f"{weights.shape}"
        )
    return kept, weights.astype(np.float64)
