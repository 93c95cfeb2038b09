"""A metric: a name, a function of confusion matrices, and what it means."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from cdmer._parameters import ParameterError, check_flag

# Columns that tables of scores have already.
_COLUMNS = ("experiment", "kind", "source", "target", "corpus", "fold", "method", "selection")
_COLUMNS += ("seed", "n_clips", "n_abstained")


@dataclass(frozen=True)
class Metric:
    """A score of predictions, computed from their confusion matrices.

    Wherever a metric is named, such as in `Results.table`, one of your own can be given instead.

    Parameters
    ----------
    name : str
        Heading of its column; no other metric and no column of `Results.scores` has it.
    function : callable
        Takes confusion matrices of shape (..., n_classes, n_columns), true classes in rows, and
        gives one score each, of shape (...). The first `n_classes` columns are predicted classes;
        where any method abstained there is one column more, of abstentions, which are wrong. Counts
        are weighted in a bootstrap: not whole, and zero for a class, or for all of them, that no
        person drawn has. Scores are always finite, between 0 (worst) and 1 (best).
    meaning : str
        What it is, to follow its name in reports, such as "the mean of the classes' recalls".
    action_units : bool, default=False
        Whether it is of action units, of which a clip may show several. Each has a confusion matrix
        of absent and present: `function` then takes shape (..., n_action_units, 2, n_columns).

    Raises
    ------
    TypeError
        If `function` cannot be called, or another parameter has a wrong type.
    ValueError
        If `name` or `meaning` is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.evaluation import Metric
    >>> def accuracy(counts):
    ...     total = counts.sum(axis=(-1, -2))
    ...     return np.trace(counts, axis1=-2, axis2=-1) / np.maximum(total, 1e-12)
    >>> metric = Metric("accuracy", accuracy, "the share of clips that are right")
    >>> metric(np.array([[[2, 1], [0, 3]], [[1, 1], [1, 1]]])).round(2)
    array([0.83, 0.5 ])
    """

    name: str
    function: Callable
    meaning: str
    action_units: bool = False

    def __post_init__(self):
        for field in ("name", "meaning"):
            text = getattr(self, field)
            if not isinstance(text, str):
                raise TypeError(f"{field}: expected a str, got {type(text).__name__}")
            if not text.strip():
                raise ValueError(f"{field}: expected some text, got {text!r}")
        if not callable(self.function):
            raise TypeError(f"function: expected a callable, got {type(self.function).__name__}")
        check_flag("action_units", self.action_units)

    def __call__(self, counts):
        """Score confusion matrices.

        Parameters
        ----------
        counts : ndarray of shape (..., n_classes, n_columns)
            See `function`.

        Returns
        -------
        ndarray of float, shape (...)

        Raises
        ------
        ValueError
            If the function fails, or does not give one number between 0 and 1 per matrix.
        """
        counts = np.asarray(counts).view()
        counts.flags.writeable = False  # other metrics read the same counts
        shape = counts.shape[: -3 if self.action_units else -2]
        expected = f"metric: expected {self.name!r} to give"
        try:
            scores = np.asarray(self.function(counts))
        except Exception as error:
            raise ValueError(
                f"{expected} scores for counts of shape {counts.shape}, got "
                f"{type(error).__name__}: {error}"
            ) from error
        if scores.dtype.kind not in "fiu":
            raise ValueError(f"{expected} numbers, got {scores.dtype}")
        if scores.shape != shape:
            raise ValueError(
                f"{expected} scores of shape {shape} for counts of shape {counts.shape}, got shape "
                f"{scores.shape}"
            )
        good = (scores >= -1e-9) & (scores <= 1 + 1e-9)
        if not good.all():
            raise ValueError(
                f"{expected} numbers between 0 and 1, also where a class has no clips, got "
                f"{scores[~good].flat[0]}"
            )
        return scores

    def check(self, shape):
        """Check that the function meets this contract, on a few made-up counts.

        Parameters
        ----------
        shape : tuple of int
            Shape of the counts that give one score, such as (n_classes, n_columns).

        Raises
        ------
        ValueError
            If it does not.
        """
        counts = 9 * np.random.default_rng(0).random((4, *shape))
        counts[1, ..., 0, :] = 0  # a class without clips
        counts[2, ..., 0] = 0  # one that is never predicted
        counts[3] = 0
        together = self(counts[:, None])[:, 0]
        alone = np.array([self(one) for one in counts])
        if not np.allclose(together, alone, rtol=1e-9, atol=1e-9):
            raise ValueError(
                f"metric: expected {self.name!r} to give a confusion matrix the same score alone "
                f"and among others, got {alone} and {together}"
            )


def find_metrics(metrics, known, shape):
    """Resolve metrics that are given by name or as such.

    Parameters
    ----------
    metrics : str, Metric or iterable of them
    known : dict of str to Metric
        Those that have a name already.
    shape : tuple of int
        Shape of the counts that give one score.

    Returns
    -------
    list of Metric

    Raises
    ------
    TypeError
        If one is neither a name nor a Metric.
    ValueError
        If a name is unknown or taken, or a metric does not do what `Metric` asks for.
    """
    found = {}
    several = isinstance(metrics, Iterable) and not isinstance(metrics, str)
    for metric in metrics if several else [metrics]:
        if isinstance(metric, Metric) and metric != known.get(metric.name):
            _check_own(metric, known, shape)
        elif not isinstance(metric, Metric):
            metric = _named(metric, known)
        if metric.name in found:
            raise ValueError(f"metrics: expected each name once, got {metric.name!r} twice")
        found[metric.name] = metric
    if not found:
        raise ValueError("metrics: expected at least one, got none")
    return list(found.values())


def _named(name, known):
    is_name = isinstance(name, str)
    if not is_name or name not in known:
        expected = f"one of {list(known)}" + ("" if is_name else " or a Metric")
        raise ParameterError(f"metric: expected {expected}, got {name!r}")
    return known[name]


def _check_own(metric, known, shape):
    if metric.name in known or metric.name in _COLUMNS:
        raise ValueError(
            f"metric: expected a name that is not taken, got {metric.name!r}, which is "
            + ("another metric" if metric.name in known else "a column of the scores")
        )
    kinds = {True: "action units", False: "classes"}
    if metric.action_units != next(iter(known.values())).action_units:
        raise ValueError(
            f"metric: expected one of {kinds[not metric.action_units]}, got {metric.name!r} of "
            f"{kinds[metric.action_units]}"
        )
    metric.check(shape)
