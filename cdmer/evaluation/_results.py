"""Results: one row per experiment, method and clip; every score is computed from them."""

import numpy as np

from cdmer.evaluation._metrics import METRICS, confusion


class Results:
    """Predictions per clip, and what follows from them.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Columns ``experiment, kind, source, target, method, clip, subject, y_true, y_pred``; classes
        by name.
    classes : tuple of str
        The scheme's fixed class list.
    scheme : str
        Name of the label scheme.
    fitted : dict of (experiment, method) to estimator
        The fitted methods.
    """

    def __init__(self, predictions, classes, scheme, fitted=None):
        self.predictions = predictions
        self.classes = tuple(classes)
        self.scheme = scheme
        self.fitted = {} if fitted is None else fitted

    @classmethod
    def from_codes(cls, predictions, scheme, fitted):
        """Build it from (experiment, method name, target table, predicted codes)."""
        import pandas as pd

        names = np.array(scheme.classes, dtype=object)
        frames = [
            pd.DataFrame(
                {
                    "experiment": experiment.name,
                    "kind": experiment.kind,
                    "source": experiment.source,
                    "target": experiment.target,
                    "method": method,
                    "clip": target.clips,
                    "subject": target.subjects,
                    "y_true": names[target.codes],
                    "y_pred": names[codes],
                }
            )
            for experiment, method, target, codes in predictions
        ]
        return cls(pd.concat(frames, ignore_index=True), scheme.classes, scheme.name, fitted)

    @property
    def methods(self):
        """Names of the methods, in the order they were given."""
        return list(dict.fromkeys(self.predictions["method"]))

    @property
    def experiments(self):
        """Names of the experiments, in the protocol's order."""
        return list(dict.fromkeys(self.predictions["experiment"]))

    def scores(self):
        """Every metric for every experiment and method.

        Returns
        -------
        pandas.DataFrame
            Columns ``experiment, kind, source, target, method, n_clips, UF1, UAR, WAR``.
        """
        import pandas as pd

        keys = ["experiment", "kind", "source", "target", "method"]
        rows = []
        for key, part in self.predictions.groupby(keys, sort=False):
            scores = {
                name: metric(part["y_true"], part["y_pred"], classes=self.classes)
                for name, metric in METRICS.items()
            }
            rows.append(dict(zip(keys, key, strict=True)) | {"n_clips": len(part)} | scores)
        return pd.DataFrame(rows)

    def table(self, metric="UF1"):
        """Lay one metric out: experiments in rows, methods in columns, their mean below.

        Parameters
        ----------
        metric : {"UF1", "UAR", "WAR"}, default="UF1"

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ValueError
            If the metric is unknown.
        """
        if metric not in METRICS:
            raise ValueError(f"metric: expected one of {sorted(METRICS)}, got {metric!r}")
        scores = self.scores()
        table = scores.pivot(index="experiment", columns="method", values=metric)
        table = table.loc[self.experiments, self.methods]
        table.loc["mean"] = table.mean()
        table.columns.name = metric
        return table

    def confusion(self, method, experiment=None):
        """Count true classes against predicted classes, pooled over experiments.

        Parameters
        ----------
        method : str
        experiment : str, optional
            One experiment alone.

        Returns
        -------
        ndarray of int, shape (n_classes, n_classes)

        Raises
        ------
        ValueError
            If the method or the experiment is not in the results.
        """
        part = self._part("method", method, self.methods, self.predictions)
        if experiment is not None:
            part = self._part("experiment", experiment, self.experiments, part)
        return confusion(part["y_true"], part["y_pred"], classes=self.classes)

    @staticmethod
    def _part(column, value, known, frame):
        if value not in known:
            raise ValueError(f"{column}: expected one of {known}, got {value!r}")
        return frame[frame[column] == value]
