"""Results: predictions per clip, the scores computed from them, and ways to show them."""

from html import escape

import numpy as np

from cdmer._text import counted
from cdmer.evaluation._base_results import BaseResults
from cdmer.evaluation._figure_data import embedding_of, region_map
from cdmer.evaluation._frames import failures_frame, jobs_frame, predictions_frame
from cdmer.evaluation.figures import plot_confusion, plot_embedding, plot_regions
from cdmer.evaluation.report import to_latex, to_markdown, write_report
from cdmer.evaluation.statistics import intervals, plot_forest, plot_ranks, ranks

NO_SEED = -1


class Results(BaseResults):
    """Predictions of a benchmark, per clip, and the scores computed from them.

    `cdmer.evaluation.benchmark` and `ResultStore.results` return them.

    Parameters
    ----------
    predictions : pandas.DataFrame
        One row per clip, job and, under a scheme of action units, action unit. Columns
        ``experiment, kind, source, target, fold, method, selection, seed, clip, corpus, subject,
        person, y_true, y_pred``, categorical but for `seed`; then ``action_unit`` under such a
        scheme. Classes by name; `y_pred` is missing where the method abstained. `method` names the
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
        notes, unscored, created``; `unscored` are keys of clips that no fold tests.
    """

    def __repr__(self):
        what = [
            counted(len(self.methods), "method"),
            counted(len(self.experiments), "experiment"),
            f"scheme {self.scheme!r}",
        ]
        if self.failures is not None and len(self.failures):
            what.append(f"{counted(len(self.failures), 'job')} failed")
        head = f"Results({', '.join(what)})"
        if not self.methods:
            return head
        return f"{head}\n{self.table().T.to_string(float_format='{:.4f}'.format, na_rep='')}"

    def _repr_html_(self):
        """Show the table of the main metric in a notebook."""
        if not self.methods:
            return f"<pre>{escape(repr(self))}</pre>"
        head = repr(self).partition("\n")[0]
        table = self.table().T.to_html(float_format="{:.4f}".format, na_rep="")
        return f"<p><code>{escape(head)}</code></p>{table}"

    @classmethod
    def from_jobs(cls, info, jobs, test_sets, salt=None):
        """Build it from what a store holds.

        Parameters
        ----------
        info : dict
        jobs : list of (str, JobResult)
            Label of the method, and what came of it; in the order in which tables show them.
        test_sets : dict of str to TestSet
        salt : bytes or None, default=None
            What pseudonyms are made from; None for a random one.
        """
        classes = tuple(info["scheme"]["classes"])
        # A store keeps dicts by name; the order in which methods were given is a list.
        methods = info.get("methods", {})
        info = info | {"methods": {k: methods[k] for k in info.get("order", methods)}}
        done, failed = [], []
        for label, job in jobs:
            seed = NO_SEED if job.about["seed"] is None else job.about["seed"]
            about = job.about | {"method": label, "seed": seed}
            (done if job.error is None else failed).append((about, job))
        results = cls(
            predictions_frame(done, test_sets, classes, info["scheme"]["multilabel"]),
            classes,
            info["scheme"]["name"],
            jobs=jobs_frame(done),
            failures=failures_frame(failed),
            info=info,
        )
        results._clips = {
            key: (corpus, subject)
            for tested in test_sets.values()
            for key, corpus, subject in zip(
                tested.clips, tested.corpora, tested.subjects, strict=True
            )
        }
        results._salt = results._salt if salt is None else salt
        return results

    def to_frame(self):
        """Scores of every experiment, method and seed: see `scores`.

        Returns
        -------
        pandas.DataFrame
        """
        return self.scores()

    def to_latex(self, metric=None):
        r"""Write the table of a metric as LaTeX, for the package booktabs.

        Methods in rows, the mean and experiments in columns, 95 % intervals in brackets. The best
        of a column is bold; methods that were selected on target labels are in italics, say
        "oracle" and are never the best.

        Parameters
        ----------
        metric : str, Metric or None, default=None
            One of `metrics`, or a metric of your own; None for the main one.

        Returns
        -------
        str
        """
        return to_latex(self, metric)

    def to_markdown(self, metric=None):
        """Write the table of a metric as Markdown: see `to_latex`.

        Parameters
        ----------
        metric : str, Metric or None, default=None
            One of `metrics`, or a metric of your own; None for the main one.

        Returns
        -------
        str
        """
        return to_markdown(self, metric)

    def report(self, path, **settings):
        """Write the report: one HTML file that needs no other.

        Parameters
        ----------
        path : path-like
        **settings
            See `cdmer.evaluation.write_report`.

        Returns
        -------
        pathlib.Path
            The file.
        """
        return write_report(self, path, **settings)

    def plot_confusion(self, method, experiment=None, ax=None):
        """Draw the confusion matrix of a method.

        Parameters
        ----------
        method : str
        experiment : str, optional
            Only the clips of this experiment.
        ax : matplotlib.axes.Axes, optional
            Axes to draw into; by default those of a new figure.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ValueError
            If the method or the experiment is not in the results, or clips have several classes.
        """
        if self.multilabel:
            raise ValueError("plot_confusion: expected one class per clip, got action units")
        return plot_confusion(self.confusion(method, experiment), self.classes, ax)

    def plot_forest(self, metric=None, ax=None):
        """Draw scores with their intervals: see `cdmer.evaluation.statistics.plot_forest`.

        Parameters
        ----------
        metric : str, Metric or None, default=None
            One of `metrics`, or a metric of your own; None for the main one.
        ax : matplotlib.axes.Axes, optional
            Axes to draw into; by default those of a new figure.

        Returns
        -------
        matplotlib.axes.Axes
        """
        return plot_forest(intervals(self, metric), ax)

    def plot_ranks(self, metric=None, ax=None):
        """Draw average ranks: see `cdmer.evaluation.statistics.plot_ranks`.

        Parameters
        ----------
        metric : str, Metric or None, default=None
            One of `metrics`, or a metric of your own; None for the main one.
        ax : matplotlib.axes.Axes, optional
            Axes to draw into; by default those of a new figure.

        Returns
        -------
        matplotlib.axes.Axes
        """
        return plot_ranks(ranks(self, metric), ax)

    def plot_regions(self, method, experiment, figure=None):
        """Draw the facial regions that a method selects, on a rendered face.

        Parameters
        ----------
        method, experiment : str
        figure : matplotlib.figure.Figure or SubFigure, optional
            Figure to draw into; a new one by default.

        Returns
        -------
        ndarray of matplotlib.axes.Axes
            All regions together, then level by level, then the scale of colours.

        Raises
        ------
        ValueError
            If there are no weights of regions for them.
        """
        return np.asarray(plot_regions(region_map(self, method, experiment), figure).axes)

    def plot_embedding(self, method, experiment, axes=None):
        """Draw source and target rows before and after adaptation, of the first fold and seed.

        Parameters
        ----------
        method, experiment : str
        axes : sequence of 2 matplotlib.axes.Axes, optional
            Axes to draw into; by default those of a new figure.

        Returns
        -------
        ndarray of matplotlib.axes.Axes, shape (2,)

        Raises
        ------
        ValueError
            If there is no embedding of them: ``benchmark(..., embeddings=True)`` keeps them.
        """
        return plot_embedding(embedding_of(self, method, experiment), self.classes, axes)
