"""Predictions per clip, and every score computed from them."""

import secrets

import numpy as np

from cdmer._parameters import check_choice
from cdmer.evaluation._metrics.counts import count_pairs, f1_of_classes, involved_of_classes
from cdmer.evaluation._metrics.known import ACTION_UNIT_METRICS, CLASS_METRICS
from cdmer.evaluation._metrics.metric import find_metrics
from cdmer.evaluation._pools import MEAN, POOLED

_WHO = ["method", "selection", "seed"]


class BaseResults:
    """What statistics, figures and the report work on; parameters are those of `Results`."""

    def __init__(self, predictions, classes, scheme, *, jobs=None, failures=None, info=None):
        self.predictions = predictions
        self.classes = tuple(classes)
        self.scheme = scheme
        self.jobs = jobs
        self.failures = failures
        self.info = {} if info is None else info
        # For reports under pseudonyms: the store's salt, and the keys of all clips it knows of.
        self._salt, self._clips = secrets.token_bytes(16), None

    @property
    def multilabel(self):
        """Whether a clip may have several classes, its action units; a bool."""
        return "action_unit" in self.predictions.columns

    @property
    def abstains(self):
        """Whether any method abstained on any clip, a bool."""
        return bool((self.predictions["y_pred"].cat.codes < 0).any())

    @property
    def metrics(self):
        """Names of the metrics, a list of str; the first one is the main one."""
        return list(self._known_metrics)

    @property
    def _known_metrics(self):
        return ACTION_UNIT_METRICS if self.multilabel else CLASS_METRICS

    def find_metric(self, metric=None):
        """Metric of a name: see `find_metrics`.

        Parameters
        ----------
        metric : str, Metric or None, default=None
            One of `metrics`, or a metric of your own; None for the main one.

        Returns
        -------
        Metric
        """
        return self.find_metrics([self.metrics[0] if metric is None else metric])[0]

    def find_metrics(self, metrics=None):
        """Metrics of some names, and those of your own, which are checked.

        Parameters
        ----------
        metrics : sequence of (str or Metric) or None, default=None
            Names of `metrics`, or metrics of your own; None for all of `metrics`.

        Returns
        -------
        list of Metric

        Raises
        ------
        ValueError
            If a name is unknown or taken, or a metric does not do what `Metric` asks for.
        """
        metrics = self.metrics if metrics is None else metrics
        rows = (len(self.classes), 2) if self.multilabel else (len(self.classes),)
        return find_metrics(metrics, self._known_metrics, (*rows, rows[-1] + self.abstains))

    @property
    def methods(self):
        """Names of the methods that have predictions, in the order they were given."""
        found = list(self.predictions["method"].unique())
        given = [name for name in self.info.get("methods", ()) if name in found]
        return [*given, *(name for name in found if name not in given)]

    @property
    def experiments(self):
        """Names of the experiments, in the protocol's order."""
        return list(self.predictions["experiment"].unique())

    def counts(self, by):
        """Confusion matrices of groups of predictions.

        Parameters
        ----------
        by : list of str
            Columns of `predictions`.

        Returns
        -------
        groups : pandas.DataFrame
            One row per group, in order of appearance, with the columns of `by`.
        counts : ndarray of int, shape (n_groups, n_classes, n_classes)
            True classes in rows. Under a scheme of action units of shape (n_groups,
            n_action_units, 2, 2). One column more, of abstentions, is the last where these results
            have any.
        """
        frame = self.predictions
        number = frame.groupby(list(by), sort=False, observed=True).ngroup().to_numpy()
        n_groups = int(number.max()) + 1 if len(number) else 0
        first = np.full(n_groups, -1)
        first[number[::-1]] = np.arange(len(number))[::-1]
        groups = frame[list(by)].iloc[first].reset_index(drop=True)
        true, predicted = (
            frame[c].cat.codes.to_numpy(dtype=np.int64) for c in ("y_true", "y_pred")
        )
        if self.multilabel:
            n_labels = len(self.classes)
            place = number * n_labels + frame["action_unit"].cat.codes.to_numpy(dtype=np.int64)
            shape = (n_groups, n_labels, 2)
        else:
            place, shape = number, (n_groups, len(self.classes))
        n_columns = shape[-1] + self.abstains
        return groups, count_pairs(place, true, predicted, (*shape, n_columns))

    def scores(self, by="experiment", metrics=None):
        """Scores of pooled predictions.

        Parameters
        ----------
        by : {"experiment", "corpus", "fold", "all"}, default="experiment"
            What is pooled: the folds of an experiment; those clips of an experiment that are of one
            corpus; a fold alone; everything that a method predicted.
        metrics : sequence of (str or Metric) or None, default=None
            Names of `metrics`, or metrics of your own; None for all of `metrics`.

        Returns
        -------
        pandas.DataFrame
            A row per pool, method and seed: what is pooled, ``method, selection, seed, n_clips,
            n_abstained``, and a column per metric. Abstentions count as wrong. Under a scheme of
            action units `n_abstained` counts action units of clips.

        Raises
        ------
        ValueError
            If `by` or a metric is unknown, or a metric does not do what `Metric` asks for.
        """
        check_choice("by", by, tuple(POOLED))
        metrics = self.find_metrics(metrics)
        scores, counts = self.counts([*POOLED[by], *_WHO])
        n_labels = len(self.classes) if self.multilabel else 1
        scores["n_clips"] = counts.reshape(len(counts), -1).sum(axis=1) // n_labels
        unanswered = counts[..., counts.shape[-2] :].reshape(len(counts), -1)
        scores["n_abstained"] = unanswered.sum(axis=1)
        for metric in metrics:
            scores[metric.name] = metric(counts)
        return scores

    def table(self, metric=None):
        """Table of a metric: experiments in rows, methods in columns, means in the last row.

        Parameters
        ----------
        metric : str, Metric or None, default=None
            One of `metrics`, or a metric of your own; None for the main one.

        Returns
        -------
        pandas.DataFrame
            Means over seeds. NaN where a method lacks clips of the experiment that another has,
            such as after a failure: the rest may be the easy ones.

        Raises
        ------
        ValueError
            If the metric is unknown, or does not do what `Metric` asks for.
        """
        metric = self.find_metric(metric)
        scores = self.scores(metrics=[metric]).astype({"experiment": object, "method": object})
        pools = scores.groupby(POOLED["experiment"], observed=True)
        scores = scores[scores["n_clips"] == pools["n_clips"].transform("max")]
        means = scores.groupby(["experiment", "method"], sort=False)[metric.name].mean()
        table = means.unstack("method").reindex(index=self.experiments, columns=self.methods)
        table.loc[MEAN] = table.mean(skipna=False)
        table.columns.name = metric.name
        return table

    def averages(self):
        """Three averages of the same predictions, of which one is right.

        Returns
        -------
        pandas.DataFrame
            A row per experiment and method; ``UF1`` is that of the pooled predictions. The others
            are what papers print under the same name: ``mean of folds, classes present``, the mean
            over folds of the F1 over the classes that a fold's clips or predictions have, and
            ``mean of folds, all classes``, over the fixed class list. Means over seeds.

        Raises
        ------
        ValueError
            If clips have several classes.
        """
        if self.multilabel:
            raise ValueError("averages: expected one class per clip, got action units")
        keys = ["experiment", "method"]
        pooled = self.scores()
        folds, counts = self.counts(["experiment", "fold", *_WHO])
        f1 = f1_of_classes(counts)
        present = involved_of_classes(counts) > 0
        folds["mean of folds, classes present"] = f1.sum(axis=1) / present.sum(axis=1)
        folds["mean of folds, all classes"] = f1.mean(axis=1)
        names = ["mean of folds, classes present", "mean of folds, all classes"]
        grouped = {"sort": False, "observed": True}
        averages = pooled.groupby(keys, **grouped)["UF1"].mean().to_frame()
        averages[names] = folds.groupby(keys, **grouped)[names].mean()
        return averages.reset_index()

    def confusion(self, method, experiment=None):
        """Confusion matrix of a method, pooled over experiments and seeds.

        Parameters
        ----------
        method : str
        experiment : str, optional
            Only the clips of this experiment.

        Returns
        -------
        ndarray of int, shape (n_classes, n_classes)
            Under a scheme of action units of shape (n_action_units, 2, 2). One column more, of
            abstentions, is the last where these results have any.

        Raises
        ------
        ValueError
            If the method or the experiment is not in the results.
        """
        groups, counts = self.counts(["method", "experiment"])
        wanted = self._is("method", method, self.methods, groups)
        if experiment is not None:
            wanted &= self._is("experiment", experiment, self.experiments, groups)
        return counts[wanted].sum(axis=0)

    @staticmethod
    def _is(column, value, known, frame):
        if value not in known:
            raise ValueError(f"{column}: expected one of {known}, got {value!r}")
        return (frame[column] == value).to_numpy()
