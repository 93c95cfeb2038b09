"""A pipeline for when there is no target label to choose settings by."""

from sklearn.pipeline import make_pipeline

from cdmer.adaptation import DomainStandardizer, MethodVoting
from cdmer.features import HellingerMap, PlaneSelector


def label_free_pipeline(column_planes):
    """Make a classifier of LBP-TOP features that has no settings to choose.

    The planes XT and YT, which hold motion; square roots of the histograms; columns standardised
    per corpus, the classes of a source corpus weighted equally; and a vote of four methods over
    their settings. Every piece was chosen on synthetic corpora, with classes as unequal as those of
    CASME II, by `benchmarks/label_free.py`.

    Parameters
    ----------
    column_planes : array-like of str of shape (n_features,)
        Plane of each column: see `cdmer.features.lbp_top_planes`.

    Returns
    -------
    Pipeline
        ``fit(X, y, sample_domain=...)`` with metadata routing on;
        ``fit(X, y, domainstandardizer__sample_domain=d, methodvoting__sample_domain=d)`` without.
        `benchmark` runs it either way.

    See Also
    --------
    cdmer.evaluation.selection.select : Choose the setting of one method instead.

    Examples
    --------
    >>> from cdmer.evaluation import label_free_pipeline
    >>> from cdmer.features import lbp_top_planes
    >>> [name for name, _ in label_free_pipeline(lbp_top_planes()).steps]
    ['planeselector', 'hellingermap', 'domainstandardizer', 'methodvoting']
    """
    return make_pipeline(
        PlaneSelector(column_planes),
        HellingerMap(),
        DomainStandardizer(class_balanced=True),
        MethodVoting(),
    )
