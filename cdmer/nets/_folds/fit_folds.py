"""The folds of a cross-validation, trained all at once."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np
import torch
from sklearn.base import clone

from cdmer._array import take_rows
from cdmer._devices import find_device, own_torch, weight_dtype
from cdmer._parameters import ParameterError, check_choice
from cdmer._progress import progress_bar
from cdmer.nets._folds.module import StackedModule
from cdmer.nets._folds.ststnet import StackedSTSTNet
from cdmer.nets._folds.training import Member, train_stacked
from cdmer.nets._training.choice import make_network, native_shape
from cdmer.nets._training.classifier import NetClassifier
from cdmer.nets._training.rows import batch_starts
from cdmer.nets._training.start import start_fit
from cdmer.nets._training.training import N_TRIED, check_trained, warn_of_small_set

_STACKS = (StackedSTSTNet, StackedModule)


def fit_folds(estimator, X, y, folds, *, on_error="raise", progress=None):
    """Train one network per fold, all folds at once where the result is the same.

    The networks are stacked and go through their batches together, each through its own: with its
    own weights, order of rows and dropout, and with the statistics of its own batch. What a fold
    gives does not depend on the other folds, but for rounding, and is what
    ``clone(estimator).fit(X[fold], y[fold])`` gives.

    Parameters
    ----------
    estimator : NetClassifier
        Classifier to train; it is cloned for each fold.
    X : array-like of shape (n_samples, ...)
        Clips in the shape that the network takes in, or rows in which that is flattened.
    y : array-like of shape (n_samples,)
        Class labels; those of rows in no fold are not read.
    folds : sequence of array-like of int
        Positions of the training rows of each fold.
    on_error : {"raise", "return"}, default="raise"
        What to do with an exception in a fold: "return" puts it in the place of the fold's model,
        and the other folds go on.
    progress : bool, default=None
        Whether to show a progress bar; None follows the estimator's own `progress`.

    Returns
    -------
    list of NetClassifier or Exception
        One fitted classifier per fold, or the exception that it raised.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value, or with ``on_error="raise"`` a fold's rows do.
        Adaptation and early stopping, which need to know target rows and subjects, are refused.
    FloatingPointError
        With ``on_error="raise"``, if a loss is no longer finite.

    See Also
    --------
    NetClassifier : Trains a single network.

    Notes
    -----
    Folds are trained one after the other with ``warm_start``, a checkpoint or mixed precision, and
    for networks that are large or have layers that cannot be mapped over: each network is tried on
    a few numbers first.

    On the CPU dropout draws the numbers that it draws in a single fit, and as many parts as torch
    has threads (``torch.get_num_threads()``) are computed side by side; the result is the same for
    any number of threads. On GPUs dropout draws other numbers.

    `STSTNet` has a path of its own, which computes gradients in closed form; on GPUs in single
    precision, with a kernel that Triton translates when it is first called.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.nets import NetClassifier, fit_folds
    >>> rng = np.random.default_rng(0)
    >>> X, y, subjects = rng.normal(size=(60, 8)), np.arange(60) % 2, np.arange(60) // 4
    >>> X[y == 1] += 2
    >>> folds = [np.flatnonzero(subjects != subject) for subject in range(15)]
    >>> models = fit_folds(NetClassifier(n_epochs=20, random_state=0), X, y, folds)
    >>> len(models), models[0].predict(X[subjects == 0])
    (15, array([0, 1, 0, 1]))
    """
    check_choice("on_error", on_error, ("raise", "return"))
    if not isinstance(estimator, NetClassifier):
        raise ParameterError(f"estimator: expected a NetClassifier, got {estimator!r}")
    for name, needs in (("adaptation", "target rows"), ("early_stopping", "subjects")):
        if getattr(estimator, name):
            raise ParameterError(
                f"estimator: folds are sets of labelled rows, expected {name} off, which needs "
                f"{needs} (fit such folds one by one), got {getattr(estimator, name)!r}"
            )
    if y is None or len(X) != len(y):
        n = "None" if y is None else f"{len(y)}"
        raise ParameterError(f"y: expected a label for each of the {len(X)} rows of X, got {n}")
    folds = [_check_fold(i, fold, len(y)) for i, fold in enumerate(folds)]
    found = [None] * len(folds)

    def fail(number, error):
        if on_error == "raise":
            raise error
        found[number] = error

    show = estimator.progress if progress is None else progress
    with progress_bar(len(folds) * estimator.n_epochs, "Training folds", "epoch", show) as bar:
        if _trains_plainly(estimator):
            _fit_stacked(estimator, X, y, folds, found, fail, bar)
        for number, fold in enumerate(folds):
            if found[number] is None:
                found[number] = _fit_alone(estimator, X, y, fold, number, fail) or found[number]
                bar.update(estimator.n_epochs)
    return found


def stacks_well(estimator, shape, n_classes):
    """Whether `fit_folds` trains all folds at once, and is faster than one fit per fold.

    Parameters
    ----------
    estimator : NetClassifier
        Classifier to be trained on folds.
    shape : tuple of int
        Shape of one row of X.
    n_classes : int
        Number of classes.

    Returns
    -------
    bool
        False too if the network does not fit the shape, or a parameter is wrong.

    See Also
    --------
    fit_folds : Trains one network per fold.

    Examples
    --------
    >>> from cdmer.nets import NetClassifier, stacks_well
    >>> stacks_well(NetClassifier("MLP", device="cpu"), shape=(8,), n_classes=3)
    True
    """
    if not isinstance(estimator, NetClassifier) or not _trains_plainly(estimator):
        return False
    try:
        device = find_device(estimator.device)
        with own_torch(device):
            network = make_network(estimator.network, estimator.network_params, shape, n_classes)
            shape = native_shape(network, np.empty((1, *shape), dtype=np.float32)).shape[1:]
            kind = _choose_stack(network, shape, estimator, device)
    except (ValueError, TypeError):
        return False
    return kind is not None and kind.worthwhile(network, device)


def _check_fold(number, fold, n_rows):
    try:
        fold = np.asarray(fold)
    except ValueError:
        raise ParameterError(
            f"folds: expected positions of training rows alone, not pairs of training and test "
            f"rows as a splitter gives them, got for fold {number} a {type(fold).__name__} of "
            f"{len(fold)}"
        ) from None
    if fold.ndim != 1 or fold.dtype.kind not in "iu":
        raise ParameterError(
            f"folds: expected positions of rows, one-dimensional arrays of int, got for fold "
            f"{number} shape {fold.shape} of {fold.dtype}"
        )
    if len(fold) and not 0 <= fold.min() <= fold.max() < n_rows:
        raise ParameterError(
            f"folds: expected positions from 0 to {n_rows - 1}, got for fold {number} positions "
            f"from {fold.min()} to {fold.max()}"
        )
    return fold


def _trains_plainly(estimator):
    """Whether nothing but the training rows decides on how the training goes."""
    try:
        estimator.check_parameters()
    except (ValueError, TypeError):
        return False
    return (
        type(estimator).fit is NetClassifier.fit
        and estimator.adaptation is None
        and estimator.checkpoint is None
        and not estimator.early_stopping
        and not estimator.warm_start
        and estimator.precision in ("float32", "float64")
    )


def _choose_stack(network, shape, estimator, device):
    network = network.to(weight_dtype(estimator.precision))
    suitable = (kind for kind in _STACKS if kind.suits(network, shape, estimator, device))
    return next(suitable, None)


def _fit_alone(estimator, X, y, fold, number, fail):
    model = clone(estimator).set_params(progress=False)
    try:
        model.fit(take_rows(X, fold), take_rows(y, fold))
    except Exception as error:
        fail(number, error)
        return None
    return model.set_params(progress=estimator.progress)


def _fit_stacked(estimator, X, y, folds, found, fail, bar):
    """Train what can be trained together; other places in `found` are left empty."""
    n_threads, device = torch.get_num_threads(), find_device(estimator.device)
    table = np.asarray(X)
    with own_torch(device):
        members = []
        for number, fold in enumerate(folds):
            try:
                members.append(_begin(estimator, X, y, fold, number, device))
            except Exception as error:
                fail(number, error)
                bar.update(estimator.n_epochs)
        if members:  # once, not for every fold
            warn_of_small_set(min(len(member.fold) for member in members), estimator.batch_size)
        jobs = [job for group in _alike(members) for job in _parts(group, table, device)]
        trained = _run(jobs, found, fail, bar, n_threads if device.type == "cpu" else 1)
        for member, losses in trained:
            if found[member.number] is None:
                _keep(member, losses, table, found, fail)


def _keep(member, losses, table, found, fail):
    model, network, X = member.model, member.start.network.eval(), member.start.rows.X
    some = np.asarray(table[member.fold[:N_TRIED]], dtype=X.dtype).reshape(-1, *X.shape[1:])
    try:
        check_trained(network, some, model.n_epochs, model)
    except FloatingPointError as error:
        fail(member.number, error)
        return
    model._keep(member.start, losses)
    found[member.number] = model


def _begin(estimator, X, y, fold, number, device):
    model = clone(estimator)
    start = start_fit(model, take_rows(X, fold), take_rows(y, fold), None, None, device)
    generator = torch.Generator()
    generator.set_state(torch.get_rng_state())
    if device.type == "cuda":
        seed = torch.randint(2**62, (), generator=generator).item()
        generator = torch.Generator(device).manual_seed(seed)
    # Every fold reads the same X from here on.
    start = start._replace(rows=start.rows._replace(X=start.rows.X[:0].copy()))
    return Member(number, model, start, fold, generator)


def _alike(members):
    """Group folds that have as many classes, and as many steps per epoch."""
    groups = {}
    for member in members:
        n_steps = len(batch_starts(len(member.fold), member.model.batch_size))
        groups.setdefault((len(member.start.classes), n_steps), []).append(member)
    return groups.values()


def _parts(group, table, device):
    """Split a group into parts that fit into memory, of a size that nothing else decides on."""
    network, rows, model = group[0].start.network, group[0].start.rows, group[0].model
    shape = rows.X.shape[1:]
    kind = _choose_stack(network, shape, model, device)
    if kind is None:
        return
    X = np.ascontiguousarray(table, dtype=rows.X.dtype).reshape(len(table), *shape)
    n_parts = -(-len(group) // kind.most_at_once(network, shape, model, device))
    for part in np.array_split(np.arange(len(group)), n_parts):
        yield kind, X, [group[i] for i in part], device


def _run(jobs, found, fail, bar, n_threads):
    stop = threading.Event()

    def train(kind, X, members, device):
        def advance(n):
            if stop.is_set():
                raise RuntimeError("another fold has failed")
            bar.update(n)

        networks = [member.start.network.to(device) for member in members]
        try:
            stack = kind(
                networks,
                X,
                members[0].model,
                [member.generator for member in members],
                [member.start.generator for member in members],
            )
            return list(zip(members, train_stacked(stack, members, fail, advance), strict=True))
        except torch.cuda.OutOfMemoryError:
            warnings.warn(
                f"the GPU ran out of memory: {len(members)} folds are trained one after the other",
                stacklevel=2,
            )
            return []

    trained = []
    with ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        futures = [pool.submit(train, *job) for job in jobs]
        try:
            for future in as_completed(futures):
                trained += future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return trained
