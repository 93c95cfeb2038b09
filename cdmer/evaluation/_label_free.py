"""A pipeline for when there is no target label to choose settings by."""

from sklearn.pipeline import make_pipeline

from cdmer.adaptation import DomainStandardizer, MethodVoting
from cdmer.features import HellingerMap, PlaneSelector


def label_free_pipeline(column_planes=None):
    """Make a classifier of features that has no settings to choose.

    Columns standardised per corpus, the classes of a source corpus with equal weight; and a vote of
    four methods over their settings. For LBP-TOP, before these, the planes XT and YT, which hold
    motion, and square roots of the histograms. Every piece was chosen on synthetic corpora, with
    classes as unequal as those of CASME II, by `benchmarks/label_free.py`.

    Parameters
    ----------
    column_planes : array-like of str of shape (n_features,) or None, default=None
        Plane of each column of LBP-TOP: see `cdmer.features.lbp_top_planes`. None for any other
        features: all columns are kept and standardised.

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
    >>> [name for name, _ in label_free_pipeline().steps]
    ['domainstandardizer', 'methodvoting']
    """
    # Roots are for histograms: other features may be negative.
    histograms = [] if column_planes is None else [PlaneSelector(column_planes), HellingerMap()]
    return make_pipeline(*histograms, DomainStandardizer(class_balanced=True), MethodVoting())
