"""Results: a prediction per clip, and every score computed from them."""

import json

import numpy as np

from cdmer._parameters import check_choice
from cdmer.evaluation._display import Display
from cdmer.evaluation._metrics.counts import (
    CLASS_METRICS,
    UNIT_METRICS,
    count_pairs,
    f1_of_classes,
    involved_of_classes,
)
from cdmer.evaluation.protocols import people

ABSENT_PRESENT = ("absent", "present")
NO_SEED = -1
_POOLED = {
    "experiment": ["experiment", "kind", "source", "target"],
    "corpus": ["experiment", "kind", "source", "target", "corpus"],
    "fold": ["experiment", "kind", "source", "target", "fold"],
    "all": [],
}
_WHO = ["method", "selection", "seed"]


class Results(Display):
    """Predictions per clip, and what follows from them.

    `cdmer.evaluation.benchmark` and `ResultStore.results` give them.

    Parameters
    ----------
    predictions : pandas.DataFrame
        One row per clip, job and, under a scheme of action units, action unit. Columns
        ``experiment, kind, source, target, fold, method, selection, seed, clip, corpus, subject,
        person, y_true, y_pred``, categorical but for `seed`; then ``unit`` under such a scheme.
        Classes by name; `y_pred` is missing where the method abstained. `method` tells the
        selection too, unless it is "fixed": ``"TCA, oracle"``. `seed` is -1 for methods without
        chance.
    classes : tuple of str
        The scheme's fixed class list; the action units under a scheme of these.
    scheme : str
        Name of the label scheme.
    jobs : pandas.DataFrame
        One row per finished job, ``experiment, fold, method, selection, seed, n_clips,
        select_s, fit_s, predict_s, params, details, scores, embedding``: see `JobResult`.
    failures : pandas.DataFrame
        Jobs that failed, ``experiment, fold, method, selection, seed, error, message, traceback``.
    info : dict
        What was run: ``title, protocol, scheme, corpora, descriptor, methods, seeds, versions,
        notes, created``.
    """

    def __init__(self, predictions, classes, scheme, *, jobs=None, failures=None, info=None):
        self.predictions = predictions
        self.classes = tuple(classes)
        self.scheme = scheme
        self.jobs = jobs
        self.failures = failures
        self.info = {} if info is None else info

    @classmethod
    def from_jobs(cls, info, jobs, test_sets):
        """Build it from what a store holds.

        Parameters
        ----------
        info : dict
        jobs : list of (str, JobResult)
            Label of the method, and what came of it; in the order in which tables show them.
        test_sets : dict of str to TestSet
        """
        classes = tuple(info["scheme"]["classes"])
        # A store keeps dicts by name; the order in which methods were given is a list.
        methods = info.get("methods", {})
        info = info | {"methods": {k: methods[k] for k in info.get("order", methods)}}
        done, failed = [], []
        for label, job in jobs:
            config = json.loads(job.config)
            fold = config["fold"]
            seed = NO_SEED if config["seed"] is None else config["seed"]
            about = {
                **{k: fold[k] for k in ("experiment", "kind", "source", "target")},
                "fold": fold["name"],
                "method": label,
                "selection": config["selection"],
                "seed": seed,
            }
            (done if job.error is None else failed).append((about, job))
        return cls(
            _predictions_frame(done, test_sets, classes, info["scheme"]["multilabel"]),
            classes,
            info["scheme"]["name"],
            jobs=_jobs_frame(done),
            failures=_failures_frame(failed),
            info=info,
        )

    @property
    def multilabel(self):
        """Whether a clip has several classes: action units, a bool."""
        return "unit" in self.predictions.columns

    @property
    def abstains(self):
        """Whether a method left a clip unanswered anywhere, a bool."""
        return bool((self.predictions["y_pred"].cat.codes < 0).any())

    @property
    def metrics(self):
        """Names of the metrics, a list of str; the first one is the main one."""
        return list(self._metrics)

    @property
    def _metrics(self):
        return UNIT_METRICS if self.multilabel else CLASS_METRICS

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
            True classes in rows. Under a scheme of action units of shape (n_groups, n_units, 2, 2).
            Where these results have any abstention, one column more, of these, is the last.
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
            n_units = len(self.classes)
            place = number * n_units + frame["unit"].cat.codes.to_numpy(dtype=np.int64)
            shape = (n_groups, n_units, 2)
        else:
            place, shape = number, (n_groups, len(self.classes))
        n_columns = shape[-1] + self.abstains
        return groups, count_pairs(place, true, predicted, (*shape, n_columns))

    def scores(self, by="experiment"):
        """Every metric, from pooled predictions.

        Parameters
        ----------
        by : {"experiment", "corpus", "fold", "all"}, default="experiment"
            What is pooled: the folds of an experiment; those clips of an experiment that are of one
            corpus; a fold alone; everything that a method predicted.

        Returns
        -------
        pandas.DataFrame
            A row per pool, method and seed: what is pooled, ``method, selection, seed, n_clips,
            n_abstained``, and a column per metric. Abstentions count as wrong. Under a scheme of
            action units `n_abstained` counts units of clips.

        Raises
        ------
        ValueError
            If `by` is unknown.
        """
        check_choice("by", by, tuple(_POOLED))
        scores, counts = self.counts([*_POOLED[by], *_WHO])
        n_labels = len(self.classes) if self.multilabel else 1
        scores["n_clips"] = counts.reshape(len(counts), -1).sum(axis=1) // n_labels
        unanswered = counts[..., counts.shape[-2] :].reshape(len(counts), -1)
        scores["n_abstained"] = unanswered.sum(axis=1)
        for name, metric in self._metrics.items():
            scores[name] = metric(counts)
        return scores

    def table(self, metric=None):
        """Lay one metric out: experiments in rows, methods in columns, their mean below.

        Parameters
        ----------
        metric : str or None, default=None
            One of `metrics`; None for the main one.

        Returns
        -------
        pandas.DataFrame
            Means over seeds. NaN where a method lacks clips of the experiment that another has,
            such as after a failure: the rest may be the easy ones.

        Raises
        ------
        ValueError
            If the metric is unknown.
        """
        metric = self._check_metric(metric)
        scores = self.scores().astype({"experiment": object, "method": object})
        pools = scores.groupby(_POOLED["experiment"], observed=True)
        scores = scores[scores["n_clips"] == pools["n_clips"].transform("max")]
        means = scores.groupby(["experiment", "method"], sort=False)[metric].mean()
        table = means.unstack("method").reindex(index=self.experiments, columns=self.methods)
        table.loc["mean"] = table.mean(skipna=False)
        table.columns.name = metric
        return table

    def averages(self):
        """Average the same predictions in three ways, of which one is right.

        Returns
        -------
        pandas.DataFrame
            A row per experiment and method; ``UF1`` is that of the pooled predictions. Beside it
            what papers print under the same name: ``mean of folds, classes present``, the mean over
            folds of the F1 over the classes that a fold's clips or predictions have, and ``mean of
            folds, all classes``, over the fixed class list. Means over seeds.

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
        """Count true classes against predicted classes, pooled over experiments and seeds.

        Parameters
        ----------
        method : str
        experiment : str, optional
            One experiment alone.

        Returns
        -------
        ndarray of int, shape (n_classes, n_classes)
            Under a scheme of action units of shape (n_units, 2, 2). Where these results have any
            abstention, one column more, of these, is the last.

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

    def _check_metric(self, metric):
        if metric is None:
            return self.metrics[0]
        if metric not in self.metrics:
            raise ValueError(f"metric: expected one of {self.metrics}, got {metric!r}")
        return metric

    @staticmethod
    def _is(column, value, known, frame):
        if value not in known:
            raise ValueError(f"{column}: expected one of {known}, got {value!r}")
        return (frame[column] == value).to_numpy()


_ABOUT = ["experiment", "kind", "source", "target", "fold", "method", "selection"]


def _predictions_frame(done, test_sets, classes, multilabel):
    """One row per clip and unit; columns are categorical, so that millions of rows stay small."""
    import pandas as pd

    n_labels = len(classes) if multilabel else 1
    sets = [test_sets[job.test_set] for _, job in done]
    lengths = np.array([len(s.clips) for s in sets], dtype=int)
    frame = {
        column: _categorical([about[column] for about, _ in done], lengths * n_labels)
        for column in _ABOUT
    }
    frame["seed"] = np.repeat([about["seed"] for about, _ in done], lengths * n_labels)
    distinct = list({id(s): s for s in sets}.values())
    place = {id(s): i for i, s in enumerate(distinct)}
    which = [place[id(s)] for s in sets]
    columns = {
        "clip": [s.clips for s in distinct],
        "corpus": [s.corpora for s in distinct],
        "subject": [s.subjects for s in distinct],
        "person": [people(s.corpora, s.subjects) for s in distinct],
    }
    for name, values in columns.items():
        frame[name] = _gathered(values, which, n_labels)
    truth = [np.asarray(s.truth, dtype=np.int64).ravel() for s in distinct]
    y_true = np.concatenate([truth[i] for i in which] or [np.empty(0, dtype=np.int64)])
    y_pred = np.concatenate(
        [np.asarray(job.predicted, dtype=np.int64).ravel() for _, job in done]
        or [np.empty(0, dtype=np.int64)]
    )
    names = list(ABSENT_PRESENT if multilabel else classes)
    frame["y_true"] = pd.Categorical.from_codes(y_true, names)
    frame["y_pred"] = pd.Categorical.from_codes(y_pred, names)
    if multilabel:
        unit = np.tile(np.arange(n_labels), int(lengths.sum()))
        frame["unit"] = pd.Categorical.from_codes(unit, list(classes))
    return pd.DataFrame(frame)


def _categorical(values, repeats):
    import pandas as pd

    known = list(dict.fromkeys(values))
    place = {value: i for i, value in enumerate(known)}
    codes = np.repeat(np.array([place[v] for v in values], dtype=np.int64), repeats)
    return pd.Categorical.from_codes(codes, known)


def _gathered(values, which, repeats):
    """Categorical of what test sets hold, test sets one after the other."""
    import pandas as pd

    known = list(dict.fromkeys(v for part in values for v in part))
    place = {value: i for i, value in enumerate(known)}
    codes = [np.repeat([place[v] for v in part], repeats) for part in values]
    joined = np.concatenate([codes[i] for i in which] or [np.empty(0, dtype=np.int64)])
    return pd.Categorical.from_codes(joined, known)


def _jobs_frame(done):
    import pandas as pd

    rows = [
        {
            **{k: about[k] for k in ("experiment", "fold", "method", "selection", "seed")},
            "n_clips": len(job.predicted),
            **{f"{k}_s": job.seconds.get(k, np.nan) for k in ("select", "fit", "predict")},
            "params": job.details.get("params"),
            "details": job.details,
            "scores": job.scores,
            "embedding": job.embedding,
        }
        for about, job in done
    ]
    columns = ["experiment", "fold", "method", "selection", "seed", "n_clips", "select_s", "fit_s"]
    columns += ["predict_s", "params", "details", "scores", "embedding"]
    return pd.DataFrame(rows, columns=columns)


def _failures_frame(failed):
    import pandas as pd

    rows = [
        {
            **{k: about[k] for k in ("experiment", "fold", "method", "selection", "seed")},
            "error": job.error["type"],
            "message": job.error["message"],
            "traceback": job.error["traceback"],
        }
        for about, job in failed
    ]
    columns = ["experiment", "fold", "method", "selection", "seed", "error", "message", "traceback"]
    return pd.DataFrame(rows, columns=columns)
