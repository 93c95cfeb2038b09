"""What of results one looks at: tables for papers, figures, the report."""


class Display:
    """Base of `Results` that shows them; nothing is computed here."""

    def to_frame(self):
        """Give every metric per experiment, method and seed, as `scores` does.

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
        metric : str or None, default=None
            One of `metrics`; None for the main one.

        Returns
        -------
        str
        """
        from cdmer.evaluation.report import to_latex

        return to_latex(self, self._check_metric(metric))

    def to_markdown(self, metric=None):
        """Write the table of a metric as Markdown: see `to_latex`.

        Parameters
        ----------
        metric : str or None, default=None
            One of `metrics`; None for the main one.

        Returns
        -------
        str
        """
        from cdmer.evaluation.report import to_markdown

        return to_markdown(self, self._check_metric(metric))

    def report(self, path, **settings):
        """Write the report: one HTML file that holds all it shows.

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
        from cdmer.evaluation.report import write_report

        return write_report(self, path, **settings)

    def plot_confusion(self, method, experiment=None, ax=None):
        """Draw the confusion matrix of a method.

        Parameters
        ----------
        method : str
        experiment : str, optional
            One experiment alone.
        ax : matplotlib.axes.Axes, optional
            Drawn into, if given.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ValueError
            If the method or the experiment is not in the results, or clips have several classes.
        """
        from cdmer.evaluation.figures import plot_confusion

        if self.multilabel:
            raise ValueError("plot_confusion: expected one class per clip, got action units")
        return plot_confusion(self.confusion(method, experiment), self.classes, ax)

    def plot_forest(self, metric=None, ax=None):
        """Draw scores with their intervals: see `cdmer.evaluation.statistics.plot_forest`.

        Parameters
        ----------
        metric : str or None, default=None
            One of `metrics`; None for the main one.
        ax : matplotlib.axes.Axes, optional
            Drawn into, if given.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from cdmer.evaluation.statistics import intervals, plot_forest

        return plot_forest(intervals(self, metric), ax)

    def plot_ranks(self, metric=None, ax=None):
        """Draw average ranks: see `cdmer.evaluation.statistics.plot_ranks`.

        Parameters
        ----------
        metric : str or None, default=None
            One of `metrics`; None for the main one.
        ax : matplotlib.axes.Axes, optional
            Drawn into, if given.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from cdmer.evaluation.statistics import plot_ranks, ranks

        return plot_ranks(ranks(self, metric), ax)

    def plot_regions(self, method, experiment, figure=None):
        """Draw the facial regions that a method keeps, on a rendered face.

        Parameters
        ----------
        method, experiment : str
        figure : matplotlib.figure.Figure or SubFigure, optional
            Drawn into, if given.

        Returns
        -------
        ndarray of matplotlib.axes.Axes
            All regions together, then level by level, then the scale of colours.

        Raises
        ------
        ValueError
            If there are no weights of regions for them.
        """
        import numpy as np

        from cdmer.evaluation.figures import plot_regions
        from cdmer.evaluation.report._regions import region_map

        return np.asarray(plot_regions(region_map(self, method, experiment), figure).axes)

    def plot_embedding(self, method, experiment, axes=None):
        """Draw rows of source and target before and after adaptation, of the first fold and seed.

        Parameters
        ----------
        method, experiment : str
        axes : sequence of 2 matplotlib.axes.Axes, optional
            Drawn into, if given.

        Returns
        -------
        ndarray of matplotlib.axes.Axes, shape (2,)

        Raises
        ------
        ValueError
            If there is no embedding of them: ``benchmark(..., embeddings=True)`` keeps them.
        """
        from cdmer.evaluation.figures import plot_embedding
        from cdmer.evaluation.report._pictures import embedding_of

        return plot_embedding(embedding_of(self, method, experiment), self.classes, axes)
